"""The front page, search, a case, and votes."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlencode

from asterion.datastructures import FormData
from asterion.exceptions import HTTPException
from asterion.requests import Request
from asterion.responses import RedirectResponse, Response
from fixbook.finding import LIMIT
from fixbook.model import Case, Role
from fixbook.web._evidence import evidence_of, version_rows
from fixbook.web._library import Entry
from fixbook.web._people import check_token, current_user, known_voter, token_of, voter_of
from fixbook.web._site import page, path_to, site_of

__all__ = ["case", "front", "paste", "results", "search", "vote"]

SHORT = 300
"""Characters of a question that may stand in a URL. What is longer is a traceback, and stays out of histories."""
RUNS_SHOWN = 30


async def front(request: Request) -> Response:
    """All cases, or those of a package or a state."""
    await current_user(request)
    entries = await site_of(request).library.entries()
    package = request.query_params.get("package") or None
    state = request.query_params.get("state") or None
    shown = [entry for entry in entries if _belongs(entry, package, state)]
    return page(
        request,
        "front.html",
        entries=shown,
        package=package,
        state=state,
        packages=Counter(entry.case.package for entry in entries if entry.case.package),
        states=Counter(entry.evidence.state for entry in entries),
        open_count=sum(entry.case.status == "open" for entry in entries),
        total=len(entries),
        question="",
    )


def _belongs(entry: Entry, package: str | None, state: str | None) -> bool:
    if package is not None and entry.case.package != package:
        return False
    return state is None or entry.evidence.state == state or (state == "open" and entry.case.status == "open")


async def search(request: Request) -> Response:
    """The results for `q` as a page, for links and for browsers without scripts."""
    await current_user(request)
    question = request.query_params.get("q", "")[:LIMIT]
    hits = await site_of(request).library.find(question)
    return page(request, "search.html", question=question, hits=hits)


async def paste(request: Request) -> Response:
    """The form of the search: something short goes on to its own address, a traceback is answered here."""
    question = _text(await request.form(max_files=0, max_fields=10), "q", LIMIT)
    if len(question) <= SHORT and "\n" not in question:
        return RedirectResponse(f"{path_to(request, 'search')}?{urlencode({'q': question})}", status_code=303)
    await current_user(request)
    hits = await site_of(request).library.find(question)
    response = page(request, "search.html", question=question, hits=hits)
    response.headers["cache-control"] = "no-store"
    return response


async def results(request: Request) -> Response:
    """The results alone, as the page asks for while somebody types."""
    question = _text(await request.form(max_files=0, max_fields=10), "q", LIMIT)
    hits = await site_of(request).library.find(question)
    response = page(request, "_results.html", question=question, hits=hits, user=None)
    response.headers["cache-control"] = "no-store"
    return response


async def case(request: Request) -> Response:
    """Everything about one case."""
    user = await current_user(request)
    store = site_of(request).store
    shown = await _case_of(request)
    evidence = evidence_of(shown, await store.latest_runs(shown.id))
    worked, failed = await store.votes(shown.id)
    voter = known_voter(request)
    related = [item for item in [await store.case(name) for name in shown.related[:12]] if item is not None]
    response = page(
        request,
        "case.html",
        case=shown,
        evidence=evidence,
        broken=shown.reproduction.target(Role.BROKEN) if shown.reproduction else None,
        versions=version_rows(shown, evidence),
        runs=await store.runs(shown.id, RUNS_SHOWN),
        jobs=[job for job in await store.jobs(case_id=shown.id, limit=10) if job.state != "done"],
        votes=(worked, failed),
        vote=await store.vote_of(shown.id, voter) if voter else None,
        related=related,
        token=token_of(request),
        thanks=request.query_params.get("voted") == "1",
        user=user,
    )
    # The page holds this visitor's token: nobody else may get it, and its length must tell nothing of it.
    response.headers["cache-control"] = "private, no-cache, no-transform"
    return response


async def vote(request: Request) -> Response:
    """Whether the fix worked for this visitor; a second vote replaces the first."""
    form = await request.form(max_files=0, max_fields=10)
    check_token(request, form.get("csrf"))
    worked = form.get("worked")
    if worked not in ("yes", "no"):
        raise HTTPException(400, "Say yes or no: did the fix work for you?")
    voted = await _case_of(request)
    await site_of(request).store.vote(voted.id, voter_of(request), worked == "yes")
    return RedirectResponse(f"{path_to(request, 'case', id=voted.id)}?voted=1#votes", status_code=303)


async def _case_of(request: Request) -> Case:
    name = request.path_params["id"]
    found = await site_of(request).store.case(name)
    if found is None:
        raise HTTPException(404, f"There is no case called {name[:100]!r}.")
    return found


def _text(form: FormData, name: str, limit: int) -> str:
    value = form.get(name, "")
    if not isinstance(value, str):
        raise HTTPException(400, f"{name!r} is a text, not a file.")
    return value[:limit].replace("\r\n", "\n").strip()
