"""Cases as documents: synced from the catalogue, added by imports, listed, searched."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Select, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from fixbook.execution import digest_of
from fixbook.model import Case, Role, Run, is_verified
from fixbook.store import _search
from fixbook.store._database import Database
from fixbook.store._documents import digest, document, restore, storable
from fixbook.store._tables import cases as table
from fixbook.store._tables import runs
from fixbook.store._values import Found, UnknownCase

__all__ = ["Cases"]


class Cases(Database):
    """The part of the store that keeps the cases."""

    async def sync_catalogue(self, cases: Iterable[Case]) -> int:
        """Make the listed cases of the catalogue these; gives how many were new or had changed.

        A case that left the catalogue is no longer listed or found; it can still be opened, and its runs and votes
        stay. Imports stay as they are; a case of the catalogue takes the place of an import with the same id.
        """
        given = {case.id: case for case in cases}
        async with self._write() as connection:
            known = {
                row.id: (row.digest, row.origin, row.listed)
                for row in await connection.execute(select(table.c.id, table.c.digest, table.c.origin, table.c.listed))
            }
            changed = [
                case for case in given.values() if known.get(case.id) != (digest(document(case)), "catalogue", True)
            ]
            for case in changed:
                await self._put(connection, case, "catalogue")
            gone = [name for name, (_, origin, _) in known.items() if origin == "catalogue" and name not in given]
            if gone:
                statement = update(table).where(table.c.id == bindparam("gone")).values(listed=False)
                await connection.execute(statement, [{"gone": name} for name in gone])
        return len(changed)

    async def add_case(self, case: Case) -> None:
        """Keep an imported case, or what was imported anew of it.

        Raises ValueError if the catalogue has a case of this id: that one is changed in the catalogue.
        """
        async with self._write() as connection:
            origin = await connection.scalar(select(table.c.origin).where(table.c.id == case.id, table.c.listed))
            if origin == "catalogue":
                raise ValueError(
                    f"the case {case.id!r} is in the catalogue; change it there, or import under another id"
                )
            await self._put(connection, case, "import")

    async def cases(
        self, offset: int = 0, limit: int = 50, package: str | None = None, status: str | None = None
    ) -> list[Case]:
        """The listed cases in the order of their ids; those of a package or with a status alone, where given."""
        statement = _filtered(select(table.c.document), package, status).order_by(table.c.id)
        async with self._read() as connection:
            rows = await connection.scalars(statement.offset(max(0, offset)).limit(max(0, limit)))
            return [restore(Case, row) for row in rows]

    async def count_cases(self, package: str | None = None, status: str | None = None) -> int:
        """How many cases are listed."""
        async with self._read() as connection:
            count = await connection.scalar(_filtered(select(func.count()).select_from(table), package, status))
        return int(count or 0)

    async def packages(self) -> dict[str, int]:
        """How many listed cases each package has."""
        statement = select(table.c.package, func.count()).where(table.c.listed, table.c.package.is_not(None))
        async with self._read() as connection:
            rows = await connection.execute(statement.group_by(table.c.package).order_by(table.c.package))
            return {row[0]: row[1] for row in rows}

    async def case(self, case_id: str) -> Case | None:
        """The case with this id, listed or not; `None` if there never was one."""
        async with self._read() as connection:
            row = await connection.scalar(select(table.c.document).where(table.c.id == storable(case_id)))
        return None if row is None else restore(Case, row)

    async def search(self, text: str, limit: int = 20) -> list[Found]:
        """The listed cases with all words of `text` (the last one may be unfinished), the best first.

        If none has all of them, those with any. Nothing that is typed is an error; without a word nothing is found.
        """
        asked = _search.words(text)[: _search.WORDS]
        if not asked or limit < 1:
            return []
        statement = _search.search_statement(self.dialect)
        async with self._read() as connection:
            for every in (True, False):
                given = {"query": _search.query(asked, self.dialect, every=every), "limit": limit}
                rows = (await connection.execute(statement.columns(document=table.c.document.type), given)).all()
                if rows:
                    break
        found = [(restore(Case, row.document), row.score) for row in rows]
        return [Found(case, float(score), _search.excerpt(case, asked)) for case, score in found]

    async def _put(self, connection: AsyncConnection, case: Case, origin: str) -> None:
        content = document(case)
        values = {
            "package": content["package"],
            "status": content["status"],
            "origin": origin,
            "listed": True,
            "document": content,
            "digest": digest(content),
            "updated": self._now,
        }
        insert = postgresql.insert if self.dialect == "postgresql" else sqlite.insert
        statement = insert(table).values(id=case.id, **values)
        await connection.execute(statement.on_conflict_do_update(index_elements=[table.c.id], set_=values))
        indexed = _search.fields(case)
        given = {"id": case.id, "title": indexed.title, "failure": indexed.failure, "body": indexed.body}
        for each in _search.index_statements(self.dialect):
            names = each.compile().params
            await connection.execute(each, {name: given[name] for name in names})
        await self._note_verified(connection, case.id)

    async def _note_verified(self, connection: AsyncConnection, case_id: str) -> None:
        """Keep since which run the case is verified, if it is. To be called after each change of it or of its runs."""
        statement = select(table.c.document, table.c.verified_run).where(table.c.id == case_id).with_for_update()
        row = (await connection.execute(statement)).one()
        case = restore(Case, row.document)
        latest = await self._latest(connection, case)
        since = max((run.id or 0 for run in latest.values()), default=0) if is_verified(case, latest) else None
        if (since is None) != (row.verified_run is None):
            await connection.execute(update(table).where(table.c.id == case_id).values(verified_run=since))

    async def _latest(self, connection: AsyncConnection, case: Case) -> dict[Role, Run]:
        """The latest conclusive runs of what the case's reproduction is today."""
        latest: dict[Role, Run] = {}
        statement = select(runs.c.id, runs.c.document).where(runs.c.case_id == case.id).order_by(runs.c.id.desc())
        reproduction = case.reproduction
        for target in reproduction.targets if reproduction else ():
            rows = await connection.execute(statement.where(runs.c.role == target.role.value).limit(20))
            for row in rows:
                run = restore(Run, {**row.document, "id": row.id})
                current = reproduction is not None and run.digest in (None, digest_of(reproduction, target))
                if run.confirmed is not None and current:
                    latest[target.role] = run
                    break
        return latest

    async def _lock_case(self, connection: AsyncConnection, case_id: str) -> Case:
        statement = select(table.c.document).where(table.c.id == storable(case_id)).with_for_update()
        row = await connection.scalar(statement)
        if row is None:
            raise UnknownCase(f"there is no case {case_id!r}; sync the catalogue or import it first")
        return restore(Case, row)


def _filtered(statement: Select, package: str | None, status: str | None) -> Select:  # type: ignore[type-arg]
    statement = statement.where(table.c.listed)
    if package is not None:
        statement = statement.where(table.c.package == storable(package))
    if status is not None:
        statement = statement.where(table.c.status == storable(status))
    return statement
