from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.model.visit import Hop, Visit
from countersign.visits import facts, stitch
from story import Claims, Story

ACME = Claims(
    {"jdoe": "Jane Doe", "adm-jdoe": "Jane Doe", "svc-acme": "backup"}, services=frozenset({"svc-acme"})
)


def visits(story: Story, claims: Claims = ACME, order: list[int] | None = None) -> tuple[Visit, ...]:
    return stitch(story.table(order), claims, lambda _: 7)


def hop_to(visit: Visit, target: str) -> Hop:
    return next(hop for hop in visit.hops if hop.target == target)


def intrusion() -> Story:
    story = Story()
    story.machine(-600, "JUMP01", "10.0.0.5")
    story.machine(4000, "FILE01", "10.0.0.9")
    story.tunnel(0, "jdoe", "203.0.113.7", "10.9.0.4", "asa:1")
    story.logon(60, "JUMP01.corp.example", "adm-jdoe", "0x100", 3, "10.9.0.4")
    story.logon(65, "JUMP01.corp.example", "adm-jdoe", "0x200", 10, "10.9.0.4", session__uid_alt="0x201")
    story.logon(65, "JUMP01.corp.example", "adm-jdoe", "0x201", 10, "10.9.0.4", session__uid_alt="0x200")
    story.process(90, "JUMP01.corp.example", "adm-jdoe", "0x201", "cmd.exe /c whoami")
    story.explicit(300, "JUMP01.corp.example", "adm-jdoe", "0x200", "da-root", "FILE01")
    story.logon(301, "FILE01.corp.example", "da-root", "0x900", 3, "10.0.0.5")
    story.windows(
        305,
        "FILE01.corp.example",
        5140,
        4006,
        actor__user__name="da-root",
        actor__session__uid="0x900",
        share=r"\\*\C$",
    )
    story.process(320, "FILE01.corp.example", "da-root", "0x900", "rar.exe a -hp x.rar")
    story.logoff(600, "FILE01.corp.example", "da-root", "0x900")
    story.logoff(900, "JUMP01.corp.example", "adm-jdoe", "0x200")
    story.tunnel(1000, "jdoe", "203.0.113.7", "10.9.0.4", "asa:1", opens=False)
    return story


def test_vpn_to_jump_host_to_server_is_one_visit_with_the_reasons() -> None:
    (visit,) = visits(intrusion())
    assert (visit.provider, visit.person, visit.kind) == ("acme", "Jane Doe", "person")
    assert [(hop.source, hop.target, hop.protocol) for hop in visit.hops] == [
        ("203.0.113.7", "vpn01", "vpn"),
        ("10.9.0.4", "JUMP01", "rdp"),
        ("JUMP01", "FILE01", "smb"),
    ]
    vpn, jump, server = visit.hops
    assert (vpn.parent, jump.parent, server.parent) == (None, vpn.id, jump.id)
    assert (vpn.link.kind, jump.link.kind, server.link.kind) == ("entry", "inferred", "inferred")
    assert "leased 10.9.0.4" in jump.link.reason
    assert "explicit credentials" in server.link.reason
    assert not jump.credential_switch  # both accounts are hers
    assert server.credential_switch
    assert visit.end == vpn.end
    assert "source host" in server.seen_by  # the 4648


def test_split_token_and_network_level_authentication_make_one_hop_with_all_deeds() -> None:
    (visit,) = visits(intrusion())
    jump = hop_to(visit, "JUMP01")
    assert [action.text for action in jump.actions] == ["cmd.exe /c whoami"]
    assert [action.kind for action in hop_to(visit, "FILE01").actions] == ["share", "process"]
    assert all(reference.leaf == 7 for hop in visit.hops for reference in hop.records)


def test_equal_logon_guid_proves_the_link() -> None:
    story = Story()
    story.logon(0, "WS1", "jdoe", "0x10", 2)
    story.explicit(10, "WS1", "jdoe", "0x10", "other", "SRV1", session__uuid="{a}")
    story.logon(11, "SRV1", "other", "0x20", 3, "10.0.0.77", session__uuid="{a}")
    (visit,) = visits(story)
    assert hop_to(visit, "SRV1").link.kind == "proven"


def test_run_as_on_the_same_host_is_proven_by_the_logon_record() -> None:
    story = Story()
    story.logon(0, "WS1", "jdoe", "0x10", 2)
    story.explicit(9, "WS1", "jdoe", "0x10", "other", "localhost")
    story.logon(10, "WS1", "other", "0x20", 2, actor__session__uid="0x10")
    (visit,) = visits(story)
    child = visit.hops[1]
    assert (child.link.kind, child.account, child.credential_switch) == ("proven", "CORP\\other", True)


def test_session_open_before_the_logs_is_a_hop_of_unknown_start() -> None:
    story = Story()
    story.machine(-60, "WS5", "10.0.0.55")
    story.process(30, "WS5.corp.example", "jdoe", "0x77", "grunt.exe")
    story.logon(60, "WS6.corp.example", "jdoe", "0x88", 3, "10.0.0.55", src_endpoint__port=5001)
    (visit,) = visits(story)
    root, child = visit.hops
    assert (root.target, root.start, root.link.kind) == ("WS5", None, "entry")
    assert (child.source, child.target, child.link.kind) == ("WS5", "WS6", "inferred")
    assert visit.start is None


def test_a_hop_under_the_dns_name_of_its_domain_hangs_on_the_session_under_the_short_one() -> None:
    story = Story()
    sid = "S-1-5-21-1-2-3-1104"
    story.machine(-60, "WS5", "10.0.0.55")
    story.logon(0, "WS5", "jdoe", "0x77", 2, user__uid=sid)
    story.logon(60, "WS6", "jdoe", "0x88", 3, "10.0.0.55", user__uid=sid, domain="EAST.HOUSE.EXAMPLE")
    (visit,) = visits(story)
    assert [(hop.account, hop.target) for hop in visit.hops] == [("CORP\\jdoe", "WS5"), ("CORP\\jdoe", "WS6")]
    assert visit.hops[1].link.reason == "CORP\\jdoe had one open session on WS5"


def test_a_connection_seen_at_both_ends_proves_the_link() -> None:
    story = Story()
    story.process(30, "WS5", "jdoe", "0x77", "grunt.exe")
    story.windows(
        59,
        "WS5",
        5156,
        4001,
        src_endpoint__ip="10.0.0.55",
        src_endpoint__port=5001,
        dst_endpoint__ip="10.0.0.66",
        connection_info__direction_id=2,
    )
    story.logon(60, "WS6", "jdoe", "0x88", 3, "10.0.0.55", src_endpoint__port=5001)
    (visit,) = visits(story)
    child = visit.hops[1]
    assert (child.source, child.link.kind) == ("WS5", "proven")
    assert "source host" in child.seen_by


def test_two_open_sessions_on_the_source_host_are_ambiguous_and_both_are_kept() -> None:
    story = Story()
    story.machine(-60, "JUMP01", "10.0.0.5")
    story.logon(0, "JUMP01", "jdoe", "0x10", 10, "198.51.100.1")
    story.logon(100, "JUMP01", "jdoe", "0x20", 10, "198.51.100.2")
    story.logon(200, "SRV1", "jdoe", "0x30", 3, "10.0.0.5")
    found = visits(story)
    child = next(hop for visit in found for hop in visit.hops if hop.target == "SRV1")
    assert child.link.kind == "ambiguous"
    assert len(child.link.candidates) == 2
    assert child.parent == child.link.candidates[0]


def test_zero_guids_and_system_sessions_never_link() -> None:
    story = Story()
    story.logon(0, "WS1", "jdoe", "0x10", 2)
    story.process(5, "WS1", "SYSTEM", "0x3e7", "svchost.exe")
    story.logon(11, "SRV1", "stranger", "0x20", 3, "10.0.0.77")
    (visit,) = visits(story)
    assert len(visit.hops) == 1
    assert visit.hops[0].actions == ()


def test_network_logons_of_one_piece_of_work_are_one_hop() -> None:
    story = Story()
    for at in (0, 21, 300):
        story.logon(at, "SRV1", "jdoe", f"0x{at + 1:x}", 3, "198.51.100.1")
        story.logoff(at + 5, "SRV1", "jdoe", f"0x{at + 1:x}")
    (visit,) = visits(story)
    (hop,) = visit.hops
    assert hop.end is not None
    assert len(hop.records) == 6


def test_a_desktop_takes_its_authentication_with_it_from_the_network_logons_before() -> None:
    story = Story()
    story.machine(-600, "JUMP01", "10.0.0.5")
    for number, user in enumerate(("jdoe", "rroe")):
        story.logon(number, "JUMP01.corp.example", user, f"0x1{number}", 10, f"10.9.0.{number}")
    guid = "{0c0ffee0-0000-4000-8000-000000000001}"
    story.explicit(60, "JUMP01.corp.example", "jdoe", "0x10", "svc", "SRV1", session__uuid=guid)
    story.logon(61, "SRV1.corp.example", "svc", "0x30", 3, "10.0.0.5", session__uuid=guid)
    story.logoff(300, "SRV1.corp.example", "svc", "0x30")
    story.logon(500, "SRV1.corp.example", "svc", "0x31", 3, "10.0.0.5")
    story.logon(502, "SRV1.corp.example", "svc", "0x32", 10, "10.0.0.5")
    hops = [hop for visit in visits(story) for hop in visit.hops if hop.target == "SRV1"]
    assert sorted((hop.protocol, hop.link.kind) for hop in hops if hop.protocol != "rdp") == [
        ("network", "proven")
    ]
    assert [hop.link.kind for hop in hops if hop.protocol == "rdp"] != ["proven"]


def test_a_network_logon_after_a_desktop_that_had_its_authentication_is_somebody_elses() -> None:
    story = Story()
    story.machine(-600, "JUMP01", "10.0.0.5")
    for number, user in enumerate(("jdoe", "rroe")):
        story.logon(number, "JUMP01.corp.example", user, f"0x1{number}", 10, f"10.9.0.{number}")
    story.explicit(99, "JUMP01.corp.example", "jdoe", "0x10", "svc", "SRV1")
    story.logon(100, "SRV1.corp.example", "svc", "0x30", 3, "10.0.0.5")
    story.logon(101, "SRV1.corp.example", "svc", "0x31", 10, "10.0.0.5")
    guid = "{0c0ffee0-0000-4000-8000-000000000001}"
    story.explicit(107, "JUMP01.corp.example", "rroe", "0x11", "svc", "SRV1", session__uuid=guid)
    story.logon(108, "SRV1.corp.example", "svc", "0x40", 3, "10.0.0.5", session__uuid=guid)
    both = Claims({"jdoe": "Jane Doe", "rroe": "Richard Roe"})
    found = {
        visit.person: [hop for hop in visit.hops if hop.target == "SRV1"] for visit in visits(story, both)
    }
    assert {person: [(hop.protocol, hop.link.kind) for hop in hops] for person, hops in found.items()} == {
        "Jane Doe": [("rdp", "inferred")],
        "Richard Roe": [("network", "proven")],
    }


def test_what_a_remote_service_starts_joins_through_its_installation() -> None:
    story = Story()
    srv = "SRV1.corp.example"
    story.logon(0, srv, "jdoe", "0x10", 3, "198.51.100.1")
    story.windows(
        2,
        srv,
        5145,
        4006,
        actor__user__name="jdoe",
        actor__session__uid="0x10",
        share=r"\\*\IPC$",
        file__path="svcctl",
    )
    story.windows(3, srv, 7045, 201004, log="System", service__name="x", service__path=r"C:\Windows\x.exe")
    story.windows(
        4,
        srv,
        1,
        1007,
        log="Microsoft-Windows-Sysmon/Operational",
        user__name="SYSTEM",
        session__uid="0x3e7",
        process__path=r"C:\Windows\x.exe",
        process__cmd_line="x.exe -run",
        process__uid="{p1}",
        process__parent_process__path=r"C:\Windows\System32\services.exe",
    )
    story.windows(
        5,
        srv,
        1,
        1007,
        log="Microsoft-Windows-Sysmon/Operational",
        user__name="SYSTEM",
        session__uid="0x3e7",
        process__path=r"C:\Windows\cmd.exe",
        process__cmd_line="cmd.exe /c dir",
        process__parent_process__uid="{p1}",
    )
    (visit,) = visits(story)
    (hop,) = visit.hops
    assert hop.protocol == "scm"
    assert [action.kind for action in hop.actions] == ["share", "service", "process", "process"]


def test_ssh_from_a_declared_origin_is_a_visit_even_for_an_undeclared_account() -> None:
    story = Story()
    story.add(
        0,
        {
            "class_uid": 3002,
            "activity_id": 1,
            "status_id": 1,
            "metadata.log_name": "sshd",
            "device.hostname": "lnx01",
            "user.name": "root",
            "session.uid": "sshd:44",
            "src_endpoint.ip": "203.0.113.9",
            "src_endpoint.port": 4022,
            "auth_protocol": "publickey",
        },
    )
    (visit,) = visits(story, Claims(origins={"203.0.113.9": "acme"}))
    assert (visit.provider, visit.hops[0].protocol, visit.hops[0].account) == ("acme", "ssh", "root")


def test_an_ssh_session_ends_by_the_word_of_its_child_process() -> None:
    story = Story()
    for at, activity, pid, port in ((0, 1, 44, 4022), (0, 1, 44, 0), (300, 2, 50, 4022), (301, 2, 44, 0)):
        story.add(
            at,
            {
                "class_uid": 3002,
                "activity_id": activity,
                "status_id": 1,
                "metadata.log_name": "sshd",
                "device.hostname": "lnx01",
                "user.name": "jdoe",
                "session.uid": f"sshd:{pid}",
                "src_endpoint.ip": "203.0.113.9" if port else None,
                "src_endpoint.port": port or None,
            },
        )
    (visit,) = visits(story)
    (hop,) = visit.hops
    assert hop.start is not None
    assert hop.end is not None
    assert len(hop.records) == 4


def sshd_ends(story: Story, opened: float, closed: float, pid: int, port: int) -> None:
    """An SSH session of which the record that names its address at the beginning is lost."""
    common = {"class_uid": 3002, "status_id": 1, "metadata.log_name": "sshd", "device.hostname": "lnx01"}
    place = {"user.name": "jdoe", "session.uid": f"sshd:{pid}"}
    story.add(opened, {**common, **place, "activity_id": 1})
    child = {"user.name": "jdoe", "session.uid": f"sshd:{pid + 1}"}
    ends = {"activity_id": 2, "src_endpoint.ip": "203.0.113.9", "src_endpoint.port": port}
    story.add(closed, {**common, **child, **ends})
    story.add(closed + 0.5, {**common, **place, "activity_id": 2})


def test_an_ssh_session_whose_address_is_lost_has_that_of_the_end_that_came_with_its_own() -> None:
    story = Story()
    sshd_ends(story, 0, 300, 44, 4022)
    sshd_ends(story, 60, 900, 54, 4023)
    hops = [hop for visit in visits(story) for hop in visit.hops]
    assert [(hop.source_ip, len(hop.records)) for hop in hops] == [("203.0.113.9", 3)] * 2


def test_two_ssh_sessions_that_end_at_once_have_neithers_address() -> None:
    story = Story()
    sshd_ends(story, 0, 300, 44, 4022)
    sshd_ends(story, 60, 300.2, 54, 4023)
    hops = [hop for visit in visits(story) for hop in visit.hops]
    assert [hop.source_ip for hop in hops if hop.start is not None] == ["", ""]


def test_service_accounts_make_visits_of_kind_service() -> None:
    story = Story()
    story.logon(0, "SRV1", "svc-acme", "0x10", 5)
    (visit,) = visits(story)
    assert visit.kind == "service"


def test_nobody_declared_means_no_visits() -> None:
    assert visits(intrusion(), Claims()) == ()


@cache
def shape(order: tuple[int, ...] | None = None) -> list[object]:
    return [
        (v.id, v.start, v.end, [(h.id, h.parent, h.link, sorted(r.event for r in h.records)) for h in v.hops])
        for v in visits(intrusion(), order=order and list(order))
    ]


@settings(max_examples=12)
@given(st.permutations(range(len(intrusion().rows))))
def test_order_changes_nothing(order: list[int]) -> None:
    assert shape(tuple(order)) == shape()


def test_everything_read_is_a_column_of_the_schema() -> None:
    facts.check_columns()


@pytest.mark.parametrize("table", [Story().arrow()])
def test_an_empty_table_has_no_visits(table: object) -> None:
    del table
    assert visits(Story()) == ()


def accepted(
    story: Story, at: float, pid: int, user: str, *, closed: float | None = None, ip: str = "203.0.113.9"
) -> None:
    """An SSH session from one and the same port."""
    common = {"class_uid": 3002, "status_id": 1, "metadata.log_name": "sshd", "device.hostname": "lnx01"}
    place = {"user.name": user, "session.uid": f"sshd:{pid}"}
    story.add(at, {**common, **place, "activity_id": 1, "src_endpoint.ip": ip, "src_endpoint.port": 4022})
    if closed is not None:
        story.add(closed, {**common, **place, "activity_id": 2})


def test_a_port_that_comes_again_does_not_make_two_ssh_sessions_one() -> None:
    story = Story()
    accepted(story, 0, 44, "jdoe")
    accepted(story, 3600, 45, "mallory")
    accepted(story, 7200, 46, "jdoe")
    found = visits(story, Claims({"jdoe": "Jane Doe"}, {"203.0.113.9": "acme"}))
    assert sorted(hop.account for visit in found for hop in visit.hops) == ["jdoe", "jdoe", "mallory"]


def test_an_undeclared_account_from_an_origin_has_its_end() -> None:
    story = Story()
    accepted(story, 0, 44, "mallory", closed=60)
    (visit,) = visits(story, Claims(origins={"203.0.113.9": "acme"}))
    assert visit.end is not None


def test_a_refused_logon_hangs_on_the_hop_it_came_from() -> None:
    story = intrusion()
    story.windows(
        400,
        "DC01.corp.example",
        4625,
        3002,
        status_id=2,
        user__name="adm-jdoe",
        user__domain="CORP",
        src_endpoint__ip="10.0.0.5",
    )
    (visit,) = visits(story)
    assert "refused logon to DC01 as CORP\\adm-jdoe (4625)" in [
        a.text for a in hop_to(visit, "JUMP01").actions
    ]


def test_an_address_of_many_machines_is_none_of_them() -> None:
    story = Story()
    for number in range(3):
        story.machine(number, f"WARD{number}", "10.0.0.5")
    story.logon(60, "FILE01", "adm-jdoe", "0x900", 3, "10.0.0.5")
    (visit,) = visits(story)
    assert visit.hops[0].source == "10.0.0.5"


def test_an_address_that_passes_from_host_to_host_is_each_in_its_time() -> None:
    story = Story()
    for number in range(6):
        story.machine(number * 7200, f"WS{number % 2}", "10.0.0.5")
    for number in range(6):
        story.logon(number * 7200 + 60, "FILE01", "adm-jdoe", f"0x90{number}", 3, "10.0.0.5")
    assert [visit.hops[0].source for visit in visits(story)] == [f"WS{number % 2}" for number in range(6)]


def test_a_token_whose_logon_is_lost_goes_with_the_desktop_that_was_open_around_it() -> None:
    story = Story()
    story.logon(0, "JUMP01", "jdoe", "0x100", 10, "203.0.113.7")
    story.process(60, "JUMP01", "jdoe", "0x101", "whoami.exe")
    story.logoff(600, "JUMP01", "jdoe", "0x101")
    story.logoff(601, "JUMP01", "jdoe", "0x100")
    (visit,) = visits(story)
    assert [[action.text for action in hop.actions] for hop in visit.hops] == [["whoami.exe"]]


def test_of_two_desktops_a_lost_token_goes_with_the_one_that_ended_with_it() -> None:
    story = Story()
    for number, end in ((1, 600), (2, 900)):
        story.logon(number, "JUMP01", "jdoe", f"0x{number}00", 10, f"203.0.113.{number}")
        story.logoff(end, "JUMP01", "jdoe", f"0x{number}00")
    story.process(60, "JUMP01", "jdoe", "0x101", "whoami.exe")
    story.logoff(601, "JUMP01", "jdoe", "0x101")
    first, second = visits(story)
    assert [action.text for action in first.hops[0].actions] == ["whoami.exe"]
    assert not second.hops[0].actions
