"""A site for each test, over a catalogue that all of them share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from asterion.testclient import TestClient
from fixbook.settings import Settings
from fixbook.store import open_store
from fixbook.web import build
from tests.fixbook.web.samples import PASSWORD, Play, make_catalogue, settings_for


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the cases."""
    return make_catalogue(tmp_path_factory.mktemp("catalogue"))


@pytest.fixture
def settings(tmp_path: Path, catalogue: Path) -> Settings:
    """Settings with a database in which there is an administrator."""
    made = settings_for(tmp_path, catalogue)

    async def add() -> None:
        async with open_store(made.database_url) as store:
            await store.add_user("ada", PASSWORD)

    asyncio.run(add())
    return made


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A visitor."""
    with TestClient(build(settings, execute=Play())) as client:
        yield client
