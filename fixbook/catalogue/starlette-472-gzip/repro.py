"""A template is rendered in a test, with GZipMiddleware installed. Does the test see it?"""

import pathlib
import sys

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route
from starlette.templating import Jinja2Templates
from starlette.testclient import TestClient

pathlib.Path("templates").mkdir(exist_ok=True)
pathlib.Path("templates/index.html").write_text("Hello, {{ name }}!")
templates = Jinja2Templates(directory="templates")


async def home(request):
    return templates.TemplateResponse(request, "index.html", {"name": "Ada"})


app = Starlette(routes=[Route("/", home)], middleware=[Middleware(GZipMiddleware)])
template = getattr(TestClient(app).get("/"), "template", None)
seen = f"template {getattr(template, 'name', None)}"
right = template is not None

print(f"seen: {seen}")
sys.exit(0 if right else 1)
