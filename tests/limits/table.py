"""Every limit of `docs/security.md`: the row of its table there, and how to ask an application for that much.

A probe is asked for an amount of something: bytes, parts, digits. It says in a word what became of it.
"""

import dataclasses
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asterion.applications import Asterion, Starlette
from asterion.middleware import Middleware
from asterion.responses import Response

PAGE = Path(__file__).parents[2] / "docs" / "security.md"

MEBIBYTE = 1024 * 1024

Face = type[Asterion] | type[Starlette]


@dataclass(frozen=True)
class Ask:
    """What a probe is to ask: of which face, with what in the way, and with which setting (None: as it comes)."""

    face: Face = Asterion
    layers: tuple[Middleware, ...] = ()
    setting: int | None = None
    spec_version: str = "2.4"

    def app(self, routes: list[Any], policy: str | None = None, **more: Any) -> Any:
        """An application of the face, which has the setting as its `policy`, if it is one."""
        face: Any = self.face
        if policy is not None and self.setting is not None:
            policies = dataclasses.replace(face.policies, **{policy: self.setting})
            face = type("Chosen", (face,), {"policies": policies})
        return face(routes=routes, middleware=list(self.layers), **more)


Probe = Callable[[Ask, int], Awaitable[str]]
"""What became of this much: a status, a close code, "memory" or "disk", or the name of an error."""


@dataclass(frozen=True)
class Limit:
    """One row: its four cells, and what the tests ask."""

    what: str
    default: str
    setting: str
    above: str
    probe: Probe
    chosen: int
    """What the tests set."""
    accepted: str
    refused: str
    amounts: dict[Face, int | None]
    """The default of each face, None where there is none."""

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """The row as the page has it."""
        return self.what, self.default, self.setting, self.above


LIMITS: list[Limit] = []


def limit(
    what: str,
    default: str,
    setting: str,
    above: str,
    *,
    amount: int | None,
    chosen: int,
    accepted: str = "200",
    refused: str = "400",
    starlette: int | str | None = "the same",
) -> Callable[[Probe], Probe]:
    """Register a probe as the test of a row."""

    def register(probe: Probe) -> Probe:
        amounts: dict[Face, int | None] = {Asterion: amount}
        amounts[Starlette] = amount if isinstance(starlette, str) else starlette
        LIMITS.append(Limit(what, default, setting, above, probe, chosen, accepted, refused, amounts))
        return probe

    return register


def rows_of_the_page() -> list[tuple[str, ...]]:
    """The cells of the table under "Limits"."""
    section = PAGE.read_text("utf-8").split("\n## Limits\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if re.match(r"\| (?!what |:--)", line)]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]


def plain(text: str = "ok") -> Response:
    """An answer of a probe's application."""
    return Response(text)
