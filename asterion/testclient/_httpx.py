"""Which HTTP client library the test client is built on: `httpx2` if it is installed, else `httpx`.

The two have the same interface. Every other module of this package takes the library from here.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2 as httpx
else:
    try:
        import httpx2 as httpx
    except ImportError:
        try:
            import httpx
        except ImportError:
            raise ImportError(
                "asterion.testclient needs httpx2 or httpx and found neither: pip install 'asterion[testing]'"
            ) from None

__all__ = ["httpx"]
