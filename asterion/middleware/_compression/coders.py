"""The content codings and the libraries that make them. A coder makes the bytes of one response.

Laws: what came out of `encode` so far can be read by the client to the last byte that went in; equal bodies are encoded
equally (no time stamps); no coder keeps a window larger than a client must be able to keep (RFC 9659: 8 MB for zstd).
"""

import functools
import importlib
import zlib
from collections.abc import Callable
from typing import Any, Protocol


class Coder(Protocol):
    """Encodes one body, chunk by chunk."""

    def encode(self, chunk: bytes | memoryview, more: bool) -> bytes:
        """What goes out for `chunk`: all of it, flushed; and the end of the format unless there is `more`."""
        ...


MakeCoder = Callable[[int | None], Coder]
"""Makes a coder for one response, of whose body the size in bytes is given if it is known."""


class GzipCoder:
    """gzip (RFC 1952), by the standard library."""

    __slots__ = ("raw",)

    def __init__(self, level: int, size: int | None = None) -> None:
        window, memory = zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL
        if size is not None and size < 1 << window:
            # PERF(benchmarks/compression): a body that is smaller than the window needs none larger. 1 kB takes 24 kB
            # of memory then, not 260: 7 us rather than 24 where the allocator maps and unmaps blocks of that size.
            # zlib takes no window of 2**8 for gzip.
            window = max(9, size.bit_length())
            memory = max(1, min(memory, window - 6))
        # 16: the gzip format; the time in its header is 0.
        self.raw = zlib.compressobj(level, zlib.DEFLATED, 16 + window, memory)

    def encode(self, chunk: bytes | memoryview, more: bool) -> bytes:
        """See Coder."""
        if more and not chunk:
            return b""  # a flush of nothing would still cost bytes
        return self.raw.compress(chunk) + self.raw.flush(zlib.Z_SYNC_FLUSH if more else zlib.Z_FINISH)


class BrotliCoder:
    """brotli (RFC 7932), by `brotli` or `brotlicffi`."""

    __slots__ = ("_process", "_raw")

    # 512 kB for each response that is being sent; 4 MB, the library's own choice, makes web pages no smaller.
    WINDOW = 19

    def __init__(self, library: Any, quality: int, size: int | None = None) -> None:
        self._raw = library.Compressor(quality=quality, lgwin=self.WINDOW)
        # Versions of the cffi one have either name.
        self._process = getattr(self._raw, "process", None) or self._raw.compress

    def encode(self, chunk: bytes | memoryview, more: bool) -> bytes:
        """See Coder."""
        if more and not chunk:
            return b""
        start: bytes = self._process(bytes(chunk))
        end: bytes = self._raw.flush() if more else self._raw.finish()
        return start + end


class ZstandardCoder:
    """zstd (RFC 8878), by `zstandard`."""

    __slots__ = ("_library", "_raw")

    def __init__(self, library: Any, level: int, size: int | None = None) -> None:
        self._library = library
        self._raw = library.ZstdCompressor(level=level).compressobj(size=-1 if size is None else size)

    def encode(self, chunk: bytes | memoryview, more: bool) -> bytes:
        """See Coder."""
        if more and not chunk:
            return b""
        start: bytes = self._raw.compress(chunk)
        library = self._library
        end: bytes = self._raw.flush(library.COMPRESSOBJ_FLUSH_BLOCK if more else library.COMPRESSOBJ_FLUSH_FINISH)
        return start + end


class StandardZstdCoder:
    """zstd (RFC 8878), by `compression.zstd` of Python 3.14 and later."""

    __slots__ = ("_raw",)

    def __init__(self, library: Any, level: int, size: int | None = None) -> None:
        self._raw = library.ZstdCompressor(level=level)
        if size is not None:
            self._raw.set_pledged_input_size(size)

    def encode(self, chunk: bytes | memoryview, more: bool) -> bytes:
        """See Coder."""
        if more and not chunk:
            return b""
        out: bytes = self._raw.compress(chunk, self._raw.FLUSH_BLOCK if more else self._raw.FLUSH_FRAME)
        return out


# For each coding: the modules to look for, the coder on top of each, the levels that may be asked for, and the extra.
# zstd levels above 19 use windows of more than 8 MB, which browsers refuse.
_LIBRARIES: dict[str, tuple[tuple[str, Callable[..., Coder]], ...]] = {
    "br": (("brotli", BrotliCoder), ("brotlicffi", BrotliCoder)),
    "zstd": (("compression.zstd", StandardZstdCoder), ("zstandard", ZstandardCoder)),
}
_LEVELS = {"gzip": (0, 9), "br": (0, 11), "zstd": (1, 19)}
_EXTRAS = {"br": "brotli", "zstd": "zstd"}

CODINGS = ("br", "zstd", "gzip")
"""Every coding there is a coder for."""


@functools.cache
def _made_by(coding: str) -> Callable[..., Coder] | None:
    """What makes coders for `coding`, from a level and a size; None if no library for it is installed."""
    if coding == "gzip":
        return GzipCoder
    for name, coder in _LIBRARIES[coding]:
        try:
            library = importlib.import_module(name)
        except ImportError:
            continue
        return functools.partial(coder, library)
    return None


def is_available(coding: str) -> bool:
    """Whether a library for `coding`, one of CODINGS, is installed."""
    return _made_by(coding) is not None


def coder_for(coding: str, level: int, setting: str) -> MakeCoder:
    """What makes coders for `coding` at this level; `setting` is the name of the level in messages.

    Raises ImportError if no library for it is installed, ValueError for a level that is out of its range.
    """
    lowest, highest = _LEVELS[coding]
    if type(level) is not int or not lowest <= level <= highest:
        raise ValueError(f"{setting} must be {lowest} (fast) to {highest} (small), got {level!r}")
    made_by = _made_by(coding)
    if made_by is None:
        names = " or ".join(name for name, _ in _LIBRARIES[coding])
        raise ImportError(
            f"the content coding {coding!r} needs {names}, and none is installed: pip install "
            f"'asterion[{_EXTRAS[coding]}]', or leave {coding!r} out of encodings"
        )
    return functools.partial(made_by, level)
