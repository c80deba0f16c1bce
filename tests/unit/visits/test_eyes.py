"""Who saw a hop and who should have: independent recorders only, and only while they were at work."""

from __future__ import annotations

from countersign.model.visit import Hop, Visit
from countersign.visits import stitch
from story import Claims, Story

ACME = Claims({"jdoe": "Jane Doe"})


def hop_to(story: Story, target: str) -> Hop:
    visits: tuple[Visit, ...] = stitch(story.table(), ACME, lambda _: 7)
    return next(hop for visit in visits for hop in visit.hops if hop.target == target)


def sensor(story: Story, at: float, source: str, target: str, port: int, class_uid: int = 4001) -> None:
    """A connection as Zeek tells it: no host of its own."""
    story.add(
        at,
        {
            "class_uid": class_uid,
            "activity_id": 6,
            "status_id": 1,
            "metadata.product": "Zeek",
            "metadata.log_name": "conn",
            "src_endpoint.ip": source,
            "src_endpoint.port": port,
            "dst_endpoint.ip": target,
        },
    )


def ticket(story: Story, at: float, service: str, ip: str, dc: str = "DC01.corp.example") -> None:
    """4769 at a domain controller."""
    story.windows(
        at,
        dc,
        4769,
        3002,
        activity_id=4,
        user__name="jdoe",
        user__domain="CORP.EXAMPLE",
        service__name=f"{service}$",
        src_endpoint__ip=ip,
    )


def arrival() -> Story:
    """jdoe sits at WS1 (10.0.1.5) and goes to SRV1 (10.0.2.9); both hosts log all day."""
    story = Story()
    story.machine(-900, "WS1", "10.0.1.5")
    story.machine(-900, "SRV1", "10.0.2.9")
    for at in (-3600, 3600):
        story.logon(at, "SRV1.corp.example", "clerk", f"0x{abs(at):x}7", 3, "10.0.1.77")
    story.logon(0, "WS1.corp.example", "jdoe", "0x10", 2)
    story.logon(
        60,
        "SRV1.corp.example",
        "jdoe",
        "0x20",
        3,
        "10.0.1.5",
        src_endpoint__port=50123,
        auth_protocol="Kerberos",
    )
    return story


def test_the_target_alone_is_one_of_one() -> None:
    hop = hop_to(arrival(), "SRV1")
    assert (hop.seen_by, hop.expected_by) == (("target host",), ("target host",))


def test_four_independent_recorders_are_four_and_their_records_are_cited() -> None:
    story = arrival()
    sensor(story, 59, "10.0.1.5", "10.0.2.9", 50123)
    ticket(story, 58, "SRV1", "10.0.1.5")
    story.windows(
        59.5,
        "WS1.corp.example",
        5156,
        4001,
        src_endpoint__ip="10.0.1.5",
        src_endpoint__port=50123,
        dst_endpoint__ip="10.0.2.9",
        connection_info__direction_id=2,
    )
    hop = hop_to(story, "SRV1")
    assert hop.seen_by == ("domain controller", "network sensor", "source host", "target host")
    assert hop.expected_by == hop.seen_by
    assert len(hop.records) == 4


def test_another_accounts_another_hosts_or_an_early_ticket_is_not_this_hops() -> None:
    story = arrival()
    ticket(story, 58, "SRV2", "10.0.1.5")
    ticket(story, 58, "SRV1", "10.0.1.99")
    ticket(story, -300, "SRV1", "10.0.1.5")
    assert "domain controller" not in hop_to(story, "SRV1").seen_by


def test_a_controller_is_expected_unless_a_ticket_still_holds() -> None:
    story = arrival()
    for at in (-40_000, 3000):
        ticket(story, at, "SRV1", "10.0.1.5")
    assert "domain controller" in hop_to(story, "SRV1").expected_by
    ticket(story, -3000, "SRV1", "10.0.1.5")
    assert "domain controller" not in hop_to(story, "SRV1").expected_by


def test_a_controller_that_was_the_target_is_no_second_witness() -> None:
    story = Story()
    story.machine(-900, "WS1", "10.0.1.5")
    story.logon(0, "WS1.corp.example", "jdoe", "0x10", 2)
    story.logon(60, "DC01.corp.example", "jdoe", "0x20", 3, "10.0.1.5")
    ticket(story, 59, "DC01", "10.0.1.5")
    assert hop_to(story, "DC01").seen_by == ("target host",)


def test_a_sensor_is_expected_where_it_sees_these_two_networks_talk() -> None:
    story = arrival()
    sensor(story, -500, "10.0.1.80", "10.0.2.80", 40000)
    hop = hop_to(story, "SRV1")
    assert set(hop.expected_by) - set(hop.seen_by) == {"network sensor"}


def test_a_sensor_of_other_networks_or_of_another_day_is_not_expected() -> None:
    story = arrival()
    sensor(story, -500, "10.0.1.80", "10.0.3.80", 40000)
    sensor(story, -40 * 3600, "10.0.1.80", "10.0.2.80", 40000)
    sensor(story, 80 * 3600, "10.0.1.80", "10.0.3.80", 40000)
    assert hop_to(story, "SRV1").expected_by == ("target host",)


def unlogged(hours: tuple[float, ...]) -> Hop:
    """A remote desktop from a provider's address that only a sensor saw, at a host that logs logons at `hours`."""
    story = Story()
    story.machine(-900, "SRV1", "10.0.2.9")
    story.logon(-100 * 3600, "OTHER", "clerk", "0x1", 2)
    story.logon(100 * 3600, "OTHER", "clerk", "0x2", 2)
    for at in hours:
        story.logon(at * 3600, "SRV1.corp.example", "clerk", f"0x{int(at) + 500:x}", 2)
    sensor(story, 0, "203.0.113.7", "10.0.2.9", 50000, 4005)
    claims = Claims({}, {"203.0.113.7": "acme"})
    (visit,) = stitch(story.table(), claims, lambda _: 7)
    return visit.hops[0]


def test_a_host_that_logs_on_both_sides_of_the_moment_should_have_logged_it() -> None:
    hop = unlogged((-5, 6))
    assert (hop.seen_by, hop.expected_by) == (("network sensor",), ("network sensor", "target host"))


def test_a_host_in_an_outage_or_that_never_logs_is_not_expected() -> None:
    for hours in ((-30, 30), (-5,), (5,), ()):
        assert unlogged(hours).expected_by == ("network sensor",), hours
