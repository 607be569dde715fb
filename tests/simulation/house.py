"""A whole application with a bit of everything, and the books it keeps: what was opened, what was closed, who was told.

Every part waits for virtual time somewhere, at moments that the seed decides, so that requests overlap in it.
"""

import contextlib
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import anyio

from asterion.testclient import Simulation
from tests.asgi import layer_class
from tests.simulation.kits import ASTERION, Kit

LIMIT = 2000

visitor: ContextVar[str] = ContextVar("visitor", default="nobody")


@dataclass
class Books:
    """What happened in one house."""

    opened: int = 0
    closed: int = 0
    inside: int = 0
    started: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    lifespans: list[str] = field(default_factory=list)
    room: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


class House:
    """The application `app`, its `books`, and its handlers."""

    def __init__(self, simulation: Simulation, way: str, layers: int = 2, kit: Kit = ASTERION) -> None:
        self.simulation = simulation
        self.kit = kit
        layer = kit.BaseHTTPMiddleware if kit is not ASTERION else layer_class(way)
        self.books = Books()
        self._talking = anyio.Lock()
        dispatches = [self.names_visitor, self.counts, self.reads_small_bodies][:layers]
        self.app = kit.Asterion(
            routes=[
                kit.Route("/hello/{name}", self.hello),
                kit.Route("/thread/{name}", self.thread),
                kit.Route("/stream/{name}", self.stream),
                kit.Route("/sync-stream/{name}", self.sync_stream),
                kit.Route("/background/{name}", self.background),
                kit.Route("/echo", self.echo, methods=["POST"]),
                kit.Route("/echo-stream", self.echo_stream, methods=["POST"]),
                kit.Route("/count", self.count),
                kit.Route("/file", self.file),
                kit.Route("/fails/{name}", self.fails),
                kit.WebSocketRoute("/chat/{name}", self.chat),
                kit.Mount("/legacy", kit.WSGIMiddleware(self.legacy)),
                kit.Mount(
                    "/inner", kit.Asterion(routes=[kit.Route("/{name}", self.inner)], lifespan=self.lifespan("inner"))
                ),
            ],
            middleware=[
                kit.Middleware(kit.SessionMiddleware, secret_key="not a secret"),
                kit.Middleware(kit.RequestBodyLimitMiddleware, max_body_size=LIMIT),
                *(kit.Middleware(layer, dispatch=dispatch) for dispatch in dispatches),
            ],
            exception_handlers={LookupError: self.explains},
            lifespan=self.lifespan("outer"),
        )

    def lifespan(self, name: str) -> Any:
        @contextlib.asynccontextmanager
        async def lifespan(app: Any) -> Any:
            await self.simulation.pause()
            self.books.lifespans.append(f"{name} starts")
            yield {name: f"{name} house"}
            await self.simulation.pause()
            self.books.lifespans.append(f"{name} stops")

        return lifespan

    # --- function middleware -----------------------------------------------------------------------------------------

    async def names_visitor(self, request: Any, call_next: Any) -> Any:
        """Sets a context variable that is the request's own, and resets it."""
        token = visitor.set(request.headers.get("x-visitor", "nobody"))
        try:
            await self.simulation.pause(0.1)
            response = await call_next(request)
            response.headers["x-seen"] = visitor.get()
            return response
        finally:
            visitor.reset(token)

    async def counts(self, request: Any, call_next: Any) -> Any:
        """Counts who is inside of it."""
        self.books.inside += 1
        try:
            return await call_next(request)
        finally:
            self.books.inside -= 1

    async def reads_small_bodies(self, request: Any, call_next: Any) -> Any:
        """Reads a body before the endpoint does."""
        if request.method == "POST" and request.headers.get("x-read-early"):
            await request.body()
        return await call_next(request)

    # --- endpoints ---------------------------------------------------------------------------------------------------

    async def hello(self, request: Any) -> Any:
        await self.simulation.pause(0.1)
        return self.kit.PlainTextResponse(f"{request.path_params['name']} {visitor.get()} {request.state.outer}")

    async def inner(self, request: Any) -> Any:
        await self.simulation.pause(0.1)
        return self.kit.PlainTextResponse(f"{request.path_params['name']} {visitor.get()} {request.state.inner}")

    def thread(self, request: Any) -> Any:
        anyio.from_thread.run(self.simulation.pause, 0.1)
        return self.kit.PlainTextResponse(f"{request.path_params['name']} {visitor.get()} {request.state.outer}")

    async def stream(self, request: Any) -> Any:
        name = request.path_params["name"]

        async def chunks() -> Any:
            self.books.opened += 1
            try:
                for number in range(4):
                    await self.simulation.pause(0.2)
                    yield f"{name} {number}\n"
            finally:
                self.books.closed += 1

        return self.kit.StreamingResponse(chunks())

    async def sync_stream(self, request: Any) -> Any:
        name = request.path_params["name"]

        def chunks() -> Any:
            self.books.opened += 1
            try:
                yield from (f"{name} {number}\n" for number in range(4))
            finally:
                self.books.closed += 1

        return self.kit.StreamingResponse(chunks())

    async def background(self, request: Any) -> Any:
        name = request.path_params["name"]

        async def work() -> None:
            self.books.started.append(name)
            await self.simulation.pause(0.5)
            self.books.finished.append(name)

        return self.kit.PlainTextResponse(name, background=self.kit.BackgroundTask(work))

    async def echo(self, request: Any) -> Any:
        return self.kit.PlainTextResponse(await request.body())

    async def echo_stream(self, request: Any) -> Any:
        async def chunks() -> Any:
            self.books.opened += 1
            try:
                async for chunk in request.stream():
                    await self.simulation.pause(0.1)
                    yield chunk
            finally:
                self.books.closed += 1

        return self.kit.StreamingResponse(chunks())

    async def count(self, request: Any) -> Any:
        request.session["count"] = request.session.get("count", 0) + 1
        await self.simulation.pause(0.1)
        return self.kit.JSONResponse(request.session["count"])

    async def file(self, request: Any) -> Any:
        return self.kit.FileResponse(__file__)

    async def fails(self, request: Any) -> Any:
        await self.simulation.pause(0.1)
        raise LookupError(request.path_params["name"])

    async def explains(self, request: Any, error: Exception) -> Any:
        await self.simulation.pause(0.1)
        return self.kit.PlainTextResponse(f"no {error.args[0]}", status_code=404)

    def legacy(self, environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("content-type", "text/plain")])
        return [b"legacy", environ["PATH_INFO"].encode()]

    # --- the chat room -----------------------------------------------------------------------------------------------

    async def chat(self, websocket: Any) -> None:
        """Everything said is told to everybody in the room, in one order for all."""
        name = websocket.path_params["name"]
        await self.simulation.pause(0.1)
        await websocket.accept()
        async with self._talking:
            self.books.room[name] = websocket
        try:
            async for text in websocket.iter_text():
                async with self._talking:
                    self.books.said.append(f"{name}: {text}")
                    for member in list(self.books.room.values()):
                        await self.simulation.pause(0.01)
                        with contextlib.suppress(Exception):  # that one has gone; its own handler takes it out
                            await member.send_text(f"{name}: {text}")
        finally:
            del self.books.room[name]
