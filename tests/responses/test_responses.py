"""Responses with a body that is known: content, headers, cookies, status codes without content, and sending twice."""

import datetime
import json
from typing import Any

import pytest

from asterion.background import BackgroundTask
from asterion.datastructures import URL, MutableHeaders
from asterion.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from tests.asgi import Exchange, http_scope, request

pytestmark = pytest.mark.anyio


# --- content ---


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (None, b""),
        (b"bytes", b"bytes"),
        ("text ü", "text ü".encode()),
        ("", b""),
        (bytearray(b"array"), b"array"),
        (memoryview(b"view"), b"view"),
        (memoryview(b"abcdef")[::2], b"ace"),
        (memoryview(bytes(8)).cast("Q"), bytes(8)),
        (memoryview(bytes(range(8))).cast("B", (2, 4)), bytes(range(8))),
    ],
)
async def test_content_is_bytes_like_text_or_nothing_and_its_length_is_in_bytes(content: Any, body: bytes) -> None:
    """A typed or many-dimensional view counts items, not bytes (issue 3622)."""
    answer = await request(Response(content))
    assert answer.body == body
    assert answer.headers["content-length"] == str(len(body))


@pytest.mark.parametrize("content", [42, {"a": 1}, ["a"], object, 1.5, iter([b"x"])])
def test_other_content_is_refused_by_its_type(content: Any) -> None:
    with pytest.raises(TypeError, match=f"Response content must be bytes, str or None, got {type(content).__name__}"):
        Response(content)


async def test_bytearrays_are_copied_so_that_a_later_change_is_not_sent() -> None:
    content = bytearray(b"before")
    response = Response(content)
    content[:] = b"after!"
    assert (await request(response)).body == b"before"


async def test_a_charset_of_ones_own_encodes_the_text_and_is_announced() -> None:
    class Latin(PlainTextResponse):
        charset = "latin-1"

    answer = await request(Latin("ü"))
    assert (answer.body, answer.headers["content-type"]) == (b"\xfc", "text/plain; charset=latin-1")


@pytest.mark.parametrize(
    ("response", "content_type"),
    [
        (Response("x"), None),
        (Response("x", media_type="image/png"), "image/png"),
        (Response("x", media_type="text/css"), "text/css; charset=utf-8"),
        (Response("x", media_type="text/css; charset=ascii"), "text/css; charset=ascii"),
        (Response("x", media_type="text/css; Charset=ascii"), "text/css; Charset=ascii"),
        (Response("x", media_type="text/css", headers={"Content-Type": "mine"}), "mine"),
        (PlainTextResponse("x"), "text/plain; charset=utf-8"),
        (HTMLResponse("x"), "text/html; charset=utf-8"),
        (JSONResponse("x"), "application/json"),
        (JSONResponse("x", media_type="application/problem+json"), "application/problem+json"),
        (StreamingResponse(["x"], media_type="text/event-stream"), "text/event-stream; charset=utf-8"),
        (RedirectResponse("/x"), None),
    ],
)
async def test_the_content_type_is_that_of_the_class_or_as_given(response: Any, content_type: str | None) -> None:
    assert (await request(response)).headers.get("content-type") == content_type


async def test_the_status_is_as_given() -> None:
    assert (await request(Response("x", 201))).status == 201
    assert (await request(Response("x", status_code=404))).status == 404
    assert (await request(Response())).status == 200


# --- headers ---


async def test_headers_given_are_sent_in_lower_case_and_win() -> None:
    answer = await request(Response("four", headers={"X-One": "1", "Content-Length": "9"}))
    assert answer.raw_headers == [(b"x-one", b"1"), (b"content-length", b"9")]


async def test_headers_can_be_read_and_changed() -> None:
    response = Response("x", headers={"x-a": "1"})
    assert isinstance(response.headers, MutableHeaders)
    response.headers["x-b"] = "2"
    response.headers.append("x-b", "3")
    del response.headers["x-a"]
    answer = await request(response)
    assert [pair for pair in answer.raw_headers if pair[0].startswith(b"x-")] == [(b"x-b", b"2"), (b"x-b", b"3")]


async def test_raw_headers_may_be_replaced_and_headers_are_a_view_on_them() -> None:
    response = Response("x")
    assert response.headers["content-length"] == "1"
    response.raw_headers = [(b"x-new", b"1")]
    assert response.headers.items() == [("x-new", "1")]
    response.headers["x-more"] = "2"
    assert response.raw_headers == [(b"x-new", b"1"), (b"x-more", b"2")]


BAD_VALUES = ["a\r\nSet-Cookie: x=1", "a\nb", "a\rb", "a\0b", "a\x7fb", "☃"]


@pytest.mark.parametrize("value", BAD_VALUES)
def test_a_header_value_that_could_split_the_response_is_refused(value: str) -> None:
    """CVE-2020-7695 was a server's; the toolkit refuses it before any server sees it."""
    with pytest.raises(ValueError, match="x-mine"):
        Response("x", headers={"x-mine": value})
    with pytest.raises(ValueError, match="x-mine"):
        Response("x").headers["x-mine"] = value
    with pytest.raises(ValueError, match="x-mine"):
        StreamingResponse(["x"], headers={"x-mine": value})


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "ü", "a\0"])
def test_a_header_name_that_is_no_token_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="Header name"):
        Response("x", headers={name: "value"})


@pytest.mark.parametrize("value", BAD_VALUES)
def test_a_media_type_that_could_split_the_response_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="content-type"):
        Response("x", media_type=value)


# --- without content ---


@pytest.mark.parametrize("status", [204, 304, 100, 103])
@pytest.mark.parametrize("content", ["ignored", None])
async def test_a_status_without_content_has_none_and_announces_none(status: int, content: Any) -> None:
    """RFC 9110 6.4.1; issue 1764: a server would refuse the bytes, or the next response would begin with them."""
    for response in (Response(content, status), StreamingResponse([content or "x"], status)):
        answer = await request(response)
        assert (answer.status, answer.body, answer.complete) == (status, b"", True)
        assert "content-length" not in answer.headers


async def test_a_304_may_tell_the_length_of_the_200() -> None:
    answer = await request(Response(status_code=304, headers={"content-length": "42", "etag": '"x"'}))
    assert (answer.headers["content-length"], answer.headers["etag"], answer.body) == ("42", '"x"', b"")


async def test_a_204_tells_no_length_though_one_was_given() -> None:
    answer = await request(Response(status_code=204, headers={"content-length": "42"}))
    assert "content-length" not in answer.headers


async def test_head_is_answered_without_the_body_and_with_its_length() -> None:
    answer = await request(PlainTextResponse("hello"), "HEAD")
    assert (answer.body, answer.headers["content-length"], answer.complete) == (b"", "5", True)


async def test_an_empty_body_has_its_length() -> None:
    assert (await request(Response())).headers["content-length"] == "0"
    assert (await request(Response(status_code=404))).headers["content-length"] == "0"


# --- JSON ---


@pytest.mark.parametrize(
    ("content", "body"),
    [
        ({"a": [1, 2.5, None, True]}, b'{"a":[1,2.5,null,true]}'),
        ("ü\n", '"ü\\n"'.encode()),
        (None, b"null"),
        ([], b"[]"),
        ("\u2028</script>", '"\u2028</script>"'.encode()),
    ],
)
async def test_json_is_compact_utf_8(content: Any, body: bytes) -> None:
    answer = await request(JSONResponse(content))
    assert answer.body == body
    assert json.loads(answer.body) == content


async def test_json_has_the_headers_it_was_given_and_those_it_needs() -> None:
    headers = {"X-A": "1", "Content-Type": "application/problem+json"}
    answer = await request(JSONResponse({}, headers=headers))
    assert answer.headers == {"x-a": "1", "content-type": "application/problem+json", "content-length": "2"}


@pytest.mark.parametrize("content", [float("nan"), float("inf"), {"a": [float("-inf")]}])
def test_what_json_cannot_hold_is_refused(content: Any) -> None:
    with pytest.raises(ValueError, match="JSON"):
        JSONResponse(content)
    with pytest.raises(TypeError, match="not JSON serializable"):
        JSONResponse({"a": object()})


# --- redirects ---


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("/x", "/x"),
        ("https://example.org/x?a=1&b=2#f", "https://example.org/x?a=1&b=2#f"),
        (URL("https://example.org/x"), "https://example.org/x"),
        ("/a b", "/a%20b"),
        ("/ü", "/%C3%BC"),
        ("/%C3%BC", "/%C3%BC"),
        ("/a\r\nSet-Cookie: x=1", "/a%0D%0ASet-Cookie:%20x=1"),
        ("/a\\b", "/a%5Cb"),
        ("/I ♥ Asterion/", "/I%20%E2%99%A5%20Asterion/"),
        ("?page=2", "?page=2"),
    ],
)
async def test_a_redirect_names_its_url_percent_encoded_once(url: Any, location: str) -> None:
    answer = await request(RedirectResponse(url))
    assert (answer.status, answer.headers["location"], answer.body) == (307, location, b"")


async def test_a_redirect_takes_status_headers_and_background_work() -> None:
    done: list[int] = []
    response = RedirectResponse("/x", 303, {"x-a": "1"}, BackgroundTask(done.append, 1))
    answer = await request(response)
    assert (answer.status, answer.headers["x-a"], answer.headers["content-length"], done) == (303, "1", "0", [1])


# --- cookies ---


def cookies(response: Response) -> list[str]:
    return [value.decode("latin-1") for name, value in response.raw_headers if name == b"set-cookie"]


def test_a_cookie_has_safe_defaults_and_every_attribute() -> None:
    response = Response()
    response.set_cookie("plain", "v")
    response.set_cookie(
        "full", "v", 10, "Wed, 21 Oct 2026 07:28:00 GMT", "/p", "example.org", True, True, "none", partitioned=True
    )
    plain, full = cookies(response)
    assert plain == "plain=v; Path=/; SameSite=lax"
    parts = full.split("; ")
    assert parts[0] == "full=v"
    assert {part.lower() for part in parts[1:]} == {
        "max-age=10",
        "expires=wed, 21 oct 2026 07:28:00 gmt",
        "path=/p",
        "domain=example.org",
        "secure",
        "httponly",
        "samesite=none",
        "partitioned",
    }


def test_a_cookies_date_is_written_in_gmt() -> None:
    response = Response()
    when = datetime.datetime(2026, 10, 21, 9, 28, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    response.set_cookie("a", "v", expires=when)
    assert "expires=Wed, 21 Oct 2026 07:28:00 GMT" in cookies(response)[0]


def test_several_cookies_are_several_headers() -> None:
    response = Response()
    for name in "abc":
        response.set_cookie(name, "v")
    assert [cookie.partition("=")[0] for cookie in cookies(response)] == ["a", "b", "c"]


def test_deleting_a_cookie_sets_it_to_the_past_with_the_attributes_it_had() -> None:
    response = Response()
    response.delete_cookie("a", path="/p", domain="example.org", secure=True, httponly=True, samesite="none")
    (cookie,) = cookies(response)
    assert cookie.startswith(('a="";', "a=;"))
    assert "max-age=0" in cookie.lower()
    for part in ("Path=/p", "example.org", "Secure", "HttpOnly", "SameSite=none"):
        assert part in cookie


@pytest.mark.parametrize(
    ("key", "attributes", "names"),
    [
        ("a", {"path": "/; Domain=evil.example"}, "path"),
        ("a", {"path": "/\r\nX: y"}, "path"),
        ("a", {"domain": "a; HttpOnly"}, "domain"),
        ("a", {"samesite": "maybe"}, "samesite"),
        ("a b", {}, "a b"),
        ("", {}, "name"),
        ("a\r\n", {}, "a"),
    ],
)
def test_what_a_cookie_cannot_hold_is_refused(key: str, attributes: dict[str, Any], names: str) -> None:
    response = Response()
    with pytest.raises(ValueError, match=rf"(?i){names}"):
        response.set_cookie(key, "v", **attributes)
    assert cookies(response) == []


# --- sending ---


async def test_an_instance_can_be_sent_any_number_of_times() -> None:
    response = PlainTextResponse("hello", headers={"x-a": "1"})
    for _ in range(3):
        answer = await request(response)
        assert (answer.body, answer.headers["x-a"]) == (b"hello", "1")


async def test_what_a_layer_does_to_the_headers_of_one_sending_does_not_stay() -> None:
    response = PlainTextResponse("hello")

    async def layer(scope: Any, receive: Any, send: Any) -> None:
        async def adding(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-layer", b"1"))
            await send(message)

        await response(scope, receive, adding)

    for _ in range(2):
        answer = await request(layer)
        assert [name for name, _ in answer.raw_headers].count(b"x-layer") == 1
    assert "x-layer" not in response.headers


async def test_a_response_denies_a_websocket_handshake_in_its_own_messages() -> None:
    for response in (PlainTextResponse("no", 403), StreamingResponse(["n", "o"], 403)):
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)  # noqa: B023 - used within this turn of the loop

        await response({"type": "websocket", "headers": []}, None, send)  # type: ignore[arg-type]
        assert sent[0]["type"] == "websocket.http.response.start"
        assert sent[0]["status"] == 403
        assert {message["type"] for message in sent[1:]} == {"websocket.http.response.body"}
        assert b"".join(message["body"] for message in sent[1:]) == b"no"
        assert not sent[-1].get("more_body", False)


@pytest.mark.parametrize(
    "make",
    [lambda work: PlainTextResponse("x", background=work), lambda work: StreamingResponse([b"x"], background=work)],
)
async def test_a_client_that_has_gone_is_no_error_and_background_work_runs(make: Any, spec_version: str) -> None:
    done: list[int] = []
    exchange = Exchange(make(BackgroundTask(done.append, 1)), http_scope(spec_version=spec_version))
    exchange.disconnect()
    await exchange.run()
    assert done == [1]


async def test_another_error_of_send_is_raised() -> None:
    def full(message: Any) -> None:
        raise OSError(28, "no space left on device")

    for response in (PlainTextResponse("x"), StreamingResponse([b"x"])):
        with pytest.raises(OSError, match="no space left"):
            await Exchange(response, http_scope(), on_send=full).run()


async def test_a_subclass_may_render_in_its_own_way() -> None:
    class Csv(Response):
        media_type = "text/csv"

        def render(self, content: Any) -> bytes:
            return "\n".join(",".join(row) for row in content).encode()

    answer = await request(Csv([["a", "b"], ["c", "d"]]))
    assert (answer.body, answer.headers["content-length"]) == (b"a,b\nc,d", "7")


async def test_json_without_a_media_type_announces_none() -> None:
    class Bare(JSONResponse):
        media_type = None

    assert (await request(Bare([]))).raw_headers == [(b"content-length", b"2")]
