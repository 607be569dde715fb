"""What `importlib.metadata` says of the distribution `starlette`: the release whose interface is offered.

Libraries ask for its version to decide what they may use, and some are switched on only if it is installed.
"""

import os
from collections.abc import Iterable
from importlib.metadata import Distribution, DistributionFinder, MetadataPathFinder
from pathlib import Path
from typing import Final

_NAME: Final = "starlette"


class StarletteDistribution(Distribution):
    """The distribution that Asterion stands for: its metadata, and no files of its own."""

    def __init__(self, version: str) -> None:
        self._texts = {
            "METADATA": (
                f"Metadata-Version: 2.1\nName: {_NAME}\nVersion: {version}\n"
                "Summary: Asterion in Starlette's place; see asterion.dropin.\n"
                "Requires-Python: >=3.11\nRequires-Dist: anyio<5,>=4\n"
            ),
            "top_level.txt": f"{_NAME}\n",
            "INSTALLER": "asterion\n",
        }

    def read_text(self, filename: str | os.PathLike[str]) -> str | None:
        return self._texts.get(os.fspath(filename))

    def locate_file(self, path: str | os.PathLike[str]) -> Path:  # type: ignore[override, unused-ignore]
        return Path(__file__).parents[2] / path


def find(context: DistributionFinder.Context | None, version: str) -> Iterable[Distribution]:
    """The answer to a question for `starlette`, or to one for everything that is on the path.

    Nothing is said to who looks into folders of his own, as installers do; nor is anything listed twice.
    """
    if context is not None and "path" in vars(context):
        return ()
    name = None if context is None else context.name
    if name is None:
        named = DistributionFinder.Context(name=_NAME)
        return (
            () if any(True for _ in MetadataPathFinder.find_distributions(named)) else (StarletteDistribution(version),)
        )
    return (StarletteDistribution(version),) if name.lower() == _NAME else ()
