"""What the tour remembers while it runs: notes, uploads and open streams. Nothing is written to a disk."""

import itertools
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

KEPT = 8
"""How many notes and uploads are kept; older ones fall off the end."""


@dataclass
class Note:
    """A note from the form. `filed` is set by the background task that runs after the answer."""

    number: int
    name: str
    text: str
    filed: str | None = None


@dataclass(frozen=True)
class Upload:
    """What is known of an uploaded file: its name as the client sent it, its size in bytes and its SHA-256."""

    filename: str
    size: int
    digest: str


@dataclass
class Book:
    """The state of the application, made by its lifespan."""

    notes: deque[Note] = field(default_factory=lambda: deque(maxlen=KEPT))
    uploads: deque[Upload] = field(default_factory=lambda: deque(maxlen=KEPT))
    streams_open: int = 0
    requests: int = 0
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def add_note(self, name: str, text: str) -> Note:
        note = Note(next(self.numbers), name, text)
        self.notes.appendleft(note)
        return note


def file_note(note: Note) -> None:
    """The background task: it runs after the last byte of the answer, whether the client waits or not."""
    note.filed = datetime.now(UTC).strftime("%H:%M:%S UTC")
