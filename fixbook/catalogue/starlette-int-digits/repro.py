"""'/items/{id:int}' is asked for with 5,000 digits. Is that the server's fault?"""

import sys

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient


async def item(request):
    return PlainTextResponse(str(request.path_params["id"]))


app = Starlette(routes=[Route("/items/{id:int}", item)])
status = TestClient(app, raise_server_exceptions=False).get("/items/" + "9" * 5000).status_code
seen = f"status {status}"
right = status < 500

print(f"seen: {seen}")
sys.exit(0 if right else 1)
