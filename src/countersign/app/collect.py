"""Collect: seal what is new in files, folders, archives and pipes, understand it, and store it in the lake."""

from __future__ import annotations

import errno
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, TYPE_CHECKING, Self

from countersign.app import _unknown, copies, rereading, unread
from countersign.app._cut import Cut
from countersign.app._journal import Entry
from countersign.app._passing import Loose, Totals
from countersign.app._pipeline import Pipeline
from countersign.app._streams import Limited, Meter, Peeked
from countersign.app.cutting import Cutting
from countersign.app.inputs import Input, Skipped, Status, open_inputs, shown, survey
from countersign.app.known import Known, Piece
from countersign.app.own_families import OwnFamilies
from countersign.app.recovery import recover
from countersign.app.workspace import Workspace, is_zone
from countersign.errors import StoreError, UsageError
from countersign.sources import HEAD_BYTES, Source
from countersign.sources._framing import frame

if TYPE_CHECKING:
    from countersign.lake import Lake

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
Progress = Callable[[int, int, int], None]
"""Called with the bytes on disk that were passed, their total (0 for a pipe), and the records stored so far."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file or archive member, and why if it was not simply read."""

    path: str
    status: Status
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """What one run did.

    `records` were found in bytes not collected before; of these `events` were understood, `rejected` were not,
    and `new_events` were not in the lake yet. `unrecognised` counts files of no known log format, `bytes` what
    was read after decompression. `stopped` says why not everything was read (Ctrl-C, a full disk).
    """

    records: int
    events: int
    rejected: int
    new_events: int
    duplicates: int
    unrecognised: int
    segments: int
    recovered: int
    bytes: int
    bytes_stored: int
    seconds: float
    stopped: str
    files: tuple[FileReport, ...] = field(repr=False)

    def to_json(self) -> dict[str, object]:
        """The last line of `countersign collect --json`."""
        return {
            "records": self.records,
            "events": self.events,
            "rejected": self.rejected,
            "new_events": self.new_events,
            "unrecognised": self.unrecognised,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
            "duplicates": self.duplicates,
            "segments": self.segments,
            "recovered": self.recovered,
            "bytes_stored": self.bytes_stored,
            "stopped": self.stopped,
            "files": [
                {"path": report.path, "status": report.status, "reason": report.reason}
                for report in self.files
            ],
        }


def collect(
    workspace: Workspace,
    paths: Sequence[str | Path],
    *,
    origin: str | None = None,
    zone: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    stdin: IO[bytes] | None = None,
) -> Summary:
    """Collect `paths` (`-` is standard input) into a workspace; what it has already is passed over.

    `origin`, `zone` and `workers` default to the workspace's settings; `clock` gives aware times. Whatever is wrong
    with a file is in the summary. Ctrl-C, and a disk that is full, end the run after what is under way; the next
    run goes on from there. Raises `UsageError` for a path that does not exist, `WorkspaceError` while another
    run writes, `StoreError` where the lake cannot be read or written, `InputError` for a mapping in sources/.
    """
    settings = workspace.settings
    zone = settings.zone if zone is None else zone
    if not is_zone(zone):
        raise UsageError(f"{zone!r} is no IANA time zone such as Europe/Vienna")
    started = time.monotonic()
    own = OwnFamilies.of(workspace)
    total = survey(paths, workspace.root)
    with (
        workspace.writing(clock) as lake,
        Pipeline(workspace, lake, workers=workers or settings.workers, own=own) as pipeline,
        _Interrupt() as interrupt,
    ):
        run = _Run(
            workspace=workspace,
            pipeline=pipeline,
            own=own,
            origin=shown(settings.origin if origin is None else origin),
            zone=zone,
            clock=clock,
            interrupt=interrupt,
            tell=lambda meter: progress and progress(meter.done, total, pipeline.totals.records),
        )
        pipeline.announce(total)
        run.recover(lake)
        run.reread(lake)
        run.read(paths, stdin)
        run.finish(lake)
    summary = run.summary(time.monotonic() - started)
    with suppress(OSError):  # a note for the report; a full disk has been told already
        unread.remember(workspace, summary.files)
    return summary


class _Run:
    """One run: what it reads with, and what it has to tell."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        pipeline: Pipeline,
        own: OwnFamilies,
        origin: str,
        zone: str,
        clock: Callable[[], datetime],
        interrupt: _Interrupt,
        tell: Callable[[Meter], object],
    ) -> None:
        self._workspace = workspace
        self._pipeline = pipeline
        self._own = own
        self._origin = origin
        self._zone = zone
        self._clock = clock
        self._interrupt = interrupt
        self._tell = tell
        self._known = Known()
        self._meter = Meter()
        self._files: list[FileReport] = []
        self._bytes = 0
        self._recovered = 0
        self._stopped = ""

    def recover(self, lake: Lake) -> None:
        self._rows = lake.segment_rows()
        self._known = Known.from_rows(self._rows)
        taken, lost = recover(self._workspace, self._pipeline, self._rows.column("segment").to_pylist())
        for entry in taken:
            piece = Piece(entry.digest, entry.size, entry.lineage, entry.source)
            self._known.add(entry.origin, entry.head, entry.offset, piece, entry.pieces)
        self._recovered = len(taken)
        self._files += [FileReport(each.entry.path, "damaged", each.reason) for each in lost]

    def reread(self, lake: Lake) -> None:
        """What was sealed before anybody knew it is read from the archive, if somebody knows it now."""
        try:
            if self._recovered:
                self._pipeline.finish()
                self._rows = lake.segment_rows()
            files = rereading.due(self._workspace, self._rows, self._own, self._pipeline.recall)
            if files:
                rereading.begin(self._workspace, lake, files)
                self._pipeline.again = frozenset(name for file in files for name in file.digests)
                gone = [digest for file in files for digest in self._again(file)]
                self._pipeline.finish()
                self._pipeline.again = frozenset()
                if not self._stopped:
                    lake.forget(sorted(set(gone)))
            if not self._stopped:
                rereading.finish(self._workspace, self._own)
        except (OSError, StoreError) as error:
            self._stopped = self._stopped or _full(error)

    def _again(self, file: rereading.Again) -> list[str]:
        """Read one file from the archive; returns the segments that have no part in it as it is read now."""
        source = self._own.family(file.source)
        if source is None or self._stopped:
            return []
        stream = Peeked(rereading.FromArchive(file.segments, self._pipeline.recall))
        item = Input(file.path, file.received, stream, grows=True)
        report = self._cut(item, source, file.origin)
        if report.status == "damaged":
            self._files.append(report)
            return []
        note = f"from the archive, where it was before there was anything that read it as {source.title}"
        self._files.append(FileReport(file.path, "read", note))
        return [name for name in file.digests if not self._known.has(name, source.name)]

    def read(self, paths: Sequence[str | Path], stdin: IO[bytes] | None) -> None:
        if self._stopped:
            return
        inputs = open_inputs(
            paths,
            spool=self._workspace.spool,
            now=self._clock(),
            exclude=self._workspace.root,
            meter=self._meter,
            stdin=stdin,
        )
        for item in inputs:
            if isinstance(item, Skipped):
                self._files.append(FileReport(item.path, item.status, item.reason))
            else:
                self._input(item)
            self._tell(self._meter)
            if self._interrupt.asked:
                self._stopped = "interrupted"
            if self._stopped:
                break
        inputs.close()

    def finish(self, lake: Lake) -> None:
        try:
            self._pipeline.finish()
            copies.settle(self._workspace, lake)
            lake.maintain()
        except (OSError, StoreError) as error:
            self._stopped = self._stopped or _full(error)
        self._tell(self._meter)

    def summary(self, seconds: float) -> Summary:
        totals: Totals = self._pipeline.totals
        return Summary(
            records=totals.records,
            events=totals.events,
            rejected=totals.rejected,
            new_events=totals.new_events,
            duplicates=totals.duplicates,
            unrecognised=sum(report.status == "unrecognised" for report in self._files),
            segments=totals.segments,
            recovered=self._recovered,
            bytes=self._bytes,
            bytes_stored=totals.bytes_stored,
            seconds=seconds,
            stopped=self._stopped,
            files=tuple(self._files),
        )

    def _input(self, item: Input) -> None:
        head = item.stream.peek(HEAD_BYTES)
        source = self._own.recognise(head)
        if source is not None:
            self._files.append(self._cut(item, source, self._origin))
            return
        kept = self._keep(item, _unknown.worth(head))
        self._files.append(FileReport(item.path, "unrecognised", _unknown.describe(head, kept)))

    def _keep(self, item: Input, most: int) -> str:
        """Seal a file that nobody knows, if it may be a log; says what was done, as part of a sentence."""
        if not most:
            return "not kept"
        if most == _unknown.BINARY_BYTES and len(item.stream.peek(most + 1)) > most:
            return f"larger than {most >> 20} MiB and not kept"
        start = replace(item, stream=Peeked(Limited(item.stream, most)))
        report = self._cut(start, _unknown.FAMILY, self._origin)
        if report.status == "unreadable":
            return report.reason
        more = item.stream.peek(1)
        return f"its first {most >> 20} MiB are kept" if more else "kept until one is"

    def _cut(self, item: Input, source: Source, origin: str) -> FileReport:
        """Cut and add a stream."""
        cutting = Cutting(
            item.stream, source, self._known, origin, grows=item.grows, recall=self._pipeline.recall
        )
        cuts = rows = 0
        try:
            for cut in cutting:
                if source.ends_at:
                    rows += len(frame(source.framing, cut.raw)) - 1  # the header is repeated in each
                self._pipeline.add(Loose(cut.raw, self._entry(cut, source, item, origin)))
                cuts += 1
                self._tell(self._meter)
                if self._interrupt.asked:
                    self._stopped = "interrupted"
                    break
        except (OSError, StoreError) as error:
            self._stopped = _full(error)
            return FileReport(item.path, "unreadable", self._stopped)
        self._bytes += item.stream.taken
        return _report(item.path, cutting, cuts, rows if rows in source.ends_at else 0)

    def _entry(self, cut: Cut, source: Source, item: Input, origin: str) -> Entry:
        return Entry(
            digest=cut.digest,
            source=source.name,
            framing=source.framing,
            lineage=cut.lineage,
            head=cut.head,
            pieces=cut.pieces,
            origin=origin,
            zone=self._zone,
            path=item.path,
            offset=cut.offset,
            size=len(cut.raw),
            received=item.modified,
            sealed=self._clock(),
            fragment=cut.fragment,
            replaces=cut.replaces,
        )


def _report(path: str, cutting: Cutting, cuts: int, ends_at: int) -> FileReport:
    if cutting.damage:
        return FileReport(path, "damaged", cutting.damage)
    if ends_at:
        return FileReport(
            path, "truncated", f"has exactly {ends_at:,} rows, where its export ends: there were more"
        )
    if cuts:
        return FileReport(path, "read")
    if cutting.passed:
        return FileReport(path, "known", "was collected before")
    return FileReport(path, "empty", "holds no records")


def _full(error: BaseException) -> str:
    """Why the run stops, if it is that the disk takes no more; anything else is raised again."""
    cause: BaseException | None = error
    while cause is not None:
        if getattr(cause, "errno", None) in FULL or "No space left" in str(cause):
            return "the disk is full: free some space and run it again, what was sealed is kept"
        cause = cause.__cause__
    if isinstance(error, OSError):
        raise StoreError(
            f"the workspace cannot be written: {(error.strerror or str(error)).lower()}"
        ) from error
    raise error


class _Interrupt:
    """The first Ctrl-C asks to stop after what is under way, a second one stops at once."""

    def __init__(self) -> None:
        self.asked = False
        self._before: object = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if callable(self._before) or isinstance(self._before, int):
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
