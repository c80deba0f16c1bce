"""What really happened: visits, hops, links and attack steps with the records that show them, as JSON lines.

Streams tell which record they wrote for which hop (`Notes`); when all are done, `Ledgers` joins that with what was
planned, a day at a time. The keys are those of visits in docs/json.md, and some more (docs/range.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from countersign.range.calendar import iso
from countersign.range.streams.base import Ref

VISITS, STAFF, HOPS, LINKS, STEPS = "visits.jsonl", "staff.jsonl", "hops.jsonl", "links.jsonl", "steps.jsonl"
MOVED = "moved.jsonl"
"""A campaign's only: what records of ordinary hops are called in the files that it replaces, where ids count on."""


@dataclass(slots=True)
class TrueHop:
    """One arrival as it happened; times in microseconds since 1970 UTC."""

    number: int
    parent: int | None
    account: str
    source: str
    source_ip: str
    target: str
    protocol: str
    start: int
    end: int = 0
    session: str = ""
    mfa: bool | None = None
    gateway: str = ""
    switch: bool = False

    def by(self, *, other: bool) -> None:
        """Says whether it was made with another account than the person's; who becomes somebody else has done so anyway."""
        self.switch = other or self.protocol in {"su", "sudo"}


@dataclass(slots=True)
class TrueStep:
    """Something done in a visit; with its ATT&CK technique where it is an attack's."""

    time: int
    hop: int
    host: str
    kind: str
    text: str
    technique: str = ""
    """One or several, the chief one first, with a blank between."""
    name: str = ""
    arrival: bool = False
    """Whether it is how the hop came about: then what no other deed left of the hop (logon, ticket, tunnel, session) is its."""


@dataclass(slots=True)
class TrueVisit:
    """One visit as it happened; `provider` is empty for the customer's own administrators."""

    key: int
    provider: str
    person: str
    kind: str
    start: int
    end: int = 0
    hops: list[TrueHop] = field(default_factory=list)
    steps: list[TrueStep] = field(default_factory=list)
    malicious: bool = False
    campaign: str = ""
    care: int | None = None
    tags: tuple[str, ...] = ()


class Notes:
    """A process's file of records, by the day on which their visit began."""

    def __init__(self, folder: Path, worker: int) -> None:
        self._folder = folder
        self._worker = worker
        self._files: dict[int, BinaryIO] = {}
        self._days: dict[int, int] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def expect(self, visit: TrueVisit, day: int) -> None:
        """A visit of this day may leave records from now on."""
        self._days[visit.key] = day

    def note(self, ref: Ref, survived: bool, reference: Mapping[str, object]) -> None:
        """One record of a visit, and whether it reached the collection."""
        day = self._days[ref.visit]
        file = self._files.get(day)
        if file is None:
            file = self._files[day] = (self._folder / f"{day:04d}-{self._worker}.jsonl").open("ab")
        file.write(orjson.dumps([ref.visit, ref.hop, ref.step, survived, reference]) + b"\n")

    def forget(self, before: int) -> None:
        """Visits that began before this day are over."""
        for day in [day for day in self._files if day < before]:
            self._files.pop(day).close()
        self._days = {key: day for key, day in self._days.items() if day >= before}

    def close(self) -> None:
        """Closes all files."""
        self.forget(1 << 30)


Found = dict[tuple[int, int], list[tuple[int, bool, dict[str, Any]]]]


def read_notes(folder: Path, day: int) -> Found:
    """The records of a day's visits, by visit and hop, in an order that does not depend on who wrote them."""
    found: Found = {}
    lines: list[bytes] = []
    for path in sorted(folder.glob(f"{day:04d}-*.jsonl")):
        lines += path.read_bytes().splitlines()
    for line in sorted(lines):
        visit, hop, step, survived, reference = orjson.loads(line)
        found.setdefault((visit, hop), []).append((step, survived, reference))
    return found


def hop_id(visit: TrueVisit, number: int) -> str:
    """32 hexadecimal digits."""
    return f"{visit.key:016x}{number:016x}"


def written(visit: TrueVisit, found: Found, known: Mapping[str, str]) -> dict[str, Any]:
    """A visit as it stands in the truth; `known` maps hosts' full names to their short ones."""
    hops = [_hop(visit, hop, found.get((visit.key, hop.number), []), known) for hop in visit.hops]
    return {
        "id": hop_id(visit, 0),
        "provider": visit.provider,
        "person": visit.person,
        "kind": visit.kind,
        "start": iso(visit.start),
        "end": iso(visit.end),
        "entry": hop_id(visit, 0),
        "hops": hops,
        "verdicts": [],
        "findings": [],
        "aliases": [],
        "malicious": visit.malicious,
        "campaign": visit.campaign,
        "care": visit.care,
        "tags": list(visit.tags),
    }


def _hop(
    visit: TrueVisit, hop: TrueHop, found: list[tuple[int, bool, dict[str, Any]]], known: Mapping[str, str]
) -> dict[str, Any]:
    kept = [reference for _, survived, reference in found if survived]
    lost = [reference for _, survived, reference in found if not survived]
    steps = [step for step in enumerate(visit.steps) if step[1].hop == hop.number]
    arrival = next((number for number, step in steps if step.arrival), -1)
    by_step: dict[int, list[dict[str, Any]]] = {}
    for number, survived, reference in found:
        if survived and max(number, arrival) >= 0:
            by_step.setdefault(number if number >= 0 else arrival, []).append(reference)
    if arrival >= 0:
        # of what its host did not log the logon still tells
        for number, step in steps:
            if step.name == visit.steps[arrival].name and number not in by_step:
                by_step[number] = by_step.get(arrival, [])
    return {
        "id": hop_id(visit, hop.number),
        "parent": None if hop.parent is None else hop_id(visit, hop.parent),
        "account": hop.account,
        "source": hop.source,
        "source_ip": hop.source_ip or None,
        "target": hop.target,
        "protocol": hop.protocol,
        "start": iso(hop.start),
        "end": iso(max(hop.end, hop.start)),
        "link": {
            "kind": "entry" if hop.parent is None else "proven",
            "reason": "it was so",
            "candidates": [],
        },
        "seen_by": _vantage(hop, kept, known),
        "expected_by": _vantage(hop, [*kept, *lost], known),
        "credential_switch": hop.switch,
        "session": hop.session or None,
        "mfa": hop.mfa,
        "gateway": hop.gateway or None,
        "records": kept,
        "lost": lost,
        "actions": [
            {
                "time": iso(step.time),
                "kind": step.kind,
                "text": step.text,
                "technique": step.technique.partition(" ")[0],
                "techniques": step.technique.split(),
                "step": step.name,
                "records": by_step.get(number, []),
            }
            for number, step in steps
        ],
    }


def _vantage(hop: TrueHop, references: list[dict[str, Any]], known: Mapping[str, str]) -> list[str]:
    seen = set()
    for reference in references:
        log = reference["log"]
        name = known.get(str(reference.get("computer")), str(reference.get("host", "")))
        if log == "zeek":
            seen.add("network sensor")
        elif hop.protocol == "vpn" and name not in {hop.gateway, hop.target}:
            # the gateway asked somebody else who this is
            seen.add("identity provider")
        elif log == "bastion" or name == "VAULT01":
            seen.add("target host" if hop.protocol == "bastion" else "gateway")
        elif log in {"entra", "m365", "cloudtrail", "agents", "okta"} or name == "screenconnect":
            seen.add("target host")
        elif name == hop.gateway or (hop.protocol == "vpn" and name == hop.target):
            seen.add("gateway")
        elif name == hop.target:
            seen.add("target host")
        elif name == hop.source:
            seen.add("source host")
        else:
            seen.add("domain controller")
    return sorted(seen)


class Ledgers:
    """The files of truth/, written a day at a time."""

    def __init__(self, folder: Path, known: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._files = {name: (folder / name).open("wb") for name in (VISITS, STAFF, HOPS, LINKS, STEPS)}
        self._known, self._folder = known, folder
        self.visits: dict[str, int] = {}
        self.hops = self.lost_whole = self.malicious = 0

    def add(self, visit: TrueVisit, found: Found) -> None:
        """One visit with its records."""
        data = written(visit, found, self._known)
        self._put(VISITS if visit.provider else STAFF, data)
        if not visit.provider:
            return
        self.visits[visit.provider] = self.visits.get(visit.provider, 0) + 1
        self.malicious += visit.malicious
        for hop in data["hops"]:
            self.hops += 1
            self.lost_whole += not hop["records"]
            self._put(HOPS, {"visit": data["id"], **{k: v for k, v in hop.items() if k != "actions"}})
            if hop["parent"] is not None:
                self._put(LINKS, {"visit": data["id"], "hop": hop["id"], "parent": hop["parent"]})
            if visit.malicious:
                for action in hop["actions"]:
                    self._put(
                        STEPS, {"campaign": visit.campaign, "visit": data["id"], "hop": hop["id"], **action}
                    )

    def moved(self, visit: TrueVisit, found: Found) -> None:
        """An ordinary visit's records in hosts' logs that were written again, beside a campaign."""
        if MOVED not in self._files:
            self._files[MOVED] = (self._folder / MOVED).open("wb")
        for hop in visit.hops:
            hosts = [note for note in found.get((visit.key, hop.number), []) if note[2]["log"] == "windows"]
            if hosts:
                told = _hop(visit, hop, hosts, self._known)
                actions = [action["records"] for action in told["actions"]]
                body = {
                    "hop": told["id"],
                    "records": told["records"],
                    "lost": told["lost"],
                    "actions": actions,
                }
                self._put(MOVED, body)

    def _put(self, name: str, data: Mapping[str, Any]) -> None:
        self._files[name].write(orjson.dumps(data) + b"\n")

    def close(self) -> None:
        """Closes all files."""
        for file in self._files.values():
            file.close()


def in_order(visits: list[TrueVisit]) -> Iterator[TrueVisit]:
    """Visits by their begin."""
    yield from sorted(visits, key=lambda visit: (visit.start, visit.key))
