"""Text that becomes header bytes: the checks every outgoing field passes.

Law of this module: what comes out can be put on the wire. No CR, LF, NUL or other control gets through (RFC 9110
section 5.5; response splitting), no name that is not a token, no white space around a value, which servers refuse.
"""

__all__ = ("encode_header_name", "encode_header_value")

_NAME_CHARACTERS = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")

# PERF: names are few and constant in a program, so their bytes are remembered (benchmarks: "3 function middlewares that
# set a header"). Bounded, short names only: a name made from client input can fill the table but not the memory.
MEMO_SIZE, MEMO_LENGTH = 1024, 64
_checked_names: dict[str, bytes] = {}


def encode_header_name(name: str) -> bytes:
    """Give the lower-cased bytes of a field name.

    Raises ValueError if `name` is not a token (RFC 9110 section 5.1), TypeError if it is not a `str`.
    """
    try:
        return _checked_names[name]
    except (KeyError, TypeError):
        return _checked_name(name)


def _checked_name(name: str) -> bytes:
    if not isinstance(name, str):
        raise TypeError(f"A header name must be a str, not {type(name).__name__}: {name!r}")
    lowered = name.lower()
    # Beyond ASCII lower() can make a letter out of something else (the Kelvin sign becomes a k).
    if not name or not name.isascii() or not _NAME_CHARACTERS.issuperset(lowered):
        raise ValueError(
            f"Header name {name[:100]!r} is not a token: use letters, digits and !#$%&'*+-.^_`|~ only (RFC 9110, 5.1)."
        )
    encoded = lowered.encode("ascii")
    if len(_checked_names) < MEMO_SIZE and len(name) <= MEMO_LENGTH:
        _checked_names[name] = encoded
    return encoded


def encode_header_value(value: str, name: str = "") -> bytes:
    """Give the Latin-1 bytes of a field value, without white space around it (RFC 9110 section 5.5).

    `name` is only used to say which header was wrong. Raises ValueError for CR, LF, NUL, any other control except the
    horizontal tab, and for characters outside of Latin-1; TypeError if `value` is not a `str`.
    """
    # PERF: one C call decides for nearly every value; `isprintable` is False for every control.
    try:
        if value.isprintable():
            # The only white space that is printable is the space, so a plain strip takes nothing else.
            return value.strip().encode("latin-1")
        if not _has_control(value):
            return value.strip(" \t").encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(
            f"The value of header {name!r} has characters outside of Latin-1: {value[:100]!r}. "
            "Percent-encode it, or for a parameter use the form of RFC 8187 (filename*=UTF-8''...)."
        ) from None
    except AttributeError:
        if isinstance(value, str):
            raise
        raise TypeError(
            f"The value of header {name!r} must be a str, not {type(value).__name__}: {value!r}. Write str(...)."
        ) from None
    raise ValueError(
        f"The value of header {name!r} has a control character: {value[:100]!r}. "
        "A line break would start another header; remove it or percent-encode the value."
    )


def _has_control(value: str) -> bool:
    return any((char < " " and char != "\t") or char == "\x7f" for char in value)
