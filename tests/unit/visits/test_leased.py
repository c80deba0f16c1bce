from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


CLAIMS = st.lists(
    st.builds(lambda first, host, more: Claim("10.0.0.9", host, first, first + more, lease=True),
        st.integers(0, 12), st.sampled_from(["", "WS1", "WS2", "WS3"]), st.integers(0, 4)),
    max_size=8,
)  # fmt: skip


@given(leases=CLAIMS, others=CLAIMS)
@settings(max_examples=60, deadline=None)
def test_a_lease_lasts_until_the_next_word_of_another_host(leases: list[Claim], others: list[Claim]) -> None:
    """Held against looking through all that is known for each lease."""
    expected = []
    for one in leases:
        ends = [o.first - 1 for o in (*leases, *others) if o.host != one.host and o.first > one.first]
        if one.host:
            expected.append((one.host, one.first, max(one.first, min([one.last + LIFE, *ends]))))
    assert sorted((one.host, one.first, one.last) for one in lasting(leases, others)) == sorted(expected)


def test_an_address_that_changes_hands_all_the_time_costs_no_more_than_its_words() -> None:
    leases = [Claim("10.0.0.9", f"WS{n % 40}", n * 10, n * 10 + 5, lease=True) for n in range(20_000)]
    begun = time.process_time()
    found = lasting(leases, leases)
    assert time.process_time() - begun < 3
    assert [one.last for one in found[:2]] == [9, 19]
