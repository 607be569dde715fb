"""Where messages go once nobody in between looks at them any more.

A layer that wraps `send` and has finished with the head can say so. A response that is about to send many chunks asks,
and then sends straight to the outermost layer that still listens: a chunk costs the same under ten layers as under
none.
"""

from collections.abc import Awaitable

from asterion.types import Message, Send


class PassThrough:
    """Base of an object whose bound method is handed to an inner app as its `send`.

    `leads_to` is None while the object wants to see messages, and the next `send` outward from the moment on that every
    further message of this response would be passed on untouched. It never goes back to None within one response.
    `started` is True once the inner app has sent its start, `complete` once it has sent its last body message; while
    `leads_to` is set, only the last message is still seen.
    """

    leads_to: Send | None = None
    started = False
    complete = False


NOT_STARTED, STARTED, COMPLETE = PassThrough(), PassThrough(), PassThrough()
"""What is known of a response where no object of its own has watched it."""
STARTED.started = COMPLETE.started = COMPLETE.complete = True


class StartWatch(PassThrough):
    """Watches an inner app's messages, to know whether an error can still be answered."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def send(self, message: Message) -> Awaitable[None]:
        """Note the message and pass it on."""
        # PERF(benchmarks/plain_text): no coroutine of its own; what the outer `send` gives is awaited by the caller.
        kind = message["type"]
        if kind == "http.response.body":
            if not message.get("more_body"):
                self.complete = True
        elif kind == "http.response.start":
            self.started = True
            # After the head there is nothing to learn but the end.
            self.leads_to = self._send
        elif kind == "http.response.pathsend":
            self.complete = True
        return self._send(message)


def straight(send: Send) -> Send:
    """The outermost `send` that still wants to see this response's messages, starting at `send`."""
    while True:
        owner = getattr(send, "__self__", None)
        if not isinstance(owner, PassThrough) or owner.leads_to is None:
            return send
        send = owner.leads_to


def watched(send: Send) -> tuple[Send, PassThrough]:
    """`send` and what knows about its response: its own owner if that does already, else a new watch around it."""
    owner = getattr(send, "__self__", None)
    if isinstance(owner, PassThrough):
        return send, owner
    watch = StartWatch(send)
    return watch.send, watch


def means_client_gone(error: OSError) -> bool:
    """Whether `send` raised `error` because the client has gone.

    ASGI 2.4: `send` then raises a server-specific subclass of OSError. An error of the operating system about something
    else (a full disk under a layer that writes what it sends) has a number and is no connection error.
    """
    return error.errno is None or isinstance(error, ConnectionError)
