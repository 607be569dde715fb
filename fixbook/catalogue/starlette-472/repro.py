"""A template is rendered in a test, under a function middleware. Does the test see its name and context?"""

import inspect
import pathlib
import sys

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Route
from starlette.templating import Jinja2Templates
from starlette.testclient import TestClient

pathlib.Path("templates").mkdir(exist_ok=True)
pathlib.Path("templates/index.html").write_text("Hello, {{ name }}!")
templates = Jinja2Templates(directory="templates")


takes_request = "request" in inspect.signature(templates.TemplateResponse).parameters


async def home(request):
    if takes_request:
        return templates.TemplateResponse(request, "index.html", {"name": "Ada"})
    return templates.TemplateResponse("index.html", {"request": request, "name": "Ada"})  # as it was before 0.29


class PassOn(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)


app = Starlette(routes=[Route("/", home)], middleware=[Middleware(PassOn)])
response = TestClient(app).get("/")
print(response.status_code, response.text)
print("template seen by the test:", response.template.name, "for", response.context["name"])
sys.exit(0)
