"""Starting runs, following them live, and looking at what they showed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from asterion.exceptions import HTTPException
from asterion.requests import Request
from asterion.responses import EventSourceResponse, RedirectResponse, Response, ServerSentEvent, last_event_id
from fixbook.model import Role, plain
from fixbook.store import Chunk, Job, JobState, Store, StoreUnavailable
from fixbook.web._evidence import ROLE_NAMES, Mark
from fixbook.web._people import check_token, current_user, require_user, token_of
from fixbook.web._site import Site, page, path_to, site_of

__all__ = ["events", "job", "jobs", "number_of", "role_of", "run", "start"]

FOLLOWERS = 500
"""How many live pages one process serves at a time."""
LOOK_EVERY = 1.0
"""Seconds after which the store is asked anew: what workers of other processes write rings no bell here."""
END = "end"


async def start(request: Request) -> Response:
    """Queue the runs of a case: of one role, or of all. For administrators."""
    form = await request.form(max_files=0, max_fields=10)
    user = await require_user(request)
    check_token(request, form.get("csrf"))
    store, name = site_of(request).store, request.path_params["id"]
    known = await store.case(name)
    if known is None:
        raise HTTPException(404, f"There is no case called {name[:100]!r}.")
    asked = form.get("role")
    targets = known.reproduction.targets if known.reproduction else ()
    roles = [target.role for target in targets if asked in ("all", target.role.value)]
    if not roles:
        raise HTTPException(400, f"The case declares no such target; it has {', '.join(t.role for t in targets)}.")
    queued = [await store.enqueue(known.id, role, user) for role in roles]
    place = path_to(request, "job", id=queued[0].id) if len(queued) == 1 else path_to(request, "jobs")
    return RedirectResponse(place, status_code=303)


async def jobs(request: Request) -> Response:
    """What is queued, what runs and what has run lately."""
    await current_user(request)
    found = await site_of(request).store.jobs(limit=60)
    found.sort(key=lambda item: (item.state is JobState.DONE, -item.id))
    response = page(request, "jobs.html", jobs=found, names=ROLE_NAMES, token=token_of(request))
    response.headers["cache-control"] = "private, no-store"
    return response


async def job(request: Request) -> Response:
    """One job: what it has said so far; the page follows it from there."""
    await current_user(request)
    store = site_of(request).store
    found = await _job_of(request)
    chunks = [chunk async for chunk in _said(store, found, 0)]
    shown = [chunk for chunk in chunks if chunk.attempt == found.attempt]
    response = page(
        request,
        "job.html",
        job=found,
        case=await store.case(found.case),
        role=ROLE_NAMES[found.role],
        chunks=shown,
        last=chunks[-1].number if chunks else 0,
        run=await store.run(found.run) if found.run is not None else None,
    )
    response.headers["cache-control"] = "no-store"
    return response


async def events(request: Request) -> Response:
    """The life of a job as server-sent events, from where this client left off, to its end.

    `state` says where the job is, `output` is a piece of what it said (with its number as the id), `end` comes last.
    A client that has seen the end and comes back all the same gets 204, which ends it for good.
    """
    found = await _job_of(request)
    last = last_event_id(request)
    if last == END:
        return Response(status_code=204)
    site = site_of(request)
    if site.followers >= FOLLOWERS:
        raise HTTPException(503, "Too many pages follow runs at this moment.", headers={"retry-after": "10"})
    after = number_of(last if last is not None else request.query_params.get("after", "0")) or 0
    return EventSourceResponse(_follow(site, found, after), retry=2000)


async def run(request: Request) -> Response:
    """What one run showed."""
    await current_user(request)
    store = site_of(request).store
    key = number_of(request.path_params["id"])
    found = await store.run(key) if key is not None else None
    if found is None:
        raise HTTPException(404, "There is no run with this number.")
    case = await store.case(found.case)
    target = case.reproduction.target(found.role) if case and case.reproduction else None
    return page(
        request,
        "run.html",
        run=found,
        case=case,
        role=ROLE_NAMES[found.role],
        mark=Mark(target, found) if target else None,
    )


def number_of(text: str) -> int | None:
    """The number that `text` is, if it may be one of ours."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


async def _job_of(request: Request) -> Job:
    key = number_of(str(request.path_params["id"]))
    found = await site_of(request).store.job(key) if key is not None else None
    if found is None:
        raise HTTPException(404, "There is no job with this number.")
    return found


async def _said(store: Store, of: Job, after: int) -> AsyncIterator[Chunk]:
    while pieces := await store.output(of.id, after):
        for piece in pieces:
            yield piece
        after = pieces[-1].number


async def _follow(site: Site, of: Job, after: int) -> AsyncIterator[ServerSentEvent]:
    site.followers += 1
    told: object = None
    try:
        with site.store.events.listen(f"job:{of.id}") as bell:
            while not site.closing:
                try:
                    # The job before its output: one that is done has no more to come.
                    of = await site.store.job(of.id) or of
                    state = (of.state, of.attempt)
                    if state != told:
                        told = state
                        yield _event("state", state=of.state, attempt=of.attempt, worker=of.worker)
                    async for chunk in _said(site.store, of, after):
                        after = chunk.number
                        yield _event(
                            "output", chunk.number, stream=chunk.stream, text=chunk.text, attempt=chunk.attempt
                        )
                    if of.state is JobState.DONE:
                        yield await _end(site.store, of)
                        return
                except StoreUnavailable:
                    if told != "away":
                        told = "away"
                        yield _event("state", state="away", attempt=of.attempt, worker=None)
                await bell.wait(LOOK_EVERY)
    finally:
        site.followers -= 1


async def _end(store: Store, of: Job) -> ServerSentEvent:
    seen = await store.run(of.run) if of.run is not None else None
    if seen is None:
        return _event(END, END, run=None, error=of.error)
    return _event(
        END,
        END,
        run=seen.id,
        outcome=plain(seen.outcome),
        confirmed=seen.confirmed,
        version=seen.version,
        duration=seen.duration,
        reason=seen.reason,
        error=of.error,
    )


def _event(name: str, number: object = None, **data: object) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(plain(data)), event=name, id=None if number is None else str(number))


def role_of(text: object) -> Role | None:
    """The role of this name."""
    return next((role for role in Role if role.value == text), None)
