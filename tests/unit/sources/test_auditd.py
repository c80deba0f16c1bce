from __future__ import annotations

import time
from pathlib import Path

import pytest

from countersign.sources import recognise, source
from countersign.sources._audit_values import decoded_hex, socket_address
from unit.sources.source_lines import context, event, events, parse, syslog, within

FAMILY = "linux.auditd"
CALL = 'type=SYSCALL msg=audit(1795183200.120:7): arch=c000003e syscall=59 success=yes auid=1000 ses=3 pid=9 exe="/bin/sh" key=(null)'
EXECVE = 'type=EXECVE msg=audit(1795183200.120:7): argc=2 a0="id" a1="-u"'


def field(found: dict[str, object], name: str) -> object:
    kept = found["unmapped"]
    assert isinstance(kept, dict)
    return found.get(f"src_{name.lower()}", kept.get(name))


def test_the_call_holds_the_whole_event_in_any_order() -> None:
    for lines in ((CALL, EXECVE), (EXECVE, CALL)):
        call = next(one for one in events(FAMILY, *lines) if one["metadata.event_code"] == "SYSCALL")
        assert within(
            call, class_uid=1007, process__cmd_line="id -u", actor__session__uid="audit:3", policy__name=None
        )


def test_a_call_and_its_arguments_keep_their_own_fields() -> None:
    call, execve = events(FAMILY, CALL.replace("success", "a0=4 success"), EXECVE)
    assert (field(call, "a0"), field(execve, "a0"), field(call, "SYSCALL")) == ("4", "id", "execve")


def test_two_machines_with_one_serial_are_two_events() -> None:
    call = next(
        one
        for one in events(FAMILY, f"node=a {CALL}", f"node=b {EXECVE}")
        if one["metadata.event_code"] == "SYSCALL"
    )
    assert within(call, process__cmd_line=None, device__hostname="a")


def test_ids_do_not_depend_on_what_is_joined() -> None:
    together = {one["id"] for one in events(FAMILY, CALL, EXECVE)}
    assert together == {event(FAMILY, CALL)["id"], event(FAMILY, EXECVE)["id"]}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("6C73202D6C", "ls -l"),
        ("2F62696E2F7368002D6300", "/bin/sh -c"),
        ("(null)", "(null)"),
        ("abc", "abc"),
        ("FF", "\ufffd"),
        ("A", "A"),
    ],
)
def test_hexadecimal(written: str, read: str) -> None:
    assert decoded_hex(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("02000016C0000201", ("192.0.2.1", 22)),
        ("0A0001BB0000000020010DB800000000000000000000000100000000", ("2001:db8::1", 443)),
        ("01002F72756E2F7800", (None, None)),
        ("zz", (None, None)),
        ("02", (None, None)),
        ("{ saddr_fam=inet laddr=192.0.2.1 lport=22 }", ("192.0.2.1", 22)),
        ("{ saddr_fam=inet laddr=999.0.2.1 lport=99999 }", (None, None)),
    ],
)
def test_socket_addresses(written: str, read: tuple[str | None, int | None]) -> None:
    assert socket_address(written) == read


def test_quoted_text_is_no_hexadecimal() -> None:
    assert field(event(FAMILY, 'type=PATH msg=audit(1795183200.120:7): item=0 name="ABCD"'), "name") == "ABCD"
    assert (
        field(event(FAMILY, "type=PATH msg=audit(1795183200.120:7): item=0 name=41422043"), "name") == "AB C"
    )


def test_a_program_cannot_put_itself_in_the_place_of_the_kernel() -> None:
    found = event(
        FAMILY,
        "type=USER_LOGIN msg=audit(1795183200.1:8): pid=4 auid=1000 ses=3 msg='op=login auid=0 ses=9 acct=\"root\" res=success'",
    )
    assert within(
        found,
        actor__user__uid="1000",
        actor__session__uid="audit:3",
        session__uid="audit:3",
        user__name="root",
    )


@pytest.mark.parametrize(
    ("stamps", "day"),
    [(["11/10/2026"], 10), (["20/11/2026", "11/10/2026"], 11), (["20.11.2026"], 20), (["2026-11-20"], 20)],
)
def test_interpreted_dates_by_what_the_segment_shows(stamps: list[str], day: int) -> None:
    lines = [
        f"type=CWD msg=audit({stamp} 14:00:00.120:{number}) : cwd=/a b" for number, stamp in enumerate(stamps)
    ]
    last = events(FAMILY, *lines, where=context(zone="Europe/Berlin"))[-1]
    assert (last["time"].day, last["time"].hour, last["time"].microsecond, last["time_basis"]) == (
        day,
        last["time"].hour,
        120_000,
        "zone",
    )
    assert field(last, "cwd") == "/a b"


def test_a_doubled_hour_is_the_first() -> None:
    line = "type=CWD msg=audit(10/25/2026 02:30:00.000:1) : cwd=/"
    assert event(FAMILY, line, where=context(zone="Europe/Berlin"))["time"].hour == 0


def test_in_syslog_it_is_one_event_with_the_file_s() -> None:
    assert syslog(CALL, "audispd")["id"] == event(FAMILY, CALL)["id"]
    assert within(
        syslog(f"[ 12.345678] audit: {EXECVE.replace('EXECVE', '1309')}", "kernel"),
        metadata__event_code="EXECVE",
    )
    assert syslog("type=SYSCALL without more", "audispd")["metadata.log_name"] == "audispd"


@pytest.mark.parametrize(
    "line",
    ["type=X msg=audit(:)", "type= msg=audit(1:2)", "type=EXECVE msg=audit(9" + "9" * 30 + ".1:7): a0=1"],
)
def test_hostile_lines_give_a_record(line: str) -> None:
    found = parse(FAMILY, [line, CALL])
    assert found.events.num_rows + found.rejected.num_rows == 2


def test_many_records_of_one_serial_take_no_time() -> None:
    assert parse(FAMILY, [EXECVE.replace("id", f"id{n}") for n in range(5000)]).events.num_rows == 5000


def test_real_records(shared_data: Path) -> None:
    files = sorted((shared_data / "syslog" / "crowdsec").glob("auditd*/*.log"))
    assert files
    for path in files:
        raw = path.read_bytes()
        assert recognise(raw) is source(FAMILY)
        found = parse(FAMILY, raw.split(b"\n"))
        assert found.rejected.num_rows == 0
        assert set(found.events["time_basis"].to_pylist()) == {"stated"}


def test_the_joined_event_names_its_records_and_files() -> None:
    paths = [
        f'type=PATH msg=audit(1795183200.120:7): item={n} name="{name}" nametype={kind}'
        for n, name, kind in ((1, "b.txt", "CREATE"), (0, "/srv", "PARENT"))
    ]
    cwd = 'type=CWD msg=audit(1795183200.120:7): cwd="/srv"'
    found = events(FAMILY, *paths, EXECVE, cwd, CALL)
    (call,) = [one for one in found if one["class_uid"]]
    assert field(call, "paths") == '["/srv","/srv/b.txt"]'
    assert field(call, "nametypes") == '["PARENT","CREATE"]'
    assert field(call, "records") == '["CWD","EXECVE","PATH","PATH","SYSCALL"]'
    assert field(call, "cwd") == "/srv"
    assert {one["metadata.correlation_uid"] for one in found} == {"1795183200.120:7"}


def test_records_that_came_by_syslog_are_joined_by_machine() -> None:
    def sent(host: str, record: str) -> str:
        return f"Nov 20 15:00:00 {host} audispd: {record}"

    other = EXECVE.replace('"-u"', '"-g"')
    found = events(
        "syslog",
        sent("a", CALL),
        sent("b", other),
        sent("b", CALL.replace("pid=9", "pid=8")),
        sent("a", EXECVE),
    )
    lines = {one["device.hostname"]: one["process.cmd_line"] for one in found if one["class_uid"] == 1007}
    assert lines == {"a": "id -u", "b": "id -g"}


@pytest.mark.parametrize("begin", ["{", "0"], ids=["within braces", "plain"])
def test_a_long_value_costs_what_it_is_long(begin: str) -> None:
    """ausearch -i writes no quotes, so one value may be the rest of the line; an attacker chooses how long that is."""
    words = 400_000
    begun = time.process_time()
    (one,) = events(
        FAMILY, f"type=USER_CMD msg=audit(11/20/2026 16:00:00.120:7) : cmd={begin}" + " x" * words
    )
    assert time.process_time() - begun < 3
    assert len(str(one["process.cmd_line"])) == 1 + 2 * words
