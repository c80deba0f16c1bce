"""From linked arrivals to visits: trees and their persons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from countersign.model.visit import Action, Hop, Link, Reference, Visit
from countersign.visits.acts import EPOCH, Act, Touched, few, file_acts, when
from countersign.visits.eyes import Eyes
from countersign.visits.facts import Fact
from countersign.visits.lineage import lineage
from countersign.visits.merge import Arrival
from countersign.visits.sessions import SECOND
from countersign.visits.subjects import Claimed
from countersign.visits.volumes import volumes
from countersign.visits.words import describe, is_write, kind_of, written

STAY = 1800 * SECOND
"""Entries of one person from one place no further apart than this are one stay."""
_ORDER = ("scm", "task", "wmi", "winrm", "dcom", "smb", "registry")


@dataclass(slots=True)
class Node:
    """An arrival that belongs to a visit: whose it is, what it hangs on and why, what was done in it. `left` is how many bytes
    went from its host out of the estate, None where no record tells."""

    arrival: Arrival
    claimed: Claimed | None
    parent: Node | None
    link: Link | None
    proof: list[Fact] = field(default_factory=list)
    deeds: dict[str, Fact] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    files: list[Touched] = field(default_factory=list)
    left: int | None = None


def trees(nodes: list[Node], eyes: Eyes, leaf_of: Callable[[str], int | None]) -> tuple[Visit, ...]:
    """One visit for each entry, in order of time; `eyes` tell who saw each hop."""
    _gather_stays(nodes)
    members: dict[int, list[Node]] = defaultdict(list)
    roots: dict[int, Node] = {}
    for node in nodes:
        members[id(_root(node, roots))].append(node)
    visits = [_visit(group, eyes, leaf_of) for group in members.values()]
    return tuple(sorted(visits, key=lambda visit: (visit.start or visit.end or EPOCH, visit.id)))


def _root(node: Node, known: dict[int, Node]) -> Node:
    """The entry above a hop; `known` are those found before, for chains can be long."""
    path: list[Node] = []
    while id(node) not in known and node.parent is not None:
        path.append(node)
        node = node.parent
    root = known.get(id(node), node)
    known.update((id(one), root) for one in path)
    return root


def _gather_stays(nodes: list[Node]) -> None:
    """Entries of one person from one place, while the first is open or soon after, are one visit."""
    entries = sorted((n for n in nodes if n.parent is None), key=lambda n: (n.arrival.begun, n.arrival.id))
    stays: dict[tuple[str, str, str], Node] = {}
    until: dict[int, int] = {}
    for node in entries:
        if node.claimed is None or not node.arrival.source or node.arrival.lead.kind == "vpn":
            continue
        key = (node.claimed.provider, node.claimed.person, node.arrival.source)
        first = stays.get(key)
        if first is not None and node.arrival.begun <= until[id(first)] + STAY:
            node.parent = first
            node.link = Link("inferred", f"the same person came from {node.arrival.source} in the same stay")
        else:
            stays[key] = first = node
        end = node.arrival.last if node.arrival.end is None else node.arrival.end
        until[id(first)] = max(until.get(id(first), 0), end)


def _visit(group: list[Node], eyes: Eyes, leaf_of: Callable[[str], int | None]) -> Visit:
    root = _root(group[0], {})
    if root.claimed is None:
        raise RuntimeError("an entry that no provider claims")
    group.sort(key=lambda node: (node.arrival.begun, node.arrival.id))
    ordered = [root, *(node for node in group if node is not root)]
    ids = {id(node): node.arrival.id for node in ordered}
    hops = tuple(_hop(node, ids, eyes, leaf_of) for node in ordered)
    starts = [hop.start for hop in hops if hop.start is not None]
    known: dict[int, int | None] = {}
    ends = [moment for node in ordered if (moment := when(_ended(node, known))) is not None]
    service = root.claimed.kind == "service" or all(
        session.logon_type in {4, 5} for node in ordered for session in node.arrival.sessions
    )
    return Visit(
        id=hops[0].id,
        provider=root.claimed.provider,
        person=root.claimed.person,
        kind="service" if service else "person",
        start=None if root.arrival.start is None else min(starts),
        end=max(ends) if len(ends) == len(ordered) else None,
        entry=hops[0].id,
        hops=hops,
    )


def _ended(node: Node, known: dict[int, int | None]) -> int | None:
    """End of a hop; one without an end of its own ended with the hop it hangs on. `known` are those found before."""
    path = [node]
    while id(node) not in known and node.arrival.end is None and node.parent is not None:
        node = node.parent
        path.append(node)
    end = known.get(id(node), node.arrival.end)
    known.update((id(one), end) for one in path)
    return end


def _hop(
    node: Node,
    ids: dict[int, str],
    eyes: Eyes,
    leaf_of: Callable[[str], int | None],
) -> Hop:
    arrival, parent = node.arrival, node.parent
    lead = arrival.lead
    sight = eyes.on(arrival, node.proof)

    def reference(fact: Fact) -> Reference:
        return Reference(fact.id, fact.segment, fact.record, leaf_of(fact.segment))

    own = {fact.id: fact for session in arrival.sessions for fact in session.facts}
    used = [place for session in arrival.sessions for place in session.seen if place[0] not in own]
    own.update({fact.id: fact for fact in [*node.proof, *sight.facts]})
    came, went = volumes(arrival, sight.facts)
    link = node.link or Link("entry", _entry_words(arrival))
    if link.candidates:
        link = replace(link, candidates=tuple(link.candidates))
    return Hop(
        id=arrival.id,
        parent=None if parent is None else ids[id(parent)],
        account=arrival.account.text,
        source=arrival.source,
        target=arrival.host,
        protocol=protocol(arrival),
        start=when(arrival.start),
        end=when(arrival.end),
        end_reason=arrival.ended,
        link=link,
        seen_by=sight.seen_by,
        expected_by=sight.expected_by,
        records=(
            *(Reference(*place, leaf_of(place[1])) for place in sorted(set(used))),
            *(reference(fact) for fact in sorted(own.values(), key=lambda fact: fact.order)),
        ),
        actions=tuple(
            Action(
                when(act.time) or EPOCH,
                act.kind,
                act.text,
                Reference(*act.place, leaf_of(act.place[1])),
                act.parent,
                act.under,
            )
            for act in _acts(node)
        ),
        credential_switch=parent is not None and _switched(node, parent),
        source_ip=arrival.source_ip,
        session=lead.key,
        mfa=next((s.mfa for s in arrival.sessions if s.mfa is not None), None),
        gateway=lead.gateway,
        account_uid=next((s.uid for s in [lead, *arrival.sessions] if s.uid), ""),
        clock_ahead=eyes.clock.ahead(arrival.host, arrival.begun) / SECOND,
        bytes_in=came,
        bytes_out=went,
        bytes_left=node.left,
    )


def _acts(node: Node) -> list[Act]:
    deeds: list[Act] = []
    files = list(node.files)
    under = lineage(node.deeds.values())
    for fact in node.deeds.values():
        place, kind = (fact.id, fact.segment, fact.record), kind_of(fact)
        if kind == "file" and is_write(fact):
            path = f"{fact.share}\\{fact.file}"
            files.append(Touched(fact.time, place, written(fact.access), path, fact.id))
        else:
            deeds.append(Act(fact.time, kind, describe(fact), place, fact.parent_path, under.get(fact.id)))
    acts = few([*deeds, *node.acts])
    return sorted([*acts, *file_acts(files)], key=lambda act: act.order)


def _entry_words(arrival: Arrival) -> str:
    if arrival.start is None:
        return "the session was already open when the logs begin"
    if arrival.source:
        return f"first sign of this person: nothing in the logs leads to {arrival.source}"
    return "first sign of this person in the logs"


def _switched(node: Node, parent: Node) -> bool:
    if node.arrival.account.same_as(parent.arrival.account):
        return False
    if any(session.lent for session in node.arrival.sessions):
        return True
    return node.claimed is None or parent.claimed is None or node.claimed != parent.claimed


def protocol(arrival: Arrival) -> str:
    """By what it came, as far as the logs tell."""
    fixed = next((s.protocol for s in arrival.sessions if s.protocol and s.kind != "terminal"), "")
    if fixed:
        return fixed
    types = {session.logon_type for session in arrival.sessions}
    if 10 in types or (7 in types and arrival.source_ip):
        return "rdp"
    if types & {2, 7, 11}:
        return "console"
    if 9 in types:
        return "explicit"
    if types & {4, 5}:
        return "service"
    for hint in _ORDER:
        if hint in arrival.hints and 3 in types | {3 if not types & {0} else 0}:
            return hint
    return "network" if types & {3, 8} else "unknown"
