"""Our rules over the real captures of ../shared/data, held against reading the same events: ratios in one run."""

from __future__ import annotations

import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import orjson

from countersign.model.batch import ParseContext
from countersign.model.lean import without_pandas
from countersign.rules import compile_rules, load_logsources, own_rules
from countersign.sources import source
from countersign.sources._framing import frame

DATA = Path(__file__).parents[2] / "shared" / "data" / "windows-json"
MEMBERS = 12


def main() -> None:
    if not DATA.is_dir():
        print("skipped: needs ../shared/data")
        return
    without_pandas()
    rules = compile_rules(own_rules(), load_logsources())
    now = datetime.now(UTC)
    family = source("windows.json")
    reading = parsing = matching = 0.0
    events = hits = 0
    for path in sorted(DATA.glob("*.zip"))[:MEMBERS]:
        with zipfile.ZipFile(path) as archive:
            raw = archive.read(archive.namelist()[0])
        begun = time.perf_counter()
        lines = frame("lines", raw)
        for line in lines:
            orjson.loads(line)
        reading += time.perf_counter() - begun
        begun = time.perf_counter()
        table = family.parse(lines, ParseContext("0" * 64, now, now)).events
        parsing += time.perf_counter() - begun
        begun = time.perf_counter()
        hits += rules.match(table).num_rows
        matching += time.perf_counter() - begun
        events += table.num_rows
    print(f"{events:,} events of {MEMBERS} captures, {hits:,} hits of {len(rules.rules)} rules")
    for name, seconds in (("orjson.loads alone", reading), ("parsing", parsing), ("matching", matching)):
        print(
            f"{name:20} {seconds:6.2f} s  {events / seconds:10,.0f} events/s  {seconds / reading:5.2f} x reading"
        )


if __name__ == "__main__":
    main()
