"""Three function middlewares: each lets the application answer the request, and changes the head of the answer."""

import time
from collections.abc import Awaitable, Callable

from asterion.requests import Request
from asterion.responses import Response

CallNext = Callable[[Request], Awaitable[Response]]

CONTENT_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


async def timing(request: Request, call_next: CallNext) -> Response:
    """Say how long the application took until its answer began, in milliseconds."""
    start = time.perf_counter()
    response = await call_next(request)
    response.headers["server-timing"] = f"app;dur={(time.perf_counter() - start) * 1000:.3f}"
    return response


async def counting(request: Request, call_next: CallNext) -> Response:
    """Number the requests; the page shows the number."""
    request.state.book.requests += 1
    request.state.number = request.state.book.requests
    response = await call_next(request)
    response.headers["x-request-number"] = str(request.state.number)
    return response


async def guarding(request: Request, call_next: CallNext) -> Response:
    """Tell browsers to load and send nothing beyond this server."""
    response = await call_next(request)
    response.headers["content-security-policy"] = CONTENT_POLICY
    response.headers["x-content-type-options"] = "nosniff"
    response.headers["referrer-policy"] = "same-origin"
    return response
