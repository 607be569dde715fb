"""One disconnect must not pin a worker: a source that never waits, and a `send` that never suspends."""

import asyncio
import time
from typing import Any

from tests.faults.cells import Cell
from tests.faults.http import Scenario
from tests.faults.kit import Kit, Stage
from tests.faults.ledger import Ledger

GONE_AFTER = 0.005
LIMIT_SECONDS = 1.0


def starves(kit: Kit, layers: int, way: str, *, silent: bool) -> bool:
    """Whether a client that leaves goes unnoticed for a second."""
    ended: list[str] = []

    async def flood() -> Any:
        until = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < until:
            yield b"chunk"
        ended.append("the limit")

    def make(stage: Stage) -> Any:
        async def endpoint(request: Any) -> Any:
            return kit.responses.StreamingResponse(flood())

        return endpoint

    async def main() -> None:
        cell = Cell(Scenario("flood", make), layers, way, "2.3" if silent else "2.4")
        app = cell.build(Stage(kit, "", Ledger()))
        server = cell.server()
        server.drains = False
        asyncio.get_running_loop().call_later(GONE_AFTER, lambda: server.disconnect(fails=not silent))
        try:
            await app(server.scope, server.receive, server.send)
        except OSError:
            pass

    asyncio.run(main())
    return bool(ended)
