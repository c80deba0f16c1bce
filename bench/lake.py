"""Times the lake on generated events: `python bench/lake.py --rows 10000000 --appends 1000`.

Prints seconds, rates and ratios. The events are varied Windows logons and processes over 30 days, 250,000 a batch.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from countersign.lake import Filter, Lake, SegmentData, SegmentRow, WorkspaceLock
from countersign.lake.tables import VISITS_SCHEMA
from countersign.model import schema

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 30
BATCH = 250_000
SEGMENT_ROWS = 12_500
VISITS_A_DAY = 200
RARE = "whoami.exe /all /fo:4711"
MAP_KEYS = ("RestrictedAdminMode", "KeyLength", "VirtualAccount", "ElevatedToken")

POOLS = {
    "src_commandline": [
        f'C:\\Windows\\System32\\tool{i % 97}.exe -p{i} /x:{i * 7919 % 10007} "C:\\Users\\u{i % 50}\\f{i}.txt"'
        for i in range(20_000)
    ],
    "src_image": [f"C:\\Windows\\System32\\tool{i}.exe" for i in range(97)],
    "src_targetusername": [f"user{i}" for i in range(500)],
    "src_ipaddress": [f"10.{i % 7}.{i % 250}.{i % 199}" for i in range(3000)],
    "src_logontype": ["2", "3", "5", "7", "10"],
    "src_workstationname": [f"WS{i}" for i in range(300)],
    "src_logonid": [hex(i * 65_537) for i in range(20_000)],
    "src_hashes": [f"SHA256={i * 2_654_435_761 % 2**64:064x}" for i in range(2000)],
}
STRUCTS = {
    "metadata": {
        "product": ["Windows"],
        "log_name": ["Security", "Sysmon", "System"],
        "event_code": ["4624", "4625", "4634", "4688", "4672", "1", "3", "11"],
    },
    "device": {"hostname": [f"HOST{i:03}.example.test" for i in range(200)]},
    "user": {"name": [f"user{i}" for i in range(500)], "domain": ["EXAMPLE"]},
    "src_endpoint": {"ip": [f"10.{i % 7}.{i % 250}.{i % 199}" for i in range(3000)]},
}


def _pick(rng: np.random.Generator, count: int, values: list[str]) -> pa.Array:
    return pa.array(values).take(pa.array(rng.integers(0, len(values), count, dtype=np.int32)))


def _hex(rng: np.random.Generator, count: int) -> pa.Array:
    text = pa.py_buffer(rng.bytes(16 * count).hex().encode())
    offsets = pa.py_buffer(np.arange(0, 32 * (count + 1), 32, dtype=np.int32))
    return pa.StringArray.from_buffers(count, offsets, text)


def events(rng: np.random.Generator, count: int, first: datetime, span: timedelta, segment: str) -> pa.Table:
    """`count` varied events in a span of time."""
    micro = timedelta(microseconds=1)
    times = (
        np.sort(rng.integers(0, span // micro, count)) + (first - datetime(1970, 1, 1, tzinfo=UTC)) // micro
    )
    time_ = pa.array(times, schema.TIMESTAMP)
    columns: dict[str, pa.Array] = {
        "id": _hex(rng, count),
        "time": time_,
        "time_text": pc.strftime(time_, format="%Y-%m-%dT%H:%M:%SZ"),
        "time_basis": pa.repeat("stated", count),
        "count": pa.repeat(pa.scalar(1, pa.int32()), count),
        "keyed": pa.repeat(pa.scalar(value=True), count),
        "source": pa.repeat("windows.evtx", count),
        "origin": pa.repeat("", count),
        "segment": pa.repeat(segment, count),
        "record": pa.array(np.arange(count, dtype=np.int32)),
        "class_uid": pa.array(rng.choice(np.array([3002, 1007, 4001], dtype=np.int32), count)),
    }
    for name, leaves in STRUCTS.items():
        arrays = [_pick(rng, count, values) for values in leaves.values()]
        columns[name] = pa.StructArray.from_arrays(arrays, names=list(leaves))
    columns.update({name: _pick(rng, count, values) for name, values in POOLS.items()})
    columns["unmapped"] = _map(rng, count)
    return pa.table({name: columns[name] for name in schema.events_schema().names if name in columns})


def _map(rng: np.random.Generator, count: int) -> pa.Array:
    width = len(MAP_KEYS)
    keys = pa.array(MAP_KEYS).take(pa.array(np.tile(np.arange(width, dtype=np.int32), count)))
    values = _pick(rng, width * count, [f"value{i}" for i in range(5000)])
    return pa.MapArray.from_arrays(
        pa.array(np.arange(0, width * (count + 1), width, dtype=np.int32)), keys, values
    )


def segments(rng: np.random.Generator, count: int, first: datetime, span: timedelta) -> list[SegmentData]:
    """A batch of segments, one after another in time."""
    parts = max(1, count // SEGMENT_ROWS)
    out = []
    for part in range(parts):
        digest = rng.bytes(32).hex()
        rows = events(rng, count // parts, first + span / parts * part, span / parts, digest)
        row = SegmentRow(digest, "windows.evtx", "bench", leaf_records=part, sealed=START, received=START)
        out.append(SegmentData(row, rows, schema.REJECTED_SCHEMA.empty_table()))
    return out


def timed(label: str, work: Callable[[], object], *, repeat: int = 3) -> float:
    """Best of `repeat` runs, printed."""
    best, result = float("inf"), None
    for _ in range(repeat):
        begin = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - begin)
    print(f"{label:<58} {best * 1000:>10.1f} ms   {result}")
    return best


def fill(lake: Lake, rng: np.random.Generator, rows: int) -> None:
    batches = max(1, rows // BATCH)
    span = timedelta(days=DAYS) / batches
    spent = 0.0
    for number in range(batches):
        batch = segments(rng, rows // batches, START + span * number, span)
        begin = time.perf_counter()
        lake.append(batch)
        spent += time.perf_counter() - begin
    size = sum(path.stat().st_size for path in lake.root.rglob("*.parquet"))
    print(
        f"append: {rows:,} events in {spent:.1f} s, {rows / spent:,.0f} events/s, {size / rows:.0f} bytes an event"
    )


def hunt(lake: Lake, rows: int) -> None:
    table = lake.table("events")
    command = table.src_commandline
    print(f"hunts over {rows:,} events")
    timed(
        "  src_commandline = a value that is nowhere",
        lambda: table.filter(command == RARE).count().to_pyarrow(),
    )
    known = POOLS["src_commandline"][4711]
    column = timed(
        "  src_commandline = one value", lambda: table.filter(command == known).count().to_pyarrow()
    )
    timed(
        "  src_commandline contains", lambda: table.filter(command.contains("-p4711 ")).count().to_pyarrow()
    )
    map_ = timed(
        "  unmapped['KeyLength'] = one value",
        lambda: table.filter(table.unmapped["KeyLength"] == "value4711").count().to_pyarrow(),
    )
    print(f"  map / column: {map_ / column:.1f}")
    week = {"since": START + timedelta(days=7), "until": START + timedelta(days=14)}
    narrow = ["id", "time", "user.name", "device.hostname", "src_endpoint.ip"]
    logons = Filter(class_uids=(3002,), event_codes=("4624",))
    timed("  stream logons of a week, 5 leaves", lambda: _rows(lake, narrow, logons, **week))
    some = tuple(lake.table("events").limit(100).id.to_pyarrow().to_pylist())
    timed("  100 events by id, all columns", lambda: _rows(lake, None, Filter(ids=some)))
    timed("  counts of 100 events", lambda: len(lake.counts(some)))
    timed("  extent", lambda: len(lake.extent().seen))


def _rows(lake: Lake, columns: list[str] | None, where: Filter, **span: datetime) -> int:
    return sum(batch.num_rows for batch in lake.events(columns, where=where, **span))


def dedupe(lake: Lake, rng: np.random.Generator) -> None:
    """A batch of 200,000 that is known by half."""
    first, span = START, timedelta(days=DAYS)
    some = Filter(segments=tuple(sorted(lake.stored_segments())[: 100_000 // SEGMENT_ROWS]))
    columns = [field.name for field in segments(rng, 20, first, span)[0].events.schema]
    known = lake.events(columns, where=some).read_all()
    digest = rng.bytes(32).hex()
    known = known.set_column(
        known.schema.get_field_index("segment"), "segment", pa.repeat(digest, len(known))
    )
    fresh = segments(rng, 200_000 - len(known), first, span)
    again = SegmentData(
        SegmentRow(digest, "windows.evtx", "again"), known, schema.REJECTED_SCHEMA.empty_table()
    )
    timed(
        f"append of 200,000 over {DAYS} days, half known",
        lambda: lake.append([again, *fresh]).new_events,
        repeat=1,
    )


def visits(lake: Lake) -> None:
    count = VISITS_A_DAY * DAYS
    starts = [START + timedelta(days=DAYS) / count * number for number in range(count)]
    rows = pa.table(
        {
            "id": [f"{number:032x}" for number in range(count)],
            "provider": ["provider"] * count,
            "person": ["person"] * count,
            "kind": ["person"] * count,
            "start": starts,
            "end": [start + timedelta(hours=1) for start in starts],
            "day_start": [start.date().isoformat() for start in starts],
            "body": ['{"hops": []}' + " " * 8000] * count,
        },
        schema=VISITS_SCHEMA,
    )
    timed(f"store {count:,} visits of 8 kB", lambda: lake.replace("visits", rows), repeat=1)
    since = START + timedelta(days=7)
    root = lake.root

    def ask() -> object:
        with Lake.open(root) as fresh:
            return len(fresh.read("visits", since, since + timedelta(days=7))["id"])

    timed("visits of one week, lake opened anew", ask)


def small(root: Path, count: int) -> None:
    """Many small collections, each of a process of its own, so to speak."""
    rng = np.random.default_rng(7)
    with WorkspaceLock(root) as lock:
        Lake.create(root / "lake").close()
        begin = time.perf_counter()
        for number in range(count):
            with Lake.open(root / "lake", lock=lock) as lake:
                lake.append(segments(rng, 20, START + timedelta(hours=number), timedelta(minutes=10)))
        spent = time.perf_counter() - begin
        print(f"{count} small appends: {spent / count * 1000:.1f} ms each")
        folder(root / "lake", "before the grace is over")
        with Lake.open(root / "lake", lock=lock) as lake:
            timed("  maintain", lambda: lake.maintain(datetime.now(UTC) + timedelta(minutes=11)), repeat=1)
        folder(root / "lake", "after it")
    timed("  open the lake, start DuckDB, a query for nothing", lambda: _plan(root / "lake"))
    with Lake.open(root / "lake") as lake:
        table = lake.table("events")
        timed("  a query for nothing, lake open", lambda: _nothing(table))


def _nothing(table: ir.Table) -> int:
    """Planned over all files, and then none is read."""
    return int(table.filter(table.day == "1999-12-31").select("id").to_pyarrow().num_rows)


def _plan(root: Path) -> int:
    with Lake.open(root) as lake:
        return _nothing(lake.table("events"))


def folder(root: Path, when: str) -> None:
    for name in ("events", "segments"):
        parquet = sum(1 for path in (root / name).rglob("*.parquet") if "_delta_log" not in path.parts)
        log = sum(1 for _ in (root / name / "_delta_log").iterdir())
        print(f"  {when}: {name}: {parquet} parquet files, {log} log entries")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--appends", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        with WorkspaceLock(root) as lock, Lake.create(root / "lake", lock=lock) as lake:
            rng = np.random.default_rng(1)
            fill(lake, rng, options.rows)
            lake.maintain()
            peak("appending, the generator's included")
            hunt(lake, options.rows)
            visits(lake)
            peak("hunting")
            dedupe(lake, rng)
        (root / "small").mkdir()
        small(root / "small", options.appends)


def peak(when: str) -> None:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)
    print(f"peak memory, {when}: {most:,.0f} MB")


if __name__ == "__main__":
    main()
