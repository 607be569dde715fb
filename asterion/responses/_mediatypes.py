"""The media type of a file, by its name.

What the web is made of is named here: the tables that the system brings differ by platform and version, and on Windows
any program may have changed them (`.js` as `text/plain` is a page whose scripts no browser runs).
"""

import mimetypes
import posixpath

_BY_ENDING = {
    ".avif": "image/avif",
    ".cjs": "text/javascript",
    ".css": "text/css",
    ".csv": "text/csv",
    ".gif": "image/gif",
    ".htm": "text/html",
    ".html": "text/html",
    ".ico": "image/vnd.microsoft.icon",
    ".ics": "text/calendar",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",  # RFC 9239
    ".json": "application/json",
    ".jsonld": "application/ld+json",
    ".m4a": "audio/mp4",
    ".map": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".otf": "font/otf",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain",
    ".vtt": "text/vtt",
    ".wasm": "application/wasm",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xhtml": "application/xhtml+xml",
    ".xml": "text/xml",
    ".zip": "application/zip",
    # A compressed file is sent as what it is, not decoded on the way, so its type is that of the compression.
    ".br": "application/x-brotli",
    ".bz2": "application/x-bzip2",
    ".gz": "application/gzip",
    ".tgz": "application/gzip",
    ".xz": "application/x-xz",
    ".zst": "application/zstd",
}


def guess_media_type(name: str) -> str:
    """The media type that the ending of `name` stands for; `text/plain` where it stands for none."""
    known = _BY_ENDING.get(posixpath.splitext(name)[1].lower())
    if known is not None:
        return known
    # With a directory in front, `data:text/html,` is a name and not a URL that brings its type along.
    media_type, encoding = mimetypes.guess_type(f"./{name}")
    if encoding is not None:
        return "application/x-compress" if encoding == "compress" else "application/octet-stream"
    return media_type or "text/plain"
