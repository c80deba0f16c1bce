from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from countersign.model.visit import Hop
from countersign.visits import stitch
from story import START, Claims, Story

ACME = Claims({"jdoe": "Jane Doe", "bob": "Bob"})
LOG = "Microsoft-Windows-TerminalServices-Gateway/Operational"
OUTSIDE = "203.0.113.7"


def gateway(story: Story, at: float, code: int, target: str = "", user: str = "jdoe", **more: Any) -> None:
    story.windows(
        at,
        "RDGW01.corp.example",
        code,
        3002 if code == 200 else 4005,
        log=LOG,
        activity_id={200: 1, 302: 4}.get(code, 7),
        user__name=user,
        user__domain="CORP",
        src_endpoint__ip=OUTSIDE,
        dst_endpoint__hostname=target or None,
        **more,
    )


def desktop() -> Story:
    story = Story()
    story.machine(-600, "RDGW01", "10.0.0.4")
    gateway(story, 0, 200)
    gateway(story, 2, 302, "app01.corp.example")
    story.logon(5, "APP01.corp.example", "jdoe", "0x100", 3, "10.0.0.4")
    story.logon(8, "APP01.corp.example", "jdoe", "0x101", 10, "10.0.0.4")
    gateway(
        story,
        602,
        303,
        "app01.corp.example",
        duration=600_000,
        traffic__bytes_in=1200,
        traffic__bytes_out=56_000,
    )
    return story


def hops(story: Story, order: list[int] | None = None) -> list[Hop]:
    return [hop for visit in stitch(story.table(order), ACME, lambda _: 7) for hop in visit.hops]


def test_the_login_is_the_entry_and_the_desktop_behind_hangs_on_it() -> None:
    entry, behind = hops(desktop())
    assert (entry.source, entry.target, entry.protocol, entry.link.kind) == (
        OUTSIDE,
        "RDGW01",
        "bastion",
        "entry",
    )
    assert (behind.parent, behind.target, behind.protocol, behind.gateway) == (
        entry.id,
        "APP01",
        "rdp",
        "RDGW01",
    )
    assert behind.link.kind == "proven"
    assert "RDGW01 opened it for CORP\\jdoe" in behind.link.reason
    assert set(behind.seen_by) == {"gateway", "target host"}
    assert entry.end == START + timedelta(seconds=602)
    # 303 counts from the client: it sent (BytesTransfered) and got (BytesReceived); a hop counts from its target
    assert (behind.bytes_in, behind.bytes_out) == (56_000, 1200)


def test_of_two_connections_just_then_none_is_proven() -> None:
    story = desktop()
    gateway(story, 30, 302, "app01.corp.example")
    assert {hop.link.kind for hop in hops(story) if hop.target == "APP01"} == {"inferred"}


def test_order_does_not_matter() -> None:
    story = desktop()
    whole = [(hop.id, hop.parent, hop.link, hop.end) for hop in hops(story)]
    for order in ([5, 4, 3, 2, 1, 0], [2, 0, 4, 1, 5, 3]):
        assert [(hop.id, hop.parent, hop.link, hop.end) for hop in hops(story, order)] == whole


def test_what_the_machine_behind_does_not_tell_is_a_hop_all_the_same() -> None:
    story = Story()
    gateway(story, 0, 302, "app01.corp.example")
    gateway(story, 600, 303, "app01.corp.example", duration=600_000)
    entry, behind = hops(story)
    assert (entry.target, behind.target, behind.parent) == ("RDGW01", "app01", entry.id)
    assert (behind.link.kind, behind.seen_by) == ("inferred", ("gateway",))
    assert "target host" not in behind.expected_by
    assert behind.end == START + timedelta(seconds=600)


def test_who_came_to_the_machine_from_elsewhere_is_not_the_gateways() -> None:
    story = Story()
    story.machine(-600, "RDGW01", "10.0.0.4")
    gateway(story, 0, 302, "APP01")
    story.logon(8, "APP01", "jdoe", "0x101", 10, "10.0.0.77")
    found = {hop.source: hop for hop in hops(story)}
    assert found["10.0.0.77"].link.kind == "entry"
    assert found["RDGW01"].seen_by == ("gateway",)


def test_two_connections_end_each_at_its_own_time() -> None:
    story = Story()
    gateway(story, 0, 302, "APP01")
    gateway(story, 300, 302, "APP01")
    gateway(story, 500, 303, "APP01", duration=200_000)
    gateway(story, 900, 303, "APP01", duration=900_000)
    ends = [hop.end for hop in hops(story) if hop.target == "APP01"]
    assert ends == [START + timedelta(seconds=900), START + timedelta(seconds=500)]


@pytest.mark.parametrize("code", [201, 301, 304])
def test_a_refusal_is_no_arrival(code: int) -> None:
    story = Story()
    gateway(story, 0, code, "APP01", status_id=2)
    assert hops(story) == []


def test_an_end_alone_tells_when_it_began() -> None:
    story = Story()
    gateway(story, 602, 303, "APP01", duration=600_000)
    behind = next(hop for hop in hops(story) if hop.target == "APP01")
    assert (behind.start, behind.end) == (START + timedelta(seconds=2), START + timedelta(seconds=602))
