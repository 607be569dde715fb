"""The shelf's pages, used as a librarian uses them."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from served import serving
from shelf import Book, shelf
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

TOKEN = "starlette_admin_csrftoken"


def log_in(client: Any, password: str = "open") -> Any:
    client.get("/admin/login")
    form = {"username": "eve", "password": password, "csrftoken": client.cookies[TOKEN]}
    return client.post("/admin/login", data=form)


@pytest.fixture
def built() -> tuple[Any, Any]:
    return shelf()


@pytest.fixture
def client(built: tuple[Any, Any]) -> Iterator[TestClient]:
    with TestClient(built[0]) as client:
        log_in(client)
        yield client


def one(engine: Any, query: Any) -> Any:
    with Session(engine) as session:
        return session.scalar(query)


def test_who_is_not_logged_in_is_sent_to_the_login(built: tuple[Any, Any]) -> None:
    client = TestClient(built[0], follow_redirects=False)
    answer = client.get("/admin/book/list")
    assert answer.status_code in (302, 303)
    assert answer.headers["location"].startswith("http://testserver/admin/login?next=")
    assert client.get("/").text == "front"


def test_a_right_password_makes_a_session_and_a_wrong_one_none(built: tuple[Any, Any]) -> None:
    with TestClient(built[0], follow_redirects=False) as client:
        assert log_in(client, "shut").status_code in (400, 401, 422)
        assert log_in(client).status_code in (302, 303)
        assert client.get("/admin/book/list").status_code == 200


def test_a_form_without_its_token_is_refused(client: TestClient, built: tuple[Any, Any]) -> None:
    assert client.post("/admin/book/create", data={"title": "New"}).status_code == 403
    assert one(built[1], select(func.count()).select_from(Book)) == 12


def test_a_list_is_paged_and_searched(client: TestClient) -> None:
    first = set(re.findall(r"Volume \d+", client.get("/admin/book/list").text))
    second = set(re.findall(r"Volume \d+", client.get("/admin/book/list", params={"page": "2"}).text))
    assert len(first) == 10
    assert len(second) == 2
    assert set(re.findall(r"Volume \d+", client.get("/admin/book/list?q=Volume+12").text)) == {"Volume 12"}


def test_a_record_is_made_and_changed(client: TestClient, built: tuple[Any, Any]) -> None:
    token = client.cookies[TOKEN]
    client.post("/admin/book/create", data={"title": "New <b>", "csrftoken": token})
    key = one(built[1], select(Book.id).where(Book.title == "New <b>"))
    page = client.get("/admin/book/detail", params={"pk": key})
    assert "New &lt;b&gt;" in page.text
    client.post("/admin/book/edit", params={"pk": key}, data={"title": "Old", "csrftoken": token})
    assert one(built[1], select(Book.title).where(Book.id == key)) == "Old"


def test_an_action_deletes_chosen_records(client: TestClient, built: tuple[Any, Any]) -> None:
    answer = client.post(
        "/admin/_api/book/action",
        params={"pks": ["1", "2"], "name": "delete"},
        headers={"X-CSRFToken": client.cookies[TOKEN]},
    )
    assert answer.status_code == 200
    assert one(built[1], select(func.count()).select_from(Book)) == 10


def test_static_files_are_served_and_kept(client: TestClient) -> None:
    files = set(re.findall(r'(?:href|src)="(http://testserver/admin/static/[^"?]+)', client.get("/admin/").text))
    assert files
    for file in files:
        answer = client.get(file)
        assert answer.status_code == 200, file
        assert client.get(file, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


@pytest.mark.parametrize("path", ["nothing/list", "book/detail?pk=999", "nothing/at/all"])
def test_what_is_not_there_is_a_404(client: TestClient, path: str) -> None:
    assert client.get(f"/admin/{path}").status_code == 404


def test_a_page_of_our_own_knows_session_and_addresses(client: TestClient) -> None:
    assert client.get("/admin/report").json() == {"user": "eve", "list": "http://testserver/admin/book/list"}


def test_under_a_server(built: tuple[Any, Any]) -> None:
    with serving(built[0]) as base, httpx.Client(base_url=base, follow_redirects=True) as client:
        assert log_in(client).status_code == 200
        assert "Volume 3" in client.get("/admin/book/list").text
        assert client.get("/admin/report").json()["list"] == f"{base}/admin/book/list"
