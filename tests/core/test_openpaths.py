"""Templates with several parameters between two slashes are matched in linear time, as their pattern says."""

import random
import re
import time

import pytest

from asterion._core.openpaths import open_template
from asterion._core.paths import compile_path, parse_params
from asterion.convertors import StringConvertor

UUID = "01234567-89ab-cdef-0123-456789abcdef"

TEMPLATES = [
    "/{a}-{b}.txt",
    "/{a}{b}",
    "/{a}-{b}_{c}",
    "/{a:path}/at/{b:path}",
    "/{a:path}/x/{b:int}",
    "/{a:int}{b:int}-{c}",
    "/x{a:path}{b}/{c:path}",
    "/{a:path}--{b:path}--{c}",
    "/{a}-/{b:path}a",
    "/{a:float}{b:float}",
    "/{a:float}.{b:float}",
    "/{a:float}-{b:float}",
    "/{a}{b:float}{c}",
    "/{a:path}{b:float}/{c:path}",
    "/{a:path}{b:uuid}{c:path}",
    "/{a}-{b:uuid}",
    "{a}-{b}.txt",
]


@pytest.mark.parametrize("template", TEMPLATES)
def test_they_match_what_their_pattern_matches(template: str) -> None:
    """3,000 short paths, of all literals or the template filled in: the same parameters as by the pattern, or none."""
    draw = random.Random(template)
    regex, _, convertors = compile_path(template)
    matched = 0
    pieces = ["a", "-", "_", "/", "1", "1.", "1.1", ".txt", "/at/", "/x/", "--", "\n", UUID]
    for count in range(3000):
        path = draw.choice(["/", "/x"] if template.startswith("/") else ["", "x"])
        path += "".join(draw.choice(pieces) for _ in range(draw.randrange(9)))
        if count % 2:
            path = re.sub("{.*?}", lambda _: "".join(draw.choices(pieces, k=draw.choice([1, 1, 2]))), template)
        found = regex.match(path)
        expected = found and {name: convertors[name].convert(text) for name, text in found.groupdict().items()}
        matched += found is not None
        assert parse_params(regex, convertors, path) == expected, path
    assert matched


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("flood", ["-", "1", "1.", "0a", "-_", "/at/", "/x/", "--", "a-b_c"])
def test_a_long_path_that_almost_matches_costs_no_more_than_its_length(template: str, flood: str) -> None:
    """100,000 characters in well under a second; by the pattern of two parameters it would be minutes."""
    regex, _, convertors = compile_path(template)
    path = "/" + flood * (100_000 // len(flood)) + "\n/"
    start = time.process_time()
    parse_params(regex, convertors, path)
    assert time.process_time() - start < 1


def test_a_template_with_a_convertor_of_ones_own_is_left_to_its_pattern() -> None:
    class Own(StringConvertor):
        regex = "[a-z]+"

    assert open_template(["/", "-", ""], {"a": Own(), "b": Own()}) is None
