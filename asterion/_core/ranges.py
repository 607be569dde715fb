"""The `Range` header of a request (RFC 9110 section 14).

Laws of this module:

- A header that is not exactly what the grammar allows is ignored, as the RFC demands: the answer is the whole
  representation, never an error. Numbers are ASCII digits; `int()` alone would take `1_0` and `+1` too.
- One satisfiable range is enough for an answer; those that are not satisfiable are left out of it.
- Ranges that overlap or touch are sent as one, so a client cannot ask for the same bytes a hundred times. The work is
  bounded by `max_ranges`, whatever the length of the header (CVE-2025-62727).
"""

__all__ = ("Unsatisfiable", "parse_range")

# More digits are a number too long for any representation and for int() (4,300 digits, CVE-2020-10735).
_MAX_DIGITS = 100


class Unsatisfiable(Exception):
    """No range that was asked for exists in a representation of `size` bytes: the answer is 416."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size

    def __str__(self) -> str:
        return f"None of the ranges asked for exists in {self.size} bytes."


def parse_range(header: str, size: int, max_ranges: int = 100) -> list[tuple[int, int]] | None:
    """Give the ranges to send from a representation of `size` bytes, as half-open pairs `(start, stop)`.

    They come in the order in which they were asked for; of those that were merged, the first counts. None means to
    ignore the header: another unit than bytes, a malformed set, or more than `max_ranges` members.
    Raises Unsatisfiable if the header is well-formed and none of its ranges is within the representation.
    """
    unit, _, text = header.strip(" \t").partition("=")
    if unit.lower() != "bytes" or text[:1] in (" ", "\t"):
        return None
    # A list may have empty members, which count for nothing (RFC 9110 section 5.6.1).
    members = [member for member in (piece.strip(" \t") for piece in text.split(",")) if member]
    if not members or len(members) > max_ranges:
        return None
    found: list[tuple[int, int]] = []
    for member in members:
        bounds = _bounds(member, size)
        if bounds is None:
            return None
        if bounds[0] < bounds[1]:
            found.append(bounds)
    if not found:
        raise Unsatisfiable(size)
    return _merged(found)


def _bounds(member: str, size: int) -> tuple[int, int] | None:
    """Give what one member asks for, cut to the size; an empty pair if it is not satisfiable, None if malformed."""
    first, dash, last = member.partition("-")
    start, end = _number(first), _number(last)
    if not dash or (first and start is None) or (last and end is None):
        return None
    if start is None:
        # "-5": the last five bytes. "-" alone is nothing.
        return None if end is None else (max(size - end, 0), size if end else 0)
    if end is None:
        return min(start, size), size
    return None if end < start else (min(start, size), min(end + 1, size))


def _number(digits: str) -> int | None:
    if digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS:
        return int(digits)
    return None


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    if len(ranges) == 1:
        return ranges
    # Sorted by start, a range can only meet the group before it. Each group keeps the place of its earliest member.
    groups: list[tuple[int, int, int]] = []
    for (start, stop), place in sorted(zip(ranges, range(len(ranges)), strict=True)):
        if groups and start <= groups[-1][2]:
            earliest, group_start, group_stop = groups[-1]
            groups[-1] = (min(earliest, place), group_start, max(group_stop, stop))
        else:
            groups.append((place, start, stop))
    return [(start, stop) for _, start, stop in sorted(groups)]
