"""What other vantage points than the target host tell of a hop."""

from __future__ import annotations

from typing import Any

import pytest

from countersign.model.visit import Hop, Visit
from countersign.visits import stitch
from story import Claims, Story

ACME = Claims({"jdoe": "Jane Doe", "shared": "a shared account"})
JUMP = "JUMP01.corp.example"
SYSMON = "Microsoft-Windows-Sysmon/Operational"


def estate() -> Story:
    """Jane Doe at the jump host, twice at a time: sessions 0x10 and 0x20."""
    story = Story()
    story.machine(-600, "JUMP01", "10.0.0.5")
    story.machine(-500, "FILE01", "10.0.0.9")
    story.machine(-400, "QUIET", "10.0.0.66")
    story.logon(0, JUMP, "jdoe", "0x10", 10, "203.0.113.7")
    story.logon(50, JUMP, "jdoe", "0x20", 10, "203.0.113.8")
    return story


def started(story: Story, at: float, session: str, process: str, command: str) -> None:
    """Sysmon 1."""
    story.windows(
        at, JUMP, 1, 1007, SYSMON,
        user__name="jdoe", user__domain="CORP", session__uid=session, process__uid=process, process__cmd_line=command,
        process__path=command.split(maxsplit=1)[0],
    )  # fmt: skip


def connected(
    story: Story, at: float, target: str, port: int, process: str, from_port: int = 50000, **more: Any
) -> None:
    """Sysmon 3."""
    story.windows(
        at, JUMP, 3, 4001, SYSMON,
        **{
            "user__name": "jdoe", "user__domain": "CORP", "process__uid": process, "src_endpoint__ip": "10.0.0.5",
            "src_endpoint__port": from_port, "dst_endpoint__ip": target, "dst_endpoint__port": port,
            "connection_info__direction_id": 2, **more,
        },
    )  # fmt: skip


def ticket(story: Story, at: float, user: str, service: str, guid: str = "", ip: str = "10.0.0.5") -> None:
    """4769 on the domain controller."""
    story.windows(
        at, "DC01.corp.example", 4769, 3002,
        user__name=user, user__domain="CORP", service__name=service, session__uuid=guid or None, src_endpoint__ip=ip,
        activity_id=4,
    )  # fmt: skip


def hops(story: Story) -> list[Hop]:
    return [hop for visit in told(story) for hop in visit.hops]


def told(story: Story) -> tuple[Visit, ...]:
    return stitch(story.table(), ACME, lambda _: 7)


def parent_of(hop: Hop, found: list[Hop]) -> Hop:
    return next(other for other in found if other.id == hop.parent)


def test_a_connection_to_a_host_that_logs_nothing_is_a_hop_of_the_session_whose_process_opened_it() -> None:
    story = estate()
    started(story, 100, "0x10", "p1", "ssh.exe root@quiet")
    connected(story, 101, "10.0.0.66", 22, "p1")
    found = hops(story)
    (quiet,) = [hop for hop in found if hop.target == "QUIET"]
    assert (quiet.protocol, quiet.account, quiet.source, quiet.link.kind) == (
        "ssh",
        "root",
        "JUMP01",
        "proven",
    )
    assert parent_of(quiet, found).session == "0x10"
    assert "0x10 on JUMP01 connected to QUIET:22" in quiet.link.reason


def test_without_the_process_two_open_sessions_of_the_account_leave_it_ambiguous() -> None:
    story = estate()
    connected(story, 101, "10.0.0.66", 22, "unseen")
    (quiet,) = [hop for hop in hops(story) if hop.target == "QUIET"]
    assert quiet.link.kind == "ambiguous"
    assert len(quiet.link.candidates) == 2


@pytest.mark.parametrize("session", ["0x10", "0x20"])
def test_the_same_port_at_both_ends_tells_the_session_whatever_the_account(session: str) -> None:
    story = estate()
    started(story, 100, session, "p1", "mstsc.exe")
    connected(story, 101, "10.0.0.9", 3389, "p1", 50123)
    story.logon(104, "FILE01.corp.example", "shared", "0x900", 10, "10.0.0.5", src_endpoint__port=50123)
    found = hops(story)
    (there,) = [hop for hop in found if hop.target == "FILE01"]
    assert there.link.kind == "proven"
    assert parent_of(there, found).session == session


def test_a_child_tells_the_session_of_a_process_whose_start_is_not_logged() -> None:
    story = estate()
    started(story, 90, "0x20", "p2", "whoami.exe")
    story.rows[-1][1]["process.parent_process.uid"] = "p1"
    connected(story, 101, "10.0.0.66", 445, "p1")
    found = hops(story)
    (quiet,) = [hop for hop in found if hop.target == "QUIET"]
    assert parent_of(quiet, found).session == "0x20"


def test_credentials_used_for_a_host_that_logs_nothing_are_a_hop_and_for_one_that_logs_none() -> None:
    story = estate()
    story.explicit(100, JUMP, "jdoe", "0x20", "shared", "QUIET")
    story.explicit(200, JUMP, "jdoe", "0x20", "shared", "FILE01")
    story.process(300, "FILE01.corp.example", "somebody", "0x5", "calc.exe")  # it logs
    found = hops(story)
    (quiet,) = [hop for hop in found if hop.target == "QUIET"]
    assert (quiet.account, quiet.link.kind, parent_of(quiet, found).session) == (
        r"CORP\shared",
        "inferred",
        "0x20",
    )
    assert all(hop.target != "FILE01" for hop in found)


def test_a_ticket_gives_a_logon_without_address_its_source() -> None:
    story = estate()
    guid = "1b2c3d4e-0000-0000-0000-000000000001"
    ticket(story, 100, "jdoe", "FILE01$", guid)
    story.logon(500, "FILE01.corp.example", "jdoe", "0x900", 3, "", session__uuid=guid)
    (there,) = [hop for hop in hops(story) if hop.target == "FILE01"]
    assert (there.source, there.source_ip) == ("JUMP01", "10.0.0.5")


def test_tickets_of_two_places_tell_nothing() -> None:
    story = estate()
    story.machine(-300, "WS9", "10.0.0.99")
    ticket(story, 99, "jdoe", "FILE01$")
    ticket(story, 100, "jdoe", "FILE01$", ip="10.0.0.99")
    story.logon(101, "FILE01.corp.example", "jdoe", "0x900", 3, "")
    there = [hop for hop in hops(story) if hop.target == "FILE01"]
    assert [hop.source for hop in there] == [""]


def test_further_connections_of_one_piece_of_work_are_no_further_hops() -> None:
    story = estate()
    started(story, 100, "0x10", "p1", "explorer.exe")
    story.logon(101, "FILE01.corp.example", "jdoe", "0x900", 3, "10.0.0.5")
    for number in range(5):
        connected(story, 100 + 60 * number, "10.0.0.9", 445, "p1", 50000 + number)
        connected(story, 100 + 60 * number, "10.0.0.66", 445, "p1", 51000 + number)
    assert sorted(hop.target for hop in hops(story)) == ["FILE01", "JUMP01", "JUMP01", "QUIET"]


def test_tickets_to_controllers_and_connections_to_no_door_are_no_hops() -> None:
    story = estate()
    ticket(story, 100, "jdoe", "DC01$")
    connected(story, 100, "10.0.0.66", 443, "p1")
    connected(story, 100, "10.0.0.66", 60000, "p1", 50001)
    assert {hop.target for hop in hops(story)} == {"JUMP01"}


def sensor(
    story: Story, at: float, source: str, target: str, kind: int, port: int, from_port: int = 40000
) -> None:
    """A line of one of Zeek's logs."""
    story.add(at, {
        "class_uid": kind, "metadata.product": "Zeek", "metadata.log_name": {4006: "smb_mapping", 4002: "http"}[kind],
        "src_endpoint.ip": source, "src_endpoint.port": from_port, "dst_endpoint.ip": target, "dst_endpoint.port": port,
    })  # fmt: skip


def test_a_sensor_and_a_controller_together_tell_of_a_hop_that_neither_tells_alone() -> None:
    story = Story()
    story.machine(-600, "JUMP01", "10.0.0.5")
    story.machine(-400, "QUIET", "10.0.0.66")
    story.logon(0, JUMP, "jdoe", "0x10", 10, "203.0.113.7")
    sensor(story, 100, "10.0.0.5", "10.0.0.66", 4006, 445)
    assert {hop.target for hop in hops(story)} == {"JUMP01"}  # whoever it was
    story.windows(
        101, "DC01.corp.example", 4776, 3002, user__name="jdoe", user__domain="CORP", src_endpoint__hostname="JUMP01",
        activity_id=4,
    )  # fmt: skip
    found = hops(story)
    (quiet,) = [hop for hop in found if hop.target == "QUIET"]
    assert (quiet.protocol, quiet.account, parent_of(quiet, found).session) == ("smb", r"CORP\jdoe", "0x10")


def test_what_a_sensor_saw_from_a_leased_address_is_one_hop_for_each_piece_of_work() -> None:
    story = Story()
    story.machine(-400, "QUIET", "10.0.0.66")
    story.tunnel(0, "jdoe", "203.0.113.7", "10.9.0.4", "asa:1")
    for at in (60, 90, 5000):
        sensor(story, at, "10.9.0.4", "10.0.0.66", 4002, 5985, 40000 + at)
    assert [hop.target for hop in hops(story)] == ["vpn01", "QUIET", "QUIET"]


def test_an_address_of_the_pool_goes_with_the_tunnel_whose_lease_is_lost() -> None:
    story = Story()
    story.tunnel(-90000, "other", "203.0.113.99", "10.9.0.4", "asa:0")  # shows the pool; it never ends
    story.tunnel(0, "jdoe", "203.0.113.7", "", "asa:1")
    story.rows[-1][1]["tunnel_interface.ip"] = None
    story.logon(60, "FILE01", "jdoe", "0x900", 10, "10.9.0.9")
    story.tunnel(-95000, "jdoe", "203.0.113.7", "10.9.0.7", "asa:2")
    story.tunnel(-94000, "jdoe", "203.0.113.7", "10.9.0.7", "asa:2", opens=False)
    late = told(story)[-1]
    assert [hop.target for hop in late.hops] == ["vpn01", "FILE01"]
    assert "pool" in late.hops[1].link.reason


def test_one_who_comes_back_by_another_tunnel_comes_anew() -> None:
    story = Story()
    for number, at in enumerate((0, 3000)):
        story.tunnel(at, "jdoe", "203.0.113.7", f"10.9.0.{number + 4}", f"asa:{number}")
        story.logon(at + 60, JUMP, "jdoe", f"0x{number + 1}00", 10, f"10.9.0.{number + 4}")
        story.tunnel(at + 900, "jdoe", "203.0.113.7", f"10.9.0.{number + 4}", f"asa:{number}", opens=False)
    assert [[hop.target for hop in visit.hops] for visit in told(story)] == [["vpn01", "JUMP01"]] * 2


@pytest.mark.parametrize(
    ("command", "protocol", "account"),
    [
        (r"C:\Windows\System32\OpenSSH\ssh.exe root@lnx7", "ssh", "root"),
        (r"C:\Windows\System32\OpenSSH\ssh.exe -v -p 2222 lnx7", "ssh", r"CORP\jdoe"),
        (r"C:\Windows\System32\mstsc.exe /v:lnx7 /f", "rdp", r"CORP\jdoe"),
        (r"C:\Windows\System32\net.exe use \\lnx7\C$", "smb", r"CORP\jdoe"),
        (r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe -NoProfile Enter-PSSession -ComputerName lnx7", "winrm",
         r"CORP\jdoe"),
        (r"C:\Windows\System32\sc.exe \\lnx7 query", "scm", r"CORP\jdoe"),
    ],
)  # fmt: skip
def test_a_client_started_for_a_host_that_logs_nothing_is_a_hop(
    command: str, protocol: str, account: str
) -> None:
    story = estate()
    story.process(100, JUMP, "jdoe", "0x20", command)
    found = hops(story)
    (there,) = [hop for hop in found if hop.target == "lnx7"]
    assert (there.protocol, there.account, there.link.kind) == (protocol, account, "inferred")
    assert parent_of(there, found).session == "0x20"


@pytest.mark.parametrize(
    "command",
    [
        r"C:\Windows\System32\net.exe user",
        r"C:\Windows\System32\ssh.exe",
        "ssh.exe localhost",
        "sc.exe query",
    ],
)
def test_a_command_that_names_no_other_host_is_no_hop(command: str) -> None:
    story = estate()
    story.process(100, JUMP, "jdoe", "0x20", command)
    assert {hop.target for hop in hops(story)} == {"JUMP01"}


def test_a_client_started_for_a_host_that_logs_is_no_second_hop() -> None:
    story = estate()
    story.process(100, JUMP, "jdoe", "0x20", r"C:\Windows\System32\net.exe use \\FILE01\C$")
    story.logon(101, "FILE01.corp.example", "jdoe", "0x900", 3, "10.0.0.5")
    found = hops(story)
    (there,) = [hop for hop in found if hop.target == "FILE01"]
    assert parent_of(there, found).session == "0x20"  # of two open ones, as the command tells


def test_a_client_and_its_connection_are_one_hop_to_the_host_that_the_client_was_given() -> None:
    story = estate()
    started(story, 100, "0x20", "p1", r"C:\\OpenSSH\\ssh.exe root@lnx7")
    connected(story, 101, "10.0.0.77", 22, "p1", process__path=r"C:\\OpenSSH\\ssh.exe")
    found = hops(story)
    (there,) = [hop for hop in found if hop.target != "JUMP01"]
    assert (there.target, there.account, there.link.kind) == ("lnx7", "root", "proven")
    assert parent_of(there, found).session == "0x20"


def test_a_ticket_from_an_address_of_two_networks_is_of_the_host_at_which_its_account_was_at_work() -> None:
    story = Story()
    for number in range(8):  # by turns: behind translation another site has the same private network
        story.machine(-14_400 + 3600 * number, "FAR9" if number % 2 else "JUMP01", "10.0.0.5")
    story.logon(0, JUMP, "jdoe", "0x20", 10, "10.9.0.4")
    story.logoff(6000, JUMP, "jdoe", "0x20")
    ticket(story, 3500, "jdoe", "MUTE7$")  # nearer to a word of FAR9 than to one of JUMP01
    (hop,) = [hop for hop in hops(story) if hop.target == "MUTE7"]
    assert (hop.source, hop.link.kind) == ("JUMP01", "inferred")
