"""The middleware that every form of compression is."""

from collections.abc import Mapping

from asterion.middleware._compression.coders import MakeCoder
from asterion.middleware._compression.responder import CodingResponder, IdentityResponder
from asterion.middleware._compression.rules import agree
from asterion.types import ASGIApp, Receive, Scope, Send


class Compressing:
    """Serves each request with a responder for the coding agreed with its client.

    `coders` has what makes the coders, by content coding, the one the server likes best first.
    """

    def __init__(
        self,
        app: ASGIApp,
        coders: Mapping[str, MakeCoder],
        *,
        minimum_size: int,
        thread_minimum_size: int,
        exclude_content_types: tuple[str, ...],
    ) -> None:
        self.app = app
        self.minimum_size = minimum_size
        self.thread_minimum_size = thread_minimum_size
        self.exclude_content_types = exclude_content_types
        self._coders = dict(coders)
        self._offered = tuple(self._coders)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the inner app with a `send` that compresses, or only marks what could have been compressed."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        coding, plain_is_refused = agree(scope["headers"], self._offered)
        if coding is None:
            # A client that takes nothing we have gets the plain body all the same: it is of more use than a 406.
            responder = IdentityResponder(self.app, self.minimum_size, exclude_content_types=self.exclude_content_types)
        else:
            responder = self.responder(coding)
            responder.plain_is_refused = plain_is_refused
        await responder(scope, receive, send)

    def responder(self, coding: str) -> IdentityResponder:
        """A responder for one response in `coding`."""
        return CodingResponder(
            self.app,
            self.minimum_size,
            coding,
            self._coders[coding],
            thread_minimum_size=self.thread_minimum_size,
            exclude_content_types=self.exclude_content_types,
        )
