"""The bytes behind a message that names a file instead of carrying a body (ASGI `pathsend` and `zerocopysend`)."""

import os
from collections.abc import AsyncIterator

from asterion.concurrency import run_framework_io
from asterion.types import Message

_CHUNK = 64 * 1024


class FileBody:
    """The bytes of a file message, chunk by chunk, read in the framework's threads."""

    def __init__(self, message: Message) -> None:
        self._path: str | None = message.get("path")
        self._fd: int = message["file"] if self._path is None else -1
        self._offset: int | None = message.get("offset")
        self._left: int | None = message.get("count")

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = await run_framework_io(self._read)
        if not chunk:
            raise StopAsyncIteration
        return chunk

    def _read(self) -> bytes:
        size = _CHUNK if self._left is None else min(_CHUNK, self._left)
        if self._path is not None:
            # Opened per chunk, so that no handle is open while somebody else decides whether to go on.
            with open(self._path, "rb") as file:
                file.seek(self._offset or 0)
                chunk = file.read(size)
            self._offset = (self._offset or 0) + len(chunk)
        elif self._offset is None:
            chunk = os.read(self._fd, size)
        else:
            chunk = os.pread(self._fd, size, self._offset)
            self._offset += len(chunk)
        if self._left is not None:
            self._left -= len(chunk)
        return chunk
