"""Votes of visitors, and the administrators with their sessions."""

from __future__ import annotations

import asyncio
import hashlib
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from fixbook.store._documents import storable
from fixbook.store._jobs import Jobs
from fixbook.store._tables import sessions, users, votes

__all__ = ["People"]

PASSWORD_LENGTH = 10
SESSION_SECONDS = 12 * 3600.0

_hasher = PasswordHasher()
_NOBODY = _hasher.hash(secrets.token_hex(16))  # what an unknown name is tried on: it takes as long as a known one


class People(Jobs):
    """The part of the store that keeps votes and administrators."""

    async def vote(self, case_id: str, voter: str, worked: bool) -> None:
        """Keep whether the fix worked for `voter` (at most 128 characters); a later vote replaces the earlier one.

        Raises UnknownCase for a case that the store does not have, ValueError for a voter without or with a long name.
        """
        if not 0 < len(voter) <= 128:
            raise ValueError(f"a voter is named by 1 to 128 characters, not {len(voter)}")
        insert_ = postgresql.insert if self.dialect == "postgresql" else sqlite.insert
        values = {"worked": worked, "at": self._now}
        statement = insert_(votes).values(case_id=case_id, voter=storable(voter), **values)
        async with self._write() as connection:
            await self._lock_case(connection, case_id)
            await connection.execute(
                statement.on_conflict_do_update(index_elements=[votes.c.case_id, votes.c.voter], set_=values)
            )
        self.events.ring(f"case:{case_id}")

    async def votes(self, case_id: str) -> tuple[int, int]:
        """How many say that the fix worked, and how many that it did not."""
        statement = select(votes.c.worked, func.count()).where(votes.c.case_id == storable(case_id))
        async with self._read() as connection:
            rows = await connection.execute(statement.group_by(votes.c.worked))
            counts: dict[bool, int] = {row[0]: row[1] for row in rows}
        return counts.get(True, 0), counts.get(False, 0)

    async def vote_of(self, case_id: str, voter: str) -> bool | None:
        """What `voter` said of the case; `None` if nothing."""
        mine = (votes.c.case_id == storable(case_id), votes.c.voter == storable(voter))
        async with self._read() as connection:
            worked: bool | None = await connection.scalar(select(votes.c.worked).where(*mine))
        return worked

    async def add_user(self, name: str, password: str) -> None:
        """Add an administrator, or give the one of this name a new password and end their sessions.

        Raises ValueError for a name that is not 1 to 80 printable characters, or a password of fewer than 10.
        """
        if not (0 < len(name) <= 80 and name.isprintable()):
            raise ValueError(f"a user's name has 1 to 80 printable characters; {name[:100]!r} does not")
        if len(password) < PASSWORD_LENGTH:
            raise ValueError(f"a password has {PASSWORD_LENGTH} characters or more, this one {len(password)}")
        insert_ = postgresql.insert if self.dialect == "postgresql" else sqlite.insert
        kept = await asyncio.to_thread(_hasher.hash, password)
        statement = insert_(users).values(name=name, password=kept, created=self._now)
        async with self._write() as connection:
            await connection.execute(
                statement.on_conflict_do_update(index_elements=[users.c.name], set_={"password": kept})
            )
            await connection.execute(delete(sessions).where(sessions.c.user == name))

    async def remove_user(self, name: str) -> bool:
        """Remove an administrator and their sessions; whether there was one."""
        async with self._write() as connection:
            removed = await connection.scalars(delete(users).where(users.c.name == name).returning(users.c.name))
            return removed.one_or_none() is not None

    async def users(self) -> list[str]:
        """The names of the administrators."""
        async with self._read() as connection:
            return list(await connection.scalars(select(users.c.name).order_by(users.c.name)))

    async def authenticate(self, name: str, password: str) -> bool:
        """Whether there is an administrator with this name and password. An unknown name takes as long as a known."""
        async with self._read() as connection:
            kept = await connection.scalar(select(users.c.password).where(users.c.name == storable(name)))
        right = await asyncio.to_thread(_verify, kept or _NOBODY, password) and kept is not None
        if right and kept is not None and _hasher.check_needs_rehash(kept):
            stronger = await asyncio.to_thread(_hasher.hash, password)
            async with self._write() as connection:
                same = (users.c.name == name, users.c.password == kept)
                await connection.execute(update(users).where(*same).values(password=stronger))
        return right

    async def open_session(self, name: str, seconds: float = SESSION_SECONDS) -> str:
        """A new session of the administrator `name`; gives its token, which is not kept as such."""
        token = secrets.token_urlsafe(32)
        async with self._write() as connection:
            await connection.execute(delete(sessions).where(sessions.c.expires <= self._now))
            values = {"token": _kept(token), "user": name, "expires": self._now + seconds}
            await connection.execute(insert(sessions).values(**values))
        return token

    async def session_user(self, token: str) -> str | None:
        """Whose session has this token; `None` if it has ended or never was."""
        alive = (sessions.c.token == _kept(token), sessions.c.expires > self._now)
        async with self._read() as connection:
            name: str | None = await connection.scalar(select(sessions.c.user).where(*alive))
        return name

    async def close_session(self, token: str) -> None:
        """End the session with this token, if there is one."""
        async with self._write() as connection:
            await connection.execute(delete(sessions).where(sessions.c.token == _kept(token)))


def _kept(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _verify(kept: str, password: str) -> bool:
    try:
        return _hasher.verify(kept, password.encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False
