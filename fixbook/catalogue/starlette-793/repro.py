"""A hand-written async iterator is given to `StreamingResponse`. Does it stream?"""

import asyncio
import sys

from starlette.responses import StreamingResponse


class Countdown:
    """The protocol of async iteration, written by hand: no generator anywhere."""

    def __init__(self, start):
        self.left = start

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return b"%d," % self.left


async def main():
    response = StreamingResponse(Countdown(3))
    return b"".join([chunk async for chunk in response.body_iterator])


try:
    body = asyncio.run(main())
except Exception as error:
    print(f"crashed: {type(error).__name__}: {error}")
    sys.exit(1)
print("streamed:", body.decode())
sys.exit(0)
