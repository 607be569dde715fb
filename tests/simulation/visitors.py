"""What visitors do in a house, each of them at moments of its own, and what each has to be told."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio

from asterion.testclient import AsyncTestClient, Conformance
from tests.asgi import Exchange, http_scope
from tests.simulation import house as house_module
from tests.simulation.house import LIMIT, House

STATE = {"outer": "outer house"}


async def says_hello(house: House, client: AsyncTestClient, name: str) -> None:
    kind = house.simulation.random.choice(["hello", "thread"])
    answer = await client.get(f"/{kind}/{name}", headers={"x-visitor": name})
    assert (answer.status_code, answer.text) == (200, f"{name} {name} outer house")
    assert answer.headers["x-seen"] == name


async def visits_the_inner_house(house: House, client: AsyncTestClient, name: str) -> None:
    answer = await client.get(f"/inner/{name}", headers={"x-visitor": name})
    assert answer.text == f"{name} {name} inner house"


async def listens(house: House, client: AsyncTestClient, name: str) -> None:
    kind = house.simulation.random.choice(["stream", "sync-stream"])
    async with client.stream("GET", f"/{kind}/{name}") as response:
        lines = []
        async for line in response.aiter_lines():
            lines.append(line)
            await house.simulation.pause(0.1)
    assert lines == [f"{name} {number}" for number in range(4)]


async def leaves_a_stream(house: House, client: AsyncTestClient, name: str) -> None:
    async with client.stream("GET", f"/stream/{name}") as response:
        assert response.status_code == 200
        await house.simulation.pause()


async def uploads(house: House, client: AsyncTestClient, name: str) -> None:
    pieces = [f"{name} {number}".encode() for number in range(house.simulation.random.randint(1, 4))]

    async def body() -> Any:
        for piece in pieces:
            await house.simulation.pause(0.1)
            yield piece

    path = house.simulation.random.choice(["/echo", "/echo-stream"])
    answer = await client.post(path, content=body())
    assert answer.content == b"".join(pieces)


async def uploads_too_much(house: House, client: AsyncTestClient, name: str) -> None:
    async def body() -> Any:
        for _ in range(4):
            yield b"x" * (LIMIT // 3)

    announced = house.simulation.random.random() < 0.5
    answer = await client.post("/echo", content=b"x" * (LIMIT + 1) if announced else body())
    assert answer.status_code == 413


async def counts(house: House, client: AsyncTestClient, name: str) -> None:
    before = house.simulation.random.randint(1, 3)
    client.cookies.clear()
    for expected in range(1, before + 1):
        assert (await client.get("/count")).json() == expected


async def orders(house: House, client: AsyncTestClient, name: str) -> None:
    assert (await client.get(f"/background/{name}")).text == name
    assert name in house.books.finished


async def asks_for_what_there_is_not(house: House, client: AsyncTestClient, name: str) -> None:
    answer = await client.get(f"/fails/{name}")
    assert (answer.status_code, answer.text) == (404, f"no {name}")


async def asks_the_old_house(house: House, client: AsyncTestClient, name: str) -> None:
    assert (await client.get(f"/legacy/{name}")).text == f"legacy/{name}"


async def chats(house: House, client: AsyncTestClient, name: str) -> None:
    said = [f"{name}: {number}" for number in range(house.simulation.random.randint(0, 3))]
    async with client.websocket_connect(f"/chat/{name}") as websocket:
        for text in said:
            await websocket.send_text(text.partition(": ")[2])
            await house.simulation.pause(0.1)
        heard: list[str] = []
        while [text for text in heard if text.startswith(f"{name}: ")] != said:
            heard.append(await websocket.receive_text(timeout=100))
    said_by_all = house.books.said
    assert not heard or heard == said_by_all[said_by_all.index(heard[0]) :][: len(heard)]


async def leaves_the_room(house: House, client: AsyncTestClient, name: str) -> None:
    async with client.websocket_connect(f"/chat/{name}") as websocket:
        for number in range(3):
            await websocket.send_text(str(number))
        await house.simulation.pause(0.1)
        if house.simulation.random.random() < 0.5:
            await websocket.close(1001)


async def fetches_a_file(house: House, client: AsyncTestClient, name: str) -> None:
    content = Path(house_module.__file__).read_bytes()
    first, last = sorted(house.simulation.random.sample(range(len(content)), 2))
    answer = await client.get("/file", headers={"range": f"bytes={first}-{last}"})
    assert (answer.status_code, answer.content) == (206, content[first : last + 1])
    assert (await client.get("/file")).content == content


async def is_out_of_patience(house: House, client: AsyncTestClient, name: str) -> None:
    """The server cancels the request, whatever it is at."""
    random = house.simulation.random
    kind = random.choice(["hello", "thread", "stream", "sync-stream", "background", "fails", "legacy"])
    with anyio.move_on_after(random.randrange(8) / 16):
        await client.get(f"/{kind}/{name}")
    with anyio.move_on_after(random.randrange(8) / 16):
        async with client.websocket_connect(f"/chat/{name}"):
            await anyio.sleep_forever()


class Cut(Exchange):
    """An exchange whose request body breaks off before its last piece, if `cut`."""

    cut = False

    async def receive(self) -> dict[str, Any]:
        message = await super().receive()
        if self.cut and message["type"] == "http.request":
            message["more_body"] = True
        return message


async def vanishes(house: House, client: AsyncTestClient, name: str) -> None:
    """Goes away at any time, in the middle of whatever it is, as the server tells an application."""
    random = house.simulation.random
    kind = random.choice(["hello", "thread", "stream", "sync-stream", "echo", "echo-stream", "background", "count"])
    path = f"/{kind}" if kind in ("echo", "echo-stream", "count") else f"/{kind}/{name}"
    scope = http_scope(
        "POST" if kind.startswith("echo") else "GET",
        path,
        headers=[("x-visitor", name), *([("x-read-early", "1")] if random.random() < 0.5 else [])],
        spec_version=random.choice(["2.3", "2.4"]),
        state=dict(STATE),
    )
    judge = Conformance(scope)
    exchange = Cut(house.app, scope, body=[b"a", b"b"], on_send=judge.check)
    exchange.cut = random.random() < 0.5

    async def leave() -> None:
        await house.simulation.pause(0.6)
        judge.left()
        exchange.disconnect()

    async def run() -> None:
        try:
            await exchange.run()
        except (OSError, house.kit.ClientDisconnect):
            assert exchange.gone
        judge.finish()

    await house.simulation.together(run, leave)
    assert kind != "background" or not exchange.complete or name in house.books.finished


Visit = Callable[[House, AsyncTestClient, str], Awaitable[None]]

VISITS: tuple[Visit, ...] = (
    says_hello,
    visits_the_inner_house,
    listens,
    leaves_a_stream,
    uploads,
    uploads_too_much,
    counts,
    orders,
    asks_for_what_there_is_not,
    asks_the_old_house,
    chats,
    chats,
    leaves_the_room,
    fetches_a_file,
    is_out_of_patience,
    is_out_of_patience,
    vanishes,
    vanishes,
)
