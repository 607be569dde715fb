"""Where messages go once nobody in between looks at them any more.

A layer that wraps `send` and has finished with the head can say so. A response that is about to send many chunks asks,
and then sends straight to the outermost layer that still listens: a chunk costs the same under ten layers as under none.
"""

from asterion.types import Send


class PassThrough:
    """Base of an object whose bound method is handed to an inner app as its `send`.

    `leads_to` is None while the object wants to see messages, and the next `send` outward from the moment on that every
    further message of this response would be passed on untouched. It never goes back to None within one response.
    """

    __slots__ = ("leads_to",)

    leads_to: Send | None


def straight(send: Send) -> Send:
    """The outermost `send` that still wants to see this response's messages, starting at `send`."""
    while True:
        owner = getattr(send, "__self__", None)
        if not isinstance(owner, PassThrough) or owner.leads_to is None:
            return send
        send = owner.leads_to
