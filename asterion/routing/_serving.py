"""The serving time of an application and of those mounted in it: entered in declared order, left in reverse.

A mounted application that is made of this toolkit runs its lifespan right here, in the same task, so that what it
raises arrives as itself. Any other ASGI application is served the lifespan protocol in a task of its own; one that does
not know the protocol is left alone, as servers do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio

from asterion._core.policies import Policies
from asterion.concurrency import Companion
from asterion.types import ASGIApp, Message, Scope

State = MutableMapping[str, Any] | None

_WRAPPERS_AT_MOST = 32


@asynccontextmanager
async def serving(router: Any, app: Any, state: State, policies: Policies) -> AsyncIterator[None]:
    """The time in which `router`, the router of `app`, serves. Its mounts' lifespans are within its own.

    What a lifespan yields goes into `state`, where an outer application's wins. Raises RuntimeError where there is no
    state to put it in.
    """
    seen: set[int] = {id(router), id(app)}
    async with _one(router, app, state, policies, seen):
        yield


@asynccontextmanager
async def _one(router: Any, app: Any, state: State, policies: Policies, seen: set[int]) -> AsyncIterator[None]:
    async with router.lifespan_context(app) as given:
        if given is not None:
            _share(state, given)
        await router.startup()
        async with AsyncExitStack() as mounted:
            if policies.mounted_lifespans:
                await _enter_mounts(mounted, router.routes, state, policies, seen)
            yield
            drain = getattr(app, "drain_background_work", None)
            if drain is not None:
                await drain()
        await router.shutdown()


async def _enter_mounts(
    stack: AsyncExitStack, routes: Iterable[Any], state: State, policies: Policies, seen: set[int]
) -> None:
    for route in routes:
        app = getattr(route, "_base_app", None)
        if app is None or id(app) in seen:
            continue
        seen.add(id(app))
        owner, router = _find_router(app)
        if router is not None:
            seen.add(id(router))
            await stack.enter_async_context(_one(router, owner, state, policies, seen))
        elif hasattr(app, "routes"):
            await _enter_mounts(stack, app.routes, state, policies, seen)
        else:
            await stack.enter_async_context(_foreign(app, state))


def _find_router(app: Any) -> tuple[Any, Any]:
    """The application and the router beneath any middleware that keeps what it wraps as `app`."""
    for _ in range(_WRAPPERS_AT_MOST):
        router = app if hasattr(app, "lifespan_context") else getattr(app, "router", None)
        if hasattr(router, "lifespan_context"):
            return app, router
        app = getattr(app, "app", None)
        if app is None or not hasattr(app, "__dict__"):
            break
    return None, None


def _share(state: State, given: Any) -> None:
    """Put what a lifespan yielded where the server copies it to every request (ASGI lifespan state)."""
    if state is None:
        raise RuntimeError(
            f"the lifespan yielded {given!r:.80}, but this server offers no lifespan state (ASGI lifespan 2.0, "
            '"state" in the scope); use a server that does, or keep it in app.state'
        )
    for key, value in given.items():
        state.setdefault(key, value)


@asynccontextmanager
async def _foreign(app: ASGIApp, state: State) -> AsyncIterator[None]:
    """Serve the lifespan protocol to an ASGI application of another make."""
    talk = _Talk()
    scope: Scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}}
    own: dict[str, Any] = {}
    if state is not None:
        scope["state"] = own

    async def run() -> None:
        try:
            await app(scope, talk.receive, talk.send)
        finally:
            talk.answered.set()

    companion = Companion(run)
    try:
        await talk.answered.wait()
        if talk.failure is not None:
            await companion.wait()
            raise companion.error if isinstance(companion.error, Exception) else RuntimeError(talk.failure)
        if talk.started and state is not None:
            _share(state, own)
        yield
        if talk.started:
            talk.stop.set()
            await companion.wait()
            if isinstance(companion.error, Exception):
                raise companion.error
            if talk.failure is not None:
                raise RuntimeError(talk.failure)
    finally:
        await companion.stop()


class _Talk:
    """The two ends of one lifespan conversation."""

    def __init__(self) -> None:
        self.answered = anyio.Event()
        self.stop = anyio.Event()
        self.started = False
        self.failure: str | None = None
        self._told = False

    async def receive(self) -> Message:
        if not self._told:
            self._told = True
            return {"type": "lifespan.startup"}
        await self.stop.wait()
        return {"type": "lifespan.shutdown"}

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete":
            self.started = True
            self.answered.set()
        elif kind in ("lifespan.startup.failed", "lifespan.shutdown.failed"):
            self.failure = message.get("message") or f"a mounted application sent {kind}"
        elif kind != "lifespan.shutdown.complete":
            raise RuntimeError(f"{kind!r} is no message of the lifespan protocol")
