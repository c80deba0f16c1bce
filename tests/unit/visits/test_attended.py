"""Whose a connection was where nothing names the account: clients started just then, and who alone was at work there."""

from __future__ import annotations

import pytest

from countersign.model.visit import Hop, Visit
from countersign.visits import stitch
from story import Claims, Story

ACME = Claims({"adm-jdoe": "Jane Doe", "adm-ray": "Ray Roe", "svc-acme": "backup"})
JUMP = "JUMP01.corp.example"
SILENT = "10.0.0.77"


def visits(story: Story) -> tuple[Visit, ...]:
    return stitch(story.table(), ACME, lambda _: 7)


def to(story: Story, target: str) -> list[Hop]:
    return [hop for visit in visits(story) for hop in visit.hops if hop.target == target]


def desks(*users: str) -> Story:
    """Desktops of these accounts on the jump host, sessions 0x20, 0x21 and so on."""
    story = Story()
    story.machine(-600, "JUMP01", "10.0.0.5")
    for index, user in enumerate(users):
        story.logon(index, JUMP, user, f"0x2{index}", 10, f"10.9.0.{4 + index}")
    return story


def ssh_seen(story: Story, at: float, port: int = 50001, target: str = SILENT) -> None:
    story.add(
        at,
        {
            "class_uid": 4007,
            "activity_id": 6,
            "metadata.product": "Zeek",
            "metadata.log_name": "ssh",
            "src_endpoint.ip": "10.0.0.5",
            "src_endpoint.port": port,
            "dst_endpoint.ip": target,
            "dst_endpoint.port": 22,
        },
    )


def started(
    story: Story, at: float, user: str, session: str, path: str = r"C:\Windows\System32\OpenSSH\ssh.exe"
) -> None:
    """4688 without a command line."""
    story.windows(
        at,
        JUMP,
        4688,
        1007,
        actor__user__name=user,
        actor__user__domain="CORP",
        actor__session__uid=session,
        process__path=path,
    )


def test_a_connection_to_a_host_that_logs_nothing_is_of_the_session_that_started_a_client() -> None:
    story = desks("adm-jdoe", "adm-ray")
    started(story, 299, "adm-jdoe", "0x20")
    ssh_seen(story, 300)
    (hop,) = to(story, SILENT)
    assert (hop.account, hop.source, hop.protocol) == (r"CORP\adm-jdoe", "JUMP01", "ssh")
    assert hop.link.kind == "inferred"
    assert "session 0x20 on JUMP01 started ssh.exe" in hop.link.reason


def test_without_a_client_it_is_of_the_only_one_at_work_there() -> None:
    story = desks("adm-jdoe")
    ssh_seen(story, 300)
    (hop,) = to(story, SILENT)
    assert hop.link.kind == "inferred"
    assert "alone was at work" in hop.link.reason


def test_of_two_at_work_it_is_ambiguous_whose_it_was() -> None:
    story = desks("adm-jdoe", "adm-ray")
    ssh_seen(story, 300)
    (hop,) = to(story, SILENT)
    assert (hop.link.kind, len(hop.link.candidates)) == ("ambiguous", 2)


def lasting(story: Story, at: float, seconds: int, port: int = 50001) -> None:
    """Zeek's word of the connection itself, which alone tells how long it lasted."""
    story.add(
        at,
        {
            "class_uid": 4001,
            "activity_id": 6,
            "metadata.product": "Zeek",
            "metadata.log_name": "conn",
            "src_endpoint.ip": "10.0.0.5",
            "src_endpoint.port": port,
            "dst_endpoint.ip": SILENT,
            "dst_endpoint.port": 22,
            "duration": seconds * 1000,
        },
    )


def test_a_connection_that_outlasts_a_session_was_not_opened_in_it() -> None:
    story = desks("adm-jdoe", "adm-ray")
    ssh_seen(story, 300)
    lasting(story, 299.9, 600)
    assert to(story, SILENT)[0].link.kind == "ambiguous"
    story.logoff(400, JUMP, "adm-ray", "0x21")
    (hop,) = to(story, SILENT)
    assert (hop.account, hop.link.kind) == (r"CORP\adm-jdoe", "inferred")


def test_who_is_at_work_on_a_further_host_comes_after_who_is_not() -> None:
    story = desks("adm-jdoe", "adm-ray")
    story.logon(200, "SRV1.corp.example", "adm-ray", "0x70", 10, "10.0.0.5")
    story.logoff(500, "SRV1.corp.example", "adm-ray", "0x70")
    ssh_seen(story, 300)
    (hop,) = to(story, SILENT)
    assert (hop.account, hop.link.kind) == (r"CORP\adm-jdoe", "ambiguous")
    assert len(hop.link.candidates) == 2


def test_where_somebody_else_was_at_the_desk_it_is_no_providers_hop() -> None:
    story = desks("adm-jdoe", "their-admin")
    ssh_seen(story, 300)
    assert not to(story, SILENT)


def test_a_host_that_opens_such_connections_by_itself_tells_nothing() -> None:
    story = desks("adm-jdoe")
    for index in range(10):
        ssh_seen(story, -40_000 + 300 * index, 51_000 + index)
    ssh_seen(story, 300)
    assert not to(story, SILENT)


def test_a_connection_that_the_target_logs_is_no_second_hop_whatever_its_address() -> None:
    story = desks("adm-jdoe")
    ssh_seen(story, 300, 50_001, "10.0.0.40")
    story.add(
        301,
        {
            "class_uid": 3002,
            "activity_id": 1,
            "status_id": 1,
            "metadata.product": "OpenSSH",
            "metadata.log_name": "sshd",
            "device.hostname": "lnx01",
            "user.name": "adm-jdoe",
            "session.uid": "sshd:77",
            "src_endpoint.ip": "10.0.0.5",
            "src_endpoint.port": 50_001,
        },
    )
    assert len(to(story, "lnx01")) == 1
    assert not to(story, "10.0.0.40")


@pytest.mark.parametrize("path", [r"C:\Windows\System32\sc.exe", r"C:\Windows\System32\schtasks.exe"])
def test_of_two_sessions_of_one_account_the_one_that_started_a_client_is_taken(path: str) -> None:
    story = desks("svc-acme", "svc-acme")
    started(story, 299, "svc-acme", "0x20", path)
    story.logon(300, "FILE01.corp.example", "svc-acme", "0x90", 3, "10.0.0.5")
    found = [hop for visit in visits(story) for hop in visit.hops]
    (server,) = [hop for hop in found if hop.target == "FILE01"]
    (parent,) = [hop for hop in found if hop.id == server.parent]
    assert (server.link.kind, parent.source) == ("inferred", "10.9.0.4")


def test_a_program_that_goes_nowhere_tells_nothing() -> None:
    story = desks("svc-acme", "svc-acme")
    started(story, 299, "svc-acme", "0x20", r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe")
    story.logon(300, "FILE01.corp.example", "svc-acme", "0x90", 3, "10.0.0.5")
    (server,) = to(story, "FILE01")
    assert server.link.kind == "ambiguous"


@pytest.mark.parametrize("guid", ["", "8e7c7add-4955-46dd-9dbb-41cb43157e6d"])
def test_network_logons_of_a_shared_account_for_which_two_sessions_used_credentials_are_two_hops(
    guid: str,
) -> None:
    story = desks("adm-jdoe", "adm-ray")
    for at, user, session, key in ((100, "adm-jdoe", "0x20", "0x90"), (400, "adm-ray", "0x21", "0x91")):
        shared = {"session__uuid": guid.replace("8", key[-1])} if guid else {}
        story.explicit(at, JUMP, user, session, "svc-acme", "FILE01.corp.example", **shared)
        story.logon(at, "FILE01.corp.example", "svc-acme", key, 3, "10.0.0.5", **shared)
    parents = {hop.parent for hop in to(story, "FILE01")}
    assert len(parents) == 2


def test_an_account_that_is_nowhere_open_came_from_the_session_that_started_a_client_for_its_host() -> None:
    story = desks("adm-jdoe", "adm-ray")
    story.process(299, JUMP, "adm-ray", "0x21", r"C:\Windows\System32\wbem\WMIC.exe /node:FILE01 os get")
    story.logon(300, "FILE01.corp.example", "svc-acme", "0x90", 3, "10.0.0.5")
    (server,) = to(story, "FILE01")
    assert server.link.kind == "inferred"
    assert "session 0x21 on JUMP01 started WMIC.exe" in server.link.reason


def test_a_logon_before_credentials_were_used_is_no_part_of_the_work_that_they_were_used_for() -> None:
    story = desks("adm-jdoe", "adm-ray")
    shared = {"session__uuid": "8e7c7add-4955-46dd-9dbb-41cb43157e6d"}
    story.process(99, JUMP, "adm-jdoe", "0x20", "powershell.exe Enter-PSSession -ComputerName FILE01")
    story.logon(100, "FILE01.corp.example", "svc-acme", "0x90", 3, "10.0.0.5")
    story.explicit(400, JUMP, "adm-ray", "0x21", "svc-acme", "FILE01.corp.example", **shared)
    story.logon(400, "FILE01.corp.example", "svc-acme", "0x91", 3, "10.0.0.5", **shared)
    first, second = to(story, "FILE01")
    assert (first.link.kind, second.link.kind) == ("inferred", "proven")
    assert "0x20" in first.link.reason
    assert first.parent != second.parent


def test_of_two_hosts_with_one_address_it_left_the_one_at_which_somebody_was_at_work() -> None:
    story = Story()
    for number in range(8):  # by turns: behind translation another site has the same private network
        story.machine(-14_400 + 3600 * number, "FAR9" if number % 2 else "JUMP01", "10.0.0.5")
    story.logon(0, JUMP, "adm-jdoe", "0x20", 10, "10.9.0.4")
    story.logoff(6000, JUMP, "adm-jdoe", "0x20")
    ssh_seen(story, 3500)  # nearer to a word of FAR9 than to one of JUMP01
    (hop,) = to(story, SILENT)
    assert (hop.account, hop.source, hop.link.kind) == (r"CORP\adm-jdoe", "JUMP01", "inferred")
