"""What rules cost: start, memory, matching against reading the same number of events, and what others need.

    .venv/bin/python bench/rules.py [--events 500000] [--data ../shared/data]

Ratios are of one run, in seconds of the processor, so that other work on the machine does little to them. Reading is an
EVTX file of real chunks (bench/collect.py), rendered and loaded by one process: `evtx` and `orjson.loads`. Matching is all
Windows rules of sigma-rules.zip over the events of bench/varied.py, which says how their values are varied. With pySigma's
SQLite backend installed (`pip install pysigma-backend-sqlite`) that is measured as well.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from collect import make, parse_only

from countersign.model.lean import without_pandas
from countersign.rules import CompiledSet, Tally
from countersign.rules.cache import load_compiled

HERE = Path(__file__).parent
START = """
import sys, time, resource
begun = time.perf_counter()
from countersign.model.lean import lean
lean()  # as the command does
from pathlib import Path
from countersign.rules.cache import load_compiled
rules, _ = load_compiled([Path(sys.argv[1])], Path(sys.argv[2]))
print(time.perf_counter() - begun, time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, len(rules.rules))
"""
MEMORY = """
import sys, resource
from countersign.model.lean import lean
lean()  # as the command does
from pathlib import Path
import pyarrow as pa
from countersign.rules.cache import load_compiled
rules, _ = load_compiled([Path(sys.argv[1])], Path(sys.argv[2]))
wanted = rules.needed_columns()
with pa.OSFile(sys.argv[3]) as file:
    reader = pa.ipc.open_file(file)
    for number in range(reader.num_record_batches):
        batch = reader.get_batch(number)
        batch = batch.select([name for name in batch.schema.names if name in wanted])
        rules.match(batch)
        del batch
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
COLLECT = """
import os, resource, sys, time
from countersign.model.lean import lean
lean()  # as the command does
from multiprocessing import forkserver
from pathlib import Path
from countersign.app.collect import collect
from countersign.app.workspace import Workspace
if __name__ == "__main__":
    workspace = Workspace.create(Path(sys.argv[1]))
    summary = collect(workspace, [sys.argv[2]])
    forkserver._forkserver._stop()
    begun = time.perf_counter()
    from countersign.app._feeds import Feeds
    from countersign.app._reviewed import State
    from countersign.app.matching import Matching
    from countersign.rules.cache import load_compiled
    rules, _ = load_compiled([Path(sys.argv[3])], Path(sys.argv[4]))
    with workspace.writing() as lake:
        Matching(workspace, lake, rules, frozenset(), Feeds(workspace)).bring_up_to_date(State())
        taken = time.perf_counter() - begun
        hits = lake.read("hits", columns=["id"]).num_rows
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(summary.new_events, summary.seconds, taken, sum(os.times()[:4]), hits, peak)
"""
RUNS = 3
"""The quickest of so many counts: what else runs on the machine only ever adds."""
PAIRS_RULES = 150
"""Rules that SQLite is asked, of those for process creation."""


def child(script: str, *arguments: object) -> list[float]:
    """The numbers in the last line that a fresh process prints."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(text) for text in done.stdout.splitlines()[-1].split()]


def starts(rules: Path, folder: Path) -> None:
    """A process that has never seen the rules, then some that have."""
    seconds, busy, memory, count = child(START, rules, folder)
    print(
        f"cold start   {seconds:6.2f} s, processor {busy:5.2f} s, {memory / 1024:4.0f} MB, {count:,.0f} rules (limit 5)"
    )
    runs = [child(START, rules, folder) for _ in range(5)]
    seconds, busy, memory, _ = min(runs)
    print(
        f"warm start   {seconds:6.2f} s, processor {busy:5.2f} s, {memory / 1024:4.0f} MB (limit 0.5; best of 5)"
    )


def batches(file: Path, rules: CompiledSet, share: float = 1.0) -> Iterator[pa.RecordBatch]:
    """The first `share` of the events, in memory before they are given."""
    wanted = rules.needed_columns()
    with pa.OSFile(str(file)) as source:
        reader = pa.ipc.open_file(source)
        for number in range(round(reader.num_record_batches * share)):
            batch = reader.get_batch(number)
            yield batch.select([name for name in batch.schema.names if name in wanted])


def matched(
    file: Path, rules: CompiledSet, share: float = 1.0, tally: Tally | None = None
) -> tuple[int, int, float]:
    """Events, hits, and seconds of the processor."""
    events = hits = 0
    busy = 0.0
    for batch in batches(file, rules, share):
        begun = time.process_time()
        hits += rules.match(batch, tally).num_rows
        busy += time.process_time() - begun
        events += batch.num_rows
    return events, hits, busy


def best(file: Path, rules: CompiledSet, share: float = 1.0) -> tuple[int, int, float]:
    """As `matched`, the quickest of `RUNS`."""
    return min((matched(file, rules, share) for _ in range(RUNS)), key=lambda run: run[2])


def matching(file: Path, evtx: Path, rules: CompiledSet) -> tuple[float, Tally]:
    """Matching against reading, twice the rules, twice the events; seconds an event and what was asked."""
    tally = Tally(len(rules.rules))
    _, _, first = matched(file, rules, tally=tally)
    reads = [parse_only(evtx, 1)]
    events, hits, busy = best(file, rules)
    reads += [parse_only(evtx, 1) for _ in range(RUNS - 1)]
    each = min(taken / count for count, _, taken in reads)
    ids = [rule.id for rule in rules.rules]
    random.Random(1).shuffle(ids)  # noqa: S311  # a sample, no secret
    halves = [rules.only(part) for part in (ids[: len(ids) // 2], ids[len(ids) // 2 :])]
    for half in halves:
        matched(file, half)  # automata are made when first needed
    # in turns, for what else runs on the machine changes from minute to minute
    rounds = [[matched(file, some)[2] for some in (rules, *halves)] for _ in range(RUNS)]
    whole, *parts = (min(times) for times in zip(*rounds, strict=True))
    growth = whole / (sum(parts) / len(parts))
    busy = min(busy, whole)
    some, _, sooner = best(file, rules, 0.5)
    one = busy / events
    print(f"reading      {each * 1e6:6.2f} us a record ({1 / each:,.0f} records/s), {reads[0][0]:,} records")
    print(
        f"matching     {one * 1e6:6.2f} us an event  ({1 / one:,.0f} events/s), {events:,} events, {len(ids):,} rules, {hits:,} hits"
    )
    print(
        f"  ratio            {one / each:6.2f} (limit 1); the first time, automata made with it, {first / events / each:.2f}"
    )
    print(f"  twice the rules  {growth:6.2f} (limit 1.3; two random halves, averaged)")
    print(f"  twice the events {2 * one * some / sooner:6.2f} (limits 2.0 to 2.1; {some:,} and {events:,})")
    print(
        f"  RSigma publishes 19,000 to 30,000 events/s with 3,132 rules on one fast core: {1 / one / 30_000:.1f} times the upper"
    )
    return one, tally


def sqlite(file: Path, rules: CompiledSet, archive: Path, each: float, tally: Tally) -> None:
    """PySigma's own backend, one query a rule, on events of process creation."""
    try:
        from sigma.backends.sqlite import sqliteBackend
        from sigma.collection import SigmaCollection
    except ImportError:
        print("SQLite       skipped: pip install pysigma-backend-sqlite")
        return
    names = [
        "Image",
        "CommandLine",
        "ParentImage",
        "ParentCommandLine",
        "OriginalFileName",
        "Hashes",
        "User",
        "Description",
        "Product",
        "Company",
        "IntegrityLevel",
        "CurrentDirectory",
        "LogonId",
        "FileVersion",
    ]
    rows = processes(file, rules, names)
    base = sqlite3.connect(":memory:")
    base.execute(f"CREATE TABLE logs ({', '.join(names)})")
    marks = ", ".join("?" * len(names))
    base.executemany(f"INSERT INTO logs VALUES ({marks})", rows)  # noqa: S608  # question marks
    backend, asked = sqliteBackend(), 0
    queries = []
    with zipfile.ZipFile(archive) as members:
        for name in sorted(members.namelist()):
            if name.startswith("rules/windows/process_creation/") and name.endswith(".yml"):
                queries += backend.convert(SigmaCollection.from_yaml(members.read(name).decode()))
    busy = 0.0
    for query in random.Random(1).sample(queries, PAIRS_RULES):  # noqa: S311  # a sample, no secret
        begun = time.process_time()
        try:
            base.execute(query).fetchall()
        except (
            sqlite3.OperationalError
        ):  # a field that is not among the columns, a function that SQLite lacks
            continue
        busy += time.process_time() - begun
        asked += 1
    pair = busy / asked / len(rows)
    all_pairs = float(tally.events.sum()) / max_events(file)
    print(
        f"SQLite       {pair * 1e6:6.2f} us a rule and event ({asked} rules, {len(rows):,} events): {pair * all_pairs * 1e6:,.0f} us an"
        f" event for the same rules by log source, {1 / (pair * all_pairs):,.0f} events/s, {pair * all_pairs / each:,.0f} times ours"
    )


def max_events(file: Path) -> int:
    with pa.OSFile(str(file)) as source:
        reader = pa.ipc.open_file(source)
        return sum(reader.get_batch(number).num_rows for number in range(reader.num_record_batches))


def processes(file: Path, rules: CompiledSet, names: Sequence[str]) -> list[tuple[str | None, ...]]:
    """Events of process creation as rows."""
    rows: list[tuple[str | None, ...]] = []
    for batch in batches(file, rules):
        metadata = batch.column("metadata")
        log = pc.utf8_lower(pc.struct_field(metadata, "log_name"))
        of_sysmon = pc.equal(log, "microsoft-windows-sysmon/operational")
        started = pc.and_(of_sysmon, pc.equal(pc.struct_field(metadata, "event_code"), "1"))
        table = rules.values(batch, pc.indices_nonzero(pc.fill_null(started, False)), names)
        rows += zip(*(column.to_pylist() for column in table.columns), strict=True)
    return rows


def collecting(folder: Path, evtx: Path, rules: Path, cache: Path) -> None:
    """Collecting a file and matching its events, by the clock, against reading it with one thread."""
    _, reading, reading_busy = parse_only(evtx, 1)
    events, collected, taken, busy, hits, peak = child(COLLECT, folder / "ward", evtx, rules, cache)
    both = collected + taken
    print(
        f"collect with rules {both:6.2f} s: collect {collected:.2f}, all rules over the lake, hits kept, as a review does it {taken:.2f};"
        f" {events:,.0f} events, {hits:,.0f} hits, {peak / 1024:.0f} MB at most in the one process that did both"
    )
    print(f"  ratio            {both / reading:6.2f} (limit 4, aim 2.5; reading {reading:.2f} s)")
    print(f"  processor        {busy / reading_busy:6.2f} times that of reading, on two cores")


def windows_rules(rules: CompiledSet) -> set[str]:
    """Ids of the active rules for Windows."""
    both = zip(rules.rules, rules.status, strict=True)
    return {rule.id for rule, status in both if rule.product == "windows" and status.state == "active"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    options = parser.parse_args()
    if not options.data.is_dir():
        print("skipped: needs ../shared/data")
        return
    without_pandas()
    archive = options.data / "sigma" / "sigma-rules.zip"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file, evtx, cache = folder / "events.arrow", folder / "big.evtx", folder / "cache"
        starts(archive, cache)
        make(evtx, options.data, 0, options.events)
        command = [
            sys.executable,
            str(HERE / "varied.py"),
            str(file),
            "--events",
            str(options.events),
            "--data",
            str(options.data),
        ]
        subprocess.run(command, check=True)
        print(
            f"peak memory  {child(MEMORY, archive, cache, file)[0] / 1024:6.0f} MB: start and all rules over all events (limit 700)"
        )
        rules, _ = load_compiled([archive], cache)
        windows = rules.only(windows_rules(rules))
        each, tally = matching(file, evtx, windows)
        for one in tally.noisy():
            print(
                f"  too often: {windows.rules[one.rule].title}, {one.hits:,} of {one.events:,} events of its log source"
            )
        sqlite(file, windows, archive, each, tally)
        file.unlink()
        collecting(folder, evtx, archive, cache)


if __name__ == "__main__":
    main()
