"""An application under a real uvicorn, in a thread of its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve `app` on a free port; gives the base URL. Raises RuntimeError if it does not start or does not stop."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        _wait(lambda: server.started or not thread.is_alive())
        if not server.started:
            raise RuntimeError("the server did not start")
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(15)
    if thread.is_alive():
        raise RuntimeError("the server did not stop")


def _wait(done: Any) -> None:
    limit = time.monotonic() + 15
    while not done() and time.monotonic() < limit:
        time.sleep(0.01)
