"""The shop: what FastAPI's users take from it and from Starlette in one application."""

import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import anyio
from fastapi import (
    APIRouter,
    BackgroundTasks,
    Depends,
    FastAPI,
    File,
    Form,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    UploadFile,
    WebSocket,
    WebSocketDisconnect,
)
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="none")


class Item(BaseModel):
    name: str = Field(min_length=2)
    price: float
    tags: list[str] = []


class SoldOut(Exception):
    def __init__(self, name: str) -> None:
        self.name = name


class Unexpected(Exception):
    pass


class Session:
    """What a dependency with `yield` hands out; it writes down what becomes of it."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.open = True


async def session(request: HTTPConnection) -> AsyncIterator[Session]:
    log: list[str] = request.app.state.log
    given = Session(log)
    log.append("session opened")
    try:
        yield given
    except Exception as error:
        log.append(f"session saw {type(error).__name__}")
        raise
    finally:
        given.open = False
        log.append("session closed")


def customer(x_customer: Annotated[str | None, Header()] = None) -> str:
    """A sync dependency: it runs in a thread."""
    if x_customer is None:
        raise HTTPException(401, "who are you?", headers={"WWW-Authenticate": "Customer"})
    return x_customer


class MarkedRoute(APIRoute):
    """A route class of one's own, the documented way to see requests before their dependencies do."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        original = super().get_route_handler()

        async def handler(request: Request) -> Response:
            response = await original(request)
            response.headers["x-route"] = self.name
            return response

        return handler


class VersionedRouter(APIRouter):
    """A subclass of APIRouter that puts its version in front of every path."""

    def __init__(self, version: str, **options: Any) -> None:
        super().__init__(prefix=f"/{version}", route_class=MarkedRoute, **options)


SessionOf = Annotated[Session, Depends(session)]


def items_router() -> APIRouter:
    router = VersionedRouter("v1", tags=["items"])
    stock: dict[int, Item] = {1: Item(name="lamp", price=5)}

    @router.get("/items/{number}", response_model=Item)
    async def read_item(number: int, session: SessionOf) -> Any:
        if number == 13:
            raise SoldOut("black cat")
        if number not in stock:
            raise HTTPException(404, "no such item")
        return stock[number]

    @router.put("/items/{number}", status_code=201)
    def write_item(number: int, item: Item, by: Annotated[str, Depends(customer)]) -> dict[str, Any]:
        stock[number] = item
        return {"number": number, "by": by, **item.model_dump()}

    @router.get("/search")
    def search(q: Annotated[str, Query(max_length=5)], limit: int = 10) -> dict[str, Any]:
        return {"q": q, "limit": limit}

    @router.get("/broken")
    async def broken(session: SessionOf) -> None:
        raise Unexpected("inside")

    return router


def work_router() -> APIRouter:
    router = APIRouter()

    @router.post("/orders")
    async def order(request: Request, background: BackgroundTasks, session: SessionOf) -> dict[str, str]:
        log: list[str] = request.app.state.log
        background.add_task(log.append, "mailed")
        background.add_task(sent_later, log)
        return {"id": request_id.get()}

    async def sent_later(log: list[str]) -> None:
        await anyio.lowlevel.checkpoint()
        log.append(f"packed by {request_id.get()}")

    @router.get("/feed")
    async def feed(session: SessionOf) -> StreamingResponse:
        async def lines() -> AsyncIterator[str]:
            for number in range(3):
                await anyio.lowlevel.checkpoint()
                yield f"{number} {session.open}\n"

        return StreamingResponse(lines(), media_type="text/plain")

    @router.get("/endless")
    async def endless(session: SessionOf) -> StreamingResponse:
        async def lines() -> AsyncIterator[str]:
            while True:
                yield "tick\n"
                await anyio.sleep(0.01)

        return StreamingResponse(lines(), media_type="text/plain")

    @router.post("/upload")
    async def upload(file: Annotated[UploadFile, File()], note: Annotated[str, Form()] = "") -> dict[str, Any]:
        return {"name": file.filename, "size": len(await file.read()), "note": note}

    @router.post("/small", max_body_size=10)
    async def small(request: Request) -> int:
        return len(await request.body())

    @router.get("/old", name="old")
    async def old(request: Request) -> RedirectResponse:
        return RedirectResponse(request.url_for("read_item", number=1))

    @router.websocket("/ws/{room}")
    async def chat(websocket: WebSocket, room: str, session: SessionOf, key: str = "") -> None:
        if key != "open":
            await websocket.close(code=4401)
            return
        await websocket.accept()
        try:
            while True:
                await websocket.send_json({"room": room, "said": await websocket.receive_text()})
        except WebSocketDisconnect as left:
            session.log.append(f"left with {left.code}")

    return router


def admin_app() -> FastAPI:
    admin = FastAPI(title="Admin", max_body_size=100)

    @admin.middleware("http")
    async def stamp(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["x-admin"] = request.scope["root_path"]
        return response

    @admin.get("/who")
    async def who(request: Request) -> dict[str, str]:
        return {"root_path": request.scope["root_path"], "id": request_id.get()}

    @admin.post("/notes")
    async def notes(request: Request) -> int:
        return len(await request.body())

    return admin


class TimingMiddleware(BaseHTTPMiddleware):
    """The class form, with the body of each response looked at."""

    async def dispatch(self, request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["x-timing"] = "1"
        return response


class PureMiddleware:
    """The pure ASGI form."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-pure", b"1")]
            await send(message)

        await self.app(scope, receive, sending)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    app.state.log.append("started")
    yield {"greeting": "hello"}
    app.state.log.append("stopped")


def create_app(pages: Path) -> FastAPI:
    """A new shop, whose pages lie in a directory."""
    app = FastAPI(title="Shop", lifespan=lifespan, max_body_size=100_000)
    app.state.log = []
    app.include_router(items_router())
    app.include_router(work_router(), prefix="/work")
    app.mount("/admin", admin_app())
    app.frontend("/pages", directory=pages)

    @app.get("/greeting")
    async def greeting(request: Request) -> Any:
        return request.state.greeting

    @app.get("/failing-stream")
    async def failing_stream() -> StreamingResponse:
        async def lines() -> AsyncIterator[str]:
            yield "one\n"
            raise Unexpected("after the start")

        return StreamingResponse(lines())

    @app.exception_handler(SoldOut)
    async def sold_out(request: Request, error: SoldOut) -> JSONResponse:
        return JSONResponse({"sold_out": error.name}, status_code=409)

    @app.middleware("http")
    async def name_the_request(request: Request, call_next: Any) -> Any:
        request_id.set(request.headers.get("x-request-id", "made up"))
        response = await call_next(request)
        response.headers["x-request-id"] = request_id.get()
        return response

    app.add_middleware(TimingMiddleware)
    app.add_middleware(PureMiddleware)
    app.add_middleware(GZipMiddleware, minimum_size=500)
    app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example"], allow_methods=["*"])
    return app
