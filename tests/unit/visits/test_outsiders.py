"""Kinds of outsiders, a group at a time."""

from __future__ import annotations

import ibis
import pytest

from countersign.visits import strangers
from countersign.visits.facts import flat
from countersign.visits.outsiders import NAMES_SHOWN, Group, groups
from countersign.visits.strangers import HOUSE_ACCOUNTS, LONE
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


def test_a_thousand_guests_are_one_group_and_no_partner_tenant_as_well() -> None:
    story = Story()
    for number in range(1000):
        signin(story, number, f"g{number}_mail.example#EXT#@ours.example", "consumer")
    signin(story, 5000, "clerk@ours.example", "ours")
    signin(story, 5001, "ann@partner.example", "partner")
    tenants, guests = found(story, "partner tenant"), found(story, "guests")
    assert {name: (one.accounts, one.times) for name, one in tenants.items()} == {"partner": (1, 1)}
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
    assert found(story, "only from outside")["from 203.0.113.0/24"].names == ("stranger",)


def test_domains_of_few_guests_are_one_line_where_there_are_many() -> None:
    story = Story()
    for number in range(40):
        signin(story, number, f"g_mail{number}.example#EXT#@ours.example", f"tenant{number}")
    for number in range(3):
        signin(story, 100 + number, f"g{number}_firm.example#EXT#@ours.example", "firm")
    guests = found(story, "guests")
    assert {name: (one.accounts, one.times) for name, one in guests.items()} == {
        "40 domains of one or two guests": (40, 40),
        "firm.example": (3, 3),
    }


def test_only_from_outside_is_parted_by_mail_domain_name_and_network_so_that_a_part_is_one_providers() -> (
    None
):
    story = Story()
    for number, name in enumerate(("np.harris", "np.moss", "np.quinn")):
        story.logon(number, "SRV1", name, f"0x1{number}", 3, f"198.51.{number}.7")
    for number, name in enumerate(("kim-acme", "lee-acme", "sue-acme")):
        story.logon(10 + number, "SRV1", name, f"0x2{number}", 3, f"203.0.113.{number}")
    story.logon(20, "SRV1", "anna.weber", "0x31", 3, "192.0.2.7")
    story.logon(21, "SRV1", "paul.weber", "0x32", 3, "192.0.2.9")
    story.logon(22, "SRV1", "vera.weber", "0x33", 3, "198.51.100.9")
    story.logon(23, "SRV1", "zoe.weber", "0x34", 3, "203.0.114.9")
    signin(story, 30, "eva@firm.example", "ours")
    story.tunnel(40, "gp.one", "203.0.113.99", "10.9.0.4", "asa:1", group__name="GP")
    assert {name: one.names for name, one in found(story, "only from outside").items()} == {
        "called np.*": ("np.harris", "np.moss", "np.quinn"),
        "called *-acme": ("kim-acme", "lee-acme", "sue-acme"),
        "from 192.0.2.0/24": ("anna.weber", "paul.weber"),
        "from 198.51.100.0/24": ("vera.weber",),
        "from 203.0.114.0/24": ("zoe.weber",),
        "at firm.example": ("eva@firm.example",),
    }


def test_who_comes_from_the_houses_own_public_address_is_no_stranger() -> None:
    story = Story()
    for number in range(HOUSE_ACCOUNTS):
        story.logon(number, "SRV1", f"clerk{number}", f"0x1{number}", 3, "198.51.100.1")
    story.logon(90, "SRV1", "stranger", "0x999", 3, "203.0.113.7")
    assert [one.names for one in found(story, "only from outside").values()] == [("stranger",)]


def test_many_networks_of_one_account_are_one_line() -> None:
    story = Story()
    for number in range(30):
        story.logon(number, "SRV1", f"solo{number}", f"0x1{number}", 3, f"203.0.{number}.7")
    assert {name: one.accounts for name, one in found(story, "only from outside").items()} == {LONE: 30}


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


def test_the_houses_own_addresses_are_found_among_the_busiest_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many pairs of account and address are looked at; which, must not be the engine's choice."""
    monkeypatch.setattr(strangers, "_ROWS", HOUSE_ACCOUNTS)
    story = Story()
    for number in range(HOUSE_ACCOUNTS):
        for again in range(2):
            signin(story, 10 * number + again, f"staff{number:02}", "ours", ip="198.51.100.1")
    for number in range(60):
        signin(story, 5000 + number, f"a{number:02}", "ours", ip=f"203.0.{number}.9")
    table = story.table()
    arrivals = strangers.came(flat(table))
    arrivals = arrivals.mutate(told=ibis.literal(value=False), mail=ibis.literal(""))
    found = {one.name for ones in strangers.strangers(arrivals).values() for one in ones}
    assert not [name for name in found if name.startswith("staff")]
