"""What is not a request to a running application: the test client, importing, memory of idle streams.

`python -m benchmarks.outside [--quick] [--write]`. Each figure is taken in a process of its own, Starlette's and
Asterion's in turn; medians. CPU time, but for the memory.
"""

import argparse
import statistics
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.page import write_table

IMPORT = """
import time
start = time.process_time()
import {package}.applications
print((time.process_time() - start) * 1e3)
"""

CLIENT = """
import time
from {package}.applications import {face} as App
from {package}.responses import PlainTextResponse
from {package}.routing import Route
from {package}.testclient import TestClient

async def hello(request):
    return PlainTextResponse("hello")

client = TestClient(App(routes=[Route("/", hello)]))
def ask(times):
    for _ in range(times):
        assert client.get("/").text == "hello"
def measure():
    ask(20)
    start = time.process_time()
    ask({times})
    print((time.process_time() - start) / {times} * 1e6)
if {lifespan}:
    with client:
        measure()
else:
    measure()
"""

IDLE = """
import asyncio, gc, os
from {package}.applications import {face} as App
from {package}.responses import StreamingResponse
from {package}.routing import Route

async def idle(request):
    async def chunks():
        yield b"first"
        await asyncio.Event().wait()
    return StreamingResponse(chunks())

app = App(routes=[Route("/", idle)])
def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

async def one():
    given = False
    async def receive():
        nonlocal given
        if not given:
            given = True
            return {{"type": "http.request", "body": b"", "more_body": False}}
        await asyncio.Event().wait()
    async def send(message):
        pass
    scope = {{"type": "http", "asgi": {{"version": "3.0", "spec_version": "2.3"}}, "method": "GET", "path": "/",
             "headers": [], "query_string": b"", "root_path": "", "scheme": "http", "http_version": "1.1"}}
    await app(scope, receive, send)

async def main():
    await asyncio.wait([asyncio.create_task(one()) for _ in range(10)], timeout=0.1)
    before = resident()
    tasks = [asyncio.create_task(one()) for _ in range({streams})]
    for _ in range(50):
        await asyncio.sleep(0)
    print((resident() - before) / {streams} / 1024)
    os._exit(0)

asyncio.run(main())
"""

PACKAGES = (("starlette", "Starlette"), ("asterion", "Asterion"))


def _run(code: str) -> float:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    if not done.stdout:
        raise RuntimeError(f"a measurement failed: {done.stderr[-800:]}")
    return float(done.stdout)


def compare(title: str, unit: str, code: str, rounds: int, **values: object) -> str:
    """One line of the table: medians of both, and how many times less Asterion takes."""
    figures: dict[str, list[float]] = {package: [] for package, _ in PACKAGES}
    for _ in range(rounds):
        for package, face in PACKAGES:
            figures[package].append(_run(code.format(package=package, face=face, **values)))
    theirs, ours = (statistics.median(figures[package]) for package, _ in PACKAGES)
    return f"| {title} | {theirs:.1f} {unit} | {ours:.1f} {unit} ({theirs / ours:.1f}x) |"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outside", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args(arguments)
    rounds, times, streams = (3, 100, 1000) if options.quick else (9, 1000, 10_000)
    lines = ["| | Starlette | Asterion |", "|---|--:|--:|"]
    lines.append(compare("test client, a request, inside of `with`", "µs", CLIENT, rounds, times=times, lifespan=True))
    lines.append(compare("test client, a request, without `with`", "µs", CLIENT, rounds, times=times, lifespan=False))
    lines.append(compare("import of `applications`", "ms", IMPORT, 2 * rounds))
    lines.append(compare(f"an idle stream, of {streams:,}", "KiB", IDLE, rounds, streams=streams))
    print("\n".join(lines))
    if options.write:
        write_table("outside", "\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
