"""The feeds: valid Atom (RFC 4287), stable names, and nothing sent twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as xml

import pytest

from asterion.testclient import TestClient
from fixbook.casefile import write_case
from fixbook.execution import record_runs
from fixbook.model import Outcome, Role
from fixbook.settings import Settings
from fixbook.web import build
from tests.fixbook.web.samples import OPEN, POURING, Play, settings_for, shown

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A catalogue of which everything is verified; a title has what XML has to escape, and what it cannot say."""
    folder = tmp_path / "catalogue"
    spiced = replace(POURING, title="Tea & <b>cake</b> ]]> \ufffe", first_fixed="1.1.0")
    for case in (spiced, OPEN, replace(OPEN, id="kettle-2", package="kettle & co")):
        write_case(case, folder / case.id)
        assert case.reproduction is not None
        runs = [shown(case, target.role, target.expect) for target in case.reproduction.targets]
        record_runs(case.id, runs, folder)
    return settings_for(tmp_path, folder)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(build(settings, execute=Play())) as client:
        yield client


def read(client: TestClient, path: str = "/feed.atom") -> xml.Element:
    answer = client.get(path)
    assert answer.headers["content-type"] == "application/atom+xml"
    return xml.fromstring(answer.content)


def texts(element: xml.Element, name: str) -> list[str | None]:
    return [found.text for found in element.findall(ATOM + name)]


def test_a_feed_has_what_the_format_asks_for(client: TestClient) -> None:
    feed = read(client)
    assert feed.tag == ATOM + "feed"
    # 4.1.1: exactly one id, title and updated; an author for entries that have none; a link to itself.
    for name in ("id", "title", "updated"):
        assert len(texts(feed, name)) == 1
    assert texts(feed.find(ATOM + "author"), "name") == ["Fixbook"]  # type: ignore[arg-type]
    links = {link.get("rel"): link.get("href") for link in feed.findall(ATOM + "link")}
    assert links == {"self": "http://testserver/feed.atom", "alternate": "http://testserver/"}
    entries = feed.findall(ATOM + "entry")
    assert len(entries) == 3
    names = [texts(element, "id")[0] for element in (feed, *entries)]
    assert len(set(names)) == 4
    for name in names:
        assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", name or "")
    for element in (feed, *entries):
        (updated,) = texts(element, "updated")
        assert datetime.fromisoformat(updated or "").tzinfo is not None
    for entry in entries:
        # 4.1.2: one id, title and updated; a link to the page; content with its type.
        for name in ("id", "title", "updated", "content"):
            assert len(texts(entry, name)) == 1
        assert entry.find(ATOM + "link").get("href", "").startswith("http://testserver/cases/")  # type: ignore[union-attr]
        assert entry.find(ATOM + "content").get("type") == "html"  # type: ignore[union-attr]


def test_a_title_is_text_whatever_is_in_it(client: TestClient) -> None:
    titles = [title for entry in read(client).findall(ATOM + "entry") for title in texts(entry, "title")]
    assert "Tea & <b>cake</b> ]]> \ufffd" in titles


def test_the_content_is_html_without_scripts(client: TestClient) -> None:
    text = client.get("/feed.atom").text
    content = xml.fromstring(text).findall(f"{ATOM}entry/{ATOM}content")
    assert any("<p>First fixed in 1.1.0.</p>" in (element.text or "") for element in content)
    assert not any("<script" in (element.text or "") for element in content)


def test_a_package_has_a_feed_of_its_own(client: TestClient) -> None:
    entries = read(client, "/feeds/kettle%20&%20co.atom").findall(ATOM + "entry")
    assert [entry.find(ATOM + "link").get("href") for entry in entries] == ["http://testserver/cases/kettle-2"]  # type: ignore[union-attr]
    assert texts(read(client), "id") != texts(read(client, "/feeds/teapot.atom"), "id")


def test_who_has_the_feed_is_not_sent_it_again(client: TestClient) -> None:
    first = client.get("/feed.atom")
    for headers in (
        {"if-none-match": first.headers["etag"]},
        {"if-modified-since": first.headers["last-modified"]},
    ):
        again = client.get("/feed.atom", headers=headers)
        assert (again.status_code, again.content) == (304, b"")
    assert client.get("/feed.atom", headers={"if-modified-since": "Fri, 20 Nov 2026 08:00:00 GMT"}).status_code == 200


def test_addresses_are_those_of_the_public_site(settings: Settings) -> None:
    public = replace(settings, public_url="https://fixbook.example/")
    with TestClient(build(public, execute=Play())) as client:
        text = client.get("/feed.atom").text
    assert "https://fixbook.example/cases/teapot-7" in text
    assert "testserver" not in text
    with TestClient(build(settings, execute=Play())) as client:
        here = client.get("/feed.atom").text
    assert re.findall("urn:uuid:[^<]+", text) == re.findall("urn:uuid:[^<]+", here)


def test_an_empty_feed_is_a_feed(tmp_path: Path, catalogue: Path) -> None:
    with TestClient(build(settings_for(tmp_path, catalogue), execute=Play())) as client:
        feed = read(client)
    assert feed.findall(ATOM + "entry") == []
    assert texts(feed, "updated") == ["1970-01-01T00:00:00+00:00"]


def test_a_case_that_is_not_verified_any_more_leaves_the_feed(tmp_path: Path) -> None:
    folder = tmp_path / "catalogue"
    write_case(OPEN, folder / OPEN.id)
    record_runs(OPEN.id, [shown(OPEN, Role.NEWEST, Outcome.RIGHT)], folder)  # upstream has mended it
    with TestClient(build(settings_for(tmp_path, folder), execute=Play())) as client:
        assert read(client).findall(ATOM + "entry") == []
        assert "A run contradicts it" in client.get("/").text
