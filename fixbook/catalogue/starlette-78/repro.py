"""A client sends half a JSON document. Whose fault does the answer say it is?"""

import sys

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient


async def echo(request):
    return JSONResponse(await request.json())


app = Starlette(routes=[Route("/", echo, methods=["POST"])])
status = TestClient(app, raise_server_exceptions=False).post("/", content=b"{").status_code
seen = f"status {status}"
right = status == 400

print(f"seen: {seen}")
sys.exit(0 if right else 1)
