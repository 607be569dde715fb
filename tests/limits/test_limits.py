"""Every limit that docs/security.md lists holds: what is at it is accepted, and one more gets the stated answer."""

from typing import Any

import pytest

import tests.limits.bodies
import tests.limits.forms
import tests.limits.heads  # noqa: F401
from asterion.applications import Asterion, Starlette
from tests.asgi import function_layers
from tests.limits.table import LIMITS, Ask, Face, Limit, rows_of_the_page

pytestmark = pytest.mark.anyio

FACES: tuple[Face, ...] = (Asterion, Starlette)

EACH = pytest.mark.parametrize("row", LIMITS, ids=[row.what for row in LIMITS])

DEFAULTS = [
    pytest.param(row, face, amount, id=f"{row.what}-{face.__name__}")
    for row in LIMITS
    for face, amount in row.amounts.items()
    if amount is not None
]


def test_the_page_lists_these_limits_and_no_others() -> None:
    assert rows_of_the_page() == [row.cells for row in LIMITS]


@pytest.mark.parametrize(("row", "face", "amount"), DEFAULTS)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_default_accepts_this_much_and_no_more(row: Limit, face: Face, amount: int) -> None:
    assert await row.probe(Ask(face), amount) == row.accepted
    assert await row.probe(Ask(face), amount + 1) == row.refused


@EACH
async def test_a_limit_that_was_set_accepts_this_much_and_no_more(
    row: Limit, layers: int, way: str, spec_version: str, anyio_backend: Any
) -> None:
    """Also behind function middleware, in each of its ways of running, and on both faces."""
    for face in FACES:
        ask = Ask(face, tuple(function_layers(layers, way)), row.chosen, spec_version)
        assert await row.probe(ask, row.chosen) == row.accepted
        assert await row.probe(ask, row.chosen + 1) == row.refused


NONE = [row for row in LIMITS if row.amounts[Starlette] is None]


@pytest.mark.parametrize("row", NONE, ids=[row.what for row in NONE])
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_where_the_starlette_face_has_no_limit_more_is_accepted(row: Limit) -> None:
    asterions = row.amounts[Asterion]
    assert await row.probe(Ask(Starlette), row.chosen + 1 if asterions is None else asterions + 1) == row.accepted
