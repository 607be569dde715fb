"""The pages as visitors read them."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

from asterion.testclient import TestClient
from fixbook.settings import Settings
from fixbook.web import build
from tests.fixbook.web.samples import TRACEBACK, Play, settings_for, token

PAGES = ["/", "/cases/teapot-7", "/cases/kettle-1", "/search?q=lid", "/jobs", "/runs/1", "/login", "/nothing-here"]


# --- the front page ---


def test_the_front_page_lists_every_case_with_the_state_of_its_evidence(client: TestClient) -> None:
    text = client.get("/").text
    assert re.findall(r'<h3><a href="(/cases/[^"]+)"', text) == [
        "/cases/kettle-1",
        "/cases/teapot-7",
        "/cases/teapot-9",
    ]
    assert "Pouring with the lid on raises <code>SpoutBlocked</code>" in text
    assert "Verified in part" in text
    assert text.count("Not verified yet") == 2


def test_cases_can_be_filtered_by_package_and_by_state(client: TestClient) -> None:
    def names(query: str) -> list[str]:
        return re.findall(r'<h3><a href="/cases/([^"]+)"', client.get(f"/?{query}").text)

    assert names("package=kettle") == ["kettle-1"]
    assert names("state=open") == ["teapot-9"]
    assert names("state=partly&package=teapot") == ["teapot-7"]
    assert names("package=&state=") == ["kettle-1", "teapot-7", "teapot-9"]
    assert names("package=%3Cscript%3E") == []


# --- a case ---


def test_a_case_says_the_fix_the_reasons_and_what_was_seen(client: TestClient) -> None:
    text = client.get("/cases/teapot-7").text
    for part in (
        "Upgrade <code>teapot</code> to <strong>1.1.0</strong> or later",
        "Air comes in by a hole",
        "Take the lid off",
        "There are bees",
        "Look under the lid",
        "I see this too",
        "A. Brewer",
        "0.25 s",
        "Python 3.11.7",
        "The handle gets hot",  # a related case
    ):
        assert part in text, part
    assert "pouring\nSpoutBlocked &lt;b&gt;&amp;&lt;/b&gt;" in text  # the output, without its escape sequences


def test_versions_are_shown_as_claimed_beside_as_measured(client: TestClient) -> None:
    table = client.get("/cases/teapot-7").text.split("<tbody>")[1].split("</tbody>")[0]
    rows = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in table.split("</tr>")[:-1]]
    assert rows == [
        "1.0.9 last broken – fails 0.25 s 1",
        "1.1.0 first fixed Fixed right 0.25 s 2",
        "2.0.0 newest – right 0.25 s 3",
        "Asterion drop-in – not run – –",
        "0.9.0 Broken not measured – –",
    ]


def test_a_case_of_which_little_is_known_is_a_page_too(client: TestClient) -> None:
    text = client.get("/cases/kettle-1").text
    assert "no reproduction that could be run" in text
    assert "does not say which version fixes it" in text


def test_what_a_case_says_can_neither_run_nor_fetch_nor_lead_to_anything_but_the_web(client: TestClient) -> None:
    for path in ("/cases/teapot-7", "/cases/kettle-1", "/", "/search?q=script"):
        text = client.get(path).text
        assert "<script>alert" not in text
        assert re.findall(r"<[^>]*(?:javascript|data):[^>]*>", text) == []
        assert re.findall(r'(?:href|src)="(?!/|#|https?://)[^"]+"', text) == []
        assert "<img" not in text
        assert "<b>not bold" not in text


def test_the_reproduction_is_in_colours_of_classes(client: TestClient) -> None:
    text = client.get("/cases/teapot-7").text
    assert '<span class="c-kn">import</span>' in text
    assert "pip install 'teapot==1.0.9' 'cup<2'" in html.unescape(re.sub(r"<[^>]+>", "", text))
    assert " style=" not in text


def test_a_run_has_a_page_with_its_circumstances(client: TestClient) -> None:
    text = client.get("/runs/1").text
    assert "<strong>broken</strong>, declared broken" in text
    assert "<dt>Exit status</dt><dd>1</dd>" in text


# --- search ---


@pytest.mark.parametrize("path", ["/search", "/search/results"])
def test_a_pasted_traceback_is_found_by_its_signature(client: TestClient, path: str) -> None:
    other = TRACEBACK.replace("/srv/app/venv/lib/python3.11", "C:\\py").replace("0x7f01", "0x99ff").replace("71", "80")
    answer = client.post(path, data={"q": other})
    assert answer.headers["cache-control"] == "no-store"
    first = answer.text.split('class="hit"')[1]
    assert 'href="/cases/teapot-7"' in first
    assert "%" in first.split('class="score"')[1]
    assert 'class="reasons"' in first


def test_a_few_words_have_an_address_of_their_own(client: TestClient) -> None:
    answer = client.post("/search", data={"q": "handle hot"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/search?q=handle+hot")
    assert 'href="/cases/teapot-9"' in client.get("/search?q=handle+hot").text
    assert 'href="/cases/teapot-9"' in client.post("/search/results", data={"q": "hand"}).text  # unfinished


def test_nothing_found_says_so_and_nothing_asked_says_nothing(client: TestClient) -> None:
    assert "No case matches" in client.get("/search?q=zzzzqqq").text
    assert "No case matches" not in client.get("/search").text
    assert 'data-count="0"' in client.post("/search/results", data={"q": "  "}).text


@pytest.mark.parametrize(
    "question",
    [
        "\0",
        "\ud800".encode("utf-8", "surrogatepass"),
        "'; DROP TABLE cases; --",
        '"',
        "*",
        "NEAR(",
        "a:b",
        "%00",
        "(" * 999,
    ],
)
def test_no_question_is_an_error(client: TestClient, question: Any) -> None:
    assert client.post("/search/results", data={"q": question}).status_code == 200
    assert client.get("/search", params={"q": question}).status_code == 200


def test_a_question_is_shown_as_text(client: TestClient) -> None:
    text = client.get("/search", params={"q": "</textarea><script>alert(1)</script>"}).text
    assert "<script>alert" not in text
    assert "&lt;/textarea&gt;" in text


def test_a_very_long_paste_is_cut_and_a_huge_one_refused(client: TestClient) -> None:
    assert client.post("/search/results", data={"q": "x" * 400_000}).status_code == 200
    assert client.post("/search/results", data={"q": "x" * 2_000_000}).status_code == 413


def test_a_file_in_place_of_a_question_is_refused(client: TestClient) -> None:
    assert client.post("/search", files={"q": ("a.txt", b"x")}).status_code == 400


# --- votes ---


def vote(client: TestClient, worked: str, **more: str) -> Any:
    form = {"csrf": token(client.get("/cases/teapot-7").text), "worked": worked, **more}
    return client.post("/cases/teapot-7/votes", data=form, follow_redirects=False)


def counts(client: TestClient) -> list[str]:
    return re.findall(r'(?:Yes|No) <span class="count">(\d+)', client.get("/cases/teapot-7").text)


def test_a_vote_is_counted_once_and_can_be_changed(client: TestClient) -> None:
    assert counts(client) == ["0", "0"]
    assert vote(client, "yes").headers["location"] == "/cases/teapot-7?voted=1#votes"
    assert counts(client) == ["1", "0"]
    vote(client, "no")
    assert counts(client) == ["0", "1"]
    assert "your vote is kept" in client.get("/cases/teapot-7?voted=1").text


def test_every_browser_has_a_vote(client: TestClient, settings: Settings) -> None:
    vote(client, "yes")
    client.cookies.clear()
    vote(client, "yes")
    assert counts(client) == ["2", "0"]


@pytest.mark.parametrize("worked", ["", "maybe", "YES", "\0"])
def test_a_vote_is_yes_or_no(client: TestClient, worked: str) -> None:
    assert vote(client, worked).status_code == 400
    assert counts(client) == ["0", "0"]


def test_a_vote_needs_the_token_of_this_very_session(client: TestClient) -> None:
    mine = token(client.get("/cases/teapot-7").text)
    client.cookies.clear()
    client.get("/cases/teapot-7")
    for given in (mine, "", "x" * 100_00, "é"):
        assert client.post("/cases/teapot-7/votes", data={"worked": "yes", "csrf": given}).status_code == 403
    assert client.post("/cases/teapot-7/votes", data={"worked": "yes"}).status_code == 403
    assert counts(client) == ["0", "0"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://testserver.evil.example", "null", "http://testserver:81"]
)
def test_a_page_of_another_origin_cannot_vote_even_with_the_token(client: TestClient, origin: str) -> None:
    form = {"csrf": token(client.get("/cases/teapot-7").text), "worked": "yes"}
    assert client.post("/cases/teapot-7/votes", data=form, headers={"origin": origin}).status_code == 403
    own = client.post(
        "/cases/teapot-7/votes", data=form, headers={"origin": "http://testserver"}, follow_redirects=False
    )
    assert own.status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "fixbook=", "fixbook=x.y.z", "fixbook=\xff\xfe", "fixbook=e30=.abc.def"])
def test_a_broken_cookie_is_a_new_session(client: TestClient, cookie: str) -> None:
    assert client.get("/cases/teapot-7", headers={"cookie": cookie.encode("latin-1")}).status_code == 200  # type: ignore[dict-item]


# --- what is not there ---


@pytest.mark.parametrize(
    "path",
    [
        *("/cases/nobody", "/cases/%00", "/cases/..%2f..", "/cases/" + "x" * 3000, "/cases/"),
        *("/runs/999", "/runs/x", "/runs/-1", "/jobs/1", "/jobs/99999999999999999999", "/jobs/%F0%9F%92%A9"),
        *("/jobs/1/events", "/feeds/nobody.atom"),
        *("/static/nope.css", "/static/", "/static/site-000000000000.css", "/static/%2e%2e/_app.py"),
    ],
)
def test_what_is_not_there_is_a_404(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_methods_that_a_page_has_not_are_refused_and_named(client: TestClient) -> None:
    assert client.post("/cases/teapot-7").status_code == 405
    answer = client.get("/cases/teapot-7/votes")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_form_that_is_none_is_refused(client: TestClient) -> None:
    for content, kind in (
        (b"{", "application/json"),
        (b"--x", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data"),
    ):
        answer = client.post("/cases/teapot-7/votes", content=content, headers={"content-type": kind})
        assert answer.status_code in (400, 403)
    many = "&".join(f"a{number}=1" for number in range(100))
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/cases/teapot-7/votes", content=many, headers=form).status_code == 400
    assert client.post("/cases/teapot-7/votes", content="a=" + "x" * 20_000, headers=form).status_code == 413


# --- headers ---


@pytest.mark.parametrize("path", [*PAGES, "/api/cases", "/api/nothing", "/feed.atom", "/static/site.css"])
def test_every_answer_has_the_headers_that_guard_it(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "strict-transport-security" not in headers


@pytest.mark.parametrize("path", PAGES)
def test_pages_have_nothing_inline_and_nothing_from_elsewhere(client: TestClient, path: str) -> None:
    text = client.get(path).text
    assert re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", text) == []
    assert re.findall(r'(?:src|<link[^>]* href)="(?!/)[^"]*"', text) == []


@pytest.mark.parametrize("path", ["/", "/search?q=lid", "/runs/1", "/cases/teapot-7", "/api/cases", "/feed.atom"])
def test_a_page_is_not_sent_again_to_who_has_it(client: TestClient, path: str) -> None:
    client.get(path)  # the session begins
    first = client.get(path)
    again = client.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "content-security-policy" in again.headers


def test_pages_with_a_token_are_for_one_visitor_and_never_compressed(client: TestClient) -> None:
    headers = client.get("/cases/teapot-7").headers
    assert headers["cache-control"] == "private, no-cache, no-transform"
    assert "content-encoding" not in headers
    assert "Cookie" in headers["vary"]
    assert client.get("/").headers["content-encoding"]


def test_assets_are_kept_for_a_year_under_names_of_their_content(client: TestClient) -> None:
    page = client.get("/").text
    names = re.findall(r'"/static/([^"]+)"', page)
    assert len(names) == 4
    for name in names:
        answer = client.get(f"/static/{name}")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert client.get("/static/site.css").headers["cache-control"] == "no-cache"


def test_a_site_behind_tls_says_so_and_keeps_its_cookie_to_itself(tmp_path: Path, catalogue: Path) -> None:
    settings = settings_for(tmp_path, catalogue, secure_cookies=True, allowed_hosts=("fixbook.example",))
    with TestClient(build(settings, execute=Play()), base_url="https://fixbook.example") as client:
        answer = client.get("/cases/teapot-7")
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-fixbook=")
        assert "secure" in cookie.lower()
        assert "httponly" in cookie.lower()
        assert client.get("/", headers={"host": "evil.example"}).status_code == 400
        problem = client.get("/api/cases", headers={"host": "evil.example"})
        assert problem.headers["content-type"] == "application/problem+json"


def test_the_site_works_below_a_path_of_a_proxy(settings: Settings) -> None:
    with TestClient(build(settings, execute=Play()), root_path="/known") as client:
        text = client.get("/known/").text
        assert 'href="/known/cases/teapot-7"' in text
        assert 'href="/known/static/site-' in text
        assert client.get("/known/api/cases").json()["cases"][0]["url"] == "/known/cases/kettle-1"
        assert client.get("/known/api/nope").headers["content-type"] == "application/problem+json"
