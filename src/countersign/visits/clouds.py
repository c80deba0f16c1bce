"""Hops into clouds and through identity providers: sign-ins, roles taken, access keys used, calls of a service.

A hop is a stay (`cloud_reading.py`): one session, or one account at one address until the idle limit. What was done in it hangs on
it. Why it belongs to another hop is said by an access key that was given out, by a sign-in's token, or by the same person at the
same address just before.
"""

from __future__ import annotations

import bisect
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from countersign.visits import cloud_reading as cr
from countersign.visits.acts import Act, stamp
from countersign.visits.asking import Days, Key
from countersign.visits.cloud_reading import Item
from countersign.visits.cloud_stays import (
    NAMES,
    SIGN_IN,
    Stay,
    absorb,
    acts,
    gathered,
    made_by,
    names,
    order,
    target_of,
)
from countersign.visits.facts import Fact
from countersign.visits.links import Linker
from countersign.visits.merge import Arrival
from countersign.visits.names import DAY, AddressBook, is_address
from countersign.visits.sessions import Session
from countersign.visits.subjects import Claimed, Subjects
from countersign.visits.trees import Node
from countersign.visits.vouching import DOORS, GATEWAY_AFTER, GATEWAY_WITHIN, is_gateway, vouched

WORDS = {
    "microsoft": "m365",
    "aws": "aws",
    "azure": "azure",
    "gcp": "gcp",
    "google": "google",
    "okta": "okta",
    "duo": "duo",
    "adfs": "adfs",
}
"""The protocol of a stay without a sign-in."""
SERVICE_KINDS = frozenset({"serviceprincipal", "awsservice", "application", "managedidentity", "system"})
"""Types of account (in the source's words, casefolded) that no person uses."""
_INSTANCE = re.compile(r"i-[0-9a-f]{8,17}")
SERVICE_LOGON = 5
"""The Windows logon type of a service; a visit of nothing else is a service's."""


def cloud_nodes(
    days: Days, subjects: Subjects, nodes: list[Node], linker: Linker, book: AddressBook
) -> list[Node]:
    """Hops of providers in clouds, linked among each other and to those of `nodes`, which `linker` knows, in order of time.

    A sign-in that only opened a gateway becomes evidence of that gateway's hop among `nodes` instead.
    """
    told = cr.seen(days)
    identities = sorted({one for some in told.who.values() for one in some})
    who = {one: claimed for one in identities if (claimed := _who(one, subjects)) is not None}
    places = sorted({place for some in told.places.values() for place in some})
    origins = {place: provider for place in places if (provider := _origin(place, subjects)) is not None}
    if not who and not origins:
        return []
    items = cr.stays(days, cr.wanted(told, who, origins))
    stays = gathered(items)
    absorb(stays)
    stays = [stay for stay in stays if not stay.absorbed and (stay.logins or acts(stay))]
    made_by(stays, cr.tokens(items))
    _claim(stays, who, origins)
    _vouch(days, stays, nodes)
    known = {id(node.arrival): node for node in nodes}
    around = _Around(linker, book, known, subjects)
    made: dict[int, Node | None] = {}
    for stay in stays:
        for one in reversed(_line(stay, made)):
            made[id(one)] = _node(one, around)
    out = [node for node in made.values() if node is not None]
    return sorted(out, key=lambda node: (node.arrival.begun, node.arrival.id))


def _who(identity: tuple[str, ...], subjects: Subjects) -> Claimed | None:
    """Whose an identity is: its own names first, then its address, then what its session was called, then its caller's."""
    name, domain, uid, mail, full, caller, caller_domain, caller_uid = identity
    asked = [(name, domain, uid), (mail, "", ""), (full, "", ""), (caller, caller_domain, caller_uid)]
    for one in asked:
        if any(one) and (found := subjects.who(*one)) is not None:
            return found
    return None


def _origin(place: str, subjects: Subjects) -> str | None:
    return subjects.origin(place) if is_address(place) else None


def _claim(stays: list[Stay], who: dict[tuple[str, ...], Claimed], origins: dict[str, str]) -> None:
    people: dict[tuple[str, str], set[Claimed]] = defaultdict(set)
    for identity, claimed in who.items():
        for text in (identity[0], identity[3].partition("@")[0]):
            if text:
                people[claimed.provider, text.casefold()].add(claimed)
    for stay in sorted(stays, key=order):
        named = [who[item.identity] for item in stay.items if item.identity in who]
        if named:
            stay.claimed = named[0]
            continue
        provider = next((origins[item.place] for item in stay.items if item.place in origins), None)
        if provider is not None:
            known = {one for name in names(stay) for one in people.get((provider, name), ())}
            stay.claimed = known.pop() if len(known) == 1 else Claimed(provider, _called(stay), "person")


def _called(stay: Stay) -> str:
    """Who it says it is: what the session was called, else the account."""
    return stay.head.identity[4] or stay.account.text


def _vouch(days: Days, stays: list[Stay], nodes: list[Node]) -> None:
    """Sign-ins to a gateway are the gateway's hop seen by another; one that was nothing else makes no hop of its own."""
    doors = sorted((node for node in nodes if node.arrival.lead.kind in DOORS), key=_begun)
    gates = {node.arrival.host for node in doors}
    found: dict[str, list[Node]] = defaultdict(list)
    of: dict[int, set[Key]] = defaultdict(set)
    for stay in stays:
        if stay.family not in SIGN_IN or not stay.logins or not doors:
            continue
        opened = {item.first[0]: _opened(stay, item, doors, gates) for item in stay.logins}
        opened.update(_on_the_way(stay, opened))
        for event, node in opened.items():
            if node is not None:
                found[event].append(node)
        stay.absorbed = all(opened.values()) and not acts(stay)
        for item in stay.logins:
            node = opened[item.first[0]]
            if node is not None:
                of[item.at // DAY].add((item.first[0],))
            if node is not None and item.mfa is not None:
                vouched(node, mfa=item.mfa)
    _prove(days.facts(days.near("vouched", of, ("id",), lambda events: events)), found)


def _prove(facts: Iterable[Fact], found: dict[str, list[Node]]) -> None:
    for fact in facts:
        for node in found[fact.id]:
            node.proof = [*node.proof, fact]


def _begun(node: Node) -> int:
    return node.arrival.begun


def _opened(stay: Stay, item: Item, doors: list[Node], gates: Collection[str]) -> Node | None:
    """The gateway's hop, of `doors` in order of their beginning, that a sign-in opened: of the same person, from the same address,
    just after. `gates` are the gateways' names."""
    if item.times > 1 or not is_gateway(item.app, gates):
        return None
    first = bisect.bisect_left(doors, item.at - GATEWAY_AFTER, key=_begun)
    last = bisect.bisect_right(doors, item.at + GATEWAY_WITHIN, key=_begun)
    fitting = [
        node
        for node in doors[first:last]
        if _same_person(stay, node) and (not stay.place or node.arrival.source_ip in {"", stay.place})
    ]
    return min(fitting, key=lambda node: (abs(node.arrival.begun - item.at), node.arrival.id), default=None)


def _on_the_way(stay: Stay, opened: Mapping[str, Node | None]) -> dict[str, Node]:
    """What the identity provider asked before it let somebody through a gateway: the begin of its own session, a second factor. Such a
    sign-in is to no application, and within the same time of the gateway's hop."""
    doors = sorted({id(node): node for node in opened.values() if node}.values(), key=_begun)
    out: dict[str, Node] = {}
    for item in stay.logins:
        first = bisect.bisect_left(doors, item.at - GATEWAY_AFTER, key=_begun)
        if not item.app and first < len(doors) and doors[first].arrival.begun <= item.at + GATEWAY_WITHIN:
            out[item.first[0]] = doors[first]
    return out


def _same_person(stay: Stay, node: Node) -> bool:
    if stay.claimed is not None and node.claimed is not None:
        return (stay.claimed.provider, stay.claimed.person) == (node.claimed.provider, node.claimed.person)
    return node.arrival.account.key[1] in names(stay)


@dataclass(frozen=True, slots=True)
class _Around:
    """What is known of everything that is no cloud: `nodes` by the id of their arrival."""

    linker: Linker
    book: AddressBook
    nodes: dict[int, Node]
    subjects: Subjects


def _line(stay: Stay | None, made: Collection[int]) -> list[Stay]:
    """A stay, the one that opened it, the one that opened that and so on, as far as they are not `made` yet: a role may take itself over
    and over."""
    out: list[Stay] = []
    while stay is not None and not stay.absorbed and id(stay) not in made:
        out.append(stay)
        stay = stay.maker
    return out


def _node(stay: Stay, around: _Around) -> Node | None:
    """The node of a stay of which what opened it has its own already."""
    parent = stay.maker.node if stay.maker and not stay.maker.absorbed else None
    session = _session(stay)
    around.linker.anchors.own([session])
    arrival = Arrival([session], source=around.book.host(stay.place, stay.begun) or stay.place)
    link = stay.link if parent else None
    if parent is None:
        tie = around.linker.parent(arrival)
        if tie is not None:
            parent, link = around.nodes.get(id(tie.parent)), tie.link
    if parent is None and stay.claimed is None:
        return None
    name, domain, uid, *_ = stay.head.identity
    session.lent = parent is not None and around.subjects.who(name, domain, uid) is None
    stay.node = Node(arrival, stay.claimed, parent, link)
    stay.node.acts.extend(_actions(stay))
    return stay.node


def _session(stay: Stay) -> Session:
    opened = bool(stay.logins)
    # a session that is named but was not seen to begin began before the logs do
    unknown = not opened and bool(stay.head.key) and not stay.head.key.startswith("AKIA")
    ends = [item.until for item in stay.items if item.ended]
    known = [item.mfa for item in [*stay.logins, *stay.items] if item.mfa is not None]
    word = "signin" if opened and stay.family in SIGN_IN else WORDS[stay.family]
    cited = [
        stay.head,
        stay.items[0],
        *stay.logins,
        max(stay.items, key=lambda item: (item.until, item.last)),
    ]
    return Session(
        kind="signin" if word == "signin" else "cloud",
        host=target_of(stay),
        key=stay.head.key or f"{stay.head.part}|{stay.head.first[0]}",
        account=stay.account,
        uid=stay.head.identity[2],
        start=None if unknown else stay.logins[0].at if opened else stay.begun,
        first=stay.begun,
        last=stay.last,
        end=max(ends) if ends else stay.last,
        source_ip=stay.place,
        logon_type=SERVICE_LOGON if _is_service(stay) else 0,
        protocol=word,
        mfa=True in known if known else None,
        seen=sorted({place for item in cited for place in (item.first, item.last)}),
        # a record that gives out a key is seen from both sides
        anchor=("gave:" if stay.head.gave else "") + stay.head.first[0],
    )


def _is_service(stay: Stay) -> bool:
    return stay.head.kind.casefold() in SERVICE_KINDS or bool(_INSTANCE.fullmatch(stay.head.identity[4]))


def _actions(stay: Stay) -> list[Act]:
    """What was done, and from where else: records one by one, or of a long stay each operation once, with its number."""
    out: list[Act] = []
    places = {stay.place}
    for item in stay.items:
        if is_address(item.place) and item.place not in places:
            places.add(item.place)
            out.append(Act(item.at, "network", f"the same session, now from {item.place}", item.first))
        if item is stay.head or (item.role == "login" and item.ended):
            continue
        out.append(Act(item.at, "logon" if item.role == "login" else "api", _text(item), item.first))
    return out


def _text(item: Item) -> str:
    words = item.operation if item.role == "act" else f"signed in to {item.app or NAMES[item.family]}"
    if item.role == "act" and item.thing:
        words += f": {item.thing}"
    if item.failed:
        words += " (refused)"
    if item.times > 1:
        words += f", {item.times:,} times until {stamp(item.until)}"
    return words
