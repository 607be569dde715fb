"""The error boundary: what a client is told of an error that nobody handled, and the page for its developer."""

import logging
import runpy
from pathlib import Path
from typing import Any

import pytest

from asterion.applications import Asterion, Starlette
from asterion.middleware.errors import ServerErrorMiddleware
from asterion.requests import ClientDisconnect, Request
from asterion.responses import PlainTextResponse, Response, StreamingResponse
from asterion.routing import Route
from tests.asgi import Exchange, http_scope, request

pytestmark = pytest.mark.anyio

SECRET = "hunter2"
HTML = [("accept", "text/html,*/*")]


@pytest.fixture(params=[Asterion, Starlette])
def face(request: pytest.FixtureRequest) -> Any:
    """Both classes of application."""
    return request.param


class Boom(Exception):
    """An error of the application's own."""


async def broken(request: Request) -> Response:
    raise Boom(f"<script>alert('{SECRET}')</script>")


async def failing(app: Any, error: type[BaseException] = Boom, **more: Any) -> Exchange:
    exchange = Exchange(app, http_scope(**more))
    with pytest.raises(error):
        await exchange.run()
    return exchange


async def test_a_client_is_told_nothing_but_the_status(face: Any) -> None:
    answer = await failing(face(routes=[Route("/", broken)]), headers=HTML)
    assert (answer.status, answer.body, answer.complete) == (500, b"Internal Server Error", True)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


async def test_the_error_is_raised_as_itself_so_that_the_server_can_log_it(face: Any) -> None:
    error = Boom("x")

    async def endpoint(request: Request) -> Response:
        raise error

    with pytest.raises(Boom) as caught:
        await request(face(routes=[Route("/", endpoint)]))
    assert caught.value is error
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


async def test_after_the_start_nothing_is_sent(face: Any) -> None:
    async def body() -> Any:
        yield b"partial"
        raise Boom("x")

    async def endpoint(request: Request) -> Response:
        return StreamingResponse(body())

    for debug in (True, False):
        answer = await failing(face(routes=[Route("/", endpoint)], debug=debug))
        assert (answer.status, answer.chunks, answer.complete) == (200, [b"partial"], False)


async def test_after_the_start_a_handler_for_everything_is_told(face: Any) -> None:
    seen: list[Exception] = []

    async def body() -> Any:
        yield b"partial"
        raise Boom("x")

    async def endpoint(request: Request) -> Response:
        return StreamingResponse(body())

    def note(request: Request, error: Exception) -> Response:
        seen.append(error)
        return PlainTextResponse("unused")

    answer = await failing(face(routes=[Route("/", endpoint)], exception_handlers={Exception: note}))
    assert [str(error) for error in seen] == ["x"]
    assert answer.chunks == [b"partial"]


async def test_a_handler_that_returns_no_response_is_a_clear_error(face: Any) -> None:
    app = face(routes=[Route("/", broken)], exception_handlers={500: lambda request, error: None})
    with pytest.raises(TypeError, match=r"exception handler .* returned None for Boom"):
        await request(app)


async def test_a_client_that_left_is_no_error(face: Any, spec_version: str, caplog: pytest.LogCaptureFixture) -> None:
    """Issue 1648: no 500, no traceback, no handler."""
    called: list[Any] = []

    async def endpoint(request: Request) -> Response:
        await request.body()
        return Response()

    app = face(
        routes=[Route("/", endpoint, methods=["POST"])],
        exception_handlers={Exception: lambda request, error: called.append(error)},
    )
    exchange = Exchange(app, http_scope("POST", spec_version=spec_version), body=[])
    exchange.disconnect()
    with caplog.at_level(logging.DEBUG, "asterion.errors"):
        await exchange.run()
    assert (exchange.messages, called) == ([], [])
    said = [(record.levelno, record.getMessage()) for record in caplog.records if record.name == "asterion.errors"]
    assert said == [(logging.DEBUG, "the client left before its request was complete: POST /")]


async def test_a_client_disconnect_may_be_handled(face: Any) -> None:
    async def endpoint(request: Request) -> Response:
        await request.body()
        return Response()

    seen: list[Any] = []

    async def note(request: Request, error: Exception) -> Response:
        seen.append(type(error))
        return PlainTextResponse("nobody reads this")

    app = face(routes=[Route("/", endpoint, methods=["POST"])], exception_handlers={ClientDisconnect: note})
    exchange = Exchange(app, http_scope("POST", spec_version="2.3"), body=[])
    exchange.disconnect()
    await exchange.run()
    assert seen == [ClientDisconnect]


# --- the page for developers ---


async def test_with_debug_a_browser_gets_a_page_in_which_everything_is_escaped(face: Any) -> None:
    answer = await failing(face(routes=[Route("/", broken)], debug=True), headers=HTML)
    page = answer.body.decode()
    assert answer.status == 500
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#x27;hunter2&#x27;)&lt;/script&gt;" in page
    assert "Boom" in page
    assert "raise Boom(" in page
    assert "test_error_boundary.py" in page


async def test_with_debug_others_get_the_traceback_as_text(face: Any) -> None:
    answer = await failing(face(routes=[Route("/", broken)], debug=True), headers=[("accept", "application/json")])
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.body.startswith(b"Traceback (most recent call last):")
    assert b"Boom: <script>" in answer.body


async def test_the_innermost_frame_comes_first_and_is_open(face: Any) -> None:
    answer = await failing(face(routes=[Route("/", broken)], debug=True), headers=HTML)
    page = answer.body.decode()
    first = page.index("<details open>")
    assert "broken" in page[first : page.index("</summary>", first)]
    assert page.count("<details open>") == 1
    assert page.index("raise Boom(") < page.index("<summary>As text</summary>")


async def test_the_page_shows_an_error_without_a_traceback_and_without_source() -> None:
    middleware = ServerErrorMiddleware(PlainTextResponse(""), debug=True)
    assert "KeyError" in middleware.generate_html(KeyError("x"))
    namespace: dict[str, Any] = {}
    exec(compile("def fail():\n    raise KeyError('no source')", "<generated & co>", "exec"), namespace)
    try:
        namespace["fail"]()
    except KeyError as error:
        page = middleware.generate_html(error)
    assert "&lt;generated &amp; co&gt;" in page


async def test_source_lines_have_their_numbers_and_the_current_one_is_marked() -> None:
    middleware = ServerErrorMiddleware(PlainTextResponse(""), debug=True)
    assert middleware.format_line(2, "x = '<b>'\n", 42, 2) == (
        '<span class="current"><span class="number">   42 </span>x = &#x27;&lt;b&gt;&#x27;</span>\n'
    )
    assert '<span class="number">   40 </span>' in middleware.format_line(0, "y", 42, 2)


@pytest.mark.parametrize(("before", "place"), [(0, "first line"), (8, "middle")])
async def test_the_line_of_an_error_is_marked_among_those_around_it(before: int, place: str, tmp_path: Path) -> None:
    path = tmp_path / "file.py"
    path.write_text("x = 1\n" * before + f"raise KeyError({place!r})\n" + "y = 2\n" * 8)
    try:
        runpy.run_path(str(path))
    except KeyError as error:
        page = ServerErrorMiddleware(PlainTextResponse(""), debug=True).generate_html(error)
    assert f'<span class="current"><span class="number">{before + 1:5} </span>raise KeyError(' in page
    assert f'<span><span class="number">{before + 2:5} </span>y = 2' in page
    assert (f'<span><span class="number">{before:5} </span>x = 1' in page) is bool(before)


async def test_an_error_of_a_single_call_is_shown_with_it() -> None:
    try:
        raise KeyError("right here")
    except KeyError as error:
        page = ServerErrorMiddleware(PlainTextResponse(""), debug=True).generate_html(error)
    assert page.count(" in <code>") == 1
    assert "in <code>test_an_error_of_a_single_call_is_shown_with_it</code>" in page


async def test_debug_warns_once_where_others_can_see_it(caplog: pytest.LogCaptureFixture) -> None:
    app = Asterion(routes=[Route("/", broken)], debug=True)
    for _ in range(2):
        await failing(app, server=("203.0.113.5", 80))
    assert [record.getMessage() for record in caplog.records] == [
        "debug=True shows source code and values to whoever reaches 203.0.113.5; switch it off there"
    ]


@pytest.mark.parametrize("server", [("127.0.0.1", 80), ("::1", 80), ("testserver", 80), None])
async def test_debug_does_not_warn_on_loopback(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    await failing(Asterion(routes=[Route("/", broken)], debug=True), server=server)
    assert caplog.records == []


# --- alone ---


async def test_the_boundary_stands_alone_and_lets_other_scopes_pass() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise Boom(scope["type"])

    answer = await failing(ServerErrorMiddleware(app))
    assert answer.status == 500
    for kind in ("websocket", "lifespan"):
        with pytest.raises(Boom, match=kind):
            await ServerErrorMiddleware(app)({"type": kind}, None, None)  # type: ignore[arg-type]


async def test_the_handler_is_told_of_an_error_of_a_websocket_which_is_raised_all_the_same() -> None:
    told: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise Boom(scope["type"])

    async def handler(websocket: Any, error: Exception) -> None:
        told.append((websocket.scope["type"], str(error)))

    with pytest.raises(Boom):
        await ServerErrorMiddleware(app, handler=handler)({"type": "websocket"}, None, None)  # type: ignore[arg-type]
    assert told == [("websocket", "websocket")]


async def test_a_subclass_may_say_it_in_its_own_words() -> None:
    class Mine(ServerErrorMiddleware):
        def error_response(self, request: Request, exc: Exception) -> Response:
            return PlainTextResponse("sorry", 500)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise Boom

    assert (await failing(Mine(app))).body == b"sorry"
