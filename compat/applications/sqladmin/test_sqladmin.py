"""The library's pages, used as a librarian uses them."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from library import Author, Book, library
from served import serving
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

OPEN = {"username": "eve", "password": "open"}


@pytest.fixture
def built() -> tuple[Any, Any]:
    return library()


@pytest.fixture
def client(built: tuple[Any, Any]) -> Iterator[TestClient]:
    with TestClient(built[0]) as client:
        client.post("/admin/login", data=OPEN)
        yield client


def one(engine: Any, query: Any) -> Any:
    with Session(engine) as session:
        return session.scalar(query)


def test_who_is_not_logged_in_is_sent_to_the_login(built: tuple[Any, Any]) -> None:
    client = TestClient(built[0], follow_redirects=False)
    answer = client.get("/admin/book/list")
    assert (answer.status_code, answer.headers["location"]) == (302, "http://testserver/admin/login")
    assert client.get("/").text == "front"


def test_a_wrong_password_is_refused_and_a_right_one_makes_a_session(built: tuple[Any, Any]) -> None:
    client = TestClient(built[0], follow_redirects=False)
    assert client.post("/admin/login", data={**OPEN, "password": "shut"}).status_code == 400
    answer = client.post("/admin/login", data=OPEN)
    assert (answer.status_code, answer.headers["location"]) == (302, "http://testserver/admin/")
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert client.get("/admin/").status_code == 200
    client.get("/admin/logout")
    assert client.get("/admin/").status_code == 302


def test_lists_are_paged_searched_and_sorted(client: TestClient) -> None:
    def titles(**query: str) -> list[str]:
        return re.findall(r"Volume \d+", client.get("/admin/book/list", params=query).text)

    assert len(set(titles())) == 10
    assert len(set(titles(page="2"))) == 2
    assert set(titles(search="Volume 12")) == {"Volume 12"}
    assert titles(sortBy="title", sort="desc")[0] == "Volume 9"


def test_a_page_names_its_static_files_and_they_are_served(client: TestClient) -> None:
    page = client.get("/admin/").text
    files = set(re.findall(r'(?:href|src)="(http://testserver/admin/statics/[^"?]+)', page))
    assert len(files) > 3
    for file in files:
        answer = client.get(file)
        assert answer.status_code == 200, file
        assert client.get(file, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert client.get("/admin/statics/../library.py").status_code == 404


def test_a_record_is_made_changed_and_deleted(client: TestClient, built: tuple[Any, Any]) -> None:
    made = client.post("/admin/author/create", data={"name": "Cy <b>", "save": "Save"}, follow_redirects=False)
    assert (made.status_code, made.headers["location"]) == (302, "http://testserver/admin/author/list")
    key = one(built[1], select(Author.id).where(Author.name == "Cy <b>"))
    assert "Cy &lt;b&gt;" in client.get(f"/admin/author/details/{key}").text
    client.post(f"/admin/author/edit/{key}", data={"name": "Di", "save": "Save"})
    assert one(built[1], select(Author.name).where(Author.id == key)) == "Di"
    assert client.delete("/admin/author/delete", params={"pks": str(key)}).status_code == 200
    assert one(built[1], select(func.count()).select_from(Author)) == 2


def test_a_form_that_lacks_something_is_shown_again(client: TestClient, built: tuple[Any, Any]) -> None:
    assert client.post("/admin/author/create", data={"name": ""}).status_code == 400
    assert one(built[1], select(func.count()).select_from(Author)) == 2


def test_a_form_with_a_relation(client: TestClient, built: tuple[Any, Any]) -> None:
    found = client.get("/admin/book/ajax/lookup", params={"name": "author", "term": "B"}).json()
    assert found == {"results": [{"id": "2", "text": "Bo"}]}
    client.post("/admin/book/create", data={"title": "New", "lent": "true", "author": "2", "save": "Save"})
    assert one(built[1], select(Book.author_id).where(Book.title == "New", Book.lent)) == 2


def test_an_action_runs_on_chosen_records(client: TestClient, built: tuple[Any, Any]) -> None:
    answer = client.get("/admin/book/action/lend", params={"pks": "1,3"}, follow_redirects=False)
    assert answer.headers["location"] == "http://testserver/admin/book/list"
    assert one(built[1], select(func.count()).select_from(Book).where(Book.lent)) == 2


@pytest.mark.parametrize(("kind", "start"), [("csv", "id,title,lent,author"), ("json", "[{")])
def test_records_are_exported_in_a_stream(client: TestClient, kind: str, start: str) -> None:
    answer = client.get(f"/admin/book/export/{kind}")
    assert answer.text.startswith(start)
    assert answer.text.count("Volume") == 12
    assert "attachment" in answer.headers["content-disposition"]


@pytest.mark.parametrize("path", ["nothing/list", "book/details/999", "book/nothing/else/there"])
def test_what_is_not_there_is_a_404(client: TestClient, path: str) -> None:
    assert client.get(f"/admin/{path}").status_code == 404


def test_a_page_of_our_own_knows_session_and_addresses(client: TestClient) -> None:
    assert client.get("/admin/report").json() == {"user": "eve", "home": "http://testserver/admin/"}


def test_below_a_prefix_and_under_a_server_addresses_lead_back() -> None:
    app, _ = library("/house")
    with serving(app) as base, httpx.Client(base_url=base, follow_redirects=True) as client:
        assert client.get("/house/").text == "front"
        home = client.post("/house/admin/login", data=OPEN)
        assert (home.status_code, str(home.url)) == (200, f"{base}/house/admin/")
        style = re.search(r'href="([^"]+\.css)', home.text)
        assert style
        assert client.get(style[1]).headers["content-type"].startswith("text/css")
        assert client.get("/house/admin/report").json()["home"] == f"{base}/house/admin/"
        assert "Volume 3" in client.get("/house/admin/book/list").text
