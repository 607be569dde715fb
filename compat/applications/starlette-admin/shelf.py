"""A shelf of books and starlette-admin's pages about it."""

from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette_admin import CustomView
from starlette_admin.auth import AdminUser, AuthProvider
from starlette_admin.contrib.sqla import Admin, ModelView
from starlette_admin.exceptions import LoginFailed
from starlette_admin.routing import route


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


class Desk(AuthProvider):
    async def login(self, username: str, password: str, remember_me: bool, request: Request) -> Response | None:
        if password != "open":
            raise LoginFailed("Wrong password")
        request.session["user"] = username
        return None

    async def logout(self, request: Request) -> Response | None:
        request.session.clear()
        return None

    async def authenticate(self, request: Request) -> AdminUser | None:
        user = request.session.get("user")
        return AdminUser(username=user) if user else None


class Report(CustomView):
    menu_label = "Report"
    path = "/report"
    route_name = "report"

    @route("")
    async def index(self, request: Request) -> Response:
        return JSONResponse({"user": request.session["user"], "list": str(request.url_for("admin:list", key="book"))})


def shelf() -> tuple[Starlette, Any]:
    """An application with its admin pages, and the engine behind it."""
    engine = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(Book(title=f"Volume {n}") for n in range(1, 13))
        session.commit()

    async def front(request: Request) -> Response:
        return PlainTextResponse("front")

    app = Starlette(routes=[Route("/", front)])
    key = "k" * 32
    admin = Admin(
        engine,
        title="Shelf",
        auth_provider=Desk(),
        secret_key=key,
        middlewares=[Middleware(SessionMiddleware, secret_key=key)],
    )
    admin.add_view(ModelView(Book))
    admin.add_view(Report())
    admin.mount_to(app)
    return app, engine
