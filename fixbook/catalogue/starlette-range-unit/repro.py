"""RFC 9110 14.2 has a server ignore a range unit that it does not know. What does a file response do?"""

import pathlib
import sys

from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Route
from starlette.testclient import TestClient

pathlib.Path("ten.txt").write_text("0123456789")


async def file(request):
    return FileResponse("ten.txt")


status = TestClient(Starlette(routes=[Route("/", file)])).get("/", headers={"range": "items=0-5"}).status_code
seen = f"status {status}"
right = status == 200

print(f"seen: {seen}")
sys.exit(0 if right else 1)
