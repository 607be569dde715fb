"""Responses: a status, raw headers and a body, sent as ASGI messages."""

from asterion.responses._base import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from asterion.responses._events import EventSourceResponse, ServerSentEvent, last_event_id
from asterion.responses._files import FileResponse, MalformedRangeHeader, RangeNotSatisfiable
from asterion.responses._next import safe_next_url
from asterion.responses._streaming import (
    AsyncContentStream,
    Content,
    ContentStream,
    StreamingResponse,
    SyncContentStream,
)

__all__ = [
    "AsyncContentStream",
    "Content",
    "ContentStream",
    "EventSourceResponse",
    "FileResponse",
    "HTMLResponse",
    "JSONResponse",
    "MalformedRangeHeader",
    "PlainTextResponse",
    "RangeNotSatisfiable",
    "RedirectResponse",
    "Response",
    "ServerSentEvent",
    "StreamingResponse",
    "SyncContentStream",
    "last_event_id",
    "safe_next_url",
]
