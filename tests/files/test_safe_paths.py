"""What may be looked for among files: one rule for all platforms."""

import pytest

from asterion._core.safepaths import is_hidden, is_safe_path


@pytest.mark.parametrize(
    "path", [".", "a.txt", "dir/a.txt", "\udce9", "a..b", ".hidden", "console/con_a", "common/nuls", "é", "a" * 255]
)
def test_names_that_stay_within_are_safe(path):
    assert is_safe_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../a",
        "a/../../b",
        "/etc/passwd",
        "//host/share",
        "\\\\host\\share",
        "a\\..\\b",
        "a\x00.txt",
        "C:/a",
        "a:b",
        "CON",
        "nul.txt",
        "NUL.txt.gz",
        "a/COM1",
        "lpt9 ",
        "com¹",
        "CONIN$",
        "aux/b",
        "a" * 256,
        "é" * 128,
        "a/" * 2048,
        "...",
        "a.txt.",
        "a.txt ",
        "dir./a",
        "\ud800",
    ],
)
def test_whatever_leads_out_names_a_device_or_is_too_long_is_not(path):
    assert not is_safe_path(path)


@pytest.mark.parametrize("path", [".env", "a/.git/config", ".git", "a/.well-known", "GIT~1/config", "a/ENV~12.txt"])
def test_names_that_begin_with_a_dot_are_hidden_by_their_short_names_too(path):
    assert is_hidden(path)


@pytest.mark.parametrize("path", [".", "a.txt", "a/b.c", ".well-known/security.txt", "backups~1.txt", "~1", "a~b"])
def test_other_names_are_not_hidden(path):
    assert not is_hidden(path)
