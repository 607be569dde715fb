"""A form field arrives as UTF-8 bytes that were not percent-encoded. What does the endpoint read?"""

import sys

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient


async def name(request):
    return PlainTextResponse(ascii((await request.form())["n"]))


app = Starlette(routes=[Route("/", name, methods=["POST"])])
kind = {"content-type": "application/x-www-form-urlencoded"}
answer = TestClient(app).post("/", content="n=\u00e9".encode(), headers=kind).text
seen = f"n is {answer}"
right = answer == ascii("\u00e9")

print(f"seen: {seen}")
sys.exit(0 if right else 1)
