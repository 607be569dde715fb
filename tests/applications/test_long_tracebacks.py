"""The debug page and the debug text of a very long traceback have its first calls and its last."""

import re
import traceback
from typing import Any

import pytest

from asterion.applications import Asterion, Starlette
from asterion.middleware.errors import ServerErrorMiddleware
from asterion.requests import Request
from asterion.responses import PlainTextResponse, Response
from asterion.routing import Route
from tests.asgi import Exchange, http_scope

pytestmark = pytest.mark.anyio

middleware = ServerErrorMiddleware(PlainTextResponse(""), debug=True)


def numbered_calls(count: int, error: Exception | None = None, under: Exception | None = None) -> Exception:
    """An error whose traceback has so many calls besides this one, each of a function of its own name."""
    lines = [f"def call_{n}(error, under):\n    call_{n + 1}(error, under)\n" for n in range(1, count)]
    namespace: dict[str, Any] = {}
    exec("".join(lines) + f"def call_{count}(error, under):\n    raise error from under\n", namespace)
    try:
        namespace["call_1"](error or LookupError("deep"), under)
    except Exception as raised:
        return raised
    raise AssertionError("nothing was raised")


def calls_of(text: str) -> list[int]:
    """The numbers of the calls that a text or page has, and 0 for the line that says how many there are not."""
    found = re.findall(r"call_(\d+)(?:\n|</code></summary>)|(calls are left out here)", text)
    return [0 if left_out else int(number) for number, left_out in found]


def test_a_traceback_of_100_calls_is_shown_whole() -> None:
    error = numbered_calls(99)
    assert middleware.generate_plain_text(error) == "".join(traceback.format_exception(error))
    page, _, text = middleware.generate_html(error).partition("As text")
    assert calls_of(page) == list(range(99, 0, -1))
    assert calls_of(text) == list(range(1, 100))


@pytest.mark.parametrize("calls", [100, 150, 800])
def test_of_a_longer_one_the_first_50_and_the_last_50_calls_are_shown(calls: int) -> None:
    """The first is the one of the function that caught it."""
    error = numbered_calls(calls)
    first, last = list(range(1, 50)), list(range(calls - 49, calls + 1))
    page, _, page_text = middleware.generate_html(error).partition("As text")
    assert calls_of(page) == [*reversed(last), 0, *reversed(first)]
    text = middleware.generate_plain_text(error)
    assert calls_of(page_text) == calls_of(text) == [*first, 0, *last]
    said = f"{calls + 1 - 100} calls are left out here; the traceback in the server's log has them all"
    assert f"  [{said}]\n" in text
    assert f"<p>{said}.</p>" in page


def test_what_is_shown_of_it_is_what_the_whole_traceback_says() -> None:
    error = numbered_calls(300)
    whole = "".join(traceback.format_exception(error))
    before, _, after = middleware.generate_plain_text(error).partition("  [201 calls are left out here; ")
    assert whole.startswith(before)
    assert whole.endswith(after.partition("\n")[2])


def test_the_error_keeps_its_traceback_for_the_log() -> None:
    error = numbered_calls(300)
    middleware.generate_html(error)
    assert len(list(traceback.walk_tb(error.__traceback__))) == 301


def test_the_errors_that_it_came_of_are_shortened_too() -> None:
    under = numbered_calls(300)
    text = middleware.generate_plain_text(numbered_calls(200, under=under))
    assert re.findall(r"\[(\d+) calls are left out", text) == ["201", "101"]
    assert "direct cause" in text


def test_the_errors_of_a_group_are_shortened_too() -> None:
    group = ExceptionGroup("several", [numbered_calls(300), numbered_calls(2), numbered_calls(200)])
    text = middleware.generate_plain_text(numbered_calls(1, group))
    assert re.findall(r"\[(\d+) calls are left out", text) == ["201", "101"]


@pytest.mark.parametrize("face", [Asterion, Starlette])
@pytest.mark.parametrize("accept", ["text/html", "*/*"])
async def test_endless_recursion_is_shown_with_what_began_it_and_where_it_ended(face: Any, accept: str) -> None:
    def again() -> None:
        again()

    async def endpoint(request: Request) -> Response:
        again()
        return Response()

    exchange = Exchange(face(routes=[Route("/", endpoint)], debug=True), http_scope(headers=[("accept", accept)]))
    with pytest.raises(RecursionError) as caught:
        await exchange.run()
    shown = exchange.body.decode()
    assert "in endpoint" in shown.replace("<code>", "")
    assert "RecursionError: maximum recursion depth exceeded" in shown.replace("<b>", "").replace("</b>", "")
    assert "calls are left out here" in shown
    assert len(list(traceback.walk_tb(caught.value.__traceback__))) > 500
