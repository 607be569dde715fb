"""What the head of a response with a file says: its name, length, date and entity tag.

Pure: from names and numbers to text. Sources: RFC 9110 (8.6, 8.8), RFC 6266 and RFC 8187 for the file name.
"""

from email.utils import formatdate
from urllib.parse import quote

# RFC 8187 3.2.1, attr-char: what stands for itself in an extended value. `quote` adds letters, digits and `_.-~`.
_ATTR_CHARS = "!#$&+^`|"


def render_disposition(kind: str, filename: str) -> str:
    """A Content-Disposition value that tells a client to save under `filename` (RFC 6266 4).

    A name of plain characters is quoted; any other is sent as UTF-8 in `filename*` alone, which every browser since
    2011 reads, so that there are no two names to choose from.
    """
    encoded = quote(filename, safe=_ATTR_CHARS, errors="replace")
    if encoded == filename:
        return f'{kind}; filename="{filename}"'
    return f"{kind}; filename*=utf-8''{encoded}"


def render_stat_headers(size: int, modified: float, modified_ns: int | None, coding: str = "") -> dict[str, str]:
    """Content-Length, Last-Modified and ETag of a file of `size` bytes, last modified at `modified` (seconds).

    The tag is made of time (nanoseconds where known) and size: no digest, so nothing that a hardened Python refuses.
    A file that holds its content in a `coding` (gzip) has a tag of its own (RFC 9110 8.8.3.3).
    """
    suffix = "-" + "".join(filter(str.isalnum, coding)) if coding else ""
    stamp = round(modified * 1e9) if modified_ns is None else modified_ns
    return {
        "content-length": str(size),
        "last-modified": formatdate(modified, usegmt=True),
        "etag": f'"{stamp:x}-{size:x}{suffix}"',
    }
