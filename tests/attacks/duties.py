"""Rows of the table that no toolkit can mend, or that concern what this one does not have; each with its reason."""

SERVER = "the HTTP server's: the toolkit gets messages, not bytes"

DUTIES: dict[int, str] = {
    14: "FastAPI's documentation pages; this package has no page with a script",
    24: "the server's: it writes the access log",
    26: "there is no interactive debugger",
    28: SERVER,
    32: "there is no interactive debugger; the debug page runs nothing",
    42: SERVER,
    44: SERVER,
    46: SERVER,
    50: SERVER,
    51: SERVER,
    60: SERVER,
    64: "ASGI has no reason phrase",
    67: SERVER,
    68: "the server's: it puts frames together (uvicorn: --ws-max-size, 16 MiB)",
    69: SERVER,
    71: SERVER,
    75: "the server's and the application's: the toolkit never reads X-Forwarded-For, and has no rate limits",
    78: "there is no cache",
    80: "there is no HTTP client",
    102: "there is no cache",
    105: "the application's: compare secrets with hmac.compare_digest (docs/security.md)",
    110: SERVER,
    113: SERVER,
}
"""By row, why it is no attack on the toolkit."""
