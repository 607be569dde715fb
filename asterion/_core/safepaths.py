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


def is_safe_path(path: str) -> bool:
    """Whether `path`, relative and with `/` between its segments, stays where it starts and names no device.

    Refused: NUL, backslash and colon anywhere, a leading slash, `..` segments, device names, over-long names.
    """
    if path.startswith("/") or any(char in path for char in "\0\\:"):
        return False
    if len(path.encode("utf-8", "replace")) > _LONGEST_PATH:
        return False
    return all(map(_is_safe_segment, path.split("/")))


def _is_safe_segment(segment: str) -> bool:
    if segment == ".." or len(segment.encode("utf-8", "replace")) > _LONGEST_NAME:
        return False
    return segment.partition(".")[0].rstrip(" ").lower() not in _DEVICES
