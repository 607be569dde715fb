"""Running a reproduction: its verdict, and what it can not do."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from fixbook.execution import Event, Limits, execute, plan
from fixbook.model import Case, Expectation, Outcome, Reproduction, Role, Target

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

MARK = f"FIXBOOK_TEST_MARK_{os.getpid()}"  # tests run in several processes at once


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments of all tests here: bare ones, for which no package index is asked."""
    return tmp_path_factory.mktemp("environments")


def case_of(code: str, **more: object) -> Case:
    reproduction = Reproduction(
        code=code,
        targets=(Target(Role.BROKEN, "1", expect=Outcome.BROKEN),),
        broken=Expectation(exit=1, output=("broken",)),
        right=Expectation(exit=0, output=("right",)),
        **more,  # type: ignore[arg-type]
    )
    return Case(id="case", reproduction=reproduction)


async def run(case: Case, cache: Path, limits: Limits | None = None, events: list[Event] | None = None):
    note = events.append if events is not None else None
    return await execute(case, plan(case)[0], limits=limits, cache=cache, on_event=note)


def left_behind() -> list[int]:
    """Processes of a reproduction that are still there: they bear the mark in their command line."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                line = Path(f"/proc/{entry}/cmdline").read_bytes()
            except OSError:
                continue
            if MARK.encode() in line and int(entry) != os.getpid():
                found.append(int(entry))
    return found


def judged(code: str, cache: Path, limits: Limits | None = None, **more: object):
    return asyncio.run(run(case_of(code, **more), cache, limits))


def test_a_run_that_shows_what_is_declared_of_broken_is_broken(cache: Path) -> None:
    result = judged("print('broken'); raise SystemExit(1)", cache)
    assert (result.outcome, result.exit_code, result.output) == (Outcome.BROKEN, 1, "broken\n")
    assert result.confirmed is True
    assert result.duration > 0
    assert result.started is not None
    assert result.started.tzinfo is not None
    assert len(result.digest or "") == 64


def test_a_run_that_shows_what_is_declared_of_right_is_right_and_contradicts_a_broken_target(cache: Path) -> None:
    result = judged("print('right')", cache)
    assert (result.outcome, result.confirmed) == (Outcome.RIGHT, False)


def test_a_run_that_shows_neither_says_which_expectations_failed(cache: Path) -> None:
    result = judged("print('hello'); raise SystemExit(3)", cache)
    assert result.outcome is Outcome.UNEXPECTED
    assert result.reason == "not broken: exit status 3, not 1; not right: exit status 3, not 0"


def test_output_arrives_in_pieces_with_its_stream(cache: Path) -> None:
    events: list[Event] = []
    code = "import sys; print('one'); print('two', file=sys.stderr); print('right')"
    asyncio.run(run(case_of(code), cache, events=events))
    out = "".join(event.text for event in events if event.stream == "stdout")
    error = "".join(event.text for event in events if event.stream == "stderr")
    assert (out, error) == ("one\nright\n", "two\n")
    states = [event.text for event in events if event.kind == "state"]
    assert states[-1].startswith("right: ")
    assert [event.at for event in events] == sorted(event.at for event in events)


def test_files_beside_the_script_are_there_and_the_directory_is_empty_else(cache: Path) -> None:
    code = "import os; print(sorted(os.listdir()), open('templates/a.html').read(), 'right')"
    result = judged(code, cache, files={"templates/a.html": "<b>"})
    assert result.output == "['repro.py', 'templates'] <b> right\n"


def test_a_file_that_would_stand_outside_is_refused(cache: Path) -> None:
    result = judged("print('right')", cache, files={"../x": ""})
    assert result.outcome is Outcome.NOT_VERIFIED
    assert "'../x' stands outside" in (result.reason or "")


def test_no_secret_of_this_process_is_in_its_environment(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    result = judged("import os; print(sorted(os.environ)); print(os.environ['HOME']); print('right')", cache)
    names = set(eval(result.output.splitlines()[0]))
    assert names <= {
        "HOME", "LANG", "LC_CTYPE", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONNOUSERSITE",
        "PYTHONUNBUFFERED", "TMPDIR",
    }  # fmt: skip
    assert "hush" not in result.output
    assert not Path(result.output.splitlines()[1]).exists()  # it was inside of what is removed


def test_its_input_is_empty(cache: Path) -> None:
    assert judged("import sys; print(repr(sys.stdin.read()), 'right')", cache).output == "'' right\n"


def test_bytes_that_are_no_text_are_replaced(cache: Path) -> None:
    code = r"import sys; sys.stdout.buffer.write(b'\xff\xfe right \x00\n')"
    assert judged(code, cache).output == "\ufffd\ufffd right \u2400\n"


def test_an_exception_type_can_be_what_is_declared(cache: Path) -> None:
    case = case_of("import json; json.loads('{')")
    assert case.reproduction is not None
    from dataclasses import replace

    reproduction = replace(case.reproduction, broken=Expectation(exit=1, exception="JSONDecodeError"))
    result = asyncio.run(run(replace(case, reproduction=reproduction), cache))
    assert result.outcome is Outcome.BROKEN


# --- limits ---


@pytest.mark.parametrize(
    "code",
    [
        "import time\nwhile True: time.sleep(1)",
        "import signal, time\nfor n in (2, 15, 1): signal.signal(n, signal.SIG_IGN)\nwhile True: time.sleep(1)",
        "import os, time\nos.close(1); os.close(2)\nwhile True: time.sleep(1)",
    ],
    ids=["never ends", "ignores signals", "closes its output"],
)
def test_a_run_that_never_ends_is_stopped(code: str, cache: Path) -> None:
    result = judged(f"import sys; sys.argv.append({MARK!r})\n{code}", cache, timeout=0.5)
    assert (result.outcome, result.reason) == (Outcome.STOPPED, "it took longer than 0.5 s")
    assert result.signal == 9
    assert left_behind() == []


def test_a_run_that_only_computes_is_stopped_by_its_cpu_time(cache: Path) -> None:
    result = judged("while True: pass", cache, Limits(cpu_seconds=1))
    assert (result.outcome, result.reason) == (Outcome.STOPPED, "it took more than 1 s of CPU time")


def test_a_run_that_prints_for_ever_is_stopped_and_what_it_printed_first_is_kept(cache: Path) -> None:
    result = judged("while True: print('x' * 99)", cache, Limits(output=10_000))
    assert (result.outcome, result.reason) == (Outcome.STOPPED, "it printed more than 10000 bytes")
    assert result.truncated
    assert len(result.output) == 10_000


def test_memory_is_limited(cache: Path) -> None:
    result = judged("bytearray(1 << 30)", cache, Limits(memory=512 << 20))
    assert result.exit_code == 1
    assert "MemoryError" in result.output


def test_one_file_is_limited(cache: Path) -> None:
    result = judged("open('big', 'wb').write(bytes(1 << 21))", cache, Limits(file_size=1 << 20))
    assert "File too large" in result.output


def test_the_disk_is_limited_wherever_it_writes(cache: Path) -> None:
    code = (
        "import os, tempfile, itertools\n"
        "for number in itertools.count():\n"
        "    open(os.path.join(tempfile.gettempdir(), str(number)), 'wb').write(os.urandom(1 << 16))\n"
    )
    result = judged(code, cache, Limits(disk=4 << 20, seconds=30))
    assert (result.outcome, result.reason) == (Outcome.STOPPED, f"it wrote more than {4 << 20} bytes")


def test_open_files_are_limited(cache: Path) -> None:
    result = judged("files = [open('repro.py') for _ in range(500)]", cache, Limits(open_files=100))
    assert "Too many open files" in result.output


def test_a_fork_bomb_is_ended(cache: Path) -> None:
    code = f"import os, time\nmark = {MARK!r}\nwhile True:\n    os.fork()\n    time.sleep(0.002)"
    result = judged(code, cache, Limits(processes=20))
    assert (result.outcome, result.reason) == (Outcome.STOPPED, "it had more than 20 processes and threads")


def test_children_that_leave_their_session_end_with_it(cache: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "child = 'import os, time; os.setsid(); os.fork() and os._exit(0); print(1, flush=True); time.sleep(600)'\n"
        f"process = subprocess.Popen([sys.executable, '-c', child, {MARK!r}], stdout=subprocess.PIPE)\n"
        "process.stdout.readline()\n"
        "print('right')\n"
    )
    result = judged(code, cache)
    assert result.outcome is Outcome.RIGHT
    assert left_behind() == []


def test_a_run_may_delete_its_directory(cache: Path) -> None:
    result = judged("import os, shutil; shutil.rmtree(os.getcwd()); print('right')", cache)
    assert result.outcome is Outcome.RIGHT


@pytest.mark.parametrize("number", ["SIGKILL", "SIGSTOP"])
def test_a_run_that_ends_or_stops_its_watcher_is_ended_all_the_same(
    number: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fixbook.execution._processes._GRACE", 0.5)
    code = (
        "import os, signal, subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', {MARK!r}])\n"
        f"os.kill(os.getppid(), signal.{number})\ntime.sleep(600)"
    )
    result = judged(code, cache, timeout=0.5)
    assert (result.outcome, result.confirmed) == (Outcome.STOPPED, False)
    assert result.reason == "it ended or stopped the process that watches it"
    assert left_behind() == []


def test_a_cancelled_run_leaves_no_process(cache: Path) -> None:
    async def main() -> None:
        started = asyncio.Event()

        def note(event: Event) -> None:
            if event.kind == "output":
                started.set()

        # The child speaks, not its parent: `Popen` returns when the kernel has closed what an `exec`
        # closes, which is before the new command line, the mark, can be read.
        code = (
            "import subprocess, sys, time\n"
            "child = \"import time; print('here', flush=True); time.sleep(600)\"\n"
            f"subprocess.Popen([sys.executable, '-c', child, {MARK!r}])\n"
            "time.sleep(600)"
        )
        case = case_of(code)
        task = asyncio.create_task(execute(case, plan(case)[0], cache=cache, on_event=note))
        await started.wait()
        assert left_behind() != []
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert left_behind() == []


# --- environments ---


def test_an_index_that_cannot_be_reached_is_not_verified_and_never_a_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = "http://127.0.0.1:9/simple"
    for name in ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.setenv(name, closed)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    result = judged("print('right')", tmp_path / "cache", requires=("surely-not-there-fixbook",))
    assert (result.outcome, result.confirmed) == (Outcome.NOT_VERIFIED, None)
    assert (result.reason or "").startswith("the package index cannot be reached from here")
    assert list((tmp_path / "cache").glob(".building-*")) == []


def test_requirements_that_make_no_sense_are_told_from_a_missing_index(tmp_path: Path) -> None:
    result = judged("print('right')", tmp_path, requires=("anyio>=4,<3",))
    assert result.outcome is Outcome.NOT_VERIFIED
    assert (result.reason or "").startswith(("these requirements cannot be installed here", "the package index"))


def test_a_cache_that_cannot_be_written_is_not_verified_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = judged("print('right')", tmp_path / "file")
    assert result.outcome is Outcome.NOT_VERIFIED
    assert (result.reason or "").startswith(f"no environment can be made in {tmp_path / 'file'}")


def test_installed_commands_name_the_interpreter_of_their_environment(cache: Path) -> None:
    code = (
        "import pathlib, sys; folder = pathlib.Path(sys.prefix, 'bin')\n"
        "for path in folder.iterdir():\n"
        "    assert path.is_symlink() or b'.building-' not in path.read_bytes(), path\n"
        "print('right')"
    )
    assert judged(code, cache).outcome is Outcome.RIGHT


def test_another_python_than_the_case_asks_for_is_not_verified(cache: Path) -> None:
    result = judged("print('right')", cache, python="<3.0")
    assert result.outcome is Outcome.NOT_VERIFIED
    assert (result.reason or "").startswith("the case asks for Python <3.0, and this is 3.")


def test_a_case_without_a_reproduction_is_not_verified(cache: Path) -> None:
    result = asyncio.run(execute(Case(id="empty"), Target(Role.BROKEN), cache=cache))
    assert (result.outcome, result.reason) == (Outcome.NOT_VERIFIED, "the case has no reproduction")


def test_an_environment_is_made_once_also_for_two_at_the_same_time(tmp_path: Path) -> None:
    async def main():
        case = case_of("import sys; print(sys.prefix, 'right')")
        return await asyncio.gather(*(run(case, tmp_path) for _ in range(3)))

    results = asyncio.run(main())
    assert len({result.output for result in results}) == 1
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1
