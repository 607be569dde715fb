"""The case that explains a text comes first, and it is told why."""

import pytest

from fixbook.finding import Index, rank
from fixbook.model import Case, Expectation, Reproduction

BASE = "starlette/middleware/base.py"
NO_RESPONSE = f"""Traceback (most recent call last):
  File "/v/lib/python3.7/site-packages/anyio/streams/memory.py", line 101, in receive
    raise EndOfStream
anyio.EndOfStream

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/v/lib/python3.7/site-packages/{BASE}", line 45, in call_next
    raise RuntimeError("No response returned.")
RuntimeError: No response returned.
"""
CASES = (
    Case(
        "no-response",
        title="No response returned",
        issue="1255",
        error_message=NO_RESPONSE,
        signatures=("RuntimeError: No response returned.",),
    ),
    Case(
        "lost-tasks",
        title="Background tasks are cancelled when the client goes away",
        issue="1438",
        signatures=("background task 1 started",),
        error_message='File "/v/lib/python3.9/asyncio/tasks.py", line 654, in sleep\n    return await future\n'
        "asyncio.exceptions.CancelledError",
    ),
    Case(
        "async-iterator",
        title="A custom async iterator in a StreamingResponse fails",
        error_message='File "/v/lib/python3.6/site-packages/starlette/responses.py", line 196, in __call__\n'
        "TypeError: 'Numbers' object is not an iterator",
    ),
    Case("other-runtime", title="Sessions", signatures=("RuntimeError: Session is closed",)),
    Case(
        "quiet", title="Startup is silent", reproduction=Reproduction("", broken=Expectation(exception="m.StartError"))
    ),
)


def _first(text: str) -> str | None:
    found = rank(text, CASES)
    return found[0].case.id if found else None


@pytest.mark.parametrize(
    ("text", "case"),
    [
        (
            NO_RESPONSE.replace("/v/lib/python3.7", "/home/me/venv/lib/python3.12").replace("line 45", "line 71"),
            "no-response",
        ),
        (" ".join(NO_RESPONSE.split()), "no-response"),
        (NO_RESPONSE.replace("/v/lib/python3.7/site-packages/", "C:\\\\v\\\\Lib\\\\site-packages\\\\"), "no-response"),
        ("RuntimeError: No response returned.", "no-response"),
        ("No response returned", "no-response"),
        ("RuntimeError: Session is closed", "other-runtime"),
        ("TypeError: 'Squares' object is not an iterator", "async-iterator"),
        ("my background tasks are cancelled", "lost-tasks"),
        ("background task 7 started", "lost-tasks"),
        ("m.StartError: x", "quiet"),
        ("#1438", "lost-tasks"),
        ("lost-tasks", "lost-tasks"),
    ],
)
def test_the_case_that_explains_a_text_comes_first(text: str, case: str) -> None:
    assert _first(text) == case


@pytest.mark.parametrize("text", ["", "   \n", "zzz qqq", "ZeroDivisionError: division by zero", "\x00\x01"])
def test_a_text_that_nothing_explains_finds_nothing(text: str) -> None:
    assert rank(text, CASES) == ()


def test_the_reasons_say_what_is_the_same() -> None:
    found = rank(NO_RESPONSE, CASES)[0]
    told = "\n".join(found.reasons)
    assert "2 frames are the same: anyio.streams.memory:receive, starlette.middleware.base:call_next" in told
    assert "the exception is RuntimeError" in told
    assert "the message is “no response returned.”" in told
    assert 0.9 < found.score <= 1


def test_scores_fall_and_the_limit_holds() -> None:
    found = Index(CASES).rank(NO_RESPONSE + "background task 1 started\n")
    assert [match.score for match in found] == sorted((match.score for match in found), reverse=True)
    assert len(Index(CASES).rank(NO_RESPONSE + "background task 1 started\n", limit=1)) == 1


def test_an_exception_that_many_cases_share_says_less_than_one_that_is_alone() -> None:
    common = [Case(f"c{number}", signatures=(f"RuntimeError: number {'x' * number}",)) for number in range(9)]
    cases = [*common, Case("rare", signatures=("LookupError: zz",))]
    shared = {match.case.id: match.score for match in rank("RuntimeError: unheard of", cases)}
    alone = {match.case.id: match.score for match in rank("LookupError: unheard of", cases)}
    assert max(shared.values(), default=0) < alone["rare"]


def test_no_cases_find_nothing() -> None:
    assert rank(NO_RESPONSE, ()) == ()
