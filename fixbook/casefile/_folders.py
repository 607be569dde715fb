"""Case folders on disk: `case.md` with the files it names beside it, and the catalogue, a folder of such folders."""

from __future__ import annotations

from pathlib import Path

import fixbook
from fixbook.casefile._errors import CaseFileError
from fixbook.casefile._read import loads
from fixbook.casefile._write import attachments, dumps
from fixbook.model import Case

__all__ = ["CASE_FILE", "load_catalogue", "read_case", "write_case"]

CASE_FILE = "case.md"

_LIMIT = 8 * 1024 * 1024
"""Bytes that a file of a case may have: a page of 2 MiB, and what is told of it."""


def read_case(folder: Path) -> Case:
    """The case in `folder`. Raises `CaseFileError` with file and line."""
    path = folder / CASE_FILE
    text = _read(path)
    try:
        return loads(text, _Beside(folder))
    except CaseFileError as error:
        raise error.within(str(path)) from None


class _Beside(dict[str, str]):
    """The files of a folder, read as they are asked for. Paths have been checked before they come here."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def __contains__(self, path: object) -> bool:
        target = self._folder / str(path)
        return target.is_file() and target.resolve().is_relative_to(self._folder.resolve())

    def __missing__(self, path: str) -> str:
        return _read(self._folder / path)


def _read(path: Path) -> str:
    name = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT + 1)
    except OSError as error:
        raise CaseFileError(f"cannot be read: {error.strerror or error}", name=name) from None
    if len(data) > _LIMIT:
        raise CaseFileError(f"the file is larger than {_LIMIT} bytes", name=name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CaseFileError(f"this is not UTF-8: byte 0x{data[error.start]:02x}", line, name) from None


def write_case(case: Case, folder: Path) -> None:
    """Write `case` to `folder`, which is made where it is missing; files of the same names are replaced.

    Raises `CaseFileError` for what cannot be written so that it reads back the same, before anything is written.
    """
    texts = {CASE_FILE: dumps(case), **attachments(case)}
    name = str(folder / CASE_FILE)
    try:
        contents = {path: text.encode("utf-8") for path, text in texts.items()}
    except UnicodeEncodeError as error:
        raise CaseFileError(
            f"there is a character that UTF-8 cannot write: {error.object[error.start]!r}", name=name
        ) from None
    if loads(texts[CASE_FILE], texts) != case:
        raise CaseFileError(f"the case {case.id!r} has values that the form cannot hold", name=name)
    for path, data in contents.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def load_catalogue(folder: Path | None = None) -> tuple[Case, ...]:
    """Every case of the catalogue, by id: of `folder`, or of the one that comes with Fixbook.

    A case stands in a folder of its own name. Raises `CaseFileError` for the first one that cannot be read.
    """
    root = folder if folder is not None else Path(fixbook.__file__).parent / "catalogue"
    if not root.is_dir():
        if folder is None:
            return ()
        raise CaseFileError("there is no such folder", name=str(root))
    cases = []
    for path in sorted(root.iterdir()):
        if not (path / CASE_FILE).is_file():
            continue
        case = read_case(path)
        if case.id != path.name:
            raise CaseFileError(f"the case {case.id!r} stands in a folder of another name", name=str(path / CASE_FILE))
        cases.append(case)
    return tuple(sorted(cases, key=lambda case: case.id))
