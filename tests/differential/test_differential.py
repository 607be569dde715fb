"""The Starlette face answers as Starlette 1.10 does, but for the differences that are listed with their reasons."""

import importlib.metadata
from pathlib import Path

import pytest

from tests.differential.differences import DIFFERENCES, unexplained
from tests.differential.running import SEED, compare
from tests.properties.profiles import LONG

try:
    VERSION = importlib.metadata.version("starlette")
except importlib.metadata.PackageNotFoundError:
    VERSION = "absent"

needs_starlette = pytest.mark.skipif(
    not VERSION.startswith("1.10."), reason=f"compares with Starlette 1.10, which is {VERSION} here"
)


@needs_starlette
def test_every_difference_from_starlette_is_one_that_is_listed_with_its_reason(tmp_path: Path) -> None:
    failures, needed, asked = compare(tmp_path, 100_000 if LONG else 3_000, SEED)
    assert asked > 3_500
    assert not failures, "\n".join(failures[:20])
    assert {difference.name for difference in DIFFERENCES} == set(needed), "a listed difference is no longer there"


ANSWER = {"status": 200, "headers": [["a", "b"]], "body": "x", "order": ["s", "b"], "complete": True, "raised": None}
CASE = {"app": "plain", "method": "GET", "target": "/", "headers": [], "body": []}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", 201),
        ("headers", [["a", "c"]]),
        ("headers", []),
        ("body", "y"),
        ("order", ["s"]),
        ("complete", False),
        ("raised", "KeyError"),
    ],
)
def test_a_difference_without_a_reason_is_found(field: str, value: object) -> None:
    assert unexplained(CASE, ANSWER, ANSWER) == ([], [])
    assert unexplained(CASE, ANSWER, {**ANSWER, field: value})[0] == [field]


def test_every_difference_has_a_reason_and_a_name_of_its_own() -> None:
    assert len({difference.name for difference in DIFFERENCES}) == len(DIFFERENCES)
    assert all(difference.reason.endswith(".") for difference in DIFFERENCES)
