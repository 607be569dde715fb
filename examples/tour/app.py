"""The application of the tour: what Asterion does, one small handler for each thing."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from asterion.applications import Asterion
from asterion.background import BackgroundTask
from asterion.datastructures import UploadFile
from asterion.exceptions import HTTPException
from asterion.middleware import Middleware
from asterion.middleware.base import BaseHTTPMiddleware
from asterion.requests import Request
from asterion.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from asterion.routing import Mount, Route, WebSocketRoute
from asterion.staticfiles import StaticFiles
from asterion.templating import Jinja2Templates
from asterion.websockets import WebSocket
from examples.tour.book import Book, Upload, file_note
from examples.tour.middleware import counting, guarding, timing

HERE = Path(__file__).parent
UPLOAD_LIMIT = 10 * 1024 * 1024
"""The largest body of an upload, in bytes."""
NOTE_LIMIT = 400
"""The longest note, in characters."""
MOST_LINES = 1000
PAUSE = 0.1
"""Seconds between two lines of the stream."""

templates = Jinja2Templates(directory=HERE / "templates")


async def home(request: Request) -> Response:
    """A page from a template."""
    context = {"book": request.state.book, "number": request.state.number, "note_limit": NOTE_LIMIT}
    return templates.TemplateResponse(request, "home.html", context)


async def add_note(request: Request) -> Response:
    """A form; the note is filed by a background task after the browser has been sent back to the page."""
    async with request.form(max_files=0, max_fields=10) as form:
        name, text = str(form.get("name", "")).strip(), str(form.get("text", "")).strip()
    if not name or not text:
        raise HTTPException(400, detail="A note needs a name and a text.")
    if len(name) + len(text) > NOTE_LIMIT:
        raise HTTPException(413, detail=f"A note has {NOTE_LIMIT} characters at most.")
    note = request.state.book.add_note(name, text)
    page = request.app.url_path_for("home") + "#notes"
    return RedirectResponse(page, status_code=303, background=BackgroundTask(file_note, note))


async def add_upload(request: Request) -> Response:
    """A file upload, read piece by piece."""
    async with request.form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            raise HTTPException(400, detail="Choose a file to upload.")
        digest = hashlib.sha256()
        size = 0
        while piece := await file.read(65536):
            digest.update(piece)
            size += len(piece)
        request.state.book.uploads.appendleft(Upload(file.filename, size, digest.hexdigest()))
    return RedirectResponse(request.app.url_path_for("home") + "#uploads", status_code=303)


async def stream(request: Request) -> Response:
    """An answer that is sent while it is made; the generator is closed on every way out."""
    asked = request.query_params.get("lines", "12")
    if not (asked.isascii() and asked.isdigit() and len(asked) <= 4 and 1 <= int(asked) <= MOST_LINES):
        raise HTTPException(400, detail=f"lines is a number from 1 to {MOST_LINES}, not {asked!r}.")
    book: Book = request.state.book
    count = int(asked)

    async def lines() -> AsyncIterator[str]:
        book.streams_open += 1
        try:
            for number in range(1, count + 1):
                yield f"line {number} of {count}\n"
                await anyio.sleep(PAUSE)
        finally:
            book.streams_open -= 1

    return StreamingResponse(lines(), media_type="text/plain")


async def state(request: Request) -> Response:
    """What the application remembers, as JSON; the page asks for it until a note is filed."""
    book: Book = request.state.book
    return JSONResponse(
        {
            "notes": [{"number": note.number, "name": note.name, "filed": note.filed} for note in book.notes],
            "uploads": [{"filename": upload.filename, "size": upload.size} for upload in book.uploads],
            "streams_open": book.streams_open,
        }
    )


async def echo(websocket: WebSocket) -> None:
    """A WebSocket that sends back what it is sent."""
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


@asynccontextmanager
async def lifespan(app: Asterion) -> AsyncIterator[dict[str, Any]]:
    """The state of the application lives as long as the application does."""
    yield {"book": Book()}


def create_app() -> Asterion:
    """The application, with a memory of its own."""
    return Asterion(
        routes=[
            Route("/", home),
            Route("/notes", add_note, methods=["POST"]),
            Route("/uploads", add_upload, methods=["POST"], max_body_size=UPLOAD_LIMIT),
            Route("/stream", stream),
            Route("/state", state),
            WebSocketRoute("/echo", echo),
            Mount("/static", StaticFiles(directory=HERE / "static"), name="static"),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=function) for function in (timing, counting, guarding)],
        lifespan=lifespan,
    )
