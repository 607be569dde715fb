"""What is fuzzed: for each parser a function of bytes that raises when a law of the parser is broken.

Laws of this package: a target is deterministic, reads no clock, file or network and needs no atheris; malformed input
may end in the parser's own error and in no other; `AssertionError` says which law was broken.
"""

from collections.abc import Callable

from fuzz.targets import addresses, bodies, heads, sessions

Target = Callable[[bytes], None]

TARGETS: dict[str, Target] = {
    "headers": heads.headers,
    "cookies": heads.cookies,
    "ranges": heads.ranges,
    "negotiation": heads.negotiation,
    "conditional": heads.conditional,
    "urls": addresses.urls,
    "hosts": addresses.hosts,
    "templates": addresses.templates,
    "multipart": bodies.multipart,
    "urlencoded": bodies.urlencoded,
    "json": bodies.json_body,
    "json-slices": bodies.json_slices,
    "sessions": sessions.sessions,
}
"""By name; each name is a folder of `fuzz/corpus`."""
