"""A small library's books and authors, and sqladmin's pages about them."""

from typing import Any, ClassVar

from sqladmin import Admin, BaseView, ModelView, action, expose
from sqladmin.authentication import AuthenticationBackend
from sqlalchemy import ForeignKey, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from sqlalchemy.pool import StaticPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    books: Mapped[list["Book"]] = relationship(back_populates="author")

    def __str__(self) -> str:
        return self.name


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    lent: Mapped[bool] = mapped_column(default=False)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("authors.id"))
    author: Mapped[Author | None] = relationship(back_populates="books")


class Desk(AuthenticationBackend):
    async def login(self, request: Request) -> bool:
        form = await request.form()
        if form["password"] != "open":
            return False
        request.session["user"] = form["username"]
        return True

    async def logout(self, request: Request) -> bool:
        request.session.clear()
        return True

    async def authenticate(self, request: Request) -> bool:
        return "user" in request.session


class Authors(ModelView, model=Author):
    column_list = ("id", "name")


class Books(ModelView, model=Book):
    column_list = ("id", "title", "lent", "author")
    column_searchable_list = ("title",)
    column_sortable_list = ("title",)
    form_ajax_refs: ClassVar[dict[str, Any]] = {"author": {"fields": ("name",), "order_by": "name"}}

    @action(name="lend", label="Lend", add_in_list=True)
    async def lend(self, request: Request) -> Response:
        with self.session_maker() as session:
            for key in request.query_params["pks"].split(","):
                session.get(Book, int(key)).lent = True
            session.commit()
        return RedirectResponse(request.url_for("admin:list", identity=self.identity))


class Report(BaseView):
    name = "Report"

    @expose("/report", methods=["GET"])
    async def report(self, request: Request) -> Response:
        return JSONResponse({"user": request.session["user"], "home": str(request.url_for("admin:index"))})


def library(prefix: str = "") -> tuple[Any, Any]:
    """An application with its admin pages, and the engine behind it; below `prefix` where one is given."""
    engine = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        ada = Author(name="Ada")
        session.add_all([ada, Author(name="Bo"), *(Book(title=f"Volume {n}", author=ada) for n in range(1, 13))])
        session.commit()

    async def front(request: Request) -> Response:
        return PlainTextResponse("front")

    app = Starlette(routes=[Route("/", front)])
    admin = Admin(app, engine, authentication_backend=Desk(secret_key="k" * 32), title="Library")
    for view in (Authors, Books, Report):
        admin.add_view(view)
    return (Starlette(routes=[Mount(prefix, app)]) if prefix else app), engine
