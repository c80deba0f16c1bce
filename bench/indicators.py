"""A million indicators: reading a list of them, loading them, and what matching costs beside parsing the same events.

The events are the real captures of ../shared/data; each part runs in a process of its own, so that its peak of memory
is its own. Times are CPU seconds, ratios are of one run.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path

DATA = Path(__file__).parents[2] / "shared" / "data"
MEMBERS = 8
MAX_LOAD_SECONDS, MAX_LOAD_MB, MAX_SHARE = 10.0, 1000.0, 0.2


def write_list(path: Path, count: int) -> None:
    """Kinds in the proportions of public feeds: addresses, domains, URLs, hashes; some networks and harmless spellings."""
    rng = random.Random(7)  # noqa: S311  # a benchmark
    with path.open("w", encoding="ascii") as file:
        for number in range(count):
            match number % 20:
                case 0:
                    line = f"{rng.randrange(11, 127)}.{rng.randrange(256)}.{rng.randrange(256)}.0/24"
                case 1 | 2 | 3 | 4 | 5:
                    line = ".".join(str(rng.randrange(11, 100)) for _ in range(4))
                case 6 | 7 | 8 | 9 | 10:
                    line = f"h{rng.randrange(10**9)}.bad{rng.randrange(10**6)}.example"
                case 11:
                    line = f"hxxp://h{rng.randrange(10**9)}[.]example/p/{rng.randrange(10**6)}"
                case 12:
                    line = f"http://h{rng.randrange(10**9)}.example/{rng.randrange(10**6)}.bin"
                case 13:
                    line = f"malware{rng.randrange(10**7)}.exe"
                case 14 | 15:
                    line = f"{rng.getrandbits(128):032x}"
                case 16:
                    line = f"{rng.getrandbits(160):040x}"
                case _:
                    line = f"{rng.getrandbits(256):064x}"
            file.write(line + "\n")


def read_list(folder: Path) -> dict[str, float]:
    """Import: read the list and write the source's file."""
    from countersign.rules.indicators import load_indicators, store

    begun = time.process_time()
    loaded = load_indicators([folder / "list.txt"], "bench")
    source, _ = store.write(
        folder / "indicators", "bench", loaded.table, imported=datetime.now(UTC), origin="bench"
    )
    return {
        "seconds": time.process_time() - begun,
        "indicators": source.rows,
        "problems": len(loaded.problems),
        "file_mb": source.path.stat().st_size / 1e6,
    }


def load(folder: Path) -> dict[str, float]:
    """What every review does: the file into a set that is ready to match."""
    from countersign.rules.indicators import IndicatorSet, store

    begun = time.process_time()
    indicators = IndicatorSet(store.all_rows(folder / "indicators"))
    return {"seconds": time.process_time() - begun, "indicators": len(indicators)}


def match(folder: Path) -> dict[str, float]:
    """Parsing real captures, and matching what came out."""
    from countersign.model.batch import ParseContext
    from countersign.rules.indicators import IndicatorSet, store
    from countersign.sources import source

    indicators = IndicatorSet(store.all_rows(folder / "indicators"))
    now = datetime.now(UTC)
    found = {"parsing": 0.0, "matching": 0.0, "events": 0.0, "matches": 0.0}
    for name, raw in captures():
        family = source(name)
        lines = raw.splitlines(keepends=True)
        begun = time.process_time()
        events = family.parse(lines, ParseContext("0" * 64, now, now)).events
        parsed = time.process_time()
        matches = 0
        for batch in events.to_batches(max_chunksize=65_536):
            matches += indicators.match(batch).num_rows
        found["matching"] += time.process_time() - parsed
        found["parsing"] += parsed - begun
        found["events"] += events.num_rows
        found["matches"] += matches
    return found


def captures() -> list[tuple[str, bytes]]:
    """Windows events as JSON, and Zeek's logs: where addresses and names are most of what there is."""
    found = []
    for path in sorted((DATA / "windows-json").glob("*.zip"))[:MEMBERS]:
        with zipfile.ZipFile(path) as archive:
            found.append(("windows.json", archive.read(archive.namelist()[0])))
    found += [
        ("zeek", path.read_bytes())
        for path in sorted((DATA / "zeek").rglob("*.log"))
        if path.stat().st_size > 200_000
    ]
    return found


def part(name: str, folder: Path) -> dict[str, float]:
    """One part in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--part", name, "--folder", str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def run_part(name: str, folder: Path) -> None:
    from countersign.model.lean import without_pandas

    without_pandas()
    found = {"read": read_list, "load": load, "match": match}[name](folder)
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--indicators", type=int, default=1_000_000)
    parser.add_argument("--part", choices=["read", "load", "match"])
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.part:
        run_part(options.part, options.folder)
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_list(folder / "list.txt", options.indicators)
        read, loaded = part("read", folder), part("load", folder)
        print(
            f"importing a list  {read['seconds']:6.2f} s  peak {read['peak_mb']:5.0f} MB  "
            f"{read['indicators']:,} indicators, file of {read['file_mb']:.0f} MB"
        )
        print(
            f"loading           {loaded['seconds']:6.2f} s  peak {loaded['peak_mb']:5.0f} MB  "
            f"(at most {MAX_LOAD_SECONDS:.0f} s, {MAX_LOAD_MB:,.0f} MB)"
        )
        good = loaded["seconds"] <= MAX_LOAD_SECONDS and loaded["peak_mb"] <= MAX_LOAD_MB
        if not DATA.is_dir():
            print("matching skipped: needs ../shared/data")
            return 0 if good else 1
        matched = part("match", folder)
        share = matched["matching"] / matched["parsing"]
        print(
            f"matching          {matched['matching']:6.2f} s  {matched['events']:,.0f} events, "
            f"{matched['events'] / matched['matching']:,.0f} events/s, {matched['matches']:,.0f} matches"
        )
        print(
            f"parsing the same  {matched['parsing']:6.2f} s  {matched['events'] / matched['parsing']:,.0f} events/s: "
            f"matching costs {share:.0%} of it (at most {MAX_SHARE:.0%})"
        )
        return 0 if good and share <= MAX_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
