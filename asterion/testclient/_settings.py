"""What can be set on a test client, in one place."""

from dataclasses import dataclass, field
from typing import Any


def _spec_versions() -> dict[str, str]:
    return {"http": "2.3", "websocket": "2.4", "lifespan": "2.0"}


def _extensions() -> dict[str, dict[str, Any]]:
    return {
        "http": {"http.response.debug": {}, "http.response.trailers": {}},
        "websocket": {"websocket.http.response": {}},
    }


@dataclass(slots=True)
class Settings:
    """The settings of one client; a change takes effect with the next request.

    The first four come from the client's constructor.
    """

    raise_server_exceptions: bool = True
    """Raise what the application raises; if false, an error before the response is status 500."""

    root_path: str = ""
    """`root_path` of every scope."""

    client: tuple[str, int] = ("testclient", 50000)
    """Address of the client in every scope."""

    strict: bool = False
    """Judge the application's messages by `asterion.testclient.Conformance`, strictly."""

    asgi_version: str = "3.0"
    """`version` in the scope's `asgi` entry: what the application was written for."""

    spec_versions: dict[str, str] = field(default_factory=_spec_versions)
    """`spec_version` for each type of scope. The defaults are those of uvicorn, the server most applications meet."""

    extensions: dict[str, dict[str, Any]] = field(default_factory=_extensions)
    """The extensions that each type of scope offers."""

    websocket_timeout: float = 5.0
    """Seconds that `receive` of a WebSocket session waits for the application before it raises `ReceiveTimeout`."""

    leave_grace: float = 1.0
    """Seconds an application may go on after the test has left a stream or a WebSocket; then it is cancelled."""

    def common(self, kind: str, state: dict[str, Any]) -> dict[str, Any]:
        """The entries of a scope of type `kind` that do not depend on the request."""
        return {
            "type": kind,
            "asgi": self.versions(kind),
            "http_version": "1.1",
            "root_path": self.root_path,
            "client": self.client,
            "extensions": {name: dict(value) for name, value in self.extensions[kind].items()},
            "state": state.copy(),
        }

    def versions(self, kind: str) -> dict[str, str]:
        """The `asgi` entry of a scope of type `kind`."""
        return {"version": self.asgi_version, "spec_version": self.spec_versions[kind]}


def refuses_after_leaving(spec_version: str) -> bool:
    """Whether `send` to a client that has gone raises `OSError` on a server of this ASGI version (2.4 and later)."""
    major, _, minor = spec_version.partition(".")
    return (int(major), int(minor or 0)) >= (2, 4)
