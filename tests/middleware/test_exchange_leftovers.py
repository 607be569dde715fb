"""Function middleware where a response is replaced, cut off or of another kind: what each leaves behind, and shows."""

from typing import Any

import anyio
import pytest

from asterion.background import BackgroundTask
from asterion.requests import Request
from asterion.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from tests.asgi import pass_through, request, wait_all_blocked
from tests.middleware.test_exchange_edges import FORM, IS_FORM, application

pytestmark = pytest.mark.anyio


async def test_a_body_that_an_inner_function_has_put_in_place_is_closed_where_an_outer_one_answers(way: str) -> None:
    closed: list[str] = []

    class Body:
        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> bytes:
            raise StopAsyncIteration

        async def aclose(self) -> None:
            closed.append("closed")

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("hello")

    async def inner(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.body_iterator = Body()
        return response

    async def outer(request: Request, call_next: Any) -> Any:
        await call_next(request)
        return PlainTextResponse("other")

    answer = await request(application(endpoint, outer, inner, way=way))
    assert (answer.body, closed) == (b"other", ["closed"])


async def test_files_of_a_form_are_closed_where_the_request_is_cancelled(way: str, layers: int) -> None:
    uploads: list[Any] = []

    async def endpoint(request: Request) -> Response:
        uploads.append((await request.form())["f"])
        around.cancel()
        await anyio.sleep_forever()
        raise AssertionError("unreachable")

    app = application(endpoint, *[pass_through] * layers, way=way)
    with anyio.CancelScope() as around:
        await request(app, headers=IS_FORM, body=FORM)
    assert around.cancelled_caught
    assert uploads[0].file.closed


async def test_dispatch_sees_the_head_that_a_file_will_have(way: str, layers: int, tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    seen: list[tuple[int, str | None]] = []

    async def endpoint(request: Request) -> Response:
        return FileResponse(path)

    async def looks(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        seen.append((response.status_code, response.headers.get("content-range")))
        return response

    answer = await request(application(endpoint, *[looks] * layers, way=way), headers=[("range", "bytes=2-4")])
    assert (answer.status, answer.body) == (206, b"234")
    assert seen == [(206, "bytes 2-4/10")] * layers


async def test_an_endpoint_may_return_any_application(way: str, layers: int) -> None:
    async def other(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": [(b"x-a", b"1")]})
        await send({"type": "http.response.body", "body": b"tea"})

    async def endpoint(request: Request) -> Any:
        return other

    async def adds(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["x-b"] = response.headers["x-a"]
        return response

    answer = await request(application(endpoint, *[adds] * layers, way=way))
    assert (answer.status, answer.body) == (418, b"tea")
    assert ("x-b" in answer.headers) is bool(layers)


async def test_work_of_a_response_is_done_where_an_inner_function_fails_after_it_and_an_outer_one_answers(
    way: str,
) -> None:
    done: list[str] = []

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("hello", background=BackgroundTask(done.append, "work"))

    async def inner(request: Request, call_next: Any) -> Any:
        await call_next(request)
        raise KeyError("inner")

    async def outer(request: Request, call_next: Any) -> Any:
        try:
            return await call_next(request)
        except KeyError:
            return PlainTextResponse("other")

    answer = await request(application(endpoint, outer, inner, way=way))
    assert (answer.body, done) == (b"other", ["work"])


async def test_a_response_that_listens_for_the_client_takes_nothing_of_the_body_from_who_reads_it(way: str) -> None:
    async def endpoint(request: Request) -> Response:
        return StreamingResponse(request.stream())

    async def listens(request: Request, call_next: Any) -> Any:
        response = await call_next(request)

        async def own(scope: Any, receive: Any, send: Any) -> None:
            async def listen() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass

            async with anyio.create_task_group() as group:
                group.start_soon(listen)
                await wait_all_blocked()
                await StreamingResponse(response.body_iterator)(scope, anyio.sleep_forever, send)
                group.cancel_scope.cancel()

        return own

    answer = await request(application(endpoint, listens, way=way), body=[b"a", b"b", b"c"])
    assert (answer.body, answer.complete) == (b"abc", True)
