"""Which events to read: set work on the whole table, so that only providers' rows come out of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import ibis
import ibis.expr.types as ir

from countersign.visits import facts as f
from countersign.visits.agents import label_of
from countersign.visits.asking import Days, Key
from countersign.visits.claims import OUTBOUND
from countersign.visits.cloud_reading import is_no_cloud
from countersign.visits.departures import DYNAMIC, PORTS
from countersign.visits.facts import Fact, among, leaf, lowered, one_of
from countersign.visits.keyed import OWNED
from countersign.visits.names import (
    WELL_KNOWN_SESSIONS,
    Account,
    Domains,
    HostNames,
    is_address,
    is_local,
)
from countersign.visits.presence import writers
from countersign.visits.rdgateways import CODES
from countersign.visits.subjects import Claimed, Subjects
from countersign.visits.words import REPLICATED

FAILURE = 2
"""OCSF `status_id`: somebody knocked and was not let in."""
WINRM = (5985, 5986)
"""Ports of Windows Remote Management."""
_NAME, _PLACE, _SID, _KEY = "name:", "place:", "sid:", "key:"
NOBODY = frozenset({"", "-"})
"""How records spell that they name nobody."""
ENDS = ("src_endpoint.ip", "src_endpoint.port")
FINGERPRINT = "SHA256:"
"""How an SSH key's fingerprint begins, as OpenSSH writes it."""
_SECRETS = ("1131f6ad-9c07-11d1-f79f-00c04fc2dcd2", "89e95b76-444d-4c62-991a-0facbeda640c")
"""Control access rights DS-Replication-Get-Changes-All and -In-Filtered-Set (MS-ADTS 5.1.3.2.1)."""
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
    sids: frozenset[str] = frozenset()  # claimed accounts that some records name by their SID alone
    keys: dict[str, Claimed] = field(default_factory=dict)  # by fingerprint of an SSH key
    accounts: dict[str, Account] = field(default_factory=dict)  # by SID, whosever they are
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


def cast(days: Days, subjects: Subjects) -> Cast:
    """Who of all that the table names is a provider's."""
    out = Cast()
    rows = days.of_all("accounts", _accounts).to_pylist()
    accounts = sorted({(row["name"] or "", row["domain"] or "", row["uid"] or "") for row in rows})
    days.domains = Domains(accounts)
    _claimed(out, accounts, days.domains, subjects)
    for key in sorted({row["key"] for row in rows if row["key"]}):
        owner = subjects.who("", "", key)
        if owner is not None:
            out.keys[key] = owner
    for address in _values(days, "addresses", "src_endpoint.ip", _may_arrive):
        provider = subjects.origin(address) if is_address(address) else None
        if provider is not None:
            out.origins[address] = provider
    recorders = writers(days)
    clients = _values(days, "clients", "src_endpoint.hostname", _may_arrive)
    machines = [name[:-1] for name, _, _ in accounts if name.endswith("$")]
    out.hosts = HostNames([*recorders, *clients, *machines])
    out.recorders = frozenset(out.hosts.canonical(name) for name in recorders)
    return out


def _claimed(
    out: Cast, accounts: Iterable[tuple[str, str, str]], domains: Domains, subjects: Subjects
) -> None:
    """Fills in whose each of these (name, domain, SID) is. One that a record names by its SID alone is the account that another
    record names with that SID; where none does, the SID is its name."""
    alone: dict[str, Claimed] = {}
    named: dict[str, list[Account]] = defaultdict(list)
    for name, domain, uid in accounts:
        short = domains.named(domain)
        if name not in NOBODY:
            named[uid].append(Account(short, name))
        asked = [(name, one, uid) for one in dict.fromkeys((short, domain))] if name or uid else []
        found = next((claimed for one in asked if (claimed := subjects.who(*one)) is not None), None)
        if found is not None and uid and name in NOBODY:
            alone[uid] = found
        elif found is not None and name not in NOBODY:
            out.claimed[Account(short, name).key] = found
    out.accounts = {uid: min(of, key=lambda one: (not one.domain, one)) for uid, of in named.items() if uid}
    for uid, found in alone.items():
        account = min(named[uid], default=Account("", uid))
        domains.sids[uid] = account
        out.claimed.setdefault(account.key, found)
    out.sids = frozenset(alone)


def _accounts(events: ir.Table) -> ir.Table:
    """Every account that logged on, was used, or did something, and every SSH key that was shown."""
    key: Any = leaf(events, "user.credential_uid")
    parts = [
        events.select(
            date=events.date,
            name=leaf(events, f"{role}.name"),
            domain=leaf(events, f"{role}.domain"),
            uid=leaf(events, f"{role}.uid"),
            key=ibis.ifelse(key.startswith(FINGERPRINT) & (role == "user"), key, None),
        ).distinct()
        for role in ("user", "actor.user")
    ]
    return ibis.union(*parts, distinct=True)


def _may_arrive(events: ir.Table) -> Any:  # noqa: ANN401  # an Ibis predicate has no public type
    return leaf(events, "class_uid").isin([f.AUTHENTICATION, f.TUNNEL, f.SSH, f.RDP])


def _values(days: Days, question: str, dotted: str, where: Callable[[ir.Table], Any]) -> list[str]:
    """Distinct non-empty values of one column."""

    def ask(events: ir.Table) -> ir.Table:
        chosen = events.filter(where(events))
        return chosen.select(date=chosen.date, value=leaf(chosen, dotted)).distinct()

    found = days.of_all(question, ask).column("value").unique().to_pylist()
    return sorted(value for value in found if value)


def facts_of(
    days: Days,
    question: str,
    names: Iterable[str],
    origins: Iterable[str] = (),
    sids: Iterable[str] = (),
    shown: Iterable[str] = (),
) -> list[Fact]:
    """What these accounts did and had done to them, as far as stitching asks: logons, explicit credentials, tunnels and tickets; connections that
    they opened to others (`PORTS`, or from `DYNAMIC` on) from hosts that tell so; processes, shares, services, tasks, accounts, logs;
    files and commands of a bastion or a remote-support tool. Of `origins` (addresses) all arrivals, of keys that were `shown` (fingerprints)
    those with them; of `sids` what names the account by no more."""
    kinds = ((_NAME, names), (_PLACE, origins), (_SID, sids), (_KEY, shown))
    wanted = {start + value for start, values in kinds for value in values if value not in NOBODY}
    if not wanted:
        return []

    def ask(events: ir.Table, keys: list[str]) -> ir.Table:
        some, places, uids, prints = (
            [key[len(start) :] for key in keys if key.startswith(start)] for start, _ in kinds
        )
        user = among(lowered(events, "user.name"), some)
        theirs = user | among(lowered(events, "actor.user.name"), some)
        if uids:
            theirs |= among(leaf(events, "user.uid"), uids) | among(leaf(events, "actor.user.uid"), uids)
        kind = leaf(events, "class_uid")
        arrives = among(leaf(events, "src_endpoint.ip"), places)
        if prints:
            arrives |= among(leaf(events, "user.credential_uid"), prints)
        came = one_of(kind, f.ARRIVALS) & arrives
        # most connections are a sensor's, which knows no account: left out while the file is read
        may = (kind != f.NETWORK) | leaf(events, "device.hostname").notnull()
        told = (_is_deed(events) & (theirs | came)) | (_is_departure(events) & user)
        return f.columns_of(events.filter(may & is_no_cloud(events) & told))

    return days.facts([days.of_names(question, wanted, ask)])


def _is_deed(events: ir.Table) -> Any:  # noqa: ANN401  # an Ibis predicate has no public type
    """Arrivals, also through an RD Gateway, and what sessions do; of files and calls those of a bastion or a remote-support tool."""
    kind = leaf(events, "class_uid")
    carried = one_of(kind, (f.FILE, f.API)) & leaf(events, "metadata.product").isin(sorted(OWNED))
    passed = (kind == f.RDP) & leaf(events, "metadata.event_code").isin(CODES)
    return one_of(kind, [*f.ARRIVALS, *f.DEEDS]) | carried | passed | _replicates(events)


def _replicates(events: ir.Table) -> Any:  # noqa: ANN401  # an Ibis predicate has no public type
    """The directory asked for all objects' changes with their passwords, as domain controllers ask one another."""
    rights = leaf(events, "src_properties").fill_null("").lower()
    asked = (leaf(events, "class_uid") == 0) & (leaf(events, "metadata.event_code") == REPLICATED)
    return asked & ibis.or_(*(rights.contains(right) for right in _SECRETS))


def _is_departure(events: ir.Table) -> Any:  # noqa: ANN401  # an Ibis predicate has no public type
    """Connections to others, of hosts that tell so."""
    port = leaf(events, "dst_endpoint.port")
    return (
        (leaf(events, "class_uid") == f.NETWORK)
        & leaf(events, "device.hostname").notnull()
        & (leaf(events, "connection_info.direction_id") == OUTBOUND)
        & (port.isin(sorted(PORTS)) | (port >= DYNAMIC))
    )


def arrivals_from(days: Days, question: str, addresses: Mapping[int, Collection[Key]]) -> list[Fact]:
    """Logons, tunnels and tickets from these addresses, each on its days."""

    def ask(events: ir.Table) -> ir.Table:
        return events.filter(leaf(events, "class_uid").isin(list(f.ARRIVALS)) & is_no_cloud(events))

    return days.facts(days.near(question, addresses, ("src_endpoint.ip",), ask))


def usage_of(days: Days, names: Iterable[str]) -> list[Usage]:
    """Sessions of these accounts with the first and last time they were seen in use, whatever they did."""
    wanted = set(names) - NOBODY
    if not wanted:
        return []
    found: dict[tuple[str, str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in days.of_names("usage", wanted, _usage).to_pylist():
        domain = days.domains.named(row["domain"])
        found[row["host"], row["session"], row["name"], domain].append(row)
    out = []
    for (host, session, name, domain), rows in found.items():
        if session in WELL_KNOWN_SESSIONS:
            continue
        places = {row[end] for row in rows for end in ("low", "high") if row[end] is not None}
        place = places.pop() if len(places) == 1 else ""
        first, last = min(row["first"] for row in rows), max(row["last"] for row in rows)
        reference = _reference(min(row["reference"] for row in rows))
        address = "" if is_local(place) else place
        out.append(Usage(host, session, Account(domain, name), first, last, reference, address))
    return sorted(
        out, key=lambda usage: (usage.first, usage.reference, usage.host, usage.session, usage.account)
    )


def _usage(events: ir.Table, names: list[str]) -> ir.Table:
    who = {role: lowered(events, f"{role}.name") for role in ("user", "actor.user")}
    theirs = events.filter(among(who["user"], names) | among(who["actor.user"], names))
    parts = []
    for role, session in (("actor.user", "actor.session.uid"), ("user", "session.uid")):
        # the first filter finds the rows, once for both roles; here the few that are left are told apart
        chosen = theirs.filter(
            among(lowered(theirs, f"{role}.name"), names)
            & leaf(theirs, session).fill_null("").startswith("0x")
        )
        parts.append(
            chosen.select(
                date=chosen.date,
                host=leaf(chosen, "device.hostname").fill_null(""),
                session=leaf(chosen, session),
                name=leaf(chosen, f"{role}.name"),
                domain=leaf(chosen, f"{role}.domain").fill_null(""),
                at=chosen["at"],
                address=ibis.ifelse(chosen.class_uid == f.SMB, leaf(chosen, "src_endpoint.ip"), None),
                id=chosen.id,
                segment=chosen.segment,
                record=chosen.record,
            )
        )
    rows = ibis.union(*parts, distinct=False)
    stamp = ibis.literal("|").join(
        [rows["at"].cast("string").lpad(20, "0"), rows.id, rows.segment, rows.record.cast("string")]
    )
    return rows.group_by(["date", "host", "session", "name", "domain"]).agg(
        first=rows["at"].min(),
        last=rows["at"].max(),
        reference=stamp.min(),
        low=rows.address.min(),
        high=rows.address.max(),
    )


def _reference(stamp: str) -> tuple[str, str, int]:
    _, id_, segment, record = stamp.split("|")
    return id_, segment, int(record)


def flows_of(days: Days, ends: Mapping[int, Collection[Key]]) -> list[Fact]:
    """Connections from one of these (address, port) of their day, as hosts and network sensors saw them."""

    def ask(events: ir.Table) -> ir.Table:
        return events.filter(leaf(events, "class_uid").isin([f.NETWORK, f.RDP, f.SSH]))

    return days.facts(days.near("flows", ends, ENDS, ask, f.flow_columns))


def arrivals_by_port(days: Days, question: str, ends: Mapping[int, Collection[Key]]) -> list[Fact]:
    """Logons from one of these (address, source port) of their day."""

    def ask(events: ir.Table) -> ir.Table:
        return events.filter(leaf(events, "class_uid").isin(list(f.ARRIVALS)) & is_no_cloud(events))

    return days.facts(days.near(question, ends, ENDS, ask))


def opened_by(
    processes: Iterable[str], deeds: Iterable[Fact], hosts: HostNames
) -> dict[tuple[str, str], tuple[str, str]]:
    """Session and command line of each of these processes, by (canonical host, process)."""
    wanted = set(processes) - {""}
    return {
        (hosts.canonical(fact.host), fact.process): (fact.session or fact.actor_session, fact.cmd_line)
        for fact in deeds
        if fact.class_uid == f.PROCESS and fact.activity == 1 and fact.process in wanted
    }


def sensor_arrivals(days: Days, question: str, addresses: Mapping[int, Collection[Key]]) -> list[Fact]:
    """What network sensors saw of somebody let in from these addresses on their days: remote desktop, SSH, shares, remote calls and
    remote management. A connection alone is no arrival: anybody may knock."""
    return days.facts(days.near(question, addresses, ("src_endpoint.ip",), _sensed, f.flow_columns))


def _sensed(events: ir.Table) -> ir.Table:
    kind = leaf(events, "class_uid")
    managed = (kind == f.HTTP) & leaf(events, "dst_endpoint.port").isin(WINRM)
    called = leaf(events, "metadata.log_name") == "dce_rpc"
    return events.filter(
        (kind.isin([f.RDP, f.SSH, f.SMB]) | managed | called)
        & (leaf(events, "metadata.product") == "Zeek")  # a host's own 1149 is no sensor's word, and no logon
        & (leaf(events, "status_id").fill_null(0) != FAILURE)
    )


def system_processes(days: Days, places: Mapping[int, Collection[Key]]) -> list[Fact]:
    """Processes that ran as the system on these hosts (by `agents.label_of`) on their days: what services, tasks and agents start
    is among them."""

    def ask(events: ir.Table) -> ir.Table:
        session = leaf(events, "session.uid").fill_null("0x3e7")
        chosen = events.filter(
            (leaf(events, "class_uid") == f.PROCESS)
            & (leaf(events, "activity_id") == 1)
            & session.isin(sorted(WELL_KNOWN_SESSIONS - {"", "-"}))
        )
        return chosen.mutate(label=label_of(chosen))

    return days.facts(days.near("system processes", places, ("label",), ask))
