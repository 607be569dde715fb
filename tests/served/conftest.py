"""The tour behind a real socket, on both of uvicorn's event loops and HTTP parsers."""

from collections.abc import Iterator

import pytest

import examples.tour.app
from tests.served.serving import Served, serve


@pytest.fixture(params=["asyncio-h11", "uvloop-httptools"])
def tour(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A new tour for each test; its stream takes a fiftieth of a second for a line."""
    monkeypatch.setattr(examples.tour.app, "PAUSE", 0.02)
    loop, http = request.param.split("-")
    with serve(examples.tour.app.create_app(), loop=loop, http=http) as served:
        yield served
