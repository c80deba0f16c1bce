"""What was done in a hop: files, scripts, services, account changes, who started what."""

from __future__ import annotations

import pytest

from countersign.model.visit import Hop
from countersign.visits import stitch
from story import Claims, Story

ACME = Claims({"jdoe": "Jane Doe"})
HOST = "APP01.corp.example"
SYSMON = "Microsoft-Windows-Sysmon/Operational"
POWERSHELL = "Microsoft-Windows-PowerShell/Operational"
SID = "S-1-5-21-1-2-3-1104"


def at_work() -> Story:
    """A desktop of jdoe on APP01 of an hour, from somewhere else."""
    story = Story()
    story.logon(0, HOST, "jdoe", "0x10", 10, "10.0.0.77", user__uid=SID)
    story.logoff(3600, HOST, "jdoe", "0x10")
    return story


def hop_of(story: Story, order: list[int] | None = None) -> Hop:
    (visit,) = stitch(story.table(order), ACME, lambda _: 7)
    return next(hop for hop in visit.hops if hop.target == "APP01")


def told(story: Story, kind: str, order: list[int] | None = None) -> list[str]:
    return [action.text for action in hop_of(story, order).actions if action.kind == kind]


def made_file(story: Story, at: float, path: str, user: str = "jdoe", **more: object) -> None:
    story.windows(
        at, HOST, 11, 1001, log=SYSMON, user__name=user, user__domain="CORP", file__path=path, **more
    )


def account(story: Story, code: int, class_uid: int, activity: int, **more: object) -> None:
    story.windows(
        60,
        HOST,
        code,
        class_uid,
        actor__user__name="jdoe",
        actor__user__domain="CORP",
        actor__session__uid="0x10",
        activity_id=activity,
        **more,
    )


def test_files_that_a_process_made_hang_on_its_hop() -> None:
    story = at_work()
    story.process(10, HOST, "jdoe", "0x10", "robocopy.exe", process__uid="{p}", process__pid=44)
    made_file(story, 20, r"C:\Temp\a.zip", process__uid="{p}")
    made_file(story, 21, r"C:\Temp\b.zip")  # by the account, whose one open hop this is
    made_file(story, 22, r"C:\Temp\c.zip", user="somebody")
    assert told(story, "file") == [r"file made: C:\Temp\a.zip", r"file made: C:\Temp\b.zip"]


def test_many_files_of_a_folder_are_counted_after_the_first() -> None:
    story = at_work()
    for number in range(300):
        made_file(story, 20 + number, rf"C:\Data\{number:03}.csv")
    made_file(story, 400, r"C:\Temp\one.txt")
    files = told(story, "file")
    assert files[:5] == [rf"file made: C:\Data\{number:03}.csv" for number in range(5)]
    assert files[5:] == [
        "295 more files made in C:\\Data\\, until 2026-03-02 09:05:19 UTC",
        r"file made: C:\Temp\one.txt",
    ]
    assert told(story, "file", list(reversed(range(len(story.rows))))) == files


def test_an_audited_access_is_a_file_if_it_may_write() -> None:
    story = at_work()
    who = {"actor__user__name": "jdoe", "actor__user__domain": "CORP", "actor__session__uid": "0x10"}
    for at, path, mask in ((10, r"C:\a", "0x2"), (11, r"C:\b", "0x1"), (12, r"\REGISTRY\MACHINE\c", "0x2")):
        story.windows(at, HOST, 4663, 0, **who)
        story.rows[-1][2].update(ObjectName=path, AccessMask=mask)
    for at, share, name, mask in (
        (20, r"\\*\D$", "x.txt", "0x120196"),
        (21, r"\\*\D$", "y.txt", "0x120089"),
        (22, r"\\*\IPC$", "srvsvc", "0x12019f"),
    ):
        story.windows(at, HOST, 5145, 4006, share=share, file__path=name, **who)
        story.rows[-1][2].update(AccessMask=mask)
    assert told(story, "file") == [r"file written: C:\a", r"file written: \\*\D$\x.txt"]
    assert told(story, "share") == [r"\\*\D$\y.txt", r"\\*\IPC$\srvsvc"]


def test_script_blocks_hang_by_process_and_by_number_of_the_account() -> None:
    story = at_work()
    story.process(10, HOST, "jdoe", "0x10", "powershell.exe", process__pid=4711)
    for at, pid, sid, text in (
        (11, 4711, "S-1-5-18", "Get-Process"),
        (12, 1, SID, "Get-Service"),
        (13, 2, "S-1-5-21-1-2-3-9999", "not hers"),
        (14, 4711, "S-1-5-21-1-2-3-9999", "of another, whose process got the number"),
    ):
        story.windows(at, HOST, 4104, 1009, log=POWERSHELL, actor__user__uid=sid, process__pid=pid)
        story.rows[-1][2]["ScriptBlockText"] = text
    assert told(story, "script") == ["Get-Process", "Get-Service"]


def stopped(story: Story, at: float, service: str, state: str = "stopped") -> None:
    story.windows(at, HOST, 7036, 0, log="System")
    story.rows[-1][2].update(param1=service, param2=state)


def test_a_service_that_stopped_is_of_the_hop_whose_command_named_it() -> None:
    story = at_work()
    story.logon(5, HOST, "other", "0x99", 10, "10.0.0.78")
    story.process(10, HOST, "jdoe", "0x10", "sc.exe stop CSFalconService")
    stopped(story, 90, "CSFalconService")
    stopped(story, 91, "Spooler", "running")
    assert told(story, "service") == ["stopped service CSFalconService (7036)"]


@pytest.mark.parametrize(("earlier", "found"), [(False, 1), (True, 0)])
def test_a_service_that_stops_by_itself_is_nobodys(earlier: bool, found: int) -> None:
    story = at_work()
    stopped(story, 600, "Sensor")
    if earlier:
        stopped(story, -4000, "Sensor")
    assert len(told(story, "service")) == found


@pytest.mark.parametrize(
    ("code", "class_uid", "activity", "words"),
    [
        (4720, 3001, 1, r"account made: CORP\eve by CORP\jdoe (4720)"),
        (4722, 3001, 2, r"account enabled: CORP\eve by CORP\jdoe (4722)"),
        (4724, 3001, 4, r"password reset: CORP\eve by CORP\jdoe (4724)"),
        (4726, 3001, 6, r"account deleted: CORP\eve by CORP\jdoe (4726)"),
        (4738, 3001, 99, r"account changed: CORP\eve by CORP\jdoe (4738)"),
    ],
)
def test_account_changes_say_what_to_whom_by_whom(
    code: int, class_uid: int, activity: int, words: str
) -> None:
    story = at_work()
    account(story, code, class_uid, activity, user__name="eve", user__domain="CORP")
    assert told(story, "account") == [words]


@pytest.mark.parametrize(
    ("activity", "way"), [(3, r"added to group Administrators"), (4, r"removed from group Administrators")]
)
def test_a_member_that_only_has_a_number_gets_the_name_that_was_told_elsewhere(
    activity: int, way: str
) -> None:
    story = at_work()
    sid = "S-1-5-21-7-7-7-1000"
    account(story, 4720, 3001, 1, user__name="backdoor", user__domain="APP01", user__uid=sid)
    account(story, 4732, 3006, activity, user__name="-", user__uid=sid, group__name="Administrators")
    assert told(story, "account") == [
        r"account made: APP01\backdoor by CORP\jdoe (4720)",
        rf"APP01\backdoor {way} by CORP\jdoe (4732)",
    ] or told(story, "account") == [
        rf"APP01\backdoor {way} by CORP\jdoe (4732)",
        r"account made: APP01\backdoor by CORP\jdoe (4720)",
    ]


def test_a_process_says_what_started_it() -> None:
    story = at_work()
    story.process(
        10,
        HOST,
        "jdoe",
        "0x10",
        r"C:\w\cmd.exe",
        process__pid=7,
        process__parent_process__path=r"C:\w\explorer.exe",
    )
    story.process(
        11,
        HOST,
        "jdoe",
        "0x10",
        "whoami",
        process__parent_process__pid=7,
        process__parent_process__path=r"C:\w\cmd.exe",
    )
    first, second = hop_of(story).actions
    assert (first.parent, first.under) == (r"C:\w\explorer.exe", None)
    assert (second.parent, second.under) == (r"C:\w\cmd.exe", first.reference.event)


def test_commands_of_a_remote_support_tool_are_processes_of_its_visit() -> None:
    story = Story()
    tool = {"metadata.product": "ScreenConnect", "device.hostname": "APP01", "status_id": 1}
    story.add(0, {**tool, "class_uid": 3002, "activity_id": 1, "user.name": "jdoe", "session.uid": "c-1"})
    story.add(
        60,
        {
            **tool,
            "class_uid": 6003,
            "activity_id": 99,
            "actor.user.name": "jdoe",
            "actor.session.uid": "c-1",
            "api.operation": "RanCommand",
            "process.cmd_line": "whoami /all",
        },
    )
    assert told(story, "process") == ["whoami /all"]


def test_bytes_of_a_tunnel_count_from_the_estate() -> None:
    story = Story()
    story.tunnel(0, "jdoe", "203.0.113.7", "10.9.0.4", "asa:1")
    story.tunnel(
        1000,
        "jdoe",
        "203.0.113.7",
        "10.9.0.4",
        "asa:1",
        opens=False,
        traffic__bytes_in=900,
        traffic__bytes_out=50,
    )
    ((hop,),) = (visit.hops for visit in stitch(story.table(), ACME, lambda _: 7))
    assert (hop.bytes_in, hop.bytes_out, hop.bytes_left) == (50, 900, None)


def measured(story: Story, at: float, to: str, count: int, port: int) -> None:
    story.add(
        at,
        {
            "class_uid": 4001,
            "metadata.product": "Zeek",
            "metadata.log_name": "conn",
            "src_endpoint.ip": "10.0.0.5",
            "src_endpoint.port": port,
            "dst_endpoint.ip": to,
            "dst_endpoint.port": 443,
            "traffic.bytes_out": count,
        },
    )


def leaving() -> Story:
    story = at_work()
    story.machine(-60, "APP01", "10.0.0.5")
    measured(story, 600, "198.51.100.9", 2_000_000, 5001)
    measured(story, 700, "198.51.100.9", 3_000_000, 5002)
    measured(story, 710, "10.0.0.8", 9_000_000, 5003)  # inside
    measured(story, 9000, "203.0.113.50", 10, 5004)  # nobody was there any more
    measured(story, 900, "203.0.113.51", 10, 5005)  # so the host talks to that network by itself
    return story


def test_what_left_from_a_host_is_of_who_alone_was_there() -> None:
    hop = hop_of(leaving())
    assert hop.bytes_left == 5_000_000
    (action,) = (action for action in hop.actions if action.kind == "network")
    assert action.text == "5.0 MB to 198.51.100.9 (port 443), 2 connections, until 2026-03-02 09:11:40 UTC"


def test_nothing_is_said_of_what_left_where_somebody_else_had_logged_on() -> None:
    story = leaving()
    story.logon(-3600, HOST, "staff", "0x77", 10, "10.0.0.90")
    assert hop_of(story).bytes_left is None


def test_the_hosts_own_record_of_a_connection_tells_whose_it_was() -> None:
    story = leaving()
    story.logon(-3600, HOST, "staff", "0x77", 10, "10.0.0.90")
    for at, port, user in ((600, 5001, "jdoe"), (700, 5002, "SYSTEM")):
        story.windows(
            at,
            HOST,
            3,
            4001,
            log=SYSMON,
            user__name=user,
            user__domain="CORP",
            process__uid=f"{{{port}}}",
            src_endpoint__ip="10.0.0.5",
            src_endpoint__port=port,
            dst_endpoint__ip="198.51.100.9",
            dst_endpoint__port=443,
        )
    assert hop_of(story).bytes_left == 2_000_000
