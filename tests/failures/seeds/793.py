# The page of this failure has a traceback and a description, but no program: "Passing an async iterator to
# StreamingResponse causes application crashes and exceptions", and its frames show a route whose endpoint returns a
# StreamingResponse. This is the smallest program of that description.
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route


class Download:
    def __init__(self):
        self.chunks = [b"one ", b"two ", b"three"]

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.chunks:
            raise StopAsyncIteration
        return self.chunks.pop(0)


async def download(request):
    return StreamingResponse(Download())


app = Starlette(routes=[Route("/", download)])
