"""What the client of remote desktop tells on the host that it runs on (channel TerminalServices-RDPClient): which machine it was told to
call (1024), that it got there (1102 with the address, 1027 with the domain), and a digest of the name that was typed (1029).

Who ran it is said by SID alone. The digest is Base64 of the SHA-256 of the name in UTF-16: it can be compared with names, not read. Of
a name with its domain before it both are told, the domain's first, with a dash between; behind a name alone stands a dash
(https://nullsec.us/windows-event-id-1029-hashes/, https://port139.hatenablog.com/entry/2019/05/03/162705).
"""

from __future__ import annotations

import bisect
import hashlib
from base64 import b64encode
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from countersign.visits import facts as f
from countersign.visits.asking import Days
from countersign.visits.departures import ATTEMPT, DESKTOP_CLIENT, EARLY, Departure, Scene
from countersign.visits.facts import Fact, leaf, lowered
from countersign.visits.names import Account, is_address, is_local

CHANNEL = "rdpclient"
_CALLS, _THERE, _TYPED = "1024", frozenset({"1027", "1102"}), "1029"
NOBODY = Account("", "")


def told(days: Days, accounts: Mapping[str, Account], names: Collection[str]) -> list[Fact]:
    """What clients told that accounts among `names` ran; `accounts` are all accounts by SID."""
    ours = {sid: account for sid, account in accounts.items() if account.key[1] in names}
    rows = days.of_all("desktop clients", _ask)
    chosen = rows.filter(pc.is_in(rows.column("user.uid"), value_set=pa.array(sorted(ours), pa.string())))
    return [replace(fact, user=ours[fact.sid]) for fact in days.facts([chosen])]


def _ask(events: ir.Table) -> ir.Table:
    rows = events.filter(
        (leaf(events, "class_uid") == f.RDP)
        & leaf(events, "metadata.event_code").isin([_CALLS, _TYPED, *sorted(_THERE)])
        & lowered(events, "metadata.log_name").contains(CHANNEL)
    )
    return f.columns_of(rows.mutate(**{"user.uid": leaf(rows, "actor.user.uid")}))


def calls(found: Iterable[Fact], scene: Scene, others: Iterable[Departure]) -> list[Departure]:
    """Each call of a client, in order of time; one of which `others` tell too, or that is not known to have got there, makes no hop."""
    by_client: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in sorted(found, key=lambda fact: fact.order):
        if fact.class_uid == f.RDP and CHANNEL in fact.log and fact.host:
            by_client[scene.hosts.canonical(fact.host), fact.sid].append(fact)
    around: dict[tuple[str, str], list[int]] = defaultdict(list)
    for other in others:
        if other.protocol in {"", "rdp"}:
            around[other.source, other.target].append(other.fact.time)
    for times in around.values():
        times.sort()
    digests = {digest: name for name in sorted(scene.names) for digest in digests_of(name)}
    out: list[Departure] = []
    for (source, _), facts in sorted(by_client.items()):
        for group in _each(facts):
            call = _call(source, group, scene, digests)
            if call is not None and call.target != source:
                known = _is_near(call.fact.time, around[source, call.target])
                out.append(replace(call, kind=ATTEMPT) if known else call)
    return sorted(out, key=lambda call: call.order)


def _is_near(at: int, times: list[int]) -> bool:
    return bisect.bisect_right(times, at + EARLY) > bisect.bisect_left(times, at - EARLY)


def _each(facts: list[Fact]) -> list[list[Fact]]:
    """A call begins with the name of a machine; what follows within two minutes is of it."""
    out: list[list[Fact]] = []
    for fact in facts:
        if not out or fact.code == _CALLS or fact.time - out[-1][0].time > EARLY:
            out.append([])
        out[-1].append(fact)
    return out


def _call(source: str, group: list[Fact], scene: Scene, digests: Mapping[str, str]) -> Departure | None:
    places = [
        place for fact in group for place in (fact.dst_ip, fact.dst_host) if place and not is_local(place)
    ]
    named = [fact.dst_host.partition(":")[0] for fact in group if fact.dst_host]
    addresses = [place for place in [*places, *named] if is_address(place)]
    known = [host for one in addresses if (host := scene.book.host(one, group[0].time))]
    names = [scene.hosts.canonical(name) for name in named if not is_address(name)]
    target = next(iter([*known, *names, *addresses]), "")
    if not target:
        return None
    kind = DESKTOP_CLIENT if any(fact.code in _THERE for fact in group) else ATTEMPT
    account = next((told for fact in group if (told := _typed(fact, digests)) is not None), NOBODY)
    return Departure(kind, group[0], source, "", group[0].user, account, target, "rdp")


def _typed(fact: Fact, digests: Mapping[str, str]) -> Account | None:
    domains = (fact.user.domain, fact.user.key[0])
    return typed_account(fact.credential, fact.user, domains, digests) if fact.credential else None


def typed_account(
    told: str, actor: Account, domains: Iterable[str], digests: Mapping[str, str]
) -> Account | None:
    """The account whose name `actor` typed, None where that is none of those of `digests`. With its domain before it a name is two
    digests, a dash between; `domains` are how the actor's own is spelt."""
    before, _, last = told.removesuffix("-").rpartition("-")
    name = digests.get(last)
    if name is None:
        return None
    spelt = {one for domain in domains for one in (domain, domain.casefold())}
    own = before in {digest for domain in spelt for digest in digests_of(domain)}
    if name == actor.key[1] and (own or not before):
        return actor
    return Account(actor.domain if own else "", name)


def digests_of(name: str) -> set[str]:
    """As it may have been typed: the digest knows capitals."""
    return {
        b64encode(hashlib.sha256(spelt.encode("utf-16-le")).digest()).decode()
        for spelt in (name, name.upper(), name.capitalize())
    }
