"""`pytest -p asterion.dropin.pytest_plugin`: a test suite on the drop-in, as it is.

Loaded by `-p`, it comes before every `conftest.py` and before the plugins that are installed. Workers of pytest-xdist
and processes that tests start have the drop-in too.
"""

import pytest

from asterion.dropin import STARLETTE_VERSION, turn_on

try:
    turn_on()
except RuntimeError as error:
    raise pytest.UsageError(
        f"asterion.dropin.pytest_plugin came too late: {error}. Give it on the command line, before other -p options "
        "(in `addopts` as well; not in `pytest_plugins` of a conftest.py), or set ASTERION_DROPIN=1"
    ) from error


def pytest_report_header() -> str:
    """The line that tells whose tests these are."""
    return f"asterion: in Starlette's place (interface of {STARLETTE_VERSION})"
