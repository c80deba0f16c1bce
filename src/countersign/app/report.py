"""The report: what is in the lake, made into the page for the contract owner."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from countersign import __version__
from countersign.agreements import Agreement
from countersign.app import unread
from countersign.app._reviewed import recall
from countersign.app.agreements import load
from countersign.app.documents import finding_from, moment, visit_from
from countersign.app.enriching import Enricher, said
from countersign.app.own_families import OwnFamilies
from countersign.app.results import Results
from countersign.app.workspace import Workspace
from countersign.errors import UsageError
from countersign.lake import Lake
from countersign.ledger import Log
from countersign.model.report import (
    NAMELESS,
    Coverage,
    HostCoverage,
    ProviderPart,
    RejectedCount,
    ReportModel,
    SourceCoverage,
    UnreadFile,
)
from countersign.model.visible import counted
from countersign.model.visit import Visit
from countersign.visits import views

CANDIDATES = 5
"""Of an ambiguous link, that are named."""
Render = Callable[[ReportModel], str]
"""Makes the page: `web.render_report`, handed in because `app` stands below `web`."""


def write_report(
    workspace: Workspace,
    output: Path,
    render: Render,
    since: datetime | None = None,
    until: datetime | None = None,
    now: datetime | None = None,
) -> None:
    """Write the page to `output`, whole or not at all. Raises `UsageError` where that cannot be written."""
    page = render(report_model(workspace, since, until, now))
    try:
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".report-") as folder:
            temporary = Path(folder) / "report.html"
            temporary.touch(mode=0o600)
            temporary.write_text(page, encoding="utf-8")
            temporary.replace(output)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from error


def report_model(
    workspace: Workspace, since: datetime | None, until: datetime | None, generated: datetime | None = None
) -> ReportModel:
    """Everything that the page says."""
    lake = Lake.open(workspace.lake)
    results = Results(workspace, lake)
    agreed, problems = load(workspace)
    extent = lake.extent()
    zone = workspace.settings.report_zone or local_zone()
    visits = tuple(_named(visit_from(_told(body, ZoneInfo(zone)))) for body in results.visits(since, until))
    findings = tuple(finding_from(body) for body in results.findings(since, until))
    names = {item.provider.id: item for item in agreed}
    held = recall(workspace).held
    present = sorted({visit.provider for visit in visits} | set(names))
    return ReportModel(
        organisation=workspace.settings.organisation or workspace.root.resolve().name,
        generated=generated or datetime.now(UTC),
        zone=zone,
        since=since or extent.first,
        until=until or extent.last,
        providers=tuple(_part(names[id_]) if id_ in names else ProviderPart(id_, id_) for id_ in present),
        visits=visits,
        findings=findings,
        coverage=_coverage(workspace, lake),
        evidence=_evidence(workspace),
        version=__version__,
        held=sum(held.values()),
        exceptions=sum(count > 0 for count in held.values()),
        warnings=tuple(
            f"Agreement left out, nobody is held to it: {problem.message} ({Path(problem.path).name})"
            for problem in problems
        ),
    )


def _part(agreement: Agreement) -> ProviderPart:
    """A provider as its agreement names it."""
    provider, contract = agreement.provider, agreement.contract
    return ProviderPart(provider.id, provider.name, provider.id, contract.reference if contract else "")


def _named(visit: Visit) -> Visit:
    """A log that does not say which machine wrote it (OpenVPN's own file) still needs a lane in a picture."""
    return replace(
        visit, hops=tuple(hop if hop.target else replace(hop, target=NAMELESS) for hop in visit.hops)
    )


def _told(body: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """What is known of where each hop came from, beside the address; and which hops an ambiguous link is between, likeliest first."""
    for hop in body["hops"]:
        if words := said(hop.get("source_about")):
            hop["source"] = f"{hop['source'] or hop['source_ip']} ({words})"
        if between := hop["link"]["between"]:
            named = [
                f"{number}. {_candidate(one, zone)}" for number, one in enumerate(between[:CANDIDATES], 1)
            ]
            hop["link"]["reason"] += f": {'; '.join(named)}{'; and more' if between[CANDIDATES:] else ''}"
    return body


def _candidate(one: Mapping[str, Any], zone: ZoneInfo) -> str:
    begun = moment(one["start"])
    since = "an unknown time" if begun is None else f"{begun.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    return f"{one['target'] or NAMELESS} as {one['account']} since {since}"


def _coverage(workspace: Workspace, lake: Lake) -> Coverage:
    events = lake.table("events")
    seen = views(events)
    rejected = lake.table("rejected")
    reasons = rejected.group_by(["source", "reason"]).agg(records=rejected.count()).to_pyarrow().to_pylist()
    records = _records(lake)
    spans: dict[str, tuple[datetime | None, datetime | None]] = {}
    for part in lake.extent().seen:
        first, last = spans.get(part.source, (None, None))
        spans[part.source] = (
            min((moment for moment in (first, part.first) if moment), default=None),
            max((moment for moment in (last, part.last) if moment), default=None),
        )
    missed = unread.recall(workspace)
    own = OwnFamilies.of(workspace, strict=False)
    return Coverage(
        sources=tuple(
            SourceCoverage(name, own.title(name), read, rejected, *spans.get(name, (None, None)))
            for name, (read, rejected) in sorted(records.items())
        ),
        rejected=tuple(
            RejectedCount(row["source"], row["reason"], row["records"])
            for row in sorted(reasons, key=lambda row: (row["source"], row["reason"]))
        ),
        unread=tuple(UnreadFile(path, reason) for path, reason in missed.items()),
        hosts=tuple(
            HostCoverage(host, host in seen.logons, host in seen.processes)
            for host in sorted(seen.logons | seen.processes)
        ),
        silent=tuple(sorted(Enricher.of(workspace).silent())),
    )


def _records(lake: Lake) -> dict[str, tuple[int, int]]:
    """Source -> records read and rejected."""
    table = lake.table("segments")
    sums = table.group_by("source").agg(records=table["records"].sum(), rejected=table["rejected"].sum())
    return {row["source"]: (row["records"], row["rejected"]) for row in sums.to_pyarrow().to_pylist()}


def _evidence(workspace: Workspace) -> str:
    log = Log(workspace.ledger)
    leaves = counted(log.size, "signed leaf", "signed leaves")
    return f"The ledger has {leaves}; `countersign ledger verify` checks every sealed byte against it."


def local_zone() -> str:
    """The IANA name of this machine's zone, UTC where it has none by name."""
    named = os.environ.get("TZ", "").removeprefix(":")
    link = Path("/etc/localtime")
    target = str(link.resolve()) if link.is_symlink() else ""
    for name in (named, target.partition("/zoneinfo/")[2]):
        if name and _is_zone(name):
            return name
    return "UTC"


def _is_zone(name: str) -> bool:
    from countersign.app.workspace import is_zone

    return is_zone(name)
