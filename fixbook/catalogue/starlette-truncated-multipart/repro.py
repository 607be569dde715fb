"""The upload breaks off before its closing boundary. Does the endpoint learn of it?"""

import sys

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient


async def upload(request):
    async with request.form() as form:
        return PlainTextResponse(f"{len(form)} fields")


app = Starlette(routes=[Route("/", upload, methods=["POST"])])
body = b'--cut\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\nthe first half of'
answer = TestClient(app).post("/", content=body, headers={"content-type": "multipart/form-data; boundary=cut"})
seen = f"status {answer.status_code}, {answer.text[:8]}"
right = answer.status_code == 400

print(f"seen: {seen}")
sys.exit(0 if right else 1)
