"""Templates: escaped, with the request in them, on sync and async environments."""

import jinja2
import pytest

from asterion.applications import Asterion
from asterion.background import BackgroundTask
from asterion.requests import Request
from asterion.routing import Route
from asterion.templating import Jinja2Templates, TemplateConfigurationError
from tests.asgi import function_layers, http_scope, request

pytestmark = pytest.mark.anyio

PAGES = {
    "page.html": "<p>{{ word }}</p>",
    "link.html": "{{ url_for('item', id=3) }}",
    "path.html": "{{ request.url.path }} {{ user }}",
    "loud.txt": "{{ word }}",
}


REST = {"status_code": 201, "headers": {"x-a": "b"}, "media_type": "text/x-page"}


def make(enable_async=False, **kwargs):
    env = jinja2.Environment(loader=jinja2.DictLoader(PAGES), autoescape=True, enable_async=enable_async)
    return Jinja2Templates(env=env, **kwargs)


@pytest.fixture(params=[False, True], ids=["sync env", "async env"])
def templates(request):
    return make(request.param)


def app_for(respond):
    async def app(scope, receive, send):
        await respond(Request(scope, receive))(scope, receive, send)

    return app


async def test_a_page_is_rendered_and_escaped(templates):
    app = app_for(lambda request: templates.TemplateResponse(request, "page.html", {"word": "<b>"}))
    answer = await request(app)
    assert answer.body == b"<p>&lt;b&gt;</p>"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "respond",
    [
        lambda t, r: t.TemplateResponse(r, "page.html", {"word": "w"}, 201, {"x-a": "b"}, "text/x-page"),
        lambda t, r: t.TemplateResponse("page.html", {"request": r, "word": "w"}, 201, {"x-a": "b"}, "text/x-page"),
        lambda t, r: t.TemplateResponse(name="page.html", context={"word": "w"}, request=r, **REST),
        lambda t, r: t.TemplateResponse("page.html", context={"request": r, "word": "w"}, **REST),
        lambda t, r: t.TemplateResponse("page.html", {"word": "w"}, request=r, **REST),
    ],
    ids=["request first", "name first", "keywords", "name first, keywords", "name first, request by keyword"],
)
async def test_both_orders_of_arguments_and_keywords_mean_the_same(respond):
    templates = make()
    answer = await request(app_for(lambda request: respond(templates, request)))
    assert (answer.status, answer.body, answer.headers["x-a"]) == (201, b"<p>w</p>", "b")
    assert answer.headers["content-type"] == "text/x-page; charset=utf-8"


async def test_the_debug_message_goes_to_servers_that_list_the_extension_before_the_start(templates):
    app = app_for(lambda request: templates.TemplateResponse(request, "page.html", {"word": "w"}))
    answer = await request(app, extensions={"http.response.debug": {}})
    kinds = [message["type"] for message in answer.messages]
    assert kinds == ["http.response.debug", "http.response.start", "http.response.body"]
    info = answer.messages[0]["info"]
    assert info["template"].name == "page.html"
    assert info["context"]["word"] == "w"
    for extensions in (None, {}, {"tls": {}}):
        assert len((await request(app, extensions=extensions)).messages) == 2


async def test_so_it_does_for_an_endpoint_of_an_application(templates, layers, way):
    async def page(request):
        return templates.TemplateResponse(request, "page.html", {"word": "w"})

    app = Asterion(routes=[Route("/", page)], middleware=function_layers(layers, way))
    answer = await request(app, extensions={"http.response.debug": {}})
    assert [message["type"].rpartition(".")[2] for message in answer.messages] == ["debug", "start", "body"]
    assert answer.messages[0]["info"]["context"]["word"] == "w"
    assert answer.body == b"<p>w</p>"


async def test_template_and_context_stay_on_the_response():
    found = make().TemplateResponse(Request({"type": "http"}), "page.html", {"word": "w"})
    assert found.template.name == "page.html"
    assert set(found.context) == {"word", "request"}
    assert found.body == b"<p>w</p>"


async def test_background_work_runs(templates):
    ran = []
    task = BackgroundTask(ran.append, 1)
    await request(
        app_for(lambda request: templates.TemplateResponse(request, "page.html", background=task)), spec_version="2.3"
    )
    assert ran == [1]


async def test_url_for_asks_the_request(templates):
    class Router:
        def url_path_for(self, name, /, **params):
            from asterion.datastructures import URLPath

            return URLPath(f"/{name}/{params['id']}")

    app = app_for(lambda request: templates.TemplateResponse(request, "link.html"))
    answer = await request(app, headers=[("host", "example.com")], scope={"router": Router()})
    assert answer.body == b"http://example.com/item/3"


async def test_context_processors_add_variables(templates):
    templates.context_processors.append(lambda request: {"user": "ann"})
    answer = await request(app_for(lambda request: templates.TemplateResponse(request, "path.html")), path="/x")
    assert answer.body == b"/x ann"


async def test_an_async_context_processor_is_a_clear_error():
    async def processor(request):
        return {}

    templates = make(context_processors=[processor])
    with pytest.raises(TypeError, match="cannot be async: await in the endpoint"):
        templates.TemplateResponse(Request({"type": "http"}), "page.html")


async def test_the_context_cannot_take_the_place_of_the_request():
    """Upstream: `'str' object has no attribute 'get'`, when the response was sent."""
    with pytest.raises(TypeError, match="has a 'request' of its own, 'mine'"):
        make().TemplateResponse(Request({"type": "http"}), "page.html", {"request": "mine"})
    templates = make(context_processors=[lambda request: {"request": 1}])
    with pytest.raises(TypeError, match="that name is the request's"):
        templates.TemplateResponse(Request({"type": "http"}), "page.html")


def test_a_missing_request_or_name_is_a_clear_error():
    with pytest.raises(TypeError, match="needs the request, got None; write TemplateResponse"):
        make().TemplateResponse("page.html", {})
    with pytest.raises(TypeError, match="needs the name of a template"):
        make().TemplateResponse(request=Request({"type": "http"}))
    with pytest.raises(TypeError, match="too many arguments or some twice"):
        make().TemplateResponse(Request({"type": "http"}), "page.html", name="other.html")


def test_the_context_that_was_given_is_not_changed():
    context = {"word": "w"}
    make().TemplateResponse(Request({"type": "http"}), "page.html", context)
    assert context == {"word": "w"}


def test_directories_are_searched_in_order_and_everything_is_escaped(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name + " {{ word }}")
    templates = Jinja2Templates([tmp_path / "one", tmp_path / "two"])
    found = templates.TemplateResponse(Request({"type": "http"}), "a.txt", {"word": "<"})
    assert found.body == b"one &lt;"
    assert templates.get_template("a.txt").name == "a.txt"


def test_exactly_one_of_directory_and_env_is_given(tmp_path):
    for kwargs in ({}, {"directory": tmp_path, "env": jinja2.Environment()}):
        with pytest.raises(TemplateConfigurationError, match="either 'directory' or 'env' arguments must be passed"):
            Jinja2Templates(**kwargs)


def test_without_jinja2_the_error_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(RuntimeError, match=r"asterion\[templates\]"):
        Jinja2Templates(tmp_path)


async def test_errors_of_a_template_are_raised(templates):
    templates.env.loader.mapping = {**PAGES, "bad.html": "{{ 1 / 0 }}"}
    with pytest.raises(ZeroDivisionError):
        await request(app_for(lambda request: templates.TemplateResponse(request, "bad.html")))


async def test_a_context_processor_that_gives_no_dict_is_a_clear_error():
    environment = jinja2.Environment(loader=jinja2.DictLoader({"page.html": ""}), autoescape=True)
    templates = Jinja2Templates(env=environment, context_processors=[lambda request: [("a", 1)]])
    with pytest.raises(TypeError, match=r"must return a dict, got \[\('a', 1\)\]"):
        templates.TemplateResponse(Request(http_scope()), "page.html")
