"""The soak, in short: after 2,000 requests of all kinds, a fifth of them faulted, nothing stays behind."""

import asyncio
from pathlib import Path

from scripts import soak


def test_two_thousand_requests_leave_no_objects_descriptors_or_tasks(tmp_path: Path) -> None:
    file = tmp_path / "file.bin"
    file.write_bytes(b"f" * 10_000)
    found = asyncio.run(soak.in_process(soak.make_app("asterion", str(file)), 2_000))
    assert (found["requests"], found["faulted"]) == (2_000, 400)
    assert found["objects grown"] <= soak.ALLOWED_OBJECTS
    assert (found["descriptors grown"], found["tasks grown"]) == (0, 0)


def test_the_soak_finds_an_application_that_keeps_its_requests(tmp_path: Path) -> None:
    file = tmp_path / "file.bin"
    file.write_bytes(b"f" * 10_000)
    app = soak.make_app("asterion", str(file))
    kept = []

    async def keeps(scope, receive, send):  # type: ignore[no-untyped-def]
        kept.append(dict(scope))
        await app(scope, receive, send)

    found = asyncio.run(soak.in_process(keeps, 300))
    assert not found["flat"]
    assert found["objects grown"] > soak.ALLOWED_OBJECTS
