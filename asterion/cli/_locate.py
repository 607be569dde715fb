"""From `module:attribute` to the application, and what to say when there is none."""

import importlib
import importlib.util
import os
import sys
from types import ModuleType
from typing import Any

import click


def split(target: str) -> tuple[str, str]:
    """Module and attribute of `module:attribute`; the attribute may be dotted.

    Raises:
        click.ClickException: it has no such form; the message shows the form, and the module where a file was named.
    """
    module, _, attribute = target.partition(":")
    if module.endswith(".py") or "/" in module or os.sep in module:
        named = module.removesuffix(".py").replace(os.sep, ".").replace("/", ".").strip(".")
        raise click.ClickException(
            f"{target!r} names a file; name its module instead, as in {named}:{attribute or 'app'}"
        )
    if not module or not attribute:
        raise click.ClickException(f"{target!r} is not of the form module:attribute, as in {module or 'main'}:app")
    return module, attribute


def _looked_in() -> str:
    entries = [os.path.abspath(entry) for entry in sys.path if not entry.endswith(".zip")]
    return "; looked in " + ", ".join(dict.fromkeys(entries))


def check_module(name: str) -> None:
    """See that a module can be found, without importing it (only the packages above it are).

    Raises:
        click.ClickException: it cannot; the message says which name is missing, and where it was looked for.
    """
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        part = ".".join(parts[:end])
        try:
            found = importlib.util.find_spec(part)
        except (ModuleNotFoundError, ValueError):
            found = None
        if found is None:
            above = "" if end == 1 else f" in the package {'.'.join(parts[: end - 1])!r}"
            raise click.ClickException(f"no module named {part!r}{above}{_looked_in() if end == 1 else ''}")


def import_target(target: str) -> Any:
    """The object that `module:attribute` names. An exception that the module itself raises comes out as it is.

    Raises:
        click.ClickException: there is no such module or attribute.
    """
    module_name, attribute = split(target)
    check_module(module_name)
    module = importlib.import_module(module_name)
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise click.ClickException(_missing(module, attribute, part))
        found = getattr(found, part)
    return found


def _missing(module: ModuleType, attribute: str, part: str) -> str:
    applications = [
        name for name, value in vars(module).items() if not isinstance(value, type) and hasattr(value, "url_path_for")
    ]
    meant = f"; applications there: {', '.join(applications)}" if applications else ""
    within = "" if part == attribute else f" (of {attribute!r})"
    return f"module {module.__name__!r} ({module.__file__}) has no attribute {part!r}{within}{meant}"
