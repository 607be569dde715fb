"""Inputs that were ever an attack on a parser, and what is asked with them, of one toolkit or the other.

A case is a parser, made for a toolkit (`tests.attacks.kit.Kit`), and inputs of any size for it. The modules `heads`,
`bodies`, `answers` and `routes` register theirs here.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.asgi import Exchange, http_scope
from tests.attacks.kit import Kit

__all__ = ("BOTH", "CASES", "Case", "Kit", "Local", "as_bytes", "cases", "http_scope", "numbered", "repeated")

BOTH = ("asterion", "starlette")
Shape = Callable[[int], Any]


def repeated(unit: str, *, start: str = "", end: str = "") -> Callable[[int], str]:
    """Text of a size: `unit` again and again between `start` and `end`."""
    return lambda size: start + unit * ((size - len(start) - len(end)) // len(unit)) + end


def as_bytes(shape: Callable[[int], str]) -> Callable[[int], bytes]:
    """The same as bytes."""
    return lambda size: shape(size).encode("latin-1")


def numbered(form: str) -> Callable[[int], str]:
    """Text of a size: `form` with ever another number in it."""
    return lambda size: "".join(form.format(number) for number in range(size // (len(form) + 4)))


@dataclass(frozen=True)
class Case:
    """One kind of input to one parser. `make` gives the parser of a toolkit; only those of `packages` have one."""

    parser: str
    shape: str
    make: Callable[[Kit], Callable[[Any], Any]]
    given: Shape
    packages: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.parser}: {self.shape}"


CASES: list[Case] = []


def cases(
    parser: str, make: Callable[[Kit], Callable[[Any], Any]], packages: Iterable[str] = BOTH, /, **shapes: Shape
) -> None:
    """Register inputs to one parser: `cases("cookies", make, commas=repeated(","))`."""
    for shape, given in shapes.items():
        CASES.append(Case(parser, shape.replace("_", " "), make, given, tuple(packages)))


class Local:
    """An event loop that is made when it is first needed, in this thread, which counts its instructions."""

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def run(self, work: Any) -> Any:
        """What the coroutine `work` gives."""
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(work)

    def ask(self, app: Any, *, body: bytes | Sequence[bytes] = b"", **scope: Any) -> Exchange:
        """The answer of `app` to one request."""
        exchange = Exchange(app, http_scope(**scope), body=body)
        self.run(exchange.run())
        return exchange

    def close(self) -> None:
        """End the loop; the next one to need it gets another."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None


LOCAL = Local()
