"""Real servers on loopback: `python -m benchmarks.served [--quick] [--write]`.

Every framework's application has a server process of its own, uvicorn (uvloop, httptools) or granian, started once;
rounds go from one to the next. The load is `wrk`'s where it is installed, else a small client's in this process. Both
share the machine's cores, so two figures are given: requests for each second, and the CPU time that the server took
for each, which the client cannot bound.
"""

import argparse
import asyncio
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.catalogue import area_named
from benchmarks.page import write_table

CONNECTIONS = 16
TICKS = os.sysconf("SC_CLK_TCK")
BODY = b'{"id": 7, "name": "seven", "price": 12.5, "tags": ["a", "b"]}'


def make() -> Any:
    """The application that the environment names: what a server process loads."""
    slug, name = os.environ["BENCHMARK_APP"].split(":")
    return area_named(slug).builders[name]()


@dataclass
class Contender:
    """One server process, and what it has done."""

    name: str
    target: str
    environment: Mapping[str, str]
    path: str = "/"
    body: bytes = b""
    server: str = "uvicorn"
    port: int = 0
    pid: int = 0
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def start(self, stack: ExitStack) -> None:
        """Start the server and wait until it answers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", self.server, self.target, "--factory", "--host", "127.0.0.1"]
        command += ["--port", str(self.port)]
        if self.server == "uvicorn":
            command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"]
        else:
            command += ["--interface", "asgi", "--no-ws", "--log-level", "error"]
        process = subprocess.Popen(command, env={**os.environ, **self.environment})
        stack.callback(process.wait, 10)
        stack.callback(process.terminate)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                self.check()
            except OSError:
                time.sleep(0.05)
            else:
                self.pid = process.pid
                return
        raise RuntimeError(f"{self.name} did not answer on port {self.port} within 30 s")

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.port}{self.path}"

    def check(self) -> bytes:
        """One request; its answer must be 200."""
        headers = {"content-type": "application/json"} if self.body else {}
        with urlopen(Request(self.url, data=self.body or None, headers=headers), timeout=5) as answer:
            return bytes(answer.read())

    def seconds_of_cpu(self) -> float:
        """CPU time of the server's processes up to now."""
        ticks, pids = 0, [str(self.pid)]
        for pid in pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
            for thread in Path(f"/proc/{pid}/task").iterdir():
                pids += (thread / "children").read_text().split()
        return ticks / TICKS

    def round(self, seconds: float) -> None:
        """Load it for that long."""
        before = self.seconds_of_cpu()
        start = time.perf_counter()
        done = by_wrk(self, seconds) if shutil.which("wrk") else asyncio.run(by_client(self, seconds))
        took = time.perf_counter() - start
        self.rates.append(done / took)
        self.cpu.append((self.seconds_of_cpu() - before) / done * 1e6)


def by_wrk(contender: Contender, seconds: float) -> int:
    """Requests that wrk had answered. Raises RuntimeError if any answer was an error."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if contender.body:
            script.write(f"wrk.method = 'POST'\nwrk.body = '{contender.body.decode()}'\n")
            script.write("wrk.headers['content-type'] = 'application/json'\n")
        script.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "-s", script.name, contender.url]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError(f"{contender.name} had errors under load: {out}")
    found = re.search(r"(\d+) requests in", out)
    if found is None:
        raise RuntimeError(f"wrk said nothing of requests: {out}")
    return int(found[1])


async def by_client(contender: Contender, seconds: float) -> int:
    """Requests that connections of our own had answered: keep-alive, one at a time on each."""
    kind = f"POST {contender.path} HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {len(contender.body)}"
    head = kind if contender.body else f"GET {contender.path} HTTP/1.1"
    ask = f"{head}\r\nhost: 127.0.0.1\r\n\r\n".encode() + contender.body
    deadline = time.perf_counter() + seconds
    done = 0

    async def connection() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", contender.port)
        while time.perf_counter() < deadline:
            writer.write(ask)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", answer.lower())
            if not answer.startswith(b"HTTP/1.1 200") or length is None:
                raise RuntimeError(f"{contender.name} answered {answer[:200]!r}")
            await reader.readexactly(int(length[1]))
            done += 1
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return done


def row(title: str, contenders: Sequence[Contender], rounds: int, seconds: float) -> list[str]:
    """Measure contenders in turn: a line for each with its ratio to the first."""
    with ExitStack() as stack:
        for contender in contenders:
            contender.start(stack)
        for contender in contenders:
            contender.round(min(seconds, 1))
            contender.rates.clear()
            contender.cpu.clear()
        for _ in range(rounds):
            for contender in contenders:
                contender.round(seconds)
    base = contenders[0]
    lines = []
    for contender in contenders:
        rate, cpu = statistics.median(contender.rates), statistics.median(contender.cpu)
        by_rate, by_cpu = rate / statistics.median(base.rates), statistics.median(base.cpu) / cpu
        lines.append(f"| {title} | {contender.name} | {rate:,.0f} ({by_rate:.2f}x) | {cpu:.1f} µs ({by_cpu:.2f}x) |")
        print(lines[-1], flush=True)
    return lines


def toolkit_rows(server: str) -> list[tuple[str, list[Contender]]]:
    """Plain text and function middlewares on every framework that is installed."""
    rows = []
    for slug in ("plain-text", "middleware-1", "middleware-3"):
        area = area_named(slug)
        contenders = []
        for name in ("Starlette", "raw ASGI", "BlackSheep", "Falcon", "Asterion"):
            try:
                area.builders[name]()
            except ImportError:
                continue
            environment = {"BENCHMARK_APP": f"{slug}:{name}"}
            contenders.append(Contender(name, "benchmarks.served:make", environment, server=server))
        rows.append((f"{area.title}, {server}", contenders))
    return rows


def fastapi_rows() -> list[tuple[str, list[Contender]]]:
    """The same FastAPI application on Starlette and on Asterion."""
    rows = []
    for layers in (0, 3):
        for title, path, body in (("GET", "/items/7", b""), ("POST", "/items", BODY)):
            contenders = []
            for name, dropin in (("FastAPI on Starlette", ""), ("FastAPI on Asterion", "1")):
                environment = {"SHOP_LAYERS": str(layers), "ASTERION_DROPIN": dropin}
                contenders.append(Contender(name, "benchmarks.fastapi_shop:make", environment, path, body))
            rows.append((f"{title}, {layers} function middlewares", contenders))
    return rows


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.served", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=["uvicorn", "granian", "fastapi"], action="append")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args(arguments)
    rounds, seconds = (2, 1.0) if options.quick else (5, 2.0)
    for name in options.only or ["uvicorn", "granian", "fastapi"]:
        rows = fastapi_rows() if name == "fastapi" else toolkit_rows(name)
        lines = ["| | | requests for each second | CPU of the server for each |", "|---|---|--:|--:|"]
        print("\n".join(lines))
        try:
            import_module("uvicorn" if name == "fastapi" else name)
        except ImportError:
            print(f"{name} is left out: not installed", file=sys.stderr)
            continue
        for title, contenders in rows:
            lines += row(title, contenders, rounds, seconds)
        if options.write:
            write_table(f"served-{name}", "\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
