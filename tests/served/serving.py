"""A real server for a test: uvicorn in a thread, on a private port of 127.0.0.1, with everything that it logs."""

import json
import logging
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

PATIENCE = 10.0
"""Seconds until something that must happen is taken not to happen."""


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds that another process or thread brings about; fail if it does not in time.

    What is waited for crosses a real socket, so there is nothing here that could be awaited.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {PATIENCE} seconds: {what}")
        time.sleep(0.005)


class Records(logging.Handler):
    """Keeps what is logged at level WARNING and above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@dataclass
class Served:
    """An application behind a real socket."""

    port: int
    records: Records = field(default_factory=Records)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def state(self) -> dict[str, Any]:
        """What the tour says of itself, over a connection of its own."""
        with urllib.request.urlopen(f"{self.url}/state", timeout=PATIENCE) as answer:
            state: dict[str, Any] = json.load(answer)
        return state

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def assert_healthy(self) -> None:
        """The server answers, no stream is left open, and nothing was logged that a person would have to look at."""
        until(lambda: self.state()["streams_open"] == 0, "every stream is closed")
        assert self.records.lines == []


@contextmanager
def serve(app: Any, *, loop: str, http: str) -> Iterator[Served]:
    """Serve an application until the block ends; its lifespan starts and ends with it."""
    listener = socket.create_server(("127.0.0.1", 0))
    served = Served(listener.getsockname()[1])
    config = uvicorn.Config(app, loop=loop, http=http, ws="websockets-sansio", log_config=None, lifespan="on")  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="uvicorn")
    logging.getLogger().addHandler(served.records)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive(), "the server starts")
        yield served
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        logging.getLogger().removeHandler(served.records)
        listener.close()
    assert not thread.is_alive(), "the server did not stop"
