"""The charsets that a client may name. A closed list: a codec is never chosen by the client's word alone."""

__all__ = ("CHARSETS", "check_charsets", "codec_of")

_CODECS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "iso-8859-1": "latin-1",
    "latin-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
}

CHARSETS = frozenset(_CODECS)
"""What may be named unless an application says otherwise: UTF-8, ASCII, ISO 8859-1 and Windows-1252."""


def codec_of(label: str, allowed: frozenset[str]) -> str | None:
    """The codec for the charset `label` as a client wrote it; None if it is not `allowed`."""
    wanted = label.strip().lower()
    return _CODECS.get(wanted, wanted) if wanted in allowed else None


def check_charsets(labels: frozenset[str]) -> None:
    """Raise ValueError for a label that no client's would be equal to, or that stands for no charset of Python's."""
    for label in labels:
        if label != label.strip().lower():
            raise ValueError(f"A charset is written in small letters here: got {label!r}.")
        try:
            b"text".decode(label)  # of no bytes Python would take any charset
        except UnicodeError:
            pass
        except LookupError:
            raise ValueError(f"Python has no charset {label!r}; name one of `encodings.aliases`.") from None
