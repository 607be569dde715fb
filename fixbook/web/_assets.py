"""Style sheets, scripts and icons, under names with a hash of their content: browsers keep them for a year.

The same files are there under their plain names too, to be asked for each time whether they are current.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from asterion.staticfiles import StaticFiles

__all__ = ["Assets"]


class Assets(StaticFiles):
    """The files of one directory without sub-directories. `named["site.css"]` is the name to link to."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, cache_control="no-cache", immutable=r"-[0-9a-f]{12}\.\w+$")
        self.named = {path.name: _hashed(path) for path in sorted(directory.iterdir()) if path.is_file()}
        self._plain = {hashed: name for name, hashed in self.named.items()}

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """The file with this name, hashed or plain. A hash of another content is no file."""
        return super().lookup_path(self._plain.get(path, path))


def _hashed(path: Path) -> str:
    return f"{path.stem}-{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}{path.suffix}"
