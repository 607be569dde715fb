"""Compression with gzip: the plain form of `middleware.compression`, under the names and defaults it always had."""

import functools
import zlib

from asterion.middleware._compression.coders import GzipCoder, coder_for
from asterion.middleware._compression.responder import CodingResponder, IdentityResponder, unattached_send
from asterion.middleware._compression.rules import DEFAULT_EXCLUDED_CONTENT_TYPES
from asterion.middleware._compression.serving import Compressing
from asterion.types import ASGIApp

__all__ = (
    "DEFAULT_EXCLUDED_CONTENT_TYPES",
    "GZipMiddleware",
    "GZipResponder",
    "IdentityResponder",
    "unattached_send",
)


class GZipMiddleware(Compressing):
    """Compress responses with gzip for clients that accept it.

    `compresslevel` goes from 0 to 9; for all else, and for what is never compressed, see
    `asterion.middleware.compression.CompressionMiddleware`. Raises ValueError for another level.
    """

    def __init__(
        self,
        app: ASGIApp,
        minimum_size: int = 500,
        compresslevel: int = 9,
        thread_minimum_size: int = 128 * 1024,
        *,
        exclude_content_types: tuple[str, ...] = DEFAULT_EXCLUDED_CONTENT_TYPES,
    ) -> None:
        super().__init__(
            app,
            {"gzip": coder_for("gzip", compresslevel, "compresslevel")},
            minimum_size=minimum_size,
            thread_minimum_size=thread_minimum_size,
            exclude_content_types=exclude_content_types,
        )
        self.compresslevel = compresslevel

    def responder(self, coding: str) -> IdentityResponder:
        """A responder for one response."""
        return GZipResponder(
            self.app,
            self.minimum_size,
            self.compresslevel,
            thread_minimum_size=self.thread_minimum_size,
            exclude_content_types=self.exclude_content_types,
        )


class GZipResponder(CodingResponder):
    """One response that is compressed with gzip if it is worth it."""

    __slots__ = ()

    content_encoding = "gzip"

    def __init__(
        self,
        app: ASGIApp,
        minimum_size: int,
        compresslevel: int = 9,
        *,
        thread_minimum_size: int = 128 * 1024,
        exclude_content_types: tuple[str, ...] = DEFAULT_EXCLUDED_CONTENT_TYPES,
    ) -> None:
        super().__init__(
            app,
            minimum_size,
            "gzip",
            functools.partial(GzipCoder, compresslevel),
            thread_minimum_size=thread_minimum_size,
            exclude_content_types=exclude_content_types,
        )

    @property
    def compressor(self) -> "zlib._Compress":
        """The compressor of this response, made when it is first needed."""
        if self._coder is None:
            self._coder = self._make_coder(None)
        if not isinstance(self._coder, GzipCoder):
            raise TypeError(f"a GZipResponder has a GzipCoder, not {self._coder!r}")
        return self._coder.raw
