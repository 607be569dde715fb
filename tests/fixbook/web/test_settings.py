"""Settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixbook.settings import Settings


def test_without_any_there_are_defaults_and_a_secret_of_its_own() -> None:
    one, two = Settings.from_environment({}), Settings.from_environment({})
    assert one.database_url == "sqlite+aiosqlite:///fixbook.sqlite3"
    assert (one.redis_url, one.workers, one.secure_cookies) == (None, 1, False)
    assert str(one.secret) != str(two.secret)


def test_every_field_is_a_variable() -> None:
    settings = Settings.from_environment(
        {
            "FIXBOOK_DATABASE_URL": "postgresql+asyncpg://fixbook:hidden@db/fixbook",
            "FIXBOOK_REDIS_URL": "redis://:hidden@cache:6379/0",
            "FIXBOOK_SECRET": "hidden",
            "FIXBOOK_PUBLIC_URL": "https://fixbook.example/",
            "FIXBOOK_ALLOWED_HOSTS": "fixbook.example, www.fixbook.example",
            "FIXBOOK_CATALOGUE": "cases",
            "FIXBOOK_CACHE": "/var/cache/fixbook",
            "FIXBOOK_WORKERS": "4",
            "FIXBOOK_RUN_SECONDS": "1.5",
            "FIXBOOK_LEASE_SECONDS": "10",
            "FIXBOOK_SECURE_COOKIES": "yes",
            "OTHER": "x",
        }
    )
    assert settings.public_url == "https://fixbook.example"
    assert settings.allowed_hosts == ("fixbook.example", "www.fixbook.example")
    assert (settings.catalogue, settings.cache) == (Path.cwd() / "cases", Path("/var/cache/fixbook"))
    assert (settings.workers, settings.run_seconds, settings.lease_seconds) == (4, 1.5, 10)
    assert settings.secure_cookies
    assert "hidden" not in repr(settings)


def test_a_file_stands_below_the_environment(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("FIXBOOK_WORKERS=3\nFIXBOOK_SECRET='# a secret'\n")
    settings = Settings.from_environment({"FIXBOOK_WORKERS": "2"}, file)
    assert (settings.workers, str(settings.secret)) == (2, "# a secret")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("WORKERS", "-1"), ("WORKERS", "65"), ("WORKERS", "many"), ("RUN_SECONDS", "0"), ("RUN_SECONDS", "nan")),
        *(("LEASE_SECONDS", "-5"), ("LEASE_SECONDS", "1e9"), ("SECRET", ""), ("SECURE_COOKIES", "perhaps")),
        *(
            ("PUBLIC_URL", "fixbook.example"),
            ("PUBLIC_URL", "https://a.example/path"),
            ("PUBLIC_URL", "ftp://a.example"),
        ),
    ],
)
def test_what_cannot_be_is_an_error_that_names_the_variable(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"FIXBOOK_{name}"):
        Settings.from_environment({f"FIXBOOK_{name}": value})
