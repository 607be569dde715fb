"""The driver of mutation testing: what it changes, and that it says which changes no test has noticed."""

import ast
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from scripts.mutation.__main__ import ROOT, gone, keep, kept, known
from scripts.mutation.groups import GROUPS, Group
from scripts.mutation.mutants import Mutant, mutants, plain, text

MODULE = """\
def grown(number: int) -> int:
    if number > 3:
        raise ValueError(number)
    return number + 2
"""

TESTS = """\
import pytest

from asterion.small import grown


def test_it_grows():
    assert grown(1) == 3


def test_large_ones_are_refused():
    with pytest.raises(ValueError):
        grown(5)
"""

SMALL = Group(("small.py",), ("test_small.py",))

SURVIVORS = {"number > 3 -> number >= 3", "3 -> 4"}

DRIVE = """\
import sys
from pathlib import Path
from scripts.mutation.__main__ import main
from scripts.mutation.groups import Group
sys.exit(main(sys.argv[2:], Path(sys.argv[1]), {"small": Group(("small.py",), ("test_small.py",))}))
"""

WAIT = """\
import fcntl, signal, sys
from pathlib import Path
from scripts.mutation import running
tree = Path(sys.argv[1])
running.IDLE = 1.0
print(running.Run(tree, ("tests/test_waits.py",), 60.0).end())
signal.alarm(20)
with open(tree / "held") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
print("let go")
"""


TURN = """\
import sys
from pathlib import Path
from scripts.mutation.running import Run
print(Run(Path(sys.argv[1]), ("tests/test_turns.py",), 2.0).end())
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, content in (
        ("asterion/__init__.py", ""),
        ("asterion/small.py", MODULE),
        ("tests/test_small.py", TESTS),
        ("scripts/mutation/equivalents.toml", ""),
        ("pyproject.toml", '[tool.pytest.ini_options]\naddopts = ["--import-mode=importlib"]\n'),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def drive(script: str, tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # In a process of its own, as it is started by make: it forks before anything of the package is imported.
    command = [sys.executable, "-c", script, str(tree), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def inside(statement: str) -> str:
    return "def f(a, b):\n" + textwrap.indent(statement, "    ") + "\n"


class TestOperators:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("a == b", "a != b"),
            ("a != b", "a == b"),
            ("a < b", "a <= b"),
            ("a <= b", "a < b"),
            ("a > b", "a >= b"),
            ("a >= b", "a > b"),
            ("a in b", "a not in b"),
            ("a not in b", "a in b"),
            ("a is b", "a is not b"),
            ("a is not b", "a is b"),
            ("a and b", "a or b"),
            ("a or b", "a and b"),
            ("a + b", "a - b"),
            ("a - b", "a + b"),
            ("a * b", "a + b"),
            ("a | b", "a & b"),
            ("a & b", "a | b"),
            ("True", "False"),
            ("7", "8"),
            ("a if b else a", "a if not b else a"),
        ],
    )
    def test_an_expression_becomes_another(self, before, after):
        source = inside(f"x = {before}")
        assert [one.change for one in mutants(source)] == [f"{before} -> {after}"]
        assert text(source, 0) == plain(inside(f"x = {after}"))

    @pytest.mark.parametrize(
        ("before", "after", "change"),
        [
            ("if a:\n    x = b", "if not a:\n    x = b", "if a -> if not a"),
            ("while a:\n    x = b", "while not a:\n    x = b", "while a -> while not a"),
            ("return a", "return None", "return a -> return None"),
            ("raise a", "pass", "raise a -> pass"),
            ("a()", "pass", "a() -> pass"),
            ("a += b", "a -= b", "a += b -> a -= b"),
            ("for x in a:\n    break", "for x in a:\n    continue", "break -> continue"),
            ("for x in a:\n    continue", "for x in a:\n    break", "continue -> break"),
        ],
    )
    def test_a_statement_becomes_another(self, before, after, change):
        source = inside(before)
        assert [one.change for one in mutants(source)] == [change]
        assert text(source, 0) == plain(inside(after))

    def test_what_is_awaited_for_its_effect_is_left_out(self):
        source = "async def f(a):\n    await a\n"
        assert text(source, 0) == plain("async def f(a):\n    pass\n")

    @pytest.mark.parametrize(
        "source",
        [
            "X = 1 + 2\n",
            "def f(a=1): ...\n",
            "def f():\n    raise ValueError(1 + 2) from None\n",
            "def f():\n    x: Literal[1]\n",
            'def f():\n    """Says it."""\n',
            "def f():\n    return None\n",
        ],
    )
    def test_constants_of_a_module_defaults_annotations_and_messages_stay(self, source):
        assert [one.change for one in mutants(source) if not one.change.startswith("raise")] == []


class TestNames:
    def test_a_mutant_is_known_by_the_functions_and_classes_around_it(self):
        source = "class A:\n    def f(self):\n        def g():\n            return self\n        x = 1\n"
        assert mutants(source) == [
            Mutant("A.f", "1 -> 2", 5, 0),
            Mutant("A.f.g", "return self -> return None", 4, 1),
        ]

    def test_those_of_one_function_that_read_alike_are_numbered(self):
        assert [one.change for one in mutants(inside("x = [1, 1, 1]"))] == ["1 -> 2", "1 -> 2 #2", "1 -> 2 #3"]

    def test_every_mutant_is_another_module_that_python_can_read(self):
        source = (ROOT / "asterion" / "_core" / "hosts.py").read_text()
        made = [text(source, one.number) for one in mutants(source)]
        assert len(set(made)) == len(made) > 50
        assert plain(source) not in made
        assert all(ast.parse(one) for one in made)


class TestEquivalents:
    def test_one_that_no_mutant_is_any_more_is_reported(self, tree):
        there = ("small.py", "grown", "3 -> 4")
        renamed = ("small.py", "shrunk", "3 -> 4")
        changed = ("small.py", "grown", "5 -> 6")
        elsewhere = ("other.py", "grown", "3 -> 4")
        assert gone(tree, [SMALL], {there, renamed, changed, elsewhere}) == [changed, renamed]

    def test_those_of_the_repository_can_be_read(self):
        """Which of them no mutant is any more is reported by the next sample, not whenever somebody edits a module."""
        assert len(known(ROOT)) > 20

    def test_one_without_a_reason_is_refused(self, tree):
        entry = '[[mutant]]\nmodule = "small.py"\nfunction = "grown"\nchange = "3 -> 4"\nreason = " "\n'
        (tree / "scripts/mutation/equivalents.toml").write_text(entry)
        with pytest.raises(ValueError, match=r"3 -> 4.*has no reason"):
            known(tree)


class TestGroups:
    def test_each_names_modules_and_tests_that_are_there(self):
        for group in GROUPS.values():
            assert group.files(ROOT)
            assert all((ROOT / path).exists() for path in group.paths)

    def test_a_module_that_is_not_there_is_refused(self, tree):
        with pytest.raises(FileNotFoundError, match=r"asterion/gone\.py"):
            Group(("gone.py",), ()).files(tree)

    def test_a_folder_is_every_module_in_it_and_none_counts_twice(self, tree):
        (tree / "asterion/part").mkdir()
        (tree / "asterion/part/one.py").touch()
        assert Group(("part", "part/one.py", "small.py"), ()).files(tree) == ["part/one.py", "small.py"]


class TestRuns:
    def test_what_no_test_notices_is_reported_and_the_tree_is_left_as_it_is(self, tree):
        (tree / "scripts/mutation/equivalents.toml").write_text(
            '[[mutant]]\nmodule = "small.py"\nfunction = "grown"\nchange = "3 -> 4"\nreason = "For the test."\n'
        )
        done = drive(DRIVE, tree, "--workers", "2")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [
            "survived: small.py: grown: number > 3 -> number >= 3",
            "small: 5 of 6 noticed, 1 equivalent",
        ]
        found = kept(tree / "scripts/results/mutation.json")
        figure = {"possible": 7, "drawn": 7, "equivalent": 1, "tried": 6, "noticed": 5, "timeout": 0, "survived": 1}
        survivor = "small.py: grown: number > 3 -> number >= 3"
        assert found == {"small": [figure | {"seed": 6, "first": 1, "noticed at first": 5, "left": [survivor]}]}
        assert (tree / "asterion/small.py").read_text() == MODULE
        assert not list(tree.rglob("*.pyc"))

    def test_what_was_left_can_be_tried_again_alone(self, tree):
        path = tree / "scripts/results/mutation.json"
        left = ["small.py: grown: number > 3 -> number >= 3", "small.py: grown: 3 -> 4", "small.py: long_gone: 1 -> 2"]
        before = {"possible": 9, "drawn": 9, "equivalent": 1, "tried": 8, "noticed": 5, "timeout": 1, "survived": 3}
        keep(path, "small", before | {"seed": 6, "first": 3, "left": left})
        (tree / "scripts/mutation/equivalents.toml").write_text(
            '[[mutant]]\nmodule = "small.py"\nfunction = "grown"\nchange = "3 -> 4"\nreason = "For the test."\n'
        )
        (tree / "tests/test_small.py").write_text(TESTS + "\n\ndef test_three():\n    assert grown(3) == 5\n")
        assert drive(DRIVE, tree, "--again").stdout == "small: 6 of 6 noticed, 2 equivalent\n"
        after = {"possible": 9, "drawn": 8, "equivalent": 2, "tried": 6, "noticed": 6, "timeout": 1, "survived": 0}
        assert kept(path) == {"small": [after | {"seed": 6, "first": 3, "left": []}]}

    def test_draws_by_other_seeds_are_kept_beside_each_other_and_one_by_the_same_seed_comes_in_its_place(self, tree):
        path = tree / "scripts/results/mutation.json"
        for seed, noticed in ((6, 1), (7, 2), (6, 3)):
            keep(path, "small", {"seed": seed, "noticed": noticed})
        keep(path, "large", {"seed": 7, "noticed": 4})
        assert kept(path) == {
            "small": [{"seed": 6, "noticed": 3}, {"seed": 7, "noticed": 2}],
            "large": [{"seed": 7, "noticed": 4}],
        }

    def test_nothing_is_tried_again_where_nothing_was_left(self, tree):
        keep(tree / "scripts/results/mutation.json", "small", {"seed": 6, "left": []})
        done = drive(DRIVE, tree, "--again")
        assert (done.returncode, done.stdout) == (0, "")

    def test_tests_that_fail_without_any_change_are_refused(self, tree):
        (tree / "tests/test_small.py").write_text(TESTS + "    assert False, 'broken before'\n")
        done = drive(DRIVE, tree)
        assert done.returncode == 1
        assert "The tests of small fail without any change" in done.stderr
        assert "broken before" in done.stderr
        assert not (tree / "scripts/results/mutation.json").exists()

    def test_one_that_is_asked_for_by_its_words_is_tried_alone_and_not_kept(self, tree):
        done = drive(DRIVE, tree, "--only", "number + 2")
        assert done.stdout == "small: 2 of 2 noticed, 0 equivalent\n"
        assert not (tree / "scripts/results/mutation.json").exists()

    def test_tests_that_never_end_are_ended(self, tree):
        (tree / "tests/test_turns.py").write_text("def test_it():\n    while True:\n        pass\n")
        assert drive(TURN, tree).stdout == "timeout\n"

    def test_tests_that_wait_for_ever_are_ended_before_with_all_that_they_have_started(self, tree):
        (tree / "tests/test_waits.py").write_text(
            "import subprocess, sys\n\nHOLD = 'import fcntl, signal; "
            'file = open("held"); fcntl.flock(file, fcntl.LOCK_EX); signal.pause()\'\n\n\n'
            "def test_it():\n    subprocess.run([sys.executable, '-c', HOLD])\n"
        )
        (tree / "held").touch()
        assert drive(WAIT, tree).stdout == "timeout\nlet go\n"

    def test_a_group_that_nobody_knows_is_refused(self, tree):
        done = drive(DRIVE, tree, "large")
        assert done.returncode == 2
        assert "no group is named large; there are small" in done.stderr
