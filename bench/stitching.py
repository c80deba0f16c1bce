"""What stitching costs, and how that grows: `python bench/stitching.py --hosts 200 600 2000 --days 30`.

For each size an estate is generated (the spec's, with people, servers and guests in proportion to its hosts) and collected but for its
last working day; that day is collected when the rest has been stitched once. `--workspace` takes one that has collected instead: there
the last working day is left out of what is asked, the first time. Each stitching is a process of its own.

Printed, with seconds by the clock and (of all processors): the first time ("cold"), with all answers kept ("warm"), and with one more day;
this as a share of cold, by processor time; peak memory; microseconds of processor time a record, and how the cost grows: the exponent against
the first, smallest size of the run, 1.00 if twice the records take twice the time. A question costs something whatever its answer, so the share
is high and the exponent low while estates are small. The exit code is 1 if one more day gives other visits than all days at once.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from countersign.range import RangeSpec

SEED = 1
WEEKEND = 5
IN_A_NAME = re.compile(r"20\d\d[-/]\d\d[-/]\d\d")
HEAD = (
    "estate",
    "records",
    "visits",
    "cold",
    "warm",
    "one more day",
    "share",
    "peak MB",
    "us/record",
    "growth",
)
WIDTHS = (12, 12, 7, 17, 17, 17, 7, 8, 10, 7)


@dataclass(frozen=True, slots=True)
class Stitched:
    """One stitching: seconds by the clock and of all processors, peak resident memory, and a digest of the visits."""

    seconds: float
    processor: float
    peak_mb: float
    visits: int
    digest: str

    @property
    def times(self) -> str:
        """As it is printed."""
        return f"{self.seconds:.1f} ({self.processor:.1f}) s"


@dataclass(frozen=True, slots=True)
class Measured:
    """A size: the same records stitched for the first time, with one day's answers lacking, and with none lacking."""

    name: str
    records: int
    cold: Stitched
    day: Stitched
    warm: Stitched

    def row(self, smallest: Measured) -> tuple[str, ...]:
        """As it is printed."""
        return (
            self.name,
            f"{self.records:,}",
            f"{self.cold.visits:,}",
            self.cold.times,
            self.warm.times,
            self.day.times,
            f"{self.day.processor / self.cold.processor:.3f}",
            f"{self.cold.peak_mb:,.0f}",
            f"{self.cold.processor / self.records * 1e6:.1f}",
            growth(smallest, self),
        )

    @property
    def same(self) -> bool:
        """Whether all three gave the same visits."""
        return self.cold.digest == self.day.digest == self.warm.digest


def growth(smallest: Measured, other: Measured) -> str:
    """The exponent by which the cost of stitching grows with records."""
    if other.records <= smallest.records:
        return ""
    cost = math.log(other.cold.processor / smallest.cold.processor)
    return f"{cost / math.log(other.records / smallest.records):.2f}"


def scaled(spec: RangeSpec, hosts: int, days: int) -> RangeSpec:
    """The spec with so many hosts, and everything in proportion that makes work for stitching."""
    share = hosts / spec.hosts
    providers = tuple(
        one.model_copy(
            update={
                "people": max(1, round(one.people * share)),
                "servers": max(1, round(one.servers * share)),
            }
        )
        for one in spec.providers
    )
    guests = round(spec.guests * share)
    return spec.model_copy(update={"hosts": hosts, "days": days, "guests": guests, "providers": providers})


def last_working_day(first: date, days: int, holidays: tuple[date, ...] = ()) -> date:
    """Of `days` days from `first` on."""
    dates = [first + timedelta(number) for number in range(days)]
    return max(day for day in dates if day.weekday() < WEEKEND and day not in holidays)


def take_out(made: Path, day: date, out: Path) -> None:
    """Move what the logs in `made` have of `day` to `out`: files that carry their date in their name, and lines of all others. A line
    that names the day is the day's, so a late record counts to the day that it tells of."""
    for path in sorted(path for path in made.rglob("*") if path.is_file()):
        name = path.relative_to(made)
        if name.parts[0] in {"truth", "agreements"}:
            continue
        dated = IN_A_NAME.search(name.as_posix())
        target = out / name
        if dated is None:
            _take_lines(path, day, target)
        elif dated.group().replace("/", "-") == day.isoformat():
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
    for folder in ("truth", "agreements"):
        shutil.copytree(made / folder, out / folder)


def _take_lines(path: Path, day: date, target: Path) -> None:
    iso = day.isoformat().encode()
    starts = tuple(f"{day:%b} {number} ".encode() for number in (f"{day.day:2}", f"{day.day:02}"))
    rest = path.with_name(f"{path.name}.rest")
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        _opened(path, path, "rb") as lines,
        _opened(path, rest, "wb") as kept,
        _opened(path, target, "wb") as out,
    ):
        for line in lines:
            (out if iso in line or line.startswith(starts) else kept).write(line)
    rest.replace(path)


def _opened(like: Path, path: Path, mode: str) -> gzip.GzipFile | IO[bytes]:
    """`path`, compressed if `like` is."""
    return gzip.GzipFile(path, mode, compresslevel=1) if like.suffix == ".gz" else path.open(mode)


def once(root: Path, state: Path, without: str | None) -> None:
    """Stitch what the workspace in `root` has, and print what it took. The process does nothing else."""
    from countersign.app.agreements import load
    from countersign.app.documents import visit_document
    from countersign.app.results import Results
    from countersign.app.stitching import days_of, visits_of
    from countersign.app.workspace import Workspace

    workspace = Workspace.open(root)
    agreed, _ = load(workspace)
    with workspace.reading() as lake:
        leaves = Results(workspace, lake).leaves()
        begun, used = time.perf_counter(), time.process_time()
        visits = visits_of(days_of(lake, state, without), agreed, leaves)
        spent = time.perf_counter() - begun, time.process_time() - used
    peak = peak_mb()
    told = json.dumps([visit_document(visit) for visit in visits], sort_keys=True, default=str)
    print(json.dumps([*spent, peak, len(visits), hashlib.sha256(told.encode()).hexdigest()]))


def peak_mb() -> float:
    """The most memory that this program had resident, in megabytes. Where there is no /proc (a Mac, which counts in bytes), the memory of
    the program that started this one may be in it."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def stitched(root: Path, state: Path, without: str = "") -> Stitched:
    """What it takes in a process of its own."""
    command = [sys.executable, __file__, "--once", str(root), str(state), without]
    run = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return Stitched(*json.loads(run.stdout))


def measure(name: str, root: Path, state: Path, begin: Callable[[], object]) -> Measured:
    """`begin` stitches all but the last working day, and collects that if it has to be."""
    from countersign.app.remembering import forget
    from countersign.app.workspace import Workspace

    begin()
    say(name, "one more day")
    day = stitched(root, state)
    say(name, "with all answers kept")
    warm = stitched(root, state)
    forget(state)
    say(name, "for the first time")
    cold = stitched(root, state)
    with Workspace.open(root).reading() as lake:
        records = sum(rows for _, rows in lake.days())
    return Measured(name, records, cold, day, warm)


def of_estate(spec: RangeSpec, folder: Path) -> Measured:
    """An estate that is generated here."""
    from countersign.evaluate.run import collect
    from countersign.range import generate

    name, made, day, root = f"{spec.hosts:,} hosts", folder / "range", folder / "day", folder / "workspace"
    say(name, "generating")
    generate(spec, made, SEED, processes=os.cpu_count() or 1)
    take_out(made, last_working_day(spec.start, spec.days, spec.holidays), day)

    def begin() -> None:
        say(name, "collecting")
        collect(made, root)
        say(name, "all but the last working day")
        stitched(root, root / "state")
        say(name, "collecting that day")
        collect(day, root)

    return measure(name, root, root / "state", begin)


def of_workspace(root: Path, folder: Path) -> Measured:
    """A workspace that has collected; nothing in it is changed."""
    from countersign.app.workspace import Workspace

    with Workspace.open(root).reading() as lake:
        rows = {date.fromisoformat(day): count for day, count in lake.days() if day[0].isdecimal()}
    busy = [day for day, count in rows.items() if count * 2 > max(rows.values())]  # strays have days, too
    last = last_working_day(min(busy), (max(busy) - min(busy)).days + 1)
    say(root.name, f"all but {last}")
    return measure(root.name, root, folder, partial(stitched, root, folder, last.isoformat()))


def say(name: str, what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {name}: {what}", file=sys.stderr, flush=True)


def line(values: tuple[str, ...]) -> None:
    print(" ".join(f"{value:>{width}}" for value, width in zip(values, WIDTHS, strict=True)), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hosts", type=int, nargs="+", default=[100, 200, 400])
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--spec", default="office")
    parser.add_argument("--folder", type=Path, help="Make and keep estates and workspaces here.")
    parser.add_argument("--workspace", type=Path, nargs="+", help="Workspaces that have collected.")
    parser.add_argument("--once", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        root, state, without = options.once
        once(Path(root), Path(state), without or None)
        return 0
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        return report(options, folder)


def report(options: argparse.Namespace, folder: Path) -> int:
    from countersign.app.range import shipped
    from countersign.range import RangeSpec, load_spec

    spec = load_spec(shipped("ranges", options.spec))
    if not isinstance(spec, RangeSpec):
        raise SystemExit("the demo is no estate to measure")
    sizes = [
        partial(of_workspace, root, folder / f"state{number}")
        for number, root in enumerate(options.workspace or ())
    ] or [
        partial(of_estate, scaled(spec, hosts, options.days), folder / str(hosts))
        for hosts in sorted(options.hosts)
    ]
    print("seconds by the clock (and of all processors); a thirtieth is 0.033, linear growth 1.00")
    line(HEAD)
    found: list[Measured] = []
    for size in sizes:
        found.append(size())
        line(found[-1].row(found[0]))
    wrong = [one.name for one in found if not one.same]
    if wrong:
        print(f"other visits with one more day than at once: {', '.join(wrong)}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    from countersign.model.lean import lean

    lean()  # as the command does
    sys.exit(main())
