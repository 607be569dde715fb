"""The JSON API, its OpenAPI document, and its problems."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from asterion.testclient import TestClient
from fixbook.model import plain
from tests.fixbook.web.samples import POURING, TRACEBACK, log_in


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/openapi.json").json()
    return found


def check(document: dict[str, Any], path: str, answer: Any, method: str = "get") -> Any:
    """The answer's content, which is what the document says of it."""
    responses = document["paths"][path][method]["responses"]
    declared = responses.get(str(answer.status_code), responses["default"])
    if "$ref" in declared:
        declared = document["components"]["responses"]["Problem"]
    kind = answer.headers["content-type"]
    schema = {**declared["content"][kind]["schema"], "components": document["components"]}
    OAS31Validator(schema).validate(answer.json())
    return answer.json()


def test_the_document_is_valid_and_has_every_route(client: TestClient, document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()
    assert sorted(document["paths"]) == [
        "/api/cases",
        "/api/cases/{id}",
        "/api/cases/{id}/runs",
        "/api/jobs/{id}",
        "/api/jobs/{id}/events",
        "/api/runs",
        "/api/runs/{id}",
        "/api/search",
        "/api/session",
    ]
    assert sorted(document["paths"]["/api/search"]) == ["get", "post"]
    assert document["servers"] == [{"url": "http://testserver"}]
    assert document["components"]["schemas"]["Run"]["properties"]["started"] == {
        "type": ["string", "null"],
        "format": "date-time",
    }


def test_cases_are_listed_in_pages(client: TestClient, document: dict[str, Any]) -> None:
    first = check(document, "/api/cases", client.get("/api/cases?limit=2"))
    assert (first["total"], [case["id"] for case in first["cases"]]) == (3, ["kettle-1", "teapot-7"])
    second = check(document, "/api/cases", client.get("/api/cases?limit=2&offset=2"))
    assert [(case["id"], case["evidence"]) for case in second["cases"]] == [("teapot-9", "unverified")]
    assert client.get("/api/cases?status=open").json()["total"] == 1
    assert client.get("/api/cases?package=kettle").json()["cases"][0]["url"] == "/cases/kettle-1"
    assert client.get("/api/cases?package=nothing").json() == {"total": 0, "offset": 0, "cases": []}


def test_a_case_is_given_field_by_field(client: TestClient, document: dict[str, Any]) -> None:
    found = check(document, "/api/cases/{id}", client.get("/api/cases/teapot-7"))
    expected = json.loads(json.dumps(plain(POURING)))
    assert {name: found["case"][name] for name in ("mechanism", "versions", "options", "discussion")} == {
        name: expected[name] for name in ("mechanism", "versions", "options", "discussion")
    }
    assert found["evidence"]["state"] == "partly"
    assert found["evidence"]["targets"]["broken"] == {
        "declared": "broken",
        "version": "1.0.9",
        "outcome": "broken",
        "confirmed": True,
        "run": 1,
    }
    assert found["votes"] == {"worked": 0, "failed": 0}


def test_runs(client: TestClient, document: dict[str, Any]) -> None:
    runs = check(document, "/api/cases/{id}/runs", client.get("/api/cases/teapot-7/runs"))
    assert [run["id"] for run in runs] == [3, 2, 1]
    run = check(document, "/api/runs/{id}", client.get("/api/runs/1"))
    assert (run["outcome"], run["version"], run["duration"]) == ("broken", "1.0.9", 0.25)
    assert client.get("/api/cases/kettle-1/runs").json() == []


def test_search_by_words_and_by_a_traceback(client: TestClient, document: dict[str, Any]) -> None:
    words = check(document, "/api/search", client.get("/api/search", params={"q": "handle"}))
    assert [hit["id"] for hit in words] == ["teapot-9"]
    kind = {"content-type": "text/plain"}
    hits = check(document, "/api/search", client.post("/api/search", content=TRACEBACK, headers=kind), "post")
    assert hits[0]["id"] == "teapot-7"
    assert hits[0]["score"] > 0.5
    assert hits[0]["reasons"]
    assert client.post("/api/search", content=b"\xff\xfe\x00", headers=kind).status_code == 200


def session_token(client: TestClient) -> str:
    found: str = client.get("/api/session").json()["token"]
    return found


def test_an_administrator_starts_a_run(client: TestClient, document: dict[str, Any]) -> None:
    log_in(client)
    assert check(document, "/api/session", client.get("/api/session"))["user"] == "ada"
    asked = {"case": "teapot-7", "role": "asterion"}
    answer = client.post("/api/runs", json=asked, headers={"x-csrf-token": session_token(client)})
    job = check(document, "/api/runs", answer, "post")
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/jobs/{job['id']}"
    events = client.get(f"/api/jobs/{job['id']}/events").text
    assert "event: end" in events
    done = check(document, "/api/jobs/{id}", client.get(answer.headers["location"]))
    assert (done["state"], done["requested_by"]) == ("done", "ada")
    assert client.get(f"/api/runs/{done['run']}").json()["outcome"] == "right"
    assert client.get("/api/cases/teapot-7").json()["evidence"]["state"] == "verified"


def test_a_visitor_does_not_start_runs(client: TestClient) -> None:
    asked = {"case": "teapot-7", "role": "asterion"}
    answer = client.post("/api/runs", json=asked, headers={"x-csrf-token": session_token(client)})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Form location="/login"')
    assert client.get("/api/jobs/1").status_code == 404


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b"{}", 400),
        (b'{"case": "teapot-7"}', 400),
        (b'{"case": "teapot-7", "role": "nothing"}', 400),
        (b'{"case": 7, "role": "fixed"}', 400),
        (b'{"case": "teapot-7", "role": ["fixed"]}', 400),
        (b'{"case": "kettle-1", "role": "fixed"}', 400),
        (b'{"case": "nobody", "role": "fixed"}', 404),
        (b'{"case": "\\u0000", "role": "fixed"}', 404),
        (b'{"case": "\\ud800", "role": "fixed"}', 404),
        (b"\xff" * 100, 400),
        (b"[" * 4000, 400),
        (b" " * 5000, 413),
    ],
)
def test_what_is_asked_wrongly_is_a_problem(
    client: TestClient, document: dict[str, Any], content: bytes, status: int
) -> None:
    log_in(client)
    headers = {"x-csrf-token": session_token(client), "content-type": "application/json"}
    answer = client.post("/api/runs", content=content, headers=headers)
    assert check(document, "/api/runs", answer, "post")["status"] == answer.status_code == status
    assert client.get("/api/jobs/1").status_code == 404


def test_a_session_alone_does_not_start_runs(client: TestClient) -> None:
    """Without the token, and from a page that may send no JSON, it could be anybody's page."""
    log_in(client)
    asked = {"case": "teapot-7", "role": "fixed"}
    assert client.post("/api/runs", json=asked).status_code == 403
    assert client.post("/api/runs", json=asked, headers={"x-csrf-token": "x"}).status_code == 403
    good = {"x-csrf-token": session_token(client)}
    foreign = client.post("/api/runs", json=asked, headers={**good, "origin": "https://evil.example"})
    assert (foreign.status_code, foreign.headers["content-type"]) == (403, "application/problem+json")
    plain_text = client.post("/api/runs", content=json.dumps(asked), headers={**good, "content-type": "text/plain"})
    assert plain_text.status_code == 415
    assert client.get("/api/jobs/1").status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *(("/api/nothing", 404), ("/api/", 404), ("/api/cases/nobody", 404), ("/api/cases/%00", 404)),
        *(("/api/cases/nobody/runs", 404), ("/api/runs/0", 404), ("/api/runs/x", 404), ("/api/runs/-1", 404)),
        *(("/api/runs/99999999999", 404), ("/api/jobs/1", 404), ("/api/jobs/1/events", 404)),
        *(("/api/cases?limit=-1", 400), ("/api/cases?limit=201", 400), ("/api/cases?offset=x", 400)),
        *(("/api/cases?limit=%C2%B2", 400), ("/api/cases?limit=99999999999999999999", 400)),
        *(("/api/search", 400), ("/api/search?q=x&limit=51", 400), ("/api/runs", 405)),
    ],
)
def test_errors_are_problems(client: TestClient, document: dict[str, Any], path: str, status: int) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    schema = {**document["components"]["schemas"]["Problem"], "components": document["components"]}
    OAS31Validator(schema).validate(problem)
    assert problem["status"] == status
    assert answer.headers["cache-control"] == "no-store"


def test_head_and_options(client: TestClient) -> None:
    head = client.head("/api/cases")
    assert (head.status_code, head.content) == (200, b"")
    assert client.options("/api/cases").headers["allow"]


def test_a_mistake_of_the_server_tells_nothing(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*args: Any) -> Any:
        raise LookupError("a secret of the inside")

    monkeypatch.setattr(client.app_state["site"].store, "run", broken)
    quiet = TestClient(client.app, raise_server_exceptions=False)
    quiet.app_state.update(client.app_state)
    for path, kind in (("/api/runs/1", "application/problem+json"), ("/runs/1", "text/html; charset=utf-8")):
        with pytest.raises(LookupError):
            client.get(path)
        answer = quiet.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (500, kind)
        assert "secret" not in answer.text
        assert "content-security-policy" in answer.headers
