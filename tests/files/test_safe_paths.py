"""What may be looked for among files: one rule for all platforms."""

import pytest

from asterion._core.safepaths import is_safe_path


@pytest.mark.parametrize(
    "path", [".", "a.txt", "dir/a.txt", "...", "a..b", ".hidden", "console/con_a", "common/nuls", "é", "a" * 255]
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
    ],
)
def test_whatever_leads_out_names_a_device_or_is_too_long_is_not(path):
    assert not is_safe_path(path)
