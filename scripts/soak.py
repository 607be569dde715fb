"""Many requests of all kinds, every fifth of them faulted: does anything stay behind?

`python -m scripts.soak` asks Asterion and Starlette for 200,000 requests in this process (by a server of our own) and
50,000 through uvicorn (after 25,000 to warm up), in a process of its own each, and writes
`scripts/results/soak.json`. After a tenth of the requests (one fifth where memory is concerned: allocators settle late)
and at the end it counts objects of the garbage collector, open descriptors and tasks, and measures resident memory.

Memory is what the process uses, not what the C library keeps by for later: its unused heap is given back before each
reading, and the processes have one heap instead of one for each worker thread (`MALLOC_ARENA_MAX`). How many worker
threads there are, and with them their heaps, is decided by how busy the machine is: that alone was 3 % of 44 MB once.

Faults: the request's task is cancelled at one of its first waits, the client leaves while `receive` or `send` waits,
`send` fails, the endpoint raises, or a slow body is cut off.
"""

import argparse
import asyncio
import ctypes
import datetime
import gc
import importlib
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULT = Path(__file__).parent / "results" / "soak.json"
COMMAND = "make soak"
FRAMEWORKS = ("asterion", "starlette")

MOVES = ("plain", "json", "stream", "file", "form", "body", "handled", "background")
FAULTS = ("cancel", "leave-at-receive", "leave-at-send", "send-fails", "raise", "cut-body")
FORM = (
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n'
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\n\r\n' + b"x" * 2000 + b"\r\n--b--\r\n"
)
MULTIPART = "multipart/form-data; boundary=b"
ALLOWED_OBJECTS = 50  # of some ten thousands: a cache that fills with what is rare
ALLOWED_MEMORY = 1.01
KEEP_ALIVE = 1  # seconds
ONE_HEAP = {**os.environ, "MALLOC_ARENA_MAX": "1"}


class Refused(Exception):
    """What an endpoint raises for its handler."""


def make_app(framework: str, file: str) -> Any:
    """An application of `framework` that answers every kind of request, below one prefix for each way of middleware."""
    part = _importer(framework)
    responses, routing = part("responses"), part("routing")
    application = part("applications").Starlette if framework == "starlette" else part("applications").Asterion
    endpoints = _endpoints(responses, part("background").BackgroundTask, file)

    def routes() -> list[Any]:
        return [routing.Route(f"/{name}", made, methods=["GET", "POST"]) for name, made in endpoints.items()]

    async def handle(request: Any, error: Exception) -> Any:
        return responses.JSONResponse({"error": type(error).__name__}, status_code=400)

    async def state(request: Any) -> Any:
        return responses.JSONResponse(measure())

    async def around(request: Any, call_next: Callable[[Any], Any]) -> Any:
        response = await call_next(request)
        response.headers["x-around"] = "1"
        return response

    mounts = [routing.Mount("/0", routes=routes())]
    middleware = part("middleware").Middleware
    for number, layer in enumerate(_layers(part("middleware.base").BaseHTTPMiddleware), 1):
        inner = application(
            routes=routes(), middleware=[middleware(layer, dispatch=around)] * 2, exception_handlers={Refused: handle}
        )
        mounts.append(routing.Mount(f"/{number}", app=inner))
    mounts.append(routing.Route("/state", state))
    return application(routes=mounts, exception_handlers={Refused: handle})


def _importer(framework: str) -> Callable[[str], Any]:
    return lambda name: importlib.import_module(f"{framework}.{name}")


def _layers(base: Any) -> list[Any]:
    """The ways of running function middleware: Asterion has three, another framework the one it has."""
    if not hasattr(base, "own_task"):
        return [base] * 3
    return [base, type("Turns", (base,), {"nest": None}), type("Task", (base,), {"own_task": True})]


def _endpoints(responses: Any, background_task: Any, file: str) -> dict[str, Any]:  # noqa: C901 - one for each kind
    async def pieces() -> Any:
        for _ in range(3):
            await asyncio.sleep(0)
            yield b"piece"

    async def nothing() -> None:
        await asyncio.sleep(0)

    async def plain(request: Any) -> Any:
        return responses.PlainTextResponse("hello")

    async def as_json(request: Any) -> Any:
        return responses.JSONResponse({"query": dict(request.query_params), "cookies": request.cookies})

    async def stream(request: Any) -> Any:
        return responses.StreamingResponse(pieces())

    async def a_file(request: Any) -> Any:
        return responses.FileResponse(file)

    async def form(request: Any) -> Any:
        async with request.form() as fields:
            return responses.JSONResponse({"a": fields["a"], "size": fields["f"].size})

    async def body(request: Any) -> Any:
        return responses.Response(await request.body())

    async def handled(request: Any) -> Any:
        raise Refused

    async def fails(request: Any) -> Any:
        raise RuntimeError("as asked")

    async def cancelled(request: Any) -> Any:
        task = asyncio.current_task()
        if task is not None:
            task.cancel()
        await asyncio.sleep(0)

    async def background(request: Any) -> Any:
        return responses.PlainTextResponse("later", background=background_task(nothing))

    return {
        "plain": plain,
        "json": as_json,
        "stream": stream,
        "file": a_file,
        "form": form,
        "body": body,
        "handled": handled,
        "raise": fails,
        "cancel": cancelled,
        "background": background,
    }


def measure() -> dict[str, int]:
    """What this process holds now: objects, descriptors, tasks, and resident memory in bytes (Linux; elsewhere 0)."""
    for _ in range(3):
        gc.collect()
    _give_back_unused()
    descriptors = Path("/proc/self/fd")
    pages = Path("/proc/self/statm")
    return {
        "objects": len(gc.get_objects()),
        "descriptors": len(os.listdir(descriptors)) if descriptors.exists() else 0,
        "tasks": len(asyncio.all_tasks()),
        "memory": int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if pages.exists() else 0,
    }


def _give_back_unused() -> None:
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # another C library than glibc, which need not have it
        pass


class _Client:
    """One request to an ASGI application, and what goes wrong in it."""

    def __init__(self, move: str, fault: str, at: int) -> None:
        self.fault = fault
        self.at = at
        self.waits = 0
        self.gone = False
        self.status = 0
        self.complete = False
        body = FORM if move == "form" else b"x" * 3000
        self.pieces = [body[:1000], body[1000:]]

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        if self.fault == "leave-at-receive" or (self.fault == "cut-body" and len(self.pieces) < 2):
            self.gone = True
        if self.gone:
            return {"type": "http.disconnect"}
        if not self.pieces:
            await asyncio.Event().wait()
        piece = self.pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(self.pieces)}

    async def send(self, message: dict[str, Any]) -> None:
        self.waits += 1
        if self.fault in ("send-fails", "leave-at-send") and self.waits > self.at:
            self.gone = True
        await asyncio.sleep(0)
        if self.fault == "send-fails" and self.gone:
            raise OSError("the client has gone")
        self.status = message.get("status", self.status)
        self.complete = message["type"] == "http.response.body" and not message.get("more_body", False)


def _scope(path: str, move: str) -> dict[str, Any]:
    headers = [(b"host", b"example.org"), (b"cookie", b"a=1; b=2"), (b"accept", b"*/*")]
    if move == "form":
        headers.append((b"content-type", MULTIPART.encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST" if move in ("form", "body") else "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"a=1&b=two",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }


def _choose(dice: random.Random, number: int) -> tuple[int, str, str, int]:
    """Way of middleware, kind of request, fault or "" (every fifth), and where the fault strikes."""
    fault = FAULTS[number // 5 % len(FAULTS)] if number % 5 == 0 else ""
    move = dice.choice(("form", "body")) if fault == "cut-body" else "raise" if fault == "raise" else dice.choice(MOVES)
    return dice.randrange(4), move, fault, dice.randrange(6)


async def _ask(app: Any, number: int, dice: random.Random) -> None:
    way, move, fault, at = _choose(dice, number)
    client = _Client(move, fault, at % 3)
    task = asyncio.ensure_future(app(_scope(f"/{way}/{move}", move), client.receive, client.send))
    if fault == "cancel":
        for _ in range(at):
            await asyncio.sleep(0)
        task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        if fault != "cancel":
            raise
    except Exception:  # a server logs it
        if not fault:
            raise
    if not fault and (client.status >= 500 or not client.complete):
        raise RuntimeError(f"request {number} ({move}) was not answered: status {client.status}")


async def in_process(app: Any, count: int, *, seed: int = 6) -> dict[str, Any]:
    """`count` requests one after another; what was held after the warm-up and at the end."""
    dice = random.Random(seed)  # noqa: S311 - replayed, not secret
    settled: dict[str, int] = {}
    held: dict[str, int] = {}
    for number in range(count):
        if number == count // 10:
            held = measure()
        if number == count // 5:
            settled = measure()
        await _ask(app, number, dice)
    await asyncio.sleep(0)
    return _summary(count, held, settled, measure())


def _summary(count: int, held: dict[str, int], settled: dict[str, int], end: dict[str, int]) -> dict[str, Any]:
    ratio = end["memory"] / settled["memory"] if settled["memory"] else 1.0
    grown = {name: end[name] - held[name] for name in ("objects", "descriptors", "tasks")}
    return {
        "requests": count,
        "faulted": count // 5,
        **{f"{name} grown": grown[name] for name in grown},
        "memory at the end, of that after a fifth": round(ratio, 4),
        "flat": grown["objects"] <= ALLOWED_OBJECTS
        and grown["descriptors"] <= 0
        and grown["tasks"] <= 0
        and ratio <= ALLOWED_MEMORY,
    }


async def _fetch(port: int, requests: list[tuple[int, str, str, int]]) -> None:
    """The requests on one connection after another, which is given up at each fault."""
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    for way, move, fault, at in requests:
        if reader is None or writer is None or writer.is_closing():
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = FORM if move == "form" else b"x" * 3000 if move == "body" else b""
        head = (
            f"{'POST' if body else 'GET'} /{way}/{'cancel' if fault == 'cancel' else move} HTTP/1.1\r\nhost: e.org\r\n"
        )
        head += f"content-length: {len(body)}\r\n" if body else ""
        head += f"content-type: {MULTIPART}\r\n" if move == "form" else ""
        writer.write(head.encode() + b"\r\n")
        if fault in ("cut-body", "leave-at-receive"):
            writer.write(body[:1000])
            await asyncio.sleep(0)
        elif fault in ("leave-at-send", "send-fails"):
            writer.write(body)
            await reader.read(at * 20 + 1)
        else:
            writer.write(body)
            answered = await _read_response(reader)
            if answered and not fault:  # uvicorn closes the connection where the application raised
                continue
            if not fault:
                raise RuntimeError(f"a request ({move}) was not answered")
        writer.transport.abort()
        reader = writer = None
    if writer is not None:
        writer.transport.abort()


async def _read_response(reader: asyncio.StreamReader) -> bool:
    """Read one response; whether its connection can be used again."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b"transfer-encoding: chunked" in head:
            await reader.readuntil(b"0\r\n\r\n")
        else:
            await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
    except (OSError, EOFError, asyncio.IncompleteReadError, IndexError):
        return False
    return b"connection: close" not in head


async def _state(port: int) -> dict[str, int]:
    await asyncio.sleep(3 * KEEP_ALIVE)  # uvicorn holds what was given up until this time is over
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /state HTTP/1.1\r\nhost: e.org\r\nconnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    state: dict[str, int] = json.loads(answer.split(b"\r\n\r\n", 1)[1])
    return state


async def through_uvicorn(framework: str, count: int, *, seed: int = 6, at_once: int = 8) -> dict[str, Any]:
    """`count` requests over sockets to a uvicorn in a process of its own, `at_once` connections at a time."""
    process = subprocess.Popen(  # noqa: ASYNC220, S603 - nothing else runs yet; ourselves
        [sys.executable, "-m", "scripts.soak", "--serve", framework],
        cwd=ROOT,
        env=ONE_HEAP,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        port = int(process.stdout.readline()) if process.stdout else 0
        dice = random.Random(seed)  # noqa: S311 - replayed, not secret
        warm_up = count // 2  # the allocator's arenas of eight connections settle late, in any framework
        chosen = [_choose(dice, number) for number in range(warm_up + count)]

        async def run(part: list[tuple[int, str, str, int]]) -> dict[str, int]:
            await asyncio.gather(*(_fetch(port, part[number::at_once]) for number in range(at_once)))
            return await _state(port)

        await run(chosen[:warm_up])
        held = await run(chosen[warm_up : warm_up + count // 10])
        settled = await run(chosen[warm_up + count // 10 : warm_up + count // 5])
        return _summary(count, held, settled, await run(chosen[warm_up + count // 5 :]))
    finally:
        process.terminate()
        process.wait()
        if process.stdout:
            process.stdout.close()


def serve(framework: str) -> None:
    """Serve the application on a port of the system's choice, which is printed."""
    import uvicorn

    with tempfile.TemporaryDirectory() as folder, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(
            make_app(framework, _file_in(folder)),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_keep_alive=KEEP_ALIVE,
        )
        _silence()
        uvicorn.Server(config).run(sockets=[listener])


def _silence() -> None:
    import logging

    logging.disable(logging.CRITICAL)  # a traceback for each fault


def _file_in(folder: str) -> str:
    path = Path(folder) / "file.bin"
    path.write_bytes(b"f" * 100_000)
    return str(path)


def soak(framework: str, requests: int, served: int) -> dict[str, Any]:
    """Both runs for one framework."""
    with tempfile.TemporaryDirectory() as folder:
        inside = asyncio.run(in_process(make_app(framework, _file_in(folder)), requests))
    return {"in process": inside, "through uvicorn": asyncio.run(through_uvicorn(framework, served))}


def main() -> int:
    """Run it; exit code 1 if anything of Asterion's has grown."""
    parser = argparse.ArgumentParser(description="What stays behind after many requests, a fifth of them faulted.")
    parser.add_argument("--requests", type=int, default=200_000, help="requests in this process (200000)")
    parser.add_argument("--served", type=int, default=50_000, help="requests through uvicorn (50000)")
    parser.add_argument("--serve", choices=FRAMEWORKS, help=argparse.SUPPRESS)
    parser.add_argument("--one", choices=FRAMEWORKS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return 0
    if given.one:
        _silence()
        sys.stdout.write(json.dumps(soak(given.one, given.requests, given.served)))
        return 0
    result: dict[str, Any] = {"part": "soak"}
    for framework in FRAMEWORKS:  # in processes of their own: nothing of one weighs on the other
        sizes = ["--requests", str(given.requests), "--served", str(given.served)]
        command = [sys.executable, "-m", "scripts.soak", "--one", framework, *sizes]
        answer = subprocess.run(command, cwd=ROOT, check=True, env=ONE_HEAP, stdout=subprocess.PIPE)  # noqa: S603
        result[framework] = json.loads(answer.stdout)
    result |= {"command": COMMAND, "date": datetime.datetime.now(datetime.UTC).date().isoformat()}
    text = json.dumps(result, indent=2) + "\n"
    sys.stdout.write(text)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text)
    return 0 if all(run["flat"] for run in result["asterion"].values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
