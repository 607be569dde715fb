"""A pytest plugin of the runner: writes into the report of every test whose modules the name `starlette` stands for.

It runs in the environment of a foreign project, so it imports nothing but pytest and the standard library. With
pytest-xdist it runs in each worker, and so proves it for each.
"""

import os
import re
import sys
import warnings
from importlib import import_module

import pytest


def _engine() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = import_module("starlette.responses")
        except ImportError:
            return "missing"
    return "asterion" if found is sys.modules.get("asterion.responses") else "starlette"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test its full name and its engine; after collection, so that nothing is imported before its time."""
    engine = _engine()
    # Parameters that are made by chance (secrets) have another name on each side; an entry masks them.
    chance = os.environ.get("COMPAT_MASK", "")
    for item in items:
        name = re.sub(chance, "*", item.nodeid) if chance else item.nodeid
        item.user_properties += [("compat-name", name), ("compat-engine", engine)]
