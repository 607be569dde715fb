"""A file of 10 MB: whole, and a range of 5 MB."""

import functools
import os
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.frameworks import Toolkit, both
from benchmarks.measure import Area
from benchmarks.server import ASGIApp, Ask

SIZE = 10 * 1024 * 1024
RANGE = (1000, 5_000_999)


@functools.cache
def path() -> Path:
    """The file, made once and removed when the process ends."""
    folder = tempfile.TemporaryDirectory()
    keep.append(folder)
    made = Path(folder.name, "ten.bin")
    made.write_bytes(os.urandom(SIZE))
    return made


keep: list[Any] = []


def toolkit_app(kit: Toolkit) -> ASGIApp:
    where = path()

    async def file(request: Any) -> Any:
        return kit.FileResponse(where)

    return kit.app({("GET", "/"): file})


AREAS = [
    Area(
        slug="file-whole",
        title="10 MB file",
        ask=Ask(paths=("/",)),
        builders=both(toolkit_app),
        right=lambda seen: seen.status == 200 and len(seen.body) == SIZE,
    ),
    Area(
        slug="file-range",
        title="5 MB of a 10 MB file",
        ask=Ask(paths=("/",), headers=((b"range", b"bytes=%d-%d" % RANGE),)),
        builders=both(toolkit_app),
        right=lambda seen: seen.status == 206 and len(seen.body) == RANGE[1] - RANGE[0] + 1,
    ),
]
