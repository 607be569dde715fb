"""A server of tools, and a memory of the events it has sent."""

import asyncio
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.streamable_http import EventMessage, EventStore
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route


class Memory(EventStore):
    """Events in the order in which they were sent; the place is the identifier."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    async def store_event(self, stream_id: str, message: Any) -> str:
        self.events.append((stream_id, message))
        return str(len(self.events))

    async def replay_events_after(self, last_event_id: str, send_callback: Any) -> str | None:
        if not last_event_id.isdigit() or not 0 < int(last_event_id) <= len(self.events):
            return None
        last = int(last_event_id)
        stream = self.events[last - 1][0]
        for place, (owner, message) in enumerate(self.events[last:], last + 1):
            if owner == stream and message is not None:
                await send_callback(EventMessage(message, str(place)))
        return stream


def toolbox() -> MCPServer:
    """Tools that answer at once, tell of their progress, lose their connection, and fail."""
    server = MCPServer("toolbox")

    @server.tool()
    def add(a: int, b: int) -> int:
        """The sum."""
        return a + b

    @server.tool()
    async def climb(steps: int, ctx: Context) -> str:
        """Tells of each step."""
        for step in range(steps):
            await ctx.report_progress(step + 1, steps)
            await asyncio.sleep(0.001)
        return f"climbed {steps}"

    @server.tool()
    async def interrupted(ctx: Context) -> str:
        """Closes its own stream in the middle: the client comes back for the rest."""
        await ctx.report_progress(1, 2)
        await asyncio.sleep(0.02)  # what has not reached the stream when it closes cannot be asked for again
        await ctx.close_sse_stream()
        await asyncio.sleep(0.05)
        await ctx.report_progress(2, 2)
        return "finished all the same"

    @server.tool()
    def broken() -> str:
        """Fails."""
        raise LookupError("no such tool in the box")

    @server.resource("box://{name}")
    def content(name: str) -> str:
        """What is in a box."""
        return f"in {name}"

    @server.prompt()
    def greet(name: str) -> str:
        """A greeting."""
        return f"Greet {name}."

    return server


def behind_middleware(server: MCPServer, **settings: Any) -> Any:
    """The server's application, mounted in another one that has a page and a function middleware of its own."""
    inner = server.streamable_http_app(**settings)

    @asynccontextmanager
    async def lifespan(app: Any) -> Any:
        async with server.session_manager.run():
            yield

    async def stamp(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["x-stamped"] = request.url.path
        return response

    async def health(request: Any) -> Any:
        return JSONResponse({"ok": True})

    return Starlette(
        routes=[Route("/health", health), Mount("/box", inner)],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=stamp)],
        lifespan=lifespan,
    )
