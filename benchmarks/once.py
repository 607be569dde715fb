"""One area on one framework, so many times, to be counted from outside: `python -m benchmarks.once AREA NAME TIMES`."""

import asyncio
import sys

from benchmarks.catalogue import area_named
from benchmarks.measure import prepare, work


async def run(slug: str, name: str, times: int) -> None:
    area = area_named(slug)
    served = await prepare(area, name)
    await work(served, area, times)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3])))
