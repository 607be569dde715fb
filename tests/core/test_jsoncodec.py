"""JSON through one setting."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from asterion.applications import Asterion
from asterion.config import JSONCodec, use_json_codec
from asterion.requests import Request
from asterion.responses import JSONResponse
from asterion.routing import Route, WebSocketRoute
from asterion.testclient import TestClient
from asterion.websockets import WebSocket
from tests.dropin.interpreter import python

VALUES: list[Any] = [
    {"id": 1, "name": "Ada", "roles": ["admin", "user"], "score": 12.5, "none": None, "yes": True},
    {"ü": "\u2028 \U0001f600", "quotes": '"\\/', "control": "\x00\n"},
    [],
    {},
    [[[[1]]]],
    "text",
    "",
    0,
    -1.5e300,
    10**18,
    [1],
    {"b": 1, "a": 2},
    None,
    False,
]


@pytest.fixture
def codec(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param != "json":
        pytest.importorskip(request.param)
    before = use_json_codec(request.param)
    yield request.param
    use_json_codec(before)


each_codec = pytest.mark.parametrize("codec", ["json", "orjson", "msgspec"], indirect=True)


async def echo(request: Request) -> JSONResponse:
    return JSONResponse(await request.json())


async def echo_frames(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(await websocket.receive_json())


app = Asterion(routes=[Route("/", echo, methods=["POST"]), WebSocketRoute("/ws", echo_frames)])


@each_codec
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_as_it_was(codec: str, value: Any) -> None:
    with TestClient(app) as client:
        answer = client.post("/", content=json.dumps(value))
        assert answer.status_code == 200
        assert answer.json() == value
        with client.websocket_connect("/ws") as websocket:
            websocket.send_json(value)
            assert websocket.receive_json() == value


@each_codec
def test_responses_are_compact_utf_8(codec: str) -> None:
    assert JSONResponse({"a": ["ü", 1]}).body == '{"a":["ü",1]}'.encode()


@each_codec
def test_keys_stay_in_their_order(codec: str) -> None:
    assert JSONResponse({"b": 1, "a": {"d": 2, "c": 3}}).body == b'{"b":1,"a":{"d":2,"c":3}}'


@each_codec
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1,]", b"[12", b'{"a"', b"{'a': 1}", b"\xff\xfe", b"[1] [2]", b'{"a": 1}x', b"nul"]
)
def test_what_is_not_json_is_400(codec: str, body: bytes) -> None:
    with TestClient(app) as client:
        answer = client.post("/", content=body)
    assert answer.status_code == 400
    assert "not JSON" in answer.text


@each_codec
def test_what_json_cannot_hold_is_an_error_of_the_program(codec: str) -> None:
    with pytest.raises(TypeError):
        JSONResponse({"a": object()})
    with pytest.raises(TypeError):
        JSONResponse({object(): 1})


@pytest.mark.parametrize("value", [{"a": float("nan")}, [float("inf")]])
def test_the_standard_codec_refuses_what_is_no_number_in_json(value: Any) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        JSONResponse(value)


def test_a_circle_is_named_as_one() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="Circular reference"):
        JSONResponse(circle)


def test_white_space_around_a_value_is_allowed() -> None:
    with TestClient(app) as client:
        assert client.post("/", content=b' \n\t{"a": 1} \r\n').json() == {"a": 1}


def test_the_codec_may_be_ones_own_and_the_one_before_is_given_back() -> None:
    own = JSONCodec("shouting", lambda value: json.dumps(value).upper().encode(), json.loads)
    before = use_json_codec(own)
    try:
        assert JSONResponse({"a": 1}).body == b'{"A": 1}'
    finally:
        assert use_json_codec(before) is own


def test_a_codec_that_is_not_known_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'simplejson'; say 'json', 'orjson', 'msgspec'"):
        use_json_codec("simplejson")


def test_a_codec_shows_its_name() -> None:
    assert repr(JSONCodec("orjson", json.dumps, json.loads)) == "JSONCodec('orjson')"


PICKY = """
def make(markers, *rest, made=json.encoder.c_make_encoder):
    if markers is None:
        raise TypeError("markers must be a dict")
    return made(markers, *rest)
json.encoder.c_make_encoder = make
"""


@pytest.mark.parametrize("accelerator", [PICKY, "json.encoder.c_make_encoder = None\n"])
def test_an_interpreter_with_another_accelerator_or_none_writes_the_same(accelerator: str, tmp_path: Path) -> None:
    program = (
        f"import json.encoder\n{accelerator}"
        "from asterion.responses import JSONResponse\n"
        "print(JSONResponse({'a': ['ü', 1.5, None]}).body.decode().encode('unicode_escape').decode())"
    )
    finished = python("-c", program, cwd=tmp_path)
    assert finished.stdout == '{"a":["\\xfc",1.5,null]}\n', finished.stderr
