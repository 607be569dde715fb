"""The client goes away right after the response, under a middleware that only passes it on. Do background tasks end?"""

import sys

import anyio
from starlette.applications import Starlette
from starlette.background import BackgroundTasks
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import Response
from starlette.routing import Route

finished = []


async def passthrough(request, call_next):
    return await call_next(request)


async def work(name):
    for _ in range(20):  # gives everybody else a turn, as real work does
        await anyio.sleep(0)
    finished.append(name)


async def endpoint(request):
    tasks = BackgroundTasks()
    tasks.add_task(work, "first")
    tasks.add_task(work, "second")
    return Response("done", background=tasks)


app = Starlette(
    routes=[Route("/", endpoint)],
    middleware=[Middleware(BaseHTTPMiddleware, dispatch=passthrough)],
)


async def main():
    gone = anyio.Event()

    async def receive():
        if not received:
            received.append(True)
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.body" and not message.get("more_body"):
            gone.set()  # the last byte is out, and the client closes its connection

    received = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)


anyio.run(main)
print("background tasks that ended:", ", ".join(finished) or "none")
sys.exit(0 if finished == ["first", "second"] else 1)
