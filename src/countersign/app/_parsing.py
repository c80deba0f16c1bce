"""What a worker process does with sealed segments: frame them, root their records, parse them.

It takes their bytes from the archive: unpacking takes a quarter of the time of sending them from process to process.
What was rejected comes back as an Arrow stream, events are left in a file until they are stored.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow as pa

from countersign.app import _unknown
from countersign.app.cutting import MAX_RECORD
from countersign.lake.spill import Spill, spill
from countersign.ledger import Archive, records_root
from countersign.model.batch import EventBatch, ParseContext, Parsed
from countersign.model.lean import without_pandas
from countersign.sources import Framing, Source, source, sources
from countersign.sources._custom import custom_source
from countersign.sources._framing import frame

OVERLONG = f"is part of a record longer than {MAX_RECORD >> 20} MiB"
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Options of glibc's `mallopt` (malloc.h)."""
KEPT_BYTES = 128 << 20
STOPPED = "the parser stopped at this segment; nothing in it was read"


@dataclass(frozen=True, slots=True)
class Job:
    """One sealed segment to be parsed, which is in the `archive` of that folder. `mapping` is the content of what
    describes a family of the workspace's own."""

    archive: Path
    source: str
    framing: Framing
    context: ParseContext
    fragment: bool
    mapping: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A parsed segment. `root` is the Merkle root over its `framed` records, None where framing itself failed;
    `rejected` is an Arrow IPC stream of `rejected_rows` rows."""

    root: str | None
    framed: int
    rejected: bytes
    events_rows: int
    rejected_rows: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class Worked:
    """What came of jobs: an outcome each, and the file in which all their events wait, if there are any."""

    outcomes: tuple[Outcome, ...]
    waiting: Spill | None


def start_worker() -> None:
    """A worker leaves Ctrl-C to the process that reads, which finishes what is under way, and ends when that does.

    Records make millions of small objects and hardly a cycle: looking for cycles at every turn takes a sixth of a
    worker's time, so it is done once a job, and never among what was there at the start. Every job needs the memory of
    the one before.
    """
    _keep_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    without_pandas()
    sources()
    gc.collect()
    gc.freeze()
    gc.disable()


def _end_with_parent() -> None:
    """A parent that was killed tells nobody; its workers would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def work(jobs: Sequence[Job], lake: Path) -> Worked:
    """Parse segments one after the other, in a worker; their events wait in the folder `lake`. Raises OSError where they
    cannot be written."""
    try:
        return parse_all(jobs, lake)
    finally:
        gc.collect()


def leanly(call: Callable[[Any], Any], portion: object) -> Any:  # noqa: ANN401  # whatever the call gives
    """A call in a worker that needs memory of its own: what parsing left is given back before it."""
    release()
    return call(portion)


def parse_all(jobs: Sequence[Job], lake: Path) -> Worked:
    """Parse segments one after the other; a segment that comes twice is read once more, and kept once."""
    events: dict[str, pa.Table] = {}
    outcomes = []
    for job in jobs:
        outcome, found = parse(job)
        outcomes.append(outcome)
        events.setdefault(job.context.segment, found)
    return Worked(tuple(outcomes), spill(lake, list(events.values())))


def parse(job: Job) -> tuple[Outcome, pa.Table]:
    """Frame, root and parse one segment. Whatever its bytes are, an `Outcome` and its events come out."""
    root, framed = None, 0
    try:
        raw, salt = Archive(job.archive).unpacked(job.context.segment)
        records = frame(job.framing, raw)
        framed = len(records)
        root = records_root(salt, records).hex()
        parsed = _overlong(job) if job.fragment else _family(job).parse(records, job.context)
    except BaseException as error:  # process boundary: Rust's panics are no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        return failed(job, root, framed)
    return _outcome(root, framed, parsed)


def _family(job: Job) -> Source:
    if job.source == _unknown.FAMILY.name:
        return _unknown.FAMILY
    return custom_source(job.mapping) if job.mapping else source(job.source)


def _outcome(root: str | None, framed: int, parsed: Parsed) -> tuple[Outcome, pa.Table]:
    events, rejected = parsed.events, parsed.rejected
    return Outcome(
        root, framed, _stream(rejected), events.num_rows, rejected.num_rows, parsed.duplicates
    ), events


def failed(job: Job, root: str | None = None, framed: int = 0) -> tuple[Outcome, pa.Table]:
    """The outcome of a segment that its parser could not survive: one rejected record that says so."""
    batch = EventBatch(job.source, job.context)
    batch.reject(0, STOPPED)
    return _outcome(root, framed, batch.finish())


def table(stream: bytes) -> pa.Table:
    """The table in an Arrow IPC stream."""
    return pa.ipc.open_stream(pa.py_buffer(stream)).read_all()


def release() -> None:
    """Give back memory that Arrow and the C library keep for later: the next commit is seconds away, and workers need it
    now. Threads free what others allocated, so without this the heap grows to several times what is in use."""
    pa.default_memory_pool().release_unused()
    trim = getattr(_libc(), "malloc_trim", None)  # glibc's; others give back by themselves
    if trim is not None:
        trim(0)


def _keep_memory() -> None:
    """Let the C library keep what is freed: to get it again from the kernel takes an eighth of a worker's time."""
    option = getattr(_libc(), "mallopt", None)  # glibc's
    if option is not None:
        option(M_MMAP_THRESHOLD, KEPT_BYTES)
        option(M_TRIM_THRESHOLD, KEPT_BYTES)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _overlong(job: Job) -> Parsed:
    batch = EventBatch(job.source, job.context)
    batch.reject(0, OVERLONG)
    return batch.finish()


def _stream(content: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, content.schema) as writer:
        writer.write_table(content)
    return bytes(sink.getvalue())
