"""Runs: recorded once, never changed."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Row, func, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from fixbook.model import Case, Role, Run
from fixbook.store._cases import Cases
from fixbook.store._documents import digest, document, restore, storable
from fixbook.store._tables import cases
from fixbook.store._tables import runs as table

__all__ = ["Runs"]


class Runs(Cases):
    """The part of the store that keeps what was seen."""

    async def record(self, run: Run) -> Run:
        """Keep a run; gives it with its id. The very same run once more gives the one that is kept.

        Raises UnknownCase if the store does not have its case.
        """
        async with self._write() as connection:
            stored = await self._record(connection, run, None)
        self.events.ring(f"case:{run.case}")
        return stored

    async def _record(self, connection: AsyncConnection, run: Run, job: int | None) -> Run:
        await self._lock_case(connection, run.case)
        content = {**document(run), "id": None}
        mark = digest([content, job])
        insert = postgresql.insert if self.dialect == "postgresql" else sqlite.insert
        statement = insert(table).values(
            case_id=run.case,
            role=run.role.value,
            outcome=run.outcome.value,
            fingerprint=mark,
            document=content,
            recorded=self._now,
        )
        await connection.execute(statement.on_conflict_do_nothing(index_elements=[table.c.fingerprint]))
        row = (await connection.execute(select(table.c.id, table.c.document).where(table.c.fingerprint == mark))).one()
        await self._note_verified(connection, run.case)
        return _run(row)

    async def run(self, run_id: int) -> Run | None:
        """The run with this id, or `None`."""
        async with self._read() as connection:
            row = (
                await connection.execute(select(table.c.id, table.c.document).where(table.c.id == _key(run_id)))
            ).one_or_none()
        return None if row is None else _run(row)

    async def runs(self, case_id: str, limit: int = 50) -> list[Run]:
        """The runs of a case, the latest first."""
        statement = select(table.c.id, table.c.document).where(table.c.case_id == storable(case_id))
        async with self._read() as connection:
            rows = await connection.execute(statement.order_by(table.c.id.desc()).limit(max(0, limit)))
            return [_run(row) for row in rows]

    async def latest_runs(self, case_id: str) -> dict[Role, Run]:
        """The latest run of each role.

        A run that could not be carried out (no package index) says nothing of the case, and does not hide an earlier
        one that did; it is given where there is no other.
        """
        return (await self._latest_of(table.c.case_id == storable(case_id))).get(case_id, {})

    async def all_latest_runs(self) -> dict[str, dict[Role, Run]]:
        """`latest_runs` of every case that has any, by the id of the case."""
        return await self._latest_of(true())

    async def _latest_of(self, which: ColumnElement[bool]) -> dict[str, dict[Role, Run]]:
        conclusive = table.c.outcome.not_in(["not verified", "skipped"])
        order = (conclusive.desc(), table.c.id.desc())
        place = func.row_number().over(partition_by=(table.c.case_id, table.c.role), order_by=order)
        ranked = select(table.c.id, table.c.case_id, place.label("place")).where(which).subquery()
        statement = select(table.c.id, table.c.case_id, table.c.document).join(ranked, ranked.c.id == table.c.id)
        latest: dict[str, dict[Role, Run]] = {}
        async with self._read() as connection:
            for row in await connection.execute(statement.where(ranked.c.place == 1).order_by(table.c.id)):
                run = _run(row)
                latest.setdefault(row.case_id, {})[run.role] = run
        return latest

    async def newly_verified(self, limit: int = 20) -> list[tuple[Case, Run]]:
        """The verified cases, the latest first, each with the run that completed its verification.

        Verified: the latest conclusive run of every target, made of the reproduction as it is today, showed what was
        declared. Being verified again does not make a case new.
        """
        statement = (
            select(table.c.id, table.c.document, cases.c.document.label("case"))
            .join_from(cases, table, cases.c.verified_run == table.c.id)
            .where(cases.c.listed)
            .order_by(table.c.id.desc())
            .limit(max(0, limit))
        )
        async with self._read() as connection:
            rows = await connection.execute(statement)
            return [(restore(Case, row.case), _run(row)) for row in rows]


def _run(row: Row) -> Run:  # type: ignore[type-arg]
    return restore(Run, {**row.document, "id": row.id})


def _key(number: int) -> int:
    # What no column can hold is no key: PostgreSQL's integers have 32 bits.
    return number if 0 <= number < 2**31 else 0
