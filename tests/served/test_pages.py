"""What only a browser can judge: origins, cookies, caches, players and decoders, in a headless Chromium."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from asterion.applications import Starlette
from asterion.types import ASGIApp
from tests.served import pages
from tests.served.browser import Page, chromium, open_page
from tests.served.film import film, picture_of
from tests.served.serving import Served, serve, until

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium is installed (apt-get install chromium)")

Serving = Callable[[ASGIApp], Served]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_page(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture
def page(browser: Page) -> Iterator[Page]:
    """The tab, without cookies. A test that expects complaints takes them out of the list."""
    browser.call("Network.clearBrowserCookies")
    browser.complaints.clear()
    yield browser
    browser.go("about:blank")
    assert browser.complaints == []


@pytest.fixture
def serving(page: Page) -> Iterator[Serving]:
    """Serves an application until the page has left it."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(serve(app, loop="uvloop", http="httptools"))
        page.go("about:blank")


def elsewhere(served: Served) -> str:
    """The same server as a site of another name: an origin of its own, with cookies of its own."""
    return f"http://localhost:{served.port}"


def fetch(page: Page, url: str, **options: Any) -> dict[str, Any]:
    """What a script of the page gets from a fetch that sends cookies along: the answer, or the error."""
    options = {"credentials": "include", "cache": "no-store", **options}
    answer: dict[str, Any] = page.evaluate(
        f"fetch({json.dumps(url)}, {json.dumps(options)}).then("
        "async (answer) => ({status: answer.status, headers: Object.fromEntries(answer.headers),"
        " text: await answer.text()}), (error) => ({error: String(error)}))"
    )
    return answer


def complains(page: Page, text: str, times: int = 1) -> None:
    """The browser complains so many times with a text in it; forget it. What it reports comes when it comes."""

    def reported() -> bool:
        page.evaluate("0")  # with its answer comes what has been reported
        return sum(text in complaint for complaint in page.complaints) >= times

    until(reported, f"the browser complains {times} times: {text}")
    assert sum(text in complaint for complaint in page.complaints) == times
    page.complaints[:] = [complaint for complaint in page.complaints if text not in complaint]


def tell(page: Page, url: str) -> Any:
    """What a WebSocket that the page opens says, or the code that it is closed with instead."""
    told = page.evaluate(
        f"new Promise((done) => {{ const socket = new WebSocket({json.dumps(url.replace('http', 'ws', 1) + '/tell')});"
        "socket.onmessage = (message) => done(message.data);"
        "socket.onclose = (event) => done(String(event.code)); })"
    )
    return json.loads(told)


class TestCrossOrigin:
    """A page of one origin, the interface that it uses at another one."""

    @pytest.fixture(params=["same site", "other site"])
    def place(self, request: pytest.FixtureRequest) -> Callable[[Served], str]:
        """Another port only, which shares its cookies with the page, or another host, which has its own."""
        return elsewhere if request.param == "other site" else lambda served: served.url

    def test_a_script_reads_the_answers_that_go_with_its_visitors_cookies(
        self, page: Page, serving: Serving, place: Callable[[Served], str]
    ) -> None:
        home = serving(pages.site()).url
        there = place(serving(pages.shared([home])))
        page.go(f"{home}/")
        assert [fetch(page, f"{there}/visits")["text"] for _ in range(2)] == ['{"visits":1}', '{"visits":2}']
        assert fetch(page, f"{there}/visits", credentials="omit")["text"] == '{"visits":1}'

    def test_a_script_reads_exposed_headers_and_no_others(
        self, page: Page, serving: Serving, place: Callable[[Served], str]
    ) -> None:
        home = serving(pages.site()).url
        there = place(serving(pages.shared([home])))
        page.go(f"{home}/")
        headers = fetch(page, f"{there}/visits")["headers"]
        assert (headers.get("x-visits"), headers.get("x-inner")) == ("1", None)

    def test_what_the_browser_asks_first_is_allowed_or_not(self, page: Page, serving: Serving) -> None:
        home = serving(pages.site()).url
        there = elsewhere(serving(pages.shared([home])))
        page.go(f"{home}/")
        allowed = fetch(page, f"{there}/visits", method="PUT", headers={"x-asked": "1"})
        assert (allowed["status"], allowed["text"]) == (200, '{"visits":1}')
        assert "error" in fetch(page, f"{there}/visits", method="PUT", headers={"x-other": "1"})
        assert "error" in fetch(page, f"{there}/visits", method="DELETE")
        assert fetch(page, f"{there}/visits")["text"] == '{"visits":2}'
        complains(page, "blocked by CORS policy", times=2)
        complains(page, "net::ERR_FAILED", times=2)

    def test_a_script_reads_that_the_application_failed(self, page: Page, serving: Serving) -> None:
        """Without the headers on the 500 a script cannot tell it from a network that is down (issue 1116)."""
        home = serving(pages.site()).url
        served = serving(pages.shared([home]))
        page.go(f"{home}/")
        answer = fetch(page, f"{elsewhere(served)}/broken")
        assert (answer["status"], answer["text"]) == (500, "Internal Server Error")
        complains(page, "status of 500")
        until(lambda: bool(served.records.lines), "the server logs the error")
        assert "a mistake of the application" in served.records.lines[0]

    def test_on_the_face_starlette_a_failure_looks_like_a_network_that_is_down(
        self, page: Page, serving: Serving
    ) -> None:
        home = serving(pages.site()).url
        there = elsewhere(serving(pages.shared([home], face=Starlette)))
        page.go(f"{home}/")
        assert fetch(page, f"{there}/broken")["error"] == "TypeError: Failed to fetch"
        complains(page, "blocked by CORS policy")
        complains(page, "net::ERR_FAILED")

    def test_a_page_of_an_origin_that_is_not_allowed_reads_nothing(self, page: Page, serving: Serving) -> None:
        home = serving(pages.site())
        there = serving(pages.shared([home.url])).url
        page.go(f"{elsewhere(home)}/")
        assert fetch(page, f"{there}/visits")["error"] == "TypeError: Failed to fetch"
        assert fetch(page, f"{there}/broken")["error"] == "TypeError: Failed to fetch"
        complains(page, "blocked by CORS policy", times=2)
        complains(page, "net::ERR_FAILED", times=2)


class TestSession:
    """A session in a cookie of the browser."""

    def cookie(self, page: Page) -> dict[str, Any]:
        cookies = page.call("Network.getCookies")["cookies"]
        assert [cookie["name"] for cookie in cookies] == ["session"]
        found: dict[str, Any] = cookies[0]
        return found

    def test_it_survives_from_request_to_request(self, page: Page, serving: Serving) -> None:
        home = serving(pages.remembering()).url
        page.go(f"{home}/")
        assert fetch(page, f"{home}/session")["text"] == "{}"
        for _ in range(3):
            fetch(page, f"{home}/visit")
        page.go(f"{home}/session")
        assert json.loads(page.evaluate("document.body.innerText")) == {"visits": 3, "paths": ["/visit"] * 3}

    def test_scripts_and_other_sites_do_not_see_its_cookie(self, page: Page, serving: Serving) -> None:
        served = serving(pages.remembering())
        page.go(f"{served.url}/")
        fetch(page, f"{served.url}/visit")
        assert page.evaluate("document.cookie") == ""
        cookie = self.cookie(page)
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (True, "Lax", False)
        page.go(f"{elsewhere(served)}/session")
        assert page.evaluate("document.body.innerText") == "{}"

    def test_the_handshake_of_a_websocket_brings_it(self, page: Page, serving: Serving) -> None:
        home = serving(pages.remembering()).url
        page.go(f"{home}/")
        fetch(page, f"{home}/visit")
        assert tell(page, home) == {"visits": 1, "paths": ["/visit"]}

    @pytest.mark.parametrize(
        "tamper",
        [
            pytest.param(lambda value: value[:-1] + ("A" if value[-1] != "A" else "B"), id="signature"),
            pytest.param(lambda value: "eyJ2aXNpdHMiOjk5fQ==" + value[value.index(".") :], id="data"),
            pytest.param(lambda value: value.partition(".")[0], id="unsigned"),
            pytest.param(lambda value: "null", id="something else"),
        ],
    )
    def test_one_that_was_tampered_with_is_empty_and_no_error(
        self, page: Page, serving: Serving, tamper: Callable[[str], str]
    ) -> None:
        served = serving(pages.remembering())
        home = served.url
        page.go(f"{home}/")
        for _ in range(2):
            fetch(page, f"{home}/visit")
        forged = tamper(self.cookie(page)["value"])
        page.call("Network.setCookie", url=home, name="session", value=forged, httpOnly=True, sameSite="Lax")
        answer = fetch(page, f"{home}/session")
        assert (answer["status"], answer["text"]) == (200, "{}")
        assert fetch(page, f"{home}/visit")["text"] == '{"visits":1}'
        assert served.records.lines == []


class TestWebSocketOrigin:
    """A page of another port: another origin, but the same site, so that the browser sends the session along."""

    def visited(self, page: Page, there: str) -> None:
        page.go(f"{there}/")
        fetch(page, f"{there}/visit")

    def test_a_page_of_its_own_origin_opens_it(self, page: Page, serving: Serving) -> None:
        home = serving(pages.guarded(always=True)).url
        self.visited(page, home)
        assert tell(page, home) == {"visits": 1, "paths": ["/visit"]}

    def test_on_the_face_starlette_a_foreign_page_opens_it_as_its_visitor(self, page: Page, serving: Serving) -> None:
        """What the policy is for: CORS does not apply to WebSockets."""
        there = serving(pages.remembering(face=Starlette)).url
        self.visited(page, there)
        page.go(f"{serving(pages.site()).url}/")
        assert tell(page, there) == {"visits": 1, "paths": ["/visit"]}

    @pytest.mark.parametrize(
        "make",
        [
            pytest.param(pages.remembering, id="by the route"),
            pytest.param(pages.guarded, id="by the middleware"),
            pytest.param(lambda: pages.guarded(["https://app.example"]), id="not listed"),
        ],
    )
    def test_a_foreign_page_is_refused(self, page: Page, serving: Serving, make: Callable[[], ASGIApp]) -> None:
        there = serving(make()).url
        self.visited(page, there)
        page.go(f"{serving(pages.site()).url}/")
        assert tell(page, there) == 1006  # RFC 6455 7.1.5: the browser tells scripts nothing about a failed handshake
        complains(page, "Unexpected response code: 403")

    def test_a_foreign_page_that_is_listed_opens_it(self, page: Page, serving: Serving) -> None:
        home = serving(pages.site()).url
        there = serving(pages.guarded([home])).url
        self.visited(page, there)
        page.go(f"{home}/")
        assert tell(page, there) == {"visits": 1, "paths": ["/visit"]}

    @pytest.mark.parametrize(("always", "told"), [(None, {}), (True, 1006)])
    def test_who_brings_no_cookies_is_let_in_unless_all_are_judged(
        self, page: Page, serving: Serving, always: bool | None, told: Any
    ) -> None:
        there = elsewhere(serving(pages.guarded(always=always)))
        page.go(f"{serving(pages.site()).url}/")
        assert tell(page, there) == told
        complains(page, "Unexpected response code: 403", times=1 if always else 0)


INDEX = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><title>Orders</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/assets/orders.css">
</head>
<body>
<header><a href="/">Orders</a></header>
<main><h1></h1><p></p></main>
<script type="module" src="/assets/orders.js"></script>
</body>
</html>
"""
STYLE = """
body { font: 18px/1.5 system-ui, sans-serif; margin: 0; color: #1c2330; background: #f6f7fb; }
header { background: #24304a; padding: 1rem 2rem; }
header a { color: #fff; font-weight: 600; text-decoration: none; }
main { margin: 2rem; padding: 2rem; background: #fff; border-radius: 8px; box-shadow: 0 1px 4px #0003; }
h1 { margin: 0; }
"""
SCRIPT = """
const number = location.pathname.match(/^\\/orders\\/(\\d+)$/)?.[1];
document.querySelector("h1").textContent = number ? `Order ${number}` : "All orders";
if (number) {
  const answer = await fetch(`/api/orders/${number}`);
  document.querySelector("p").textContent = JSON.stringify(await answer.json());
}
document.body.dataset.ready = "yes";
"""


class TestSinglePage:
    """An application in the browser whose paths are its own."""

    @pytest.fixture
    def home(self, serving: Serving, tmp_path: Path) -> str:
        (tmp_path / "assets").mkdir()
        (tmp_path / "index.html").write_text(INDEX)
        (tmp_path / "assets/orders.css").write_text(STYLE)
        (tmp_path / "assets/orders.js").write_text(SCRIPT)
        return serving(pages.single_page(tmp_path)).url

    @pytest.mark.parametrize(
        ("path", "heading", "text"), [("/", "All orders", ""), ("/orders/17", "Order 17", '{"order":17}')]
    )
    def test_a_deep_link_opens_it_at_its_place(
        self, page: Page, home: str, path: str, heading: str, text: str, tmp_path: Path
    ) -> None:
        page.go(home + path)
        page.wait("document.body.dataset.ready")
        shown = page.evaluate("['h1', 'p'].map((name) => document.querySelector(name).textContent)")
        assert shown == [heading, text]
        assert page.evaluate("getComputedStyle(document.querySelector('header')).backgroundColor") == "rgb(36, 48, 74)"
        page.call("Page.reload")
        page.wait("document.body?.dataset.ready")
        assert page.evaluate("document.querySelector('h1').textContent") == heading

    def test_a_missing_asset_is_missing(self, page: Page, home: str) -> None:
        """A page in place of a script would be an error of syntax in it, far from what is wrong."""
        page.go(f"{home}/orders/17")
        assert fetch(page, f"{home}/assets/gone.js")["status"] == 404
        loaded = page.evaluate(
            "new Promise((done) => { const script = document.createElement('script');"
            "script.onload = () => done(true); script.onerror = () => done(false);"
            "script.src = '/assets/gone.js'; document.head.append(script); })"
        )
        assert loaded is False
        complains(page, "status of 404", times=2)

    @pytest.mark.parametrize("path", ["/api/nothing", "/api/orders/none", "/elsewhere"])
    def test_a_call_of_what_is_not_there_is_answered_in_json(self, page: Page, home: str, path: str) -> None:
        page.go(f"{home}/")
        answer = fetch(page, home + path, headers={"accept": "application/json"})
        assert (answer["status"], json.loads(answer["text"])) == (404, {"detail": "not found"})
        complains(page, "status of 404")


COLOURS = ["#ff0000", "#00ff00", "#0000ff"]
SIDE, SECONDS, FILLING = 32, 300, 100_000

DRAW = """
(() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = %d;
  const context = canvas.getContext("2d", {alpha: false});
  return %s.map((colour) => {
    context.fillStyle = colour;
    context.fillRect(0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/webp", 0.9);
  });
})()
"""
SEEK = """
new Promise((done, failed) => {
  const video = document.createElement("video");
  video.muted = true;
  video.preload = "metadata";
  video.onerror = () => failed(video.error.message);
  video.onloadedmetadata = () => { video.currentTime = %d.5; };
  video.onseeked = () => {
    const canvas = document.createElement("canvas");
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0);
    const [red, green, blue] = context.getImageData(5, 5, 1, 1).data;
    done({seconds: video.duration, side: video.videoWidth, red, green, blue});
  };
  video.src = "/films/colours.webm";
  document.body.append(video);
})
"""


class TestRanges:
    """Parts of a file."""

    @pytest.fixture
    def kept(self) -> list[tuple[str, str | None, int]]:
        return []

    @pytest.fixture
    def home(self, serving: Serving, tmp_path: Path, kept: list[tuple[str, str | None, int]]) -> str:
        return serving(pages.cinema(tmp_path, kept)).url

    @pytest.mark.parametrize("second", [151, 298])
    def test_a_film_is_shown_from_the_middle_without_what_is_before(
        self, page: Page, home: str, tmp_path: Path, kept: list[tuple[str, str | None, int]], second: int
    ) -> None:
        page.go(f"{home}/")
        pictures = [picture_of(url) for url in page.evaluate(DRAW % (SIDE, json.dumps(COLOURS)))]
        whole = film([pictures[at % 3] for at in range(SECONDS)], SIDE, FILLING)
        (tmp_path / "colours.webm").write_bytes(whole)
        shown = page.evaluate(SEEK % second)
        assert (shown["seconds"], shown["side"]) == (SECONDS, SIDE)
        levels = [shown["red"], shown["green"], shown["blue"]]
        assert levels.index(max(levels)) == second % 3
        asked = [(of, status) for path, of, status in kept if path.startswith("/films")]
        # A part that the browser keeps from before, and asks whether it is still good, is a 304.
        assert {status for _, status in asked} <= {206, 304}
        starts = [int(of.removeprefix("bytes=").split("-")[0]) * SECONDS // len(whole) for of, _ in asked if of]
        # Players look into the beginning to learn what a film is; between that and the place nothing is fetched.
        assert starts[0] == 0
        assert second - 1 <= max(starts) <= second + 1
        assert [start for start in starts if 100 < start < second - 1] == []

    def test_a_part_is_the_part_while_the_file_is_the_same_and_the_file_when_it_is_not(
        self, page: Page, home: str, tmp_path: Path
    ) -> None:
        """RFC 9110 13.1.5: a client that goes on with a download never joins two versions of a file."""
        content = bytes(range(97, 123)) * 40
        (tmp_path / "letters.txt").write_bytes(content)
        page.go(f"{home}/")
        first = fetch(page, f"{home}/films/letters.txt", headers={"range": "bytes=0-2"})
        assert (first["status"], first["text"]) == (206, "abc")
        assert first["headers"]["content-range"] == f"bytes 0-2/{len(content)}"
        rest = {"range": "bytes=1038-", "if-range": first["headers"]["etag"]}
        same = fetch(page, f"{home}/films/letters.txt", headers=rest)
        assert (same["status"], same["text"]) == (206, "yz")
        (tmp_path / "letters.txt").write_bytes(content.upper() + b"!")
        changed = fetch(page, f"{home}/films/letters.txt", headers=rest)
        assert (changed["status"], changed["text"]) == (200, content.decode().upper() + "!")

    def test_a_part_behind_the_end_is_refused(self, page: Page, home: str, tmp_path: Path) -> None:
        (tmp_path / "letters.txt").write_bytes(b"abc")
        page.go(f"{home}/")
        answer = fetch(page, f"{home}/films/letters.txt", headers={"range": "bytes=3-"})
        assert (answer["status"], answer["headers"]["content-range"]) == (416, "bytes */3")
        complains(page, "status of 416")


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_the_first_lines_of_a_compressed_stream_are_read_before_the_others_are_made(
    page: Page, serving: Serving, coding: str
) -> None:
    home = serving(pages.ticking(coding)).url
    page.go(f"{home}/")
    page.evaluate(
        "(async () => { const answer = await fetch('/stream');"
        "window.coding = answer.headers.get('content-encoding');"
        "window.lines = answer.body.pipeThrough(new TextDecoderStream()).getReader(); })()"
    )
    assert page.evaluate("coding") == coding
    assert page.evaluate("lines.read()") == {"done": False, "value": "first\n"}
    assert fetch(page, f"{home}/ask", method="POST")["status"] == 204
    assert page.evaluate("lines.read()") == {"done": False, "value": "second\n"}
    assert page.evaluate("lines.read()")["done"] is True
