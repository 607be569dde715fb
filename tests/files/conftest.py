"""A directory to serve, and an application that serves it behind function middlewares."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from asterion.applications import Asterion
from asterion.routing import BaseRoute, Mount
from asterion.staticfiles import StaticFiles
from tests.asgi import Exchange, function_layers, request

Ask = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty directory."""
    directory = tmp_path / "site"
    directory.mkdir()
    return directory


@pytest.fixture
def serve(root: Path, layers: int, spec_version: str) -> Callable[..., Ask]:
    """Make an application that serves `root` at `at`, between other routes, and give what asks it."""

    def make(
        *, at: str = "/", before: Sequence[BaseRoute] = (), after: Sequence[BaseRoute] = (), **options: Any
    ) -> Ask:
        mount = Mount(at, StaticFiles(directory=root, **options), name="static")
        app = Asterion(routes=[*before, mount, *after], middleware=function_layers(layers))

        async def ask(path: str, method: str = "GET", **headers: str) -> Exchange:
            sent = [(name.replace("_", "-"), value) for name, value in headers.items()]
            return await request(app, method, path, headers=sent, spec_version=spec_version)

        return ask

    return make
