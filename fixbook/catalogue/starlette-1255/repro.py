"""A view raises its own exception, under a function middleware. Does that very exception come out?"""

import sys

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Route


class Oops(Exception):
    pass


async def view(request):
    raise Oops("from the view")


async def passthrough(request, call_next):
    return await call_next(request)


app = Starlette(
    routes=[Route("/", view)],
    middleware=[Middleware(BaseHTTPMiddleware, dispatch=passthrough)],
)


async def main():
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        pass

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [],
    }
    await app(scope, receive, send)


try:
    anyio.run(main)
except BaseException as error:  # before anyio 4 a group was no Exception
    print(f"what came out: {type(error).__name__}: {error}".splitlines()[0])
    sys.exit(0 if type(error) is Oops else 1)
print("nothing came out")
sys.exit(1)
