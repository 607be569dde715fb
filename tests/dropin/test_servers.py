"""Servers and their workers, started as people start them: every worker answers with Asterion.

A request stops in its worker, in the way of the event loop, until all workers have one: so each of them is seen. The
socket that is served listens before the server starts, so that there is no start to wait for.
"""

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "asterion" / "dropin" / "_sitecustomize"
SECONDS = 40

APP = """
import json, os, socket
with open("imports", "a") as file:
    print(os.getpid(), file=file)
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def hold(request):
    with socket.create_connection(("127.0.0.1", int(os.environ["CONTROL"]))) as control:
        control.sendall(json.dumps([os.getpid(), Starlette.__module__]).encode() + b"\\n")
        control.recv(1)
    return PlainTextResponse("released")

app = Starlette(routes=[Route("/", hold)])
"""

UVICORN = ["-m", "uvicorn", "app:app", "--fd", "{fd}"]
WITH_THE_VARIABLE = {
    "uvicorn": (UVICORN, 1),
    "uvicorn --reload": ([*UVICORN, "--reload"], 1),
    "uvicorn --workers 2": ([*UVICORN, "--workers", "2"], 2),
    "gunicorn": (["-m", "gunicorn", "app:app", "-k", "uvicorn_worker.UvicornWorker", "-w", "2", "-b", "fd://{fd}"], 2),
    "hypercorn": (["-m", "hypercorn", "app:app", "-w", "2", "-b", "fd://{fd}"], 2),
    "granian": (["-m", "granian", "app:app", "--interface", "asgi", "--workers", "2", "--port", "{port}"], 2),
}
RUN = ["-m", "asterion", "run", "--dropin", "app:app", "--fd", "{fd}"]
WITH_A_COMMAND = {
    "asterion run": [*RUN, "--workers", "2"],
    "asterion.dropin": ["-m", "asterion.dropin", *UVICORN, "--workers", "2"],
}


def listening() -> socket.socket:
    found = socket.create_server(("127.0.0.1", 0))
    found.settimeout(SECONDS)
    return found


@contextlib.contextmanager
def served(arguments: list[str], where: Path, control: int, app: str = APP, **environment: str) -> Iterator[int]:
    """A server of the application, in a process group of its own, which is ended in the end; its port."""
    (where / "app.py").write_text(app)
    site = listening()
    port = site.getsockname()[1]
    if any("{port}" in argument for argument in arguments):
        site.close()
    else:
        os.set_inheritable(site.fileno(), True)
    path = os.pathsep.join([str(where), str(ROOT)])
    said = (where / "stderr").open("w")
    process = subprocess.Popen(
        [sys.executable, *(argument.format(fd=site.fileno(), port=port) for argument in arguments)],
        cwd=where,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": path, "CONTROL": str(control), **environment},
        pass_fds=[] if site.fileno() < 0 else [site.fileno()],
        stdout=subprocess.DEVNULL,
        stderr=said,
        start_new_session=True,
    )
    said.close()
    try:
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(SECONDS)
        site.close()


def connect(port: int) -> socket.socket:
    """A connection, as soon as somebody listens: one server cannot be given a socket that does so already."""
    while True:
        waiting = socket.socket()
        waiting.settimeout(SECONDS)
        if waiting.connect_ex(("127.0.0.1", port)) == 0:
            return waiting
        waiting.close()
        os.sched_yield()


def workers(arguments: list[str], number: int, where: Path, **environment: str) -> tuple[int, set[str], bytes]:
    """How many processes answered, with whose application, and how the first answer begins.

    A server that accepts connections beside its event loop may give a worker that is held another one: so there is a
    further try when nobody takes one for a second.
    """
    with contextlib.ExitStack() as stack:
        control = stack.enter_context(listening())
        port = stack.enter_context(served(arguments, where, control.getsockname()[1], **environment))
        seen: list[list[str]] = []
        clients: list[socket.socket] = []
        held = stack.enter_context(contextlib.ExitStack())
        control.settimeout(SECONDS)
        while len(seen) < number and len(clients) < SECONDS:
            clients.append(stack.enter_context(connect(port)))
            clients[-1].sendall(b"GET / HTTP/1.1\r\nhost: testserver\r\nconnection: close\r\n\r\n")
            try:
                holding, _ = control.accept()
            except TimeoutError:
                if not seen:
                    pytest.fail((where / "stderr").read_text())
                continue
            seen.append(json.loads(held.enter_context(holding).recv(1000)))
            control.settimeout(1)
        control.close()
        held.close()
        begin = clients[0].recv(1000)[:12]
    return len({pid for pid, _ in seen}), {module for _, module in seen}, begin


@pytest.mark.parametrize("name", WITH_THE_VARIABLE)
def test_every_worker_of_a_server_answers_with_asterion_when_the_variable_is_set(name: str, tmp_path: Path) -> None:
    arguments, number = WITH_THE_VARIABLE[name]
    for package in [arguments[1], *(["uvicorn_worker"] if name == "gunicorn" else [])]:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    path = os.pathsep.join([str(FOLDER), str(tmp_path), str(ROOT)])
    found = workers(arguments, number, tmp_path, ASTERION_DROPIN="1", PYTHONPATH=path)
    assert found == (number, {"asterion.applications"}, b"HTTP/1.1 200")


@pytest.mark.parametrize("name", WITH_A_COMMAND)
def test_every_worker_answers_with_asterion_under_a_command_that_turns_it_on(name: str, tmp_path: Path) -> None:
    found = workers(WITH_A_COMMAND[name], 2, tmp_path)
    assert found == (2, {"asterion.applications"}, b"HTTP/1.1 200")


def test_without_the_variable_the_real_starlette_answers(tmp_path: Path) -> None:
    pytest.importorskip("starlette", reason="the real Starlette is what should answer")
    assert workers(UVICORN, 1, tmp_path) == (1, {"starlette.applications"}, b"HTTP/1.1 200")


@pytest.mark.parametrize("number", [1, 2])
def test_each_process_that_serves_imports_the_application_once_and_no_other_does(number: int, tmp_path: Path) -> None:
    """The check of the target before the start imports it only where it is served."""
    found = workers([*RUN, *(["--workers", str(number)] if number > 1 else [])], number, tmp_path)
    assert found == (number, {"asterion.applications"}, b"HTTP/1.1 200")
    pids = (tmp_path / "imports").read_text().split()
    assert len(pids) == len(set(pids)) == number


# Says that it was imported, and on what. The file is written again with another number.
CHANGING = """
import os, socket
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def number(request):
    return PlainTextResponse(f"{Starlette.__module__} NUMBER")

app = Starlette(routes=[Route("/", number)])
with socket.create_connection(("127.0.0.1", int(os.environ["CONTROL"]))) as control:
    control.sendall(f"{Starlette.__module__} NUMBER\\n".encode())
"""


def imported(control: socket.socket) -> tuple[str, int] | None:
    """What the next import of the application says: the module of its class and the number in the file; None: none."""
    try:
        saying, _ = control.accept()
    except TimeoutError:
        return None
    with saying, saying.makefile("r") as line:
        module, number = line.read().split()
    return module, int(number)


def answered(port: int) -> tuple[str, int]:
    """Whose application answers, and the number in it. A worker that is ended at that very moment gives no answer."""
    for _ in range(SECONDS):
        with connect(port) as client, contextlib.suppress(ConnectionError):
            client.sendall(b"GET / HTTP/1.1\r\nhost: testserver\r\nconnection: close\r\n\r\n")
            with client.makefile("r", newline="") as answer:
                said = answer.read().rpartition("\r\n")[2].split()
            if said:
                return said[0], int(said[1])
    pytest.fail("no answer")


@pytest.mark.parametrize(
    ("arguments", "variable"),
    [([*UVICORN, "--reload"], "1"), ([*RUN, "--reload"], "")],
    ids=["uvicorn", "asterion run"],
)
def test_after_a_change_of_a_file_the_new_code_is_served_by_asterion(
    arguments: list[str], variable: str, tmp_path: Path
) -> None:
    """A change before the reloader watches is none for it: so the file is changed again until there is a new start."""
    path = os.pathsep.join([str(FOLDER), str(tmp_path), str(ROOT)])
    environment = {"ASTERION_DROPIN": variable, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    with contextlib.ExitStack() as stack:
        control = stack.enter_context(listening())
        first = CHANGING.replace("NUMBER", "1")
        port = stack.enter_context(served(arguments, tmp_path, control.getsockname()[1], first, **environment))
        assert imported(control) == ("asterion.applications", 1), (tmp_path / "stderr").read_text()
        assert answered(port) == ("asterion.applications", 1)
        control.settimeout(2)
        for number in range(2, SECONDS // 2):
            (tmp_path / "app.py").write_text(CHANGING.replace("NUMBER", str(number)))
            if found := imported(control):
                break
        assert found is not None, (tmp_path / "stderr").read_text()
        engine, number = answered(port)
        assert (found[0], engine) == ("asterion.applications", "asterion.applications")
        assert number >= found[1] > 1
