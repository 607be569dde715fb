"""`make parity`: nothing of the interface that is written down is missing, and what is written down is Starlette's."""

import pytest

from scripts import parity
from scripts.interface import Fact, facts_of, read_facts
from scripts.signatures import differing


def test_nothing_of_the_interface_is_missing() -> None:
    missing, accepted, unused = parity.report()
    assert missing == []
    assert unused == [], "no such difference any more: take it out of scripts/accepted.py"
    assert all(line.endswith(")") for line in accepted)


def test_the_command_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["parity"])
    assert parity.main() == 0
    assert capsys.readouterr().out.startswith("nothing is missing (")


def test_a_name_that_is_missing_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [
        Fact("status", "HTTP_299_NEW", "value", "299"),
        Fact("status", "HTTP_200_OK", "value", "201"),
        Fact("background", "BackgroundTask.stop", "function", "()"),
        Fact("exceptions", "HTTPException", "is a", "ValueError"),
        Fact("novelty", "", "module"),
    ]
    monkeypatch.setattr(parity, "read_facts", lambda: wanted)
    monkeypatch.setattr(parity, "ACCEPTED", {"background *": "never needed"})
    monkeypatch.setattr("sys.argv", ["parity", "-v"])
    assert parity.main() == 1
    assert capsys.readouterr().out.splitlines() == [
        "on purpose: background BackgroundTask.stop: missing  (never needed)",
        "missing: status HTTP_299_NEW: missing",
        "missing: status HTTP_200_OK: is 200, not 201",
        "missing: exceptions HTTPException: is not a ValueError",
        "missing: novelty : no such module",
    ]


def test_what_is_written_down_is_the_interface_of_the_installed_starlette() -> None:
    """The test client's responses are httpx's, whose parameters are another project's."""
    pytest.importorskip("starlette")
    assert [str(fact) for fact in facts_of("starlette") if fact.module != "testclient"] == [
        str(fact) for fact in read_facts() if fact.module != "testclient"
    ]


def plain(a: int, b: str = "x", *, c: int = 1) -> None: ...


def anything(*args: object, **kwargs: object) -> None: ...


@pytest.mark.parametrize("func", [plain, anything])
@pytest.mark.parametrize("written", ["(a, b='x', *, c=1)", "(a)", "(a, /)", "(a, b)", "(a, *, c=1)"])
def test_a_function_that_takes_every_call_is_no_difference(func: object, written: str) -> None:
    assert list(differing(written, func)) == []


@pytest.mark.parametrize(
    ("written", "difference"),
    [
        ("(a, b='y', *, c=1)", "has the default b='x', not 'y'"),
        ("(b='x', a=1)", "does not take 'b' as argument 1"),
        ("(a=1)", "cannot do without 'a'"),
        ("(a, d=1)", "has no parameter 'd'"),
        ("(a, b, c)", "does not take 'c' as argument 3"),
        ("(a, *args)", "does not take *args"),
        ("(a, **kwargs)", "does not take **kwargs"),
        ("(b='x')", "needs a parameter 'a'"),
    ],
)
def test_a_call_that_would_fail_is_told(written: str, difference: str) -> None:
    assert difference in list(differing(written, plain))
