"""From a specification and a seed to a folder of logs with the truth beside them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from countersign.errors import UsageError
from countersign.range.demo.attack import plan_intrusion
from countersign.range.demo.estate import build_estate
from countersign.range.demo.files import Files
from countersign.range.demo.life import plan_life
from countersign.range.demo.spec import RangeSpec
from countersign.range.demo.terms import write_agreements
from countersign.range.demo.work import plan_work

LOG_FOLDERS = ("windows", "zeek", "linux", "gateways")
"""The folders that hold logs; `truth` and `agreements` stand beside them."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What was generated: log records by file (header lines of Zeek files not counted), visits by provider."""

    records: dict[str, int]
    visits: dict[str, int]
    malicious: int

    @property
    def total(self) -> int:
        """All log records."""
        return sum(self.records.values())


def generate(spec: RangeSpec, out: Path, seed: int) -> Summary:
    """Writes logs to `out/{windows,zeek,linux,gateways}`, the truth to `out/truth`, agreements to
    `out/agreements`.

    The same specification and seed give the same bytes and file times. `out` may exist but must be empty, else
    `UsageError`.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not an empty folder: choose another, for generated logs must not mix")
    with Files(out) as files:
        estate = build_estate(spec, files, seed)
        plan_life(estate)
        plan_work(estate)
        plan_intrusion(estate)
        estate.schedule.run()
        estate.zeek.close()
        write_agreements(spec, files)
        counts = files.counts
    # readers take a missing year from the file's time (RFC 3164), so it must be the range's, not today's
    end = estate.schedule.now / 1_000_000
    for name in counts:
        os.utime(out / name, (end, end))
    logs = {
        name: lines - (9 if name.startswith("zeek/") else 0)
        for name, lines in sorted(counts.items())
        if name.split("/", 1)[0] in LOG_FOLDERS
    }
    return Summary(logs, dict(sorted(estate.truth.visits.items())), estate.truth.malicious)
