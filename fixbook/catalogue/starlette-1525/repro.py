"""The endpoint sets a context variable. Does the middleware around it see the value?"""

import contextvars
import sys

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

user = contextvars.ContextVar("user", default=None)
after = []


async def endpoint(request):
    user.set("Ada")
    return PlainTextResponse("ok")


async def log(request, call_next):
    response = await call_next(request)
    after.append(user.get())
    return response


app = Starlette(routes=[Route("/", endpoint)], middleware=[Middleware(BaseHTTPMiddleware, dispatch=log)])
TestClient(app).get("/")
seen = f"user is {after[0]}"
right = after == ["Ada"]

print(f"seen: {seen}")
sys.exit(0 if right else 1)
