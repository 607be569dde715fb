"""Every parser does work within twice linear of its input, for each shape that was ever an attack on one."""

from collections.abc import Iterator
from typing import Any

import pytest

import tests.growth.answers
import tests.growth.bodies
import tests.growth.heads
import tests.growth.routes  # noqa: F401
from asterion._core import ranges
from asterion.datastructures import MutableHeaders
from asterion.exceptions import HTTPException, WebSocketException
from tests.growth.measure import ALLOWED, growth
from tests.growth.shapes import CASES, LOCAL, Case, Kit, repeated

REFUSALS = (ValueError, HTTPException, WebSocketException, ranges.Unsatisfiable)


@pytest.fixture(scope="module", autouse=True)
def loop() -> Iterator[None]:
    yield
    LOCAL.close()


@pytest.mark.parametrize("case", [case for case in CASES if "asterion" in case.packages], ids=str)
def test_work_grows_at_most_twice_as_fast_as_the_input(case: Case) -> None:
    parse = case.make(Kit("asterion"))

    def parsed(given: Any) -> None:
        try:
            parse(given)
        except REFUSALS:  # an answer like any other
            pass

    assert growth(parsed, case.given) <= ALLOWED


def test_the_measure_finds_quadratic_work_inside_of_one_call_into_c() -> None:
    def quadratic(text: str) -> None:
        for at in range(0, len(text), 128):
            text.count("b", at)

    assert growth(quadratic, repeated("a")) > ALLOWED


def test_the_measure_takes_linear_work_for_what_it_is() -> None:
    assert growth(lambda text: sum(1 for _ in text), repeated("a")) <= ALLOWED


def test_a_long_list_of_headers_is_read_as_it_is_now_and_not_as_it_was_when_its_names_were_asked_for() -> None:
    headers = MutableHeaders(raw=[(b"x-%d" % number, b"old") for number in range(100)] + [(b"x-7", b"second")])
    assert dict(headers) == {f"x-{number}": "old" for number in range(100)}
    headers["x-5"] = "new"
    headers.raw[6] = (b"x-6", b"new")
    del headers["x-3"]
    assert (headers["x-5"], headers["x-6"], headers["x-7"], headers["x-99"]) == ("new", "new", "old", "old")
    assert "x-3" not in dict(headers)
