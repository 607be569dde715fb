"""How forms share the event loop: in slices, between which others may have a turn.

A server that has a body in memory already hands it over without ever waiting, so that a form that is read to its end in
one go would hold the loop for as long as all of it takes.
"""

from collections.abc import Iterator

SLICE = 64 * 1024
"""Bytes that are read at once, at most."""


def slices(chunk: bytes) -> Iterator[bytes]:
    """`chunk` in pieces of at most `SLICE` bytes."""
    if len(chunk) <= SLICE:
        yield chunk if type(chunk) is bytes else bytes(chunk)
        return
    for start in range(0, len(chunk), SLICE):
        yield bytes(chunk[start : start + SLICE])
