"""Times hunts of one new rule over a large lake: `python bench/hunt.py --rows 10000000`.

The lake is that of `bench/lake.py`: varied Windows events over 30 days. A hunt of one rule over ten million events is to
take under ten seconds. `--folder` keeps the lake for the next run. Exit code 1 if a hunt of a rule on fields takes more than
that, by the clock of a machine that has nothing else to do: that is what its processors worked, where others load it.
A rule that looks for a word in all fields is timed too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import numpy as np
from lake import START, fill, peak

from countersign.app.hunting import hunt
from countersign.app.workspace import CONFIG, Workspace
from countersign.lake import Lake, WorkspaceLock
from countersign.model.lean import without_pandas

LIMIT = 10.0
"""Seconds for ten million events."""
RULE = """\
title: {title}
id: 00000000-0000-4000-8000-{number:012d}
status: test
logsource: {{product: windows, {source}}}
detection:
  selection: {selection}
  condition: selection
level: medium
"""
RULES = (
    (
        "a command line, of processes",
        "category: process_creation",
        "{CommandLine|contains: ' -p4711 '}",
    ),
    (
        "a command line, of processes (expression)",
        "category: process_creation",
        "{CommandLine|re: 'tool[0-9]+\\.exe -p47[0-9]{2} '}",
    ),
    ("logons of a user", "service: security", "{EventID: 4624, TargetUserName: user7, LogonType: 10}"),
    ("a field of no column of its own", "service: security", "{EventID: 4625, KeyLength: value4711}"),
    ("nothing there", "service: sysmon", "{EventID: 1, Image|endswith: '\\mimikatz.exe'}"),
    ("a word anywhere", "service: system", "['*f4711.txt*']"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="Keep the lake here, or use the one that is here.")
    options = parser.parse_args()
    without_pandas()
    slow = False
    with ExitStack() as stack:
        root = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        workspace = _workspace(root / "ward", options.rows)
        with workspace.reading() as lake:
            rows = lake.extent().rows
        limit = LIMIT * max(rows, 1_000_000) / 10_000_000
        print(f"hunts of one new rule over {rows:,} events; at most {limit:.1f} s each")
        for number, (title, source, selection) in enumerate(RULES):
            path = root / f"rule{number}.yml"
            path.write_text(
                RULE.format(title=title, number=number, source=source, selection=selection), "utf-8"
            )
            spent = _hunt(workspace, path, title)
            slow |= spent > limit and not selection.startswith("[")
        week = {"since": START + timedelta(days=7), "until": START + timedelta(days=14)}
        _hunt(workspace, root / "rule0.yml", "the first, in one week", **week)
        peak("hunting")
    return 1 if slow else 0


def _hunt(workspace: Workspace, path: Path, title: str, **span: object) -> float:
    begun, used = time.perf_counter(), time.process_time()
    result = hunt(workspace, files=[path], **span)  # type: ignore[arg-type]  # two times
    wall, cpu = time.perf_counter() - begun, time.process_time() - used
    found = sum(one.count for one in result.caught)
    read = f"{result.events:,} of {result.stored:,} events read, {found:,} hits on {len(result.caught)} hosts"
    print(f"  {title:<44} {wall:6.2f} s, {cpu:6.2f} s of processors, {read}", flush=True)
    return min(wall, cpu)


def _workspace(root: Path, rows: int) -> Workspace:
    if (root / CONFIG).exists():
        return Workspace.open(root)
    workspace = Workspace.create(root)
    with WorkspaceLock(root) as lock, Lake.open(workspace.lake, lock=lock) as lake:
        fill(lake, np.random.default_rng(1), rows)
        lake.maintain()
    return workspace


if __name__ == "__main__":
    sys.exit(main())
