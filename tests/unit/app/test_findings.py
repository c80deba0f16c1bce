"""Findings of visits themselves: what others saw and the host did not log."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from collecting import Ward
from countersign.app.enriching import is_silent
from countersign.app.findings import UNLOGGED, unlogged_findings, without_silent
from countersign.app.report import report_model
from countersign.app.results import Results
from countersign.app.review import review
from countersign.app.workspace import CONFIG, Workspace
from countersign.errors import InputError
from countersign.model.visit import Action, Hop, Visit
from countersign.web import render_report
from report_samples import MONDAY, ordinary, reference

OTHERS = ("domain controller", "network sensor")
AGREEMENT = """\
version: 1
provider: {id: acme, name: ACME}
identities:
  - {name: Anna, accounts: [anna]}
origins: [203.0.113.0/24]
"""


def seen(visit: Visit, by: tuple[str, ...], expected: tuple[str, ...], *places: int) -> Visit:
    """`visit` with some of its hops seen and expected by these."""

    def told(index: int, hop: Hop) -> Hop:
        return replace(hop, seen_by=by, expected_by=expected) if index in places else hop

    return replace(visit, hops=tuple(told(index, hop) for index, hop in enumerate(visit.hops)))


def visit() -> Visit:
    """asa01, JUMP01, lnx01, each logged by its host."""
    return seen(ordinary(2, MONDAY), ("target host",), ("target host",), 0, 1, 2)


def test_what_others_saw_and_the_host_did_not_log_is_one_calm_finding_with_evidence() -> None:
    there = seen(visit(), OTHERS, (*OTHERS, "target host"), 2)
    (finding,) = unlogged_findings(there)
    assert (finding.severity, finding.rule_id, finding.hosts) == ("low", UNLOGGED, ("lnx01",))
    assert "Domain controller and network sensor saw an arrival at lnx01 by ssh" in finding.why
    assert "LOTL24/DET-19" in finding.cites
    assert finding.evidence == there.hops[2].records


def test_it_is_one_a_visit_and_host_and_its_id_stays() -> None:
    there = seen(visit(), OTHERS, (*OTHERS, "target host"), 2)
    again = replace(
        there,
        hops=(*there.hops, replace(there.hops[2], id="e" * 32)),
    )
    assert [f.id for f in unlogged_findings(again)] == [f.id for f in unlogged_findings(there)]
    assert "2 arrivals" in unlogged_findings(again)[0].why


def test_a_cleared_log_on_that_host_weighs_more() -> None:
    there = seen(visit(), OTHERS, (*OTHERS, "target host"), 2)
    deed = Action(MONDAY, "log", "event log cleared (1102)", reference("deed"))
    cleared = replace(there, hops=(*there.hops[:2], replace(there.hops[2], actions=(deed,))))
    (finding,) = unlogged_findings(cleared)
    assert (finding.severity, "its log was cleared" in finding.why) == ("medium", True)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (("target host",), ("target host", "network sensor")),  # the sensor's fault is no host's
        (OTHERS, OTHERS),  # the host logs no logons then
        ((), ("target host",)),  # nobody saw it
    ],
)
def test_nothing_else_is_a_finding(by: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert unlogged_findings(seen(visit(), by, expected, 2)) == []


def test_nothing_is_expected_of_hosts_that_are_declared_silent() -> None:
    there = seen(visit(), OTHERS, (*OTHERS, "source host", "target host"), 2)
    (told,) = without_silent([there], frozenset({"lnx01"}))
    assert told.hops[2].expected_by == (*OTHERS, "source host")
    assert unlogged_findings(told) == []
    (told,) = without_silent([there], frozenset({"jump01"}))
    assert told.hops[2].expected_by == (*OTHERS, "target host")


@pytest.mark.parametrize(
    ("host", "silent"),
    [
        ("PUMP7", True),
        ("pump7.ward.example", True),
        ("10.9.3.4", True),
        ("10.8.0.1", False),
        ("pump70", False),
        ("", False),
    ],
)
def test_silent_hosts_by_name_or_network(host: str, silent: bool) -> None:
    assert is_silent(host, frozenset({"pump7", "10.9.0.0/16"})) is silent


def windows(minute: int, code: int, host: str, user: str, ip: str) -> str:
    return json.dumps(
        {
            "Channel": "Security",
            "EventID": code,
            "EventRecordID": 1000 + minute + len(host) * 10_000,
            "Hostname": host,
            "@timestamp": f"2026-03-02T{minute // 60:02}:{minute % 60:02}:00.000Z",
            "TargetUserName": user,
            "TargetDomainName": "CORP",
            "TargetLogonId": f"0x{1000 + minute:x}",
            "LogonType": 3,
            "IpAddress": ip,
            "IpPort": "0",
        }
    )


@pytest.fixture
def ward(tmp_path: Path) -> Workspace:
    """Somebody came from ACME's network to SRV1 by remote desktop: Zeek saw it, SRV1, which logs others, did not."""
    ward = Ward(Workspace.create(tmp_path / "ward"))
    (ward.workspace.agreements / "acme.yaml").write_text(AGREEMENT, "utf-8")
    security = tmp_path / "security.json"
    logons = [windows(minute, 4624, "SRV1", "clerk", "10.0.1.7") for minute in (30, 900)]
    logons.append(windows(20, 4624, "DC01", "SRV1$", "10.0.2.9"))
    security.write_text("\n".join(logons) + "\n", "utf-8")
    rdp = tmp_path / "rdp.log"
    line = {
        "ts": 1772442000.0,
        "uid": "CAb1",
        "id.orig_h": "203.0.113.9",
        "id.orig_p": 50000,
        "id.resp_h": "10.0.2.9",
        "id.resp_p": 3389,
        "cookie": "anna",
        "result": "encrypted",
        "security_protocol": "HYBRID",
        "cert_count": 0,
    }
    rdp.write_text(json.dumps(line) + "\n", "utf-8")
    ward.collect(security, rdp)
    return ward.workspace


def rules(workspace: Workspace) -> list[str]:
    review(workspace)
    return [body["rule_id"] for body in Results.open(workspace).findings() if body["rule_id"] == UNLOGGED]


def test_an_arrival_that_only_the_sensor_saw_is_found_unless_the_host_is_declared(ward: Workspace) -> None:
    assert rules(ward) == [UNLOGGED]
    (ward.root / "book.csv").write_text("host,name,logs\nSRV1,Imaging device,none\n", "utf-8")
    config = ward.root / CONFIG
    config.write_text(config.read_text("utf-8").replace('book = ""', 'book = "book.csv"'), "utf-8")
    declared = Workspace.open(ward.root)
    assert rules(declared) == []
    assert "Declared to log nothing: srv1." in render_report(report_model(declared, None, None))


def test_another_word_than_none_is_an_error(ward: Workspace) -> None:
    (ward.root / "book.csv").write_text("host,name,logs\nSRV1,Imaging device,no\n", "utf-8")
    config = ward.root / CONFIG
    config.write_text(config.read_text("utf-8").replace('book = ""', 'book = "book.csv"'), "utf-8")
    with pytest.raises(InputError, match="another word than none"):
        review(Workspace.open(ward.root))
