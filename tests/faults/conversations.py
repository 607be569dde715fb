"""The WebSockets and lifespans that are cut."""

from collections.abc import Callable
from typing import Any

from tests.faults.http import Scenario, _sessions
from tests.faults.kit import AppError, Stage
from tests.faults.server import suspend

CONVERSATIONS: list[Scenario] = []

TEXT = ({"type": "websocket.receive", "text": "one"}, {"type": "websocket.receive", "text": "two"})
LEAVES = (*TEXT, {"type": "websocket.disconnect", "code": 1001, "reason": ""})


def websocket(name: str, **options: Any) -> Callable[[Callable[[Stage], Any]], Callable[[Stage], Any]]:
    """Add the decorated function to the catalogue of WebSockets."""

    def add(make: Callable[[Stage], Any]) -> Callable[[Stage], Any]:
        CONVERSATIONS.append(Scenario(name, make, kind="websocket", **options))
        return make

    return add


@websocket("WebSocket, echo", frames=TEXT)
def echo(stage: Stage) -> Any:
    async def endpoint(socket: Any) -> None:
        held = stage.ledger.open("endpoint")
        try:
            await socket.accept()
            for _ in range(2):
                await socket.send_text(await socket.receive_text())
            await socket.close()
        finally:
            held.close()

    return endpoint


@websocket("WebSocket, iteration until the client leaves", frames=LEAVES)
def iteration(stage: Stage) -> Any:
    async def endpoint(socket: Any) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            await socket.send_text(text)

    return endpoint


@websocket("WebSocket, refused")
def refused(stage: Stage) -> Any:
    async def endpoint(socket: Any) -> None:
        await suspend()
        await socket.close(1008)

    return endpoint


@websocket("WebSocket, denied with a response")
def denied(stage: Stage) -> Any:
    async def endpoint(socket: Any) -> None:
        response = stage.kit.responses.PlainTextResponse("no", status_code=403)
        await socket.send_denial_response(response)

    return endpoint


@websocket("WebSocket, error before the handshake", raises=True)
def fails_early(stage: Stage) -> Any:
    async def endpoint(socket: Any) -> None:
        await suspend()
        raise stage.ledger.fail(AppError("the endpoint failed"))

    return endpoint


@websocket("WebSocket, error in the middle", frames=TEXT, raises=True)
def fails_late(stage: Stage) -> Any:
    async def endpoint(socket: Any) -> None:
        await socket.accept()
        await socket.receive_text()
        raise stage.ledger.fail(AppError("the endpoint failed"))

    return endpoint


@websocket("WebSocket, session", frames=TEXT, around=_sessions)
def with_session(stage: Stage) -> Any:
    async def endpoint(socket: Any) -> None:
        await socket.accept()
        socket.session.get("user")
        await socket.send_json({"got": await socket.receive_text()})
        await socket.close()

    return endpoint


STOP = ({"type": "lifespan.shutdown"},)


def _lifespan(name: str, *, at_start: bool = False, at_end: bool = False, **options: Any) -> None:
    def make(stage: Stage) -> Any:
        async def lifespan(app: Any) -> Any:
            held = stage.ledger.open("lifespan")
            try:
                await suspend()
                if at_start:
                    raise stage.ledger.fail(AppError("start-up failed"))
                yield {"database": "open"}
                await suspend()
                if at_end:
                    raise stage.ledger.fail(AppError("shutdown failed"))
            finally:
                held.close()

        import contextlib

        return contextlib.asynccontextmanager(lifespan)

    CONVERSATIONS.append(Scenario(name, make, kind="lifespan", frames=STOP, **options))


_lifespan("lifespan")
_lifespan("lifespan, start-up fails", at_start=True, raises=True)
_lifespan("lifespan, shutdown fails", at_end=True, raises=True)
