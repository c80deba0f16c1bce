"""A report's model as the demo would give it, with log content that an attacker wrote."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from countersign.model.visit import Action, Finding, Hop, Link, Reference, Verdict, Visit
from countersign.web import (
    Coverage,
    HostCoverage,
    ProviderPart,
    RejectedCount,
    ReportModel,
    SourceCoverage,
    UnreadFile,
)

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> \x1b[31mred\x1b[0m \u202etxt.exe\u202c "
    "{{ 7*7 }} {% raw %} javascript:alert(3) \ud800 " + "A" * 300
)


def digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


def reference(*parts: object, leaf: int | None = 12) -> Reference:
    return Reference(digest(*parts)[:32], digest("segment", parts[0]), 17, leaf)


def hop(
    number: int,
    parent: str | None,
    what: tuple[str, str, str, str],
    start: datetime | None,
    minutes: float | None,
    link: Link,
    **more: object,
) -> Hop:
    protocol, account, source, target = what
    end = None if start is None or minutes is None else start + timedelta(minutes=minutes)
    return Hop(
        id=digest(number, what)[:32],
        parent=parent,
        account=account,
        source=source,
        target=target,
        protocol=protocol,
        start=start,
        end=end,
        link=link,
        seen_by=("target host",),
        expected_by=("source host", "target host", "network sensor"),
        records=(reference("hop", number),),
        **more,  # type: ignore[arg-type]  # a test's keyword arguments
    )


ENTRY = Link("entry", "the VPN session of a provider's account")
PROVEN = Link("proven", "the gateway gave 10.99.1.21 to this session")
INFERRED = Link("inferred", "the only open provider hop on JUMP01")
AMBIGUOUS = Link("ambiguous", "two open hops on JUMP01 fit", ("a", "b"))

VERDICTS = (
    Verdict("origins", "kept", "203.0.113.19 lies in 203.0.113.16/28.", (reference("v"),)),
    Verdict("hours", "kept", "Within mon-fri 07:00-19:00 Europe/London."),
    Verdict(
        "mfa", "not observed", "No record says whether a second factor was used.", (), "the gateway's AAA log"
    ),
)


def ordinary(
    number: int, start: datetime, provider: str = "northgate", person: str = "Priya Harris"
) -> Visit:
    account = "MERIDIAN\\ng.harris"
    entry = hop(number * 10, None, ("vpn", account, "203.0.113.19", "asa01"), start, 50, ENTRY, mfa=None)
    jump = hop(
        number * 10 + 1,
        entry.id,
        ("rdp", account, "10.99.1.21", "JUMP01"),
        start + timedelta(minutes=1),
        46,
        PROVEN,
    )
    deed = Action(
        start + timedelta(minutes=9), "process", "powershell.exe Get-Service", reference("deed", number)
    )
    target, way = (("APP01", "rdp"), ("SQL01", "winrm"), ("lnx01", "ssh"), ("FILE01", "smb"))[number % 4]
    work = hop(
        number * 10 + 2,
        jump.id,
        (way, account, "JUMP01", target),
        start + timedelta(minutes=5),
        30,
        INFERRED,
        actions=(deed,),
    )
    return Visit(
        id=entry.id,
        provider=provider,
        person=person,
        kind="person",
        start=start,
        end=start + timedelta(minutes=50),
        entry=entry.id,
        hops=(entry, jump, work),
        verdicts=VERDICTS,
    )


def intrusion() -> tuple[Visit, tuple[Finding, ...]]:
    start = datetime(2026, 3, 5, 23, 12, 40, tzinfo=UTC)
    account, admin = "MERIDIAN\\ng.okafor", "MERIDIAN\\da.wilkins"
    entry = hop(1, None, ("vpn", account, "198.51.100.77", "asa01"), start, 49, ENTRY, mfa=False)
    deeds = (
        Action(start + timedelta(minutes=2), "process", "whoami.exe /all", reference("d", 1)),
        Action(start + timedelta(minutes=5), "process", HOSTILE, reference("d", 2)),
    )
    jump = hop(
        2,
        entry.id,
        ("rdp", account, "10.99.1.23", "JUMP01"),
        start + timedelta(minutes=1),
        47,
        PROVEN,
        actions=deeds,
    )
    archive = r"C:\PerfLogs\rar.exe a -r -m1 -hpQz71kkd -v200m C:\PerfLogs\s.rar D:\Shares\Research"
    share = hop(
        3,
        jump.id,
        ("smb", admin, "JUMP01", "FILE01"),
        start + timedelta(minutes=10),
        14,
        INFERRED,
        credential_switch=True,
    )
    wmi = hop(
        4,
        jump.id,
        ("wmi", admin, "JUMP01", "FILE01"),
        start + timedelta(minutes=13),
        8,
        AMBIGUOUS,
        credential_switch=True,
        actions=(Action(start + timedelta(minutes=13), "process", archive, reference("d", 3)),),
    )
    wipe = hop(5, jump.id, ("wmi", admin, "JUMP01", "FILE01"), start + timedelta(minutes=47), None, PROVEN)
    verdicts = (
        Verdict(
            "origins", "broken", "198.51.100.77 is none of the provider's networks.", (reference("b", 1),)
        ),
        Verdict(
            "hours", "broken", "Thu 23:12 is outside mon-fri 07:00-19:00 Europe/London.", (reference("b", 2),)
        ),
        Verdict(
            "never.log-cleared", "broken", "The Security log of FILE01 was cleared.", (reference("b", 3),)
        ),
        *VERDICTS[2:],
    )
    findings = tuple(
        Finding(
            id=digest("finding", number)[:32],
            time=start + timedelta(minutes=minutes),
            title=title,
            severity=severity,  # type: ignore[arg-type]  # one of the words
            kind="clause" if "agreed" in title else "rule",
            class_uid=2003,
            rule_id="cs-archive-then-upload",
            provider="northgate",
            visit=entry.id,
            hosts=hosts,
            techniques=("T1560.001", "T1048"),
            cites=("TA18-276A/EFF-02",),
            why=why,
            evidence=tuple(reference("finding", number, n, leaf=None if n else 4) for n in range(20)),
        )
        for number, (minutes, title, severity, hosts, why) in enumerate(
            (
                (
                    0,
                    "Came from a place that was not agreed",
                    "high",
                    ("asa01",),
                    "198.51.100.77 was not agreed.",
                ),
                (13, "Archive with a password made in PerfLogs", "high", ("FILE01",), f"It was {archive}."),
                (
                    47,
                    "Event log cleared within a visit",
                    "critical",
                    ("FILE01",),
                    "Security of FILE01 was cleared.",
                ),
                (5, HOSTILE, "medium", (HOSTILE,), HOSTILE),
            )
        )
    )
    visit = Visit(
        id=entry.id,
        provider="northgate",
        person="Chidi Okafor",
        kind="person",
        start=start,
        end=start + timedelta(minutes=49),
        entry=entry.id,
        hops=(entry, jump, share, wmi, wipe),
        verdicts=verdicts,
        findings=tuple(finding.id for finding in findings),
    )
    return visit, findings


def model(ordinary_visits: int = 9, *, with_intrusion: bool = True) -> ReportModel:
    visits = [
        ordinary(
            number,
            MONDAY + timedelta(days=number % 5, hours=8 + number % 7, minutes=(number * 13) % 60),
            "medisoft" if number % 3 == 2 else "northgate",
            ("Priya Harris", "Maja Lindqvist", "Dana Whitlock")[number % 3],
        )
        for number in range(1, ordinary_visits + 1)
    ]
    findings: tuple[Finding, ...] = ()
    if with_intrusion:
        bad, findings = intrusion()
        visits.append(bad)
    return ReportModel(
        organisation="Meridian Health Trust",
        generated=datetime(2026, 3, 7, 6, 30, tzinfo=UTC),
        zone="Europe/London",
        since=MONDAY,
        until=MONDAY + timedelta(days=5),
        providers=(
            ProviderPart("northgate", "Northgate Managed Services", "agreements/northgate.yaml"),
            ProviderPart("medisoft", "Medisoft Clinical Systems"),
        ),
        visits=tuple(visits),
        findings=findings,
        coverage=Coverage(
            sources=(
                SourceCoverage("windows.json", "Windows events", 9120, 3, MONDAY, MONDAY + timedelta(days=5)),
                SourceCoverage("zeek.conn", "Zeek connections", 5471, 0, MONDAY, MONDAY + timedelta(days=5)),
                SourceCoverage("openvpn", "OpenVPN server", 81, 0, None, None),
            ),
            rejected=(RejectedCount("windows.json", "the line is not JSON", 3),),
            unread=(UnreadFile(f"inbox/{HOSTILE[:80]}.jpg", "not a log that is known"),),
            hosts=(
                HostCoverage("APP01", logons=True, processes=False),
                HostCoverage("FILE01", logons=True, processes=True),
                HostCoverage("PRINT01", logons=False, processes=False),
            ),
        ),
        evidence="The ledger's head was verified on Sat 7 Mar 2026: 412 leaves.",
        version="0.1.0",
    )
