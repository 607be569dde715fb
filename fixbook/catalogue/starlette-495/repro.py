"""dispatch reads the form, and passes the request on. What does the endpoint read?"""

import sys

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient


async def endpoint(request):
    return PlainTextResponse(str(dict(await request.form())))


async def check(request, call_next):
    await request.form()  # a CSRF token, for example
    return await call_next(request)


app = Starlette(
    routes=[Route("/", endpoint, methods=["POST"])], middleware=[Middleware(BaseHTTPMiddleware, dispatch=check)]
)
answer = TestClient(app, raise_server_exceptions=False).post("/", data={"token": "t"}).text
seen = f"the endpoint read {answer}"
right = answer == "{'token': 't'}"

print(f"seen: {seen}")
sys.exit(0 if right else 1)
