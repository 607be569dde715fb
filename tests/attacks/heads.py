"""Attacks by the head of a request, on the head of a response, and by other sites."""

import tempfile
from time import process_time
from typing import Any

import anyio

from tests.asgi import Exchange, http_scope
from tests.attacks.kit import Kit, Left, attack, crashes, not_4xx, request


def _text(kit: Kit, what: Any) -> Any:
    """An application that answers with what `what` says of a request."""

    async def endpoint(request: Any) -> Any:
        return kit.responses.PlainTextResponse(str(what(request)))

    return kit.serving(endpoint, "/{rest:path}")


def _trusting(kit: Kit, *hosts: str) -> Any:
    inner = _text(kit, lambda request: "in")
    return kit.sub("middleware.trustedhost").TrustedHostMiddleware(inner, allowed_hosts=list(hosts))


@attack(7)
async def the_host_header_changes_the_path(kit: Kit) -> str | None:
    for host in ("example.com/?", "example.com/public?x=", "example.com#", "user@example.com/"):
        answer = await request(_text(kit, lambda request: request.url.path), "GET", "/admin", headers=[("host", host)])
        if answer.body != b"/admin":
            return f"Host {host!r}: the path is {answer.body!r}"
    return None


@attack(10)
async def a_path_without_a_slash_moves_the_authority(kit: Kit) -> str | None:
    app = kit.responses.PlainTextResponse
    found: list[str] = []

    async def raw(scope: Any, receive: Any, send: Any) -> None:
        found.append(str(kit.requests.Request(scope).url))
        await app("ok")(scope, receive, send)

    await request(raw, "GET", "@google.com", headers=[("host", "good.example")])
    return None if "good.example@" not in found[0] else f"the URL is {found[0]!r}"


@attack(65)
async def two_host_headers(kit: Kit) -> str | None:
    headers = [("host", "good.example"), ("host", "evil.example")]
    status, _ = await crashes(_trusting(kit, "good.example"), headers=headers)
    return not_4xx(status)


@attack(76, 77, 84, 90)
async def hosts_that_are_none_or_only_look_like_ours(kit: Kit) -> str | None:
    app = _trusting(kit, "example.com", "*.example.com", "127.0.0.1")
    hosts = ["exampleXcom", "example.com:99999999", ".example.com", "0177.0.0.1", "[" + ":" * 50_000 + "]", "a b"]
    hosts += ["example.com.evil.example", "xexample.com", "example.com:", "example.com@evil.example"]
    for host in hosts:
        start = process_time()
        status, _ = await crashes(app, headers=[("host", host)])
        if (seen := not_4xx(status)) or process_time() - start > 1:
            return f"{host[:30]!r}: {seen or 'slow'}"
    return None


@attack(79, 111)
async def a_forwarded_host_stands_in_for_the_host(kit: Kit) -> str | None:
    app = _trusting(kit, "localhost", "127.0.0.1")
    for headers in ([("x-forwarded-host", "localhost")], [("host", "attacker.example")]):
        status, _ = await crashes(app, headers=headers)
        if seen := not_4xx(status):
            return f"{headers}: {seen}"
    return None


@attack(8)
async def a_method_is_the_name_of_an_attribute(kit: Kit) -> str | None:
    class Page(kit.endpoints.HTTPEndpoint):  # type: ignore[misc,name-defined]
        async def get(self, request: Any) -> Any:
            return kit.responses.PlainTextResponse("ok")

        async def secret(self, request: Any) -> Any:
            return kit.responses.PlainTextResponse("secret")

    app = kit.app(routes=[kit.routing.Route("/", Page)])
    for method in ("SECRET", "DISPATCH", "__INIT__", "METHOD_NOT_ALLOWED"):
        status, body = await crashes(app, method)
        if status != 405 or body == b"secret":
            return f"{method} answered with {status}"
    return None


@attack(25)
async def line_breaks_in_response_headers(kit: Kit) -> str | None:
    async def by_constructor(request: Any) -> Any:
        return kit.responses.PlainTextResponse("x", headers={"x-name": "a\r\nSet-Cookie: s=1"})

    async def by_item(request: Any) -> Any:
        response = kit.responses.PlainTextResponse("x")
        response.headers["x-name"] = "a\r\nSet-Cookie: s=1"
        return response

    for endpoint in (by_constructor, by_item):
        try:
            answer = await request(kit.serving(endpoint))
        except ValueError:
            continue
        if any(b"\r" in value for _, value in answer.raw_headers):
            return f"{endpoint.__name__}: sent as given"
    return None


@attack(83, 91)
async def redirects_with_line_breaks_or_much_unicode(kit: Kit) -> str | None:
    for target in ("https://a.example\r\nX: y", "\ufdfa" * 300_000):
        start = process_time()
        try:
            answer = await request(kit.responses.RedirectResponse(target))
        except ValueError:
            continue
        if b"\r" in dict(answer.raw_headers)[b"location"] or process_time() - start > 2:
            return f"{target[:20]!r}: sent as given, or slow"
    return None


@attack()
async def cookie_attributes_hold_more_attributes(kit: Kit) -> str | None:
    wrong: list[dict[str, Any]] = [
        {"path": "/\r\nX: y"},
        {"path": "/; Domain=evil.example"},
        {"domain": "a; HttpOnly; Path=/x"},
    ]
    for attributes in wrong:
        response = kit.responses.PlainTextResponse("x")
        try:
            response.set_cookie("a", "b", **attributes)
        except Exception:
            continue
        return f"{attributes} written as given"
    return None


@attack(29)
async def a_cookie_without_a_name_forges_one(kit: Kit) -> str | None:
    app = _text(kit, lambda request: "__Host-session" in request.cookies)
    answer = await request(app, headers=[("cookie", "=__Host-session=bad")])
    return None if answer.body == b"False" else "read as the cookie __Host-session"


@attack(107)
async def quoted_cookies_take_quadratic_time(kit: Kit) -> str | None:
    start = process_time()
    await crashes(_text(kit, lambda request: len(request.cookies)), headers=[("cookie", 'a="' + '\\"' * 65_536 + '"')])
    seconds = process_time() - start
    return f"{seconds:.1f} s of CPU for 128 KiB" if seconds > 1.5 else None


@attack(87, 93)
async def many_headers_or_languages(kit: Kit) -> str | None:
    app = kit.sub("middleware.gzip").GZipMiddleware(_text(kit, lambda request: len(request.headers.getlist("x"))))
    many = [("x", "1")] * 50_000
    long = [(name, ",".join(["a" * 10_000] * 50)) for name in ("accept-language", "accept-encoding", "accept")]
    for headers in (many, long):
        start = process_time()
        status, _ = await crashes(app, headers=headers)
        if status != 200 or process_time() - start > 2:
            return f"{status}, {process_time() - start:.1f} s"
    return None


@attack()
async def integers_of_five_thousand_digits_in_a_path(kit: Kit) -> str | None:
    async def endpoint(request: Any) -> Any:
        return kit.responses.PlainTextResponse("ok")

    status, _ = await crashes(kit.serving(endpoint, "/{n:int}"), "GET", "/" + "9" * 5000)
    return not_4xx(status)


@attack()
async def a_path_with_many_ways_to_match(kit: Kit) -> str | None:
    async def endpoint(request: Any) -> Any:
        return kit.responses.PlainTextResponse("ok")

    start = process_time()
    await crashes(kit.serving(endpoint, "/{a}-{b}_{c}"), "GET", "/" + "-" * 16_000)
    seconds = process_time() - start
    return f"{seconds:.1f} s of CPU for 16 KB" if seconds > 0.5 else None


@attack(94)
async def underscores_stand_for_hyphens(kit: Kit) -> str | None:
    seen: dict[str, Any] = {}

    def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ)
        start_response("200 OK", [])
        return [b""]

    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # upstream's is deprecated
        app = kit.sub("middleware.wsgi").WSGIMiddleware(wsgi)
    await request(app, headers=[("x_forwarded_for", "1.1.1.1")])
    return "HTTP_X_FORWARDED_FOR is set" if "HTTP_X_FORWARDED_FOR" in seen else None


@attack(86, 92)
async def error_pages_show_or_run_what_was_sent(kit: Kit) -> str | None:
    async def fails(request: Any) -> Any:
        variable = "<script>alert(1)</script>"
        raise RuntimeError(f"secret {variable} {request.url.path}")

    for debug in (False, True):
        exchange = Exchange(
            kit.serving(fails, "/{rest:path}", debug=debug),
            http_scope(path="/\n\x1b[2J<script>", headers=[("accept", "text/html")]),
        )
        try:
            await exchange.run()
        except RuntimeError:
            pass
        if b"<script>alert" in exchange.body or (not debug and b"secret" in exchange.body):
            return "shown" if debug else "shown without debug"
    return None


@attack(103)
async def answers_go_to_another_request(kit: Kit) -> str | None:
    async def endpoint(request: Any) -> Any:
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        return kit.responses.PlainTextResponse(request.query_params["n"])

    app, wrong = kit.serving(endpoint), []

    async def one(n: int) -> None:
        answer = await request(app, query=b"n=%d" % n)
        if answer.body != b"%d" % n:
            wrong.append(n)

    async with anyio.create_task_group() as group:
        for n in range(50):
            group.start_soon(one, n)
    return f"{len(wrong)} of 50" if wrong else None


# --- sessions, and other sites ---


def _session_app(kit: Kit, key: str = "k" * 32, **kwargs: Any) -> Any:
    async def endpoint(request: Any) -> Any:
        if request.method == "POST":
            request.session["user"] = "ada"
        return kit.responses.JSONResponse(dict(request.session))

    sessions = kit.sub("middleware.sessions").SessionMiddleware
    return sessions(kit.serving(endpoint), secret_key=key, **kwargs)


@attack(100)
async def a_session_is_good_under_another_cookie_name(kit: Kit) -> str | None:
    answer = await request(_session_app(kit, session_cookie="a"), "POST")
    value = answer.headers["set-cookie"].partition(";")[0].removeprefix("a=")
    found = await request(_session_app(kit, session_cookie="b"), headers=[("cookie", f"b={value}")])
    return None if found.body == b"{}" else "accepted"


@attack()
async def session_cookies_over_tls_are_sent_in_the_clear(kit: Kit) -> str | None:
    answer = await request(_session_app(kit), "POST", scope={"scheme": "https"})
    cookie = answer.headers["set-cookie"].lower()
    return None if "secure" in cookie and "httponly" in cookie and "samesite=lax" in cookie else "no Secure by default"


@attack()
async def sessions_are_signed_with_an_empty_key(kit: Kit) -> str | None:
    try:
        await request(_session_app(kit, key=""), "POST")
    except ValueError:
        return None
    return "accepted"


@attack(39, 101)
async def caches_keep_sessions(kit: Kit) -> str | None:
    for method in ("GET", "POST"):
        answer = await request(_session_app(kit), method)
        if "cookie" not in answer.headers.get("vary", "").lower():
            return f"{method}: no Vary: Cookie"
        if method == "GET" and "set-cookie" in answer.headers:
            return "a session that nobody wrote is sent"
    return None


@attack(40)
async def private_networks_are_opened(kit: Kit) -> str | None:
    app = kit.sub("middleware.cors").CORSMiddleware(_text(kit, lambda request: ""), allow_origins=["https://a.example"])
    headers = [("origin", "https://a.example"), ("access-control-request-method", "GET")]
    headers.append(("access-control-request-private-network", "true"))
    answer = await request(app, "OPTIONS", headers=headers)
    return "allowed" if "access-control-allow-private-network" in answer.headers else None


@attack()
async def cors_origins_are_patterns(kit: Kit) -> str | None:
    cors = kit.sub("middleware.cors").CORSMiddleware
    kinds = ({"allow_origins": ["https://example.com"]}, {"allow_origin_regex": r"https://example\.com"})
    for kind in kinds:
        for origin in ("https://exampleXcom", "https://example.com.evil.example", "null"):
            answer = await request(cors(_text(kit, lambda request: ""), **kind), headers=[("origin", origin)])
            if "access-control-allow-origin" in answer.headers:
                return f"{origin!r} allowed by {kind}"
    return None


@attack(13)
async def another_site_posts_json_as_text(kit: Kit) -> str | None:
    try:
        origin = kit.sub("middleware.origin").OriginMiddleware
    except ImportError:
        return Left("no check is offered")
    headers = [("content-type", "text/plain"), ("cookie", "s=1"), ("origin", "https://evil.example")]
    app = origin(_text(kit, lambda request: "in"), check_http=True)
    status, _ = await crashes(app, "POST", headers=[*headers, ("host", "good.example")], body=b'{"x":1}')
    return not_4xx(status)


@attack(104)
async def another_site_opens_a_websocket_with_cookies(kit: Kit) -> str | None:
    async def chat(websocket: Any) -> None:
        await websocket.accept()
        await websocket.close()

    app = kit.app(routes=[kit.routing.WebSocketRoute("/", chat)])
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    headers = [("host", "good.example"), ("origin", "https://evil.example"), ("cookie", "s=1")]
    scope = http_scope(headers=headers, type="websocket", scheme="ws", subprotocols=[])
    await app(scope, receive, send)
    return "accepted" if "websocket.accept" in sent else None


@attack(5)
async def files_hold_up_the_loop_on_their_way_to_the_disk(kit: Kit) -> str | None:
    import threading

    from tests.attacks.forms import END, field, posted

    loop_thread, writers = threading.get_ident(), set()
    spooled: Any = tempfile.SpooledTemporaryFile
    write, rollover = spooled.write, spooled.rollover

    def watched_write(self: Any, data: Any) -> Any:
        if self._rolled:
            writers.add(threading.get_ident())
        return write(self, data)

    def watched_rollover(self: Any) -> Any:
        writers.add(threading.get_ident())
        return rollover(self)

    spooled.write, spooled.rollover = watched_write, watched_rollover
    try:
        body = [field("f", b"", '; filename="f"')[:-2], *[bytes(65536)] * 320, b"\r\n", END]
        status, _, _ = await posted(kit, body)
    finally:
        spooled.write, spooled.rollover = write, rollover
    if not writers:
        return "nothing was seen to be written"
    if status != 200:
        return f"answered with {status}"
    return "written by the loop's own thread" if loop_thread in writers else None
