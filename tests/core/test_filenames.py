"""Names for uploads: what published bypasses send, and what comes of it."""

import pytest

from asterion.datastructures import safe_filename


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("report.pdf", "report.pdf"),
        ("Übersicht Mai.pdf", "Übersicht Mai.pdf"),
        # Directories (CVE-2021-31542, CVE-2026-24486), also in the way of Windows, whole paths, a UNC path.
        ("../../etc/cron.d/x", "x"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\Users\\ann\\cv.doc", "cv.doc"),
        ("\\\\attacker\\share\\x", "x"),
        ("/etc/passwd", "passwd"),
        ("C:x.txt", "C_x.txt"),
        # Encoded, once and twice: nobody who decodes it later gets a path (CVE-2021-28658).
        ("..%2f..%2fx", "_2f.._2fx"),
        ("%252e%252e%252fx", "_252e_252e_252fx"),
        # Hidden files, and names that are options.
        (".htaccess", "htaccess"),
        ("..", "file"),
        ("...", "file"),
        (". .x", "x"),
        ("-rf", "rf"),
        ("GIT~1", "GIT_1"),
        # Devices (GHSA-hgf8-39gv-g3f2 and its family), and a stream of another file.
        ("CON", "_CON"),
        ("nul.txt ", "_nul.txt"),
        ("com¹.tar.gz", "_com¹.tar.gz"),
        ("CONOUT$", "_CONOUT$"),
        ("file.asp::$DATA", "file.asp__$DATA"),
        ("a.php.", "a.php"),
        # What ends a name early, a line, or a header.
        ("shell.php\0.jpg", "shell.php_.jpg"),
        ("a\r\nSet-Cookie: s=1", "a__Set-Cookie_ s=1"),
        ("\x1b[31m", "_[31m"),
        ("a\u2028b\u00a0 c", "a b c"),
        # Shown the other way round, invisible, or no text at all.
        ("ann\u202egpj.exe", "anngpj.exe"),
        (".g\u200cit", "git"),
        ("\u200b.htaccess", "htaccess"),
        ("a\ud800b", "ab"),
        # One name has one spelling.
        ("Cafe\u0301.txt", "Caf\u00e9.txt"),
        ("e\u200d\u0301", "\u00e9"),
        ("", "file"),
        (None, "file"),
        ("   ", "file"),
    ],
)
def test_what_a_client_calls_its_file_and_what_it_is_stored_as(sent: str | None, stored: str) -> None:
    assert safe_filename(sent) == stored


def test_a_long_name_keeps_its_ending_and_whole_characters() -> None:
    assert safe_filename("a" * 300 + ".tar.gz") == "a" * 252 + ".gz"
    assert safe_filename("ж" * 300 + ".jpeg") == "ж" * 125 + ".jpeg"
    assert safe_filename("a." + "b" * 300) == "a." + "b" * 253
    assert safe_filename("x" * 15 + ".jpeg", max_bytes=16) == "x" * 11 + ".jpeg"
    assert safe_filename("a" * 10_000_000 + ".txt") == "a" * 251 + ".txt"


def test_a_name_that_is_mostly_invisible_is_what_can_be_seen_of_it() -> None:
    """Up to four characters for each byte that may be stored; of longer ones the middle is not looked at."""
    assert safe_filename("\u200b" * 59 + "a.txt", max_bytes=16) == "a.txt"


def test_a_name_that_is_cut_to_a_device_is_none() -> None:
    assert safe_filename("con aaaaaaaaaaaa.jpeg", max_bytes=16) == "con aaaaaaa.jpeg"
    assert safe_filename("nul .aaaaaaaaaaaaaaaaaaaaaaaaaa", max_bytes=16) == "_nul .aaaaaaaaaa"


def test_the_default_is_the_applications_and_must_be_safe_itself() -> None:
    assert safe_filename("..", default="upload.bin") == "upload.bin"
    with pytest.raises(ValueError, match=r"default='\.\./x' is no safe name of at most 255 bytes itself; write 'x'"):
        safe_filename("a", default="../x")
    with pytest.raises(ValueError, match=r"default='' is no safe name of at most 255 bytes itself; write 'file'"):
        safe_filename("a", default="")
    with pytest.raises(ValueError, match="max_bytes is 15; a name with an ending needs room: write 16 or more"):
        safe_filename("a", max_bytes=15)
