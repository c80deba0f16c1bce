"""Kinds of outsiders, a group at a time."""

from __future__ import annotations

from countersign.visits.outsiders import NAMES_SHOWN, Group, groups
from story import Story

DAY = 86_400.0


def signin(
    story: Story, at: float, name: str, home: str, here: str = "ours", ip: str = "203.0.113.9"
) -> None:
    story.add(
        at,
        {
            "class_uid": 3002,
            "activity_id": 1,
            "status_id": 1,
            "metadata.product": "Entra ID",
            "metadata.tenant_uid": here,
            "user.name": name,
            "user.org.uid": home,
            "src_endpoint.ip": ip,
        },
    )


def found(story: Story, kind: str) -> dict[str, Group]:
    return {group.name: group for group in groups(story.table()) if group.kind == kind}


def test_a_thousand_guests_are_one_group_each_tenant_and_domain() -> None:
    story = Story()
    for number in range(1000):
        signin(story, number, f"g{number}_mail.example#EXT#@ours.example", "consumer")
    signin(story, 5000, "clerk@ours.example", "ours")
    tenants, guests = found(story, "partner tenant"), found(story, "guests")
    assert {name: (one.accounts, one.times) for name, one in tenants.items()} == {"consumer": (1000, 1000)}
    assert {name: one.accounts for name, one in guests.items()} == {"mail.example": 1000}
    assert len(guests["mail.example"].names) == NAMES_SHOWN


def test_roles_across_accounts_vpn_groups_remote_support_and_vendors_software() -> None:
    story = Story()
    story.add(
        0,
        {
            "class_uid": 6003,
            "metadata.product": "CloudTrail",
            "metadata.tenant_uid": "111122223333",
            "actor.user.name": "ops",
            "actor.user.org.uid": "999988887777",
        },
    )
    story.tunnel(10, "np.harris", "203.0.113.7", "10.9.0.4", "asa:1", group__name="GP-NORTH")
    story.add(20, {"class_uid": 3002, "metadata.product": "AnyDesk", "user.name": "helper"})
    story.windows(30, "SRV1", 7045, 201004, service__name="Kaseya Agent", service__path=r"C:\\k\\agent.exe")
    story.windows(31, "SRV1", 7045, 201004, service__name="Spooler", service__path=r"C:\\w\\spoolsv.exe")
    assert list(found(story, "cross-account")) == ["999988887777"]
    assert found(story, "VPN group")["GP-NORTH"].names == ("np.harris",)
    assert list(found(story, "remote support")) == ["AnyDesk"]
    assert {name: one.times for name, one in found(story, "vendor software").items()} == {"kaseya": 1}


def test_who_only_comes_from_outside_is_told_apart_from_who_is_also_here() -> None:
    story = Story()
    story.logon(0, "SRV1", "stranger", "0x1", 3, "203.0.113.7")
    story.logon(10, "SRV1", "clerk", "0x2", 3, "203.0.113.7")
    story.logon(20, "SRV1", "clerk", "0x3", 3, "10.0.0.7")
    story.logon(30, "SRV1", "inside", "0x4", 3, "172.20.0.7")
    assert found(story, "only from outside")["public addresses"].names == ("stranger",)


def test_who_has_not_come_for_ninety_days_sleeps() -> None:
    story = Story()
    for name, days in (("old", 100), ("steady", 100), ("steady", 1), ("fresh", 80)):
        story.logon(-days * DAY, "SRV1", name, f"0x{days}", 3, "203.0.113.7")
    story.logon(0, "SRV1", "clerk", "0x9", 2)
    assert found(story, "dormant")["not in the last 90 days"].names == ("old",)


def test_nothing_is_nobody() -> None:
    story = Story()
    story.logon(0, "SRV1", "clerk", "0x1", 2)
    assert groups(story.table()) == []
