"""A server for tests: one request to an ASGI application, in the test's own task, with the message order checked.

Nothing here sleeps. `Exchange` is one request whose pieces a test hands over when it wants to; `request` is the short
form for a request that is simply answered.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel

from asterion.middleware import Middleware
from asterion.middleware.base import BaseHTTPMiddleware

Headers = Iterable[tuple[str | bytes, str | bytes]]


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


def http_scope(
    method: str = "GET",
    path: str = "/",
    *,
    headers: Headers = (),
    query: bytes = b"",
    spec_version: str = "2.4",
    extensions: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The scope of an HTTP request as a server makes it."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": spec_version},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "surrogateescape"),
        "query_string": query,
        "root_path": "",
        "headers": [(_bytes(name).lower(), _bytes(value)) for name, value in headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        "state": {},
        **more,
    }
    if extensions is not None:
        scope["extensions"] = extensions
    return scope


class OutOfOrder(AssertionError):
    """The application sent a message that the ASGI specification does not allow there."""


@dataclass
class Answer:
    """What an application sent."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def start(self) -> dict[str, Any]:
        """The response start."""
        return next(message for message in self.messages if message["type"] == "http.response.start")

    @property
    def status(self) -> int:
        """The status code."""
        status: int = self.start["status"]
        return status

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers as sent."""
        return list(self.start.get("headers", []))

    @property
    def headers(self) -> dict[str, str]:
        """The headers by name; of several with one name, the last."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.raw_headers}

    @property
    def chunks(self) -> list[bytes]:
        """The body, message by message."""
        return [bytes(message.get("body", b"")) for message in self.messages if message["type"] == "http.response.body"]

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.chunks)

    @property
    def started(self) -> bool:
        """Whether there is a response start."""
        return any(message["type"] == "http.response.start" for message in self.messages)

    @property
    def complete(self) -> bool:
        """Whether the last body message was sent."""
        bodies = [message for message in self.messages if message["type"] in _BODIES]
        return bool(bodies) and not bodies[-1].get("more_body", False)


_BODIES = ("http.response.body", "http.response.pathsend", "http.response.zerocopysend")


class Exchange(Answer):
    """One request to `app`, the pieces of which a test hands over when it wants to.

    `body` is given piece by piece, then `receive` waits until `disconnect()` is called. After that, `send` raises
    OSError on ASGI 2.4 and does nothing on earlier versions, as servers do. `on_send` is awaited with every message
    before it counts as sent.
    """

    def __init__(
        self,
        app: Any,
        scope: dict[str, Any] | None = None,
        *,
        body: bytes | Sequence[bytes] = b"",
        on_send: Callable[[dict[str, Any]], Any] | None = None,
    ) -> None:
        super().__init__()
        self.app = app
        self.scope = http_scope() if scope is None else scope
        self._pieces = [body] if isinstance(body, bytes) else list(body)
        self._told = 0
        self._gone = anyio.Event()
        self._on_send = on_send
        self.sent_after_disconnect: list[dict[str, Any]] = []
        self.receives = 0

    def disconnect(self) -> None:
        """The client goes away."""
        self._gone.set()

    @property
    def gone(self) -> bool:
        """Whether the client has gone away."""
        return self._gone.is_set()

    async def receive(self) -> dict[str, Any]:
        """The server's `receive`."""
        self.receives += 1
        if self._told < len(self._pieces):
            piece = self._pieces[self._told]
            self._told += 1
            return {"type": "http.request", "body": piece, "more_body": self._told < len(self._pieces)}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """The server's `send`. Raises OutOfOrder for a message the specification does not allow now."""
        if self.gone:
            self.sent_after_disconnect.append(message)
            if self.scope["asgi"]["spec_version"] >= "2.4":
                raise OSError("the client has gone")
            return
        self._check(message)
        if self._on_send is not None:
            result = self._on_send(message)
            if result is not None:
                await result
            if self.gone:
                return
        self.messages.append(message)

    def _check(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            if self.started:
                raise OutOfOrder(f"a second start: {message!r}")
        elif kind in _BODIES:
            if not self.started:
                raise OutOfOrder(f"{kind} before the start")
            if self.complete:
                raise OutOfOrder(f"{kind} after the last one: {message!r}")

    async def run(self) -> "Exchange":
        """Call the application in this very task, to its end."""
        await self.app(self.scope, self.receive, self.send)
        return self


async def request(
    app: Any,
    method: str = "GET",
    path: str = "/",
    *,
    headers: Headers = (),
    body: bytes | Sequence[bytes] = b"",
    query: bytes = b"",
    spec_version: str = "2.4",
    extensions: dict[str, Any] | None = None,
    scope: dict[str, Any] | None = None,
) -> Exchange:
    """Ask `app` and wait until it has ended. Raises what it raises."""
    made = http_scope(
        method, path, headers=headers, query=query, spec_version=spec_version, extensions=extensions, **(scope or {})
    )
    return await Exchange(app, made, body=body).run()


async def pass_through(request: Any, call_next: Any) -> Any:
    """A function middleware that does nothing."""
    return await call_next(request)


class TaskMiddleware(BaseHTTPMiddleware):
    """A function middleware whose inner application always has a task of its own."""

    own_task = True


class TurnsMiddleware(BaseHTTPMiddleware):
    """A function middleware that never nests: it takes turns with what is inside, whatever that is."""

    nest = None  # type: ignore[assignment]


def layer_class(way: str) -> type[BaseHTTPMiddleware]:
    """The middleware class for a way of running: "nested" (where that is possible), "turns" or "task"."""
    return {"nested": BaseHTTPMiddleware, "turns": TurnsMiddleware, "task": TaskMiddleware}[way]


def function_layers(count: int, way: str = "nested", dispatch: Any = pass_through) -> list[Middleware]:
    """`count` function middlewares, as an application's `middleware` takes them."""
    return [Middleware(layer_class(way), dispatch=dispatch) for _ in range(count)]


async def wait_all_blocked() -> None:
    """Give every other task twenty turns of the loop: more than any of them needs to reach a wait that lasts.

    Not anyio's function of this kind, which sleeps on asyncio.
    """
    for _ in range(20):
        await anyio.lowlevel.checkpoint()
