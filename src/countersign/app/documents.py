"""Visits and findings as JSON documents (docs/json.md), and back."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, TypeVar

from countersign.model.schema import OCSF_VERSION
from countersign.model.visit import (
    SEVERITIES,
    Action,
    Also,
    Finding,
    Hop,
    Link,
    Matched,
    Reference,
    Revision,
    Verdict,
    Visit,
)

COMPLIANCE_FINDING, DETECTION_FINDING = 2003, 2004
_CLASS_NAMES = {COMPLIANCE_FINDING: "Compliance Finding", DETECTION_FINDING: "Detection Finding"}
FINDINGS_CATEGORY = 2
T = TypeVar("T", Visit, Hop, Verdict, Link, Action, Finding, Also, Revision)
_TIMES = frozenset({"time", "start", "end"})


def stamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with microseconds only where there are any, None where unknown."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def moment(text: str | None) -> datetime | None:
    """The aware time that `stamp` wrote."""
    return None if text is None else datetime.fromisoformat(text)


def reference_document(reference: Reference) -> dict[str, Any]:
    """`{event, record, segment, leaf}`."""
    return {
        "event": reference.event,
        "record": reference.record,
        "segment": reference.segment,
        "leaf": reference.leaf,
    }


def _made(kind: type[T], body: dict[str, Any], **more: object) -> T:
    """A value of a document: what has `more` is said there, times are read, lists become tuples, and what an older document lacks has
    its default."""
    names = [field.name for field in fields(kind)]
    return kind(**{name: _plain(name, body[name]) for name in names if name in body} | more)


def _plain(name: str, value: Any) -> Any:  # noqa: ANN401  # a document's
    if name in _TIMES:
        return moment(value)
    return tuple(value) if isinstance(value, list) else value


def _reference(body: dict[str, Any]) -> Reference:
    return Reference(body["event"], body["segment"], body["record"], body["leaf"])


def _references(bodies: list[dict[str, Any]]) -> tuple[Reference, ...]:
    return tuple(_reference(body) for body in bodies)


def hop_document(hop: Hop) -> dict[str, Any]:
    """One hop of a visit."""
    return {
        "id": hop.id,
        "parent": hop.parent,
        "account": hop.account,
        "account_uid": hop.account_uid,
        "source": hop.source,
        "source_ip": hop.source_ip,
        "target": hop.target,
        "protocol": hop.protocol,
        "start": stamp(hop.start),
        "end": stamp(hop.end),
        "end_reason": hop.end_reason,
        "link": {"kind": hop.link.kind, "reason": hop.link.reason, "candidates": list(hop.link.candidates)},
        "seen_by": list(hop.seen_by),
        "expected_by": list(hop.expected_by),
        "credential_switch": hop.credential_switch,
        "session": hop.session,
        "mfa": hop.mfa,
        "gateway": hop.gateway,
        "clock_ahead": hop.clock_ahead,
        "bytes_in": hop.bytes_in,
        "bytes_out": hop.bytes_out,
        "bytes_left": hop.bytes_left,
        "records": [reference_document(reference) for reference in hop.records],
        "actions": [
            {
                "time": stamp(action.time),
                "kind": action.kind,
                "text": action.text,
                "parent": action.parent,
                "under": action.under,
                **reference_document(action.reference),
            }
            for action in hop.actions
        ],
    }


def visit_document(visit: Visit) -> dict[str, Any]:
    """One visit with its hops, verdicts and the ids of its findings."""
    return {
        "id": visit.id,
        "provider": visit.provider,
        "person": visit.person,
        "kind": visit.kind,
        "start": stamp(visit.start),
        "end": stamp(visit.end),
        "entry": visit.entry,
        "hops": [hop_document(hop) for hop in visit.hops],
        "verdicts": [
            {
                "clause": verdict.clause,
                "verdict": verdict.verdict,
                "why": verdict.why,
                "records": [reference_document(reference) for reference in verdict.records],
                "missing": verdict.missing,
                "hops": list(verdict.hops),
            }
            for verdict in visit.verdicts
        ],
        "findings": list(visit.findings),
        "aliases": list(visit.aliases),
        "revisions": [
            {"time": stamp(one.time), "kind": one.kind, "hop": one.hop, "text": one.text}
            for one in visit.revisions
        ],
    }


def visit_from(body: dict[str, Any]) -> Visit:
    """The visit that `visit_document` wrote."""
    return _made(
        Visit,
        body,
        hops=tuple(_hop(hop) for hop in body["hops"]),
        verdicts=tuple(
            _made(Verdict, verdict, records=_references(verdict["records"])) for verdict in body["verdicts"]
        ),
        revisions=tuple(_made(Revision, one) for one in body.get("revisions", ())),
    )


def _hop(body: dict[str, Any]) -> Hop:
    return _made(
        Hop,
        body,
        link=_made(Link, body["link"]),
        records=_references(body["records"]),
        actions=tuple(_made(Action, action, reference=_reference(action)) for action in body["actions"]),
    )


def finding_document(finding: Finding) -> dict[str, Any]:
    """One finding: the keys of docs/json.md, with the OCSF attributes that do not clash beside them."""
    return {
        "id": finding.id,
        "time": stamp(finding.time),
        "title": finding.title,
        "severity": finding.severity,
        "kind": finding.kind,
        "rule_id": finding.rule_id,
        "provider": finding.provider,
        "visit": finding.visit,
        "hosts": list(finding.hosts),
        "techniques": list(finding.techniques),
        "cites": list(finding.cites),
        "why": finding.why,
        "evidence": [reference_document(reference) for reference in finding.evidence],
        "aliases": list(finding.aliases),
        "scope": finding.scope,
        "count": finding.count,
        "end": stamp(finding.end),
        "matched": [{"field": one.field, "value": one.value, "test": one.test} for one in finding.matched],
        "rule_version": finding.rule_version,
        "rule_sha256": finding.rule_sha256,
        "also": [also_document(one) for one in finding.also],
        **{
            key: value for key, value in ocsf(finding).items() if key not in {"time", "severity", "evidences"}
        },
    }


def finding_from(body: dict[str, Any]) -> Finding:
    """The finding that `finding_document` wrote."""
    return _made(
        Finding,
        body,
        evidence=_references(body["evidence"]),
        matched=tuple(Matched(**one) for one in body.get("matched", ())),
        also=tuple(_made(Also, one) for one in body.get("also", ())),
    )


def also_document(one: Also) -> dict[str, Any]:
    """A rule that was folded into a finding."""
    return {
        "id": one.id,
        "rule_id": one.rule_id,
        "kind": one.kind,
        "title": one.title,
        "severity": one.severity,
        "count": one.count,
        "time": stamp(one.time),
        "end": stamp(one.end),
        "techniques": list(one.techniques),
        "cites": list(one.cites),
        "rule_version": one.rule_version,
        "rule_sha256": one.rule_sha256,
    }


def ocsf(finding: Finding) -> dict[str, Any]:
    """The finding as an OCSF event of class 2003 or 2004: what leaves for other tools.

    `time` is in milliseconds since 1970, as OCSF's `timestamp_t` wants it.
    """
    milliseconds = None if finding.time is None else int(finding.time.timestamp() * 1000)
    severity = SEVERITIES.index(finding.severity) + 1
    body: dict[str, Any] = {
        "class_uid": finding.class_uid,
        "class_name": _CLASS_NAMES[finding.class_uid],
        "category_uid": FINDINGS_CATEGORY,
        "category_name": "Findings",
        "activity_id": 1,
        "activity_name": "Create",
        "type_uid": finding.class_uid * 100 + 1,
        "severity_id": severity,
        "severity": finding.severity.capitalize(),
        "status_id": 1,
        "time": milliseconds,
        "time_dt": stamp(finding.time),
        "count": finding.count,
        "start_time_dt": stamp(finding.time),
        "end_time_dt": stamp(finding.end or finding.time),
        "message": finding.why,
        "metadata": {
            "version": OCSF_VERSION,
            "uid": finding.id,
            "product": {"name": "Countersign", "vendor_name": "Countersign"},
        },
        "finding_info": {
            "uid": finding.id,
            "title": finding.title,
            "desc": finding.why,
            "created_time": milliseconds,
            "attacks": [{"technique": {"uid": uid}} for uid in finding.techniques],
            "analytic": {"uid": finding.rule_id, "type_id": 1, "type": "Rule"},
            "related_analytics": [
                {"uid": one.rule_id, "name": one.title, "type_id": 1, "type": "Rule"} for one in finding.also
            ],
        },
        "evidences": [{"data": reference_document(reference)} for reference in finding.evidence],
        "resources": [{"type": "host", "name": host} for host in finding.hosts],
    }
    if finding.class_uid == COMPLIANCE_FINDING:
        body["compliance"] = {
            "control": finding.rule_id,
            "requirements": list(finding.cites),
            "status_id": 3,
            "status": "Fail",
        }
    return body
