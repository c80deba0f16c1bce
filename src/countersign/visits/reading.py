"""Which events to read: set work on the whole table, so that only providers' rows come out of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import ibis
import ibis.expr.types as ir

from countersign.visits import facts as f
from countersign.visits.cloud_reading import is_cloud
from countersign.visits.facts import Fact, leaf, lowered, micros
from countersign.visits.keyed import OWNED
from countersign.visits.names import (
    WELL_KNOWN_SESSIONS,
    Account,
    Claim,
    HostNames,
    is_address,
    is_local,
    settled,
)
from countersign.visits.subjects import Claimed, Subjects

FAILURE = 2
"""OCSF `status_id`: somebody knocked and was not let in."""
OUTBOUND = 2
"""OCSF `connection_info.direction_id`, seen from the host that wrote the record."""
CROWD = 3
"""So many hosts at one address within an hour are behind translation."""
HOUR = 3600 * 1_000_000
"""Microseconds."""
WINRM = (5985, 5986)
"""Ports of Windows Remote Management."""
ROUNDS = 5
"""How often a credential switch is followed to a further account; real chains are two or three long."""


@dataclass(frozen=True, slots=True)
class Usage:
    """A session seen in use: `reference` is its first record (event id, segment, index), `address` the only one that it is
    said to be used from (5140, 5145)."""

    host: str
    session: str
    account: Account
    first: int
    last: int
    reference: tuple[str, str, int]
    address: str = ""


@dataclass(slots=True)
class Cast:
    """Who plays: accounts and addresses that agreements claim, and all spellings of host names."""

    claimed: dict[tuple[str, str], Claimed] = field(default_factory=dict)  # by Account.key
    origins: dict[str, str] = field(default_factory=dict)  # address -> provider
    hosts: HostNames = field(default_factory=lambda: HostNames(()))
    recorders: frozenset[str] = frozenset()  # canonical names of hosts that log

    @property
    def names(self) -> list[str]:
        """Casefolded account names of providers."""
        return sorted({name for _, name in self.claimed})

    def who(self, account: Account) -> Claimed | None:
        """The identity of `account`; one without a domain counts where only one identity has that name."""
        found = self.claimed.get(account.key)
        if found is not None or account.domain:
            return found
        same = {claimed for (_, name), claimed in self.claimed.items() if name == account.key[1]}
        return same.pop() if len(same) == 1 else None


def cast(events: ir.Table, subjects: Subjects) -> Cast:
    """Who of all that the table names is a provider's."""
    out = Cast()
    accounts = f.accounts(events)
    for name, domain, uid in accounts:
        found = subjects.who(name, domain, uid) if name or uid else None
        if found is not None:
            out.claimed[Account(domain, name).key] = found
    arrivals = leaf(events, "class_uid").isin([f.AUTHENTICATION, f.TUNNEL, f.SSH, f.RDP])
    for address in f.distinct_texts(events, "src_endpoint.ip", arrivals):
        provider = subjects.origin(address) if is_address(address) else None
        if provider is not None:
            out.origins[address] = provider
    recorders = f.distinct_texts(events, "device.hostname", ibis.literal(value=True))
    clients = f.distinct_texts(events, "src_endpoint.hostname", arrivals)
    machines = [name[:-1] for name, _, _ in accounts if name.endswith("$")]
    out.hosts = HostNames([*recorders, *clients, *machines])
    out.recorders = frozenset(out.hosts.canonical(name) for name in recorders)
    return out


def arrivals_of(events: ir.Table, names: Iterable[str], addresses: Iterable[str]) -> list[Fact]:
    """Logons, explicit credentials, tunnels and tickets of these accounts or from these addresses."""
    kind = leaf(events, "class_uid").isin(list(f.ARRIVALS))
    return f.read(events, kind & _concerns(events, names, addresses) & ~is_cloud(events))


def deeds_of(events: ir.Table, names: Iterable[str]) -> list[Fact]:
    """What these accounts did: processes, shares, services, tasks, accounts, logs; files that a bastion or a remote-support tool carried."""
    carried = (leaf(events, "class_uid") == f.FILE) & leaf(events, "metadata.product").isin(sorted(OWNED))
    kind = leaf(events, "class_uid").isin(list(f.DEEDS)) | carried
    return f.read(events, kind & _concerns(events, names, ()) & ~is_cloud(events))


def _concerns(events: ir.Table, names: Iterable[str], addresses: Iterable[str]) -> Any:  # noqa: ANN401  # Ibis
    wanted, places = sorted(set(names)), sorted(set(addresses))
    clause: Any = ibis.literal(value=False)
    if wanted:
        clause = lowered(events, "user.name").isin(wanted) | lowered(events, "actor.user.name").isin(wanted)
    if places:
        clause |= leaf(events, "src_endpoint.ip").fill_null("").isin(places)
    return clause


def usage_of(events: ir.Table, names: Iterable[str]) -> list[Usage]:
    """Sessions of these accounts with the first and last time they were seen in use, whatever they did."""
    parts = []
    for role, session in (("actor.user", "actor.session.uid"), ("user", "session.uid")):
        chosen = events.filter(
            events.time.notnull()
            & lowered(events, f"{role}.name").isin(sorted(set(names)))
            & leaf(events, session).fill_null("").startswith("0x")
        )
        parts.append(
            chosen.select(
                host=leaf(chosen, "device.hostname").fill_null(""),
                session=leaf(chosen, session),
                name=leaf(chosen, f"{role}.name"),
                domain=leaf(chosen, f"{role}.domain").fill_null(""),
                at=micros(chosen.time),
                address=ibis.ifelse(chosen.class_uid == f.SMB, leaf(chosen, "src_endpoint.ip"), None),
                id=chosen.id,
                segment=chosen.segment,
                record=chosen.record,
            )
        )
    rows = ibis.union(*parts, distinct=False)
    stamp = (
        rows.at.cast("string").lpad(20, "0")
        + "|"
        + rows.id
        + "|"
        + rows.segment
        + "|"
        + rows.record.cast("string")
    )
    found = (
        rows.group_by(["host", "session", "name", "domain"])
        .agg(
            first=rows["at"].min(),
            last=rows["at"].max(),
            reference=stamp.min(),
            addresses=rows.address.nunique(),
            address=rows.address.min(),
        )
        .to_pyarrow()
    )
    return sorted(
        (
            Usage(
                row["host"],
                row["session"],
                Account(row["domain"], row["name"]),
                row["first"],
                row["last"],
                _reference(row["reference"]),
                row["address"] if row["addresses"] == 1 and not is_local(row["address"]) else "",
            )
            for row in found.to_pylist()
            if row["session"] not in WELL_KNOWN_SESSIONS
        ),
        key=lambda usage: (usage.first, usage.reference, usage.host, usage.session, usage.account),
    )


def _reference(stamp: str) -> tuple[str, str, int]:
    _, id_, segment, record = stamp.split("|")
    return id_, segment, int(record)


def claims(events: ir.Table, hosts: HostNames, leased: Iterable[str]) -> list[Claim]:
    """Records that show an address to be a host: a machine account's logon from it, or the host's own word of
    the connections it opened. What it says of those it took is no help: Sysmon names the ends of UDP the other way
    round."""
    skip = set(leased)
    dated = events.filter(events.time.notnull() & leaf(events, "src_endpoint.ip").notnull())
    kind, who, device = (leaf(dated, name) for name in ("class_uid", "user.name", "device.hostname"))
    address, at = leaf(dated, "src_endpoint.ip"), micros(dated.time)
    machine = dated.filter((kind == f.AUTHENTICATION) & who.endswith("$"))
    machine = machine.select(address=address, at=at, name=who.substr(0, who.length() - 1))
    outward = leaf(dated, "connection_info.direction_id") == OUTBOUND
    opened = dated.filter((kind == f.NETWORK) & device.notnull() & outward)
    opened = opened.select(address=address, at=at, name=device)
    found: list[Claim] = []
    shared: set[str] = set()
    for table, own in ((machine, False), (opened, True)):
        for row in _runs(table):
            text = row["address"]
            if is_local(text) or text in skip or _group_address(text):
                continue
            if row["crowd"] >= CROWD and not own:
                shared.add(text)
            found.append(Claim(text, hosts.canonical(row["name"]), row["first"], row["last"], own))
    return settled(found, shared)


def _runs(rows: ir.Table) -> list[Mapping[str, Any]]:
    """Times during which an address was one host's and no other's, by the hour; `crowd` is how many hosts had it within
    an hour, at most."""
    hourly = rows.mutate(hour=rows.at // HOUR).group_by(["address", "hour", "name"])
    hourly = hourly.agg(first=lambda t: t["at"].min(), last=lambda t: t["at"].max())
    of_hour = ibis.window(group_by=[hourly.address, hourly.hour])
    hourly = hourly.mutate(crowd=hourly.name.count().over(of_hour))
    in_time = ibis.window(group_by=hourly.address, order_by=[hourly["first"], hourly["last"], hourly.name])
    marked = hourly.mutate(
        moved=(hourly.name != hourly.name.lag().over(in_time)).fill_null(True).cast("int64")
    )
    so_far = ibis.cumulative_window(
        group_by=marked.address, order_by=[marked["first"], marked["last"], marked.name]
    )
    numbered = marked.mutate(run=marked.moved.sum().over(so_far))
    return list(
        numbered.group_by(["address", "run", "name"])
        .agg(first=numbered["first"].min(), last=numbered["last"].max(), crowd=numbered.crowd.max())
        .to_pyarrow()
        .to_pylist()
    )


def _group_address(address: str) -> bool:
    return address.startswith(("224.", "239.", "255.", "ff0"))


def flows_of(events: ir.Table, ends: Iterable[tuple[str, int]]) -> list[Fact]:
    """Connections from one of these addresses and ports, as hosts and network sensors saw them."""
    wanted = set(ends)
    if not wanted:
        return []
    kinds = [f.NETWORK, f.RDP, f.SSH]
    found = f.read(
        events,
        leaf(events, "class_uid").isin(kinds)
        & leaf(events, "src_endpoint.port").isin(sorted({port for _, port in wanted}))
        & leaf(events, "src_endpoint.ip").isin(sorted({address for address, _ in wanted})),
    )
    return [fact for fact in found if (fact.src_ip, fact.src_port) in wanted]


def departures_of(events: ir.Table, names: Iterable[str], ports: Iterable[int], dynamic: int) -> list[Fact]:
    """Connections that these accounts opened on hosts that tell so, to one of these ports or to one from `dynamic` on."""
    wanted = sorted(set(names))
    if not wanted:
        return []
    port = leaf(events, "dst_endpoint.port")
    return f.read(
        events,
        (leaf(events, "class_uid") == f.NETWORK)
        & leaf(events, "device.hostname").notnull()
        & (leaf(events, "connection_info.direction_id") == OUTBOUND)
        & (port.isin(sorted(set(ports))) | (port >= dynamic))
        & lowered(events, "user.name").isin(wanted),
    )


def arrivals_by_port(events: ir.Table, addresses: Iterable[str], ports: Iterable[int]) -> list[Fact]:
    """Logons from one of these addresses and one of these source ports."""
    places, wanted = sorted(set(addresses)), sorted(set(ports))
    if not places or not wanted:
        return []
    return f.read(
        events,
        leaf(events, "class_uid").isin(list(f.ARRIVALS))
        & leaf(events, "src_endpoint.ip").isin(places)
        & leaf(events, "src_endpoint.port").isin(wanted),
    )


def opened_by(
    events: ir.Table, processes: Iterable[str], hosts: HostNames
) -> dict[tuple[str, str], tuple[str, str]]:
    """Session and command line of each of these processes, by (canonical host, process)."""
    wanted = sorted({process for process in processes if process})
    if not wanted:
        return {}
    began = (leaf(events, "class_uid") == f.PROCESS) & (leaf(events, "activity_id") == 1)
    found = f.read(events, began & leaf(events, "process.uid").isin(wanted))
    return {
        (hosts.canonical(fact.host), fact.process): (fact.session or fact.actor_session, fact.cmd_line)
        for fact in found
    }


def sensor_arrivals(events: ir.Table, addresses: Iterable[str]) -> list[Fact]:
    """What network sensors saw of somebody let in from these addresses: remote desktop, SSH, shares, remote calls and remote
    management. A connection alone is no arrival: anybody may knock."""
    wanted = sorted(set(addresses))
    if not wanted:
        return []
    kind = leaf(events, "class_uid")
    managed = (kind == f.HTTP) & leaf(events, "dst_endpoint.port").isin(WINRM)
    called = leaf(events, "metadata.log_name") == "dce_rpc"
    return f.read(
        events,
        (kind.isin([f.RDP, f.SSH, f.SMB]) | managed | called)
        & leaf(events, "src_endpoint.ip").isin(wanted)
        & (leaf(events, "metadata.product") == "Zeek")  # a host's own 1149 is no sensor's word, and no logon
        & (leaf(events, "status_id").fill_null(0) != FAILURE),
    )


def system_processes(events: ir.Table, hosts: Iterable[str]) -> list[Fact]:
    """Processes that ran as the system on these hosts: what services and tasks start is among them."""
    wanted = sorted({host.split(".")[0].casefold() for host in hosts})
    if not wanted:
        return []
    label = leaf(events, "device.hostname").fill_null("").lower().split(".")[0]
    session = leaf(events, "session.uid").fill_null("0x3e7")
    return f.read(
        events,
        (leaf(events, "class_uid") == f.PROCESS)
        & (leaf(events, "activity_id") == 1)
        & label.isin(wanted)
        & session.isin(sorted(WELL_KNOWN_SESSIONS - {"", "-"})),
    )
