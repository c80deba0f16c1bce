"""From a specification and a seed to a folder of logs with the truth beside them, in one process or several.

Every process plans the whole day and writes the streams that are its own; since nothing is drawn from a shared state,
the bytes are the same whatever the number of processes.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import orjson

from countersign.errors import InputError, UsageError
from countersign.range.building import build_estate
from countersign.range.estate import Estate
from countersign.range.plan.everyday import Everyday
from countersign.range.plan.plays import Play
from countersign.range.plan.tables import Mask
from countersign.range.plan.visits import Planner
from countersign.range.spec import RangeSpec
from countersign.range.streams.base import Common, Record, Today, today
from countersign.range.streams.brokers import BROKERS, BrokerStream
from countersign.range.streams.cloud import EntraStream, TrailStream, UnifiedStream
from countersign.range.streams.lines import GatewayStream, SyslogStream
from countersign.range.streams.ready import Ready
from countersign.range.streams.windows import WindowsStream
from countersign.range.streams.zeek import ZeekStream
from countersign.range.terms import write_agreements
from countersign.range.truth import Ledgers, Notes, TrueVisit, in_order, read_notes
from countersign.range.writers.times import fill
from countersign.range.writers.windows import SHAPES

Progress = Callable[[int, int | None], None]
More = dict[int, list[tuple[int, Play, TrueVisit]]]
"""Visits beside the ordinary ones, by day."""
NOTES = ".notes"
MADE = "range.json"
"""Beside the truth: of what the range was made."""


@dataclass(slots=True)
class Summary:
    """What was generated: log records by kind, visits by provider, hops and those of which no record survived."""

    records: dict[str, int] = field(default_factory=dict)
    visits: dict[str, int] = field(default_factory=dict)
    malicious: int = 0
    hops: int = 0
    lost_whole: int = 0

    @property
    def total(self) -> int:
        """All log records."""
        return sum(self.records.values())


class Stream(Protocol):
    """What writes one recorder's log."""

    @property
    def count(self) -> int:
        """How many records it has written."""

    def write(self, today: Today, visits: Sequence[Record], /) -> None:
        """A day."""

    def close(self) -> None:
        """The end."""


@dataclass(slots=True)
class _Job:
    spec: RangeSpec
    seed: int
    root: Path
    worker: int
    workers: int
    only: frozenset[int] | None = None


def generate(
    spec: RangeSpec, out: Path, seed: int, *, processes: int = 1, progress: Progress | None = None
) -> Summary:
    """Writes logs to `out/{windows,linux,zeek,gateways,cloud}`, the truth to `out/truth`, agreements to `out/agreements`.

    The same specification and seed give the same bytes and file times, whatever `processes`. `out` may exist but must be
    empty, else `UsageError`. `progress` is called with days done and days in all.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not an empty folder: choose another, for generated logs must not mix")
    summary = write_streams(spec, seed, out, processes=processes, progress=progress)
    made = {"seed": seed, "spec": spec.model_dump(mode="json")}
    (out / "truth" / MADE).write_bytes(orjson.dumps(made, option=orjson.OPT_INDENT_2))
    _set_times(build_estate(spec, seed), out / "truth")
    return summary


def load_made(base: Path) -> tuple[RangeSpec, int]:
    """Specification and seed of a range that was generated. Raises `InputError` where there is none."""
    path = base / "truth" / MADE
    try:
        made = orjson.loads(path.read_bytes())
        if "campaign" in made:
            raise InputError(
                "is a campaign's, and another cannot be laid over it", path=str(path), remedy="name its base"
            )
        return RangeSpec.model_validate(made["spec"]), int(made["seed"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "tells of no range that an intrusion can be laid over",
            path=str(path),
            remedy="generate one: countersign range generate",
        ) from error


def write_streams(
    spec: RangeSpec, seed: int, out: Path, *, processes: int = 1, progress: Progress | None = None,
    only: frozenset[int] | None = None, more: More | None = None,
) -> Summary:  # fmt: skip
    """The streams (all, or `only` some), with `more` visits by day beside the ordinary ones."""
    out.mkdir(parents=True, exist_ok=True)
    jobs = [_Job(spec, seed, out, worker, processes, only) for worker in range(processes)]
    if processes == 1:
        counts = [_write(jobs[0], progress, more)]
    else:
        with multiprocessing.get_context("spawn").Pool(processes - 1) as pool:
            others = pool.map_async(_write, jobs[1:])
            counts = [_write(jobs[0], progress), *others.get()]
    summary = Summary()
    for part in counts:
        for name, count in part.items():
            summary.records[name] = summary.records.get(name, 0) + count
    summary.records = dict(sorted(summary.records.items()))
    estate = build_estate(spec, seed)
    _tell_truth(estate, out, summary, more, whole=only is None)
    write_agreements(estate, out / "agreements")
    _set_times(estate, out)
    return summary


def _streams(estate: Estate, everyday: Everyday, common: Common) -> dict[int, tuple[str, Stream]]:
    layout, spec = everyday.layout, estate.spec
    ready = {shape: Ready(shape, estate.calendar.zone) for shape in SHAPES}
    streams: dict[int, tuple[str, Stream]] = {}
    for host in estate.hosts:
        if not host.silent and host.linux:
            streams[host.index] = "linux", SyslogStream(common, host)
        elif not host.silent:
            streams[host.index] = "windows", WindowsStream(common, host, ready[host.shape])
    for number in range(layout.sensors):
        streams[layout.sensor(number)] = "zeek", ZeekStream(common, number, layout.sensor(number))
    for number, gateway in enumerate(spec.gateways):
        streams[layout.gateway(number)] = "gateways", GatewayStream(common, number, gateway)
    if layout.cloud:
        streams[layout.entra] = "entra", EntraStream(common, layout.entra)
        streams[layout.m365] = "m365", UnifiedStream(common, layout.m365)
    for number in range(layout.aws):
        streams[layout.trail(number)] = "cloudtrail", TrailStream(common, number, layout.trail(number))
    for number, broker in enumerate(BROKERS):
        stream = layout.broker(broker.kind)
        streams[stream] = broker.kind, BrokerStream(common, number, stream)
    return streams


def _owned(streams: Iterable[int], job: _Job, total: int, hosts: int) -> Mask:
    """Which streams a worker writes: sensors apart from hosts, as they are half of the records."""
    wanted = np.zeros(total, bool)
    for stream in streams:
        if job.only is not None and stream not in job.only:
            continue
        mine = (
            (stream % job.workers) if stream < hosts else (job.workers - 1 - (stream - hosts) % job.workers)
        )
        wanted[stream] = mine == job.worker
    return wanted


def _write(job: _Job, progress: Progress | None = None, more: More | None = None) -> dict[str, int]:
    fill()
    estate = build_estate(job.spec, job.seed)
    everyday = Everyday(estate)
    notes = Notes(job.root / NOTES, job.worker)
    common = Common(estate, everyday.layout, job.root, notes)
    streams = _streams(estate, everyday, common)
    wanted = _owned(streams, job, everyday.layout.total, len(estate.hosts))
    mine = {number: stream for number, stream in streams.items() if wanted[number]}
    planner = Planner(estate, everyday.layout)
    for number in range(job.spec.days):
        day = estate.calendar.day(number)
        told, visits = planner.day(day, (more or {}).get(number))
        for visit in visits:
            notes.expect(visit, number)
        rows = everyday.rows(day)
        table = today(estate, day, rows, everyday.records(rows, wanted))
        for stream, (_, writer) in mine.items():
            writer.write(table, told.get(stream, ()))
        notes.forget(number - 2)
        if progress is not None:
            progress(number + 1, job.spec.days)
    counts: dict[str, int] = {}
    for kind, writer in mine.values():
        writer.close()
        if writer.count:
            counts[kind] = counts.get(kind, 0) + writer.count
    notes.close()
    return counts


def _tell_truth(estate: Estate, out: Path, summary: Summary, more: More | None, *, whole: bool) -> None:
    """Joins what was planned with the records that were written, a day at a time.

    Where not all streams were written only the visits beside the ordinary ones are told of, and of the others what their
    records are called in the streams that were: of these this has not all.
    """
    planner = Planner(estate, Everyday(estate).layout)
    ledgers = Ledgers(out / "truth", {host.fqdn: host.name for host in estate.hosts})
    for number in range(estate.spec.days):
        _, visits = planner.day(estate.calendar.day(number), (more or {}).get(number))
        found = read_notes(out / NOTES, number)
        for visit in in_order(visits):
            if whole or visit.malicious:
                ledgers.add(visit, found)
            else:
                ledgers.moved(visit, found)
    ledgers.close()
    shutil.rmtree(out / NOTES, ignore_errors=True)
    summary.visits = dict(sorted(ledgers.visits.items()))
    summary.hops, summary.lost_whole, summary.malicious = ledgers.hops, ledgers.lost_whole, ledgers.malicious


def _set_times(estate: Estate, out: Path) -> None:
    """Readers take a missing year from the file's time (RFC 3164), so it must be the range's, not today's."""
    end = estate.calendar.day(estate.spec.days - 1).end / 1_000_000
    for path in out.rglob("*"):
        if path.is_file():
            os.utime(path, (end, end))
