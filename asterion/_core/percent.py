"""Percent-encoded text, read (RFC 3986 section 2.1).

Laws of this module:

- The result is that of `urllib.parse`: a percent sign that begins no two hexadecimal digits stands for itself, and what
  is not UTF-8 becomes U+FFFD.
- No text costs Python's own steps for each of its escapes or fields, of which 64 KiB may hold 30,000: whatever is asked
  of all of them is asked once, of the whole text. What is decoded in one call of C has a bound, as other threads wait.
"""

import re
from binascii import a2b_qp
from collections.abc import Iterator
from urllib.parse import unquote

__all__ = ("split_fields", "unquote_bytes", "unquote_text")

_SLICE = 64 * 1024
_SHORT = 256  # bytes in which it does not pay to look for runs of percent signs
_NO_ESCAPE = re.compile(b"%(?![0-9A-Fa-f]{2})")

# Escapes that would be taken for separators once they are decoded wait behind a NUL until the text is split. So does
# NUL itself, which comes first here, as every later line writes some, and last where they are taken back.
_KEPT = (("%00", "%0000"), ("\x00", "%0000"), ("%26", "%0026"), ("%3D", "%003D"), ("%3d", "%003D"))
_GIVEN_BACK = (("\x0026", "&"), ("\x003D", "="), ("\x0000", "\x00"))


def unquote_bytes(raw: bytes) -> bytes:
    """Decode the escapes in `raw`; all other bytes stay, as do percent signs that begin no escape."""
    if len(raw) <= _SLICE:
        if len(raw) > _SHORT and b"%%" in raw:
            # Long runs of percent signs, twice as each takes part in two pairs: half the time of the expression below.
            raw = raw.replace(b"%%", b"%25%").replace(b"%%", b"%25%")
        # With every percent sign the beginning of an escape, this is quoted-printable (RFC 2045 section 6.7) but for
        # the sign, and that the interpreter decodes without an object for each of them.
        return a2b_qp(_NO_ESCAPE.sub(b"%25", raw).replace(b"=", b"=3D").replace(b"%", b"="))
    return b"".join(map(unquote_bytes, _slices(raw)))


def _slices(raw: bytes) -> Iterator[bytes]:
    """`raw` in slices, none of which ends within an escape."""
    start = 0
    while start < len(raw):
        end = start + _SLICE
        if end < len(raw) and (sign := raw.rfind(b"%", end - 2, end)) != -1:
            end = sign
        yield raw[start:end]
        start = end


def unquote_text(text: str) -> str:
    """Decode the escapes in `text` as UTF-8; other characters stay."""
    if "%" not in text:
        return text
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        return unquote(text)  # lone surrogates, which stay; no client can send one
    return unquote_bytes(raw).decode("utf-8", "replace")


def split_fields(text: str) -> list[tuple[str, str]]:
    """Split url-encoded text at `&`, and each field that is not empty at its first `=`, all decoded; `+` is a space."""
    if "+" in text:
        text = text.replace("+", " ")
    kept = False
    if "%" in text:
        kept = "%26" in text or "%3D" in text or "%3d" in text
        if kept:
            for escape, instead in _KEPT:
                text = text.replace(escape, instead)
        text = unquote_text(text)
    pairs = []
    for field in text.split("&"):
        if field:
            name, _, value = field.partition("=")
            if kept and "\x00" in field:
                name, value = _given_back(name), _given_back(value)
            pairs.append((name, value))
    return pairs


def _given_back(text: str) -> str:
    for kept, character in _GIVEN_BACK:
        text = text.replace(kept, character)
    return text
