from __future__ import annotations

import pytest

from countersign.model.visit import Hop
from countersign.visits import stitch
from countersign.visits.leased import LIFE, lasting
from countersign.visits.names import AddressBook, Claim
from story import Claims, Story

ACME = Claims({"jdoe": "Jane Doe"})


def lease(story: Story, at: float, name: str | None, ip: str, activity: int = 5, status: int = 1) -> None:
    story.add(
        at,
        {
            "class_uid": 4004,
            "activity_id": activity,
            "status_id": status,
            "metadata.product": "DHCP Server",
            "device.hostname": "DHCP01",
            "src_endpoint.hostname": name,
            "src_endpoint.ip": ip,
        },
    )


def walk() -> Story:
    """A desktop at WS1, and a logon at SRV from an address of which only the DHCP server knows whose it is."""
    story = Story()
    story.logon(0, "WS1", "jdoe", "0x10", 10, "203.0.113.7")
    story.logon(60, "SRV", "jdoe", "0x77", 3, "10.0.0.9")
    return story


def server(story: Story) -> Hop:
    found = [hop for visit in stitch(story.table(), ACME, lambda _: 7) for hop in visit.hops]
    return next(hop for hop in found if hop.target == "SRV")


def test_a_host_known_by_its_lease_alone_is_that_host() -> None:
    story = walk()
    assert server(story).link.kind == "entry"
    lease(story, -100, "ws1.corp.example", "10.0.0.9")
    hop = server(story)
    assert (hop.source, hop.link.kind) == ("WS1", "inferred")
    assert hop.link.reason == "CORP\\jdoe had one open session on WS1; 10.0.0.9 was leased to WS1 then"


@pytest.mark.parametrize(
    ("name", "at", "source"), [("WS2", -10, "WS2"), ("WS2", 100, "WS1"), (None, -10, "WS1")]
)
def test_an_address_passes_on_with_its_next_lease(name: str | None, at: float, source: str) -> None:
    story = walk()
    lease(story, -4000, "WS1", "10.0.0.9")
    lease(story, at, name, "10.0.0.9")
    assert server(story).source == source


def test_what_was_given_back_is_nobodys() -> None:
    story = walk()
    lease(story, -4000, "WS1", "10.0.0.9")
    lease(story, -3000, "WS1", "10.0.0.9", activity=7)
    assert server(story).source == "10.0.0.9"
    lease(story, -2000, "WS2", "10.0.0.9")
    assert server(story).source == "WS2"


def test_a_refused_lease_names_nobody() -> None:
    story = walk()
    lease(story, -100, "WS1", "10.0.0.9", activity=6, status=2)
    assert server(story).source == "10.0.0.9"


def test_what_a_controller_shows_counts_before_a_lease() -> None:
    story = walk()
    lease(story, -8000, "WS1", "10.0.0.9")
    story.machine(-30, "WS2", "10.0.0.9")
    story.machine(90, "WS2", "10.0.0.9")
    lease(story, 200, "WS1", "10.0.0.9")
    hop = server(story)
    assert (hop.source, hop.link.kind) == ("WS2", "entry")
    assert "leased" not in hop.link.reason


def test_a_lease_that_passed_on_and_back_is_right_at_each_time() -> None:
    turns = [
        Claim("10.0.0.9", host, at, at, lease=True)
        for host, at in (("A", 10), ("B", 20), ("A", 30), ("", 40))
    ]
    book = AddressBook(lasting(turns, ()))
    assert [book.host("10.0.0.9", at) for at in (10, 19, 20, 29, 30, 39, 40)] == [
        *["A", "A", "B", "B", "A", "A"],
        None,
    ]
    assert book.rivals("10.0.0.9") == frozenset()
    (alone,) = lasting(turns[:1], ())
    assert alone.last == 10 + LIFE
