"""The site of Fixbook, its API, its feeds and its live runs: `build(settings)` gives the application."""

from fixbook.web._app import build, end_streams

__all__ = ["build", "end_streams"]
