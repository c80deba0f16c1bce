"""The line that every segment passes: noted, sealed, under a leaf, parsed by a worker, stored.

Each step is durable before the next begins, and the note goes last, so that a run may die between any two.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from itertools import repeat
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from countersign.app import _journal, _parsing
from countersign.app._journal import Entry, Note
from countersign.app._parsing import Job, Worked
from countersign.app._passing import Batch, Loose, Totals, Work, lake_data, records_leaf, segment_leaf
from countersign.app._workers import processes, ready
from countersign.app.own_families import OwnFamilies
from countersign.app.workspace import Workspace
from countersign.errors import ArchiveError, StoreError
from countersign.lake.spill import Spill
from countersign.ledger import Archive, Log, Sealed
from countersign.model.batch import ParseContext
from countersign.sources import FRAMINGS, Framing

if TYPE_CHECKING:
    from countersign.lake import Appended, Lake

SEAL_BYTES = 16 << 20
SEAL_SEGMENTS = 256
"""One note and one signed head cover at most so much: a crash costs reading it again, memory holds it once."""
SEAL_THREADS = 4
"""Compressing and syncing wait for the disk more than for the processor."""
JOB_BYTES = 1 << 20
JOB_SEGMENTS = 64
"""Small segments travel to a worker together."""
INLINE_BYTES = 8 << 20
"""Less than this is parsed sooner here than by processes that must first start."""
FLYING = 4
"""Jobs a worker has waiting, so that it has work while this process seals, or looks for what is new."""
STORE_ROWS = 500_000
STORE_BYTES = 1 << 30
STORE_SEGMENTS = 20_000
"""One commit of the lake: large enough for good files. What waits for it lies on disk at a quarter of `STORE_BYTES`;
the keys of so many rows take some 100 MB of memory."""


class Pipeline:
    """Takes cut segments in, and leaves them sealed and stored. Use as a context manager: leaving it by an
    exception drops what is under way, which the notes keep for the next run. `again` are segments in the lake of which
    a new reading takes the place of the old one."""

    def __init__(
        self, workspace: Workspace, lake: Lake, *, workers: int, own: OwnFamilies | None = None
    ) -> None:
        self._workspace = workspace
        self._own = own or OwnFamilies.of(workspace)
        self._lake = lake
        self._archive = Archive(workspace.archive)
        self._log = Log(workspace.ledger)
        self._workers = workers
        self._threads = ThreadPoolExecutor(SEAL_THREADS)
        self._processes: ProcessPoolExecutor | None = None
        self._loose: list[Loose] = []
        self._loose_bytes = 0
        self._group: list[Work] = []
        self._held: list[list[Work]] = []
        self._held_bytes = 0
        self._flying: deque[tuple[list[Work], Future[Worked]]] = deque()
        self._done: Batch = []
        self._waiting: list[Spill] = []
        self._done_rows = 0
        self._done_bytes = 0
        self._open: Counter[Path] = Counter()
        self._storer = ThreadPoolExecutor(1)
        self._storing: tuple[Batch, Future[Appended]] | None = None
        self.again: frozenset[str] = frozenset()
        self.totals = Totals()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown()
        if self._processes is not None:
            self._processes.shutdown(wait=kind is None, cancel_futures=True)
        self._storer.shutdown()  # before the lake's lock is let go

    def announce(self, size: int) -> None:
        """So many bytes are about to be read: what workers need is imported meanwhile, if there will be any."""
        if size >= INLINE_BYTES:
            ready()

    def add(self, loose: Loose) -> None:
        """One more segment to be sealed and stored. Raises OSError where it cannot be sealed, `StoreError`
        where an earlier one cannot be stored."""
        self._loose.append(loose)
        self._loose_bytes += len(loose.raw)
        if self._loose_bytes >= SEAL_BYTES or len(self._loose) >= SEAL_SEGMENTS:
            self.seal()

    def seal(self) -> None:
        """Seal what was added: note, archive, leaves, in this order."""
        if not self._loose:
            return
        loose, self._loose, self._loose_bytes = self._loose, [], 0
        note = _journal.write(self._workspace.pending, self._log.size, tuple(one.entry for one in loose))
        sealed = list(self._threads.map(lambda one: self._archive.put(one.raw, one.entry.digest), loose))
        statements = [segment_leaf(one.entry, each) for one, each in zip(loose, sealed, strict=True)]
        leaves = self._log.append(statements)
        self.totals.segments += len(loose)
        self.totals.bytes_stored += sum(each.stored_size for each in sealed if each.new)
        self.expect(note, len(loose))
        for one, leaf in zip(loose, leaves, strict=True):
            self.submit(Work(one.entry, note, leaf))

    def recall(self, digest: str) -> bytes | None:
        """The bytes of a segment that was added or is in the archive, None where they cannot be had."""
        for one in self._loose:
            if one.entry.digest == digest:
                return one.raw
        try:
            return self._archive.get(digest)
        except ArchiveError:
            return None

    def expect(self, note: Note, count: int) -> None:
        """The note stays until `count` segments that are about to be submitted are stored."""
        self._open[note.path] += count

    def certify(self, entry: Entry) -> int:
        """Put a segment that is in the archive under a leaf, which a killed run did not come to."""
        opened = self._archive.open(entry.digest)
        sealed = Sealed(entry.digest, len(opened.raw), opened.stored_digest, opened.stored_size, new=False)
        return self._log.append([segment_leaf(entry, sealed)])[0]

    def submit(self, work: Work) -> None:
        """Parse and store a sealed segment."""
        self._group.append(work)
        if len(self._group) >= JOB_SEGMENTS or sum(each.entry.size for each in self._group) >= JOB_BYTES:
            self._send()

    def finish(self) -> None:
        """Seal, parse and store everything that was added."""
        self.seal()
        self._send()
        held, self._held = self._held, []
        for group in held:
            with _space():
                worked = _parsing.parse_all([self._job(work) for work in group], self._lake.root)
            self._take(group, worked)
        while self._flying:
            self._land()
        self.store()
        self._stored()

    def _send(self) -> None:
        group, self._group = self._group, []
        if not group:
            return
        self._held.append(group)
        self._held_bytes += sum(work.entry.size for work in group)
        if self._processes is None and self._held_bytes < INLINE_BYTES:
            return
        held, self._held = self._held, []
        for each in held:
            self._fly(each)

    def _fly(self, group: list[Work]) -> None:
        while len(self._flying) >= self._workers * FLYING:
            self._land()
        if self._processes is None:
            self._processes = processes(self._workers)
        jobs = [self._job(work) for work in group]
        try:
            future = self._processes.submit(_parsing.work, jobs, self._lake.root)
        except BrokenProcessPool:  # seen here first when a worker died between two jobs
            self._processes = processes(self._workers)
            future = self._processes.submit(_parsing.work, jobs, self._lake.root)
        self._flying.append((group, future))

    def _land(self) -> None:
        group, future = self._flying.popleft()
        try:
            with _space():
                worked = future.result()
        except BrokenProcessPool:
            self._processes = None
            for work in group:
                self._take([work], self._alone(self._job(work)))
            return
        self._take(group, worked)

    def _alone(self, job: Job) -> Worked:
        """One segment in a process of its own, after a worker died: that of the innocent ones comes out."""
        with processes(1) as process:
            try:
                with _space():
                    return process.submit(_parsing.work, [job], self._lake.root).result()
            except BrokenProcessPool:
                return Worked((_parsing.failed(job)[0],), None)

    def _job(self, work: Work) -> Job:
        entry = work.entry
        context = ParseContext(entry.digest, entry.received, entry.sealed, entry.zone, entry.origin)
        framing: Framing = next(known for known in FRAMINGS if known == entry.framing)
        mapping = self._own.mapping(entry.source)
        return Job(self._archive.root, entry.source, framing, context, entry.fragment, mapping)

    def _take(self, group: Sequence[Work], worked: Worked) -> None:
        for work, outcome in zip(group, worked.outcomes, strict=True):
            self._done.append((work, outcome))
            self._done_rows += outcome.events_rows + outcome.rejected_rows
        if worked.waiting is not None:
            self._waiting.append(worked.waiting)
            self._done_bytes += worked.waiting.size
        if (
            self._done_rows >= STORE_ROWS
            or self._done_bytes >= STORE_BYTES
            or len(self._done) >= STORE_SEGMENTS
        ):
            self.store()

    def store(self) -> None:
        """Put what has been parsed under its leaf and into the lake, in one commit, and forget its notes. Where workers
        parse, the next batch is read meanwhile."""
        self._stored()
        done, self._done, self._done_rows, self._done_bytes = self._done, [], 0, 0
        waiting, self._waiting = self._waiting, []
        if not done:
            return
        self._root(done)
        if self._processes is None:
            self._forget(done, self._append(done, waiting))
        else:
            self._storing = done, self._storer.submit(self._append, done, waiting)

    def _append(self, done: Batch, waiting: Sequence[Spill]) -> Appended:
        halves = {digest for work, _ in done for digest in work.entry.replaces}
        if halves:
            self._lake.retract(sorted(halves))
        self._lake.forget(sorted(self.again & {work.entry.digest for work, _ in done}))
        return self._lake.append(
            [lake_data(work, outcome, half=work.entry.digest in halves) for work, outcome in done],
            waiting,
            self._run,
        )

    def _stored(self) -> None:
        """Wait until the batch that is being stored is. Raises `StoreError` if it cannot be."""
        if self._storing is not None:
            (done, future), self._storing = self._storing, None
            self._forget(done, future.result())

    def _forget(self, done: Batch, appended: Appended) -> None:
        """Count what has been stored, and remove its notes."""
        totals = self.totals
        for _, outcome in done:
            totals.events += outcome.events_rows + outcome.duplicates
            totals.rejected += outcome.rejected_rows
        totals.records = totals.events + totals.rejected
        totals.new_events += appended.new_events
        totals.duplicates = totals.events - totals.new_events
        for work, _ in done:
            self._open[work.note.path] -= 1
            if not self._open[work.note.path]:
                _journal.remove(work.note)
        _parsing.release()

    def _run(self, call: Callable[..., Any], portions: Sequence[Any]) -> Iterable[Any]:
        """A call for each portion, by the workers if there are any, and here if one of them died."""
        running = self._processes
        _parsing.release()
        if running is not None:
            with suppress(BrokenProcessPool):
                return list(running.map(_parsing.leanly, repeat(call), portions))
        return map(call, portions)

    def _root(self, done: Batch) -> None:
        """Append the `records` leaves of segments that have none yet."""
        new = [
            (work, outcome)
            for work, outcome in done
            if outcome.root is not None and (work.records is None or work.records[1] != outcome.root)
        ]
        leaves = self._log.append([records_leaf(work.entry, outcome) for work, outcome in new])
        for (work, outcome), leaf in zip(new, leaves, strict=True):
            work.records = (leaf, outcome.root or "")


@contextmanager
def _space() -> Iterator[None]:
    """A worker that finds no room for events leaves the whole batch to another run."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"events cannot be kept until they are stored: {error.strerror}; what was sealed is read again"
        ) from error
