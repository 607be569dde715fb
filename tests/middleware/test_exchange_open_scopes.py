"""An inner application that sends from under a cancel scope, as FastAPI does for dependencies that yield."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from asterion.applications import Asterion
from asterion.background import BackgroundTask
from asterion.requests import Request
from asterion.responses import PlainTextResponse, StreamingResponse
from asterion.routing import Mount
from tests.asgi import function_layers, request

pytestmark = pytest.mark.anyio


def scoped(log: list[str]) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = await Request(scope, receive).body()

        async def chunks() -> AsyncIterator[bytes]:
            yield b"a"
            yield b"b"

        with anyio.CancelScope():
            answer: Any = PlainTextResponse(b"got " + body, background=BackgroundTask(log.append, "background"))
            if scope["path"] == "/stream":
                answer = StreamingResponse(chunks(), background=BackgroundTask(log.append, "background"))
            await answer(scope, receive, send)

    return app


async def dispatch(request: Request, call_next: Any) -> Any:
    """Waits, and reads, only when it is told to: other than it did at first."""
    response = await call_next(request)
    after = request.headers.get("x-after")
    if after == "waits":
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
    elif after == "scope":
        with anyio.fail_after(5):
            await anyio.lowlevel.checkpoint()
    elif after == "reads":
        body = b"".join([chunk async for chunk in response.body_iterator])
        response = PlainTextResponse(body + b"!", headers={"x-seen": "1"})
    elif after == "raises":
        raise LookupError("of dispatch")
    response.headers["x-seen"] = "1"
    return response


@pytest.mark.parametrize("path", ["/", "/stream"])
@pytest.mark.parametrize("after", ["nothing", "waits", "scope", "reads", "raises"])
@pytest.mark.parametrize("count", [1, 3])
async def test_dispatch_goes_on_as_it_does_without_a_scope(
    way: str, count: int, after: str, path: str, spec_version: str
) -> None:
    log: list[str] = []
    app = Asterion(routes=[Mount("/", app=scoped(log))], middleware=function_layers(count, way, dispatch))

    async def ask(told: str) -> Any:
        headers = [("x-after", told)]
        return await request(app, "POST", path, headers=headers, body=b"x", spec_version=spec_version)

    expected = b"got x" if path == "/" else b"ab"
    for told in ("nothing", "nothing", after, "nothing", after):
        log.clear()
        if told == "raises":
            with pytest.raises(LookupError, match="of dispatch"):
                await ask(told)
        else:
            answer = await ask(told)
            assert answer.body == expected + (b"!" * count if told == "reads" else b"")
            assert answer.headers["x-seen"] == "1"
            assert answer.complete
        assert log == ["background"]
