"""Middleware: ASGI in, ASGI out. The members never import each other."""

from asterion._core.middleware import Middleware

__all__ = ["Middleware"]
