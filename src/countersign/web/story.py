"""A visit told in sentences: who, from where, through what, to what, how long, and what was done."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from countersign.model.visible import counted, visible
from countersign.model.visit import Hop, Visit
from countersign.web.times import clock_text, day_text, listed, offset_text, span_text
from countersign.web.words import ACTIONS, PROTOCOLS

MAX_STEPS = 12
"""Hops that are told one by one; the rest stand in the tree below."""
MAX_NAMED = 8
"""Broken clauses named in the sentence; the table has all."""
NAME = 120
"""Characters of a name within a sentence."""


@dataclass(frozen=True, slots=True)
class TreeHop:
    """A hop and how deep it stands below the entry."""

    hop: Hop
    depth: int


def in_order(visit: Visit) -> list[TreeHop]:
    """Hops as the visit went: each below the one it came from, by time; strays at the end, never lost."""
    known = {hop.id for hop in visit.hops}
    children: dict[str, list[Hop]] = {}
    roots = []
    for hop in sorted(visit.hops, key=_when):
        if hop.parent in known and hop.id not in {hop.parent, visit.entry}:
            children.setdefault(hop.parent or "", []).append(hop)
        else:
            roots.append(hop)
    roots.sort(key=lambda hop: (hop.id != visit.entry, _when(hop)))
    out: list[TreeHop] = []
    seen: set[str] = set()
    rest = sorted(visit.hops, key=_when)
    stack = [TreeHop(hop, 0) for hop in reversed(roots)]
    while stack or len(seen) < len(known):
        if not stack:  # a circle of parents: data that cannot be, shown all the same
            stack = [TreeHop(next(hop for hop in rest if hop.id not in seen), 0)]
        item = stack.pop()
        if item.hop.id in seen:
            continue
        seen.add(item.hop.id)
        out.append(item)
        stack += [TreeHop(hop, item.depth + 1) for hop in reversed(children.get(item.hop.id, []))]
    return out


def _when(hop: Hop) -> tuple[bool, float, str]:
    return (hop.start is not None, hop.start.timestamp() if hop.start else 0.0, hop.id)


@dataclass(frozen=True, slots=True)
class Story:
    """How a visit began, each step of it, and how it ended."""

    arrival: str
    steps: tuple[str, ...]
    closing: str


def tell(visit: Visit, provider: str, zone: ZoneInfo) -> Story:
    """One visit in sentences."""
    hops = in_order(visit)
    entry = next((item.hop for item in hops if item.hop.id == visit.entry), hops[0].hop if hops else None)
    onward = [item.hop for item in hops if entry is None or item.hop.id != entry.id]
    steps = [_step(hop, zone) for hop in onward[:MAX_STEPS]]
    if len(onward) > MAX_STEPS:
        steps.append(f"{counted(len(onward) - MAX_STEPS, 'further hop')} stand in the table below.")
    closing = " ".join((_deeds(visit), _stay(visit), _judgement(visit)))
    return Story(_arrival(visit, entry, provider, zone), tuple(steps), closing)


def _name(text: str) -> str:
    return visible(text, NAME)


def _arrival(visit: Visit, entry: Hop | None, provider: str, zone: ZoneInfo) -> str:
    who = _name(visit.person) or "Somebody"
    subject = f"The service {who}" if visit.kind == "service" else who
    if entry is None:
        return f"{subject} of {_name(provider)} was here, but no record says how."
    if entry.start is None:
        when = "at a time no record tells"
    else:
        local = entry.start.astimezone(zone)
        when = f"on {day_text(local)} {local.year} at {local:%H:%M:%S} ({offset_text(local)})"
    way = f"by {_protocol(entry)}"
    way += f" through {_name(entry.target)}" if entry.protocol == "vpn" else f" to {_name(entry.target)}"
    origin = _name(entry.source or entry.source_ip) or "a place no record names"
    factor = {True: ", with a second factor", False: ", without a second factor", None: ""}[entry.mfa]
    account = _name(entry.account)
    return f"{subject} of {_name(provider)} came from {origin} {when}, {way}, as {account}{factor}."


def _protocol(hop: Hop) -> str:
    return PROTOCOLS.get(hop.protocol, _name(hop.protocol))


def _step(hop: Hop, zone: ZoneInfo) -> str:
    lasted = span_text(hop.start, hop.end)
    when = "at a time no record tells" if hop.start is None else f"at {clock_text(hop.start, zone)}"
    how_long = f", for {lasted}" if lasted else "" if hop.end else "; no record says when it ended"
    switch = ", an account other than the one before" if hop.credential_switch else ""
    source = _name(hop.source or hop.source_ip) or "an unknown place"
    return f"From {source} to {_name(hop.target)} by {_protocol(hop)} {when}, as {_name(hop.account)}{switch}{how_long}."


def _deeds(visit: Visit) -> str:
    counts = Counter(action.kind for hop in visit.hops for action in hop.actions)
    if not counts:
        return "No record shows what was done."
    parts = [
        counted(count, *ACTIONS.get(kind, (visible(kind, 40), ""))) for kind, count in counts.most_common()
    ]
    return f"The logs show {listed(parts)}."


def _stay(visit: Visit) -> str:
    lasted = span_text(visit.start, visit.end)
    return f"The visit lasted {lasted}." if lasted else "No record says how long the visit lasted."


def _judgement(visit: Visit) -> str:
    if not visit.verdicts:
        return "It was not held to an agreement."
    counts = Counter(verdict.verdict for verdict in visit.verdicts)
    parts = []
    if counts["broken"]:
        broken = dict.fromkeys(visible(v.clause, 60) for v in visit.verdicts if v.verdict == "broken")
        more = ", ..." if len(broken) > MAX_NAMED else ""
        parts.append(f"{counts['broken']} broken ({', '.join(list(broken)[:MAX_NAMED])}{more})")
    if counts["not observed"]:
        parts.append(f"{counts['not observed']} not observed")
    if counts["kept"]:
        parts.append(f"{counts['kept']} kept")
    return f"Held to {counted(len(visit.verdicts), 'clause')} of the agreement: {listed(parts)}."
