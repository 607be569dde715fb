"""Convertors: what a path parameter may look like, and what it becomes.

Laws of this module:

- `regex` is what the route index puts into the pattern of the route; it is matched against the whole segment.
- `convert` raises `ValueError` for text that looks right and has no value (an integer of 5,000 digits, a float that
  overflows). The router then treats the route as one that does not match: a client gets 404, never 500.
- `to_string` raises `ValueError` for a value that the route could not take back.
- Digits are ASCII digits. `int()` alone would also take `1_0`, `+1` and the digits of other scripts.
"""

from __future__ import annotations

import math
import uuid
from typing import Any, ClassVar, Generic, TypeVar

__all__ = (
    "CONVERTOR_TYPES",
    "Convertor",
    "FloatConvertor",
    "IntegerConvertor",
    "PathConvertor",
    "StringConvertor",
    "UUIDConvertor",
    "register_url_convertor",
)

T = TypeVar("T")


class Convertor(Generic[T]):
    """Base of all convertors: `regex`, `convert` (text of the path to a value) and `to_string` (back)."""

    regex: ClassVar[str] = ""

    def convert(self, value: str) -> T:
        """Give the value that `value`, which matched `regex`, stands for. Raises ValueError if there is none."""
        raise NotImplementedError(f"{type(self).__name__} must define convert(value: str)")

    def to_string(self, value: T) -> str:
        """Give the text to put into the path for `value`. Raises ValueError if the route could not take it back."""
        raise NotImplementedError(f"{type(self).__name__} must define to_string(value)")


class StringConvertor(Convertor[str]):
    """One path segment: at least one character, no slash. Written `{name}` or `{name:str}`."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        text = str(value)
        if not text:
            raise ValueError(
                "A path parameter of type str cannot be empty: the route would not match the URL it builds."
            )
        if "/" in text:
            raise ValueError(
                f"A path parameter of type str cannot contain a slash: {text!r}. "
                "Declare it as {name:path} if it may span several segments."
            )
        return text


class PathConvertor(Convertor[str]):
    """The rest of the path, slashes included; may be empty. Written `{name:path}`."""

    # Line breaks too: a mount takes them as well, and what was put into a URL has to lead back.
    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return str(value)

    def to_string(self, value: str) -> str:
        return str(value)


class IntegerConvertor(Convertor[int]):
    """A non-negative decimal integer of at most `max_digits` digits. Written `{name:int}`."""

    regex = "[0-9]+"

    max_digits: ClassVar[int] = 4300
    """Digits of a number; text of more is no value. CPython refuses more than 4,300 (CVE-2020-10735), unless
    `sys.set_int_max_str_digits` allows it: ours holds in both cases."""

    def convert(self, value: str) -> int:
        if len(value) > self.max_digits:
            raise ValueError(
                f"An integer in a path has at most {self.max_digits} digits (max_digits), not {len(value)}."
            )
        if value.isdigit() and value.isascii():
            return int(value)
        raise ValueError(f"Not a decimal integer of ASCII digits: {value!r}")

    def to_string(self, value: int | str) -> str:
        # Text is taken too (path parameters that came from a form), by the same rules as in a path.
        number = self.convert(value) if isinstance(value, str) else int(value)
        if number < 0:
            raise ValueError(f"A path parameter of type int cannot be negative: {number}")
        return str(number)


class FloatConvertor(Convertor[float]):
    """A non-negative finite number in decimal notation. Written `{name:float}`."""

    regex = r"[0-9]+(\.[0-9]+)?"

    def convert(self, value: str) -> float:
        whole, point, decimals = value.partition(".")
        if not value.isascii() or not whole.isdigit() or (point and not decimals.isdigit()):
            raise ValueError(f"Not a decimal number of ASCII digits: {value!r}")
        number = float(value)
        if math.isinf(number):
            raise ValueError(f"A number of {len(value)} characters is too large for a float.")
        return number

    def to_string(self, value: float) -> str:
        number = float(value)
        if math.isnan(number) or math.isinf(number) or number < 0:
            raise ValueError(f"A path parameter of type float must be finite and not negative: {value!r}")
        # repr is the shortest text that reads back as the same float; Decimal writes it without an exponent.
        import decimal

        text = format(decimal.Decimal(repr(abs(number))), "f")
        return text.removesuffix(".0")


class UUIDConvertor(Convertor[uuid.UUID]):
    """A UUID, with or without its dashes. Written `{name:uuid}`."""

    regex = "[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}"

    def convert(self, value: str) -> uuid.UUID:
        return uuid.UUID(value)

    def to_string(self, value: uuid.UUID) -> str:
        return str(value)


CONVERTOR_TYPES: dict[str, Convertor[Any]] = {
    "str": StringConvertor(),
    "path": PathConvertor(),
    "int": IntegerConvertor(),
    "float": FloatConvertor(),
    "uuid": UUIDConvertor(),
}


def register_url_convertor(key: str, convertor: Convertor[Any]) -> None:
    """Make `{name:key}` in route paths declared from now on use `convertor`."""
    CONVERTOR_TYPES[key] = convertor
