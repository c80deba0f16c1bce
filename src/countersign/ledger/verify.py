"""Holding the archive against the log, and the log against its signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from countersign.errors import ArchiveError, Error, VerificationError
from countersign.ledger._verify_log import LogCheck
from countersign.ledger.archive import CODEC, Archive, Opened
from countersign.ledger.log import Log
from countersign.ledger.note import Verifier
from countersign.ledger.records import records_root
from countersign.ledger.report import Problem, Report
from countersign.ledger.statement import (
    ImportStatement,
    OtherStatement,
    Parser,
    RecordsStatement,
    SegmentStatement,
    parse_statement,
)

Frame: TypeAlias = Callable[[str, bytes], Sequence[bytes]]
Progress: TypeAlias = Callable[[int, int], None]


def verify(
    archive: Archive,
    log: Log,
    frame: Frame | None = None,
    *,
    parsers: Mapping[str, Parser] | None = None,
    trusted: Verifier | None = None,
    earlier: bytes | None = None,
    progress: Progress | None = None,
) -> Report:
    """Look for anything that was changed, removed, added or reordered; collect all that is found.

    `frame` finds a segment's records again from its framing and raw bytes; `parsers` says, by framing,
    which parser it uses. `trusted` is the log's key as known from elsewhere, `earlier` a checkpoint kept
    elsewhere: without them, whoever holds the secret key can rewrite the whole log unseen. `progress` is
    called with the number of segments done and of all. Nothing is written. Raises only what `frame`
    raises beyond `countersign.errors`; `Report.raise_for_problems` makes an error of the outcome.

    1. The checkpoint is signed by the log's key, which is the trusted one; the secret key, if it can be
       read, belongs to it (c2sp.org/signed-note, c2sp.org/tlog-checkpoint).
    2. Every leaf hashes to what its tile says, every tile to the tile above it, and all of them to the
       signed root (RFC 6962 section 2.1, c2sp.org/tlog-tiles); nothing else lies in the log's folder.
    3. The earlier checkpoint is signed by the same key, and this log continues it (RFC 9162 section 2.1.4).
    4. Every leaf is a statement in canonical form, and a `records` leaf comes after its segment's leaf,
       with the same framing.
    5. Every `segment` leaf's file is there and has the stored digest and size; it is zstd, and the raw
       bytes have the digest and size that were sealed.
    6. Every `records` leaf's count and root are those of the records as framed again. A difference is no
       problem, but undecided, if the leaf names another parser or version than `parsers` does.
    7. The archive holds no file that no leaf names.
    """
    if log.missing:
        return _without_log(archive, log)
    problems: list[Problem] = []
    # 1. and 2.
    check = LogCheck(log, problems.append, trusted)
    ledger = _Statements(problems)
    for index, leaf in check.leaves():
        ledger.take(index, leaf)  # 4.
    check.check_files()
    # 3.
    if earlier is not None:
        check.check_growth(earlier)
    # 5. and 6.
    evidence = _Evidence(archive, frame, parsers, problems, ledger.undecided)
    for done, (digest, leaves) in enumerate(ledger.segments.items(), 1):
        evidence.check(digest, leaves, ledger.records.get(digest, []))
        if progress is not None:
            progress(done, len(ledger.segments))
    # 7.
    _check_strangers(archive, ledger, problems)
    return Report(
        leaves=check.size,
        segments=evidence.segments,
        records=evidence.records,
        stored_bytes=evidence.stored_bytes,
        problems=tuple(problems),
        undecided=tuple(ledger.undecided),
        leftovers=check.leftovers,
        imports=ledger.imports,
    )


def _without_log(archive: Archive, log: Log) -> Report:
    """One problem, whatever lies in the archive: there is nothing to hold it against."""
    segments = sum(1 for _ in archive.digests())
    what = (
        f"there is no ledger at {log.root_path}, so that nothing can be said of what the archive holds "
        f"({segments:,} segments); put that folder back from a copy of the workspace"
    )
    return Report(0, 0, 0, 0, (Problem(None, None, what),), (), 0)


_Segments: TypeAlias = list[tuple[int, SegmentStatement]]
_Records: TypeAlias = list[tuple[int, RecordsStatement]]


@dataclass(slots=True)
class _Statements:
    """Step 4: the log's statements, by segment."""

    problems: list[Problem]
    segments: dict[str, _Segments] = field(default_factory=dict)
    records: dict[str, _Records] = field(default_factory=dict)
    undecided: list[Problem] = field(default_factory=list)
    imports: int = 0

    def take(self, index: int, leaf: bytes) -> None:
        try:
            statement = parse_statement(leaf)
        except VerificationError as error:
            self.problems.append(Problem(None, index, str(error)))
            return
        if isinstance(statement, SegmentStatement):
            self.segments.setdefault(statement.digest, []).append((index, statement))
        elif isinstance(statement, RecordsStatement):
            self._take_records(index, statement)
        elif isinstance(statement, ImportStatement):
            self.imports += 1
        else:
            self.undecided.append(Problem(None, index, _unknown(statement)))

    def _take_records(self, index: int, statement: RecordsStatement) -> None:
        sealed = self.segments.get(statement.segment)
        if sealed is None:
            what = "it is about records of a segment that no leaf before it seals"
            self.problems.append(Problem(statement.segment, index, what))
        elif all(segment.framing != statement.framing for _, segment in sealed):
            self.problems.append(Problem(statement.segment, index, "its framing is not its segment's"))
        else:
            self.records.setdefault(statement.segment, []).append((index, statement))


def _unknown(statement: OtherStatement) -> str:
    return f"a statement of type {statement.type[:40]!r}, version {statement.version}, is not known here"


@dataclass(slots=True)
class _Evidence:
    """Steps 5 and 6, one segment at a time."""

    archive: Archive
    frame: Frame | None
    parsers: Mapping[str, Parser] | None
    problems: list[Problem]
    undecided: list[Problem]
    segments: int = 0
    records: int = 0
    stored_bytes: int = 0

    def check(self, digest: str, leaves: _Segments, records: _Records) -> None:
        try:
            opened = self.archive.open(digest)
        except ArchiveError as error:
            # One problem for the file, at the first leaf that names it.
            self.problems.append(Problem(digest, leaves[0][0], str(error)))
            opened = None
        for index, statement in leaves:
            if opened is not None:
                self._check_segment(index, statement, opened)
        for index, found in records:
            if opened is None:
                self._cannot_tell(index, found, "its segment does not verify")
            else:
                self._check_records(index, found, opened)

    def _check_segment(self, index: int, statement: SegmentStatement, opened: Opened) -> None:
        digest = statement.digest
        if statement.codec != CODEC:
            what = f"its codec {statement.codec!r} is not known here"
            self.undecided.append(Problem(digest, index, what))
        elif (opened.stored_digest, opened.stored_size) != (statement.stored_digest, statement.stored_size):
            what = "its file is not the one that was sealed, though its content is"
            self.problems.append(Problem(digest, index, what))
        elif len(opened.raw) != statement.size:
            self.problems.append(Problem(digest, index, "its size is not the one that was sealed"))
        else:
            self.segments += 1
            self.stored_bytes += opened.stored_size

    def _check_records(self, index: int, statement: RecordsStatement, opened: Opened) -> None:
        known = None if self.parsers is None else self.parsers.get(statement.framing)
        if self.frame is None or (self.parsers is not None and known is None):
            self._cannot_tell(index, statement, "its records were not framed again")
            return
        what = self._difference(self.frame, statement, opened)
        if what is None:
            self.records += statement.count
        elif known is not None and known != statement.parser:
            now = f"{known.name} {known.version}"
            self._cannot_tell(index, statement, f"made by {_name(statement.parser)}, and this is {now}")
        else:
            self.problems.append(Problem(statement.segment, index, what))

    def _cannot_tell(self, index: int, statement: RecordsStatement, what: str) -> None:
        self.undecided.append(Problem(statement.segment, index, what))

    def _difference(self, frame: Frame, statement: RecordsStatement, opened: Opened) -> str | None:
        try:
            records = frame(statement.framing, opened.raw)
        except Error as error:
            return f"its records cannot be framed again: {error}"
        if len(records) != statement.count:
            return f"it has {len(records)} records, not the {statement.count} that were sealed"
        if records_root(opened.salt, records).hex() != statement.root:
            return "its records are not those that were sealed"
        return None


def _name(parser: Parser) -> str:
    return f"{parser.name} {parser.version}"


def _check_strangers(archive: Archive, ledger: _Statements, problems: list[Problem]) -> None:
    """Step 7."""
    for digest in archive.digests():
        if digest not in ledger.segments:
            what = "no leaf names this file: added, or left by an interrupted run"
            problems.append(Problem(digest, None, what))
    for path in archive.strangers():
        what = f"{path.relative_to(archive.root).as_posix()!r} is no file of an archive"
        problems.append(Problem(None, None, what))
