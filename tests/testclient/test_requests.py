"""A request of `TestClient` reaches the application as from a server, and its answer comes back as to a client."""

import functools

import pytest

from asterion.testclient import ConformanceError, TestClient
from tests.dropin.interpreter import python


def answering(status=200, headers=(), body=b"", before=(), after=()):
    """An ASGI application that sends exactly this."""

    async def app(scope, receive, send):
        app.scope = scope
        app.request = await receive()
        for message in before:
            await send(message)
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await send({"type": "http.response.body", "body": body})
        for message in after:
            await send(message)

    return app


@pytest.fixture
def backend(anyio_backend):
    return anyio_backend


def test_the_scope_is_that_of_a_server(backend):
    app = answering()
    client = TestClient(app, backend=backend, root_path="/api", client=("192.0.2.1", 4711))
    client.post("/a%2Fb/c%20d?x=1&y=%C3%A9", content=b"abc", headers={"X-Name": "v"})
    scope = app.scope
    assert {key: scope[key] for key in ("type", "method", "scheme", "path", "raw_path", "query_string")} == {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": "/a/b/c d",
        "raw_path": b"/a%2Fb/c%20d",
        "query_string": b"x=1&y=%C3%A9",
    }
    assert (scope["root_path"], scope["client"], scope["http_version"]) == ("/api", ("192.0.2.1", 4711), "1.1")
    assert scope["server"] == ["testserver", 80]
    assert scope["headers"][0] == (b"host", b"testserver")
    assert (b"x-name", b"v") in scope["headers"]
    assert (b"user-agent", b"testclient") in scope["headers"]
    assert scope["extensions"] == {"http.response.debug": {}, "http.response.trailers": {}}
    assert app.request == {"type": "http.request", "body": b"abc", "more_body": False}


def test_an_escaped_percent_sign_in_the_path_is_decoded_once(backend):
    app = answering()
    TestClient(app, backend=backend).get("/a%2525")
    assert app.scope["path"] == "/a%25"


def test_the_asgi_version_is_that_of_uvicorn_and_can_be_set():
    app = answering()
    client = TestClient(app)
    client.get("/")
    assert app.scope["asgi"] == {"version": "3.0", "spec_version": "2.3"}
    client.settings.spec_versions["http"] = "2.4"
    client.get("/")
    assert app.scope["asgi"]["spec_version"] == "2.4"


def test_an_absolute_url_sets_scheme_server_and_host():
    app = answering()
    TestClient(app).get("https://example.org:8443/")
    assert (app.scope["scheme"], app.scope["server"]) == ("https", ["example.org", 8443])
    assert app.scope["headers"][0] == (b"host", b"example.org:8443")


def test_own_headers_win_over_the_clients_whatever_their_case():
    app = answering()
    TestClient(app, headers={"User-Agent": "mine"}).get("/")
    assert [value for name, value in app.scope["headers"] if name == b"user-agent"] == [b"mine"]


def test_the_response_has_status_headers_and_body(backend):
    app = answering(201, [(b"x-a", b"1"), (b"x-a", b"2")], b"made")
    response = TestClient(app, backend=backend).get("/")
    assert (response.status_code, response.headers.get_list("x-a"), response.text) == (201, ["1", "2"], "made")


def test_a_response_to_head_has_no_body():
    assert TestClient(answering(body=b"text")).head("/").content == b""


def test_cookies_are_kept_and_sent_again():
    app = answering(headers=[(b"set-cookie", b"a=1; Path=/")])
    client = TestClient(app, cookies={"b": "2"})
    client.get("/")
    client.get("/")
    (cookie,) = [value for name, value in app.scope["headers"] if name == b"cookie"]
    assert sorted(cookie.split(b"; ")) == [b"a=1", b"b=2"]


@pytest.mark.parametrize(("follow", "status"), [(True, 200), (False, 307)])
def test_redirects_are_followed_unless_asked_not_to(follow, status):
    async def app(scope, receive, send):
        found = scope["path"] == "/new"
        headers = [] if found else [(b"location", b"/new")]
        await send({"type": "http.response.start", "status": 200 if found else 307, "headers": headers})
        await send({"type": "http.response.body"})

    assert TestClient(app, follow_redirects=follow).get("/old").status_code == status


# --- errors -----------------------------------------------------------------------------------------------------------


class Boom(Exception):
    pass


async def fails_at_once(scope, receive, send):
    raise Boom


async def fails_after_its_response(scope, receive, send):
    await answering(body=b"text")(scope, receive, send)
    raise Boom


@pytest.mark.parametrize("app", [fails_at_once, fails_after_its_response])
def test_an_exception_of_the_application_is_raised_as_itself(app, backend):
    with pytest.raises(Boom):
        TestClient(app, backend=backend).get("/")


def test_or_it_is_a_500_if_the_client_is_told_not_to_raise(backend):
    client = TestClient(fails_at_once, backend=backend, raise_server_exceptions=False)
    assert client.get("/").status_code == 500


def test_what_was_sent_before_an_error_is_the_response_then():
    response = TestClient(fails_after_its_response, raise_server_exceptions=False).get("/")
    assert (response.status_code, response.text) == (200, "text")


@pytest.mark.parametrize("raises", [True, False])
def test_system_exit_reaches_the_test_and_the_client_lives_on(raises, backend):
    async def app(scope, receive, send):
        if scope["path"] == "/exit":
            raise SystemExit(3)
        await answering()(scope, receive, send)

    client = TestClient(app, backend=backend, raise_server_exceptions=raises)
    with pytest.raises(SystemExit):
        client.get("/exit")
    assert client.get("/").status_code == 200


def test_an_application_that_gives_no_response_is_an_error():
    async def app(scope, receive, send):
        pass

    with pytest.raises(AssertionError, match="did not receive any response"):
        TestClient(app).get("/")
    assert TestClient(app, raise_server_exceptions=False).get("/").status_code == 500


@pytest.mark.parametrize(
    "after",
    [
        {"type": "http.response.start", "status": 200, "headers": []},
        {"type": "http.response.body", "body": b"more"},
    ],
)
def test_nothing_may_follow_the_last_body(after):
    with pytest.raises(ConformanceError, match="the answer is complete"):
        TestClient(answering(after=[after])).get("/")


def test_a_conformance_error_that_the_application_swallows_is_raised_all_the_same():
    async def app(scope, receive, send):
        await answering()(scope, receive, send)
        try:
            await send({"type": "http.response.body", "body": b"more"})
        except Exception:
            pass

    with pytest.raises(ConformanceError):
        TestClient(app).get("/")


def test_work_after_the_response_is_done_when_the_call_returns(backend):
    import anyio

    done = []

    async def app(scope, receive, send):
        await answering()(scope, receive, send)
        await anyio.lowlevel.checkpoint()
        done.append(1)

    TestClient(app, backend=backend).get("/")
    assert done == [1]


def test_receive_gives_a_disconnect_once_the_response_is_complete(backend):
    import anyio

    got = []

    async def app(scope, receive, send):
        await receive()

        async def listen():
            got.append(await receive())

        async with anyio.create_task_group() as group:
            group.start_soon(listen)
            await anyio.lowlevel.checkpoint()
            assert got == []
            await answering()(scope, _nothing, send)

    async def _nothing():
        return {}

    TestClient(app, backend=backend).get("/")
    assert got == [{"type": "http.disconnect"}]


# --- kinds of applications --------------------------------------------------------------------------------------------


async def three(scope, receive, send):
    await answering(body=scope["asgi"]["version"].encode())(scope, receive, send)


def two(scope):
    return functools.partial(three, scope)


class TwoClass:
    def __init__(self, scope):
        self.scope = scope

    async def __call__(self, receive, send):
        await three(self.scope, receive, send)


class ThreeClass:
    def __init__(self, scope, receive, send):
        self.call = three(scope, receive, send)

    def __await__(self):
        return self.call.__await__()


class Instance:
    async def __call__(self, scope, receive, send):
        await three(scope, receive, send)


@functools.wraps(three)
def wrapped(*args):
    return three(*args)


@pytest.mark.parametrize(
    ("app", "version"),
    [
        (three, "3.0"),
        (two, "2.0"),
        (TwoClass, "2.0"),
        (ThreeClass, "3.0"),
        (Instance(), "3.0"),
        (wrapped, "3.0"),
        (lambda scope, receive, send: three(scope, receive, send), "3.0"),
        (functools.partial(three), "3.0"),
    ],
    ids=["function", "asgi2", "asgi2-class", "awaitable-class", "instance", "wrapper", "lambda", "partial"],
)
def test_any_kind_of_application_is_called_the_way_it_is_made(app, version, backend):
    assert TestClient(app, backend=backend).get("/").text == version


# --- messages of extensions -------------------------------------------------------------------------------------------


def test_debug_information_is_on_the_response(backend):
    info = {"template": "the template", "context": {"a": 1}, "more": 2}
    app = answering(before=[{"type": "http.response.debug", "info": info}])
    response = TestClient(app, backend=backend).get("/")
    assert (response.template, response.context) == ("the template", {"a": 1})
    assert response.extensions["http.response.debug"] == info


def test_without_debug_information_there_is_no_template():
    assert not hasattr(TestClient(answering()).get("/"), "template")


def test_early_hints_and_push_are_kept_and_disturb_nothing():
    app = answering(
        body=b"text",
        before=[
            {"type": "http.response.early_hint", "links": [b"</a>; rel=preload"]},
            {"type": "http.response.push", "path": "/a", "headers": [(b"x", b"y")]},
        ],
    )
    response = TestClient(app).get("/")
    assert response.text == "text"
    assert response.extensions["http.response.early_hint"] == [b"</a>; rel=preload"]
    assert response.extensions["http.response.push"] == [("/a", [(b"x", b"y")])]


@pytest.mark.parametrize("stream", [False, True])
def test_trailers_are_kept_and_complete_the_response(stream):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
        await send({"type": "http.response.body", "body": b"text"})
        await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": False})

    client = TestClient(app)
    if stream:
        with client.stream("GET", "/") as response:
            assert response.read() == b"text"
    else:
        response = client.get("/")
        assert response.content == b"text"
    assert response.extensions["http.response.trailers"] == [(b"x-sum", b"1")]


def test_a_file_sent_by_path_or_descriptor_becomes_the_body(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/path":
            await send({"type": "http.response.pathsend", "path": str(path)})
            return
        with path.open("rb") as file:
            file.seek(7)
            part = {"/part": {"offset": 2, "count": 3}, "/end": {"offset": 8, "count": 30}}.get(scope["path"], {})
            await send({"type": "http.response.zerocopysend", "file": file.fileno(), **part})

    client = TestClient(app)
    assert client.get("/path").content == b"0123456789"
    assert client.get("/part").content == b"234"
    assert client.get("/end").content == b"89"
    assert client.get("/rest").content == b"789"


def test_lifespan_state_is_copied_into_each_request(backend):
    seen = []

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            scope["state"]["a"] = 1
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        seen.append(dict(scope["state"]))
        scope["state"]["b"] = 2
        await answering()(scope, receive, send)

    with TestClient(app, backend=backend) as client:
        client.get("/")
        client.get("/")
    assert seen == [{"a": 1}, {"a": 1}]


def test_an_application_whose_signature_is_not_known_is_of_asgi_3():
    with pytest.raises(TypeError, match="not supported between instances of 'method' and 'dict'"):
        TestClient(min).get("/")


@pytest.mark.parametrize(
    ("missing", "said"),
    [(["httpx2"], "httpx\n"), (["httpx2", "httpx"], "needs httpx2 or httpx and found neither")],
)
def test_either_release_of_the_http_library_will_do(missing, said, tmp_path):
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({missing}))\n"
        "from asterion.testclient._httpx import httpx; print(httpx.__name__)"
    )
    finished = python("-c", program, cwd=tmp_path)
    assert said in finished.stdout + finished.stderr


def test_what_is_unknown_after_the_end_is_no_part_of_the_response():
    client = TestClient(answering(body=b"text", after=[{"type": "invented"}]), strict=False)
    assert client.get("/").text == "text"
    with client.stream("GET", "/") as response:
        assert response.read() == b"text"
