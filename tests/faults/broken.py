"""Applications that each break one promise: what the harness has to notice.

Each is a bare ASGI application, asked as its scenario says, at no fault or at the fault that shows it.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.faults.kit import AppError, Stage
from tests.faults.server import suspend

START = {"type": "http.response.start", "status": 200, "headers": []}


def body(content: bytes, more: bool = False) -> dict[str, Any]:
    """A body message."""
    return {"type": "http.response.body", "body": content, "more_body": more}


@dataclass(frozen=True)
class Broken:
    """A broken application, and the kind of violation it must be found guilty of."""

    kind: str
    make: Callable[[Stage], Any]
    fault: str | None = None
    ends_started: bool = False
    work: tuple[str, ...] = ()


BROKEN: list[Broken] = []


def broken(kind: str, **options: Any) -> Callable[[Any], Any]:
    """Add an application, `async def (stage, receive, send)`."""

    def add(app: Any) -> Any:
        def make(stage: Stage) -> Any:
            async def asgi(scope: Any, receive: Any, send: Any) -> None:
                await app(stage, receive, send)

            return asgi

        BROKEN.append(Broken(kind, make, **options))
        return app

    return add


async def answer(send: Any) -> None:
    """A right answer."""
    await send(START)
    await send(body(b"hello"))


@broken("message order")
async def starts_twice(stage: Stage, receive: Any, send: Any) -> None:
    await send(START)
    await answer(send)


@broken("message order")
async def sends_twice_at_once(stage: Stage, receive: Any, send: Any) -> None:
    await send(START)
    await asyncio.gather(send(body(b"a", True)), send(body(b"b", True)))
    await send(body(b""))


@broken("message order")
async def lies_about_its_length(stage: Stage, receive: Any, send: Any) -> None:
    await send({**START, "headers": [(b"content-length", b"9")]})
    await send(body(b"short"))


@broken("incomplete without a fault")
async def never_ends(stage: Stage, receive: Any, send: Any) -> None:
    await send(START)
    await send(body(b"a", True))


@broken("cut short but complete", ends_started=True)
async def ends_after_an_error(stage: Stage, receive: Any, send: Any) -> None:
    await send(START)
    stage.ledger.fail(AppError("in the middle"))
    await send(body(b""))
    raise stage.ledger.raised  # type: ignore[misc]


@broken("cut short but complete", fault="receive raises")
async def skips_what_is_left(stage: Stage, receive: Any, send: Any) -> None:
    await send(START)
    if not stage.ledger.server.receive_breaks:
        await send(body(b"the first half", True))
    await send(body(b"the second half"))


@broken("iterator not closed")
async def leaves_its_generator(stage: Stage, receive: Any, send: Any) -> None:
    from tests.faults.http import chunks

    generator = chunks(stage)
    stage.kept = generator  # type: ignore[attr-defined]
    await anext(generator)
    await answer(send)


@broken("generator left to the collector")
async def drops_its_generator(stage: Stage, receive: Any, send: Any) -> None:
    from tests.faults.http import chunks

    await anext(chunks(stage))
    await answer(send)


@broken("closed in another task")
async def closes_elsewhere(stage: Stage, receive: Any, send: Any) -> None:
    from tests.faults.http import chunks

    generator = chunks(stage)
    await anext(generator)
    await asyncio.create_task(generator.aclose())
    await answer(send)


@broken("file left open")
async def leaves_a_file_open(stage: Stage, receive: Any, send: Any) -> None:
    stage.descriptor = os.open(stage.folder + "/data.bin", os.O_RDONLY)  # type: ignore[attr-defined]
    await answer(send)


@broken("file left open")
async def leaves_a_file_to_the_collector(stage: Stage, receive: Any, send: Any) -> None:
    open(stage.folder + "/data.bin").read(1)  # noqa: SIM115 - that is what is wrong with it
    await answer(send)


@broken("file left open")
async def leaves_an_upload_open(stage: Stage, receive: Any, send: Any) -> None:
    stage.spool = stage.kit.formparsers.SpooledTemporaryFile()  # type: ignore[attr-defined]
    await answer(send)


@broken("task left behind")
async def leaves_a_task(stage: Stage, receive: Any, send: Any) -> None:
    stage.task = asyncio.create_task(asyncio.Event().wait())  # type: ignore[attr-defined]
    await answer(send)


@broken("task left behind")
async def leaves_a_task_for_a_moment(stage: Stage, receive: Any, send: Any) -> None:
    await answer(send)
    stage.task = asyncio.create_task(suspend())  # type: ignore[attr-defined]


@broken("cancellation lost", fault="task cancel")
async def catches_cancellation(stage: Stage, receive: Any, send: Any) -> None:
    try:
        await answer(send)
    except asyncio.CancelledError:
        pass


@broken("cancellation lost", fault="scope cancel")
async def turns_cancellation_into_an_error(stage: Stage, receive: Any, send: Any) -> None:
    try:
        await answer(send)
    except asyncio.CancelledError:
        raise AppError("not cancelled") from None


@broken("wrong exception", fault="send raises")
async def wraps_the_error(stage: Stage, receive: Any, send: Any) -> None:
    try:
        await answer(send)
    except Exception as error:
        raise RuntimeError("wrapped") from error


@broken("exception swallowed", fault="send raises")
async def swallows_the_error(stage: Stage, receive: Any, send: Any) -> None:
    try:
        await answer(send)
    except Exception:
        pass


@broken("exception swallowed", fault="receive raises")
async def swallows_the_error_of_receive(stage: Stage, receive: Any, send: Any) -> None:
    await suspend()
    try:
        await receive()
    except Exception:
        return
    await answer(send)


@broken("exception group", fault="send raises")
async def groups_the_error(stage: Stage, receive: Any, send: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(answer(send))


@broken("hang", fault="disconnect, send silent")
async def waits_for_ever(stage: Stage, receive: Any, send: Any) -> None:
    await suspend()
    if stage.ledger.server.gone:
        await asyncio.Event().wait()
    await answer(send)


@broken("background skipped", work=("work",))
async def forgets_its_work(stage: Stage, receive: Any, send: Any) -> None:
    await answer(send)


@broken("background too early", work=("work",))
async def works_too_early(stage: Stage, receive: Any, send: Any) -> None:
    stage.ledger.begin("work")
    stage.ledger.end("work")
    await answer(send)


@broken("background interrupted", fault="task cancel", work=("work",))
async def work_dies_with_its_request(stage: Stage, receive: Any, send: Any) -> None:
    await answer(send)
    stage.ledger.begin("work")
    await suspend()
    stage.ledger.end("work")


@broken("loop complained")
async def never_awaits(stage: Stage, receive: Any, send: Any) -> None:
    suspend()  # type: ignore[unused-coroutine]
    await answer(send)


@broken("loop complained")
async def fails_in_a_callback(stage: Stage, receive: Any, send: Any) -> None:
    asyncio.get_running_loop().call_soon(lambda: 1 // 0)
    await answer(send)
