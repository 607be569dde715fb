"""Small applications whose pages a browser visits, each with what only a browser can judge.

Every page is empty: what happens on it is what a test evaluates there.
"""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import anyio

from asterion.applications import Asterion
from asterion.middleware import Middleware
from asterion.middleware.compression import CompressionMiddleware
from asterion.middleware.cors import CORSMiddleware
from asterion.middleware.origin import OriginMiddleware
from asterion.middleware.sessions import SessionMiddleware
from asterion.requests import Request
from asterion.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from asterion.routing import Mount, Route, WebSocketRoute
from asterion.staticfiles import StaticFiles
from asterion.types import ASGIApp, Message, Receive, Scope, Send
from asterion.websockets import WebSocket

SECRET = "a-secret-of-the-tests"


async def blank(request: Request) -> Response:
    """A page from which a test makes its requests. Its icon is in it, so that the browser asks for no other."""
    return HTMLResponse('<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Blank</title></html>')


async def count_visit(request: Request) -> Response:
    """Counts in the session, beside the names of who was here: a value that is changed inside."""
    visits = request.session.get("visits", 0) + 1
    request.session["visits"] = visits
    request.session.setdefault("paths", []).append(request.url.path)
    return JSONResponse({"visits": visits}, headers={"x-visits": str(visits), "x-inner": "not for scripts"})


async def read_session(request: Request) -> Response:
    return JSONResponse(dict(request.session))


async def broken(request: Request) -> Response:
    raise LookupError("a mistake of the application")


def site() -> Asterion:
    """Only the page."""
    return Asterion(routes=[Route("/", blank)])


def shared(allow_origins: Sequence[str], face: type[Asterion] = Asterion) -> Asterion:
    """What pages of other origins may use with the visitor's cookies, of which each site that embeds it has its own."""
    return face(
        routes=[
            Route("/visits", count_visit, methods=["GET", "PUT"]),
            Route("/broken", broken),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=allow_origins,
                allow_credentials=True,
                allow_methods=["GET", "PUT"],
                allow_headers=["x-asked"],
                expose_headers=["x-visits"],
            ),
            Middleware(SessionMiddleware, secret_key=SECRET, same_site="none", partitioned=True),
        ],
    )


async def no_icon(request: Request) -> Response:
    """Browsers ask for an icon beside answers that are no pages."""
    return Response(status_code=204)


def remembering(*outer: Middleware, face: type[Asterion] = Asterion) -> Asterion:
    """A session for pages and for the WebSocket that they open, behind whatever else is given."""

    async def tell(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_json(dict(websocket.session))
        await websocket.close()

    return face(
        routes=[
            Route("/", blank),
            Route("/visit", count_visit),
            Route("/session", read_session),
            Route("/favicon.ico", no_icon),
            WebSocketRoute("/tell", tell),
        ],
        middleware=[*outer, Middleware(SessionMiddleware, secret_key=SECRET)],
    )


def guarded(allowed_origins: Sequence[str] = (), always: bool | None = None) -> Asterion:
    """The same, with a policy of its own on who may open the WebSocket."""
    return remembering(Middleware(OriginMiddleware, allowed_origins, always=always))


def single_page(directory: Path) -> Asterion:
    """An application in the browser, with its interface beside it; the interface's errors are JSON."""

    async def order(request: Request) -> Response:
        return JSONResponse({"order": request.path_params["number"]})

    async def not_found(request: Request, exc: Exception) -> Response:
        return JSONResponse({"detail": "not found"}, status_code=404)

    return Asterion(
        routes=[
            Mount("/api", routes=[Route("/orders/{number:int}", order)]),
            Mount("/", StaticFiles(directory=directory, html=True, fallback="index.html")),
        ],
        exception_handlers={404: not_found},
    )


class Log:
    """Keeps the Range header of each request and the status of its answer."""

    def __init__(self, app: ASGIApp, kept: list[tuple[str, str | None, int]]) -> None:
        self.app = app
        self.kept = kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def keeping(message: Message) -> None:
            if message["type"] == "http.response.start":
                asked = dict(scope["headers"]).get(b"range")
                self.kept.append((scope["path"], None if asked is None else asked.decode(), message["status"]))
            await send(message)

        await self.app(scope, receive, keeping)


def cinema(directory: Path, kept: list[tuple[str, str | None, int]]) -> Asterion:
    """Films of a directory; `kept` gets what was asked for."""
    return Asterion(
        routes=[Route("/", blank), Mount("/films", StaticFiles(directory=directory))],
        middleware=[Middleware(Log, kept=kept)],
    )


def ticking(coding: str) -> Asterion:
    """A compressed stream whose second line is made when somebody has asked for it by another request."""
    asked: list[anyio.Event] = []

    async def lines() -> AsyncIterator[str]:
        asked.append(anyio.Event())
        yield "first\n"
        await asked[-1].wait()
        yield "second\n"

    async def stream(request: Request) -> Response:
        return StreamingResponse(lines(), media_type="application/x-ndjson")

    async def ask(request: Request) -> Response:
        asked[-1].set()
        return Response(status_code=204)

    return Asterion(
        routes=[Route("/", blank), Route("/stream", stream), Route("/ask", ask, methods=["POST"])],
        middleware=[Middleware(CompressionMiddleware, encodings=[coding])],
    )
