"""Forms on the drop-in: programs written for upstream come with `python-multipart`, Asterion decodes by `multipart`.

Without a word at the start that would show with the first form only, and a framework may make a 400 of it.
"""

import importlib
import importlib.util
import logging

logger = logging.getLogger("asterion.dropin")


def tell_without_decoder() -> None:
    """Log a warning if the library that upstream reads multipart forms with is installed, and ours is not."""
    found = importlib.import_module("asterion.formparsers._library").library()  # not before somebody wants requests
    if found is None and importlib.util.find_spec("python_multipart") is not None:
        logger.warning(
            "python-multipart is installed, but here multipart forms are decoded by the library 'multipart', which is "
            "not: reading such a form will fail. Install it with: pip install 'asterion[forms]'"
        )
