"""`fixbook serve`: the site, by uvicorn."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from dataclasses import replace
from pathlib import Path

import click
import uvicorn

from asterion.applications import Asterion
from fixbook.casefile import load_catalogue
from fixbook.settings import Settings
from fixbook.store import StoreUnavailable, open_store
from fixbook.web import build, end_streams

HOST = "127.0.0.1"
USUAL_PORT = 8000


@click.command()
@click.option("--host", default=HOST, show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; by default 8000, or any that is free if it is not.")
@click.option("--catalogue", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of cases.")
@click.option("--proxy", multiple=True, metavar="ADDRESS", help="A proxy whose X-Forwarded headers are believed.")
def command(host: str, port: int | None, catalogue: Path | None, proxy: tuple[str, ...]) -> None:
    """Serve the site until it is told to end (SIGINT, SIGTERM). FIXBOOK_* in the environment sets everything else."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        settings = Settings.from_environment()
        if catalogue is not None:
            settings = replace(settings, catalogue=catalogue)
        asyncio.run(_try(settings))
        app = build(settings)
        listener = listen(host, port)
    except (StoreUnavailable, OSError, RuntimeError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="on",
            log_config=None,
            log_level="warning",
            proxy_headers=bool(proxy),
            forwarded_allow_ips=list(proxy),
            server_header=False,
            timeout_graceful_shutdown=5,
        ),
        app,
        f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}/",
    )
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:  # uvicorn has shut down in order and passes the signal on
        pass
    sys.exit(0 if server.started else 1)


async def _try(settings: Settings) -> None:
    """Raise what stands in the way of the site's start: a server would tell it in fifty lines."""
    load_catalogue(settings.catalogue)
    async with open_store(settings.database_url):
        pass


class _Server(uvicorn.Server):
    """Says where the site is when it is there, and not before; lets live pages go before it waits for their end."""

    def __init__(self, config: uvicorn.Config, app: Asterion, address: str) -> None:
        super().__init__(config)
        self._app = app
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            click.echo(f"Fixbook is at {self._address}  (Ctrl+C ends it)")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        end_streams(self._app)
        await super().shutdown(sockets)


def listen(host: str, port: int | None) -> socket.socket:
    """A socket that listens on the asked port, or on the usual one, or on any that is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if port is None:
        try:
            return socket.create_server((host, USUAL_PORT), family=family)
        except OSError:
            port = 0
    return socket.create_server((host, port), family=family)
