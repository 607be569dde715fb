"""Attacks against which an application has to put something up: whether there is something, and whether it holds."""

import re
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.attacks.forms import END, field
from tests.attacks.kit import Kit, Left, attack, crashes, not_4xx, request


def _offered(kit: Kit, module: str, name: str) -> Any:
    """What the toolkit has under this name, or None."""
    try:
        return getattr(import_module(f"{kit.package}.{module}"), name, None)
    except ImportError:
        return None


def _cookies(answer: Any) -> list[tuple[str, str]]:
    lines = [value.decode() for name, value in answer.raw_headers if name == b"set-cookie"]
    return [("cookie", line.partition(";")[0]) for line in lines]


@attack(16, 82)
async def names_of_uploads_lead_out_of_the_directory(kit: Kit) -> str | None:
    safe = _offered(kit, "datastructures", "safe_filename")
    if safe is None:
        return Left("no safe name is offered")
    names = [
        b"../../x",
        b"..\\\\..\\\\x",
        b"/etc/cron.d/x",
        b"..%2f..%2fx",
        b"..",
        b".htaccess",
        b"C:\\\\x",
        b"x" * 400,
    ]
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder) / "a" / "uploads"
        inside.mkdir(parents=True)

        async def store(request: Any) -> Any:
            form = await request.form()
            name = safe(form["f"].filename)
            (inside / name).write_bytes(await form["f"].read())
            return kit.responses.PlainTextResponse(name)

        for name in names:
            body = field("f", b"data", f'; filename="{name.decode()}"') + END
            headers = [("content-type", "multipart/form-data; boundary=b")]
            answer = await request(kit.serving(store), "POST", headers=headers, body=body)
            kept = inside / answer.body.decode()
            if answer.status != 200 or kept.parent != inside or not kept.is_file() or kept.name.startswith("."):
                return f"{name!r} is stored as {answer.body!r}"
        outside = [path for path in Path(folder).rglob("*") if path.is_file() and path.parent != inside]
        return f"{outside} was written" if outside else None


@attack()
async def a_link_to_a_log_in_sends_its_visitor_elsewhere(kit: Kit) -> str | None:
    safe = _offered(kit, "responses", "safe_next_url")
    if safe is None:
        return Left("no check of targets is offered")

    async def log_in(request: Any) -> Any:
        return kit.responses.RedirectResponse(safe(request.query_params.get("next"), request))

    targets = ["//evil.example", "/%5Cevil.example", "%5C%5Cevil.example", "/%09/evil.example", "https:evil.example"]
    targets += ["javascript:alert(1)", "https://good.example@evil.example/", "/%252fevil.example", "/.//evil.example"]
    for target in targets:
        answer = await request(kit.serving(log_in), headers=[("host", "good.example")], query=f"next={target}".encode())
        if answer.headers.get("location") != "/":
            return f"{target!r} leads to {answer.headers.get('location')!r}"
    return None


@attack()
async def another_site_posts_a_form_with_cookies(kit: Kit) -> str | None:
    csrf, token_of = _offered(kit, "middleware.csrf", "CSRFMiddleware"), _offered(kit, "middleware.csrf", "csrf_token")
    if csrf is None:
        return Left("no token is offered")

    async def endpoint(request: Any) -> Any:
        return kit.responses.PlainTextResponse(token_of(request))

    app = csrf(kit.serving(endpoint), "a key")
    visitor, attacker = await request(app), await request(app)
    form = [("content-type", "application/x-www-form-urlencoded")]
    theirs = attacker.body.decode()
    # With no token, the attacker's own, his own in both places (a cookie that was planted), and from a page of his.
    tries = [
        (_cookies(visitor), b""),
        (_cookies(visitor), f"csrf_token={theirs}".encode()),
        ([], f"csrf_token={theirs}".encode()),
        ([*_cookies(attacker), ("origin", "https://evil.example")], f"csrf_token={theirs}".encode()),
    ]
    for headers, body in tries:
        status, _ = await crashes(app, "POST", headers=[*form, *headers, ("host", "good.example")], body=body)
        if seen := not_4xx(status):
            return seen
    good = f"csrf_token={visitor.body.decode()}".encode()
    status, _ = await crashes(app, "POST", headers=[*form, *_cookies(visitor)], body=good)
    return None if status == 200 else f"the visitor's own form is answered with {status}"


@attack()
async def a_secret_in_a_compressed_page_is_guessed_by_its_length(kit: Kit) -> str | None:
    """BREACH: the same secret in the same page, beside words of the attacker's."""
    csrf, token_of = _offered(kit, "middleware.csrf", "CSRFMiddleware"), _offered(kit, "middleware.csrf", "csrf_token")
    if csrf is None:
        return Left("no token is offered")

    async def endpoint(request: Any) -> Any:
        return kit.responses.PlainTextResponse(token_of(request))

    app = csrf(kit.serving(endpoint), "a key")
    first = await request(app)
    again = await request(app, headers=_cookies(first))
    return "the token is the same text in every page" if first.body[:8] == again.body[:8] else None


@attack()
async def a_script_is_slipped_into_a_page_or_the_page_into_a_frame(kit: Kit) -> str | None:
    headers = _offered(kit, "middleware.securityheaders", "SecurityHeadersMiddleware")
    if headers is None:
        return Left("no headers are offered")
    nonce = _offered(kit, "middleware.securityheaders", "NONCE")
    inner = kit.responses.HTMLResponse("<script>evil()</script>")
    app = headers(inner, content_security_policy={"script-src": nonce, "frame-ancestors": "'none'"})
    seen = set()
    for _ in range(3):
        policy = (await request(app)).headers.get("content-security-policy", "")
        found = re.fullmatch(r"script-src 'nonce-([\w-]{22,})'; frame-ancestors 'none'", policy)
        if found is None:
            return f"the policy is {policy!r}"
        seen.add(found[1])
    plain = (await request(headers(inner))).headers
    if "x-frame-options" not in plain or plain.get("x-content-type-options") != "nosniff":
        return "a plain page can be framed or sniffed"
    return None if len(seen) == 3 else "a nonce was used again"


@attack()
async def a_session_outlives_its_end_by_being_used(kit: Kit) -> str | None:
    from itsdangerous import TimestampSigner

    sessions = kit.sub("middleware.sessions").SessionMiddleware

    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = scope["session"].get("n", 0) + 1
        await kit.responses.PlainTextResponse(str(scope["session"]["n"]))(scope, receive, send)

    try:
        app = sessions(endpoint, "key", max_age=100, absolute_age=250)
    except TypeError:
        return Left("no absolute age is offered")
    clock, now = TimestampSigner.get_timestamp, 1_700_000_000
    cookies: list[tuple[str, str]] = []
    try:
        for _ in range(6):
            TimestampSigner.get_timestamp = lambda signer, now=now: now  # type: ignore[method-assign,misc]
            answer = await request(app, headers=cookies)
            cookies, now = _cookies(answer), now + 60
    finally:
        TimestampSigner.get_timestamp = clock  # type: ignore[method-assign]
    return None if answer.body == b"1" else "in use, it never ends"


@attack()
async def a_session_is_planted_before_its_visitor_logs_in(kit: Kit) -> str | None:
    session = kit.sub("middleware.sessions").Session({"_csrf": "the attacker's", "basket": "his"})
    if not hasattr(session, "regenerate"):
        return Left("no new session is offered")
    session.regenerate(keep=())
    return None if dict(session) == {} and session.modified else f"{dict(session)} is left of it"


@attack()
async def every_site_reads_with_the_cookies_of_a_visitor(kit: Kit) -> str | None:
    cors = kit.sub("middleware.cors").CORSMiddleware
    try:
        app = cors(kit.responses.PlainTextResponse("private"), allow_origins=["*"], allow_credentials=True)
    except ValueError:
        return None
    answer = await request(app, headers=[("origin", "https://evil.example"), ("cookie", "s=1")])
    allowed = answer.headers.get("access-control-allow-origin")
    return f"{allowed} may" if allowed == "https://evil.example" else None
