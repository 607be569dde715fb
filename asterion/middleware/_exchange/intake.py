"""The request's messages on their way in: told to dispatch, and told again to the inner application.

Laws: nothing that dispatch takes is lost for the inner application; a body that is gone is a clear error and never a
wait; whoever waits for the client to go hears of it, whoever saw it first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio

from asterion.middleware._exchange.call import Call
from asterion.middleware._exchange.states import NEW
from asterion.requests import ClientDisconnect
from asterion.requests._kept import BODY as KEPT_BODY
from asterion.types import Message, Receive, Scope

BODY_GONE = (
    "call_next was called again, but the inner application has read the request body and it is gone; "
    "`await request.body()` before the first call_next keeps it"
)

EARLIER: Any = object()
"""Stands for an inner run that ended before its start, as the one who has taken the body."""


class Intake(Call):
    """The part of an exchange that receives."""

    scope: Scope
    outer_receive: Receive
    own_request: Any
    """The request that dispatch is given."""
    taken: Sequence[Message] = ()
    """Messages of the request that dispatch has taken, to be told to the inner application."""
    body_taken_by: object = None
    """The `taker` of the call that has read of the body."""
    client_gone = False
    listeners: tuple[tuple[Call | None, anyio.CancelScope], ...] = ()

    async def receive_for_dispatch(self) -> Message:
        """The `receive` of dispatch's own request; what it takes is told to the inner application again."""
        if self.client_gone:
            return {"type": "http.disconnect"}
        message = await self.outer_receive()
        if message["type"] == "http.disconnect":
            self._note_client_gone()
        else:
            self._take(message)
        return message

    def _take(self, message: Message) -> None:
        if isinstance(self.taken, list):
            self.taken.append(message)
        else:
            self.taken = [message]

    async def receive_for_response(self) -> Message:
        return await self._wait_for_disconnect(None)

    async def next_message(self, call: Call) -> Message:
        """The next message for `call`: what dispatch has taken first, then the server's."""
        request = call.request
        if request is not None and request.receive != self.receive_for_dispatch:
            return await request.receive()  # dispatch has put its own in place
        if call.replayed < len(self.taken):
            call.replayed += 1
            return self.taken[call.replayed - 1]
        if call.body_read:
            return await self._wait_for_disconnect(call)
        if self.client_gone:
            return {"type": "http.disconnect"}
        if self.body_taken_by not in (None, call.taker):
            raise RuntimeError(BODY_GONE)
        message = await self.outer_receive()
        if message["type"] == "http.disconnect":
            self._note_client_gone()
        elif message.get("body") or message.get("more_body"):
            self.body_taken_by = call.taker
        else:
            self._take(message)  # an empty body can be told as often as it is asked for
            call.replayed = len(self.taken)
        return message

    async def _wait_for_disconnect(self, call: Call | None) -> Message:
        # Ends as well when the response is not wanted any more, and when somebody else has seen the client go.
        if not self.client_gone:
            with anyio.CancelScope() as scope:
                listener = (call, scope)
                self.listeners = (*self.listeners, listener)
                try:
                    message = await self.outer_receive()
                    while call is None and message["type"] == "http.request":
                        self._take(message)  # not for who looks out for the client, but for who reads the body
                        message = await self.outer_receive()
                finally:
                    self.listeners = tuple(other for other in self.listeners if other is not listener)
                if message["type"] == "http.disconnect":
                    self._note_client_gone()
                return message
        return {"type": "http.disconnect"}

    def _note_client_gone(self) -> None:
        self.client_gone = True
        for _, scope in self.listeners:
            scope.cancel()

    def end_listening(self, call: Call | None) -> None:
        """Nobody wants the response of `call`: who waits in its `receive` is told so."""
        for listener, scope in self.listeners:
            if listener is call:
                scope.cancel()

    def find_kept_body(self) -> None:
        """A layer further out has read the body: what is received here stands for the same one, kept or gone."""
        record = self.scope[KEPT_BODY]
        if record.is_from(self.outer_receive):
            record.add(self.receive_for_dispatch, self.receive)

    def share_body(self, call: Call) -> None:
        """Let the requests of dispatch and of the inner application find the body that either has kept."""
        record = self.scope.get(KEPT_BODY)
        if record is None or (call.request is not None and call.request.receive != self.receive_for_dispatch):
            return
        ours = (self.receive_for_dispatch, self.receive, call.receive)
        if not any(map(record.is_from, ours)):
            return
        read_outside = record.is_from(self.outer_receive)  # it will not come again, and whoever asks is told so
        if record.body is None and record.form is None and not read_outside:
            if call.state is NEW:
                del self.scope[KEPT_BODY]  # nothing is kept: what there is to tell again is in `taken`
            return
        record.add(*(receive for receive in ours if not record.is_from(receive)))
        body = self.own_request.__dict__.get("_body")
        if body is not None and body is not record.body:
            # Put there by dispatch, in place of what it had read.
            record.body = body
            self.taken = [{"type": "http.request", "body": body, "more_body": False}]

    async def incomplete(self, what: str) -> Exception:
        """Why the inner application gave less than a response: its client has gone, or it is wrong."""
        for _ in range(2):  # what is left of the body may be in the way
            if self.client_gone or await self.own_request.is_disconnected():
                return ClientDisconnect("The client disconnected before it was answered.")
        return RuntimeError(what)
