"""A background task is a lambda around an async function. Is the work done?"""

import sys

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

sent = []


async def send_mail(to):
    sent.append(to)


async def signup(request):
    return PlainTextResponse("ok", background=BackgroundTask(lambda: send_mail("ada@example.org")))


TestClient(Starlette(routes=[Route("/", signup)])).get("/")
seen = f"mails sent: {', '.join(sent) or 'none'}"
right = bool(sent)

print(f"seen: {seen}")
sys.exit(0 if right else 1)
