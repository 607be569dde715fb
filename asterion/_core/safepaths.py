"""Which paths of a URL may be looked for among files.

One rule for all platforms, so that what a server answers does not depend on where it runs. Pure: it never asks the file
system; whoever does checks in addition that what was found lies in the directory.
"""

# Names that Windows takes for devices in every directory, with any ending (CVE family of `NUL.txt` and `CON:`).
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789\u00b9\u00b2\u00b3"}
)

# NAME_MAX and PATH_MAX of Linux: longer ones are errors of the system, not missing files.
_LONGEST_NAME = 255
_LONGEST_PATH = 4095

# Eight characters, of which `~1` takes two.
_LONGEST_SHORT_STEM = 6


def is_safe_path(path: str) -> bool:
    """Whether `path`, relative and with `/` between its segments, stays where it starts and names no device.

    Refused: NUL, backslash and colon anywhere, a leading slash, `..` segments, names that end with a dot or a space
    (Windows drops these, so that one file would have many names), device names, over-long names, and text that is no
    name in any encoding.
    """
    if path.startswith("/") or any(char in path for char in "\0\\:"):
        return False
    try:
        # As `os.fsencode` does it where names are bytes. A lone surrogate stands for no byte.
        length = len(path.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return False
    return length <= _LONGEST_PATH and all(map(_is_safe_segment, path.split("/")))


def is_hidden(path: str) -> bool:
    """Whether `path` leads through a name that begins with a dot, `.well-known` at its start excepted (RFC 8615).

    A short name of Windows (`GIT~1` is `.git`) may stand for one, so it counts as hidden.
    """
    first, *others = path.split("/")
    return (first != ".well-known" and _is_hidden_segment(first)) or any(map(_is_hidden_segment, others))


def _is_hidden_segment(segment: str) -> bool:
    stem, _, number = segment.partition(".")[0].rpartition("~")
    is_short = 0 < len(stem) <= _LONGEST_SHORT_STEM and number.isdecimal()
    return (segment.startswith(".") and segment != ".") or is_short


def _is_safe_segment(segment: str) -> bool:
    if segment.endswith((".", " ")) and segment != ".":
        return False
    if len(segment.encode("utf-8", "surrogateescape")) > _LONGEST_NAME:
        return False
    return not is_device(segment)


def is_device(name: str) -> bool:
    """Whether Windows takes `name`, one segment of a path, for a device."""
    return name.partition(".")[0].rstrip(" ").lower() in _DEVICES
