"""Clocks of hosts, from pairs of views of one arrival."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.visits import stitch
from countersign.visits.asking import Days
from countersign.visits.clocks import DAY, SENSOR, Clock, Daily, Offset, offsets, read
from countersign.visits.names import HostNames
from countersign.visits.zones import HALF_HOUR, Shown, Step, steps
from story import START, Claims, Story

SECOND = 1_000_000
ACME = Claims({"jdoe": "Jane Doe"})
HOSTS = HostNames(["WS1", "SRV1", "SRV2", "SRV3", "DC01"])


def pair(host: str, other: str, later: float, pairs: int = 9, day: int = 20_000) -> Daily:
    middle = later * SECOND
    return Daily(host, other, day, pairs, middle, middle - 100_000, middle + 100_000)


def seconds(found: dict[str, Offset]) -> dict[str, float]:
    return {host: round(one.ahead / SECOND, 1) for host, one in found.items()}


def test_one_clock_among_many_is_the_wrong_one() -> None:
    found = offsets([pair("A", "DC", 0), pair("B", "DC", 0.1), pair("C", "DC", -300), pair("C", "A", -300)])
    assert seconds(found) == {"A": 0.0, "B": 0.1, "C": -300.0, "DC": 0.0}


def test_the_one_that_all_are_compared_with_can_be_wrong_too() -> None:
    found = offsets([pair("A", "DC", -90), pair("B", "DC", -90), pair("C", "DC", -90)])
    assert seconds(found) == {"A": 0.0, "B": 0.0, "C": 0.0, "DC": 90.0}


def test_chains_add_up_and_too_few_pairs_say_nothing() -> None:
    found = offsets([pair("A", "DC", 0), pair("B", "A", 60), pair("C", "B", 5, pairs=2)])
    assert seconds(found) == {"A": 0.0, "B": 60.0, "DC": 0.0}
    assert offsets([]) == {}


def test_a_drift_is_seen_over_days_and_reckoned_with() -> None:
    days = [pair("A", "DC", 10 + 2 * day, day=20_000 + day) for day in range(8)]
    days += [pair(host, "DC", 0, day=20_000 + day) for day in range(8) for host in ("B", "C")]
    found = offsets(days)
    assert (found["A"].drift, found["B"].drift) == (2 * SECOND, 0)
    clock = Clock(found)
    late = 20_007 * DAY + DAY // 2
    assert clock.ahead("A", late) == pytest.approx(24 * SECOND, abs=2 * SECOND)
    assert clock.corrected("A", late) == late - clock.ahead("A", late)


def test_noise_is_no_offset() -> None:
    clock = Clock(offsets([pair("A", "DC", 1.5), pair("B", "DC", 0), pair("C", "DC", 0)]))
    assert clock.ahead("A", 0) == 0
    assert clock.ahead("unknown", 0) == 0


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("ABCD"), st.sampled_from("DEFG"), st.integers(-400, 400), st.integers(1, 9)
        ).filter(lambda t: t[0] != t[1]),
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_order_does_not_matter(rows: list[tuple[str, str, int, int]], shuffle: random.Random) -> None:
    days = [pair(*row, day=20_000 + number % 3) for number, row in enumerate(rows)]
    mixed = list(days)
    shuffle.shuffle(mixed)
    assert offsets(days) == offsets(mixed)


def test_half_hours_of_one_host_are_its_own_from_the_day_on_that_they_are_seen() -> None:
    hour = 2 * HALF_HOUR
    days = [Shown("LNX", other, day, 0, 3) for day in (10, 11) for other in (SENSOR, "JUMP")]
    days += [Shown("LNX", other, 14, -hour, 2) for other in (SENSOR, "JUMP")]
    days += [Shown("SRV", other, day, 0, 9) for day in (10, 11, 14) for other in (SENSOR, "JUMP")]
    assert steps(days, SENSOR) == {"LNX": (Step(None, 0), Step(13 * DAY, -hour))}
    assert steps(reversed(days), SENSOR) == steps(days, SENSOR)


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param([Shown("LNX", SENSOR, 14, HALF_HOUR, 2)], id="too few"),
        pytest.param([Shown("LNX", "OTHER", 14, HALF_HOUR, 9)], id="nobody knows which of the two"),
        pytest.param(
            [Shown("LNX", SENSOR, 14, HALF_HOUR * n, 3) for n in range(1, 4)],
            id="chance: no step has most of the day",
        ),
    ],
)
def test_what_may_be_chance_is_no_step(shown: list[Shown]) -> None:
    right = [Shown("SRV", SENSOR, 14, 0, 9)]
    assert steps([*shown, *right], SENSOR) == {}


def shell(story: Story, at: float, behind: float, port: int, user: str = "clerk") -> None:
    """An SSH session on lnx01, from WS1, as a sensor and lnx01 saw it; lnx01's clock is behind."""
    common = {"class_uid": 4007, "activity_id": 1, "metadata.product": "Zeek", "metadata.log_name": "ssh"}
    ends = {"src_endpoint.ip": "10.0.1.5", "src_endpoint.port": port}
    story.add(at, {**common, **ends, "dst_endpoint.ip": "10.0.1.9", "dst_endpoint.port": 22})
    common = {"class_uid": 3002, "status_id": 1, "metadata.product": "OpenSSH", "metadata.log_name": "sshd"}
    place = {"device.hostname": "lnx01", "user.name": user, "session.uid": f"sshd:{port}"}
    story.add(at + 1 - behind, {**common, **place, **ends, "activity_id": 1})
    story.add(at + 200 - behind, {**common, **place, "activity_id": 2})


def test_a_shell_on_a_host_that_logs_in_utc_hangs_on_the_desktop_that_it_was_opened_from() -> None:
    story = office()
    for number in range(4):
        shell(story, 60 * number, 0, 53_000 + number)
        shell(story, 4 * 86_400 + 60 * number, 3600, 54_000 + number)
    story.tunnel(4 * 86_400 + 500, "jdoe", "203.0.113.7", "10.9.0.4", "asa:1")
    story.logon(4 * 86_400 + 560, "WS1.corp.example", "jdoe", "0x77", 10, "10.9.0.4")
    shell(story, 4 * 86_400 + 900, 3600, 55_000, "jdoe")
    hops = [hop for visit in stitch(story.table(), ACME, lambda _: 7) for hop in visit.hops]
    (there,) = [hop for hop in hops if hop.target == "lnx01"]
    desktop = next(hop for hop in hops if hop.session == "0x77")
    assert there.parent == desktop.id
    assert there.clock_ahead == -3600


def connected(story: Story, at: float, target: str, ahead: float, port: int, user: str = "clerk") -> None:
    """A connection from WS1 that Zeek, WS1 and the target saw; the target's clock is ahead."""
    for host, product in (("WS1.corp.example", "Windows"), (None, "Zeek")):
        columns = {
            "class_uid": 4001,
            "activity_id": 1,
            "metadata.product": product,
            "device.hostname": host,
            "src_endpoint.ip": "10.0.1.5",
            "src_endpoint.port": port,
            "connection_info.direction_id": 2,
        }
        story.add(at, columns)
    name = f"{target}.corp.example"
    story.logon(at + 0.2 + ahead, name, user, f"0x{port:x}", 3, "10.0.1.5", src_endpoint__port=port)


def office() -> Story:
    """SRV1's clock is 200 s ahead, those of SRV2 and SRV3 are right."""
    story = Story()
    story.machine(-900, "WS1", "10.0.1.5")
    story.logon(-60, "WS1.corp.example", "jdoe", "0x10", 2)
    for number in range(5):
        for place, (target, ahead) in enumerate({"SRV1": 200.0, "SRV2": 0.0, "SRV3": 0.0}.items()):
            connected(story, 60 * number, target, ahead, 50_000 + 10 * number + place)
    return story


def test_clocks_are_read_from_logons_and_their_connections() -> None:
    clock = read(Days(office().table()), HOSTS)
    assert {h: round(o.ahead / SECOND) for h, o in clock.offsets.items()} == {
        "SRV1": 200,
        "SRV2": 0,
        "SRV3": 0,
        "WS1": 0,
        SENSOR: 0,
    }
    assert clock.offsets["SRV1"].pairs == 10


def test_logon_guids_tell_as_well() -> None:
    story = Story()
    for number in range(4):
        guid, ahead = f"{{{number}}}", -120.0
        story.windows(
            60 * number,
            "DC01",
            4769,
            3002,
            activity_id=4,
            user__name="clerk",
            session__uuid=guid,
            service__name="SRV1$",
        )
        story.logon(60 * number + 0.1 + ahead, "SRV1", "clerk", f"0x{number}1", 3, session__uuid=guid)
    found = offsets_of(story)
    assert found["DC01"] - found["SRV1"] == pytest.approx(120, abs=1)


def offsets_of(story: Story) -> dict[str, float]:
    return seconds(dict(read(Days(story.table()), HOSTS).offsets))


def test_a_hop_to_a_host_whose_clock_is_wrong_keeps_its_logged_time_and_its_witnesses() -> None:
    story = office()
    connected(story, 400, "SRV1", 200.0, 51_000, "jdoe")
    (visit,) = stitch(story.table(), ACME, lambda _: 7)
    hop = next(hop for hop in visit.hops if hop.target == "SRV1")
    assert (hop.source, hop.link.kind) == ("WS1", "proven")
    assert hop.clock_ahead == pytest.approx(200, abs=1)
    assert hop.seen_by == ("network sensor", "source host", "target host")
    assert hop.start is not None
    assert (hop.start - START).total_seconds() == pytest.approx(600.2)


def test_a_hop_to_a_host_whose_clock_is_behind_comes_after_the_tunnel_that_it_came_by() -> None:
    story = office()
    for number in range(5):
        connected(story, 60 * number + 30, "SRV4", -150.0, 52_000 + number)
    story.tunnel(1000, "jdoe", "203.0.113.7", "10.9.0.4", "asa:1")
    story.logon(1060 - 150, "SRV4.corp.example", "jdoe", "0x77", 10, "10.9.0.4")
    hops = [hop for visit in stitch(story.table(), ACME, lambda _: 7) for hop in visit.hops]
    server = next(hop for hop in hops if hop.target == "SRV4")
    assert "leased 10.9.0.4" in server.link.reason
