from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.sources import recognise
from countersign.sources._base import HEAD_BYTES
from countersign.sources.journald import detect
from unit.sources.source_lines import event, parse, within

ENTRY = {
    "__CURSOR": "s=1;i=2",
    "__REALTIME_TIMESTAMP": "1795168800000001",
    "_HOSTNAME": "web1",
    "SYSLOG_IDENTIFIER": "sshd",
    "_PID": "812",
    "_UID": "0",
    "_SYSTEMD_UNIT": "ssh.service",
    "MESSAGE": "Accepted password for jane from 203.0.113.9 port 55555 ssh2",
}


def line(**more: object) -> str:
    return json.dumps({name: value for name, value in {**ENTRY, **more}.items() if value is not ...})


def test_an_entry() -> None:
    found = event("journald", line())
    assert within(
        found,
        class_uid=3002,
        user__name="jane",
        session__uid="sshd:812",
        device__hostname="web1",
        actor__process__pid=812,
        metadata__uid="s=1;i=2",
        keyed=True,
        time=datetime(2026, 11, 20, 10, 0, 0, 1, tzinfo=UTC),
        time_basis="stated",
    )
    assert found["unmapped"]["_SYSTEMD_UNIT"] == "ssh.service"


def test_the_cursor_is_the_key() -> None:
    assert event("journald", line())["id"] == event("journald", line(extra="x"))["id"]
    assert event("journald", line())["id"] != event("journald", line(__CURSOR="s=1;i=3"))["id"]
    assert event("journald", line(__CURSOR=...))["keyed"] is False


def test_messages_as_bytes_and_as_several_values() -> None:
    raw = list("Accepted password for jané from 203.0.113.9 port 5 ssh2".encode())
    assert within(event("journald", line(MESSAGE=raw)), user__name="jané")
    assert within(event("journald", line(MESSAGE=[300, -1])), message="")
    assert within(event("journald", line(MESSAGE=["a", None, "b"])), message="a b")
    assert within(event("journald", line(MESSAGE=None)), message="", class_uid=0)


def test_an_entry_without_identifier_is_named_by_its_command() -> None:
    assert within(event("journald", line(SYSLOG_IDENTIFIER=..., _COMM="sudo")), metadata__log_name="sudo")


def test_rejected() -> None:
    parsed = parse("journald", ["", "{", "[]", '{"a": 1}', "[" * 10_000, b"\xff{}"])
    assert parsed.events.num_rows == 0
    assert [row["record"] for row in parsed.rejected.to_pylist()] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("stamp", ["x", "-1", None, 12.5, "9" * 30, []])
def test_absurd_times_are_undated(stamp: object) -> None:
    assert within(event("journald", line(__REALTIME_TIMESTAMP=stamp)), time=None, time_basis="undated")


def test_detects() -> None:
    assert detect(line().encode())
    assert detect(b"\xef\xbb\xbf\n" + line().encode() + b"\n")
    assert detect(b'{"__REALTIME_TIMESTAMP":"1","MESSAGE":"' + b"x" * HEAD_BYTES)
    found = recognise(line().encode())
    assert found is not None
    assert found.name == "journald"
    assert not detect(b'{"MESSAGE": "x"}')
    assert not detect(b'{"x": "\\"__REALTIME_TIMESTAMP\\""}')
    assert not detect(b"Nov 20 10:00:00 web1 a: b")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*ENTRY, "_COMM", "SYSLOG_PID"]), JSON))
def test_only_events_and_rejected_come_out(entry: dict[str, object]) -> None:
    parsed = parse("journald", [json.dumps(entry), json.dumps(entry).encode()[:-1], b"\xff\0"])
    assert parsed.events.num_rows + parsed.rejected.num_rows == 3
