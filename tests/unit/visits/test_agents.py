from __future__ import annotations

from typing import Any

import pytest

from countersign.model.visit import Hop
from countersign.visits import stitch
from story import Claims, Story

ACME = Claims({"jdoe": "Jane Doe"})


def agent(story: Story, at: float, kind: int = 10, code: str = "LogonSuccess", **more: Any) -> None:
    """A row of DeviceLogonEvents, as the source gives it."""
    story.add(
        at,
        {
            "class_uid": 3002,
            "activity_id": 1,
            "status_id": {"LogonSuccess": 1, "LogonFailed": 2}.get(code, 0),
            "metadata.product": "Defender XDR",
            "metadata.log_name": "DeviceLogonEvents",
            "metadata.event_code": code,
            "device.hostname": "ws1.corp.example",
            "dst_endpoint.hostname": "ws1.corp.example",
            "user.name": "jdoe",
            "user.domain": "corp",
            "session.uid": "0x51a2c0",
            "actor.session.uid": "0x3e7",
            "logon_type_id": kind,
            "src_endpoint.ip": "203.0.113.7",
            **more,
        },
    )


def hops(story: Story, order: list[int] | None = None) -> list[Hop]:
    return [hop for visit in stitch(story.table(order), ACME, lambda _: 7) for hop in visit.hops]


def test_the_agents_logon_is_a_hop() -> None:
    story = Story()
    agent(story, 0)
    story.add(
        60,
        {
            "class_uid": 1007,
            "activity_id": 1,
            "metadata.product": "Defender XDR",
            "metadata.log_name": "DeviceProcessEvents",
            "metadata.event_code": "ProcessCreated",
            "device.hostname": "ws1.corp.example",
            "actor.user.name": "jdoe",
            "actor.session.uid": "0x51a2c0",
            "process.path": r"C:\Windows\cmd.exe",
            "process.cmd_line": "cmd /c dir",
        },
    )
    story.logoff(600, "WS1", "jdoe", "0x51a2c0")
    (hop,) = hops(story)
    assert (hop.source, hop.target, hop.protocol, hop.session) == ("203.0.113.7", "WS1", "rdp", "0x51a2c0")
    assert (hop.seen_by, [action.text for action in hop.actions]) == (("target host",), ["cmd /c dir"])


@pytest.mark.parametrize("late", [-1.5, 0.2, 20])
def test_with_the_hosts_own_word_it_is_one_hop_and_one_witness(late: float) -> None:
    story = Story()
    story.logon(
        0, "WS1", "jdoe", "0x51a2c0", 10, "203.0.113.7", session__uuid="6a1f3c52-7d10-4a4a-8c1c-2b6d1c0f9e01"
    )
    (alone,) = hops(story)
    agent(story, late)
    for order in ([0, 1], [1, 0]):
        (hop,) = hops(story, order)
        assert (hop.id, hop.start, hop.seen_by) == (alone.id, alone.start, ("target host",))
        assert len(hop.records) == 2


@pytest.mark.parametrize("code", ["LogonFailed", "LogonAttempted"])
def test_an_attempt_is_no_arrival(code: str) -> None:
    story = Story()
    agent(story, 0, code=code, **{"session.uid": None})
    assert hops(story) == []


def test_the_process_that_asked_for_a_logon_is_no_proof() -> None:
    story = Story()
    story.logon(-60, "WS1", "jdoe", "0x10", 10, "203.0.113.9")
    agent(story, 0, 3, **{"actor.session.uid": "0x10"})
    assert "proven" not in {hop.link.kind for hop in hops(story)}
