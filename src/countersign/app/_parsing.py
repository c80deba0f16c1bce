"""What a worker process does with one sealed segment: frame it, root its records, parse them.

Raw bytes go in and Arrow streams come out, so that nothing but bytes crosses between processes.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Thread

import pyarrow as pa

from countersign.app.cutting import MAX_RECORD
from countersign.ledger import Archive, records_root
from countersign.model.batch import EventBatch, ParseContext, Parsed
from countersign.model.lean import without_pandas
from countersign.sources import Framing, source, sources
from countersign.sources._framing import frame

OVERLONG = f"is part of a record longer than {MAX_RECORD >> 20} MiB"
STOPPED = "the parser stopped at this segment; nothing in it was read"


@dataclass(frozen=True, slots=True)
class Job:
    """One sealed segment to be parsed; `raw` is its bytes, `archive` the folder that holds its salt."""

    raw: bytes
    archive: Path
    source: str
    framing: Framing
    context: ParseContext
    fragment: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """A parsed segment. `root` is the Merkle root over its `framed` records, None where framing itself failed;
    `events` and `rejected` are Arrow IPC streams with as many rows as `events_rows` and `rejected_rows` say, which
    unfold to `size` bytes."""

    root: str | None
    framed: int
    events: bytes
    rejected: bytes
    events_rows: int
    rejected_rows: int
    duplicates: int
    size: int


def start_worker() -> None:
    """A worker leaves Ctrl-C to the process that reads, which finishes what is under way, and ends when that does.

    Records make millions of small objects and hardly a cycle: looking for cycles at every turn takes a sixth of a
    worker's time, so it is done once a job, and never among what was there at the start.
    """
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


def work(jobs: Sequence[Job]) -> list[Outcome]:
    """Parse segments one after the other, in a worker."""
    try:
        return parse_all(jobs)
    finally:
        gc.collect()
        release()


def parse_all(jobs: Sequence[Job]) -> list[Outcome]:
    """Parse segments one after the other."""
    return [parse(job) for job in jobs]


def parse(job: Job) -> Outcome:
    """Frame, root and parse one segment. Whatever its bytes are, an `Outcome` comes out."""
    root, framed = None, 0
    try:
        records = frame(job.framing, job.raw)
        framed = len(records)
        root = records_root(Archive(job.archive).salt(job.context.segment), records).hex()
        parsed = _overlong(job) if job.fragment else source(job.source).parse(records, job.context)
    except BaseException as error:  # process boundary: Rust's panics are no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        return failed(job, root, framed)
    return _outcome(root, framed, parsed)


def _outcome(root: str | None, framed: int, parsed: Parsed) -> Outcome:
    events, rejected = parsed.events, parsed.rejected
    return Outcome(
        root,
        framed,
        _stream(events),
        _stream(rejected),
        events.num_rows,
        rejected.num_rows,
        parsed.duplicates,
        events.nbytes + rejected.nbytes,
    )


def failed(job: Job, root: str | None = None, framed: int = 0) -> Outcome:
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


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _overlong(job: Job) -> Parsed:
    batch = EventBatch(job.source, job.context)
    batch.reject(0, OVERLONG)
    return batch.finish()


def _stream(content: pa.Table) -> bytes:
    """LZ4 costs no more than copying what it saves through the pipe, and a quarter of the memory is held."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(sink, content.schema, options=options) as writer:
        writer.write_table(content)
    return bytes(sink.getvalue())
