"""What a suspended task waits for, in words: the frames of its chain of awaits, outermost first."""

import gc
import linecache
import os
import sys
import sysconfig
from collections.abc import Iterator
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType
from typing import Any

_LINKS = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))
_SUSPENDABLE = (CoroutineType, GeneratorType, AsyncGeneratorType)
_DEEPEST = 1000

_LIBRARIES = tuple(
    os.path.join(path, "")
    for path in (
        sysconfig.get_path("stdlib"),
        sysconfig.get_path("purelib"),
        sysconfig.get_path("platlib"),
        os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
    )
)


def describe(name: str, coroutine: Any) -> str:
    """One task: its name, the lines of the user's own code that it is in, and what it waits for at the bottom."""
    frames = list(_frames(coroutine))
    if not frames:
        return f"- {name}: has not run yet"
    own = [number for number, frame in enumerate(frames) if not _is_library(frame)]
    # What the user's code called says more than the bottom, which is the same yield for everything.
    bottom = frames[min(own[-1] + 1, len(frames) - 1)] if own else frames[-1]
    lines = [f"- {name} waits in {_qualified(bottom)} ({_place(bottom)})"]
    for frame in (frames[number] for number in own):
        text = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        lines.append(f"    {_place(frame)} in {_qualified(frame)}" + (f": {text}" if text else ""))
    return "\n".join(lines)


def within(coroutine: Any, directory: str) -> bool:
    """Whether all that a coroutine is in lies in a directory: a task of the event loop's own."""
    return all(frame.f_code.co_filename.startswith(directory) for frame in _frames(coroutine))


def thread_stack(ident: int | None) -> str:
    """Where a thread is now: the innermost lines of the user's code, or of any code if there is none."""
    frame = sys._current_frames().get(ident) if ident is not None else None
    stack: list[FrameType] = []
    while frame is not None:
        stack.append(frame)
        frame = frame.f_back
    own = [frame for frame in stack if not _is_library(frame)]
    return ", called from ".join(f"{_place(frame)} in {_qualified(frame)}" for frame in (own or stack)[:3])


def _frames(awaited: Any) -> Iterator[FrameType]:
    for _ in range(_DEEPEST):
        if awaited is None:
            return
        for frame_name, next_name in _LINKS:
            if hasattr(awaited, frame_name):
                frame = getattr(awaited, frame_name)
                if frame is not None:
                    yield frame
                awaited = getattr(awaited, next_name)
                break
        else:
            awaited = _inside(awaited)


def _inside(awaitable: Any) -> Any:
    """What a wrapper made in C drives (`anext`, `__await__` of a coroutine): it shows that to the collector only."""
    if type(awaitable).__module__ != "builtins":
        return None
    return next((inner for inner in gc.get_referents(awaitable) if isinstance(inner, _SUSPENDABLE)), None)


def _is_library(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_LIBRARIES)


def _place(frame: FrameType) -> str:
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


def _qualified(frame: FrameType) -> str:
    return getattr(frame.f_code, "co_qualname", frame.f_code.co_name)
