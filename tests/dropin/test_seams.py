"""Who reaches into Starlette's modules, as instrumentations do, gets what they rely on."""

from pathlib import Path

import pytest

from tests.dropin.interpreter import python


def told(program: str, where: Path) -> str:
    (where / "program.py").write_text(program)
    result = python("-m", "asterion.dropin", "program.py", cwd=where)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_a_replaced_request_response_wraps_the_endpoints_of_routes_made_from_then_on(tmp_path: Path) -> None:
    program = """
import starlette.routing
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

original = starlette.routing.request_response

def request_response(endpoint):
    async def counted(request):
        print("counted", request.url.path)
        return await endpoint(request)
    return original(counted)

async def hello(request):
    return PlainTextResponse("hello")

before = starlette.routing.Route("/before", hello)
starlette.routing.request_response = request_response
during = starlette.routing.Route("/during", hello)
starlette.routing.request_response = original
after = starlette.routing.Route("/after", hello)
client = TestClient(Starlette(routes=[before, during, after]))
for path in ("/before", "/during", "/after"):
    client.get(path)
"""
    assert told(program, tmp_path) == "counted /during"


def test_handlers_can_be_wrapped_under_upstreams_names_of_the_dictionaries(tmp_path: Path) -> None:
    program = """
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

async def missing(scope, receive, send):
    raise HTTPException(404 if scope["path"] == "/" else 418)

boundary = ExceptionMiddleware(missing, handlers={418: lambda request, error: PlainTextResponse("tea")})
inner = boundary._exception_handlers[HTTPException]

async def seen(request, error):
    print("seen", error.status_code)
    return await inner(request, error)

boundary._exception_handlers[HTTPException] = seen
client = TestClient(boundary)
print(client.get("/").status_code, client.get("/pot").text, list(boundary._status_handlers))
boundary._exception_handlers = {HTTPException: lambda request, error: PlainTextResponse("all new")}
boundary._status_handlers = {}
print(client.get("/pot").text)
"""
    assert told(program, tmp_path) == "seen 404\n404 tea [418]\nall new"


def test_the_boundaries_are_made_by_middleware_whose_constructor_sees_every_layer_of_the_stack(tmp_path: Path) -> None:
    program = """
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware


seen = []
original = Middleware.__init__

def __init__(self, cls, *args, **kwargs):
    seen.append(cls.__name__)
    original(self, cls, *args, **kwargs)

Middleware.__init__ = __init__
app = Starlette(middleware=[Middleware(GZipMiddleware)])
app.build_middleware_stack()
print(sorted(seen))
"""
    assert told(program, tmp_path) == "['ExceptionMiddleware', 'GZipMiddleware', 'ServerErrorMiddleware']"


def test_functions_of_json_that_are_replaced_are_the_ones_that_are_called(tmp_path: Path) -> None:
    """As tests do: `patch("starlette.responses.json.dumps")`, `patch("json.loads")`."""
    program = """
import json
from unittest.mock import patch
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

async def echo(request):
    try:
        return JSONResponse(await request.json())
    except LookupError as error:
        raise HTTPException(400, repr(error)) from error

client = TestClient(Starlette(routes=[Route("/", echo, methods=["POST"])]))
print(client.post("/", content="[1]").text)
with patch("starlette.responses.json.dumps", wraps=json.dumps) as dumps:
    print(client.post("/", content="[2]").text, dumps.call_count)
with patch("json.loads", side_effect=LookupError("patched")):
    print(client.post("/", content="[3]").text)
with patch.object(json.JSONEncoder, "default", lambda self, value: sorted(value)):
    print(JSONResponse({5, 4}).body)
try:
    JSONResponse({5, 4})
except TypeError:
    print("as before")
"""
    assert told(program, tmp_path).splitlines() == ["[1]", "[2] 1", "LookupError('patched')", "b'[4,5]'", "as before"]


def test_a_json_codec_that_was_chosen_stays_chosen(tmp_path: Path) -> None:
    program = """
from asterion._core.jsoncodec import JSONCodec, use_json_codec
use_json_codec(JSONCodec("mine", lambda value: b"mine", lambda body: body))
from starlette.responses import JSONResponse
print(JSONResponse(5).body)
"""
    assert told(program, tmp_path) == "b'mine'"


@pytest.mark.parametrize(("missing", "said"), [("multipart", 1), ("python_multipart", 0)])
def test_a_program_whose_forms_cannot_be_read_is_told_so_at_its_start(missing: str, said: int, tmp_path: Path) -> None:
    """It was installed with python-multipart for upstream, and nothing would show before the first form."""
    program = f"""
import logging, sys
lines = []
handler = logging.Handler()
handler.emit = lambda record: lines.append(record.getMessage())
logging.getLogger("asterion.dropin").addHandler(handler)
sys.modules[{missing!r}] = None
import starlette.requests
print(sum("pip install 'asterion[forms]'" in line for line in lines))
"""
    assert told(program, tmp_path) == str(said)


def test_a_replaced_call_of_a_layers_class_is_called_for_every_request(tmp_path: Path) -> None:
    program = """
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

def watch(cls):
    original = cls.__call__
    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            print(cls.__name__)
        await original(self, scope, receive, send)
    cls.__call__ = __call__

for cls in (Starlette, ServerErrorMiddleware, BaseHTTPMiddleware, ExceptionMiddleware):
    watch(cls)

async def dispatch(request, call_next):
    return await call_next(request)

async def hello(request):
    return PlainTextResponse("hello")

layers = [Middleware(BaseHTTPMiddleware, dispatch=dispatch)] * NUMBER
assert TestClient(Starlette(routes=[Route("/", hello)], middleware=layers)).get("/").text == "hello"
"""
    for number in range(3):
        between = ["BaseHTTPMiddleware"] * number
        seen = told(program.replace("NUMBER", str(number)), tmp_path).split()
        assert seen == ["Starlette", "ServerErrorMiddleware", *between, "ExceptionMiddleware"]


def test_an_error_is_answered_once_where_the_stack_was_rebuilt_around_its_layers(tmp_path: Path) -> None:
    program = """
from starlette.applications import Starlette
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

async def handler(request, error):
    print("handled", error)
    return PlainTextResponse("sorry", 500)

async def fail(request):
    raise LookupError("oops")

app = Starlette(routes=[Route("/", fail)], exception_handlers={Exception: handler})
build = app.build_middleware_stack

def rebuilt():
    outermost = build()
    async def between(scope, receive, send):
        try:
            await outermost.app(scope, receive, send)
        except Exception as error:
            print("seen", error)
            raise
    return ServerErrorMiddleware(between, handler=outermost.handler, debug=outermost.debug)

app.build_middleware_stack = rebuilt
print(TestClient(app, raise_server_exceptions=False).get("/").text)
"""
    assert sorted(told(program, tmp_path).splitlines()) == ["handled oops", "seen oops", "sorry"]
