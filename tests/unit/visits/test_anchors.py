"""Of one record that is read in two ways, each reading is a hop with an id of its own."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from countersign.model.visit import Hop
from countersign.visits import stitch
from countersign.visits.anchors import Anchors
from countersign.visits.names import Account
from countersign.visits.sessions import Session
from story import Claims, Story

CLAIMS = Claims({"jdoe": "Jane Doe"}, {"203.0.113.7": "acme"})


def hops(story: Story, order: list[int] | None = None) -> list[Hop]:
    """All of them; no two have one id."""
    visits = stitch(story.table(order), CLAIMS, lambda _: 7)
    found = [hop for visit in visits for hop in visit.hops]
    assert max(Counter(hop.id for hop in found).values()) == 1
    return found


def told(columns: dict[str, Any], at: float = 0) -> Story:
    """A story of one record, in which somebody of a provider comes or goes."""
    story = Story()
    story.add(at, {"activity_id": 1, "status_id": 1, "user.name": "jdoe", **columns})
    return story


TWICE = {
    "su, and a session of sshd": {
        "class_uid": 3002,
        "metadata.product": "su",
        "device.hostname": "app01",
        "actor.user.name": "jdoe",
        "user.name": "root",
        "session.uid": "sshd:2",
    },
    "su, and a tunnel": {
        "class_uid": 4014,
        "metadata.product": "su",
        "device.hostname": "app01",
        "actor.user.name": "jdoe",
        "user.name": "root",
        "src_endpoint.ip": "203.0.113.7",
    },
    "su, and a remote-support session": {
        "class_uid": 3002,
        "metadata.product": "su",
        "device.hostname": "app01",
        "actor.user.name": "jdoe",
        "user.name": "root",
        "session.uid": "kaseya:1",
    },
    "credentials used for another host, and a session of sshd": {
        "class_uid": 3002,
        "metadata.product": "Windows",
        "metadata.event_code": "4648",
        "device.hostname": "app01",
        "actor.user.name": "jdoe",
        "actor.session.uid": "0x100",
        "session.uid": "sshd:2",
        "dst_endpoint.hostname": "FILE01",
    },
    "a role taken whose key is not named: by whom, and as whom": {
        "class_uid": 3002,
        "metadata.product": "CloudTrail",
        "api.operation": "AssumeRole",
        "actor.user.name": "jdoe",
        "user.name": "admin",
    },
    "a logon, and a login to a bastion": {
        "class_uid": 3002,
        "metadata.product": "Vault",
        "metadata.event_code": "4624",
        "metadata.log_name": "Security",
        "device.hostname": "app01",
        "session.uid": "0x100",
        "logon_type_id": 3,
    },
}


@pytest.mark.parametrize("columns", TWICE.values(), ids=TWICE)
def test_a_record_that_is_read_in_two_ways(columns: dict[str, Any]) -> None:
    assert len(hops(told(columns))) >= 2


def test_a_connection_that_a_cloud_tells_of_is_the_clouds_alone() -> None:
    columns = {
        "class_uid": 4001,
        "metadata.product": "Microsoft 365",
        "actor.user.name": "jdoe",
        "device.hostname": "JUMP01",
        "connection_info.direction_id": 2,
        "dst_endpoint.ip": "203.0.113.9",
        "dst_endpoint.port": 3389,
    }
    (hop,) = hops(told(columns))
    assert hop.protocol == "m365"


def session(kind: str, key: str, anchor: str = "4f") -> Session:
    return Session(
        kind=kind, host="app01", key=key, account=Account("", "jdoe"), start=0, first=0, last=0, anchor=anchor
    )


def test_anchors_do_not_depend_on_the_order_of_sessions() -> None:
    one, other = ([session("ssh", "sshd:2"), session("became", "su:2"), session("vpn", "")] for _ in range(2))
    Anchors().own(one)
    Anchors().own(reversed(other))
    assert [s.anchor for s in one] == [s.anchor for s in other]
    assert len({s.anchor for s in one}) == 3


def test_the_first_reading_is_named_by_the_record_alone() -> None:
    anchors, first, none = Anchors(), session("ssh", "sshd:2"), session("windows", "0x100", "")
    anchors.own([first, none])
    later = [session("outbound", "x"), session("outbound", "x")]
    anchors.own(later)
    assert (first.anchor, none.anchor) == ("4f", "")
    assert len({"4f", *(s.anchor for s in later)}) == 3
