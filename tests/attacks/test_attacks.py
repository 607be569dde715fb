"""Every published attack that concerns a toolkit comes to nothing here, and every row of the table is accounted for."""

from typing import Any

import pytest

import tests.attacks.defences
import tests.attacks.files
import tests.attacks.forms
import tests.attacks.heads  # noqa: F401
from tests.attacks.duties import DUTIES
from tests.attacks.kit import ATTACKS, Attack, Kit

ROWS = range(1, 114)


@pytest.mark.anyio
@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
async def test_it_comes_to_nothing(attack: Attack) -> None:
    assert await attack.run(Kit("asterion")) is None


def test_every_row_is_tried_or_has_a_reason() -> None:
    tried = [row for attack in ATTACKS for row in attack.rows]
    assert sorted([*tried, *DUTIES]) == list(ROWS)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "name", ["two_host_headers", "line_breaks_in_response_headers", "a_body_without_a_length_or_an_end"]
)
async def test_the_harness_sees_an_attack_that_succeeds(name: str) -> None:
    """Upstream is open to these."""
    attack = next(attack for attack in ATTACKS if attack.name == name)
    assert await attack.run(Kit("starlette")) is not None


class StarletteFace(Kit):
    """Asterion's toolkit with applications of its other face."""

    def app(self, *args: Any, **kwargs: Any) -> Any:
        return self.applications.Starlette(*args, **kwargs)


@pytest.mark.anyio
async def test_the_starlette_face_is_open_to_what_upstream_chose_and_to_nothing_else() -> None:
    seen = {attack.name for attack in ATTACKS if await attack.run(StarletteFace("asterion")) is not None}
    assert seen == {"a_body_without_a_length_or_an_end", "another_site_opens_a_websocket_with_cookies"}
