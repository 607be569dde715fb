"""The runner of `make compat`: reading reports, comparing, running again, rendering, ending programs. No network."""

import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

import pytest

from compat import __main__ as command
from compat import compare, page, places, process, project, results
from compat import sides as sides_of_a_run
from compat.junit import Outcome, Report, read_report

ROOT = Path(__file__).parents[2]


def entry(folder: Path, text: str = 'name = "thing"\nversion = "1"\nkind = "suite"\n', key: str = "thing") -> Path:
    path = folder / f"{key}.toml"
    path.write_text(text)
    return path


def suite(folder: Path, test: str, *plugins: str) -> Report:
    """Run a fake project's tests with the runner's plugin and read its report."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(test)
    ours = [word for plugin in (*plugins, "compat_proof") for word in ("-p", plugin)]
    path = [str(Path(command.__file__).with_name("_plugin")), str(ROOT)]
    process.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *ours, "--junitxml=report.xml", "test_it.py"],
        cwd=folder,
        env=process.environment({"PYTHONPATH": os.pathsep.join(path)}),
        log=folder / "log",
        timeout=60,
    )
    return read_report(folder / "report.xml")


def test_a_report_holds_one_outcome_for_each_test_under_its_full_name(tmp_path: Path) -> None:
    report = suite(
        tmp_path,
        "import pytest\n"
        "@pytest.mark.parametrize('x', ['a b', '<&>', '\\x00', 'ü::y'])\n"
        "def test_odd(x): pass\n"
        "def test_bad(): assert 0\n"
        "def test_not(): pytest.skip('no')\n"
        "class TestIn:\n    def test_it(self): pass\n"
        "@pytest.fixture\ndef late():\n    yield\n    raise RuntimeError\n"
        "def test_late(late): pass\n",
    )
    assert report.outcomes["test_it.py::test_odd[a b]"] == "passed"
    assert report.outcomes["test_it.py::test_odd[<&>]"] == "passed"
    assert report.outcomes["test_it.py::TestIn::test_it"] == "passed"
    assert report.outcomes["test_it.py::test_bad"] == "failed"
    assert report.outcomes["test_it.py::test_not"] == "skipped"
    assert report.outcomes["test_it.py::test_late"] == "error"
    assert len(report.outcomes) == 8
    assert report.engines == {"starlette"}


def test_a_report_proves_for_each_test_whose_modules_it_ran_on(tmp_path: Path) -> None:
    test = "import starlette.responses\ndef test_it(): pass\n"
    assert suite(tmp_path, test).engines == {"starlette"}
    assert suite(tmp_path, test, "asterion.dropin.pytest_plugin").engines == {"asterion"}


def test_a_module_that_cannot_be_collected_is_an_error(tmp_path: Path) -> None:
    report = suite(tmp_path, "import nothing_of_this_name\n")
    assert list(report.outcomes.values()) == ["error"]


@pytest.mark.parametrize("text", [None, "", "<testsuites><testsuite>"])
def test_a_report_that_is_missing_or_cut_short_is_said_to_be_so(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "report.xml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(project.CompatError, match="no readable report"):
        read_report(path)


def test_tests_differ_by_outcome_or_by_being_on_one_side_only() -> None:
    one: dict[str, Outcome] = {"a": "passed", "b": "failed", "c": "passed", "d": "skipped"}
    other: dict[str, Outcome] = {"a": "passed", "b": "error", "d": "passed", "e": "passed"}
    assert compare.differences(one, other) == [
        compare.Difference("c", "passed", "missing"),
        compare.Difference("d", "skipped", "passed"),
        compare.Difference("e", "missing", "passed"),
    ]


def test_a_difference_counts_only_when_it_is_there_again_alone() -> None:
    asked: list[list[str]] = []

    def again(tests: list[str]) -> tuple[Mapping[str, Outcome], Mapping[str, Outcome]]:
        asked.append(tests)
        return {"flaky": "passed", "real": "passed"}, {"flaky": "passed", "real": "failed"}

    first = [compare.Difference(name, "passed", "failed") for name in ("flaky", "real", "module")]
    kept, flaky = compare.lasting(first, again)
    assert kept == [first[1], first[2]]
    assert flaky == ["flaky"]
    assert asked == [["flaky", "real", "module"]]


def test_nothing_is_run_again_where_nothing_differs() -> None:
    assert compare.lasting([], lambda tests: pytest.fail("ran again")) == ([], [])


@pytest.mark.parametrize(
    ("engines", "outcomes", "says"),
    [
        ({"starlette"}, {"a": "passed"}, "ran on starlette"),
        ({"asterion", "starlette"}, {"a": "passed"}, "ran on asterion, starlette"),
        (set(), {"a": "error"}, "could be imported"),
        (set(), {}, "no test was found"),
    ],
)
def test_a_side_that_did_not_run_on_its_own_engine_is_refused(
    engines: set[str], outcomes: dict[str, Outcome], says: str
) -> None:
    good = Report({"a": "passed"}, frozenset({"starlette"}))
    with pytest.raises(project.CompatError, match=says):
        compare.check_engines(good, Report(outcomes, frozenset(engines)))


def test_sides_on_their_own_engines_are_accepted() -> None:
    compare.check_engines(
        Report({"a": "passed"}, frozenset({"starlette"})), Report({"a": "passed"}, frozenset({"asterion"}))
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = ", "thing.toml"),
        ('name = "x"\nkind = "suite"\n', "'version' is None"),
        ('name = "x"\nversion = "1"\nkind = "song"\n', "kind is 'song'"),
        ('name = "x"\nversion = "1"\nkind = "suite"\nnmae = 1\n', "unknown key 'nmae'"),
        ('name = "x"\nversion = "1"\nkind = "suite"\ntests = "tests"\n', "list of strings"),
        ('name = "x"\nversion = "1"\nkind = "suite"\n[differs]\na = ""\n', "none of them empty"),
    ],
)
def test_an_entry_that_says_something_else_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(project.CompatError, match=says):
        project.read(entry(tmp_path, text))


def test_entries_are_chosen_by_file_or_by_project(tmp_path: Path) -> None:
    entry(tmp_path)
    entry(tmp_path, key="thing-application")
    entry(tmp_path, 'name = "other"\nversion = "1"\nkind = "suite"\n', key="other")
    assert [each.key for each in project.read_all(tmp_path, ["thing"])] == ["thing", "thing-application"]
    assert [each.key for each in project.read_all(tmp_path, ["thing-application"])] == ["thing-application"]
    with pytest.raises(project.CompatError, match="no project 'nobody'"):
        project.read_all(tmp_path, ["nobody"])


def test_every_entry_of_the_repository_can_be_read() -> None:
    assert project.read_all(command.ENTRIES, [])


def test_a_program_that_runs_out_of_time_is_ended_with_what_it_started(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('pid', 'w').write(str(child.pid)); print('waiting', flush=True); time.sleep(600)\n"
    )
    with pytest.raises(project.CompatError, match=r"stopped after 2 seconds(.|\n)*waiting"):
        process.run([sys.executable, "-c", program], cwd=tmp_path, env=os.environ, log=tmp_path / "log", timeout=2)
    state = Path(f"/proc/{(tmp_path / 'pid').read_text()}/stat")
    deadline = time.monotonic() + 10
    while state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline, "the grandchild is still running"


def test_a_child_is_given_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "secret")
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:secret@example.org")
    assert "secret" not in str(process.environment({}))
    assert process.environment({}, index=True).keys() >= {"PIP_INDEX_URL", "PATH"}


def collected(folder: Path) -> set[str]:
    """The tests that pytest finds in a folder whose parent has a configuration that would spoil it."""
    (folder.parent / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (folder / "test_it.py").write_text("def test_it(): pass\n")
    (folder / "check_it.py").write_text("def test_other(): pass\n")
    log = folder.parent / "log"
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider"]
    process.run(command, cwd=folder, env=process.environment({}), log=log, timeout=60)
    return {line for line in log.read_text().splitlines() if "::" in line}


@pytest.mark.parametrize("files", [{}, {"pyproject.toml": '[project]\nname = "x"\n', "setup.cfg": "[metadata]\n"}])
def test_a_source_distribution_without_a_configuration_of_pytest_is_not_run_with_ours(
    files: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    places.configure(folder)
    assert collected(folder) == {"test_it.py::test_it"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "[pytest]\npython_files = check_*.py\n"),
        ("tox.ini", "[pytest]\npython_files = check_*.py\n"),
        ("setup.cfg", "[tool:pytest]\npython_files = check_*.py\n"),
        ("pyproject.toml", '[tool.pytest.ini_options]\npython_files = ["check_*.py"]\n'),
    ],
)
def test_a_source_distribution_is_run_with_its_own_configuration_of_pytest(
    name: str, text: str, tmp_path: Path
) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / name).write_text(text)
    places.configure(folder)
    assert collected(folder) == {"check_it.py::test_other"}


def test_a_configuration_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool")
    with pytest.raises(project.CompatError, match="pyproject.toml"):
        places.configure(tmp_path)


RESULT = results.Result(
    project="thing",
    version="1",
    kind="suite",
    date="2026-01-01",
    starlette_version="1.10.0",
    asterion_version="1",
    starlette={"passed": 2, "failed": 0, "skipped": 0},
    asterion={"passed": 1, "failed": 1, "skipped": 0},
    differs=[{"test": "t.py::test_a[x|y]", "starlette": "passed", "asterion": "failed"}],
)


def test_a_difference_needs_a_reason_and_a_reason_a_difference(tmp_path: Path) -> None:
    bare = project.read(entry(tmp_path))
    assert results.unexplained(RESULT, bare) == ["t.py::test_a[x|y]"]
    told = project.Project("thing", "thing", "1", "suite", differs={"t.py::test_a[x|y]": "why", "t.py::gone": "old"})
    assert results.unexplained(RESULT, told) == []
    assert results.outdated(RESULT, told) == ["t.py::gone"]


def test_the_table_has_a_row_for_each_project_and_a_reason_for_each_difference(tmp_path: Path) -> None:
    reason = "a <tag>, and `a<b|c>`"
    told = project.Project("thing", "thing", "1", "suite", note="a|b", differs={"t.py::test_a[x|y]": reason})
    made = page.table([(told, RESULT)])
    assert "| thing | 1 | its own | 2 passed | 1 passed, 1 failed | 1 | a\\|b |" in made
    assert "- `t.py::test_a[x|y]` (passed on Starlette, failed): a &lt;tag>, and `a<b|c>`" in made


def test_only_the_part_between_the_marks_is_made() -> None:
    text = f"head\n{page.BEGIN}\nold\n{page.END}\nfoot\n"
    assert page.with_table(text, "new") == f"head\n{page.BEGIN}\n\nnew\n{page.END}\nfoot\n"
    with pytest.raises(project.CompatError, match="no part to fill"):
        page.with_table("head", "new")


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one entry, whose environment is there already and whose sides are made up."""
    (tmp_path / "projects").mkdir()
    (tmp_path / "docs").mkdir()
    entry(tmp_path / "projects")
    (tmp_path / "docs" / "compat.md").write_text(f"{page.BEGIN}\n{page.END}\n")
    monkeypatch.setattr(command, "ENTRIES", tmp_path / "projects")
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(command, "PAGE", tmp_path / "docs" / "compat.md")
    monkeypatch.setattr(command.places, "ROOT", tmp_path)
    monkeypatch.setattr(command.places, "HOME", tmp_path / "home")
    monkeypatch.setattr(command.places, "wheel", lambda: nullcontext(tmp_path))
    monkeypatch.setattr(command.places, "install", lambda project, wheel: None)
    monkeypatch.setattr(command.places, "source", lambda project: tmp_path)
    return tmp_path


def sides(monkeypatch: pytest.MonkeyPatch, **outcomes: dict[str, Outcome]) -> None:
    monkeypatch.setattr(
        command,
        "run_side",
        lambda side, project, folder, tests=None: Report(outcomes[side], frozenset({side} if outcomes[side] else ())),
    )


def test_the_command_ends_with_0_and_writes_results_and_page(workshop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sides(monkeypatch, starlette={"a": "passed"}, asterion={"a": "passed"})
    assert command.main([]) == 0
    assert json.loads((workshop / "results" / "thing.json").read_text())["asterion"]["passed"] == 1
    assert "| thing | 1 |" in (workshop / "docs" / "compat.md").read_text()
    assert command.main(["--check"]) == 0


def test_the_command_ends_with_1_for_a_difference_without_a_reason(
    workshop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides(monkeypatch, starlette={"a": "passed"}, asterion={"a": "failed"})
    assert command.main(["thing"]) == 1
    with (workshop / "projects" / "thing.toml").open("a") as file:
        file.write('[differs]\na = "because"\n')
    assert command.main(["thing"]) == 0


def test_the_command_ends_with_1_for_a_page_that_is_not_what_the_results_make(
    workshop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides(monkeypatch, starlette={"a": "passed"}, asterion={"a": "passed"})
    command.main([])
    (workshop / "docs" / "compat.md").write_text(f"{page.BEGIN}\n{page.END}\n")
    assert command.main(["--check"]) == 1
    assert (workshop / "docs" / "compat.md").read_text() == f"{page.BEGIN}\n{page.END}\n"


def test_the_command_ends_with_2_for_a_project_that_could_not_be_run(
    workshop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides(monkeypatch, starlette={"a": "passed"}, asterion={})
    assert command.main([]) == 2
    assert command.main(["nobody"]) == 2
    assert not (workshop / "results").exists()


def test_the_command_writes_no_result_of_a_side_that_ran_on_the_other_engine(
    workshop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tests really run, and what keeps the drop-in from them is in the entry."""
    entry(
        workshop / "projects",
        'name = "thing"\nversion = "1"\nkind = "suite"\nenvironment = { ASTERION_DROPIN = "0" }\n',
    )
    (workshop / "home" / "thing").mkdir(parents=True)
    (workshop / "test_it.py").write_text("def test_it(): pass\n")
    places.configure(workshop)
    monkeypatch.setattr(sides_of_a_run, "HOME", workshop / "home")
    monkeypatch.setattr(sides_of_a_run, "python_of", lambda project: Path(sys.executable))
    assert command.main([]) == 2
    assert "the side of asterion ran on starlette" in capsys.readouterr().err
    assert not (workshop / "results").exists()
