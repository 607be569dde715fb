"""What outsiders import from `starlette.routing` to deal with lifespans: the one that a router has by default."""

from types import TracebackType
from typing import Any

from asterion.routing import Router

__all__ = ["DefaultLifespan"]

_BY_DEFAULT = Router().lifespan_context


class _IsDefault(type):
    """Who asks whether a router was given a lifespan asks it by this class; here a plain function is the default."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return instance is _BY_DEFAULT or super().__instancecheck__(instance)


class DefaultLifespan(metaclass=_IsDefault):
    """A lifespan in which nothing happens: a router runs its start-up and shutdown hooks beside any lifespan."""

    def __init__(self, router: Router) -> None:
        self.router = router

    def __call__(self, app: object) -> "DefaultLifespan":
        return self

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None
