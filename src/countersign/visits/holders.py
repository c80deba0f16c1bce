"""To which hop a deed belongs: by the session it names, else by its process, else by its account, where that had one hop open there."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice

from countersign.visits import facts as f
from countersign.visits.facts import Fact
from countersign.visits.merge import Arrival
from countersign.visits.names import WELL_KNOWN_SESSIONS, Account, HostNames
from countersign.visits.sessions import NEW_CREDENTIALS, SECOND, SLACK
from countersign.visits.spans import Spans
from countersign.visits.strays import is_at_work
from countersign.visits.trees import Node

LIVES = 24 * 3600 * SECOND
"""A process number is taken to be the same process's for no longer than this: numbers are given out again."""


class Holders:
    """The hops `nodes`, to be found by what a record says of who did something on a host (canonical)."""

    def __init__(self, nodes: Iterable[Node], hosts: HostNames) -> None:
        self.nodes = list(nodes)
        self.hosts = hosts
        self.by_host: dict[str, list[Node]] = defaultdict(list)
        self._sessions: dict[tuple[str, str], list[Node]] = defaultdict(list)
        self._accounts: dict[tuple[str, str], list[Node]] = defaultdict(list)
        self._processes: dict[tuple[str, str], tuple[tuple[int, str], Node]] = {}
        self._numbers: dict[tuple[str, int], list[tuple[tuple[int, str], Node]]] = defaultdict(list)
        for node in self.nodes:
            for key in node.arrival.session_keys():
                self._sessions[key].append(node)
            self._accounts[node.arrival.host, account_on_host(node.arrival).key[1]].append(node)
            self.by_host[node.arrival.host].append(node)
        self._at_work: dict[str, Spans[Node]] = {}
        self._of_account: dict[tuple[str, str], Spans[Node]] = {}
        self._by_sid: dict[str, dict[str, Spans[Node]]] = {}

    def at_work(self, host: str, at: int) -> list[Node]:
        """The hops at which people of providers sat before `host` at `at`."""
        if host not in self._at_work:
            here = [node for node in self.by_host.get(host, ()) if is_at_work(node.arrival)]
            self._at_work[host] = Spans((*node.arrival.span, node) for node in here)
        return self._at_work[host].at(at)

    def of_session(self, host: str, keys: Iterable[str], at: int) -> Node | None:
        """The latest hop that holds one of these sessions of `host` at `at`: its word is none on a product's own sessions."""
        for key in keys:
            if host and key and key not in WELL_KNOWN_SESSIONS:
                found = latest(self._sessions.get((host, key), []), at)
                if found is not None:
                    return found
        return None

    def of_account(self, host: str, account: Account, at: int) -> Node | None:
        """The one hop of `account` that is open on `host`."""
        found = self.of_accounts(host, account, at, 2)
        return found[0] if len(found) == 1 else None

    def of_accounts(self, host: str, account: Account, at: int, most: int) -> list[Node]:
        """The hops of `account` that are open on `host`, the latest first, `most` of them."""
        key = (host, account.key[1])
        if key not in self._accounts:
            return []
        if key not in self._of_account:
            self._of_account[key] = Spans((*node.arrival.span, node) for node in self._accounts[key])
        there = self._of_account[key].latest(at)
        return list(islice((node for node in there if account_on_host(node.arrival).same_as(account)), most))

    def of_sid(self, host: str, sid: str, at: int) -> Node | None:
        """The one hop of the account with that SID that is open on `host`."""
        if host not in self._by_sid:
            of: dict[str, list[tuple[int, int, Node]]] = defaultdict(list)
            for node in self.by_host.get(host, ()):
                for known in sids_of(node):
                    of[known].append((*node.arrival.span, node))
            self._by_sid[host] = {known: Spans(nodes) for known, nodes in of.items()}
        spans = self._by_sid[host].get(sid)
        found = list(islice(spans.latest(at), 2)) if spans is not None else []
        return found[0] if len(found) == 1 else None

    def note_processes(self) -> None:
        """Takes note of the processes that are among the deeds, for `of_process`."""
        for node in self.nodes:
            for fact in node.deeds.values():
                if fact.class_uid == f.PROCESS and fact.activity == 1:
                    self._note(fact, node)
        for known in self._numbers.values():
            known.sort(key=lambda one: (one[0], one[1].arrival.id))

    def _note(self, fact: Fact, node: Node) -> None:
        host = self.hosts.canonical(fact.host)
        if fact.process:
            self._processes[host, fact.process] = (fact.order, node)
        if fact.pid:
            self._numbers[host, fact.pid].append((fact.order, node))

    def of_process(self, host: str, process: str, number: int, at: int) -> Node | None:
        """The hop whose process it was: by its key, else the latest that got this number within a day before."""
        if process:
            found = self._processes.get((host, process))
            return found[1] if found else None
        known = self._numbers.get((host, number), []) if number else []
        upto = bisect.bisect_right(known, at + SLACK, key=lambda one: one[0][0])
        return known[upto - 1][1] if upto and known[upto - 1][0][0] >= at - LIVES else None


def account_on_host(arrival: Arrival) -> Account:
    """As whom a hop is there: with another account's credentials for other hosts (`netonly.py`) one stays who one is."""
    lead = arrival.lead
    return lead.person if lead.person is not None and lead.logon_type == NEW_CREDENTIALS else arrival.account


def sids_of(node: Node) -> set[str]:
    """The account's numbers, as the records of its logon give them."""
    arrival = node.arrival
    return {
        fact.sid
        for session in arrival.sessions
        for fact in session.facts
        if fact.sid.startswith("S-1-5-21-") and fact.user.same_as(arrival.account)
    }


def latest(known: Sequence[Node], at: int) -> Node | None:
    """Of hops that hold one session the latest that had begun by `at`, else the first of unknown begin: it had begun before it was seen."""
    begun = [node for node in known if at >= node.arrival.begun - SLACK]
    if len(begun) == 1:  # nearly always
        return begun[0]
    if begun:
        return max(begun, key=_begin)
    return min((node for node in known if node.arrival.start is None), key=_begin, default=None)


def _begin(node: Node) -> tuple[int, str]:
    return node.arrival.begun, node.arrival.id
