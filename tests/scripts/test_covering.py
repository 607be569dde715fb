"""What is excluded from coverage has a reason in words, and the page about reliability shows all of them."""

import re

import pytest

from scripts import covering


@pytest.mark.parametrize(("name", "reason"), list(covering.pragmas()))
def test_every_line_that_is_excluded_says_why(name: str, reason: str) -> None:
    assert len(reason.split()) >= 3, f"{name}: write `# pragma: no cover - reason`"


@pytest.mark.parametrize(("pattern", "reason"), list(covering.patterns().items()))
def test_every_pattern_of_lines_that_are_excluded_says_why(pattern: str, reason: str) -> None:
    assert len(reason.split()) >= 3, f"{pattern}: write the reason above it in pyproject.toml"


@pytest.mark.parametrize("kind", ["cover", "branch"])
def test_a_line_without_a_reason_is_not_excluded(kind: str) -> None:
    excluding = [pattern for pattern in covering.patterns() if f"no {kind}" in pattern]
    assert len(excluding) == 1
    assert re.search(excluding[0], f"    return None  # pragma: no {kind} - another platform")
    assert not re.search(excluding[0], f"    return None  # pragma: no {kind}")
