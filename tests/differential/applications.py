"""The applications that both toolkits serve: the same code, with the toolkit's name as its only parameter."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any


def build(toolkit: str, folder: Path) -> dict[str, Any]:
    """Applications by name, made of `toolkit` ("asterion" or "starlette"); files are served from `folder`."""

    def part(module: str) -> Any:
        return import_module(f"{toolkit}.{module}")

    routes = _routes(part, folder)
    app, middleware = part("applications").Starlette, part("middleware").Middleware
    kinds: dict[str, list[Any]] = {
        "plain": [],
        "gzip": [middleware(part("middleware.gzip").GZipMiddleware, minimum_size=20)],
        "cors": [
            middleware(
                part("middleware.cors").CORSMiddleware,
                allow_origins=["https://a.example"],
                allow_methods=["GET", "POST"],
                allow_headers=["X-One"],
                expose_headers=["X-Two"],
                allow_credentials=True,
            )
        ],
        "cors-any": [middleware(part("middleware.cors").CORSMiddleware, allow_origins=["*"], max_age=5)],
        "hosts": [middleware(part("middleware.trustedhost").TrustedHostMiddleware, allowed_hosts=["*.example.org"])],
        "https": [middleware(part("middleware.httpsredirect").HTTPSRedirectMiddleware)],
        "function": [middleware(part("middleware.base").BaseHTTPMiddleware, dispatch=_stamp)],
    }
    return {name: app(routes=routes, middleware=around) for name, around in kinds.items()}


async def _stamp(request: Any, call_next: Any) -> Any:
    response = await call_next(request)
    response.headers["x-stamp"] = request.url.path.encode("unicode_escape").decode()
    return response


def _routes(part: Any, folder: Path) -> list[Any]:
    responses, routing = part("responses"), part("routing")
    json = responses.JSONResponse

    async def described(request: Any) -> Any:
        return json(
            {
                "params": {key: [type(value).__name__, str(value)] for key, value in request.path_params.items()},
                "query": request.query_params.multi_items(),
                "cookies": request.cookies,
                "method": request.method,
            }
        )

    async def address(request: Any) -> Any:
        return json({"url": str(request.url), "path": request.url.path, "base": str(request.base_url)})

    async def headers(request: Any) -> Any:
        return json({"all": request.headers.items(), "first": request.headers.get("x-many")})

    async def body(request: Any) -> Any:
        return responses.Response(await request.body(), media_type="application/octet-stream")

    async def echo_json(request: Any) -> Any:
        return json(await request.json())

    async def streamed(request: Any) -> Any:
        async def pieces() -> Any:
            for number in range(int(request.query_params.get("n", "3"))):
                yield f"{number}\n" * 10

        return responses.StreamingResponse(pieces(), media_type="text/plain")

    async def form(request: Any) -> Any:
        async with request.form() as found:
            items = [
                [name, value if isinstance(value, str) else [value.filename, (await value.read()).decode("latin-1")]]
                for name, value in found.multi_items()
            ]
        return json(items)

    async def redirect(request: Any) -> Any:
        return responses.RedirectResponse(request.query_params.get("to", "/"), 303)

    async def set_cookie(request: Any) -> Any:
        response = responses.PlainTextResponse("set")
        response.set_cookie("name", request.query_params.get("value", "v"), max_age=5, httponly=True, samesite="strict")
        response.delete_cookie("other", path="/x")
        return response

    async def fails(request: Any) -> Any:
        raise part("exceptions").HTTPException(
            int(request.query_params.get("status", "418")), headers={"x-why": "asked"}
        )

    async def breaks(request: Any) -> Any:
        raise LookupError("on purpose")

    async def reverse(request: Any) -> Any:
        return json({"url": str(request.url_for("user", id=7)), "path": request.app.url_path_for("rest", rest="a/b")})

    async def file(request: Any) -> Any:
        return responses.FileResponse(folder / "page.txt", filename="pagé.txt")

    route = routing.Route
    return [
        route("/", lambda request: responses.PlainTextResponse("home")),
        route("/users/{id:int}", described, name="user"),
        route("/users/me", described, methods=["PUT", "DELETE"]),
        route("/float/{x:float}", described),
        route("/uuid/{u:uuid}", described),
        route("/pair/{a}-{b}", described, methods=["GET", "POST"]),
        route("/rest/{rest:path}", described, name="rest"),
        route("/slash/", described),
        route("/address", address),
        route("/headers", headers),
        route("/body", body, methods=["POST", "PUT"]),
        route("/json", echo_json, methods=["POST"]),
        route("/form", form, methods=["POST"]),
        route("/stream", streamed),
        route("/redirect", redirect),
        route("/cookie", set_cookie),
        route("/fails", fails),
        route("/breaks", breaks),
        route("/reverse", reverse),
        route("/file", file),
        routing.Mount("/in", routes=[route("/{name}", described), route("/deep/address", address)]),
        routing.Mount("/static", part("staticfiles").StaticFiles(directory=folder)),
        routing.Mount("/site", part("staticfiles").StaticFiles(directory=folder, html=True)),
        routing.Host("api.example.org", routing.Router([route("/host", described)])),
    ]


def make_files(folder: Path) -> None:
    """The files that are served, with a date that does not change."""
    (folder / "sub").mkdir()
    contents = {
        "page.txt": "0123456789" * 20,
        "index.html": "<p>index</p>",
        "404.html": "<p>none</p>",
        "sub/index.html": "<p>sub</p>",
        "a b.css": "p {}",
    }
    for name, content in contents.items():
        (folder / name).write_text(content)
        os.utime(folder / name, (1_700_000_000, 1_700_000_000))
