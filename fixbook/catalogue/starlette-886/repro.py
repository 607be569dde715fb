"""An object with an async `__call__` is given to `on_startup`. Is it awaited?"""

import inspect
import sys

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

calls = []


class Warm:
    async def __call__(self, *args):
        calls.append("awaited")


if "on_startup" in inspect.signature(Starlette.__init__).parameters:
    print("place: on_startup")
    app = Starlette(on_startup=[Warm()])
    with TestClient(app):
        pass
else:
    # Starlette 1 has no start-up hooks any more. A background task asks the same question of its callable.
    print("place: background task")

    async def home(request):
        return Response("ok", background=BackgroundTask(Warm()))

    TestClient(Starlette(routes=[Route("/", home)])).get("/")

print("the callable was", "awaited" if calls else "called, and its coroutine was dropped")
sys.exit(0 if calls else 1)
