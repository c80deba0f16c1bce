"""The visit and its parts, as in docs/json.md: one person's stay, from the entry through every hop to the exit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

LinkKind = Literal["entry", "proven", "inferred", "ambiguous"]
VerdictKind = Literal["kept", "broken", "not observed"]
VisitKind = Literal["person", "service"]
Severity = Literal["informational", "low", "medium", "high", "critical"]
Scope = Literal["provider", "estate"]
ACTION_KINDS = (
    *(
        "process",
        "script",
        "share",
        "file",
        "service",
        "task",
        "account",
        "credential",
        "log",
        "logon",
        "network",
        "api",
    ),
)
"""What can be done in a hop; `api` is a call of a cloud's or a remote-support tool's service."""
PROTOCOLS = (
    *(
        "vpn",
        "rdp",
        "ssh",
        "smb",
        "scm",
        "task",
        "wmi",
        "winrm",
        "dcom",
        "registry",
        "network",
        "console",
        "explicit",
        "su",
        "sudo",
    ),
    *("service", "unknown", "bastion", "vnc", "telnet"),
    *("anydesk", "kaseya", "ninjaone", "screenconnect", "simplehelp", "takecontrol", "teamviewer"),
    *("signin", "m365", "aws", "azure", "gcp", "google", "okta", "duo", "adfs"),
)
"""By what one can come: the estate's own, gateways and what they open, remote-support tools, clouds."""
SEVERITIES: tuple[Severity, ...] = ("informational", "low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """Evidence by reference: an event, the sealed segment and record it came from, and the ledger leaf that
    covers them (None while no leaf does)."""

    event: str
    segment: str
    record: int
    leaf: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """Why a hop belongs to its parent. `candidates` are hop ids, best first, where it is ambiguous."""

    kind: LinkKind
    reason: str
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """Something done in a hop. `kind` is one of ACTION_KINDS; `text` is for a person (a command line, a share name).
    Of a process `parent` is the path of the program that started it, and `under` the event of the action of the same hop that was
    that program's start; they are empty and None where it is not known."""

    time: datetime
    kind: str
    text: str
    reference: Reference
    parent: str = ""
    under: str | None = None


@dataclass(frozen=True, slots=True)
class Hop:
    r"""One authenticated arrival of an identity at a host or service, with its session's life.

    `account` is `DOMAIN\name` as best known; `source` and `target` are host names, or addresses where no name was
    learned; `source_ip` the address it came from; `protocol` one of PROTOCOLS. `start` is None for a session that was open before the logs
    begin, `end` None while nothing says it ended; `end_reason` says why, where no record of the session's own end does. `seen_by` and
    `expected_by` name vantage points (`target host`, `source
    host`, `gateway`, `network sensor`). `mfa` is None where no source says. `session` is the key the source gave.
    Times are as logged; `clock_ahead` is by how many seconds the target's clock was ahead of most others' then (negative:
    behind), 0 where it was right or cannot be compared. `bytes_in` came into the target from the source by the session itself, `bytes_out`
    went back; `bytes_left` went from the target to addresses outside of the estate meanwhile, where this hop alone can be meant. Each is
    None where no record tells. `account_uid` is the SID or the SSH key's fingerprint by which the logon's record names the account.
    """

    id: str
    parent: str | None
    account: str
    source: str
    target: str
    protocol: str
    start: datetime | None
    end: datetime | None
    link: Link
    seen_by: tuple[str, ...]
    expected_by: tuple[str, ...]
    records: tuple[Reference, ...]
    actions: tuple[Action, ...] = ()
    credential_switch: bool = False
    source_ip: str = ""
    session: str = ""
    mfa: bool | None = None
    gateway: str = ""
    clock_ahead: float = 0.0
    end_reason: str = ""
    account_uid: str = ""
    bytes_in: int | None = None
    bytes_out: int | None = None
    bytes_left: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a clause of the agreement says of a visit. `why` is one sentence; `missing` names the source that
    would decide a clause that is not observed."""

    clause: str
    verdict: VerdictKind
    why: str
    records: tuple[Reference, ...] = ()
    missing: str = ""
    hops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Revision:
    """What a later review changed about a visit that had been told: `time` is the moment as of which that review judged, `kind` one of
    entry, visit, person, link, hop joined, hop left, start, more; `hop` the hop it is about; `text` is for a person."""

    time: datetime
    kind: str
    hop: str
    text: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A tree of hops rooted at an entry. The id is that of the entry hop; `aliases` are ids it had before a
    late record moved the entry. `findings` are ids. `revisions` are the newest first; they and `aliases` depend on when reviews
    were run, all else depends on the records alone."""

    id: str
    provider: str
    person: str
    kind: VisitKind
    start: datetime | None
    end: datetime | None
    entry: str
    hops: tuple[Hop, ...]
    verdicts: tuple[Verdict, ...] = ()
    findings: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    revisions: tuple[Revision, ...] = ()


@dataclass(frozen=True, slots=True)
class Matched:
    """One test of a rule that held, in words, with the field and the value that it held of: a keyword has no field, a field
    that is absent no value."""

    field: str
    value: str | None
    test: str


@dataclass(frozen=True, slots=True)
class Also:
    """A rule or indicator that was folded into a finding, since it tells of nothing that findings do not tell of: what its own
    finding would say, and its id."""

    id: str
    rule_id: str
    kind: str
    title: str
    severity: Severity
    count: int = 1
    time: datetime | None = None
    end: datetime | None = None
    techniques: tuple[str, ...] = ()
    cites: tuple[str, ...] = ()
    rule_version: str = ""
    rule_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One explained conclusion. `class_uid` is 2003 (a broken clause) or 2004; `kind` one of clause, rule, correlation,
    indicator, hop, source; `cites` are item ids of the alert register; `techniques` ATT&CK ids; `visit` is None outside
    a visit. `aliases` are ids it had before a late record moved its visit's entry, and those that `also` of the same severity
    have by themselves. `count` counts what it stands for
    (records of a rule, times that a correlation came about), `time` is that of the first of them and `end` of the last.
    `matched` are the tests that held for the first piece of evidence. `rule_version` is what its authors call the version
    of the rule, `rule_sha256` the digest of its file. `also` are the other rules that tell of the same records; their
    techniques and cites are among the finding's."""

    id: str
    time: datetime | None
    title: str
    severity: Severity
    kind: str
    class_uid: int
    rule_id: str
    provider: str
    visit: str | None
    hosts: tuple[str, ...]
    techniques: tuple[str, ...]
    cites: tuple[str, ...]
    why: str
    evidence: tuple[Reference, ...]
    aliases: tuple[str, ...] = ()
    count: int = 1
    end: datetime | None = None
    matched: tuple[Matched, ...] = ()
    rule_version: str = ""
    rule_sha256: str = ""
    also: tuple[Also, ...] = ()

    @property
    def scope(self) -> Scope:
        """Whether it is about a provider's visit, or about the rest of the estate and nobody's figures."""
        return "estate" if self.visit is None else "provider"
