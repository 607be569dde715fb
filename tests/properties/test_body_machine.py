"""The body of a request, read in any order of moves, against a model: no byte is lost, nobody waits for what is gone.

The server's moves: the next message arrives (a piece of the body, its end, a disconnect). The application's: `body`,
`stream` (a few pieces, then left), `json`, `form`, `is_disconnected`, a second request over the same scope. A move that
has to wait is interrupted by cancellation, as a time limit would.
"""

import json
from typing import Any
from urllib.parse import parse_qsl

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterion.requests import ClientDisconnect, MalformedJSON, Request
from tests.properties.profiles import steady
from tests.requests.building import URL_ENCODED, http_scope

pytestmark = pytest.mark.anyio

PIECES = st.lists(st.sampled_from([b"", b"a=1", b"&b", b"=2&", b"[", b"1]", b"7"]), min_size=1, max_size=4)
MOVES = st.lists(
    st.sampled_from(["arrive", "arrive", "body", "stream 1", "stream 2", "stream 9", "json", "form", "gone", "again"]),
    max_size=14,
)


class Interrupted(Exception):
    """The move had to wait and was cancelled."""


class Server:
    """A `receive` that gives what has arrived and then waits."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.messages = messages
        self.arrived = 0
        self.given = 0

    async def __call__(self) -> dict[str, Any]:
        if self.given == self.arrived:
            await anyio.sleep_forever()
        self.given += 1
        return self.messages[self.given - 1]


class Model:
    """What the laws say. `at` is the message that is read next."""

    def __init__(self, server: Server, pieces: int) -> None:
        self.server = server
        self.pieces = pieces
        self.at = 0
        self.kept: bytes | None = None
        self.form: Any = None
        self.poisoned = False
        self.looked = 0
        self.gone = False

    @property
    def consumed(self) -> bool:
        return self.at == self.pieces

    def next(self) -> bytes:
        """The next piece of the body."""
        if self.at == self.server.arrived:
            raise Interrupted
        message = self.server.messages[self.at]
        self.looked = max(self.looked, self.at + 1)
        if message["type"] == "http.disconnect":
            self.gone = True
            raise ClientDisconnect
        self.at += 1
        piece: bytes = message["body"]
        return piece

    def body(self) -> bytes:
        if self.kept is None:
            if self.consumed:
                raise RuntimeError
            start, pieces = self.at, []
            try:
                while not self.consumed:
                    pieces.append(self.next())
            except BaseException:
                self.at = start  # what was read is put back
                raise
            self.kept = b"".join(pieces)
        return self.kept

    def stream(self, count: int) -> list[bytes]:
        if self.kept is not None:
            return ([self.kept] if self.kept else [])[:count] + [b""] * (count > bool(self.kept))
        if self.consumed:
            raise RuntimeError
        found: list[bytes] = []
        while len(found) < count:
            if self.consumed:
                found.append(b"")
                break
            piece = self.next()
            if piece:
                found.append(piece)
        return found

    def json(self) -> Any:
        try:
            return json.loads(self.body())
        except ValueError:
            raise MalformedJSON("", "", 0) from None

    def read_form(self) -> Any:
        if self.form is None:
            if self.kept is None:
                if self.poisoned or self.consumed:
                    raise RuntimeError
                self.poisoned = True
                pieces = []
                while not self.consumed:
                    pieces.append(self.next())
                self.poisoned = False
                body = b"".join(pieces)
            else:
                body = self.kept
            self.form = [pair for pair in parse_qsl(body.decode(), keep_blank_values=True) if pair != ("", "")]
        return self.form

    def is_gone(self) -> bool:
        if not self.gone and self.looked < self.server.arrived:
            self.gone = self.server.messages[self.looked]["type"] == "http.disconnect"
            self.looked += 1
        return self.gone


async def streamed(request: Request[Any], count: int) -> list[bytes]:
    """Up to `count` pieces of the stream, which is then left alone."""
    found: list[bytes] = []
    async for piece in request.stream():
        found.append(piece)
        if len(found) == count:
            break
    return found


async def form(request: Request[Any]) -> Any:
    """The pairs of a form."""
    pairs = (await request.form()).multi_items()
    return [pair for pair in pairs if pair != ("", "")]


async def outcome(move: Any) -> Any:
    """What a move of the application gives or raises; `Interrupted` if it waits."""
    result: Any = Interrupted
    try:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:

                async def interrupt() -> None:
                    for _ in range(30):
                        await anyio.lowlevel.checkpoint()
                    scope.cancel()

                group.start_soon(interrupt)
                try:
                    result = await move
                except (RuntimeError, ClientDisconnect, MalformedJSON) as error:
                    result = type(error)
                group.cancel_scope.cancel()
    finally:
        move.close()
    return result


def expected(move: Any) -> Any:
    """What the model gives or raises."""
    try:
        return move()
    except (RuntimeError, ClientDisconnect, MalformedJSON, Interrupted) as error:
        return type(error)


def script(pieces: list[bytes], leaves: int | None) -> list[dict[str, Any]]:
    """The server's messages: the body, and the disconnect behind it or in its midst."""
    last = len(pieces) - 1
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": at != last} for at, piece in enumerate(pieces)
    ]
    return [*messages[:leaves], {"type": "http.disconnect"}, {"type": "http.disconnect"}]


@given(PIECES, st.none() | st.integers(0, 3), MOVES)
@steady(150)
async def test_a_body_is_what_the_model_says_in_every_order_of_moves(
    pieces: list[bytes], leaves: int | None, moves: list[str]
) -> None:
    server = Server(script(pieces, leaves))
    model = Model(server, len(pieces))
    request = Request(http_scope(URL_ENCODED), server)
    for move in moves:
        if move == "arrive":
            server.arrived = min(server.arrived + 1, len(server.messages))
        elif move == "again":
            if model.kept is not None or model.form is not None:
                # Another reader of the same scope finds what was kept.
                other = Request(request.scope, server)
                if model.kept is not None:
                    assert await outcome(other.body()) == model.kept
                elif model.form is not None:
                    assert await outcome(form(other)) == model.form
        elif move == "gone":
            assert await outcome(request.is_disconnected()) == model.is_gone()
        elif move == "body":
            assert await outcome(request.body()) == expected(model.body)
        elif move == "json":
            assert await outcome(request.json()) == expected(model.json)
        elif move == "form":
            assert await outcome(form(request)) == expected(model.read_form)
        else:
            count = int(move.split()[1])
            found, wanted = await outcome(streamed(request, count)), expected(lambda count=count: model.stream(count))
            assert found == wanted
