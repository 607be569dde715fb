"""The JSON API. What it gives are the values of the model, field by field; errors are problems (RFC 9457).

What stands behind the line in each docstring is its part of the OpenAPI document.
"""

from __future__ import annotations

import json
from typing import Any

from asterion.exceptions import HTTPException
from asterion.requests import Request
from asterion.responses import JSONResponse, Response
from asterion.routing import Mount, Route
from fixbook.finding import LIMIT
from fixbook.model import plain
from fixbook.store import UnknownCase
from fixbook.web._evidence import Evidence, evidence_of
from fixbook.web._openapi import document
from fixbook.web._people import check_token, current_user, require_user, token_of
from fixbook.web._runs import events, number_of, role_of
from fixbook.web._site import path_to, root_of, site_of

__all__ = ["api"]

MOST = 200
SEARCH_BODY = 512 * 1024


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(plain(content), status, {"cache-control": "no-cache", **(headers or {})})


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    value = number_of(text)
    if value is None or value > most:
        raise HTTPException(400, f"{name} is a number from 0 to {most}, not {text[:50]!r}.")
    return value


def _evidence(evidence: Evidence) -> dict[str, Any]:
    targets = {
        mark.target.role.value: {
            "declared": mark.target.expect.value,
            "version": mark.version,
            "outcome": mark.run.outcome.value if mark.run else None,
            "confirmed": mark.run.confirmed if mark.run else None,
            "run": mark.run.id if mark.run else None,
        }
        for mark in evidence.marks
    }
    return {"state": evidence.state, "targets": targets}


async def list_cases(request: Request) -> Response:
    """The cases, in the order of their ids.
    ---
    summary: List cases
    parameters:
      - {name: offset, in: query, schema: {type: integer, minimum: 0, default: 0}}
      - {name: limit, in: query, schema: {type: integer, minimum: 0, maximum: 200, default: 50}}
      - {name: package, in: query, description: Only those of this package., schema: {type: string}}
      - {name: status, in: query, description: Fixed or open upstream., schema: {type: string, enum: [fixed, open]}}
    responses:
      200:
        description: Some of the cases, and how many there are in all.
        content:
          application/json:
            schema:
              type: object
              required: [total, offset, cases]
              properties:
                total: {type: integer}
                offset: {type: integer}
                cases:
                  type: array
                  items:
                    type: object
                    required: [id, title, package, status, first_fixed, url, evidence]
                    properties:
                      id: {type: string}
                      title: {type: [string, "null"]}
                      package: {type: [string, "null"]}
                      status: {type: [string, "null"]}
                      first_fixed: {type: [string, "null"]}
                      url: {type: string}
                      evidence: {type: string, enum: [verified, contradicted, partly, unverified]}
    """
    store, wanted = site_of(request).store, request.query_params
    chosen = {"package": wanted.get("package") or None, "status": wanted.get("status") or None}
    offset, limit = _number(request, "offset", 0, 1_000_000), _number(request, "limit", 50, MOST)
    known = {entry.case.id: entry.evidence for entry in await site_of(request).library.entries()}
    cases = [
        {
            "id": case.id,
            "title": case.title,
            "package": case.package,
            "status": case.status,
            "first_fixed": case.first_fixed,
            "url": path_to(request, "case", id=case.id),
            "evidence": known[case.id].state if case.id in known else "unverified",
        }
        for case in await store.cases(offset, limit, **chosen)
    ]
    return _json({"total": await store.count_cases(**chosen), "offset": offset, "cases": cases})


async def get_case(request: Request) -> Response:
    """One case.
    ---
    summary: One case, with the state of its evidence
    responses:
      200:
        description: The case.
        content:
          application/json:
            schema:
              type: object
              required: [case, evidence, votes]
              properties:
                case: {$ref: "#/components/schemas/Case"}
                evidence:
                  type: object
                  required: [state, targets]
                  properties:
                    state: {type: string, enum: [verified, contradicted, partly, unverified]}
                    targets: {type: object, additionalProperties: {type: object}}
                votes:
                  type: object
                  required: [worked, failed]
                  properties: {worked: {type: integer}, failed: {type: integer}}
    """
    store = site_of(request).store
    case = await store.case(request.path_params["id"])
    if case is None:
        raise HTTPException(404, f"There is no case called {request.path_params['id'][:100]!r}.")
    worked, failed = await store.votes(case.id)
    evidence = evidence_of(case, await store.latest_runs(case.id))
    votes = {"worked": worked, "failed": failed}
    return _json({"case": case, "evidence": _evidence(evidence), "votes": votes})


async def case_runs(request: Request) -> Response:
    """The runs of a case.
    ---
    summary: The runs of a case, the latest first
    parameters:
      - {name: limit, in: query, schema: {type: integer, minimum: 0, maximum: 200, default: 50}}
    responses:
      200:
        description: The runs.
        content:
          application/json:
            schema: {type: array, items: {$ref: "#/components/schemas/Run"}}
    """
    store, name = site_of(request).store, request.path_params["id"]
    if await store.case(name) is None:
        raise HTTPException(404, f"There is no case called {name[:100]!r}.")
    return _json(await store.runs(name, _number(request, "limit", 50, MOST)))


async def search(request: Request) -> Response:
    """Cases for a few words.
    ---
    summary: Find cases by words or a message
    parameters:
      - {name: q, in: query, required: true, schema: {type: string}}
      - {name: limit, in: query, schema: {type: integer, minimum: 0, maximum: 50, default: 10}}
    responses:
      200:
        description: The cases, the best first.
        content:
          application/json:
            schema: {type: array, items: {$ref: "#/components/schemas/Hit"}}
    """
    if "q" not in request.query_params:
        raise HTTPException(400, "Say what to search for: /api/search?q=...")
    return await _search(request, request.query_params["q"])


async def search_text(request: Request) -> Response:
    """Cases for a traceback.
    ---
    summary: Find cases by a traceback, sent as plain text
    parameters:
      - {name: limit, in: query, schema: {type: integer, minimum: 0, maximum: 50, default: 10}}
    requestBody:
      required: true
      content: {text/plain: {schema: {type: string, maxLength: 262144}}}
    responses:
      200:
        description: The cases, the best first.
        content:
          application/json:
            schema: {type: array, items: {$ref: "#/components/schemas/Hit"}}
    """
    return await _search(request, (await request.body()).decode("utf-8", "replace"))


async def _search(request: Request, text: str) -> Response:
    hits = await site_of(request).library.find(text[:LIMIT], _number(request, "limit", 10, 50) or 1)
    return _json(
        [
            {
                "id": hit.entry.case.id,
                "title": hit.entry.case.title,
                "url": path_to(request, "case", id=hit.entry.case.id),
                "score": hit.score,
                "reasons": hit.reasons,
                "excerpt": hit.excerpt,
            }
            for hit in hits
        ]
    )


async def get_run(request: Request) -> Response:
    """One run.
    ---
    summary: What one run showed
    responses:
      200:
        description: The run.
        content: {application/json: {schema: {$ref: "#/components/schemas/Run"}}}
    """
    key = number_of(request.path_params["id"])
    found = await site_of(request).store.run(key) if key is not None else None
    if found is None:
        raise HTTPException(404, "There is no run with this number.")
    return _json(found)


async def get_job(request: Request) -> Response:
    """One job.
    ---
    summary: Where a job is
    responses:
      200:
        description: The job.
        content: {application/json: {schema: {$ref: "#/components/schemas/Job"}}}
    """
    key = number_of(request.path_params["id"])
    found = await site_of(request).store.job(key) if key is not None else None
    if found is None:
        raise HTTPException(404, "There is no job with this number.")
    return _json(found)


async def job_events(request: Request) -> Response:
    """A job as it goes.
    ---
    summary: Follow a job by server-sent events
    description: >-
      Events `state`, `output` (its id is the number of the piece) and, last, `end`. Come back with Last-Event-ID and
      the stream goes on behind it; once the end was seen, the answer is 204.
    parameters:
      - {name: Last-Event-ID, in: header, schema: {type: string}}
      - {name: after, in: query, description: The number of the last piece., schema: {type: integer}}
    responses:
      200:
        description: The events.
        content: {text/event-stream: {schema: {type: string}}}
      204:
        description: The end was seen before.
    """
    return await events(request)


async def session(request: Request) -> Response:
    """Who is logged in.
    ---
    summary: The session and its token
    description: What changes something needs the token in the header X-CSRF-Token.
    responses:
      200:
        description: The administrator who is logged in, or null; and the token.
        content:
          application/json:
            schema:
              type: object
              required: [user, token]
              properties: {user: {type: [string, "null"]}, token: {type: string}}
    """
    user = await current_user(request)
    return _json({"user": user, "token": token_of(request)}, headers={"cache-control": "no-store, no-transform"})


async def start_run(request: Request) -> Response:
    """Ask for a run.
    ---
    summary: Queue a run of a case in one role
    description: For administrators. A run of the same case and role that is waiting or running is not queued twice.
    security: [{session: []}]
    parameters:
      - {name: X-CSRF-Token, in: header, required: true, schema: {type: string}}
    requestBody:
      required: true
      content:
        application/json:
          schema:
            type: object
            required: [case, role]
            properties: {case: {type: string}, role: {$ref: "#/components/schemas/Role"}}
    responses:
      202:
        description: The job, which `Location` leads to.
        headers: {Location: {schema: {type: string}}}
        content: {application/json: {schema: {$ref: "#/components/schemas/Job"}}}
    """
    user = await require_user(request)
    check_token(request, request.headers.get("x-csrf-token"))
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "Send application/json.")
    asked = await request.json()
    role = role_of(asked.get("role")) if isinstance(asked, dict) else None
    if role is None or not isinstance(asked.get("case"), str):
        raise HTTPException(
            400, 'Send {"case": "the id of a case", "role": "broken", "fixed", "newest" or "asterion"}.'
        )
    try:
        job = await site_of(request).store.enqueue(asked["case"], role, user)
    except (UnknownCase, ValueError) as error:
        raise HTTPException(404 if isinstance(error, UnknownCase) else 400, str(error)) from error
    return _json(job, 202, {"location": path_to(request, "api:job", id=job.id)})


async def openapi(request: Request) -> Response:
    """The OpenAPI document, as JSON."""
    base = site_of(request).settings.public_url or f"{request.url.scheme}://{request.url.netloc}"
    made = document([api()], base + root_of(request))
    return Response(json.dumps(made, indent=1), media_type="application/vnd.oai.openapi+json;version=3.1")


def api() -> Mount:
    """The routes of the API."""
    return Mount(
        "/api",
        name="api",
        routes=[
            Route("/openapi.json", openapi, name="openapi", include_in_schema=False),
            Route("/cases", list_cases, name="cases"),
            Route("/cases/{id}", get_case, name="case"),
            Route("/cases/{id}/runs", case_runs, name="case_runs"),
            Route("/search", search, name="search"),
            Route("/search", search_text, name="search_text", methods=["POST"], max_body_size=SEARCH_BODY),
            Route("/runs", start_run, name="start_run", methods=["POST"], max_body_size=4096),
            Route("/runs/{id}", get_run, name="run"),
            Route("/jobs/{id}", get_job, name="job"),
            Route("/jobs/{id}/events", job_events, name="job_events"),
            Route("/session", session, name="session"),
        ],
    )
