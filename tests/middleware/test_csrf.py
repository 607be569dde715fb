"""Foreign pages do not send our forms: tokens in sessions and cookies, in headers and fields, and bodies left whole."""

import logging
import re
from typing import Any

import pytest

from asterion.applications import Asterion, Starlette
from asterion.datastructures import UploadFile
from asterion.middleware import Middleware
from asterion.middleware.csrf import FIELD, HEADER, CSRFMiddleware, csrf_input, csrf_token, csrf_valid
from asterion.middleware.sessions import SessionMiddleware
from asterion.requests import Request
from asterion.responses import HTMLResponse, PlainTextResponse, StreamingResponse
from asterion.routing import Route, WebSocketRoute
from asterion.templating import Jinja2Templates
from asterion.testclient import TestClient
from tests.asgi import Exchange, function_layers, http_scope, request

pytestmark = pytest.mark.anyio

TLS = {"scheme": "https"}
FORM = "application/x-www-form-urlencoded"


async def page(request: Request[Any]) -> HTMLResponse:
    return HTMLResponse(f'<form method="post">{csrf_input(request)}</form>')


async def token_page(request: Request[Any]) -> PlainTextResponse:
    return PlainTextResponse(csrf_token(request))


async def act(request: Request[Any]) -> PlainTextResponse:
    form = await request.form()
    shown = [
        f"{key}={value.filename}:{len(await value.read())}" if isinstance(value, UploadFile) else f"{key}={value}"
        for key, value in form.multi_items()
        if key != FIELD
    ]
    return PlainTextResponse("&".join(shown))


async def echo(request: Request[Any]) -> PlainTextResponse:
    return PlainTextResponse(await request.body())


async def plain(request: Request[Any]) -> PlainTextResponse:
    return PlainTextResponse("nothing asked for")


ROUTES = [
    Route("/", page),
    Route("/token", token_page),
    Route("/plain", plain),
    Route("/act", act, methods=["POST", "PUT", "PATCH", "DELETE"]),
    Route("/echo", echo, methods=["POST"]),
    Route("/hooks/{rest:path}", echo, methods=["POST"]),
]
SESSION = Middleware(SessionMiddleware, secret_key="key")


def in_session(*, face: Any = Asterion, layers: Any = (), **options: Any) -> Any:
    return face(routes=ROUTES, middleware=[*layers, SESSION, Middleware(CSRFMiddleware, **options)])


def in_cookie(*, secret_key: Any = "key", **options: Any) -> Any:
    return Asterion(routes=ROUTES, middleware=[Middleware(CSRFMiddleware, secret_key=secret_key, **options)])


KINDS = pytest.mark.parametrize("make", [in_session, in_cookie])


def cookies_of(answer: Any) -> list[tuple[str, str]]:
    lines = [value.decode() for name, value in answer.raw_headers if name == b"set-cookie"]
    return [("cookie", line.partition(";")[0]) for line in lines]


async def visit(app: Any) -> tuple[list[tuple[str, str]], str]:
    """A visitor's cookie, and a token of his pages."""
    answer = await request(app, path="/token")
    return cookies_of(answer), answer.body.decode()


async def post(app: Any, cookies: Any, body: Any = b"", *, path: str = "/act", **more: Any) -> Any:
    headers = [*cookies, *more.pop("headers", [])]
    return await request(app, more.pop("method", "POST"), path, headers=headers, body=body, **more)


def urlencoded(token: str, rest: str = "&a=1") -> dict[str, Any]:
    return {"headers": [("content-type", FORM)], "body": f"{FIELD}={token}{rest}".encode()}


def multipart(token: str | None, file: bytes = b"wheel", *, first: bool = True) -> dict[str, Any]:
    field = f'--b\r\ncontent-disposition: form-data; name="{FIELD}"\r\n\r\n{token}\r\n'.encode() if token else b""
    head = b'--b\r\ncontent-disposition: form-data; name="up"; filename="a.bin"\r\n\r\n'
    parts = [field, head + file + b"\r\n"]
    body = b"".join(parts if first else parts[::-1]) + b"--b--\r\n"
    return {"headers": [("content-type", "multipart/form-data; boundary=b")], "body": body}


@KINDS
async def test_a_form_of_our_own_page_is_believed_by_its_field(make: Any) -> None:
    app = make()
    answer = await request(app)
    match = re.fullmatch(
        r'<form method="post"><input type="hidden" name="csrf_token" value="([\w-]{86})"></form>', answer.body.decode()
    )
    assert match is not None
    for form in (urlencoded(match[1]), urlencoded("", f"&{FIELD}=x")), (multipart(match[1]), multipart(None)):
        good, bad = form
        answered = await post(app, cookies_of(answer), **good)
        assert (answered.status, answered.body) in ((200, b"a=1"), (200, b"up=a.bin:5"))
        assert (await post(app, cookies_of(answer), **bad)).status == 403


@KINDS
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_script_is_believed_by_its_header(make: Any, method: str, spec_version: str) -> None:
    app = make()
    cookies, token = await visit(app)
    assert (await post(app, cookies, method=method, spec_version=spec_version)).status == 403
    headers = [(HEADER, token)]
    assert (await post(app, cookies, method=method, headers=headers, spec_version=spec_version)).status == 200
    assert (await post(app, cookies, method=method, headers=[*headers, *headers])).status == 403


@KINDS
async def test_safe_methods_need_nothing_and_an_unknown_one_is_unsafe(make: Any) -> None:
    app = make()
    for method in ("GET", "HEAD"):
        assert (await request(app, method)).status == 200
    for method in ("OPTIONS", "TRACE"):
        assert (await request(app, method)).status != 403
    assert (await request(app, "FROBNICATE", "/act")).status == 403


@KINDS
async def test_every_token_is_another_text_and_good_for_its_visitor_alone(make: Any) -> None:
    app = make()
    cookies, token = await visit(app)
    again = await request(app, path="/token", headers=cookies)
    other = again.body.decode()
    assert other != token
    # The mask and what is masked: no part of the one is in the other.
    assert other[:43] != token[:43]
    assert other[43:] != token[43:]
    for one in (token, other):
        assert (await post(app, cookies, headers=[(HEADER, one)])).status == 200
    foreign_cookies, foreign = await visit(app)
    assert (await post(app, cookies, headers=[(HEADER, foreign)])).status == 403
    assert (await post(app, foreign_cookies, headers=[(HEADER, token)])).status == 403
    assert (await post(app, [], headers=[(HEADER, token)])).status == 403


@KINDS
@pytest.mark.parametrize(
    "spoilt",
    ["", "x", "A" * 86, "A" * 85, "A" * 87, "A" * 10_000, "\u00e9" * 86, "=" * 86, "None", "A" * 84 + "==", "!" * 86],
)
async def test_what_is_no_token_is_refused(make: Any, spoilt: str) -> None:
    app = make()
    cookies, token = await visit(app)
    for given in (spoilt, token[:-2] + ("BA" if token[-2] == "A" else "AA"), token[1:] + "A", f"{token} x"):
        answer = await post(app, cookies, headers=[(HEADER, given.encode("latin-1", "replace"))])
        assert answer.status == 403
        assert answer.body.startswith(b"The CSRF token is of an earlier session")


async def test_a_refusal_says_what_to_write(caplog: pytest.LogCaptureFixture) -> None:
    app = in_session()
    answer = await post(app, [])
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.body.decode() == (
        "This request has no CSRF token: send it in the header X-CSRF-Token or in the field csrf_token, in front of "
        "others."
    )
    [record] = [record for record in caplog.records if record.name == "asterion.csrf"]
    assert record.levelno == logging.WARNING
    assert "'/act'" in record.getMessage()
    assert "write {{ csrf_input(request) }} in front of the fields of the form" in record.getMessage()


@KINDS
async def test_where_a_request_comes_from_is_judged_first(make: Any) -> None:
    app = make(allowed_origins=["https://app.example"])
    cookies, token = await visit(app)
    good = [("host", "shop.example"), (HEADER, token)]
    for headers, status in [
        ([("origin", "http://shop.example")], 200),
        ([("origin", "https://app.example")], 200),
        ([("origin", "https://evil.example")], 403),
        ([("origin", "null")], 403),
        ([("origin", "null"), ("sec-fetch-site", "same-origin")], 200),
        ([("sec-fetch-site", "cross-site")], 403),
        ([("sec-fetch-site", "same-site")], 403),
        ([("sec-fetch-site", "same-origin")], 200),
        ([], 200),
    ]:
        answer = await post(app, cookies, headers=[*good, *headers])
        assert (headers, answer.status) == (headers, status)
        assert status == 200 or answer.body == b"This request was sent by a page of another site, and was refused."


async def test_where_a_request_comes_from_is_judged_also_if_its_visitor_is_known_by_something_else_than_a_cookie() -> (
    None
):
    """By the certificate of his browser, say, which foreign pages have it show as well."""
    session: dict[str, Any] = {}

    class Known:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app({**scope, "session": session}, receive, send)

    app = Asterion(routes=ROUTES, middleware=[Middleware(Known), Middleware(CSRFMiddleware)])
    _, token = await visit(app)
    for origin, status in (("http://shop.example", 200), ("https://evil.example", 403)):
        headers = [("host", "shop.example"), ("origin", origin), (HEADER, token)]
        assert (await post(app, [], headers=headers)).status == status


async def test_the_cookie_is_the_visitors_alone_and_over_tls_bound_to_this_host() -> None:
    app = in_cookie()
    answer = await request(app, path="/token")
    [line] = [value.decode() for name, value in answer.raw_headers if name == b"set-cookie"]
    assert re.fullmatch(r"csrf=[\w-]{43}; HttpOnly; Path=/; SameSite=lax", line)
    answer = await request(app, path="/token", scope=TLS)
    [line] = [value.decode() for name, value in answer.raw_headers if name == b"set-cookie"]
    assert re.fullmatch(r"__Host-csrf=[\w-]{43}; HttpOnly; Path=/; SameSite=lax; Secure", line)
    headers = [(HEADER, answer.body.decode())]
    assert (await post(app, cookies_of(answer), headers=headers, scope=TLS)).status == 200
    # Another host of the domain can plant a cookie without that prefix; it counts for nothing over TLS.
    planted, token = await visit(app)
    assert (await post(app, planted, headers=[(HEADER, token)], scope=TLS)).status == 403
    always = await request(in_cookie(https_only=True, cookie="c"), path="/token")
    assert cookies_of(always)[0][1].startswith("__Host-c=")


@KINDS
async def test_a_page_with_a_token_is_for_no_shared_cache_and_others_are_left_alone(make: Any) -> None:
    app = make()
    answer = await request(app, path="/token")
    assert answer.headers["vary"] == "Cookie"
    assert answer.headers["cache-control"] == "private"
    untouched = await request(app, path="/plain")
    assert not {"vary", "cache-control", "set-cookie"} & set(untouched.headers)
    again = await request(app, path="/token", headers=cookies_of(answer))
    assert cookies_of(again) == []


async def test_a_response_keeps_its_own_word_on_caching() -> None:
    async def endpoint(request: Request[Any]) -> PlainTextResponse:
        return PlainTextResponse(csrf_token(request), headers={"cache-control": "no-store"})

    app = CSRFMiddleware(Asterion(routes=[Route("/", endpoint)]), "key")
    assert (await request(app)).headers["cache-control"] == "no-store"


async def test_keys_can_be_changed_while_visitors_go_on() -> None:
    cookies, token = await visit(in_cookie(secret_key="old"))
    headers = [(HEADER, token)]
    assert (await post(in_cookie(secret_key=["new", "old"]), cookies, headers=headers)).status == 200
    assert (await post(in_cookie(secret_key="new"), cookies, headers=headers)).status == 403


async def test_a_token_is_bound_to_what_bind_gives() -> None:
    app = in_cookie(bind=lambda connection: connection.headers.get("x-user", ""))
    answer = await request(app, path="/token", headers=[("x-user", "ann")])
    sent = [(HEADER, answer.body.decode())]
    assert (await post(app, cookies_of(answer), headers=[*sent, ("x-user", "ann")])).status == 200
    assert (await post(app, cookies_of(answer), headers=[*sent, ("x-user", "eve")])).status == 403
    assert (await post(app, cookies_of(answer), headers=sent)).status == 403


@pytest.mark.parametrize("seed", ["", "x", "A" * 44, "A" * 42, "A" * 5000, "\u00e9" * 43])
async def test_a_cookie_that_is_none_of_ours_is_replaced(seed: str) -> None:
    app = in_cookie()
    answer = await request(app, path="/token", headers=[("cookie", f"csrf={seed}".encode("latin-1"))])
    assert len(cookies_of(answer)) == 1
    assert (await post(app, [("cookie", b"csrf=x")], headers=[(HEADER, "A" * 86)])).status == 403


async def test_a_session_that_holds_something_else_gets_a_secret() -> None:
    async def spoil(request: Request[Any]) -> PlainTextResponse:
        request.session["_csrf"] = 3
        assert not csrf_valid(request, "A" * 86)
        return PlainTextResponse(csrf_token(request))

    app = Asterion(routes=[Route("/", spoil), *ROUTES], middleware=[SESSION, Middleware(CSRFMiddleware)])
    answer = await request(app)
    assert (await post(app, cookies_of(answer), headers=[(HEADER, answer.body.decode())])).status == 200


# --- the body ---


@KINDS
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_the_endpoint_reads_the_body_as_it_came(make: Any, size: int, layers: int, way: str) -> None:
    """Whoever has looked into it, and however it was cut."""
    csrf = [Middleware(CSRFMiddleware, **({} if make is in_session else {"secret_key": "key"}))]
    session = [SESSION] if make is in_session else []
    around = function_layers(layers, way)
    for middleware in ([*around, *session, *csrf], [*session, *csrf, *around]):
        app = Asterion(routes=ROUTES, middleware=middleware)
        cookies, token = await visit(app)
        for form, read in ((urlencoded(token), b"a=1"), (multipart(token), b"up=a.bin:5")):
            pieces = [form["body"][at : at + size] for at in range(0, len(form["body"]), size)]
            answer = await post(app, cookies, pieces, headers=form["headers"])
            assert (answer.status, answer.body) == (200, read)
            whole = await post(app, cookies, pieces, headers=form["headers"], path="/echo")
            assert (whole.status, whole.body) == (200, form["body"])


async def test_an_application_without_requests_reads_the_messages_as_they_came() -> None:
    seen: list[Any] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/token":
            await PlainTextResponse(csrf_token(Request(scope)))(scope, receive, send)
            return
        while True:
            message = await receive()
            seen.append((message.get("body"), message.get("more_body")))
            if not message.get("more_body"):
                break
        await PlainTextResponse("done")(scope, receive, send)

    app = CSRFMiddleware(inner, "key")
    cookies, token = await visit(app)
    pieces = [f"{FIELD}=".encode(), token.encode(), b"&a=", b"1"]
    answer = await post(app, cookies, pieces, headers=[("content-type", FORM)])
    assert answer.status == 200
    assert seen == [(piece, piece is not pieces[-1]) for piece in pieces]


async def test_a_large_upload_is_read_only_as_far_as_its_token() -> None:
    taken: list[int] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/token":
            await PlainTextResponse(csrf_token(Request(scope)))(scope, receive, send)
            return
        taken.append(exchange.receives)
        await PlainTextResponse("done")(scope, receive, send)

    app = CSRFMiddleware(inner, "key", max_form_size=10_000)
    cookies, token = await visit(app)
    for first, receives, status in ((True, 1, 200), (False, 10, 403)):
        form = multipart(token, b"x" * 100_000, first=first)
        pieces = [form["body"][at : at + 1000] for at in range(0, len(form["body"]), 1000)]
        exchange = Exchange(app, http_scope("POST", "/act", headers=[*cookies, *form["headers"]]), body=pieces)
        await exchange.run()
        assert (exchange.receives, exchange.status) == (receives, status)
    assert taken == [1]


async def test_of_one_large_message_no_more_than_the_limit_is_looked_through() -> None:
    app = in_cookie(max_form_size=1000)
    cookies, token = await visit(app)
    for before, status in ((900 - len(FIELD), 200), (1000, 403)):
        body = f"a={'1' * before}&{FIELD}={token}&b=2".encode()
        headers = [("content-type", FORM)]
        assert (await post(app, cookies, body, headers=headers)).status == status


async def test_a_token_counts_up_to_the_last_byte_of_the_limit() -> None:
    body = f"{FIELD}={'1' * 86}"
    for size, status in ((len(body), 200), (len(body) - 1, 403)):
        app = in_cookie(max_form_size=size)
        cookies, token = await visit(app)
        form = urlencoded(token, "")
        assert len(form["body"]) == len(body)
        assert (await post(app, cookies, **form)).status == status


async def test_a_body_that_is_no_form_or_has_a_token_in_its_header_is_not_read() -> None:
    app = in_cookie()
    cookies, token = await visit(app)
    for headers, body, status in [
        ([("content-type", "application/json")], f'{{"{FIELD}": "{token}"}}', 403),
        ([("content-type", "text/plain")], f"{FIELD}={token}", 403),
        ([], f"{FIELD}={token}", 403),
        ([("content-type", FORM), (HEADER, "x")], f"{FIELD}={token}", 403),
    ]:
        exchange = Exchange(app, http_scope("POST", "/act", headers=[*cookies, *headers]), body=body.encode())
        await exchange.run()
        assert (exchange.status, exchange.receives) == (status, 0)


@pytest.mark.parametrize(
    "form",
    [
        ([("content-type", "multipart/form-data")], b""),
        ([("content-type", "multipart/form-data; boundary=b")], b"no boundary"),
        ([("content-type", "multipart/form-data; boundary=b")], b"--b\r\nx: y\r\n\r\n\r\n--b--\r\n"),
        ([("content-type", FORM)], b"a=\xff&b=%ff"),
        ([("content-type", FORM)], b""),
        (multipart("x" * 2000)["headers"], multipart("x" * 2000)["body"]),
        # A file that is called like the field is no token.
        (
            multipart("x")["headers"],
            b'--b\r\ncontent-disposition: form-data; name="csrf_token"; filename="a"\r\n\r\nx\r\n--b--\r\n',
        ),
    ],
)
async def test_a_form_that_is_malformed_or_has_no_token_is_refused(form: Any) -> None:
    answer = await post(in_session(), [], form[1], headers=form[0])
    assert answer.status == 403
    assert answer.body.startswith(b"This request has no CSRF token")


@pytest.mark.parametrize("reads", ["form", "body", "stream"])
async def test_a_layer_further_out_may_have_read_the_form(reads: str, way: str) -> None:
    async def reading(request: Request[Any], call_next: Any) -> Any:
        if request.method == "POST" and reads == "stream":
            async for _ in request.stream():
                pass
        elif request.method == "POST":
            await getattr(request, reads)()
        return await call_next(request)

    app = in_session(layers=function_layers(1, way, reading))
    cookies, token = await visit(app)
    for form in (urlencoded(token), multipart(token)):
        assert (await post(app, cookies, **form)).status == 200


async def test_a_body_that_nobody_has_kept_has_no_token() -> None:
    inner = in_cookie()

    async def reading(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST":
            async for _ in Request(scope, receive).stream():
                pass
        await inner(scope, receive, send)

    cookies, token = await visit(inner)
    assert (await post(reading, cookies, **urlencoded(token))).status == 403
    headers = [("content-type", FORM), (HEADER, token)]
    with pytest.raises(RuntimeError, match="Stream consumed"):
        await post(reading, cookies, headers=headers)


async def test_limits_of_bodies_count_what_was_looked_at() -> None:
    routes = [Route("/token", token_page), Route("/act", act, methods=["POST"], max_body_size=150)]
    app = Asterion(routes=routes, middleware=[SESSION, Middleware(CSRFMiddleware)])
    cookies, token = await visit(app)
    assert (await post(app, cookies, **urlencoded(token))).status == 200
    assert (await post(app, cookies, **urlencoded(token, "&a=" + "1" * 200))).status == 413
    outer = Asterion(routes=ROUTES, middleware=[SESSION, Middleware(CSRFMiddleware)], max_body_size=150)
    assert (await post(outer, cookies, **urlencoded(token))).status == 200
    assert (await post(outer, cookies, **urlencoded("x", "&a=" + "1" * 200))).status == 413


async def test_a_client_that_goes_while_its_form_is_looked_at_ends_the_request() -> None:
    app = CSRFMiddleware(PlainTextResponse("never"), "key")
    exchange = Exchange(app, http_scope("POST", headers=[("content-type", FORM)]), body=[b"a=1", b"&b=2"])
    told = exchange.receive

    async def receive() -> dict[str, Any]:
        if exchange.receives == 1:
            exchange.disconnect()
            return {"type": "http.disconnect"}
        return await told()

    await app(exchange.scope, receive, exchange.send)
    assert exchange.messages == []


# --- settings ---


async def test_paths_can_be_exempt_as_routes_write_them() -> None:
    app = in_session(exempt=["/echo", "/hooks/"])
    for path, status in {"/echo": 200, "/hooks/a": 200, "/act": 403, "/hooks/../act": 403, "/echo/": 403}.items():
        assert (await post(app, [], path=path)).status == status
    one = in_session(exempt="/echo")
    assert [(await post(one, [], path=path)).status for path in ("/echo", "/act")] == [200, 403]
    asked = in_session(exempt=lambda request: "authorization" in request.headers)
    assert (await post(asked, [], headers=[("authorization", "Bearer x")])).status == 200
    assert (await post(asked, [])).status == 403


async def test_header_field_and_answer_can_be_others() -> None:
    def refused(request: Request[Any], reason: str) -> HTMLResponse:
        return HTMLResponse(f"<p>{reason}", status_code=419)

    app = in_cookie(header="X-Token", field="t<", refuse=refused)
    answer = await request(app)
    assert b'name="t&lt;"' in answer.body
    cookies, token = await visit(app)
    assert (await post(app, cookies, headers=[("x-token", token)])).status == 200
    refusal = await post(app, cookies, headers=[(HEADER, token)])
    assert (refusal.status, refusal.body[:29]) == (419, b"<p>This request has no CSRF t")


def test_settings_that_protect_nothing_are_refused() -> None:
    for keys in ("", [], ["a", ""]):
        with pytest.raises(ValueError, match="secret_key is empty"):
            CSRFMiddleware(plain, keys)
    with pytest.raises(ValueError, match="'hooks' in exempt is no path: write it as routes do"):
        CSRFMiddleware(plain, "key", exempt=["hooks"])
    with pytest.raises(ValueError, match="no exact origin"):
        CSRFMiddleware(plain, "key", allowed_origins=["*"])


async def test_without_a_session_and_a_key_a_request_says_what_to_add() -> None:
    app = CSRFMiddleware(PlainTextResponse("done"))
    assert (await request(app)).status == 200
    with pytest.raises(RuntimeError, match=r"put Middleware\(SessionMiddleware, ...\) in front"):
        await post(app, [], headers=[(HEADER, "x")])
    with pytest.raises(RuntimeError, match="CSRF tokens need a session or a key"):
        csrf_token(Request(http_scope()))


async def test_a_token_that_is_first_asked_for_while_the_response_runs_is_an_error() -> None:
    async def late(request: Request[Any]) -> StreamingResponse:
        async def body() -> Any:
            yield "start"
            yield csrf_token(request)

        return StreamingResponse(body())

    for app in (
        CSRFMiddleware(Asterion(routes=[Route("/", late)]), "key"),
        Asterion(routes=[Route("/", late)], middleware=[SESSION, Middleware(CSRFMiddleware)]),
    ):
        with pytest.raises(RuntimeError, match=r"call csrf_token\(request\) before the response is sent"):
            await request(app)


async def test_on_the_other_face_it_is_the_same() -> None:
    app = in_session(face=Starlette)
    cookies, token = await visit(app)
    assert (await post(app, cookies, **urlencoded(token))).status == 200
    assert (await post(app, cookies, **urlencoded("x"))).status == 403


async def test_where_there_is_a_session_an_endpoint_can_judge_tokens_itself() -> None:
    async def judged(request: Request[Any]) -> PlainTextResponse:
        return PlainTextResponse(str(csrf_valid(request, (await request.form()).get(FIELD))))

    routes = [Route("/token", token_page), Route("/", judged, methods=["POST"])]
    app = SessionMiddleware(Asterion(routes=routes), "key")
    cookies, token = await visit(app)
    for given, verdict in ((token, b"True"), ("x", b"False")):
        assert (await post(app, cookies, path="/", **urlencoded(given))).body == verdict
    assert (await post(app, cookies, path="/")).body == b"False"


def test_templates_write_the_field_unescaped(tmp_path: Any) -> None:
    (tmp_path / "page.html").write_text("<form>{{ csrf_input(request) }}</form><a t='{{ csrf_token(request) }}'>")
    templates = Jinja2Templates(tmp_path)
    templates.env.globals.update(csrf_input=csrf_input, csrf_token=csrf_token)

    async def shown(request: Request[Any]) -> Any:
        return templates.TemplateResponse(request, "page.html")

    app = Asterion(routes=[Route("/page", shown), *ROUTES], middleware=[SESSION, Middleware(CSRFMiddleware)])
    client = TestClient(app)
    text = client.get("/page").text
    assert text.startswith('<form><input type="hidden" name="csrf_token" value="')
    token = text.split("'")[1]
    assert client.post("/act", data={FIELD: token, "a": "1"}).text == "a=1"
    assert client.post("/act", data={"a": "1"}).status_code == 403


def test_websockets_pass() -> None:
    async def socket(websocket: Any) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    app = CSRFMiddleware(Asterion(routes=[WebSocketRoute("/ws", socket)]), "key")
    with TestClient(app).websocket_connect("/ws") as websocket:
        assert websocket.receive_text() == "hello"
