"""What was done in each hop: deeds join their session by its key; what a service or task started joins through it."""

from __future__ import annotations

import ntpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from countersign.visits import facts as f
from countersign.visits import reading
from countersign.visits.agents import MARK, PROGRAMS
from countersign.visits.asking import Days, Key, dates
from countersign.visits.attended import others_at
from countersign.visits.becoming import PASSING
from countersign.visits.clocks import Clock
from countersign.visits.command_lines import ROOT
from countersign.visits.facts import Fact
from countersign.visits.files import hang_files
from countersign.visits.holders import Holders, latest
from countersign.visits.merge import NETWORK
from countersign.visits.names import WELL_KNOWN_SESSIONS, Account, AddressBook, HostNames
from countersign.visits.outflow import desks, hang_left
from countersign.visits.sessions import SECOND, SLACK
from countersign.visits.spans import Spans
from countersign.visits.trees import Node
from countersign.visits.unix import AUDIT, audit_key, place, terminal
from countersign.visits.unsigned import Turned, label, scripter, supporter, unsigned
from countersign.visits.words import base

START_WITHIN = 600 * SECOND
"""A service or task made in a hop starts its program within this time, or it is not told apart any more."""
INSTALL_WITHIN = 30 * SECOND
"""Between the call that makes a service (4697, the svcctl pipe) and 7045's word of it."""
LOOKED_AT = 50
"""Hops that are looked at, of all of an account that are open on a host."""
DEPTH = 6
"""Generations of processes followed below a service or task."""
_CHANGES = frozenset({f.ACCOUNT_CHANGE, f.GROUP})
_PIPES = {"svcctl": "scm", "atsvc": "task", "winreg": "registry"}
_HOSTING = {"wmiprvse.exe": "wmi", "wsmprovhost.exe": "winrm", "psexesvc.exe": "scm"}
_AUTOMATED = frozenset(
    {"mmc.exe", "excel.exe", "winword.exe", "powerpnt.exe", "outlook.exe", "visio.exe", "msaccess.exe"}
)
"""Programs with objects that can be made from afar (ATT&CK T1021.003), where the command line is not logged."""


@dataclass(frozen=True, slots=True)
class DeedScene:
    """What hanging deeds needs to know of the estate: `names` are providers' accounts, `left` connections out of the estate."""

    hosts: HostNames
    names: Iterable[str]
    book: AddressBook
    clock: Clock
    left: Iterable[Fact]


def attach(days: Days, nodes: list[Node], deeds: Iterable[Fact], scene: DeedScene) -> None:
    """Hangs every one of `deeds`, and what the events tell beside, on its hop; notes what tells the hop's protocol."""
    if not nodes:
        return
    hosts = scene.hosts
    holders: dict[tuple[str, str], list[Node]] = defaultdict(list)
    for node in nodes:
        for key in node.arrival.session_keys():
            holders[key].append(node)
    by_account = Holders(nodes, hosts)
    inside = _changed(nodes)
    for fact in deeds:
        holder = _holder(fact, holders, hosts) or _by_account(fact, by_account)
        if holder is not None and fact.product == "auditd":
            holder = _as_whom(fact, holder, inside)
        if holder is not None:
            _take(holder, fact)
    _beside(days, nodes, scene)
    _name(nodes)


def _beside(days: Days, nodes: list[Node], scene: DeedScene) -> None:
    """What was done and is told by no record of an account's session."""
    rest = unsigned(days, nodes)
    _system(days, nodes, rest, scene.hosts)
    holders = Holders(nodes, scene.hosts)
    holders.note_processes()
    there = others_at(days, scene.names, desks(nodes), scene.hosts)
    _unsigned(rest, holders, there)
    hang_files(days, scene.names, holders)
    hang_left(scene.left, holders, scene.book, scene.clock, there)


def _unsigned(rest: list[Fact], holders: Holders, others: Mapping[str, list[int]]) -> None:
    """Hangs script blocks, services turned on and off, and what a remote-support tool's client did."""
    turned = Turned(rest, holders, others)
    for fact in sorted(rest, key=lambda fact: fact.order):
        here = holders.by_host.get(holders.hosts.canonical(fact.host), [])
        if fact.class_uid == f.SCRIPT:
            node = scripter(fact, holders)
        elif fact.class_uid == f.SERVICE:
            node = turned.by(fact) if fact.code == "7036" else None
        else:
            node = supporter(fact, here)
        if node is not None:
            node.deeds[fact.id] = fact


def _name(nodes: list[Node]) -> None:
    """Account changes that give a number alone get the name that other records of the same account give."""
    names: dict[str, Account] = {}
    changes = [fact for node in nodes for fact in node.deeds.values() if fact.class_uid in _CHANGES]
    told = [*changes, *(fact for node in nodes for s in node.arrival.sessions for fact in s.facts)]
    for fact in sorted(told, key=lambda fact: fact.order):
        if fact.sid.startswith("S-1-5-21-") and fact.user.name not in {"", "-"} and "=" not in fact.user.name:
            names.setdefault(fact.sid, fact.user)
    for node in nodes:
        for id_, fact in node.deeds.items():
            if fact.class_uid in _CHANGES and fact.sid in names:
                node.deeds[id_] = replace(fact, user=names[fact.sid])


def _holder(fact: Fact, holders: dict[tuple[str, str], list[Node]], hosts: HostNames) -> Node | None:
    host = place(fact, hosts)
    for key in (fact.session, fact.actor_session):
        if key and key not in WELL_KNOWN_SESSIONS and not key.startswith(PASSING):
            known = holders.get((host, key)) or holders.get(("", key)) or []
            if key.startswith(AUDIT):
                known = [node for node in known if not _is_given_out(node, key, fact.time)]
            found = latest(known, fact.time)
            if found is not None:
                return found
    return None


def _is_given_out(node: Node, key: str, at: int) -> bool:
    """Whether the number of an audit session was another's by then: its host was started in between."""
    cuts = [session.cut for session in node.arrival.sessions if key in {session.key, *session.aliases}]
    return bool(cuts) and all(cut is not None and cut <= at for cut in cuts)


def _by_account(fact: Fact, holders: Holders) -> Node | None:
    """Deeds whose source names no session (sudo): the one open hop of that account on that host, of several the latest at that terminal."""
    keys = {fact.session, fact.actor_session} - {""}
    if any(not key.startswith((*PASSING, AUDIT)) for key in keys):
        return None
    account = fact.actor if fact.actor.name else fact.user
    found = holders.of_accounts(place(fact, holders.hosts), account, fact.time, LOOKED_AT)
    seated = [node for node in found if terminal(fact) in _terminals(node)] if len(found) > 1 else []
    if seated:
        return max(seated, key=lambda node: (node.arrival.begun, node.arrival.id))
    return found[0] if len(found) == 1 else None


def _terminals(node: Node) -> set[str]:
    return {name for session in node.arrival.sessions for name in session.terminals}


def _changed(nodes: Iterable[Node]) -> dict[tuple[str, str], Spans[Node]]:
    """Hops by su and sudo, by host and the key of the audit session that they are in."""
    out: dict[tuple[str, str], list[Node]] = defaultdict(list)
    for node in sorted(nodes, key=lambda node: (node.arrival.begun, node.arrival.id)):
        if node.arrival.lead.within:
            out[node.arrival.host, node.arrival.lead.within].append(node)
    return {place: Spans((*node.arrival.span, node) for node in of) for place, of in out.items()}


def _as_whom(fact: Fact, holder: Node, inside: dict[tuple[str, str], Spans[Node]]) -> Node:
    """The hop, of those in one audit session, as whose account something was done."""
    known = inside.get((holder.arrival.host, audit_key(fact)))
    there = islice(known.latest(fact.time), LOOKED_AT) if known is not None else ()
    return next((node for node in there if _is_by(fact, node)), holder)


def _is_by(fact: Fact, node: Node) -> bool:
    account = node.arrival.account
    if fact.class_uid in {f.ACCOUNT_CHANGE, f.GROUP}:
        return account.key[1] == ROOT  # `user` is who was changed; only root may
    if fact.code == "USER_CMD":
        return False
    if fact.user.name:
        return fact.user.same_as(account)
    told = (one for session in node.arrival.sessions for one in session.facts)
    numbers = {one.sid for one in told if one.sid and one.user.same_as(account)}
    return fact.sid in (numbers | {"0"} if account.key[1] == ROOT else numbers)


def _take(node: Node, fact: Fact) -> None:
    node.deeds[fact.id] = fact
    hint = _hint(fact)
    if hint:
        node.arrival.hints.add(hint)


def _hint(fact: Fact) -> str:
    if fact.class_uid == f.SMB:
        share = fact.share.rsplit("\\", 1)[-1].casefold()
        return _PIPES.get(fact.file.casefold(), "") if share == "ipc$" else "smb"
    if fact.class_uid == f.SERVICE:
        return "scm"
    if fact.class_uid == f.JOB:
        return "task"
    if fact.class_uid == f.PROCESS:
        hosting = _HOSTING.get(base(fact.parent_path), "") or _HOSTING.get(base(fact.path), "")
        return hosting or ("dcom" if _activated(fact) else "")
    return ""


def _activated(fact: Fact) -> bool:
    """Whether a process is an object's server that the service for DCOM (a svchost) started: it gives those `-Embedding`. In the session of a
    network logon nobody but a caller from afar asks for one ([MS-DCOM] 3.1.2.5.2.3; `trees.protocol` holds it to such sessions)."""
    if base(fact.parent_path) != "svchost.exe":
        return False
    return base(fact.path) in _AUTOMATED or "-embedding" in fact.cmd_line.casefold().split()


def _system(days: Days, nodes: list[Node], rest: Iterable[Fact], hosts: HostNames) -> None:
    """Services that were made are among `rest`. Children of services and tasks run as the system, under no session of the visitor's: they join through the
    7045, 4697 or 4698 that made the service or task."""
    _installs(
        [fact for fact in rest if fact.code == "7045"],
        [node for node in nodes if _is_network(node) or "scm" in node.arrival.hints],
        hosts,
    )
    made = [
        (node, fact) for node in nodes for fact in node.deeds.values() if fact.class_uid in {f.SERVICE, f.JOB}
    ]
    tools = [node for node in nodes if _agent_of(node)]
    asked = _makers(made, tools)
    if not asked:
        return
    processes = [fact for fact in reading.system_processes(days, asked) if fact.path]
    by_host: dict[str, list[Fact]] = defaultdict(list)
    by_parent: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in processes:
        by_host[hosts.canonical(fact.host)].append(fact)
        if fact.parent:
            by_parent[hosts.canonical(fact.host), fact.parent].append(fact)
    for node, fact in _by_tools(by_host, tools):
        _descend(node, fact, by_parent, DEPTH)
    for node, maker in sorted(made, key=lambda pair: pair[1].order):
        for fact in by_host[node.arrival.host]:
            if _started_by(fact, maker):
                _descend(node, fact, by_parent, DEPTH)


def _makers(made: Iterable[tuple[Node, Fact]], tools: Iterable[Node]) -> dict[int, set[Key]]:
    """For which hosts to ask each day: all that runs there as the system where a service or task was made, what an agent starts where
    its tool has a session."""
    out: dict[int, set[Key]] = defaultdict(set)
    for node, fact in made:
        host = label(node.arrival.host)
        for day in dates(fact.time - SLACK, fact.time + DEPTH * START_WITHIN):
            out[day] |= {(host,), (MARK + host,)}
    for node in tools:
        for day in dates(node.arrival.begun, node.arrival.last):
            out[day].add((MARK + label(node.arrival.host),))
    return out


def _agent_of(node: Node) -> str:
    return PROGRAMS.get(node.arrival.lead.protocol, "")


def _by_tools(processes: Mapping[str, list[Fact]], tools: Iterable[Node]) -> Iterator[tuple[Node, Fact]]:
    """What the agents of tools started, each with the one session of its tool that was open on the host."""
    by_host: dict[str, list[Node]] = defaultdict(list)
    for node in tools:
        by_host[node.arrival.host].append(node)
    for host, nodes in by_host.items():
        for fact in processes.get(host, ()):
            agent = base(fact.parent_path)
            found = [node for node in nodes if _agent_of(node) == agent and node.arrival.open_at(fact.time)]
            if len(found) == 1:
                yield found[0], fact


def _installs(installs: Iterable[Fact], nodes: list[Node], hosts: HostNames) -> None:
    by_host: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        by_host[node.arrival.host].append(node)
    for fact in installs:
        here = by_host.get(hosts.canonical(fact.host), [])
        near = [node for node in here if _calls(node, fact)] or [
            node for node in here if _just_came(node, fact)
        ]
        if len(near) == 1:
            _take(near[0], fact)


def _calls(node: Node, install: Fact) -> bool:
    """Whether this hop made the service: its own 4697 names it, or it held the service pipe just then."""
    for deed in node.deeds.values():
        if abs(deed.time - install.time) > INSTALL_WITHIN:
            continue
        if deed.class_uid == f.SERVICE:
            if deed.service.casefold() == install.service.casefold():
                return True
        elif deed.class_uid == f.SMB and deed.file.casefold() == "svcctl" and _is_network(node):
            return True
    return False


def _just_came(node: Node, install: Fact) -> bool:
    """Whether this hop came over the network just before: where neither 4697 nor the pipe is logged, the only such
    hop is taken."""
    return _is_network(node) and any(
        -SLACK <= install.time - session.begun <= INSTALL_WITHIN for session in node.arrival.sessions
    )


def _is_network(node: Node) -> bool:
    return any(session.logon_type in NETWORK for session in node.arrival.sessions)


def _started_by(fact: Fact, maker: Fact) -> bool:
    if not maker.time - SLACK <= fact.time <= maker.time + START_WITHIN:
        return False
    manager = "services.exe" if maker.class_uid == f.SERVICE else "svchost.exe"
    if base(fact.parent_path) not in {manager, "taskeng.exe"}:
        return False
    return base(fact.path).removesuffix(".exe") in _programs(maker.service_path or maker.job_path)


def _programs(command: str) -> frozenset[str]:
    """Names, without `.exe`, of whatever a command line may start: its words and the file names in them."""
    spelt = command.casefold().replace("%comspec%", "cmd.exe")
    words = re.split(r"""[\s"'<>=,;]+""", spelt)
    return frozenset(ntpath.basename(word).removesuffix(".exe") for word in words if word)


def _descend(node: Node, fact: Fact, by_parent: dict[tuple[str, str], list[Fact]], depth: int) -> None:
    if fact.id in node.deeds or depth == 0:
        return
    _take(node, fact)
    for child in by_parent.get((node.arrival.host, fact.process), ()) if fact.process else ():
        _descend(node, child, by_parent, depth - 1)
