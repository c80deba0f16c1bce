"""Sessions that a product keys itself: tunnels, SSH, bastions, remote support. One key, from its opening to its end.

Who came and where to is said in one of three ways: a gateway or a host is itself where one arrives; a bastion's record of a
target names the person as the actor, the account lent to them as the user, and the target; a remote-support tool names the
visitor as the user and, at best, the machine.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from countersign.visits import facts as f
from countersign.visits.asking import Days
from countersign.visits.bastions import LOGIN_SILENCE, logins
from countersign.visits.facts import Fact
from countersign.visits.names import WELL_KNOWN_SESSIONS, Account, AddressBook, HostNames
from countersign.visits.rdgateways import connections, end_logins
from countersign.visits.sessions import SECOND, SLACK, Session
from countersign.visits.shells import rejoined

FAILED, OPENED, CLOSED = 2, 1, 2
"""OCSF `status_id` of a failure; `activity_id` of an opening and of a logoff or closed tunnel."""
LONGEST_SILENCE = 24 * 3600 * SECOND
"""A tunnel of which nothing was heard for a day, and that opens again, is a new one."""
TWINS = 120 * SECOND
"""Two records of one tunnel's beginning are no further apart than this."""
GATEWAYS = frozenset(
    {
        "Access Server",
        "Check Point",
        "Cisco ASA",
        "Cisco FTD",
        "Connect Secure",
        "FortiGate",
        "NetScaler",
        "Network Policy Server",
        "OpenVPN",
        "PAN-OS",
        "SonicOS",
        "WireGuard",
        "pfSense/OPNsense",
        "strongSwan",
    }
)
BASTIONS = frozenset(
    {"Bastion", "Guacamole", "Privileged Remote Access", "Secret Server", "Teleport", "Vault"}
)
REMOTE = {
    "AnyDesk": "anydesk",
    "NinjaOne": "ninjaone",
    "ScreenConnect": "screenconnect",
    "SimpleHelp": "simplehelp",
    "Take Control": "takecontrol",
    "TeamViewer": "teamviewer",
    "VSA": "kaseya",
}
"""`metadata.product` of remote-support tools and the protocol word of each."""
REMOTE_KEYS = {"kaseya:": "kaseya", "takecontrol:": "takecontrol"}
"""How session keys of remote-support tools begin whose agents write into another product's log (Windows' Application channel)."""
OWNED = frozenset({*BASTIONS, *REMOTE})
"""Products whose session ids are the product's own, and so one session each wherever they are named."""
_TARGET_PROTOCOLS = {"rdp": "rdp", "tdp": "rdp", "ssh": "ssh", "psmp": "ssh", "winrm": "winrm", "vnc": "vnc"}
_LABELLED = re.compile(r"(.*\S) ?\(([A-Za-z0-9]+)\)")
"""How Guacamole writes a connection: its name, and its protocol in brackets."""


@dataclass(frozen=True, slots=True)
class _Where:
    """To which session a fact belongs: its kind, host and key, and by what protocol one arrives."""

    kind: str
    host: str
    key: str
    protocol: str


def keyed_sessions(found: Iterable[Fact], hosts: HostNames) -> list[Session]:
    """Sessions opened by a success (activity 1), closed by activity 2 with the same key or after their duration."""
    grouped: dict[_Where, list[Fact]] = defaultdict(list)
    facts = sorted(found, key=lambda fact: fact.order)
    ports: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for fact in facts:
        if fact.session.startswith("sshd:") and fact.src_ip and fact.src_port:
            connection = f"ssh:{fact.src_ip}:{fact.src_port}"
            ports[hosts.canonical(fact.host), fact.session].append((fact.time, connection))
    for fact in facts:
        where = _where(fact, hosts)
        if where is None:
            continue
        # the child that serves an SSH session has a process id of its own; address and port are the connection's
        known = ports.get((where.host, where.key), ())
        key = next((name for time, name in reversed(known) if time <= fact.time + SLACK), where.key)
        grouped[_Where(where.kind, where.host, key, where.protocol if where.kind != "target" else "")].append(
            fact
        )
    out: list[Session] = []
    for where, group in grouped.items():
        out.extend(_session(where, run, hosts) for run in _runs(where.kind, group) if _came_in(run))
    out = [*rejoined(_one_tunnel(out)), *connections(facts, hosts)]
    out.extend(logins(out))
    end_logins(out)
    return out


def nameless(days: Days, found: Iterable[Fact]) -> list[Fact]:
    """Records of the same sessions as `found` that name nobody: what a product writes when a visit ends, often."""
    keys = {
        fact.session
        for fact in found
        if fact.session and (fact.product in OWNED | GATEWAYS | {"utmp"} or _by_key(fact.session))
    }
    if not keys:
        return []

    def ask(events: ir.Table) -> ir.Table:
        return f.columns_of(
            events.filter(
                f.leaf(events, "class_uid").isin([f.AUTHENTICATION, f.TUNNEL])
                & ~f.leaf(events, "session.uid").fill_null("0x").startswith("0x")  # no product's own
                & (f.lowered(events, "user.name") == "")
                & (f.lowered(events, "actor.user.name") == "")
            )
        )

    rows = days.of_all("nameless", ask)
    return days.facts([rows.filter(pc.is_in(rows.column("session.uid"), value_set=pa.array(sorted(keys))))])


def known_by_name(sessions: Iterable[Session], book: AddressBook) -> None:
    """Targets that a bastion knows by address become hosts; the bastion's own addresses are noted, for by them the target
    host knows it."""
    for session in sessions:
        if session.kind == "target":
            if session.host == session.target_ip:
                session.host = book.host(session.target_ip, session.begun) or session.host
            session.via = book.addresses(session.gateway)


def _one_tunnel(sessions: list[Session]) -> list[Session]:
    """A tunnel of which two records have two keys, or of which the gateway and its RADIUS server tell, is one."""
    out: list[Session] = []
    kept: dict[str, list[Session]] = defaultdict(list)
    for session in sorted(sessions, key=lambda s: (s.kind != "vpn", s.begun, _accounted(s), s.host, s.key)):
        of = kept[session.account.key[1]] if session.kind == "vpn" else []
        twin = next((other for other in of if _twins(other, session)), None)
        if twin is None:
            out.append(session)
            of.append(session)
        else:
            _absorb(twin, session)
    return out


def _accounted(session: Session) -> bool:
    return all(fact.product == "Network Policy Server" for fact in session.facts)


def _twins(one: Session, other: Session) -> bool:
    if not one.account.same_as(other.account) or abs(one.begun - other.begun) > TWINS:
        return False
    if one.source_ip and other.source_ip and one.source_ip != other.source_ip:
        return False
    if _accounted(one) != _accounted(other):
        return not one.leases or not other.leases or bool(one.leases & other.leases)
    return (
        one.host == other.host
        and bool(one.key)
        and one.key != other.key
        and not (one.leases and other.leases)
    )


def _absorb(one: Session, other: Session) -> None:
    if _accounted(one) and not _accounted(other):
        one.host = one.gateway = other.host
        one.key = other.key
    one.facts = sorted([*one.facts, *other.facts], key=lambda fact: fact.order)
    one.leases |= other.leases
    one.ports |= other.ports
    one.source_ip = one.source_ip or other.source_ip
    one.mfa = other.mfa if one.mfa is None else one.mfa
    one.end = other.end if one.end is None else one.end
    one.last = max(one.last, other.last)


def is_lent(fact: Fact) -> bool:
    """Whether a bastion lent the account `fact.user` to the person `fact.actor`."""
    return fact.product in BASTIONS and _is_target(fact) and bool(fact.actor.name and fact.user.name)


def _is_target(fact: Fact) -> bool:
    return fact.class_uid == f.AUTHENTICATION and bool(
        fact.dst_host or fact.dst_ip or fact.dst_name or (fact.dst_uid and fact.session)
    )


def _where(fact: Fact, hosts: HostNames) -> _Where | None:
    if fact.class_uid not in {f.AUTHENTICATION, f.TUNNEL}:
        return None
    host = hosts.canonical(fact.host) or fact.host_ip
    key = "" if fact.session in WELL_KNOWN_SESSIONS or fact.session == "0" else fact.session
    if key.startswith("sshd:"):
        return _Where("ssh", host, key, "ssh")
    if fact.product in BASTIONS:
        return _bastion(fact, host, key, hosts)
    protocol = REMOTE.get(fact.product) or _by_key(key)
    if protocol:
        return _remote(fact, host, key, hosts, protocol)
    return _gateway(fact, host, key)


def _gateway(fact: Fact, host: str, key: str) -> _Where | None:
    if fact.class_uid == f.TUNNEL:
        who = fact.credential or (fact.user.text if fact.user.name else fact.src_ip)
        named = key or (f"user:{who}" if who else "")
        return _Where("vpn", host, named, "vpn") if named else None
    if not key or fact.product not in GATEWAYS:
        return _Where("vpn", host, key, "vpn") if key.startswith(("asa:", "openvpn:")) else None
    if ":" not in key or (fact.product == "PAN-OS" and not _is_portal(fact)):
        return _Where("appliance", host, key, "network")
    return _Where("vpn", host, key, "vpn")


def _is_portal(fact: Fact) -> bool:
    return "globalprotect" in (fact.log + fact.code).casefold()


def _bastion(fact: Fact, host: str, key: str, hosts: HostNames) -> _Where | None:
    if not _is_target(fact):
        who = fact.user if fact.user.name else fact.actor
        named = key or f"login:{who.key[1]}|{fact.src_ip}"
        return _Where("bastion", host, named, "bastion") if who.name else None
    target, _ = _target(fact, hosts)
    person = fact.actor if fact.actor.name else fact.user
    # the product's id is one session's wherever it is named; the records of its end may tell less of the target
    named = key or f"{person.key[1]}|{target}|{fact.id}"
    return _Where("target", "" if key else target, named, "")


def _remote(fact: Fact, host: str, key: str, hosts: HostNames, protocol: str) -> _Where:
    place = host or hosts.canonical(fact.dst_name) or fact.dst_uid or fact.origin or f"({fact.product})"
    return _Where("remote", place, key or fact.id, protocol)


def _by_key(key: str) -> str:
    return next((word for start, word in REMOTE_KEYS.items() if key.startswith(start)), "")


def _target(fact: Fact, hosts: HostNames) -> tuple[str, str]:
    """Host (or address) and protocol that a bastion's record names."""
    name, protocol = fact.dst_host or fact.dst_name, fact.auth or fact.service_name
    labelled = _LABELLED.fullmatch(name) if not fact.dst_host else None
    if labelled:
        name, protocol = labelled[1], labelled[2]
    return hosts.canonical(name) or fact.dst_ip or fact.dst_uid, _TARGET_PROTOCOLS.get(
        protocol.casefold(), ""
    )


def _in_turn(fact: Fact) -> tuple[int, bool, str]:
    """Sorts the records of one key. Many a gateway writes whole seconds: what it says in the second of an opening is of what opens then, not of
    the session before."""
    return fact.time, fact.activity not in {OPENED, CLOSED}, fact.id


def _runs(kind: str, group: list[Fact]) -> list[list[Fact]]:
    runs: list[list[Fact]] = []
    for fact in sorted(group, key=_in_turn):
        opens = fact.activity == OPENED and fact.status != FAILED
        if not runs or (opens and _begins(kind, fact, runs[-1])):
            runs.append([])
        runs[-1].append(fact)
    return runs


ONCE = frozenset({"113039", "722051"})
"""Cisco ASA writes these once a session, at its begin: its key is user and address, which the next session has again."""
ONCE_WITHIN = 60 * SECOND


def _begins(kind: str, fact: Fact, run: list[Fact]) -> bool:
    """Whether an opening is another session's than `run`: a client chooses its own port, a lease comes again, so an
    equal key alone does not make two arrivals one."""
    if kind == "target":
        return False
    if any(item.activity == CLOSED for item in run):
        return True
    opened = [item for item in run if item.activity == OPENED and item.status != FAILED]
    if not opened:
        return False
    if fact.code in ONCE and fact.time - opened[0].time > ONCE_WITHIN:
        return True
    if kind == "ssh":
        # one connection is accepted once, by one process, which PAM's word of it then names too
        same = fact.session == opened[0].session and fact.user.same_as(opened[0].user)
        return not same or (fact.src_ip != "" and fact.time - opened[0].time > SLACK)
    leases = {item.lease for item in opened if item.lease}
    # who logs in to a bastion anew has a session anew
    known = LOGIN_SILENCE if kind != "bastion" or fact.session else TWINS
    silence = LONGEST_SILENCE if kind == "vpn" else known
    return bool(fact.lease and leases and fact.lease not in leases) or fact.time - run[-1].time > silence


def _came_in(run: list[Fact]) -> bool:
    """Whether somebody came in at all: a client that was refused is closed as well."""
    if any(fact.activity == OPENED and fact.status != FAILED for fact in run):
        return True
    if any(fact.status == FAILED for fact in run):
        return False
    # a tunnel that is only seen at work (WireGuard's handshakes) is open as well
    return any(fact.activity == CLOSED or fact.product == "WireGuard" for fact in run)


def _session(where: _Where, run: list[Fact], hosts: HostNames) -> Session:
    opened = [fact for fact in run if fact.activity == OPENED and fact.status != FAILED]
    closed = [fact for fact in run if fact.activity == CLOSED]
    lead = opened[0] if opened else run[0]
    start = opened[0].time if opened else None
    if start is None and closed and closed[-1].duration:
        start = closed[-1].time - closed[-1].duration * 1000
    end = closed[-1].time if closed else None
    if end is None and opened and where.kind in {"target", "remote"}:
        # history and reports write one record of a session, with its length
        end = next((fact.time + fact.duration * 1000 for fact in opened if fact.duration), None)
    session = Session(
        kind=where.kind,
        host=where.host,
        key=f"{where.key}|{lead.id}" if where.key.startswith("login:") else where.key,
        account=next((fact.user for fact in [*opened, *run] if fact.user.name), lead.user),
        start=start,
        first=run[0].time if start is None else min(start, run[0].time),
        last=max(run[-1].time, end or 0),
        end=end,
        source_ip=next((fact.src_ip for fact in [*opened, *run] if fact.src_ip), ""),
        ports={fact.src_port for fact in opened if fact.src_port},
        protocol=where.protocol,
        mfa=next((fact.mfa for fact in run if fact.mfa is not None), None),
        leases={fact.lease for fact in run if fact.lease},
        gateway=where.host if where.kind == "vpn" else "",
        facts=run,
        anchor=lead.id,
    )
    if where.kind in {"bastion", "appliance"} and not session.account.name:
        session.account = lead.actor
    if where.kind == "ssh":
        session.uid = next((fact.credential for fact in run if fact.credential), "")
    if not session.account.name and lead.credential:
        session.account = Account("", lead.credential)
    if where.kind == "remote" and not session.account.name:
        session.account = Account("", next((fact.sid for fact in run if fact.sid), ""))
    return _lent(session, run, hosts) if where.kind == "target" else session


def _lent(session: Session, run: list[Fact], hosts: HostNames) -> Session:
    """What a bastion says of a target: it is entered from the bastion, with an account lent to the person."""
    named = (
        [fact for fact in run if fact.dst_host or fact.dst_name]
        or [fact for fact in run if fact.dst_ip]
        or run
    )
    session.host, protocol = _target(named[0], hosts)
    session.target_ip = next((fact.dst_ip for fact in run if fact.dst_ip), "")
    session.protocol = (
        next((word for fact in run if (word := _target(fact, hosts)[1])), protocol) or "bastion"
    )
    session.gateway = next((hosts.canonical(fact.host) for fact in run if fact.host), run[0].product)
    session.person = next((fact.actor for fact in run if fact.actor.name), session.account)
    session.came_from, session.source_ip = session.source_ip, ""
    session.source_host = session.gateway
    session.ports = set()
    return session
