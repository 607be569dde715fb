"""What every test may use: the matrix of event loops, ASGI versions, layers and ways of running function middleware."""

from typing import Any

import pytest


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """The event loop library a test runs on."""
    return request.param


@pytest.fixture(params=["2.3", "2.4"])
def spec_version(request: pytest.FixtureRequest) -> str:
    """The version of the ASGI HTTP specification that the server announces."""
    version: str = request.param
    return version


@pytest.fixture(params=[0, 1, 3], ids=lambda count: f"{count}-layers")
def layers(request: pytest.FixtureRequest) -> int:
    """How many function middlewares stand around an application."""
    count: int = request.param
    return count


@pytest.fixture(params=["nested", "turns", "task"])
def way(request: pytest.FixtureRequest) -> str:
    """How function middleware runs what is inside: nested where it can, by turns in one task, or in a task."""
    name: str = request.param
    return name
