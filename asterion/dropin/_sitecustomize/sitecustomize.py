"""On `PYTHONPATH` where Asterion is not installed: starts the drop-in, then the `sitecustomize` it hides."""

import importlib.machinery
import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))

try:
    import asterion.dropin._start  # noqa: F401
except ImportError:  # an interpreter of another environment: it has no Asterion, and shall start all the same
    pass


def _start_hidden() -> None:
    """Run the next `sitecustomize` on the path, under its name, as if this one had not been there."""
    entries = [entry for entry in sys.path if os.path.abspath(entry) != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", entries)
    if spec is not None and spec.loader is not None:
        hidden = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = hidden
        spec.loader.exec_module(hidden)


_start_hidden()
