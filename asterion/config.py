"""Configuration from the environment and from a `.env` file.

Laws of this module:

- The environment wins over the file, the file over the default.
- What is not there and has no default is an error that names the key; so is a value that cannot be cast.
- A file is read as shells and the usual tools read it: `export` in front, quotes, comments behind a value.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any, TypeVar, overload

from asterion._core.jsoncodec import JSONCodec, use_json_codec

__all__ = ("Config", "Environ", "EnvironError", "JSONCodec", "environ", "undefined", "use_json_codec")

T = TypeVar("T")

_BOOLEANS = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


class undefined:
    """Stands for "no default given", since None can be a default."""


class EnvironError(Exception):
    """An environment variable was set or deleted after it had been read."""


class Environ(MutableMapping[str, str]):
    """The process environment, in which a variable that was read cannot be changed any more.

    Setting one later would have no effect on what was configured from it, which tests find out too late.
    """

    def __init__(self, environ: MutableMapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._read: set[str] = set()

    def __getitem__(self, key: str) -> str:
        self._read.add(key)
        return self._environ[key]

    def __setitem__(self, key: str, value: str) -> None:
        self._refuse_if_read(key, "set")
        self._environ[key] = value

    def __delitem__(self, key: str) -> None:
        self._refuse_if_read(key, "delete")
        del self._environ[key]

    def _refuse_if_read(self, key: str, verb: str) -> None:
        if key in self._read:
            raise EnvironError(
                f"Cannot {verb} environ[{key!r}]: its value was read already. Do it before the first read."
            )

    def __iter__(self) -> Iterator[str]:
        return iter(self._environ)

    def __len__(self) -> int:
        return len(self._environ)


environ = Environ()


class Config:
    """Gives configuration values: `config("DEBUG", cast=bool, default=False)`.

    `env_file` is a file of `KEY=value` lines; a missing one is a warning, because in production there often is none.
    `env_prefix` is put in front of every key. Raises ValueError, with the line, for a quote that is not closed.
    """

    def __init__(
        self,
        env_file: str | Path | None = None,
        environ: Mapping[str, str] = environ,
        env_prefix: str = "",
        encoding: str = "utf-8",
    ) -> None:
        self.environ = environ
        self.env_prefix = env_prefix
        self.file_values: dict[str, str] = {}
        if env_file is None:
            return
        if Path(env_file).is_file():
            text = Path(env_file).read_text(encoding=encoding)
            self.file_values = _parse_env(text, str(env_file))
        else:
            warnings.warn(
                f"Configuration file {str(env_file)!r} not found; only the environment is used.", stacklevel=2
            )

    @overload
    def __call__(self, key: str, *, default: None) -> str | None: ...
    @overload
    def __call__(self, key: str, cast: type[T], default: T = ...) -> T: ...
    @overload
    def __call__(self, key: str, cast: type[str] = ..., default: str = ...) -> str: ...
    @overload
    def __call__(self, key: str, cast: Callable[[Any], T] = ..., default: Any = ...) -> T: ...
    @overload
    def __call__(self, key: str, cast: type[str] = ..., default: T = ...) -> T | str: ...
    def __call__(self, key: str, cast: Callable[[Any], Any] | None = None, default: Any = undefined) -> Any:
        """Give the value of `key`. See `get`."""
        return self.get(key, cast, default)

    def get(self, key: str, cast: Callable[[Any], Any] | None = None, default: Any = undefined) -> Any:
        """Give the value of `key` from the environment, else the file, else `default`; `cast` is applied to each.

        `cast=bool` knows true/false, yes/no, on/off and 1/0 in any case. Raises KeyError if there is nothing,
        ValueError if `cast` refuses the value.
        """
        key = self.env_prefix + key
        if key in self.environ:
            return _cast(key, self.environ[key], cast)
        if key in self.file_values:
            return _cast(key, self.file_values[key], cast)
        if default is not undefined:
            return _cast(key, default, cast)
        raise KeyError(f"Config {key!r} is neither in the environment nor in the file, and has no default.")


def _cast(key: str, value: Any, cast: Callable[[Any], Any] | None) -> Any:
    if cast is None or value is None:
        return value
    try:
        if cast is bool and isinstance(value, str):
            return _BOOLEANS[value.strip().lower()]
        return cast(value)
    except (TypeError, ValueError, KeyError) as exc:
        name = getattr(cast, "__name__", repr(cast))
        raise ValueError(f"Config {key!r} has the value {value!r}, which is not a valid {name}.") from exc


def _parse_env(text: str, source: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        line = raw.strip()
        key, equals, rest = line.partition("=")
        if not equals or line.startswith("#"):
            continue
        words = key.split()
        if len(words) == 2 and words[0] == "export":
            del words[0]
        if len(words) != 1:
            raise ValueError(f"{source}, line {number}: {key.strip()!r} is not a name. Write NAME=value.")
        values[words[0]] = _env_value(rest.strip(), f"{source}, line {number}")
    return values


def _env_value(text: str, where: str) -> str:
    """Give the value in the text behind the equals sign: quoted or not, a comment behind it or not.

    In single quotes everything is literal; in double quotes a backslash escapes n, r, t, a quote, a dollar sign and
    itself. Without quotes a comment starts at a `#` that follows white space.
    """
    quote = text[:1]
    if quote not in ("'", '"'):
        if quote == "#":
            return ""
        cuts = [at for at in (text.find(" #"), text.find("\t#")) if at >= 0]
        return text[: min(cuts)].rstrip() if cuts else text
    value: list[str] = []
    at = 1
    while at < len(text) and text[at] != quote:
        if text[at] == "\\" and quote == '"' and text[at + 1 : at + 2] in _ESCAPES:
            value.append(_ESCAPES[text[at + 1]])
            at += 2
        else:
            value.append(text[at])
            at += 1
    rest = text[at + 1 :].strip()
    if at >= len(text) or (rest and not rest.startswith("#")):
        raise ValueError(
            f"{where}: {text!r} is not a quoted value. Close the quote, put nothing but a comment behind it, and use "
            "the other kind of quote if the value contains this one."
        )
    return "".join(value)
