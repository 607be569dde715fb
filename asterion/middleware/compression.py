"""Compression with brotli, zstd or gzip: whatever the client likes best of what is installed.

The laws stand in `asterion.middleware._compression`; `asterion.middleware.gzip` is the form with gzip alone.
"""

from collections.abc import Sequence

from asterion.middleware._compression.coders import CODINGS, coder_for, is_available
from asterion.middleware._compression.rules import DEFAULT_EXCLUDED_CONTENT_TYPES
from asterion.middleware._compression.serving import Compressing
from asterion.types import ASGIApp

__all__ = ("DEFAULT_EXCLUDED_CONTENT_TYPES", "CompressionMiddleware", "available_encodings")


def available_encodings() -> tuple[str, ...]:
    """The content codings that can be used here, in the order in which this server likes them if not told otherwise.

    `gzip` always; `br` with the library brotli or brotlicffi, `zstd` with zstandard or on Python 3.14 and later.
    """
    return tuple(coding for coding in CODINGS if is_available(coding))


class CompressionMiddleware(Compressing):
    """Compress responses in the content coding that the client likes best (RFC 9110 12.5.3).

    `encodings` are the content codings to offer (`br`, `zstd`, `gzip`), the one to use for a client that likes several
    equally well first; by default `available_encodings()`. Their levels are `brotli_quality` (0 to 11), `zstd_level`
    (1 to 19) and `gzip_level` (0 to 9). Bodies of fewer than `minimum_size` bytes stay as they are, unless the client
    refuses plain ones (`identity;q=0`); chunks of `thread_minimum_size` bytes and more are compressed in a worker
    thread. `exclude_content_types` are media types, or all of a kind (`video/*`), that are never compressed.

    Untouched too: what has a Content-Encoding already, partial content, answers without content, bodies with a digest
    in their headers, and `Cache-Control: no-transform`. An answer to HEAD has no length, as that of a GET would be
    another one. A client that accepts nothing we have gets the plain body.

    Responses that mix secrets with what a visitor sent should not be compressed at all (the BREACH attack): mark them
    `no-transform`.

    Raises ValueError for an unknown coding or a level out of range, ImportError for a coding without its library.
    """

    def __init__(
        self,
        app: ASGIApp,
        encodings: Sequence[str] | None = None,
        minimum_size: int = 500,
        *,
        brotli_quality: int = 5,
        zstd_level: int = 6,
        gzip_level: int = 6,
        thread_minimum_size: int = 128 * 1024,
        exclude_content_types: Sequence[str] = DEFAULT_EXCLUDED_CONTENT_TYPES,
    ) -> None:
        levels = {
            "br": ("brotli_quality", brotli_quality),
            "zstd": ("zstd_level", zstd_level),
            "gzip": ("gzip_level", gzip_level),
        }
        self.encodings = _listed(available_encodings() if encodings is None else encodings)
        for coding in self.encodings:
            if coding not in levels:
                raise ValueError(f"encodings has {coding!r}, which is none of {', '.join(map(repr, CODINGS))}")
        super().__init__(
            app,
            {coding: coder_for(coding, levels[coding][1], levels[coding][0]) for coding in self.encodings},
            minimum_size=minimum_size,
            thread_minimum_size=thread_minimum_size,
            exclude_content_types=_listed(exclude_content_types),
        )


def _listed(values: Sequence[str]) -> tuple[str, ...]:
    # A lone string would be taken for its characters.
    return (values,) if isinstance(values, str) else tuple(values)
