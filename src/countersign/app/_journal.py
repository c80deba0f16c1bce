"""Notes on what is being sealed, written before the archive and removed after the lake has it.

One note covers one batch of segments. Whatever moment a run is killed at, the notes name every segment that may be
in the archive without a leaf, or under a leaf without its events: `recovery` finishes them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from countersign.errors import WorkspaceError
from countersign.ledger import canonical_bytes

VERSION = 1
NOTE_BYTES = 64 << 20
"""A note of a full batch has under 100 kB; paths may be long."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One segment on its way, with all that its row in the segments table needs besides what parsing tells.

    Times are aware. `zone` and `origin` are those of the run that sealed it, so that a later run parses it alike.
    """

    digest: str
    source: str
    framing: str
    lineage: str
    head: str
    pieces: tuple[str, ...]
    origin: str
    zone: str
    path: str
    offset: int
    size: int
    received: datetime
    sealed: datetime
    fragment: bool
    replaces: tuple[str, ...]


_NAMES = tuple(field.name for field in fields(Entry))


@dataclass(frozen=True, slots=True)
class Note:
    """A batch: `leaves` is the log's size before its leaves were appended."""

    path: Path
    leaves: int
    entries: tuple[Entry, ...]


def write(folder: Path, leaves: int, entries: tuple[Entry, ...]) -> Note:
    """Note a batch durably; raises OSError where the disk does not take it."""
    note = Note(folder / f"{entries[0].digest}.json", leaves, entries)
    data = canonical_bytes({"version": VERSION, "leaves": leaves, "entries": [_to_json(e) for e in entries]})
    temporary = note.path.with_suffix(".new")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(note.path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync(folder)
    return note


def remove(note: Note) -> None:
    """Forget a batch that the lake has. Not synced: a note that comes back only costs a look."""
    note.path.unlink(missing_ok=True)


def read(folder: Path) -> Iterator[Note]:
    """The notes that were left, oldest first. Raises `WorkspaceError` for one that is none."""
    notes = []
    for path in folder.glob("*.json"):
        with path.open("rb") as file:
            data = file.read(NOTE_BYTES)
        try:
            value = orjson.loads(data)
            notes.append(Note(path, value["leaves"], tuple(_from_json(entry) for entry in value["entries"])))
        except (ValueError, KeyError, TypeError) as error:
            raise WorkspaceError(
                f"{path} is damaged\n  remedy: move it out of the folder and collect its files again"
            ) from error
    for path in folder.glob("*.new"):
        path.unlink(missing_ok=True)
    yield from sorted(notes, key=lambda note: (note.leaves, note.path.name))


def _to_json(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in _NAMES} | {
        "pieces": list(entry.pieces),
        "replaces": list(entry.replaces),
        "received": entry.received.isoformat(),
        "sealed": entry.sealed.isoformat(),
    }


def _from_json(value: dict[str, Any]) -> Entry:
    return Entry(
        **value
        | {
            "pieces": tuple(value["pieces"]),
            "replaces": tuple(value["replaces"]),
            "received": datetime.fromisoformat(value["received"]),
            "sealed": datetime.fromisoformat(value["sealed"]),
        }
    )


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
