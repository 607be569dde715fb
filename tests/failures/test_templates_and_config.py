"""Rows 75 and 76: templates on a running event loop, and `.env` files as everybody writes them."""

import jinja2
import pytest

from asterion.config import Config
from asterion.routing import Route
from asterion.templating import Jinja2Templates
from asterion.testclient import TestClient
from tests.asgi import request
from tests.failures.serving import application, each_face

pytestmark = pytest.mark.anyio

PAGES = {
    "page.html": "<p>{{ name }}</p>",
    "page.txt": "{{ name }}",
    "loop.html": "{% for n in numbers %}{{ n }};{% endfor %}",
    "wrong.html": "{{ 1 / 0 }}",
}


def templates_of(enable_async):
    loader = jinja2.DictLoader(PAGES)
    return Jinja2Templates(env=jinja2.Environment(loader=loader, autoescape=True, enable_async=enable_async))


def page_app(face, layers, templates, name, context):
    async def endpoint(request):
        return templates.TemplateResponse(request, name, context)

    return application(face, layers, Route("/", endpoint))


# --- row 75: Jinja ----------------------------------------------------------------------------------------------------


@pytest.mark.failure(
    row=75,
    says="An environment with `enable_async` renders on the loop that runs the request; autoescaping is on for every "
    "template of a directory.",
)
@each_face
@pytest.mark.parametrize("enable_async", [False, True], ids=["sync", "async"])
async def test_727_both_kinds_of_environment_render_on_a_running_loop(face, enable_async, layers, spec_version):
    app = page_app(face, layers, templates_of(enable_async), "page.html", {"name": "<ann>"})
    answer = await request(app, spec_version=spec_version)
    assert answer.body == b"<p>&lt;ann&gt;</p>"
    assert answer.headers["content-length"] == str(len(answer.body))


@each_face
async def test_1701_an_asynchronous_template_may_wait(face, layers):
    async def numbers():
        for number in range(3):
            yield number

    app = page_app(face, layers, templates_of(True), "loop.html", {"numbers": numbers()})
    assert (await request(app)).body == b"0;1;2;"


@pytest.mark.parametrize("enable_async", [False, True], ids=["sync", "async"])
@each_face
def test_1701_a_test_sees_template_and_context(face, enable_async, layers, anyio_backend):
    app = page_app(face, layers, templates_of(enable_async), "page.html", {"name": "ann"})
    response = TestClient(app, backend=anyio_backend).get("/")
    assert response.text == "<p>ann</p>"
    assert (response.template.name, response.context["name"]) == ("page.html", "ann")


@pytest.mark.parametrize("enable_async", [False, True], ids=["sync", "async"])
@each_face
async def test_1701_an_error_of_a_template_is_the_error_of_the_request(face, enable_async, layers):
    with pytest.raises(ZeroDivisionError):
        await request(page_app(face, layers, templates_of(enable_async), "wrong.html", {}))


@each_face
@pytest.mark.parametrize("name", ["page.html", "page.txt", "page.j2"])
async def test_3148_everything_in_a_directory_is_escaped(face, name, layers, tmp_path):
    (tmp_path / name).write_text("{{ name }}")
    app = page_app(face, layers, Jinja2Templates(directory=tmp_path), name, {"name": "<script>"})
    assert (await request(app)).body == b"&lt;script&gt;"


# --- row 76: .env files -----------------------------------------------------------------------------------------------

ENV = """\
# a comment
PLAIN=1
COMMENTED=1 # a comment
HASH=a#b
export EXPORTED=yes
QUOTED="a # b" # a comment
SINGLE='$HOME\\n'
DOUBLE="a\\nb"
EMPTY=
  SPACED  =  value
URL=https://app.example/?a=b#c
"""


@pytest.fixture
def env_file(tmp_path):
    (tmp_path / ".env").write_text(ENV)
    return tmp_path / ".env"


@pytest.mark.failure(
    row=76,
    says="A `.env` file may have comments behind values, `export`, and quotes of both kinds; `cast=bool` knows yes, "
    "no, on and off; a value that cannot be read is an error that names its line, a missing file a warning.",
)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("PLAIN", "1"),
        ("COMMENTED", "1"),
        ("HASH", "a#b"),
        ("EXPORTED", "yes"),
        ("QUOTED", "a # b"),
        ("SINGLE", "$HOME\\n"),
        ("DOUBLE", "a\nb"),
        ("EMPTY", ""),
        ("SPACED", "value"),
        ("URL", "https://app.example/?a=b#c"),
    ],
)
def test_3720_a_file_is_read_as_it_is_meant(env_file, key, value):
    assert Config(env_file, environ={})(key) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("yes", True), ("on", True), ("True", True), ("1", True), ("no", False), ("OFF", False), ("0", False)],
)
def test_row_76_a_boolean_may_be_written_in_words(tmp_path, text, value):
    (tmp_path / ".env").write_text(f"DEBUG={text}\n")
    assert Config(tmp_path / ".env", environ={})("DEBUG", cast=bool) is value


def test_row_76_what_is_no_boolean_is_an_error_that_names_it(tmp_path):
    (tmp_path / ".env").write_text("DEBUG=perhaps\n")
    with pytest.raises(ValueError, match=r"'DEBUG' has the value 'perhaps'"):
        Config(tmp_path / ".env", environ={})("DEBUG", cast=bool)


def test_2485_a_missing_file_is_a_warning_that_names_it(tmp_path):
    """By choice: in production the environment alone is usual."""
    with pytest.warns(UserWarning, match="missing"):
        config = Config(tmp_path / "missing.env", environ={"A": "1"})
    assert config("A") == "1"


def test_3720_a_quote_that_is_not_closed_is_an_error_with_its_line(tmp_path):
    (tmp_path / ".env").write_text('A=1\nB="open\n')
    with pytest.raises(ValueError, match="line 2"):
        Config(tmp_path / ".env", environ={})
