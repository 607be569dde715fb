"""An error of background work that has a handler is answered to nobody; the log has it."""

import logging

import pytest

from asterion.applications import Asterion
from asterion.background import BackgroundTask
from asterion.exceptions import HTTPException
from asterion.requests import Request
from asterion.responses import PlainTextResponse, Response
from asterion.routing import Route
from tests.asgi import function_layers, request

pytestmark = pytest.mark.anyio


async def work() -> None:
    raise HTTPException(418, "too late")


async def endpoint(request: Request) -> Response:
    return PlainTextResponse("done", background=BackgroundTask(work))


async def test_an_http_exception_of_background_work_is_logged(
    layers: int, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = Asterion(routes=[Route("/", endpoint)], middleware=function_layers(layers, way))
    with caplog.at_level(logging.ERROR, "asterion"):
        answer = await request(app)
    assert (answer.status, answer.body) == (200, b"done")
    assert [record.name for record in caplog.records] == ["asterion.exceptions"]
    assert "after the response was complete" in caplog.text
    assert "too late" in caplog.text
