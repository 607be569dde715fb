"""A library of books: what the tests ask for."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import strawberry
from strawberry.extensions import SchemaExtension
from strawberry.file_uploads import Upload, UploadDefinition
from strawberry.schema.config import StrawberryConfig


@strawberry.type
class Book:
    title: str
    year: int


@strawberry.input
class NewBook:
    title: str
    year: int


BOOKS = [Book(title="Dune", year=1965), Book(title="Emma", year=1815)]


@strawberry.type
class Query:
    @strawberry.field
    def books(self, since: int = 0) -> list[Book]:
        return [book for book in BOOKS if book.year >= since]

    @strawberry.field
    async def whoami(self, info: strawberry.Info) -> str:
        request: Any = info.context["request"]
        return str(request.headers.get("x-reader", "nobody"))

    @strawberry.field
    def broken(self) -> str:
        raise LookupError("no such shelf")


@strawberry.type
class Mutation:
    @strawberry.mutation
    def add(self, book: NewBook, info: strawberry.Info) -> Book:
        response: Any = info.context["response"]
        response.headers["x-added"] = book.title
        response.set_cookie("last", str(book.year))
        response.status_code = 201
        return Book(title=book.title, year=book.year)

    @strawberry.mutation
    async def measure(self, file: Upload) -> int:
        content = await file.read()
        return len(content)

    @strawberry.mutation
    async def join(self, files: list[Upload]) -> str:
        parts = [f"{file.filename}:{(await file.read()).decode()}" for file in files]
        return ",".join(parts)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: Annotated[int, strawberry.argument(description="exclusive")] = 3) -> AsyncIterator[int]:
        for number in range(to):
            yield number
            await asyncio.sleep(0)

    @strawberry.subscription
    async def reader(self, info: strawberry.Info) -> AsyncIterator[str]:
        yield str(info.context["connection_params"]["reader"])

    @strawberry.subscription
    async def forever(self) -> AsyncIterator[int]:
        number = 0
        while True:
            yield number
            number += 1
            await asyncio.sleep(0.001)

    @strawberry.subscription
    async def failing(self) -> AsyncIterator[int]:
        yield 1
        raise LookupError("the shelf fell")


class Traced(SchemaExtension):
    """An extension around every operation."""

    def get_results(self) -> dict[str, Any]:
        return {"traced": True}


schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    extensions=[Traced],
    config=StrawberryConfig(scalar_map={Upload: UploadDefinition}),
)
