"""An endpoint uses a task group, and a task raises HTTPException(404). Which status does the client see?"""

import sys

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient


async def lookup():
    raise HTTPException(404)


async def endpoint(request):
    async with anyio.create_task_group() as group:
        group.start_soon(lookup)
    return PlainTextResponse("found")


app = Starlette(routes=[Route("/", endpoint)])
status = TestClient(app, raise_server_exceptions=False).get("/").status_code
seen = f"status {status}"
right = status == 404

print(f"seen: {seen}")
sys.exit(0 if right else 1)
