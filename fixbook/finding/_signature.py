"""What is the same every time one failure shows itself: the exceptions, the frames, and the message."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fixbook.finding._text import clean, normalise, unprefixed

__all__ = ["Frame", "Signature", "signature"]

_FRAME = re.compile(r'File "([^"\n]{1,1000})", line (\d{1,9})(?:, in ([^\s,]{1,200}))?')
_PYTEST_FRAME = re.compile(r"\.py:\d{1,9}: in ([\w<>.]{1,200})")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_ENDINGS: tuple[str, ...] = (
    "Error",
    "Exception",
    "ExceptionGroup",
    "Warning",
    "Interrupt",
    "SystemExit",
    "StopIteration",
    "Timeout",
)
_ENDINGS += ("StopAsyncIteration", "GeneratorExit", "Disconnect", "Cancelled")
_BOUNDARIES = ("Traceback (most recent call last)", "During handling of the above", "The above exception was")
_MAX_MESSAGE = 500
_MAX_FRAMES = 1000


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a traceback."""

    module: str  # dotted, without what differs between machines: "starlette.middleware.base"
    function: str  # "" where the traceback does not say

    def __str__(self) -> str:
        return f"{self.module}:{self.function}" if self.function else self.module


@dataclass(frozen=True, slots=True)
class Signature:
    """A failure without what is volatile in it."""

    exception: str | None  # type of the last exception, with its module as far as it is told
    message: str | None  # of that exception, normalised; without an exception, the first line
    frames: tuple[Frame, ...] = ()  # outermost first, each once
    exceptions: tuple[str, ...] = ()  # every type, in the order in which they are told


def signature(text: str) -> Signature:
    """The signature of a traceback, or of a mere message (which then has no frames). Never raises."""
    text = clean(text)
    places = sorted((*_frames(text), *_pytest_frames(text)))[:_MAX_FRAMES]
    found: list[tuple[str, str]] = []
    start = 0
    for begin, end, _ in places:
        found.extend(_exceptions(text[start:begin], after_frame=start > 0))
        start = max(start, end)
    rest = text[start:]
    found.extend(_exceptions(rest, after_frame=start > 0) or (_raised(rest) if start else []))
    frames = tuple(dict.fromkeys(frame for _, _, frame in places if frame.module))
    if found:
        name, message = found[-1]
        return Signature(name, normalise(message) or None, frames, tuple(dict.fromkeys(name for name, _ in found)))
    first = next((line for line in map(unprefixed, text.split("\n")) if line), "")
    return Signature(None, normalise(first[:_MAX_MESSAGE]) or None, frames)


def _frames(text: str) -> list[tuple[int, int, Frame]]:
    return [(f.start(), f.end(), Frame(_module(f[1]), f[3] or "")) for f in _FRAME.finditer(text)]


def _pytest_frames(text: str) -> list[tuple[int, int, Frame]]:
    found = []
    for match in _PYTEST_FRAME.finditer(text):
        before = text[max(0, match.start() - 300) : match.start()]
        path = re.split(r"[\s\"'(|]", before)[-1]
        found.append((match.start() - len(path), match.end(), Frame(_module(path + ".py"), match[1])))
    return found


def _module(path: str) -> str:
    """The module of a file, as far as it does not depend on where Python and the project are installed."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..", "...")]
    if not parts:
        return ""
    parts[-1] = parts[-1].removesuffix(".py").removesuffix(".pyx")
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] in ("site-packages", "dist-packages"):
            parts = parts[index + 1 :]
            break
        if index and _is_python_folder(parts[index]) and parts[index - 1].casefold() in ("lib", "lib64"):
            parts = parts[index + 1 :]
            break
        if index and parts[index] == "Lib" and parts[index - 1].casefold().startswith("python"):
            parts = parts[index + 1 :]
            break
    else:
        parts = _without_checkout(parts)[-3:]
    if len(parts) > 1 and parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


def _is_python_folder(name: str) -> bool:
    return name.startswith("python") and name[6:].replace(".", "").isdigit()


def _without_checkout(parts: list[str]) -> list[str]:
    """Of `…/starlette/starlette/routing` (a checkout) or `…/src/package/module` what can be imported."""
    for index in range(len(parts) - 2, 0, -1):
        if parts[index] == parts[index - 1] or parts[index - 1] == "src":
            return parts[index:]
    return parts


def _exceptions(gap: str, *, after_frame: bool) -> list[tuple[str, str]]:
    """The exceptions that are told between two frames, with their messages."""
    lines = gap.split("\n")
    found = [pair for pair in (_told(unprefixed(line), after_frame=after_frame) for line in lines) if pair is not None]
    if not found and after_frame and (longest := max(lines, key=len)) and len(longest) > 20:
        return _flattened(longest)
    return found


def _told(line: str, *, after_frame: bool) -> tuple[str, str] | None:
    """The exception that is all of this line, with its message."""
    match = _NAME.match(line)
    if match is None:
        return None
    name, rest = match[0].rstrip("."), line[match.end() :]
    if rest and not rest.startswith((": ", ":\n")) and rest != ":":
        return None
    if _is_exception(name) or (after_frame and "." in name and name.rpartition(".")[2][:1].isupper()):
        return name, rest[1 : 1 + _MAX_MESSAGE].strip()
    return None


def _is_exception(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last.endswith(_ENDINGS) and last[:1].isupper() and not last.isupper()


def _flattened(line: str) -> list[tuple[str, str]]:
    """The exceptions in a line that has code, exceptions and headings one after the other."""
    found = []
    for match in _NAME.finditer(line):
        name, rest = match[0].rstrip("."), line[match.end() : match.end() + _MAX_MESSAGE]
        before = line[max(0, match.start() - 8) : match.start()].split()
        told = _is_exception(name) or ("." in name and name.rpartition(".")[2][:1].isupper())
        if not told or (rest and not rest.startswith((": ", " "))) or (before and before[-1] in _BEFORE_CODE):
            continue
        message = rest[2:] if rest.startswith(": ") else ""
        for boundary in _BOUNDARIES:
            message = message.partition(boundary)[0]
        found.append((name, message.strip()))
    return found


def _raised(rest: str) -> list[tuple[str, str]]:
    """What the last line of code of a traceback that was cut off was about to raise."""
    for line in rest.split("\n"):
        code = unprefixed(line)
        if code.startswith("raise ") and (match := _NAME.match(code, 6)) and _is_exception(match[0]):
            argument = code[match.end() : match.end() + _MAX_MESSAGE].strip()
            quoted = argument[1:-1].strip() if argument.startswith("(") and argument.endswith(")") else ""
            is_text = (
                len(quoted) > 1 and quoted[0] == quoted[-1] and quoted[0] in "\"'" and quoted[0] not in quoted[1:-1]
            )
            return [(match[0], quoted[1:-1] if is_text else "")]
    return []


_BEFORE_CODE = ("raise", "except", "class", "import", "from", "as", "isinstance(", "=", "return", "(", ",", "->", "|")
