"""Finishing what a killed run left: segments that were sealed, or under way to it, but are not in the lake."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from countersign.app import _journal
from countersign.app._journal import Entry, Note
from countersign.app._pipeline import Pipeline, Work
from countersign.app.workspace import Workspace
from countersign.errors import ArchiveError
from countersign.ledger import Archive, Log, RecordsStatement, SegmentStatement, parse_statement


@dataclass(frozen=True, slots=True)
class Lost:
    """A segment that was noted and sealed, but whose bytes can no longer be read."""

    entry: Entry
    reason: str


def recover(workspace: Workspace, pipeline: Pipeline, stored: Iterable[str]) -> list[Lost]:
    """Take up every noted segment that is not among the digests `stored` in the lake.

    Segments that never reached the archive are forgotten: their files are simply read again. No leaf is appended
    for what has one. Raises like `Pipeline.add`.
    """
    notes = list(_journal.read(workspace.pending))
    if not notes:
        return []
    in_lake = set(stored)
    archive = Archive(workspace.archive)
    sealed, rooted = _leaves(Log(workspace.ledger), min(note.leaves for note in notes))
    lost: list[Lost] = []
    for note in notes:
        open_ = [entry for entry in note.entries if entry.digest not in in_lake and entry.digest in archive]
        if not open_:
            _journal.remove(note)
        for entry in open_:
            in_lake.add(entry.digest)
            try:
                raw = archive.get(entry.digest)
            except ArchiveError as error:
                lost.append(Lost(entry, str(error)))
                continue
            _take(pipeline, note, entry, raw, sealed.get(entry.digest), rooted.get(entry.digest))
    return lost


def _take(
    pipeline: Pipeline,
    note: Note,
    entry: Entry,
    raw: bytes,
    leaf: int | None,
    records: tuple[int, str] | None,
) -> None:
    if leaf is None:
        leaf = pipeline.certify(entry)
    pipeline.submit(Work(raw, entry, note, leaf, records))


def _leaves(log: Log, start: int) -> tuple[dict[str, int], dict[str, tuple[int, str]]]:
    """The `segment` and `records` leaves from `start` on, by segment."""
    sealed: dict[str, int] = {}
    rooted: dict[str, tuple[int, str]] = {}
    for index, leaf in enumerate(log.leaves(start), start):
        statement = parse_statement(leaf)
        if isinstance(statement, SegmentStatement):
            sealed.setdefault(statement.digest, index)
        elif isinstance(statement, RecordsStatement):
            rooted.setdefault(statement.segment, (index, statement.root))
    return sealed, rooted
