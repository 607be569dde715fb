"""What browsers make of the defences: a Chromium, a real server, and pages that are attacked."""

from collections.abc import Iterator
from typing import Any

import pytest

from asterion.applications import Asterion
from asterion.middleware import Middleware
from asterion.middleware.csrf import CSRFMiddleware, csrf_input, csrf_token
from asterion.middleware.securityheaders import NONCE, SecurityHeadersMiddleware, csp_nonce
from asterion.requests import Request
from asterion.responses import HTMLResponse, PlainTextResponse, Response
from asterion.routing import Route
from tests.served.browser import Page, chromium, open_page
from tests.served.serving import Served, serve

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium is installed (apt-get install chromium)")


async def scripts(request: Request[Any]) -> HTMLResponse:
    """A script of ours, one that was slipped in, and one of an earlier page."""
    return HTMLResponse(f"""<!doctype html><title>scripts</title><p id="said"></p>
        <style nonce="{csp_nonce(request)}">#said {{ color: rgb(1, 2, 3) }}</style>
        <style>#said {{ background-color: rgb(4, 5, 6) }}</style>
        <script nonce="{csp_nonce(request)}">said.textContent += "ours "</script>
        <script>said.textContent += "slipped in "</script>
        <script nonce="AAAAAAAAAAAAAAAAAAAAAA">said.textContent += "of an earlier page "</script>
        <a id="link" href="#" onclick="said.textContent += 'handler '">click</a>""")


answers: list[int] = []
"""What `kept` has answered with."""


async def kept(request: Request[Any]) -> Response:
    """A page that the browser keeps, with the policy that it came with."""
    headers = {"etag": '"1"', "cache-control": "no-cache"}
    answers.append(304 if "if-none-match" in request.headers else 200)
    if answers[-1] == 304:
        return Response(status_code=304, headers=headers)
    page = f"""<!doctype html><title>kept</title><p id="said"></p>
        <script nonce="{csp_nonce(request)}">said.textContent += "ours "</script>"""
    return HTMLResponse(page, headers=headers)


async def form(request: Request[Any]) -> HTMLResponse:
    field = csrf_input(request) if request.query_params.get("field") != "no" else ""
    return HTMLResponse(f"""<!doctype html><title>form</title><meta name="csrf-token" content="{csrf_token(request)}">
        <form method="post" action="/order">{field}<input name="thing"><button>Order</button></form>
        <form id="upload" method="post" action="/order" enctype="multipart/form-data">
        {field}<input name="thing" value="coffee"><input type="file" name="file"><button>Order</button></form>""")


async def order(request: Request[Any]) -> HTMLResponse:
    got = await request.form()
    return HTMLResponse(f"<!doctype html><title>done</title><p>ordered {got.get('thing')}</p>")


async def framed(request: Request[Any]) -> HTMLResponse:
    """A page of another origin: it frames ours, and posts to it."""
    ours = request.query_params["ours"]
    return HTMLResponse(f"""<!doctype html><title>evil</title><iframe id="frame" src="{ours}/plain"></iframe>
        <form method="post" action="{ours}/order"><input name="thing" value="poison"><button>Win</button></form>""")


async def plain(request: Request[Any]) -> PlainTextResponse:
    return PlainTextResponse("a plain page")


POLICY = {"script-src": NONCE, "style-src": NONCE, "frame-ancestors": "'self'"}


@pytest.fixture(scope="module")
def site() -> Iterator[Served]:
    routes = [
        Route("/scripts", scripts),
        Route("/kept", kept),
        Route("/form", form),
        Route("/plain", plain),
        Route("/order", order, methods=["POST"]),
    ]
    layers = [
        Middleware(SecurityHeadersMiddleware, content_security_policy=POLICY),
        Middleware(CSRFMiddleware, secret_key="only for this test"),
    ]
    with serve(Asterion(routes=routes, middleware=layers), loop="uvloop", http="httptools") as served:
        yield served


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Served]:
    with serve(Asterion(routes=[Route("/", framed)]), loop="uvloop", http="httptools") as served:
        yield served


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_page(tmp_path_factory.mktemp("chromium")) as page:
        yield page


def test_only_scripts_and_styles_with_the_nonce_of_this_page_work(page: Page, site: Served) -> None:
    page.go(f"{site.url}/scripts")
    page.click("#link")
    assert page.evaluate("document.querySelector('#said').textContent") == "ours "
    style = page.evaluate("(s => [s.color, s.backgroundColor])(getComputedStyle(document.querySelector('#said')))")
    assert style == ["rgb(1, 2, 3)", "rgba(0, 0, 0, 0)"]


def test_a_page_that_the_browser_has_kept_runs_its_scripts_after_a_304(page: Page, site: Served) -> None:
    answers.clear()
    for _ in range(2):
        page.go(f"{site.url}/kept")
        assert page.evaluate("document.querySelector('#said').textContent") == "ours "
        page.go("about:blank")
    assert answers == [200, 304]


def test_a_form_with_the_field_is_posted_and_one_without_is_refused(page: Page, site: Served) -> None:
    page.go(f"{site.url}/form")
    page.type_into("input[name=thing]", "tea")
    page.click("button")
    page.wait("document.title === 'done'")
    assert page.evaluate("document.querySelector('p').textContent") == "ordered tea"
    page.go(f"{site.url}/form?field=no")
    page.click("button")
    page.wait("location.pathname === '/order' && document.readyState === 'complete'")
    assert "This request has no CSRF token" in page.evaluate("document.body.textContent")


def test_an_upload_is_posted_with_the_field_in_front(page: Page, site: Served, tmp_path: Any) -> None:
    (tmp_path / "large.bin").write_bytes(b"wheel" * 100_000)
    page.go(f"{site.url}/form")
    page.choose_file("#upload input[type=file]", tmp_path / "large.bin")
    page.click("#upload button")
    page.wait("document.title === 'done'")
    assert page.evaluate("document.querySelector('p').textContent") == "ordered coffee"


def test_a_script_sends_the_token_in_the_header(page: Page, site: Served) -> None:
    page.go(f"{site.url}/form")
    send = "fetch('/order', {method: 'POST', headers: HEADERS}).then(answer => answer.status)"
    token = "{'x-csrf-token': document.querySelector('meta').content}"
    assert page.evaluate(send.replace("HEADERS", token)) == 200
    assert page.evaluate(send.replace("HEADERS", "{}")) == 403


def test_another_page_can_neither_frame_ours_nor_post_to_it(page: Page, site: Served, elsewhere: Served) -> None:
    page.go(f"{site.url}/form")
    page.go(f"{elsewhere.url}/?ours={site.url}")
    assert page.evaluate("document.querySelector('#frame').contentDocument") is None
    assert any("frame" in complaint for complaint in page.complaints)
    page.click("button")
    page.wait("location.pathname === '/order' && document.readyState === 'complete'")
    assert "sent by a page of another site" in page.evaluate("document.body.textContent")
