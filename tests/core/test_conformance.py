"""The judge of ASGI messages: what it lets pass, and what it refuses with which words."""

import pickle
import re

import pytest

from asterion._core.conformance import CONVERSATIONS, RETURNS, Conformance, ConformanceError, Phase
from tests.conformance_cases import (
    LIFESPAN,
    RECEIVE,
    RIGHT,
    STARTED,
    WRONG,
    WRONG_ORDER,
    body,
    http,
    server_says,
    start,
)


def judge(scope, steps, strict=True):
    judge = Conformance(scope, strict=strict)
    told = iter(server_says(scope["type"]))
    for step in steps:
        if step is RECEIVE:
            judge.told(next(told))
        else:
            judge.check(step)
    judge.finish()


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize(("scope", "steps"), RIGHT.values(), ids=RIGHT)
def test_what_asgi_allows_passes(scope, steps, strict):
    judge(scope, steps, strict)


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize(("scope", "steps", "words"), WRONG_ORDER.values(), ids=WRONG_ORDER)
def test_a_wrong_order_is_refused_always(scope, steps, words, strict):
    with pytest.raises(ConformanceError, match=words):
        judge(scope, steps, strict)


@pytest.mark.parametrize(("scope", "steps", "words"), WRONG.values(), ids=WRONG)
def test_all_else_is_refused_when_strict(scope, steps, words):
    with pytest.raises(ConformanceError, match=words):
        judge(scope, steps)


@pytest.mark.parametrize(("scope", "steps", "words"), WRONG.values(), ids=WRONG)
def test_and_only_then(scope, steps, words):
    judge(scope, steps, strict=False)


@pytest.mark.parametrize(("scope", "steps", "words"), WRONG.values(), ids=WRONG)
def test_an_error_names_state_and_expectation_and_the_message_if_there_is_one(scope, steps, words):
    with pytest.raises(ConformanceError) as caught:
        judge(scope, steps)
    error = caught.value
    assert error.state in [phase.value for phase in Phase]
    assert error.expected
    if error.message is not None:
        assert error.message in [step["type"] for step in steps if step is not RECEIVE]
        assert str(error).startswith(repr(error.message))
    assert error.state in str(error)
    assert error.expected in str(error)


def test_an_error_is_an_assertion_error_and_survives_another_process():
    error = ConformanceError("is wrong", message="a", state="b", expected="c")
    assert isinstance(error, AssertionError)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.message, copy.state, copy.expected) == (
        "'a' is wrong (state: b; expected: c)",
        "a",
        "b",
        "c",
    )


def test_every_row_of_the_tables_has_a_case_that_uses_it():
    used = set()
    for scope, steps in RIGHT.values():
        judge_of_one = Conformance(scope)
        told = iter(server_says(scope["type"]))
        for step in steps:
            if step is RECEIVE:
                judge_of_one.told(next(told))
            else:
                used.add((judge_of_one.phase, step["type"]))
                judge_of_one.check(step)
    rows = {row for order in CONVERSATIONS.values() for row in order}
    # How many bytes a descriptor gives is for the client tests; a start may fail before it was asked for, too.
    unused = {(Phase.BODY, "http.response.zerocopysend"), (Phase.BODY, "http.response.pathsend")}
    assert rows - used - unused == {(Phase.WAITING, "lifespan.startup.failed")}


def test_a_message_that_was_refused_counts_as_not_sent():
    judge = Conformance(http())
    with pytest.raises(ConformanceError):
        judge.check(start(200, (b"A", b"b")))
    judge.check(start(500))
    judge.check(body())
    assert judge.phase is Phase.OVER


def test_an_error_that_the_application_caught_is_raised_at_the_end():
    judge = Conformance(http())
    with pytest.raises(ConformanceError) as first:
        judge.check(body())
    judge.check(start())
    judge.check(body())
    with pytest.raises(ConformanceError) as last:
        judge.finish()
    assert last.value is first.value is judge.mistake


@pytest.mark.parametrize("way", ["told", "left"])
def test_an_application_whose_client_has_gone_owes_nothing_more(way):
    judge = Conformance(http())
    judge.check(start())
    if way == "told":
        judge.told({"type": "http.disconnect"})
    else:
        judge.left()
    judge.finish()


def test_headers_that_can_be_read_once_are_judged_and_still_there():
    message = {**start(), "headers": iter([(b"a", b"b")])}
    Conformance(http()).check(message)
    assert list(message["headers"]) == [(b"a", b"b")]
    with pytest.raises(ConformanceError, match="lower case"):
        Conformance(http()).check({**start(), "headers": iter([(b"A", b"b")])})


def test_a_lifespan_that_was_told_to_start_twice_is_the_servers_business():
    judge = Conformance(LIFESPAN)
    judge.told({"type": "lifespan.startup"})
    judge.check(STARTED)
    judge.told({"type": "lifespan.startup"})
    assert judge.phase is Phase.STARTED


def test_every_phase_is_described_in_words_of_its_own():
    assert len({phase.value for phase in Phase}) == len(Phase)
    assert all(re.fullmatch(r"[\w ,-]+", phase.value) for phase in Phase)
    assert RETURNS.keys() == CONVERSATIONS.keys()
