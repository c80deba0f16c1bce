"""What somebody can write as often as they like costs no more for each: connections through gateways, calls, ends of sessions, restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any

import pytest

from countersign.visits.boots import Boots, Told
from countersign.visits.clocks import Clock
from countersign.visits.facts import Fact
from countersign.visits.merge import arrivals
from countersign.visits.names import Account, HostNames
from countersign.visits.netonly import lent_for_elsewhere
from countersign.visits.rdgateways import connections
from countersign.visits.sessions import SECOND, Session
from countersign.visits.shells import rejoined
from steps import steps

BLANK: dict[str, Any] = {"int": 0, "str": "", "Account": Account("", ""), "bool | None": None}
HOSTS = HostNames(("GW", "SRV"))
EVA = Account("CORP", "eva")


def fact(number: int, at: int, **more: Any) -> Fact:
    values = {field.name: BLANK[str(field.type)] for field in fields(Fact)}
    return Fact(**{**values, "id": f"{number:08d}", "time": at, **more})


def session(number: int, **more: Any) -> Session:
    at = number * 1000
    values = {
        "kind": "ssh",
        "host": "SRV",
        "key": str(number),
        "account": EVA,
        "start": at,
        "first": at,
        "last": at,
    }
    return Session(**{**values, **more})


def gateway(many: int) -> Callable[[], object]:
    through = {
        "log": "microsoft-windows-terminalservices-gateway/operational",
        "host": "GW",
        "class_uid": 4005,
        "user": EVA,
        "dst_host": "SRV",
    }
    opened = [fact(n, n * 1000, code="302", **through) for n in range(many)]
    ended = [fact(many + n, 10**9 + n * 1000, code="303", duration=10**6, **through) for n in range(many)]
    return lambda: connections([*opened, *ended], HOSTS)


def torn(many: int) -> Callable[[], object]:
    opened = [session(n, end=10**9 + n) for n in range(many)]
    ended = [session(many + n, start=None, source_ip="192.0.2.1", end=10**9 + n) for n in range(many)]
    return lambda: rejoined([*opened, *ended])


def lent(many: int) -> Callable[[], object]:
    logons = [session(n, kind="windows", logon_type=9, opener="0x1") for n in range(many)]
    used = [
        fact(n, n * 1000, code="4648", host="SRV", actor_session="0x1", user=Account("CORP", "da"))
        for n in range(many)
    ]
    return lambda: lent_for_elsewhere(logons, used, HOSTS)


def wished(many: int) -> Callable[[], object]:
    starts = {"SRV": [[Told(10**9, "6005", ("a", "b", 1))]]}
    boots = Boots(HOSTS, starts, {"SRV": [Told(n * 1000, "1074", ("c", "d", n)) for n in range(many)]})
    sessions = [session(n) for n in range(many)]
    return lambda: boots.end(sessions)


def merged(many: int) -> Callable[[], object]:
    sessions = [session(n) for n in range(many)]
    return lambda: arrivals(sessions, Clock())


@pytest.mark.parametrize("flood", [gateway, torn, lent, wished, merged])
def test_eight_times_as_many_cost_some_eight_times_as_much(
    flood: Callable[[int], Callable[[], object]],
) -> None:
    assert 0 < steps(flood(4000)) < 8 * 2 * steps(flood(500))


def test_each_end_through_a_gateway_is_of_the_connection_that_lasted_so_long() -> None:
    through = {
        "log": "terminalservices-gateway",
        "host": "GW",
        "class_uid": 4005,
        "user": EVA,
        "dst_host": "SRV",
    }
    found: Iterable[Fact] = [
        fact(1, 0, code="302", **through),
        fact(2, 100 * SECOND, code="302", **through),
        fact(3, 400 * SECOND, code="303", duration=400_000, **through),
        fact(4, 500 * SECOND, code="303", **through),
    ]
    ends = {one.begun: one.end for one in connections(found, HOSTS)}
    assert ends == {0: 400 * SECOND, 100 * SECOND: 500 * SECOND}
