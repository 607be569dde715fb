"""The `Host` header (RFC 9112 section 3.2, RFC 3986 section 3.2.2): what is a host and what is an attack.

Laws of this module:

- A host is a name, an IPv4 address or an IPv6 address in brackets, with a port from 0 to 65535 or none. Everything else
  is invalid, and an invalid host is never repaired: slashes, `@`, `?`, spaces and controls in it are how request URLs
  were poisoned (CVE-2026-48710).
- More than one `Host` header is as good as an invalid one: two readers could pick different ones.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

__all__ = ("host_header", "parse_host")

_LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
_HEX = frozenset("0123456789abcdef")
_MAX_HOST, _MAX_LABEL, _MAX_PORT = 253, 63, 65535


def parse_host(value: str) -> tuple[str, int | None] | None:
    """Read `host` or `host:port`; None if it is not valid.

    The host comes in lower case; an IPv6 address keeps its brackets (`"[::1]"`), a final dot stays. A name has
    non-empty labels of letters, digits, `-` and `_`; a name that ends in a number must be a plain IPv4 address, because
    resolvers read `0177.0.0.1`, `127.1` and `0x7f000001` as addresses too.
    """
    if value.startswith("["):
        inside, bracket, rest = value[1:].partition("]")
        if not bracket or not _is_ipv6(inside):
            return None
        host = f"[{inside.lower()}]"
    else:
        name, colon, digits = value.partition(":")
        rest = colon + digits
        host = name.lower()
        # Beyond ASCII lower() can make a letter out of something else (the Kelvin sign becomes a k).
        if not name.isascii() or not _is_name(host):
            return None
    if not rest:
        return host, None
    port = _port(rest[1:]) if rest[0] == ":" else None
    return None if port is None else (host, port)


def host_header(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Give the text of the one valid `Host` in raw ASGI headers, in the case it came; None if there is no such one."""
    found: bytes | None = None
    for name, value in headers:
        if name == b"host":
            if found is not None:
                return None
            found = value
    if found is None:
        return None
    text = found.decode("latin-1")
    return text if parse_host(text) is not None else None


def _port(digits: str) -> int | None:
    if not (0 < len(digits) <= 5 and digits.isascii() and digits.isdigit()):
        return None
    number = int(digits)
    return number if number <= _MAX_PORT else None


def _is_name(host: str) -> bool:
    """Whether `host`, in lower case, is a name or an IPv4 address."""
    name = host.removesuffix(".")
    if not name or len(name) > _MAX_HOST:
        return False
    labels = name.split(".")
    if not all(0 < len(label) <= _MAX_LABEL and _LABEL.issuperset(label) for label in labels):
        return False
    last = labels[-1]
    if last.isdigit() or (last.startswith("0x") and _HEX.issuperset(last[2:])):
        return host == name and _is_ipv4(labels)
    return True


def _is_ipv4(labels: list[str]) -> bool:
    return len(labels) == 4 and all(
        label.isdigit() and len(label) <= 3 and int(label) <= 255 and (label == "0" or label[0] != "0")
        for label in labels
    )


def _is_ipv6(address: str) -> bool:
    # The longest form has 45 characters; a zone ("%eth0") means something on one machine only.
    if len(address) > 45 or "%" in address or not address.isascii():
        return False
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        return False
    return True
