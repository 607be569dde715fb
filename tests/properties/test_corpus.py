"""Every input that is kept for the fuzzers obeys the laws of its parser, also where atheris is not installed."""

from pathlib import Path

import pytest

from fuzz.law import holds
from fuzz.targets import TARGETS

CORPUS = Path(__file__).parents[2] / "fuzz" / "corpus"


@pytest.mark.parametrize("name", TARGETS)
def test_every_kept_input_obeys_the_laws_of_its_parser(name: str) -> None:
    kept = sorted((CORPUS / name).iterdir())
    assert kept
    for file in kept:
        assert file.stat().st_size <= 4096, f"{file} is not small"
        TARGETS[name](file.read_bytes())


def test_every_folder_of_the_corpus_belongs_to_a_fuzzer() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)


def test_a_broken_law_is_told_without_assert_statements() -> None:
    with pytest.raises(AssertionError, match="'seen'"):
        holds(False, "seen")
