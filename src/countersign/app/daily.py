"""The day's run for somebody without a SOC: collect an inbox, review, a ten-line digest, the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from countersign.app.collect import Summary, collect
from countersign.app.documents import finding_document, finding_from
from countersign.app.findings import rank
from countersign.app.folding import ids_told
from countersign.app.report import Render, write_report
from countersign.app.results import Results
from countersign.app.review import Reviewed, review
from countersign.app.workspace import Workspace
from countersign.model.visible import counted, visible
from countersign.model.visit import SEVERITIES, Finding

SHOWN = 3
"""Findings named in the digest: with the lines around them it has at most ten."""
TOLD = "told.json"


@dataclass(frozen=True, slots=True)
class Digest:
    """What a day brought, in at most ten lines."""

    collected: Summary
    reviewed: Reviewed
    report: Path
    new_findings: tuple[Finding, ...]  # of which no digest has told yet, most severe first

    def lines(self) -> list[str]:
        """For a mail or a terminal."""
        brought, known = self.collected, self.reviewed
        odd = Counter(file.status for file in brought.files if file.status not in {"read", "known"})
        records, events = counted(brought.records, "record"), counted(brought.new_events, "new event")
        visits, findings = counted(known.visits, "visit"), counted(known.findings, "finding")
        new = f"{len(self.new_findings):,} {'is' if len(self.new_findings) == 1 else 'are'} new"
        lines = [
            f"Collected {records} ({events}, {brought.rejected:,} rejected).",
            f"{visits} and {findings} in all; {new}.",
        ]
        if brought.stopped:
            lines.append(f"NOT EVERYTHING WAS COLLECTED: {visible(brought.stopped)}. Run it again.")
        lines += [visible(note.replace("\n", " "), 200) for note in known.notes[:2]]
        if odd:
            words = ", ".join(f"{count} {status}" for status, count in sorted(odd.items()))
            lines.append(f"Files that gave no or not all records: {words}.")
        fresh = self.new_findings
        lines += [
            f"  {finding.severity}{', elsewhere in the estate' if finding.scope == 'estate' else ''}: "
            f"{visible(finding.title, 100)} ({finding.id[:12]})"
            for finding in fresh[:SHOWN]
        ]
        if len(fresh) > SHOWN:
            rest = Counter(finding.severity for finding in fresh[SHOWN:])
            words = ", ".join(f"{rest[level]} {level}" for level in reversed(SEVERITIES) if rest[level])
            lines.append(f"  and {len(fresh) - SHOWN} more: {words}")
        lines.append(f"Report: {self.report}")
        return lines

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "collected": self.collected.to_json(),
            "reviewed": self.reviewed.document(),
            "new_findings": [finding_document(finding) for finding in self.new_findings],
            "report": str(self.report),
            "lines": self.lines(),
        }


def daily(
    workspace: Workspace, inbox: Path, render: Render, output: Path | None = None, now: datetime | None = None
) -> Digest:
    """Collect what is new in `inbox`, review it, write the report (`report.html` in the workspace by default)."""
    brought = collect(workspace, [inbox])
    known = review(workspace, now=now)
    target = output or workspace.root / "report.html"
    write_report(workspace, target, render, now=now)
    with workspace.reading() as lake:
        bodies = Results(workspace, lake).findings()
    findings = [finding_from(body) for body in bodies]
    told = _told(workspace)
    fresh = [finding for finding in findings if told.isdisjoint({finding.id, *finding.aliases})]
    # only now: a run that died before this tells it again
    _tell(workspace, ids_told(bodies))
    return Digest(brought, known, target, tuple(sorted(fresh, key=_order)))


def _order(finding: Finding) -> tuple[bool, tuple[int, str, str]]:
    """Those of providers' visits first."""
    return finding.scope == "estate", rank(finding)


def _told(workspace: Workspace) -> set[str]:
    """Ids that an earlier digest told of."""
    try:
        return set(orjson.loads((workspace.root / "state" / TOLD).read_bytes()))
    except (OSError, orjson.JSONDecodeError, TypeError):
        return set()


def _tell(workspace: Workspace, ids: Iterable[str]) -> None:
    path = workspace.root / "state" / TOLD
    temporary = path.with_suffix(".new")
    temporary.write_bytes(orjson.dumps(sorted(ids)))
    temporary.replace(path)
