"""A FastAPI application of 20 routes: models in and out, a dependency with `yield`, function middlewares.

Served twice: on Starlette, and on Asterion in its place (`ASTERION_DROPIN=1`). `SHOP_LAYERS` is the number of function
middlewares.
"""

import os
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

from benchmarks.header_middleware import toolkit_layers

ROUTES = 18


def make() -> Any:
    """The application."""
    fastapi = import_module("fastapi")
    pydantic = import_module("pydantic")
    app = fastapi.FastAPI(openapi_url=None)
    for function in toolkit_layers(int(os.environ.get("SHOP_LAYERS", "0"))):
        app.middleware("http")(function)

    item = pydantic.create_model("Item", id=(int, ...), name=(str, ...), price=(float, ...), tags=(list[str], []))

    async def database() -> AsyncIterator[dict[int, str]]:
        yield {7: "seven"}

    opened = fastapi.Depends(database)

    async def show(id: int, base: Any = opened) -> Any:
        return {"id": id, "name": base.get(id, "other"), "price": 12.5, "tags": ["a", "b"]}

    async def take(thing: Any, base: Any = opened) -> Any:
        return thing

    take.__annotations__["thing"] = item
    for number in range(ROUTES):
        app.get(f"/other{number}/{{id}}", response_model=item)(show)
    app.get("/items/{id}", response_model=item)(show)
    app.post("/items", response_model=item)(take)

    async def engine() -> Any:
        return {"engine": import_module("starlette.responses").Response.__module__.partition(".")[0]}

    app.get("/engine")(engine)
    return app
