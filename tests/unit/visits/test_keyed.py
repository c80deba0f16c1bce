"""Tunnels, bastions and remote support: what a product keys itself becomes hops."""

from __future__ import annotations

from typing import Any

import pytest

from countersign.model.visit import Visit
from countersign.visits import clocks, stitch
from story import START, Claims, Story

ACME = Claims(
    {"ext-meyer": "Eva Meyer", "vendor support": "Eva Meyer", "jdoe": "Jane Doe", "514000531": "Eva Meyer"},
    {"198.51.100.7": "acme"},
)


def visits(story: Story, claims: Claims = ACME, order: list[int] | None = None) -> tuple[Visit, ...]:
    return stitch(story.table(order), claims, lambda _: 7)


def product(story: Story, at: float, name: str, class_uid: int = 3002, **columns: Any) -> None:
    story.add(
        at,
        {
            "class_uid": class_uid,
            "activity_id": 1,
            "status_id": 1,
            "metadata.product": name,
            **{key.replace("__", "."): value for key, value in columns.items()},
        },
    )


def teleport(story: Story, at: float, *, opens: bool = True, **columns: Any) -> None:
    person = {"actor__user__name": "ext-meyer", "src_endpoint__ip": "198.51.100.7"}
    target = {"user__name": "root", "session__uid": "7d20aa00", "dst_endpoint__hostname": "app01"}
    product(
        story,
        at,
        "Teleport",
        device__hostname="tele.example.com",
        auth_protocol="ssh",
        **{"activity_id": 1 if opens else 2, **person, **target, **columns},
    )


def login(story: Story, at: float) -> None:
    product(
        story,
        at,
        "Teleport",
        device__hostname="tele.example.com",
        user__name="ext-meyer",
        actor__user__name="ext-meyer",
        src_endpoint__ip="198.51.100.7",
        is_mfa=True,
    )


def sshd(story: Story, at: float, ip: str, *, opens: bool = True) -> None:
    product(
        story,
        at,
        "OpenSSH",
        activity_id=1 if opens else 2,
        metadata__log_name="sshd",
        device__hostname="app01",
        user__name="root",
        session__uid="sshd:100",
        src_endpoint__ip=ip,
        src_endpoint__port=40022,
    )


def test_a_bastions_target_hangs_on_the_persons_login_with_the_account_lent() -> None:
    story = Story()
    login(story, 0)
    teleport(story, 60)
    product(
        story,
        90,
        "Teleport",
        1007,
        actor__user__name="ext-meyer",
        user__name="root",
        actor__session__uid="7d20aa00",
        process__cmd_line="/bin/rm -rf /srv/old",
    )
    teleport(story, 660, opens=False)
    (visit,) = visits(story)
    entry, target = visit.hops
    assert (visit.person, entry.protocol, entry.source, entry.target) == (
        "Eva Meyer",
        "bastion",
        "198.51.100.7",
        "tele",
    )
    assert entry.mfa is True
    assert (target.protocol, target.source, target.target, target.account) == ("ssh", "tele", "app01", "root")
    assert (target.parent, target.link.kind, target.gateway) == (entry.id, "inferred", "tele")
    assert target.credential_switch
    assert target.end is not None
    assert (target.end - START).total_seconds() == 660
    assert [action.text for action in target.actions] == ["/bin/rm -rf /srv/old"]


def test_the_targets_own_logon_from_the_bastions_address_is_the_same_hop_and_proves_it() -> None:
    story = Story()
    login(story, 0)
    story.machine(10, "tele", "10.0.0.99")
    teleport(story, 60)
    sshd(story, 61, "10.0.0.99")
    sshd(story, 655, "10.0.0.99", opens=False)
    (visit,) = visits(story)
    _, target = visit.hops
    assert target.link.kind == "proven"
    assert "address" in target.link.reason
    assert "target host" in target.seen_by
    assert len(target.records) == 3


@pytest.mark.parametrize("ahead", [-180, 0, 180])
def test_a_bastions_word_is_put_by_the_clock_of_the_host_that_it_opened(
    ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = clocks.Offset("app01", ahead * clocks.SECOND, 0, 0, 0, 9)
    monkeypatch.setattr(clocks, "read", lambda *_: clocks.Clock({"app01": off}))
    story = Story()
    login(story, 0)
    story.machine(10, "tele", "10.0.0.99")
    teleport(story, 60)
    sshd(story, 61 + ahead, "10.0.0.99")
    teleport(story, 900, opens=False)
    (visit,) = visits(story)
    entry, target = visit.hops
    assert (target.parent, target.link.kind) == (entry.id, "proven")
    assert target.start is not None
    assert target.end is not None
    assert (target.start - START).total_seconds() == 60 + ahead
    assert (target.end - target.start).total_seconds() == 840


def test_the_targets_own_logon_is_the_same_hop_whatever_its_clock_says() -> None:
    story = Story()
    login(story, 0)
    story.machine(10, "tele", "10.0.0.99")
    for number in range(
        4
    ):  # what a sensor and app01 saw of others shows the clock of app01 to be 150 s behind
        port = 41_000 + number
        seen = {"metadata__log_name": "ssh", "src_endpoint__ip": "10.0.0.7", "src_endpoint__port": port}
        product(story, 400 + number, "Zeek", 4007, **seen, dst_endpoint__ip="10.0.0.8")
        product(
            story,
            250 + number,
            "OpenSSH",
            metadata__log_name="sshd",
            device__hostname="app01",
            user__name="clerk",
            session__uid=f"sshd:{port}",
            src_endpoint__ip="10.0.0.7",
            src_endpoint__port=port,
        )
        # ... and another host is right
        product(story, 500 + number, "Zeek", 4007, **seen, dst_endpoint__ip="10.0.0.9")
        story.logon(500 + number, "SRV9", "clerk", f"0x9{number}", 3, "10.0.0.7", src_endpoint__port=port)
        product(story, 9000 + number, "Zeek", 4007, **seen, dst_endpoint__ip="10.0.0.6")
        story.logon(9000 + number, "SRV8", "clerk", f"0x8{number}", 3, "10.0.0.7", src_endpoint__port=port)
    teleport(story, 660)
    sshd(story, 511, "10.0.0.99")
    (visit,) = visits(story)
    assert [hop.target for hop in visit.hops] == ["tele", "app01"]


def test_another_logon_with_that_account_an_hour_later_is_no_part_of_it() -> None:
    story = Story()
    login(story, 0)
    teleport(story, 60)
    sshd(story, 3700, "10.0.0.99")
    (visit,) = visits(story)
    assert len(visit.hops) == 2
    assert visit.hops[1].link.kind == "inferred"


def test_without_the_login_the_targets_record_makes_one() -> None:
    story = Story()
    teleport(story, 60)
    (visit,) = visits(story)
    assert [(hop.source, hop.target) for hop in visit.hops] == [("198.51.100.7", "tele"), ("tele", "app01")]


def test_one_record_with_its_length_is_a_whole_session() -> None:
    story = Story()
    product(
        story,
        0,
        "ScreenConnect",
        user__name="Vendor Support",
        dst_endpoint__name="hist01",
        session__uid="c0000001",
        duration=1_800_000,
    )
    product(
        story,
        5,
        "ScreenConnect",
        user__name="Vendor Support",
        dst_endpoint__name="hist01",
        session__uid="c0000001",
    )
    (visit,) = visits(story)
    (hop,) = visit.hops
    assert (hop.protocol, hop.target, len(hop.records)) == ("screenconnect", "hist01", 2)
    assert hop.end is not None
    assert (hop.end - START).total_seconds() == 1800


def test_a_visit_that_ends_without_a_name_ends() -> None:
    story = Story()
    product(story, 0, "AnyDesk", user__name="Vendor Support", user__uid="221", session__uid="anydesk:4668")
    product(story, 600, "AnyDesk", activity_id=2, session__uid="anydesk:4668")
    (visit,) = visits(story)
    assert visit.hops[0].target == "(AnyDesk)"
    assert visit.hops[0].end is not None


def test_every_gateway_gives_tunnels() -> None:
    for name, key in (
        ("FortiGate", "fortigate:FG1:41"),
        ("PAN-OS", "paloalto:01:6c"),
        ("Connect Secure", "ivanti:ICS1:1"),
        ("strongSwan", "ipsec:road[7]"),
        ("WireGuard", "wireguard:wg0:1"),
        ("Check Point", "checkpoint:6A"),
    ):
        story = Story()
        story.tunnel(0, "jdoe", "203.0.113.7", "10.9.0.4", key, metadata__product=name)
        story.tunnel(900, "jdoe", "203.0.113.7", "10.9.0.4", key, opens=False, metadata__product=name)
        story.logon(60, "JUMP01", "jdoe", "0x100", 10, "10.9.0.4")
        (visit,) = visits(story)
        assert [hop.protocol for hop in visit.hops] == ["vpn", "rdp"], name


def test_a_portals_logon_alone_is_a_way_in_and_an_administrators_is_not() -> None:
    story = Story()
    key = {"device__hostname": "ns1", "user__name": "jdoe", "src_endpoint__ip": "203.0.113.7"}
    product(story, 0, "NetScaler", session__uid="netscaler:ns1:65", **key)
    product(story, 300, "NetScaler", activity_id=2, session__uid="netscaler:ns1:65", **key)
    (visit,) = visits(story)
    assert [hop.protocol for hop in visit.hops] == ["vpn"]
    story = Story()
    product(story, 0, "FortiGate", session__uid="1795170400", **key)
    (visit,) = visits(story)
    assert [hop.protocol for hop in visit.hops] == ["network"]


def test_gateway_and_radius_server_tell_of_one_tunnel() -> None:
    story = Story()
    story.tunnel(0, "jdoe", "203.0.113.7", "10.9.0.4", "fortigate:FG1:41", metadata__product="FortiGate")
    story.tunnel(
        1,
        "jdoe",
        "203.0.113.7",
        "10.9.0.4",
        "radius:10.0.0.7:1763",
        metadata__product="Network Policy Server",
        device__hostname="NPS1",
    )
    (visit,) = visits(story)
    (hop,) = visit.hops
    assert (hop.target, len(hop.records)) == ("vpn01", 2)


def test_a_refused_login_is_no_hop() -> None:
    story = Story()
    product(
        story,
        0,
        "Vault",
        status_id=2,
        device__hostname="VAULT1",
        user__name="ext-meyer",
        src_endpoint__ip="198.51.100.7",
    )
    assert visits(story) == ()


def test_a_take_control_session_in_the_application_channel_is_a_hop_to_its_end() -> None:
    story = Story()
    said = {"metadata__log_name": "Application", "session__uid": "takecontrol:vendor support"}
    for at, activity, user in ((0, 1, "Vendor Support"), (5, 99, None), (900, 2, None)):
        address = "203.0.113.77" if activity == 1 else None
        product(
            story,
            at,
            "Windows",
            activity_id=activity,
            device__hostname="srv-pacs.corp.example",
            user__name=user,
            src_endpoint__ip=address,
            **said,
        )
    (visit,) = visits(story)
    (hop,) = visit.hops
    assert (hop.protocol, hop.target, hop.source) == ("takecontrol", "srv-pacs", "203.0.113.77")
    assert hop.end is not None
    assert (hop.end - hop.start).total_seconds() == 900


def test_a_vsa_agents_record_of_the_end_is_found_by_the_key_of_the_session() -> None:
    story = Story()
    key = "kaseya:8d7c6b5a-2222-4b33-9c44-1d55e66f7a80"
    product(story, 0, "VSA", user__name="ext-meyer", dst_endpoint__name="hist01", session__uid=key)
    product(story, 600, "VSA", activity_id=2, session__uid=key)
    (visit,) = visits(story)
    assert [(hop.protocol, hop.target) for hop in visit.hops] == [("kaseya", "hist01")]


def test_files_that_a_bastion_carried_hang_on_the_hop_to_the_target() -> None:
    story = Story()
    login(story, 0)
    teleport(story, 60)
    carried = {"user__name": "ext-meyer", "actor__user__name": "ext-meyer", "session__uid": "7d20aa00"}
    product(story, 90, "Teleport", class_uid=1001, activity_id=99, file__path="/root/patch.tgz", **carried)
    product(story, 95, "Teleport", class_uid=1001, activity_id=4, file__path="/root/old.tgz", **carried)
    # a file of another product's making is no deed of the session
    product(story, 96, "Windows", class_uid=1001, activity_id=1, file__path="c:\\x.tmp", **carried)
    (visit,) = visits(story)
    assert [(hop.target, action.kind, action.text) for hop in visit.hops for action in hop.actions] == [
        ("app01", "file", "file carried: /root/patch.tgz"),
        ("app01", "file", "file deleted: /root/old.tgz"),
    ]


def test_who_logs_in_to_a_bastion_anew_within_hours_is_there_anew() -> None:
    story = Story()
    login(story, 0)
    teleport(story, 60)
    teleport(story, 660, opens=False)
    login(story, 5400)
    teleport(story, 5460, session__uid="7d20aa01", dst_endpoint__hostname="app02")
    first, second = visits(story)
    assert [[hop.target for hop in visit.hops] for visit in (first, second)] == [
        ["tele", "app01"],
        ["tele", "app02"],
    ]
    assert {hop.link.kind for visit in (first, second) for hop in visit.hops[1:]} == {"inferred"}


def test_what_a_gateway_says_in_the_second_of_an_opening_is_of_the_session_that_opens() -> None:
    """One key, user and address, for both sessions; the records of one second come in the order of their ids."""
    for second in range(3600, 3610):  # the ids are other ones each time
        story = Story()
        for at, lease in ((0, "10.99.0.14"), (second, "10.99.0.15")):
            key = "asa:ext-meyer|198.51.100.7"
            story.tunnel(at, "ext-meyer", "198.51.100.7", lease, key, metadata__event_code="722051")
            established = {"activity_id": 0, "metadata__event_code": "722022"}
            story.tunnel(at, "ext-meyer", "198.51.100.7", "", key, **established)
        first, then = visits(story)  # the first one's end is lost
        assert [len(visit.hops[0].records) for visit in (first, then)] == [2, 2]
