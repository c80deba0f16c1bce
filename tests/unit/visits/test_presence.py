"""When a recorder counts as at work."""

from __future__ import annotations

import pytest

from countersign.visits.asking import Days
from countersign.visits.names import HostNames
from countersign.visits.presence import HOUR, Presence, presence, subnet
from story import START, Story

LONG = Presence(first=0, last=10_000)


@pytest.mark.parametrize(
    ("hours", "works"),
    [
        ((), False),
        ((5000,), True),
        ((4976, 5024), True),
        ((4975, 5024), False),
        ((4976, 5025), False),
        ((4990, 4999), False),
        ((5001, 5010), False),
    ],
)
def test_a_recorder_is_at_work_between_two_signs_of_life_no_further_than_a_day(
    hours: tuple[int, ...], works: bool
) -> None:
    assert LONG.at_work(hours, 5000 * HOUR + 17) is works


def test_where_the_logs_end_one_side_will_do() -> None:
    short = Presence(first=4990, last=5010)
    assert short.at_work((4999,), 5000 * HOUR)
    assert short.at_work((5001,), 5000 * HOUR)
    assert not short.at_work((), 5000 * HOUR)


@pytest.mark.parametrize(
    ("address", "network"),
    [("10.0.1.5", "10.0.1"), ("fe80::1", ""), ("", ""), ("host", ""), ("1.2.3.4.5", "")],
)
def test_only_ipv4_has_a_network_of_24_bits(address: str, network: str) -> None:
    assert subnet(address) == network


def test_presence_is_read_for_the_hosts_and_networks_asked_for_only() -> None:
    story = Story()
    story.logon(0, "SRV1.corp.example", "clerk", "0x1", 2)
    story.logon(7200, "SRV1", "clerk", "0x2", 2)
    story.logon(0, "SRV2", "clerk", "0x3", 2)
    story.logon(0, "SRV1", "clerk", "0x4", 2, status_id=2)
    hour = int(START.timestamp()) // 3600
    pairs = {hour // 24: {("10.0.1", "10.0.2")}}
    found = presence(Days(story.table()), HostNames(["SRV1", "SRV2"]), ["SRV1"], pairs)
    assert found.logons == {"SRV1": (hour, hour + 2)}
    assert (found.first, found.last) == (hour, hour + 2)
    assert not found.networks
