"""Real servers for the tests of Fixbook: PostgreSQL and Redis on private ports, started once, data in temporary places.

Where a program is not installed the tests that need it are skipped, and say so.
"""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from fixbook.store import Store, open_store

DEADLINE = 60.0


@pytest.fixture
def anyio_backend() -> str:
    """SQLAlchemy's drivers are for asyncio."""
    return "asyncio"


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A real server process that a test may stop (`kill -9`) and start again on the same port and data."""

    not_yet: bytes | None = None
    """What it says when it ends because children of one that was killed are still there: then it is tried again."""

    def __init__(self, command: list[str], port: int, answers: Callable[[], bool], log: Path) -> None:
        self.command, self.port, self.answers, self.log = command, port, answers, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        deadline = time.monotonic() + DEADLINE
        said_before = self._run()
        try:
            while not self.answers():
                ended = self.process is not None and self.process.poll() is not None
                said = self.log.read_bytes()[said_before:]
                if time.monotonic() > deadline or (ended and not self._may_try_again(said)):
                    raise RuntimeError(f"{self.command[0]} did not start:\n{said[-2000:].decode(errors='replace')}")
                if ended:
                    said_before = self._run()
                time.sleep(0.02)  # another process; there is nothing here to wait on
        except BaseException:
            self.kill()
            raise

    def _run(self) -> int:
        """Run the command; how much its log had before."""
        with self.log.open("ab") as log:
            before = log.tell()
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        return before

    def _may_try_again(self, said: bytes) -> bool:
        return self.not_yet is not None and self.not_yet in said

    def kill(self) -> None:
        """End it at once, as a crash does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Postgres(Server):
    """A PostgreSQL with as many databases as are asked for."""

    not_yet = b"pre-existing shared memory block"

    def __init__(self, binaries: Path, home: Path) -> None:
        self.binaries, self.home = binaries, home
        self.numbers = itertools.count()
        self.prefix: list[str] = []
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(home, "postgres")
            self.prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        self.run("initdb", "-D", str(home / "data"), "-A", "trust", "-U", "fixbook", "-E", "UTF8", "--no-sync")
        port = free_port()
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=100"]
        options = [part for setting in settings for part in ("-c", setting)]
        command = [*self.prefix, str(binaries / "postgres"), "-D", str(home / "data"), "-p", str(port), *options]
        super().__init__(command, port, self._answers, home / "log")

    def run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's own programs, to its end."""
        command = [*self.prefix, str(self.binaries / program), *arguments]
        done = subprocess.run(command, capture_output=True, cwd="/", check=False)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.decode(errors='replace')}")

    def _answers(self) -> bool:
        command = [str(self.binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "fixbook"]
        return subprocess.run(command, check=False, cwd="/").returncode == 0

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"fixbook{next(self.numbers)}"
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "fixbook", name)
        return f"postgresql+asyncpg://fixbook@127.0.0.1:{self.port}/{name}"


class Redis(Server):
    """A Redis that keeps nothing when it ends."""

    def __init__(self, program: str, home: Path) -> None:
        port = free_port()
        settings = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(home)]
        super().__init__([program, "--port", str(port), *settings], port, self._answers, home / "log")

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"


def _start_postgres(home: Path) -> Postgres:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    path = shutil.which("initdb") or (str(found[-1]) if found else None)
    if path is None:
        pytest.skip("PostgreSQL is not installed (initdb); `apt-get install postgresql` brings it")
    server = Postgres(Path(path).resolve().parent, home)
    server.start()
    return server


def _home() -> Iterator[Path]:
    # Not below pytest's own directory, which another user (postgres) may not enter.
    with tempfile.TemporaryDirectory(prefix="fixbook-", ignore_cleanup_errors=True) as home:
        yield Path(home)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL for the whole session; each test takes a database of its own."""
    for home in _home():
        server = _start_postgres(home)
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A PostgreSQL of one test, which may stop it."""
    for home in _home():
        server = _start_postgres(home)
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture
def redis_server() -> Iterator[Redis]:
    """A Redis of one test, which may stop it."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("Redis is not installed (redis-server); `apt-get install redis-server` brings it")
    for home in _home():
        server = Redis(program, home)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'fixbook.db'}"
    url: str = request.getfixturevalue("postgres").new_database()
    return url


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """An empty store on each kind of database."""
    async with open_store(database_url) as opened:
        yield opened
