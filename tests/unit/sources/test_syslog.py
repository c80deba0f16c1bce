from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.sources import recognise
from countersign.sources._base import HEAD_BYTES
from countersign.sources.syslog import detect
from unit.sources.source_lines import context, event, events, parse, syslog, within

NOT_OURS = ("palo-alto", "auditd", "aws", "fortinet", "k8s", "teleport", "windows")
"""Folders whose files other families read: audit records, JSON, FortiGate, Windows XML."""


def test_unknown_programs_and_messages_are_base_events() -> None:
    found = event("syslog", "Nov 20 10:00:00 web1 nginx[7]: started: all well")
    assert within(
        found,
        class_uid=0,
        device__hostname="web1",
        metadata__log_name="nginx",
        message="started: all well",
        actor__process__pid=7,
        time=datetime(2026, 11, 20, 10, tzinfo=UTC),
        time_text="Nov 20 10:00:00",
        time_basis="year",
        keyed=False,
        source="syslog",
    )
    assert within(syslog("Server listening on 0.0.0.0 port 22."), class_uid=0, metadata__log_name="sshd")


def test_blank_lines_are_no_records_and_frameless_ones_are_rejected() -> None:
    parsed = parse("syslog", ["", "\r", "  ", "Nov 20 10:00:00 web1 a: b\r", "no frame", "\0\0\0"])
    assert parsed.events.num_rows == 1
    assert [(row["record"], row["reason"].split(":")[0]) for row in parsed.rejected.to_pylist()] == [
        (4, "the line has no syslog frame"),
        (5, "the line holds nothing but NUL bytes, as a crash leaves them"),
    ]


def test_line_ends_do_not_change_the_id() -> None:
    line = "Nov 20 10:00:00 web1 a: b"
    assert (
        event("syslog", line)["id"]
        == event("syslog", line + "\r")["id"]
        == event("syslog", line + "\n")["id"]
    )


def test_byte_order_mark_nuls_and_bad_utf8() -> None:
    assert event("syslog", b"\xef\xbb\xbfNov 20 10:00:00 web1 a: b")["message"] == "b"
    assert event("syslog", b"\0\0\0Nov 20 10:00:00 web1 a: b")["message"] == "b"
    assert event("syslog", b"Nov 20 10:00:00 web1 a: \xff\xfe\xc3\xbc")["message"] == "\ufffd\ufffdü"


def test_ids_do_not_depend_on_the_year_found() -> None:
    line = "Nov 20 10:00:00 web1 a: b"
    other = context(datetime(2020, 1, 1, tzinfo=UTC))
    assert event("syslog", line)["id"] == event("syslog", line, other)["id"]
    assert event("syslog", line)["time"] != event("syslog", line, other)["time"]


def test_identical_lines_are_one_event_with_a_count() -> None:
    (found,) = events("syslog", *["Nov 20 10:00:00 web1 a: b"] * 3)
    assert found["count"] == 3


def test_the_zone_of_the_workspace_is_assumed() -> None:
    berlin = context(zone="Europe/Berlin")
    assert event("syslog", "Nov 20 10:00:00 web1 a: b", berlin)["time"] == datetime(
        2026, 11, 20, 9, tzinfo=UTC
    )
    assert event("syslog", "2026-11-20T10:00:00Z web1 a: b", berlin)["time"].hour == 10


def test_absurd_dates_are_undated() -> None:
    found = event("syslog", "1971-01-01T00:00:00Z web1 a: b")
    assert within(found, time=None, time_basis="undated", day="undated", time_text="1971-01-01T00:00:00Z")
    assert event("syslog", "Feb 30 10:00:00 web1 a: b")["time_basis"] == "undated"


def test_a_repeated_message_is_understood_once() -> None:
    found = syslog("message repeated 3 times: [ Failed password for root from 203.0.113.9 port 5 ssh2]")
    assert within(found, status_id=2, user__name="root", src_endpoint__ip="203.0.113.9")
    assert found["unmapped"]["repeated"] == "3"
    assert found["message"].startswith("message repeated")


@pytest.mark.parametrize(
    "head",
    [
        b"Nov 20 10:00:00 web1 sshd[1]: x\n",
        b"\n\n<38>1 2026-11-20T10:00:00Z web1 sshd 1 - - x\n",
        b"\xef\xbb\xbf2026-11-20T10:00:00+01:00 web1 sshd[1]: x\r\n",
        b"OpenVPN 2.6.3 x86_64\n1.2.3.4:5 TLS: Initial packet from [AF_INET]1.2.3.4:5\n",
        b"%ASA-6-113004: x\n",
        b"Nov 20 10:00:00 web1 sshd[1]: x\n" * 9 + b"cut in the midd",
    ],
)
def test_detects(head: bytes) -> None:
    assert detect(head)
    found = recognise(head)
    assert found is not None
    assert found.name == "syslog"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\n\n",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 16,
        b'{"a": 1}\n',
        b"type=SYSCALL msg=audit(1696431255.037:8272): arch=c000003e\n",
        b'<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event">\n',
        b"Permission is hereby granted, free of charge, to any person\n",
        b"2026-11-20 10:00:00 started\n2026-11-20 10:00:01 did a thing\n",  # a time alone is no syslog
        b"2026-11-20,1,2\n2026-11-21,3,4\n",
        b"#Fields: date time s-ip\n2026-11-20 10:00:00 10.0.0.1 GET / - 80\n",
        b"x" * HEAD_BYTES,
        b"Nov 20 10:00:00 web1 a: b\n" + b"no frame\n" * 9,
    ],
)
def test_does_not_detect(head: bytes) -> None:
    assert not detect(head)


def test_a_50_mb_line_is_one_event() -> None:
    began = time.process_time()
    (found,) = events("syslog", b"Nov 20 10:00:00 web1 sudo: a : " + b"; USER=x " * 5_000_000)
    assert within(found, class_uid=0, metadata__log_name="sudo")
    assert time.process_time() - began < 10


HOSTILE = (
    b"Nov 20 10:00:00 web1 sshd[1]: Failed password for invalid user" + b" from 1.1.1.1 port 22 ssh2" * 70,
    b"Nov 20 10:00:00 web1 sshd[1]: Disconnected from" + b" user a port 1:" * 120,
    b"Nov 20 10:00:00 web1 sshd[1]: Connection closed by" + b" a port 1: " * 170,
    b"Nov 20 10:00:00 web1 sudo: a : " + b"PWD=/ ; " * 4_000,
    b"Nov 20 10:00:00 web1 sudo: pam_unix(sudo:auth): authentication failure;" + b" user=" * 5_000,
    b"Nov 20 10:00:00 web1 openvpn[1]: SENT CONTROL [" + b"a]: 'AUTH_FAILED" * 1_900,
    b"Nov 20 10:00:00 web1 openvpn[1]: VERIFY ERROR: depth=0, error=" + b"a: " * 500,
    b"%ASA-6-113005: AAA user authentication Rejected : user = " + b" : user IP = 1" * 280,
    b"%ASA-4-113019: Group = " + b", Username = " * 200 + b", IP = " * 100,
    b"%ASA-5-751025: Local:1.1.1.1:1 Remote:1.1.1.1:1 Username:" + b" Group:" * 500,
    b"<38>1 - - a - - [a" + b' b="\\' * 10_000,
    b"Nov 20 10:00:00 " + b"a:1 " * 100_000,
    b"<1>" + b"1: " * 100_000 + b"%ASA-6-113004: x",
)


@pytest.mark.parametrize("line", HOSTILE, ids=range(len(HOSTILE)))
def test_no_line_takes_long(line: bytes) -> None:
    began = time.process_time()
    parse("syslog", [line])
    assert time.process_time() - began < 0.5


WORDS = (
    "Nov 20 10:00:00 ", "<38>1 2026-11-20T10:00:00Z ", "web1 ", "sshd[1]: ", "sudo: ", "su[2]: ", "openvpn[3]: ",
    "Accepted ", "Failed ", "password ", "for ", "invalid user ", "jane ", "from ", "1.2.3.4 ", "port ", "55 ", "ssh2",
    "Disconnected from ", "user ", "Received disconnect ", "Connection closed by ", "[preauth]", ": ", "%ASA-4-",
    "113019", "722051", "302013", "Group = g, ", "Username = u, ", "IP = 1.2.3.4, ", "Group <g> User <u> IP <1.2.3.4> ",
    "IPv4 Address <10.1.1.1> assigned", "pam_unix(sshd:session): ", "session opened ", "by (uid=0)", "authentication failure; ",
    "user=", "rhost=", "TTY=p ; ", "USER=root ; ", "COMMAND=", "MULTI: Learn: ", "10.8.0.6 -> ", "jane/1.2.3.4:55 ",
    "VERIFY OK: depth=0, ", "CN=", "TLS Error: ", "(to root) ", "on pts/0", "\0", "\ufeff", "\ud800", "é", "1 ", '[a b="c"] ',
)  # fmt: skip


@given(
    st.lists(st.lists(st.sampled_from(WORDS), max_size=14), max_size=5),
    st.lists(st.binary(max_size=80), max_size=3),
)
def test_only_events_and_rejected_come_out(lines: list[list[str]], noise: list[bytes]) -> None:
    records = ["".join(words).encode("utf-8", "surrogatepass") for words in lines] + noise
    parsed = parse("syslog", records)
    blank = sum(
        not record.decode("utf-8", "replace").strip("\0 \t\r\n\ufeff") and b"\0" not in record
        for record in records
    )
    assert parsed.events.num_rows + parsed.duplicates + parsed.rejected.num_rows == len(records) - blank


@given(st.permutations(["sshd[1]: a", "sudo: b", "su: c", "x: d", "x: d"]), st.integers(0, 5))
def test_order_and_cuts_change_no_event(messages: list[str], cut: int) -> None:
    lines = [f"Nov 20 10:00:00 web1 {message}" for message in messages]
    whole = {(found["id"], found["message"]) for found in events("syslog", *lines)}
    parts = [*events("syslog", *lines[:cut]), *events("syslog", *lines[cut:])]
    assert {(found["id"], found["message"]) for found in parts} == whole


def test_reads_the_shared_syslog(shared_data: Path) -> None:
    files = sorted((shared_data / "syslog").rglob("*.log"))
    assert files
    for path in files:
        data = path.read_bytes()
        ours = not path.parent.name.startswith(NOT_OURS)
        assert detect(data[:HEAD_BYTES]) is ours, path
        if ours:
            parsed = parse("syslog", data.split(b"\n"))
            assert parsed.rejected.num_rows == 0, path
            assert parsed.events.num_rows > 0, path
