"""One toolkit or the other under attack: the same applications and requests for both, by the names they share."""

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.asgi import Exchange, http_scope, request

__all__ = ("ATTACKS", "Attack", "Exchange", "Kit", "Left", "attack", "http_scope", "request")


class Kit:
    """The modules of a toolkit: `Kit("asterion").responses.Response`."""

    def __init__(self, package: str) -> None:
        self.package = package

    def __getattr__(self, module: str) -> Any:
        return importlib.import_module(f"{self.package}.{module}")

    def sub(self, module: str) -> Any:
        """A module further down: `sub("middleware.cors")`."""
        return importlib.import_module(f"{self.package}.{module}")

    def app(self, *args: Any, **kwargs: Any) -> Any:
        """An application: of the toolkit's own kind, with its defaults."""
        kind = "Asterion" if self.package == "asterion" else "Starlette"
        return getattr(self.applications, kind)(*args, **kwargs)

    def serving(self, endpoint: Any, path: str = "/", methods: tuple[str, ...] = ("GET", "POST"), **kwargs: Any) -> Any:
        """An application with one route."""
        return self.app(routes=[self.routing.Route(path, endpoint, methods=list(methods))], **kwargs)


class Left(str):
    """What was seen where the toolkit has no defence that could be tried: its applications have to write one."""

    __slots__ = ()


@dataclass(frozen=True)
class Attack:
    """An attack, the rows of the table it stands for, and what it does."""

    name: str
    rows: tuple[int, ...]
    run: Callable[[Kit], Awaitable[str | None]]


ATTACKS: list[Attack] = []


def attack(*rows: int) -> Callable[[Any], Any]:
    """Register an attack: a function that gives None where it came to nothing, else what was seen."""

    def register(function: Any) -> Any:
        ATTACKS.append(Attack(function.__name__, rows, function))
        return function

    return register


async def crashes(app: Any, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
    """The status and body of an answer; 500 for an exception that leaves the application."""
    try:
        answer = await request(app, *args, **kwargs)
    except Exception as error:
        return 500, repr(error).encode()
    return answer.status, answer.body


def not_4xx(status: int) -> str | None:
    """What was seen, if `status` is no refusal."""
    return None if 400 <= status < 500 else f"answered with {status}"
