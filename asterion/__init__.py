"""Asterion: an ASGI toolkit and framework.

Names live in the modules that define them (`asterion.applications`, `asterion.routing`, `asterion.responses`, ...), so
that importing the package costs nothing that is not used.
"""

__version__ = "0.1.0"
