"""A judge of the ASGI messages of an application, for development.

Law: it changes nothing. Every message passes through as it is or, if ASGI does not allow it, is raised as a
`ConformanceError` out of the `send` that was given it. The rules are those of the test client's strict mode.
"""

from asterion._core.conformance import CONVERSATIONS, Conformance, ConformanceError
from asterion.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ("ConformanceError", "ConformanceMiddleware")


class ConformanceMiddleware:
    """Hold `app` to the ASGI specification: HTTP, WebSocket and lifespan.

    Raises `ConformanceError`, which names the message, the state and what was expected, out of the application's own
    `send`, and after the application has returned if its answer is not complete or if it caught the first error. Put
    it around a whole application, or around any part of it (`Middleware(ConformanceMiddleware)`, a mounted
    application), and leave it out in production: every message costs a look.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application with a judge at its ears. Scopes of other types than the three pass unjudged."""
        if scope["type"] not in CONVERSATIONS:
            await self.app(scope, receive, send)
            return
        watch = _Watch(Conformance(scope), receive, send)
        await self.app(scope, watch.receive, watch.send)
        watch.judge.finish()


class _Watch:
    """One call: both directions, and the judge who hears them."""

    __slots__ = ("_receive", "_send", "judge")

    def __init__(self, judge: Conformance, receive: Receive, send: Send) -> None:
        self.judge = judge
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        message = await self._receive()
        self.judge.told(message)
        return message

    async def send(self, message: Message) -> None:
        self.judge.check(message)
        try:
            await self._send(message)
        except OSError:
            self.judge.left()  # since ASGI 2.4: the client has gone, so an answer may end here
            raise
