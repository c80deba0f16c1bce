"""What reviews left in the lake, as the commands and the report read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from countersign.app.candidates import name_candidates
from countersign.app.enriching import Enricher
from countersign.app.folding import ids_told
from countersign.app.workspace import Workspace
from countersign.errors import UsageError
from countersign.lake import Filter, Lake
from countersign.model.visit import SEVERITIES, Scope, Severity, Visit

_SAID = (
    "device.hostname",
    "metadata.log_name",
    "metadata.event_code",
    "actor.user.name",
    "user.name",
    "src_endpoint.ip",
    "process.cmd_line",
    "share",
    "file.path",
    "service.name",
    "job.name",
)
"""What a person wants to know of a record before reading it whole."""


class Results:
    """Visits and findings of a workspace."""

    def __init__(self, workspace: Workspace, lake: Lake) -> None:
        self._workspace = workspace
        self._lake = lake
        self._severity: dict[str, Severity] | None = None
        self._estate: frozenset[str] = frozenset()
        self._known = Enricher.of(workspace)

    @classmethod
    def open(cls, workspace: Workspace) -> Results:
        """Those of `workspace`."""
        return cls(workspace, Lake.open(workspace.lake))

    @property
    def workspace(self) -> Workspace:
        """The workspace whose results these are."""
        return self._workspace

    @property
    def lake(self) -> Lake:
        """The lake behind the results."""
        return self._lake

    def leaves(self) -> dict[str, int]:
        """Segment -> index of the ledger leaf that covers its records."""
        rows = self._lake.read("segments", columns=["segment", "leaf_records"])
        pairs = zip(*(column.to_pylist() for column in rows.columns), strict=True)
        return {segment: leaf for segment, leaf in pairs if leaf is not None}

    def visits(
        self, since: datetime | None = None, until: datetime | None = None, provider: str | None = None
    ) -> list[dict[str, Any]]:
        """Visits that touch the time asked for, in order of time."""
        found = self._lake.read("visits", since=since, until=until)
        rows = [row for row in found.to_pylist() if provider is None or row["provider"] == provider]
        rows.sort(key=lambda row: (row["start"] is None, row["start"], row["id"]))
        bodies = [self._known.visit(orjson.loads(row["body"])) for row in rows]
        name_candidates(bodies, lambda: self._bodies("visits"))
        return bodies

    def findings(
        self, since: datetime | None = None, until: datetime | None = None, scope: Scope | None = None
    ) -> list[dict[str, Any]]:
        """Findings of that time, of one scope if it is named: those of providers' visits first, then most severe first."""
        bodies = [
            orjson.loads(row["body"])
            for row in self._lake.read("findings", since=since, until=until).to_pylist()
            if scope is None or (row["visit"] is None) == (scope == "estate")
        ]
        return sorted(bodies, key=_rank)

    def visit(self, prefix: str) -> dict[str, Any]:
        """The one visit whose id, or an id it once had, starts with `prefix`."""
        body = self._known.visit(self._one("visits", prefix, lambda body: [body["id"], *body["aliases"]]))
        name_candidates([body], lambda: self._bodies("visits"))
        return body

    def told(self) -> Iterator[Visit]:
        """The visits as the last review left them, without verdicts, which are most of them: one at a time, there are thousands."""
        from countersign.app.documents import visit_from

        for body in self._bodies("visits"):
            yield visit_from({**body, "verdicts": ()})

    def _bodies(self, table: str) -> Iterator[dict[str, Any]]:
        bodies = self._lake.read(table, columns=["id", "body"]).column("body")
        return (orjson.loads(body.as_py()) for body in bodies)

    def finding(self, prefix: str) -> dict[str, Any]:
        """The one finding whose id, or an id it once had, or that of one folded into it, starts with `prefix`."""
        return self._one("findings", prefix, lambda body: ids_told([body]))

    def _one(self, table: str, prefix: str, ids: Any) -> dict[str, Any]:  # noqa: ANN401  # a function of a body
        noun, wanted = table.removesuffix("s"), prefix.strip().lower()
        if not wanted:
            raise UsageError(f"an empty id names no {noun}\n  remedy: countersign {table} lists them")
        found = [body for body in self._bodies(table) if any(id_.startswith(wanted) for id_ in ids(body))]
        if not found:
            raise UsageError(
                f"no {noun} has an id that starts with {prefix!r}\n  remedy: countersign {table} lists them"
            )
        if len(found) > 1:
            raise UsageError(
                f"{len(found)} {table} have ids that start with {prefix!r}\n  remedy: give more of the id"
            )
        return found[0]

    def findings_of(self, visit: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The findings of one visit, most severe first."""
        wanted = list(visit["findings"])
        if not wanted:
            return []
        rows = self._lake.read("findings", ids=wanted).to_pylist()
        return sorted((orjson.loads(row["body"]) for row in rows), key=_rank)

    def evidence(self, finding: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Each record that a finding cites, in time: its place, what it says in short, and its text from the archive."""
        from countersign.app.documents import stamp
        from countersign.app.evidence import record_text

        ids = [item["event"] for item in finding["evidence"]]
        known = {row["id"]: row for row in self._events(ids)} if ids else {}
        out = []
        for item in finding["evidence"]:
            row = known.get(item["event"])
            text = record_text(self._workspace, row["source"], item["segment"], item["record"]) if row else ""
            said = " ".join(str(row[name]) for name in _SAID if row[name]) if row else "no longer in the lake"
            out.append({**item, "time": stamp(row["time"]) if row else None, "said": said, "text": text})
        return sorted(out, key=lambda item: (item["time"] or "", item["event"]))

    def _events(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        columns = ["id", "time", "source", *_SAID]
        found: list[dict[str, Any]] = []
        for batch in self._lake.events(columns, where=Filter(ids=tuple(ids))):
            found += batch.to_pylist()
        return found

    def rejected(self) -> list[dict[str, Any]]:
        """Records that were not understood, by source and reason: how many, and the place of the first."""
        table = self._lake.table("rejected")
        rows = table.group_by(["source", "reason"]).agg(
            records=table.count(), segment=table["segment"].min(), record=table["record"].min()
        )
        found: list[dict[str, Any]] = rows.to_pyarrow().to_pylist()
        return sorted(found, key=lambda row: (-row["records"], row["source"], row["reason"]))

    def worst(self, visit: Mapping[str, Any]) -> str:
        """The highest severity among a visit's findings, empty if it has none."""
        levels = [self._severities().get(id_, "informational") for id_ in visit["findings"]]
        return max(levels, key=SEVERITIES.index) if levels else ""

    @staticmethod
    def any_at_least(findings: Iterable[Any], level: str) -> bool:
        """Whether one of `findings` (documents or `Finding`s) has this severity or a higher one."""
        floor = SEVERITIES.index(level)
        return any(
            SEVERITIES.index(item["severity"] if isinstance(item, Mapping) else item.severity) >= floor
            for item in findings
        )

    @staticmethod
    def began(visit: Mapping[str, Any]) -> str | None:
        """The first dated sign of a visit whose start is unknown."""
        times = [hop[end] for hop in visit["hops"] for end in ("start", "end") if hop[end]]
        times += [action["time"] for hop in visit["hops"] for action in hop["actions"]]
        return min(times) if times else None

    def _severities(self) -> dict[str, Severity]:
        if self._severity is None:
            found = self._lake.read("findings", columns=["id", "severity", "visit"])
            ids = found.column("id").to_pylist()
            self._severity = dict(zip(ids, found.column("severity").to_pylist(), strict=True))
            self._estate = frozenset(found.filter(found.column("visit").is_null()).column("id").to_pylist())
        return self._severity

    def severities(self, scope: Scope | None = None) -> dict[Severity, int]:
        """How many findings of each severity there are, of one scope if it is named."""
        self._severity = None
        counts: dict[Severity, int] = dict.fromkeys(SEVERITIES, 0)
        for id_, level in self._severities().items():
            if scope is None or (id_ in self._estate) == (scope == "estate"):
                counts[level] += 1
        return counts

    def finding_ids(self) -> set[str]:
        """The ids of all findings."""
        return set(self._severities())

    def visit_count(self) -> int:
        """How many visits there are."""
        return int(self._lake.read("visits", columns=["id"]).num_rows)


def _rank(body: Mapping[str, Any]) -> tuple[bool, int, str, str]:
    return (
        body["visit"] is None,
        -SEVERITIES.index(body["severity"]),
        body["time"] or "",
        body["id"],
    )
