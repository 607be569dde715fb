"""`TestClient`: an HTTP client whose requests go straight into an application.

Laws: an application behaves as under a server, and its errors reach the test as themselves. Inside `with`, its lifespan
runs; without, none does. In both cases a client has one event loop, in a thread of its own, which is started when it is
needed and kept for the next request, so what belongs to a loop can be used from one request to the next (issue 1315).
"""

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from anyio.from_thread import BlockingPortal

from asterion.testclient._httpx import httpx
from asterion.testclient._loop import ClientLoop
from asterion.testclient._setup import STREAM, configure, handshake, scope_of, with_user_agent
from asterion.testclient._websocket import limits
from asterion.testclient.lifespan import LifespanRun
from asterion.testclient.transport import ASGITransport
from asterion.testclient.websocket import WebSocketTestSession
from asterion.types import ASGIApp

if TYPE_CHECKING:
    from httpx2._types import CookieTypes


class TestClient(httpx.Client):
    """A client of `app`, which is an ASGI application of version 2 or 3.

    `raise_server_exceptions`: raise what the application raises; if false, an error before the response is status 500.
    `root_path`, `client`: the scope's entries of these names. `backend`, `backend_options`: the event loop, as in
    `anyio.run` (`{"use_uvloop": True}`). `cookies`, `headers`, `follow_redirects`, `base_url`: as in the HTTP client,
    whose `timeout` has no effect here. `strict`: judge every message of the application by the rules of
    `asterion.testclient.Conformance`; None (the default) does so when `app` is an `Asterion`, but not for its
    `Starlette` face: code written for that may rely on what servers tolerate.

    `settings` holds what can be changed later, the announced ASGI versions and the time limits among them. `portal` is
    the `anyio` portal into the client's event loop inside `with`, else None.
    """

    __test__ = False  # the name looks like a test class to pytest

    portal: BlockingPortal | None = None

    def __init__(
        self,
        app: ASGIApp,
        base_url: str = "http://testserver",
        raise_server_exceptions: bool = True,
        root_path: str = "",
        backend: Literal["asyncio", "trio"] = "asyncio",
        backend_options: dict[str, Any] | None = None,
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
        self._loop = ClientLoop(backend, backend_options or {})
        self._lifespan: LifespanRun | None = None
        super().__init__(
            base_url=base_url,
            headers=with_user_agent(headers),
            cookies=cookies,
            follow_redirects=follow_redirects,
            transport=ASGITransport(self.app, self._loop, self.settings, self.app_state),
        )

    # --- requests ----------------------------------------------------------------------------------------------------

    def send(self, request: "httpx.Request", *, stream: bool = False, **options: Any) -> "httpx.Response":
        """Send `request`. With `stream`, the response is returned as soon as the application has started it."""
        if stream:
            request.extensions[STREAM] = True
        return super().send(request, stream=stream, **options)

    def websocket_connect(
        self, url: str, subprotocols: Sequence[str] | None = None, **kwargs: Any
    ) -> WebSocketTestSession:
        """A WebSocket session with the application at `url`, which connects when it is entered.

        `url` is a path, or absolute (ws, wss, http, https). `subprotocols` are offered in this order. `kwargs` are
        those of a request: `params`, `headers`, `cookies`, `auth`.
        """
        response = self.request(**handshake(url, subprotocols, kwargs))
        return WebSocketTestSession(self.app, scope_of(response), self._loop.portal, **limits(self.settings))

    # --- lifespan ----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Start the application. Raises what it raised, or `LifespanFailed`."""
        if self.portal is not None:
            raise RuntimeError("this TestClient is already entered: its application runs one lifespan at a time")
        self.app_state.clear()
        self.portal = self._loop.acquire()
        try:
            self._lifespan = LifespanRun(self.app, self.app_state, self.settings)
            self.portal.start_task_soon(self.lifespan)
            self.portal.call(self.wait_startup)
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Shut the application down and close the event loop. Raises what it raised, or `LifespanFailed`."""
        if self.portal is None:
            return  # it was left before
        try:
            self.portal.call(self.wait_shutdown)
        finally:
            self._leave()

    def _leave(self) -> None:
        self.portal = None
        self._lifespan = None
        self._loop.release()
        self._loop.close()

    async def lifespan(self) -> None:
        """The application's lifespan, from start to end; runs on the event loop."""
        await self._started().run()

    async def wait_startup(self) -> None:
        """Ask the application to start and wait until it has; runs on the event loop."""
        await self._started().startup()

    async def wait_shutdown(self) -> None:
        """Ask the application to shut down and wait until it has; runs on the event loop."""
        await self._started().shutdown()

    def _started(self) -> LifespanRun:
        if self._lifespan is None:
            raise RuntimeError("no lifespan is running: use `with TestClient(app) as client:`")
        return self._lifespan

    def close(self) -> None:
        """Close the client and its event loop."""
        super().close()
        self._loop.close()
