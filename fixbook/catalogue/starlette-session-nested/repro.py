"""A list in the session gets one more item. Is it there in the next request?"""

import sys

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient


async def add(request):
    request.session.setdefault("cart", []).append("apple")
    return JSONResponse(request.session["cart"])


app = Starlette(
    routes=[Route("/", add)], middleware=[Middleware(SessionMiddleware, secret_key="a key of the reproduction alone")]
)
client = TestClient(app)
client.get("/")
cart = client.get("/").json()
client.get("/")
cart = client.get("/").json()
seen = f"{len(cart)} items after four requests"
right = len(cart) == 4

print(f"seen: {seen}")
sys.exit(0 if right else 1)
