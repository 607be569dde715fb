"""`AsyncTestClient`: the test client of a test that runs on an event loop.

Laws: the application runs on the test's own loop, asyncio or trio, and its errors reach the test as themselves; so what
belongs to a loop (connections, locks, futures, task groups) is shared freely between test, fixtures and application.
The client itself belongs to no loop and holds no scope open, so it may be entered in one task and left in another, as
fixtures are. Contextvars of the test are seen by the application; what the application sets stays its own.
"""

from collections.abc import AsyncIterable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import anyio

from asterion.testclient._conversation import END_SECONDS
from asterion.testclient._faces import OnLoop
from asterion.testclient._httpx import httpx
from asterion.testclient._setup import STREAM, configure, handshake, scope_of, with_user_agent
from asterion.testclient.asynctransport import AsyncASGITransport, Pieces
from asterion.testclient.asyncwebsocket import AsyncWebSocketTestSession
from asterion.testclient.lifespan import LifespanRun
from asterion.types import ASGIApp, Scope

if TYPE_CHECKING:
    from httpx2._types import CookieTypes


class AsyncTestClient(httpx.AsyncClient):
    """A client of `app`, an ASGI application of version 2 or 3, on the event loop of the test.

    `async with AsyncTestClient(app) as client:` runs the application's lifespan around the block; without, requests
    work and no lifespan runs. The parameters and `settings` are those of `TestClient`, except that there is no
    `backend` to choose: the loop is the one that runs.

    A request is answered when the application has ended, background work included. `client.stream(...)` gives chunks as
    they are sent; request bodies may be generators, sync or async. There is no time limit on a request: put
    `anyio.fail_after(seconds)` around it.
    """

    def __init__(
        self,
        app: ASGIApp,
        base_url: str = "http://testserver",
        raise_server_exceptions: bool = True,
        root_path: str = "",
        cookies: "CookieTypes | None" = None,
        headers: dict[str, str] | None = None,
        follow_redirects: bool = True,
        client: tuple[str, int] = ("testclient", 50000),
        *,
        strict: bool | None = None,
    ) -> None:
        self.app_state: dict[str, Any] = {}
        self.app, self.settings = configure(
            app, strict=strict, raise_server_exceptions=raise_server_exceptions, root_path=root_path, client=client
        )
        self._lifespan: LifespanRun | None = None
        super().__init__(
            base_url=base_url,
            headers=with_user_agent(headers),
            cookies=cookies,
            follow_redirects=follow_redirects,
            transport=AsyncASGITransport(self.app, self.settings, self.app_state),
        )

    # --- requests ----------------------------------------------------------------------------------------------------

    def build_request(self, method: str, url: "httpx.URL | str", **options: Any) -> "httpx.Request":
        """A request, to be given to `send`. `content` may be a generator, sync or async, that makes it in pieces."""
        content = options.get("content")
        request = super().build_request(method, url, **options)
        if isinstance(content, Iterable | AsyncIterable) and not isinstance(content, str | bytes):
            request.stream = Pieces(content)  # the library's own streams cannot be closed half-way
        return request

    async def send(self, request: "httpx.Request", *, stream: bool = False, **options: Any) -> "httpx.Response":
        """Send `request`. With `stream`, the response is returned as soon as the application has started it."""
        if stream:
            request.extensions[STREAM] = True
        if not isinstance(request.stream, httpx.AsyncByteStream):
            request.stream = Pieces(request.stream)
        return await super().send(request, stream=stream, **options)

    def websocket_connect(
        self, url: str, subprotocols: Sequence[str] | None = None, **kwargs: Any
    ) -> AsyncWebSocketTestSession:
        """A WebSocket session with the application at `url`, which connects when it is entered with `async with`.

        `url` is a path, or absolute (ws, wss, http, https). `subprotocols` are offered in this order. `kwargs` are
        those of a request: `params`, `headers`, `cookies`, `auth`.
        """

        async def shake() -> Scope:
            return scope_of(await self.request(**handshake(url, subprotocols, kwargs)))

        return AsyncWebSocketTestSession(self.app, shake, self.settings)

    # --- lifespan ----------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Start the application. Raises what it raised, or `LifespanFailed`."""
        if self._lifespan is not None:
            raise RuntimeError("this AsyncTestClient is already entered: its application runs one lifespan at a time")
        self.app_state.clear()
        lifespan = self._lifespan = LifespanRun(self.app, self.app_state, self.settings)
        OnLoop().start(lifespan.run)
        try:
            await lifespan.startup()
        except BaseException:
            self._lifespan = None
            await lifespan.abandon()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Shut the application down. Raises what it raised, or `LifespanFailed`.

        A test that is being cancelled still shuts its application down, which then has five seconds for it.
        """
        lifespan, self._lifespan = self._lifespan, None
        if lifespan is None:
            return
        cancelled = isinstance(exc_value, anyio.get_cancelled_exc_class())
        try:
            with anyio.move_on_after(END_SECONDS if cancelled else None, shield=cancelled):
                await lifespan.shutdown()
        finally:
            await lifespan.abandon()
