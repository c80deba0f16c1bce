"""Records a second of the range: an estate is generated in one process, and once more in two.

    .venv/bin/python bench/range.py [--spec office] [--days 2] [--processes 2]

The figure that counts is records for each second of processor time, as other work on the machine slows the clock's.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from pathlib import Path

from countersign.app.range import shipped
from countersign.range import RangeSpec, Summary, generate, load_spec

TARGET = 50_000
"""Records a second."""


def run(spec: RangeSpec, processes: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="range-"))
    begun, used = time.perf_counter(), processor()
    try:
        summary = generate(spec, folder / "out", 1, processes=processes)
    finally:
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        shutil.rmtree(folder)
    if not isinstance(summary, Summary):
        raise SystemExit("the demo is no estate to measure")
    seconds, busy = time.perf_counter() - begun, processor() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{processes} processes: {summary.total:,} records ({size / 1e6:,.0f} MB) in {seconds:.1f} s: "
        f"{summary.total / seconds:,.0f}/s, {summary.total / busy:,.0f} for each second of processor time (at least "
        f"{TARGET:,}/s); {sum(summary.visits.values()):,} visits, {summary.hops:,} hops, {summary.lost_whole} lost whole; {peak} MB"
    )


def processor() -> float:
    """Seconds of processor time of this process and those that it started."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spec", default="office")
    parser.add_argument("--days", type=int, default=2)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    spec = load_spec(shipped("ranges", arguments.spec))
    if not isinstance(spec, RangeSpec):
        raise SystemExit("the demo is no estate to measure")
    spec = spec.model_copy(update={"days": arguments.days})
    for processes in sorted({1, arguments.processes}):
        run(spec, processes)


if __name__ == "__main__":
    main()
