"""Finishing what a killed run left: segments that were sealed, or under way to it, but are not in the lake."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from countersign.app import _journal
from countersign.app._journal import Entry
from countersign.app._passing import Work
from countersign.app._pipeline import Pipeline
from countersign.app.workspace import Workspace
from countersign.errors import ArchiveError
from countersign.ledger import Archive, Log, RecordsStatement, SegmentStatement, parse_statement


@dataclass(frozen=True, slots=True)
class Lost:
    """A segment that was noted and sealed, but whose bytes can no longer be read."""

    entry: Entry
    reason: str


def recover(
    workspace: Workspace, pipeline: Pipeline, stored: Iterable[str]
) -> tuple[list[Entry], list[Lost]]:
    """Take up every noted segment that is not among the digests `stored` in the lake; these, and what is lost.

    Segments that never reached the archive are forgotten: their files are simply read again. No leaf is appended
    for what has one. Raises like `Pipeline.add`.
    """
    notes = list(_journal.read(workspace.pending))
    if not notes:
        return [], []
    done = set(stored)
    archive = Archive(workspace.archive)
    sealed, rooted = _leaves(Log(workspace.ledger), min(note.leaves for note in notes))
    taken: list[Entry] = []
    lost: list[Lost] = []
    for note in notes:
        left = [entry for entry in note.entries if entry.digest not in done and entry.digest in archive]
        done.update(entry.digest for entry in left)
        readable = _readable(archive, left, lost)
        if not readable:
            _journal.remove(note)
        pipeline.expect(note, len(readable))
        for entry in readable:
            leaf = sealed.get(entry.digest)
            leaf = pipeline.certify(entry) if leaf is None else leaf
            pipeline.submit(Work(entry, note, leaf, rooted.get(entry.digest)))
        taken += readable
    return taken, lost


def _readable(archive: Archive, entries: Iterable[Entry], lost: list[Lost]) -> list[Entry]:
    out = []
    for entry in entries:
        try:
            archive.get(entry.digest)
        except ArchiveError as error:
            lost.append(Lost(entry, str(error)))
        else:
            out.append(entry)
    return out


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
