"""Cases: kept as documents that come back equal, synced, listed, found."""

from __future__ import annotations

import asyncio
import dataclasses
import sys

import pytest

from fixbook.casefile import load_catalogue
from fixbook.model import Outcome, Role
from fixbook.store import Store, UnknownCase, open_store
from tests.fixbook.store.samples import make_case, make_run

pytestmark = pytest.mark.anyio


async def test_a_case_comes_back_equal_to_what_went_in(store: Store) -> None:
    await store.sync_catalogue([make_case()])
    assert await store.case("starlette-472") == make_case()
    assert await store.case("nothing") is None
    assert await store.case("nul\0\ud800") is None


async def test_the_catalogue_of_the_package_comes_back_equal(store: Store) -> None:
    cases = load_catalogue()
    assert await store.sync_catalogue(cases) == len(cases)
    assert await store.sync_catalogue(cases) == 0, "nothing has changed"
    assert await store.cases(limit=1000) == list(cases)


async def test_text_that_no_database_takes_is_kept_without_it(store: Store) -> None:
    await store.sync_catalogue([make_case(summary="a\0b\ud800c", environment={"k\0": "v"})])
    case = await store.case("starlette-472")
    assert case is not None
    assert case.summary == "a\ufffdb\ufffd\ufffd\ufffdc"
    assert case.environment == {"k\ufffd": "v"}
    assert await store.record(make_run(output="\0\udfff"))


async def test_a_case_that_left_the_catalogue_is_not_listed_and_keeps_its_runs(store: Store) -> None:
    await store.sync_catalogue([make_case("a-1"), make_case("starlette-472")])
    run = await store.record(make_run())
    assert await store.sync_catalogue([make_case("a-1", title="New title")]) == 1
    assert [(case.id, case.title) for case in await store.cases()] == [("a-1", "New title")]
    assert [found.case.id for found in await store.search("listing asserts")] == []
    assert await store.case("starlette-472") == make_case()
    assert await store.runs("starlette-472") == [run]
    assert await store.sync_catalogue([make_case("a-1"), make_case("starlette-472")]) == 2
    assert await store.count_cases() == 2


async def test_an_import_stays_beside_the_catalogue_and_gives_way_to_it(store: Store) -> None:
    await store.add_case(make_case("imported", title="first"))
    await store.add_case(make_case("imported", title="second"))
    await store.sync_catalogue([make_case("own")])
    assert [(case.id, case.title) for case in await store.cases()] == [
        ("imported", "second"),
        ("own", "Directory listing asserts"),
    ]
    with pytest.raises(ValueError, match="is in the catalogue"):
        await store.add_case(make_case("own"))
    await store.sync_catalogue([make_case("own"), make_case("imported", title="ours")])
    case = await store.case("imported")
    assert case is not None
    assert case.title == "ours"


async def test_lists_are_cut_and_filtered(store: Store) -> None:
    await store.sync_catalogue(
        [make_case("a", package="anyio"), make_case("b", status="open"), make_case("c"), make_case("d")]
    )
    assert [case.id for case in await store.cases(offset=1, limit=2)] == ["b", "c"]
    assert [case.id for case in await store.cases(package="anyio")] == ["a"]
    assert [case.id for case in await store.cases(status="open")] == ["b"]
    assert (await store.count_cases(), await store.count_cases(package="starlette")) == (4, 3)
    assert await store.packages() == {"anyio": 1, "starlette": 3}


async def test_search_finds_all_words_first_and_the_last_one_unfinished(store: Store) -> None:
    await store.sync_catalogue(
        [
            make_case("a", title="Background tasks are lost", summary="run_in_threadpool was cancelled"),
            make_case("b", title="Streams end early", summary="Nothing of background here"),
        ]
    )
    assert [found.case.id for found in await store.search("background task")] == ["a"]
    assert [found.case.id for found in await store.search("BACKGROUND")] == ["a", "b"], "the title weighs more"
    assert [found.case.id for found in await store.search("run_in_thread")] == ["a"]
    assert [found.case.id for found in await store.search("streams unheardof")] == ["b"], "any word, where none has all"
    found = (await store.search("cancelled"))[0]
    assert found.excerpt == "run_in_threadpool was cancelled"
    assert found.score > 0
    assert len(await store.search("background", limit=1)) == 1
    assert await store.search("unheardof") == []


async def test_a_changed_case_is_found_by_its_new_words_alone(store: Store) -> None:
    await store.sync_catalogue([make_case("a", title="before")])
    await store.sync_catalogue([make_case("a", title="afterwards")])
    assert await store.search("before") == []
    assert len(await store.search("afterw")) == 1


@pytest.mark.parametrize(
    "typed",
    [
        "", " ", '"', "'", "a'b", "NEAR(a b)", "AND", "OR NOT", "*", "a*b", "-x", "(", ")", "a & | ! b", "a:*", "<->",
        "title:x", "^a", "{a b} : c", "\\", "\\'", "%", "\0", "\ud800", "::", "a" * 100_000, "x " * 50_000, "💥", "é",
        'Traceback (most recent call last):\n  File "/x/y.py", line 3, in z\nKeyError: \'a\'',
    ],
)  # fmt: skip
async def test_nothing_that_is_typed_breaks_the_query(store: Store, typed: str) -> None:
    await store.sync_catalogue([make_case()])
    assert isinstance(await store.search(typed), list)


async def test_a_verified_case_is_new_once(store: Store) -> None:
    await store.sync_catalogue([make_case()])
    await store.record(make_run(Role.BROKEN))
    assert await store.newly_verified() == []
    completing = await store.record(make_run(Role.FIXED))
    assert await store.newly_verified() == [(make_case(), completing)]
    await store.record(make_run(Role.FIXED, duration=9.0))
    assert await store.newly_verified() == [(make_case(), completing)], "again is not new"
    await store.record(make_run(Role.FIXED, Outcome.NOT_VERIFIED))
    assert len(await store.newly_verified()) == 1, "a run that could not be made says nothing"
    await store.record(make_run(Role.FIXED, Outcome.BROKEN))
    assert await store.newly_verified() == []


async def test_a_changed_reproduction_has_to_be_verified_anew(store: Store) -> None:
    from fixbook.execution import digest_of

    case = make_case()
    assert case.reproduction is not None
    await store.sync_catalogue([case])
    for target in case.reproduction.targets:
        await store.record(make_run(target.role, digest=digest_of(case.reproduction, target)))
    assert len(await store.newly_verified()) == 1
    changed = make_case(reproduction=dataclasses.replace(case.reproduction, code="pass"))
    await store.sync_catalogue([changed])
    assert await store.newly_verified() == []


async def test_runs_are_recorded_once_and_never_changed(store: Store) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    await store.sync_catalogue([make_case()])
    first = await store.record(make_run())
    assert first.id is not None
    assert await store.run(first.id) == first
    assert await store.record(make_run()) == first
    later = await store.record(make_run(Role.FIXED))
    assert await store.runs("starlette-472") == [later, first]
    assert await store.latest_runs("starlette-472") == {Role.BROKEN: first, Role.FIXED: later}
    for statement in ("UPDATE runs SET outcome = 'right'", "DELETE FROM runs"):
        with pytest.raises(DBAPIError, match="never changed"):
            async with store.engine.begin() as connection:
                await connection.execute(text(statement))
    assert await store.run(2**40) is None
    with pytest.raises(UnknownCase, match="no case 'other'"):
        await store.record(make_run(case="other"))


async def test_a_run_that_could_not_be_made_hides_none_that_was(store: Store) -> None:
    await store.sync_catalogue([make_case()])
    await store.record(make_run(Role.FIXED, Outcome.NOT_VERIFIED))
    assert (await store.latest_runs("starlette-472"))[Role.FIXED].outcome is Outcome.NOT_VERIFIED
    made = await store.record(make_run(Role.FIXED))
    await store.record(make_run(Role.FIXED, Outcome.NOT_VERIFIED, reason="no index"))
    assert await store.latest_runs("starlette-472") == {Role.FIXED: made}
    await store.sync_catalogue([make_case(), make_case("other"), make_case("never-run")])
    other = await store.record(make_run(case="other"))
    assert await store.all_latest_runs() == {"starlette-472": {Role.FIXED: made}, "other": {Role.BROKEN: other}}


async def test_a_store_that_is_opened_again_has_everything(database_url: str) -> None:
    async with open_store(database_url) as store:
        await store.sync_catalogue([make_case()])
    async with open_store(database_url) as store:
        assert await store.cases() == [make_case()]


async def test_processes_that_open_an_empty_database_at_once_all_succeed(database_url: str) -> None:
    code = (
        "import asyncio, sys\nfrom fixbook.store import open_store\n"
        "async def main():\n    async with open_store(sys.argv[1]) as store:\n        print(len(await store.cases()))\n"
        "asyncio.run(main())"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, database_url, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    for process in processes:
        out, err = await process.communicate()
        assert (out, process.returncode) == (b"0\n", 0), err.decode()


@pytest.mark.parametrize(
    "url", ["", "mysql://x/y", "sqlite+aiosqlite://", "sqlite:///:memory:", "postgresql+psycopg://x"]
)
async def test_a_url_of_no_known_database_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(ValueError, match=r"sqlite\+aiosqlite"):
        async with open_store(url):
            pass


async def test_a_database_that_a_newer_fixbook_wrote_is_left_alone(database_url: str) -> None:
    from sqlalchemy import text

    async with open_store(database_url) as store:
        async with store.engine.begin() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RuntimeError, match="use the Fixbook that wrote it"):
        async with open_store(database_url):
            pass


async def test_the_migrations_make_the_tables_that_the_models_name(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from fixbook.store._tables import Base

    async with store.engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), Base.metadata)
        )
    own = ("case_search", "cases_search", "search")
    assert [one for one in differences if not any(name in repr(one) for name in own)] == []
