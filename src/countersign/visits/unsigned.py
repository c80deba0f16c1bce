"""Deeds that their records sign with no account, or with a number alone: services made and turned on and off (7045, 7036), script
blocks (4103, 4104), commands and files of a remote-support tool's client (ScreenConnect in Windows' Application channel)."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from countersign.visits import facts as f
from countersign.visits.asking import Days
from countersign.visits.attended import LATELY
from countersign.visits.facts import Fact, among, leaf, lowered, one_of
from countersign.visits.holders import Holders, sids_of
from countersign.visits.sessions import SECOND, SLACK
from countersign.visits.trees import Node
from countersign.visits.words import SHOWN, base

TURNED_WITHIN = 180 * SECOND
"""Between a command that names a service and the service manager's word that it is stopped or running: stopping takes time."""
TURNED_SOON = 10 * SECOND
"""The same of a command that turns services, but names this one otherwise: 7036 has the name that people see."""
LOOKED_AT = 500
"""Commands that are looked at, of all that were given just then."""
_TURNERS = frozenset({"sc", "net", "net1", "powershell", "pwsh", "taskkill", "wmic"})
_TURNS = ("stop", "start", "pause", "continue", "delete", "taskkill")
SUPPORT = "screenconnect"
STOPPED = frozenset({"stopped", "beendet", "arrêté", "arrestato", "detenido"})
"""The word of 7036 in the languages of Windows that we know; in others only commands tell whose it was."""
_LOGS = {f.API: "application", f.FILE: "application"}
CODES = ("7045", "7036", "4103", "4104", "0", "1", "200", "201")
"""Of the service manager, PowerShell, and ScreenConnect's client."""
_COLUMNS = (
    *("activity_id", "status_id", "metadata.product", "metadata.log_name", "metadata.event_code"),
    *("device.hostname", "process.pid", "service.path", "api.operation"),
)


def label(host: str) -> str:
    """The first part of a host's name, casefolded: what hosts are asked by."""
    return host.partition(".")[0].casefold()


def unsigned(days: Days, nodes: Iterable[Node]) -> list[Fact]:
    """What was told so on the hosts of `nodes`; of script blocks those of an account, or a process, that may be theirs."""
    nodes = list(nodes)
    labels = {label(node.arrival.host) for node in nodes if node.arrival.host}
    if not labels:
        return []
    rows = days.of_names("unsigned", labels, _unsigned)
    sids = {sid for node in nodes for sid in sids_of(node)}
    deeds = [fact for node in nodes for fact in node.deeds.values() if fact.class_uid == f.PROCESS]
    ours = pc.or_(
        pc.or_(
            pc.not_equal(rows.column("class_uid"), f.SCRIPT),
            pc.fill_null(
                pc.is_in(rows.column("user.uid"), value_set=pa.array(sorted(sids), pa.string())), False
            ),
        ),
        pc.fill_null(
            pc.is_in(
                rows.column("process.pid"),
                value_set=pa.array(sorted({fact.pid for fact in deeds} - {0}), pa.int64()),
            ),
            False,
        ),
    )
    found = days.facts([rows.filter(ours)])
    return [fact for fact in found if fact.log == _LOGS.get(fact.class_uid, fact.log)]


def _unsigned(events: ir.Table, labels: list[str]) -> ir.Table:
    kind: Any = leaf(events, "class_uid")
    chosen = events.filter(
        one_of(kind, (0, f.SERVICE, f.SCRIPT, f.API, f.FILE))
        & leaf(events, "metadata.event_code").isin(CODES)
        & among(lowered(events, "device.hostname").split(".")[0], labels)
    )
    turned = leaf(chosen, "metadata.event_code") == "7036"
    text: Any = ibis.coalesce(
        leaf(chosen, "src_scriptblocktext"), leaf(chosen, "src_payload"), leaf(chosen, "message")
    )
    # few columns: the engine plans a wide selection longer than it reads it
    return chosen.select(
        *("id", "segment", "record", "origin", "at", "date", *_COLUMNS),
        class_uid=ibis.ifelse(turned, f.SERVICE, chosen.class_uid).cast(chosen.class_uid.type()),
        message=ibis.ifelse(turned, leaf(chosen, "src_param2"), text.substr(0, SHOWN + 1)),
        **{
            "service.name": ibis.coalesce(leaf(chosen, "service.name"), leaf(chosen, "src_param1")),
            "user.uid": ibis.coalesce(leaf(chosen, "user.uid"), leaf(chosen, "actor.user.uid")),
            "file.path": ibis.coalesce(leaf(chosen, "file.path"), leaf(chosen, "file.name")),
        },
    )


def scripter(fact: Fact, holders: Holders) -> Node | None:
    """The hop whose process ran a script block, else the one hop there of the account that it ran as."""
    host = holders.hosts.canonical(fact.host)
    found = holders.of_process(host, "", fact.pid, fact.time)
    if found is not None and not _is_anothers(fact.sid, found):
        return found
    return holders.of_sid(host, fact.sid, fact.time) if fact.sid else None


def _is_anothers(sid: str, node: Node) -> bool:
    """Whether a process was run by another account than the hop's: its number was given out again."""
    known = sids_of(node) if sid.startswith("S-1-5-21-") else set()
    return bool(known) and sid not in known


class Turned:
    """Services that were turned on or off (7036), and whether a host does so by itself. `others` says when others logged on at
    the screens of hosts."""

    def __init__(self, found: Iterable[Fact], holders: Holders, others: Mapping[str, list[int]]) -> None:
        self._holders, self._others = holders, others
        self._turners = _turners_of(holders)
        self._by_itself = {
            (host, fact.service)
            for fact in found
            if fact.code == "7036"
            and not holders.at_work(host := holders.hosts.canonical(fact.host), fact.time)
        }

    def by(self, fact: Fact) -> Node | None:
        """The hop in which a service was turned: by a command; of one that stopped else that of who alone was at work there, where
        it does not stop with nobody there."""
        host = self._holders.hosts.canonical(fact.host)
        found = turner(fact, self._turners.get(host, []))
        if (
            found is not None
            or fact.message.casefold() not in STOPPED
            or (host, fact.service) in self._by_itself
        ):
            return found
        there, known = self._holders.at_work(host, fact.time), self._others.get(host, [])
        lately = bisect.bisect_right(known, fact.time) > bisect.bisect_left(known, fact.time - LATELY)
        return there[0] if len(there) == 1 and not lately else None


Turner = tuple[Fact, Node]
"""A command that turns services, or the service manager's pipe, and the hop that did it."""


def _turners_of(holders: Holders) -> dict[str, list[Turner]]:
    """By host, in order of time."""
    out: dict[str, list[Turner]] = defaultdict(list)
    for node in holders.nodes:
        for deed in node.deeds.values():
            if (_turns(deed) or _is_pipe(deed)) and holders.hosts.canonical(deed.host) == node.arrival.host:
                out[node.arrival.host].append((deed, node))
    for known in out.values():
        known.sort(key=lambda one: (one[0].order, one[1].arrival.id))
    return out


def turner(fact: Fact, known: list[Turner]) -> Node | None:
    """The only hop in which a command had just turned the service of a 7036, or held the service manager's pipe."""
    first = bisect.bisect_left(known, fact.time - TURNED_WITHIN, key=lambda one: one[0].time)
    last = bisect.bisect_right(known, fact.time + SLACK, key=lambda one: one[0].time)
    near = known[max(first, last - LOOKED_AT) : last]
    for told in (_commanded, _turned_some, _held_pipe):
        found = {
            node.arrival.id: node
            for deed, node in near
            if told(deed, fact) and node.arrival.open_at(fact.time)
        }
        if found:
            return next(iter(found.values())) if len(found) == 1 else None
    return None


def _commanded(deed: Fact, fact: Fact) -> bool:
    name = fact.service.casefold()
    return (
        bool(name)
        and _turns(deed)
        and name in deed.cmd_line.casefold()
        and _follows(deed, fact, TURNED_WITHIN)
    )


def _turned_some(deed: Fact, fact: Fact) -> bool:
    return _turns(deed) and _follows(deed, fact, TURNED_SOON)


def _held_pipe(deed: Fact, fact: Fact) -> bool:
    return _is_pipe(deed) and _follows(deed, fact, TURNED_SOON)


def _is_pipe(deed: Fact) -> bool:
    return deed.class_uid == f.SMB and deed.file.casefold() == "svcctl"


def _turns(deed: Fact) -> bool:
    """Whether a process turns services on or off."""
    if deed.class_uid != f.PROCESS or base(deed.path).removesuffix(".exe") not in _TURNERS:
        return False
    command = deed.cmd_line.casefold()
    return any(word in command for word in _TURNS)


def _follows(deed: Fact, fact: Fact, within: int) -> bool:
    return -SLACK <= fact.time - deed.time <= within


def supporter(fact: Fact, nodes: Iterable[Node]) -> Node | None:
    """The one visit by remote support during which its client said that it ran a command or took files."""
    open_then = [
        node
        for node in nodes
        if node.arrival.open_at(fact.time)
        and any(session.protocol == SUPPORT for session in node.arrival.sessions)
    ]
    return open_then[0] if len(open_then) == 1 else None
