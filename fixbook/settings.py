"""All settings of Fixbook, from the environment: `FIXBOOK_DATABASE_URL`, `FIXBOOK_REDIS_URL` and the rest.

Each field of `Settings` is one variable, in capitals and with `FIXBOOK_` in front. Without any of them, Fixbook keeps
its database in a file of the directory it is started in, and runs verifications in its own process.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from asterion.config import Config, environ
from asterion.datastructures import CommaSeparatedStrings, Secret

__all__ = ["Settings"]

PREFIX = "FIXBOOK_"


@dataclass(frozen=True, slots=True)
class Settings:
    """How this Fixbook is set up. Raises ValueError, naming the setting, for a value that cannot be."""

    # Both may have a password in them, which no traceback shall show.
    database_url: str = field(default="sqlite+aiosqlite:///fixbook.sqlite3", repr=False)
    redis_url: str | None = field(default=None, repr=False)
    """Where the queue is; without it, jobs are run in the server's own process."""
    secret: Secret = field(default_factory=lambda: Secret(secrets.token_urlsafe(32)))
    """Signs the sessions. One of its own for each process, if none is set: sessions end with the process."""
    public_url: str | None = None
    """Where visitors find the site, without a path: what stands in the feeds. By default, as it was asked for."""
    allowed_hosts: tuple[str, ...] = ("*",)
    catalogue: Path | None = None
    """Folder of cases; by default the catalogue that comes with the package."""
    cache: Path | None = None
    """Where environments of reproductions are kept; by default in the user's cache directory."""
    workers: int = 1
    """How many jobs one process runs at a time; 0: the server runs none."""
    run_seconds: float = 60.0
    """Limit for one reproduction, in seconds."""
    lease_seconds: float = 30.0
    """How long a job belongs to a worker that is not heard of any more."""
    secure_cookies: bool = False
    """Cookies for HTTPS only, under names that no other host can set. Behind TLS, always set it."""

    def __post_init__(self) -> None:
        if not 0 <= self.workers <= 64:
            raise ValueError(f"{PREFIX}WORKERS is {self.workers!r}; say how many jobs to run at a time, 0 to 64")
        for name in ("run_seconds", "lease_seconds"):
            value = getattr(self, name)
            if not 0 < value <= 3600:
                raise ValueError(f"{PREFIX}{name.upper()} is {value!r}; say seconds, more than 0 and 3600 at most")
        if not str(self.secret):
            raise ValueError(f"{PREFIX}SECRET is empty; python -c 'import secrets; print(secrets.token_urlsafe(32))'")
        if self.public_url is not None:
            parts = urlsplit(self.public_url)
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
                raise ValueError(
                    f"{PREFIX}PUBLIC_URL is {self.public_url!r}; write scheme and host: https://fixbook.example.org"
                )
            object.__setattr__(self, "public_url", f"{parts.scheme}://{parts.netloc}")

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = environ, env_file: str | Path | None = None) -> Settings:
        """The settings that `variables` (and the file, below them) name; everything else is as by default."""
        config = Config(env_file, environ=variables, env_prefix=PREFIX)
        given: dict[str, Any] = {}
        for item in fields(cls):
            value = config.get(item.name.upper(), cast=_CASTS.get(item.name, str), default=None)
            if value is not None:
                given[item.name] = value
        return cls(**given)


_CASTS: dict[str, Any] = {
    "secret": Secret,
    "allowed_hosts": lambda text: tuple(CommaSeparatedStrings(text)),
    "catalogue": lambda text: Path(text).expanduser().absolute(),
    "cache": lambda text: Path(text).expanduser().absolute(),
    "workers": int,
    "run_seconds": float,
    "lease_seconds": float,
    "secure_cookies": bool,
}
