"""The commands that serve something: the tour, and a server started with Asterion in Starlette's place."""

import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.served.serving import PATIENCE, until

ROOT = Path(__file__).parents[2]


@contextmanager
def command(*arguments: str, cwd: Path, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A Python process whose output goes to a file; it is told to end with the block, and its exit status kept."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-u", *arguments],
            cwd=cwd,
            env={"PYTHONPATH": f"{ROOT}:{cwd}", "PATH": ""},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)


def address_in(log: Path, process: "subprocess.Popen[bytes]") -> str:
    """The address that a server prints when it is ready."""
    pattern = re.compile(r"http://127\.0\.0\.1:\d+")
    until(lambda: bool(pattern.search(log.read_text())) or process.poll() is not None, "an address is printed")
    found = pattern.search(log.read_text())
    assert found, log.read_text()
    return found.group()


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        text: str = answer.read().decode()
    return text


def test_the_tour_prints_its_address_and_ends_quietly_when_interrupted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with command("-W", "error", "-m", "examples.tour", "--port", "0", cwd=ROOT, log=log) as process:
        address = address_in(log, process)
        assert "<h1>A tour of Asterion</h1>" in get(address)
    assert process.returncode == 0
    assert log.read_text() == f"The tour is at {address}/  (Ctrl+C ends it)\n"


def test_a_server_with_workers_runs_an_unmodified_application_on_asterion(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "from starlette.applications import Starlette\n"
        "from starlette.responses import PlainTextResponse\n"
        "from starlette.routing import Route\n"
        "async def home(request):\n"
        "    return PlainTextResponse(type(request).__module__.partition('.')[0])\n"
        "app = Starlette(routes=[Route('/', home)])\n"
    )
    log = tmp_path / "log"
    uvicorn = ("-m", "uvicorn", "shop:app", "--port", "0", "--workers", "2")
    with command("-m", "asterion.dropin", *uvicorn, cwd=tmp_path, log=log) as process:
        address = address_in(log, process)
        until(lambda: log.read_text().count("Application startup complete") == 2, "both workers are ready")
        assert {get(address) for _ in range(8)} == {"asterion"}
