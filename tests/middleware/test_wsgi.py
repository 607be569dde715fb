"""WSGI applications inside of an ASGI one (PEP 3333)."""

import sys
import tempfile
import threading
from wsgiref.validate import validator

import anyio
import pytest

from asterion.middleware.wsgi import WSGIMiddleware, WSGIResponder, build_environ
from tests.asgi import Exchange, http_scope, request

pytestmark = pytest.mark.anyio


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-A", "1"), ("X-A", "2")])
    return [b"hello ", b"world"]


async def test_status_headers_and_body_go_out_chunk_by_chunk():
    answer = await request(WSGIMiddleware(hello))
    assert answer.status == 200
    assert answer.raw_headers == [(b"content-type", b"text/plain"), (b"x-a", b"1"), (b"x-a", b"2")]
    assert (answer.chunks, answer.complete) == ([b"hello ", b"world", b""], True)


async def test_the_body_is_read_whole_also_when_it_came_in_chunks():
    def echo(environ, start_response):
        start_response("200 OK", [])
        body = environ["wsgi.input"].read()
        assert environ["CONTENT_LENGTH"] == str(len(body))
        return [body]

    assert (await request(WSGIMiddleware(echo), "POST", body=[b"a", b"b" * 2_000_000, b"c"])).body[-2:] == b"bc"


@pytest.mark.parametrize("pieces", [[b""], [b"abc"], [b"a", b"", b"bc"]])
async def test_a_small_body_is_there_from_its_first_byte_on(pieces):
    def echo(environ, start_response):
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    assert (await request(WSGIMiddleware(echo), "POST", body=pieces)).body == b"".join(pieces)


async def test_what_goes_to_the_disk_is_written_off_the_loop(monkeypatch):
    """Up to 1 MiB are kept in memory, which takes no thread."""
    written = []

    class Spool(tempfile.SpooledTemporaryFile):
        def write(self, chunk):
            written.append((len(chunk), threading.get_ident() == loop))
            return super().write(chunk)

    loop = threading.get_ident()
    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", Spool)
    await request(WSGIMiddleware(hello), "POST", body=[bytes(2**20 - 1), b"a", b"b", b"c"])
    assert written == [(2**20 - 1, True), (1, True), (1, False), (1, False)]


async def test_a_client_that_leaves_during_its_upload_is_never_seen_by_the_application():
    def never(environ, start_response):
        raise AssertionError("must not be called")

    class Leaving(Exchange):
        async def receive(self):
            message = await super().receive()
            self.disconnect()
            return message | {"more_body": True}

    answer = await Leaving(WSGIMiddleware(never), http_scope("POST")).run()
    assert not answer.started


class Chunks:
    """An iterable that tells when it is closed."""

    def __init__(self, *chunks) -> None:
        self.chunks = iter(chunks)
        self.closed = 0

    def __iter__(self):
        return self

    def __next__(self):
        chunk = next(self.chunks)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk

    def close(self):
        self.closed += 1


def app_of(chunks):
    def app(environ, start_response):
        start_response("200 OK", [])
        return chunks

    return app


async def test_the_iterable_is_closed_at_its_end():
    chunks = Chunks(b"a", b"", b"b")
    assert (await request(WSGIMiddleware(app_of(chunks)))).chunks == [b"a", b"b", b""]
    assert chunks.closed == 1


async def test_the_iterable_is_closed_when_it_fails_and_the_body_stays_incomplete():
    chunks = Chunks(b"a", ZeroDivisionError())
    exchange = Exchange(WSGIMiddleware(app_of(chunks)))
    with pytest.raises(ZeroDivisionError):
        await exchange.run()
    assert (chunks.closed, exchange.body, exchange.complete) == (1, b"a", False)


async def test_a_client_that_leaves_ends_the_iteration_and_closes_it():
    chunks = Chunks(*[b"x"] * 1000)
    exchange = Exchange(WSGIMiddleware(app_of(chunks)), on_send=lambda message: exchange.disconnect())
    await exchange.run()
    assert chunks.closed == 1
    assert len(list(chunks.chunks)) > 990


async def test_it_waits_for_each_chunk_to_be_sent():
    """Nothing piles up between a fast application and a slow client."""
    made = []

    def count():
        for n in range(3):
            made.append(n)
            yield b"%d" % n

    seen = []

    async def slow(message):
        await anyio.lowlevel.checkpoint()
        seen.append(len(made))

    await Exchange(WSGIMiddleware(app_of(count())), on_send=slow).run()
    assert seen == [1, 1, 2, 3, 3]


async def test_it_runs_in_a_worker_thread():
    threads = []

    def app(environ, start_response):
        threads.append(threading.get_ident())
        start_response("204 No Content", [])
        return []

    assert (await request(WSGIMiddleware(app))).status == 204
    assert threads != [threading.get_ident()]


async def test_write_sends_at_once():
    def app(environ, start_response):
        write = start_response("200 OK", [])
        write(b"written")
        return [b"returned"]

    assert (await request(WSGIMiddleware(app))).chunks == [b"written", b"returned", b""]


async def test_an_error_response_replaces_one_that_is_not_out_yet():
    def app(environ, start_response):
        start_response("200 OK", [("x-a", "1")])
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            import sys

            start_response("500 Oops", [], sys.exc_info())
        return [b"oops"]

    answer = await request(WSGIMiddleware(app))
    assert (answer.status, answer.raw_headers, answer.body) == (500, [], b"oops")


async def test_an_error_response_that_comes_too_late_raises_the_error():
    def app(environ, start_response):
        start_response("200 OK", [])
        yield b"a"
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            import sys

            start_response("500 Oops", [], sys.exc_info())

    with pytest.raises(ZeroDivisionError):
        await request(WSGIMiddleware(app))


def twice(environ, start_response):
    start_response("200 OK", [])
    start_response("200 OK", [])
    return []


def no_start(environ, start_response):
    return [b"a"]


def bad_status(environ, start_response):
    start_response("OK", [])
    return []


def bad_header(environ, start_response):
    start_response("200 OK", [("x-a", "1\r\nset-cookie: a=b")])
    return []


@pytest.mark.parametrize(
    ("app", "error", "text"),
    [
        (twice, RuntimeError, "called again"),
        (no_start, RuntimeError, "without having called start_response"),
        (bad_status, ValueError, "three digits, got 'OK'"),
        (bad_header, ValueError, "x-a"),
    ],
)
async def test_what_an_application_does_wrong_is_a_clear_error(app, error, text):
    exchange = Exchange(WSGIMiddleware(app))
    with pytest.raises(error, match=text):
        await exchange.run()
    assert not exchange.started


def test_environ_says_what_pep_3333_asks_for():
    headers = [("Host", "example.com"), ("Content-Type", "text/plain"), ("Content-Length", "3"), ("Cookie", "a=1")]
    headers += [("Cookie", "b=2"), ("X-A", "1"), ("X-A", "2"), ("X_Forwarded_For", "spoofed")]
    scope = http_scope("POST", "/sub/é/x", headers=headers, query=b"a=%20", root_path="/sub")
    environ = build_environ(scope, b"abc")
    expected = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "/sub",
        "PATH_INFO": "/é/x".encode().decode("latin-1"),
        "QUERY_STRING": "a=%20",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "3",
        "HTTP_HOST": "example.com",
        "HTTP_COOKIE": "a=1; b=2",
        "HTTP_X_A": "1,2",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    assert {key: environ[key] for key in expected} == expected
    assert "HTTP_X_FORWARDED_FOR" not in environ
    assert environ["wsgi.input"].read() == b"abc"


@pytest.mark.parametrize(("scheme", "port"), [("http", "80"), ("https", "443")])
@pytest.mark.parametrize("server", [None, ("/run/server.sock", None)])
def test_a_server_without_a_port_has_that_of_its_scheme(server, scheme, port):
    environ = build_environ(http_scope(server=server) | {"scheme": scheme}, b"")
    assert (environ["SERVER_PORT"], environ["wsgi.url_scheme"]) == (port, scheme)


@pytest.mark.parametrize(
    ("said", "body", "length"),
    [(None, b"", None), ("0", b"", "0"), (None, b"abc", "3"), ("5", b"abc", "3"), ("5", b"", "0")],
)
def test_the_length_is_that_of_the_body_and_none_where_nobody_speaks_of_one(said, body, length):
    headers = [] if said is None else [("content-length", said)]
    assert build_environ(http_scope("POST", headers=headers), body).get("CONTENT_LENGTH") == length


async def test_the_reference_validator_has_nothing_to_say():
    def plain(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    headers = [("host", "example.com")]
    assert (await request(WSGIMiddleware(validator(plain)), headers=headers)).body == b"ok"


async def test_other_scopes_are_closed_or_refused():
    sent = []

    async def send(message):
        sent.append(message)

    await WSGIMiddleware(hello)({"type": "websocket"}, None, send)
    assert sent[0]["type"] == "websocket.close"
    with pytest.raises(RuntimeError, match="serves http requests only, got 'lifespan'"):
        await WSGIMiddleware(hello)({"type": "lifespan"}, None, send)


def test_a_responder_that_is_not_sending_says_so():
    responder = WSGIResponder(hello, http_scope())
    responder.start_response("200 OK", [])
    with pytest.raises(RuntimeError, match="is not sending"):
        responder.write(b"a")


async def test_an_error_of_receive_is_raised_and_the_body_so_far_is_let_go(monkeypatch):
    bodies = []

    class Spool(tempfile.SpooledTemporaryFile):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            bodies.append(self)

    class Broken(Exchange):
        async def receive(self):
            if self.receives:
                raise ConnectionAbortedError("the connection broke")
            return await super().receive()

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", Spool)
    with pytest.raises(ConnectionAbortedError, match="the connection broke"):
        await Broken(WSGIMiddleware(hello), http_scope("POST"), body=[b"a", b"b"]).run()
    assert [body.closed for body in bodies] == [True]


def test_a_server_that_does_not_know_the_client_gives_no_address():
    environ = build_environ(http_scope(client=None), b"")
    assert "REMOTE_ADDR" not in environ
    assert "REMOTE_PORT" not in environ
