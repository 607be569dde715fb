"""Runs one reproduction of `seeds/` on one backend and says whether the result is right.

    python -m asterion.dropin drive_seed.py NUMBER BACKEND

The current directory is the reproduction's: files that it expects are made there. Exits 0 and prints `right` when the
result is right, and fails with what went wrong otherwise. The reproductions import `starlette`, which must be
Asterion.
"""

import asyncio
import contextlib
import functools
import io
import runpy
import selectors
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import trio.testing

SEEDS = Path(__file__).parent / "seeds"


class JumpingSelector(selectors.DefaultSelector):
    """Never waits for time to pass: what would be waited for is added to the loop's clock."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            self.jumped += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose sleepers wake at once, in the right order."""

    def __init__(self) -> None:
        self.jumping = JumpingSelector()
        super().__init__(self.jumping)

    def time(self) -> float:
        return super().time() + self.jumping.jumped


def run(function: Callable[[], Awaitable[None]], backend: str) -> None:
    """Run a coroutine function to its end on a clock that jumps over all waiting."""
    if backend == "trio":
        trio.run(function, clock=trio.testing.MockClock(autojump_threshold=0))
    else:
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.run(function())  # type: ignore[arg-type]


def load(number: str, **names: Any) -> dict[str, Any]:
    return runpy.run_path(str(SEEDS / f"{number}.py"), init_globals=names)


def expect(holds: bool, seen: object) -> None:
    if not holds:
        raise SystemExit(f"wrong result: {seen!r}")


def test_client(backend: str) -> Any:
    from starlette.testclient import TestClient

    return functools.partial(TestClient, backend=backend)


def seed_886(backend: str) -> None:
    """The exception of an async callable object in `on_startup` comes out of the client's start."""
    from starlette.applications import Starlette

    reproduction = load("886", Starlette=Starlette, TestClient=test_client(backend))
    try:
        reproduction["test_async_startup_hangs"]()
    except Exception as exc:
        expect(type(exc) is Exception, exc)
    else:
        expect(False, "nothing was raised")


def seed_1438(backend: str) -> None:
    """Both background tasks complete although the client is gone right after the last byte of the body."""
    application = load("1438")["application"]

    async def serve() -> None:
        gone = anyio.Event()
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Any:
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                gone.set()
            await anyio.lowlevel.checkpoint()

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"testserver")],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 80),
        }
        await application(scope, receive, send)
        await anyio.sleep(10)  # on the jumping clock: work that the application took over ends before this

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        run(serve, backend)
    steps = [f"background task {number} {step}" for number in (1, 2) for step in ("started", "completed")]
    expect(printed.getvalue().splitlines() == steps, printed.getvalue())


def seed_793(backend: str) -> None:
    """A hand-written async iterator is streamed to its end."""
    response = test_client(backend)(load("793")["app"]).get("/")
    expect((response.status_code, response.content) == (200, b"one two three"), response)


def seed_1255(backend: str) -> None:
    """The endpoint's RuntimeError comes through the middleware as itself, not in an exception group."""
    import httpx

    class Client(httpx.AsyncClient):
        """Takes `app=` as httpx did before 0.28."""

        def __init__(self, *, app: Any) -> None:
            super().__init__(transport=httpx.ASGITransport(app))

    def run_coroutine(coroutine: Awaitable[None]) -> None:
        async def main() -> None:
            await coroutine

        anyio.run(main, backend=backend)

    httpx.AsyncClient = Client  # type: ignore[misc,assignment]
    asyncio.run = run_coroutine  # type: ignore[assignment]
    try:
        load("1255")
    except BaseException as exc:
        expect(type(exc) is RuntimeError and exc.args == ("oops",), exc)
    else:
        expect(False, "nothing was raised")


def seed_472(backend: str) -> None:
    """A template response under function middleware shows its template and context to the test client."""
    import starlette.testclient

    Path("static").mkdir()
    Path("templates").mkdir()
    Path("templates/index.html").write_text("<h1>Home</h1>")
    starlette.testclient.TestClient = test_client(backend)  # type: ignore[misc]
    load("472")["test_homepage"]()


def main(number: str, backend: str) -> None:
    import starlette.applications

    expect(starlette.applications.__name__ == "asterion.applications", starlette.applications)
    {"886": seed_886, "1438": seed_1438, "793": seed_793, "1255": seed_1255, "472": seed_472}[number](backend)
    print("right")


if __name__ == "__main__":
    main(*sys.argv[1:])
