"""Of two ranges one lies within the file. Is the request satisfiable?"""

import pathlib
import sys

from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Route
from starlette.testclient import TestClient

pathlib.Path("ten.txt").write_text("0123456789")


async def file(request):
    return FileResponse("ten.txt")


status = TestClient(Starlette(routes=[Route("/", file)])).get("/", headers={"range": "bytes=0-0,99999-"}).status_code
seen = f"status {status}"
right = status == 206

print(f"seen: {seen}")
sys.exit(0 if right else 1)
