"""Clients that close their socket in the middle of something: the server stays healthy and has nothing to report."""

import socket
import struct

import pytest

from tests.served.serving import Served, until

FORM = b"content-type: application/x-www-form-urlencoded\r\n"
MULTIPART = b"content-type: multipart/form-data; boundary=edge\r\n"
UPGRADE = (
    b"connection: upgrade\r\nupgrade: websocket\r\n",
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
)
PART = b'--edge\r\ncontent-disposition: form-data; name="file"; filename="half.bin"\r\n\r\n'


def head(line: bytes, *fields: bytes) -> bytes:
    return line + b" HTTP/1.1\r\nhost: 127.0.0.1\r\n" + b"".join(fields) + b"\r\n"


def vanish(client: socket.socket, way: str) -> None:
    """Close a socket politely (FIN), or as a machine that loses power seems to (RST)."""
    if way == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.fixture(params=["close", "reset"])
def way(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(head(b"POST /notes", FORM, b"content-length: 1000\r\n") + b"name=Ada&te", id="body"),
        pytest.param(head(b"POST /notes", FORM, b"transfer-encoding: chunked\r\n") + b"40\r\nname=Ada", id="chunk"),
        pytest.param(
            head(b"POST /uploads", MULTIPART, b"content-length: 5000000\r\n") + PART + b"x" * 100_000, id="upload"
        ),
        pytest.param(head(b"POST /uploads", MULTIPART, b"content-length: 5000000\r\n") + PART[:40], id="part-head"),
        pytest.param(b"POST /notes HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-le", id="head"),
        pytest.param(head(b"GET /stream?lines=1000"), id="answer"),
    ],
)
def test_a_client_that_leaves_before_it_has_said_all_leaves_no_trace(sent: bytes, way: str, tour: Served) -> None:
    for _ in range(5):
        client = tour.connect()
        client.sendall(sent)
        vanish(client, way)
    tour.assert_healthy()
    assert tour.state()["notes"] == []
    assert tour.state()["uploads"] == []


def test_a_stream_is_closed_when_its_reader_leaves(way: str, tour: Served) -> None:
    clients = [tour.connect() for _ in range(20)]
    for client in clients:
        client.sendall(head(b"GET /stream?lines=1000"))
    for client in clients:
        received = b""
        while b"line 1 of 1000" not in received:
            received += client.recv(4096)
    until(lambda: tour.state()["streams_open"] == 20, "all streams run")
    for client in clients:
        vanish(client, way)
    tour.assert_healthy()


def test_background_work_is_done_for_a_client_that_does_not_wait(way: str, tour: Served) -> None:
    body = b"name=Ada&text=I+am+off"
    for _ in range(5):
        client = tour.connect()
        client.sendall(head(b"POST /notes", FORM, b"content-length: %d\r\n" % len(body)) + body)
        client.recv(1)  # the answer has begun: all that was sent has been read
        vanish(client, way)
    until(lambda: [bool(note["filed"]) for note in tour.state()["notes"]] == [True] * 5, "every note is filed")
    tour.assert_healthy()


def test_a_websocket_that_is_cut_ends_its_handler(way: str, tour: Served) -> None:
    client = tour.connect()
    client.sendall(head(b"GET /echo", *UPGRADE))
    received = b""
    while b"\r\n\r\n" not in received:
        received += client.recv(4096)
    assert received.startswith(b"HTTP/1.1 101 ")
    client.sendall(b"\x81\x82\0\0\0\0Hi")  # RFC 6455 5.2: a text frame of two bytes, masked with zeros
    assert client.recv(4, socket.MSG_WAITALL) == b"\x81\x02Hi"
    vanish(client, way)
    tour.assert_healthy()
