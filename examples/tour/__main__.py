"""Serve the tour by uvicorn on 127.0.0.1: on port 8000 if that is free, and on another free port if it is not."""

import argparse
import socket
import sys

import uvicorn

from examples.tour.app import create_app

HOST = "127.0.0.1"
USUAL_PORT = 8000


def listen(port: int | None) -> socket.socket:
    """A socket that listens on the asked port, or on the usual one, or on any that is free."""
    for candidate in (USUAL_PORT, 0) if port is None else (port,):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, candidate))
            listener.listen(128)
        except OSError:
            listener.close()
            if candidate != USUAL_PORT or port is not None:
                raise
        else:
            return listener
    raise AssertionError("port 0 is either bound or raises")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.tour", description=__doc__)
    parser.add_argument("--port", type=int, help="the port to listen on; 0 is any that is free")
    listener = listen(parser.parse_args().port)
    print(f"The tour is at http://{HOST}:{listener.getsockname()[1]}/  (Ctrl+C ends it)", flush=True)
    server = uvicorn.Server(uvicorn.Config(create_app(), log_level="warning"))
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:  # uvicorn has shut down in order and passes the signal on
        sys.exit(0)


if __name__ == "__main__":
    main()
