"""What an upload called its file, made into a name that may be stored.

Laws: the result is one segment of a path on every platform (no separator, no device, no hidden name, no name that
Windows or a shell reads as something else), never empty, in Unicode's form NFC, no longer than asked for, and its own
result: making it safe again changes nothing.
"""

import unicodedata

from asterion._core.safepaths import is_device

__all__ = ("LONGEST_NAME", "safe_filename")

LONGEST_NAME = 255
"""Bytes of a name that Linux, macOS and the usual file systems keep (NAME_MAX)."""

_SHORTEST_LIMIT = 16
_LONGEST_ENDING = 24

# Separators, what Windows refuses, what a URL decodes, and what stands for a short name (`GIT~1`) or a home directory.
_NOT_IN_NAMES = frozenset('<>:"/\\|?*%~')
# A hidden file, an option of a command, and what Windows leaves out at the end.
_NOT_IN_FRONT, _NOT_BEHIND = ".- ", ". "


def safe_filename(name: str | None, *, default: str = "file", max_bytes: int = LONGEST_NAME) -> str:
    """Give a name to store a file under, made of the one that an upload came with (`UploadFile.filename`).

    Directories in front are dropped, those written with backslashes too; controls and characters that mean something
    to a file system, a shell or a URL become `_`; invisible ones go; dots and hyphens in front go; a name of a device
    (`NUL.txt`) gets a `_` in front. The result is in NFC and has at most `max_bytes` bytes of UTF-8, of which the
    ending is kept. `default` is what nothing is left of becomes.

    Two uploads may get one name: open the file with mode "x", or put something of your own in front. The ending is the
    client's word, and says nothing of what is in the file.

    Raises ValueError for a limit below 16 and for a default that is no safe name.
    """
    if max_bytes < _SHORTEST_LIMIT:
        raise ValueError(f"max_bytes is {max_bytes}; a name with an ending needs room: write {_SHORTEST_LIMIT} or more")
    hint = _made_safe(default, max_bytes) or "file"
    if hint != default:
        raise ValueError(f"default={default!r} is no safe name of at most {max_bytes} bytes itself; write {hint!r}")
    return _made_safe(name or "", max_bytes) or default


def _made_safe(name: str, max_bytes: int) -> str:
    last = name.replace("\\", "/").rpartition("/")[2]
    if len(last) > 4 * max_bytes:
        # What is in between can hardly be in the result, and normalising takes its time.
        last = last[: 4 * max_bytes] + last[-_LONGEST_ENDING:]
    text = unicodedata.normalize("NFC", "".join(map(_safe_character, unicodedata.normalize("NFC", last))))
    text = _cut(_stripped(" ".join(text.split())), max_bytes)
    if is_device(text):
        text = _cut("_" + text, max_bytes)
    return text


def _safe_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cc" or character in _NOT_IN_NAMES:
        return "_"
    if category in ("Zs", "Zl", "Zp"):
        return " "
    # Invisible ones turn a name around (U+202E shows `exe.txt`), and some file systems ignore them; half a surrogate
    # is no text.
    return "" if category in ("Cf", "Cs") else character


def _stripped(name: str) -> str:
    return name.lstrip(_NOT_IN_FRONT).rstrip(_NOT_BEHIND)


def _cut(name: str, max_bytes: int) -> str:
    if len(name.encode()) <= max_bytes:
        return name
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending.encode()) > min(_LONGEST_ENDING, max_bytes // 2):
        stem, dot, ending = name, "", ""
    room = max_bytes - len((dot + ending).encode())
    return _stripped(stem.encode()[:room].decode(errors="ignore")) + dot + ending
