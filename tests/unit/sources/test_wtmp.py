from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.sources import recognise, source
from countersign.sources._framing import frame
from countersign.sources._records import record_end
from countersign.sources.wtmp import row_of
from unit.sources.source_lines import context, event, parse, within

FAMILY = "linux.wtmp"
V4 = bytes([192, 0, 2, 45])


def record(
    kind: int = 7,
    user: bytes = b"p.admin",
    host: bytes = b"",
    address: bytes = V4,
    order: str = "<",
    part: int = 5,
) -> bytes:
    return struct.pack(
        order + "h2xi32s4s32s256shhiii16s20x",
        kind,
        4100,
        b"pts/1",
        b"ts/1",
        user,
        host,
        0,
        0,
        0,
        1_795_183_200,
        part,
        address,
    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders_say_the_same(order: str) -> None:
    found = event(FAMILY, record(order=order))
    assert within(
        found,
        class_uid=3002,
        status_id=1,
        user__name="p.admin",
        src_endpoint__ip="192.0.2.45",
        session__uid="pts/1:4100",
    )
    assert found["time"].microsecond == 5


def test_records_are_384_bytes_and_the_last_may_be_cut_off() -> None:
    raw = record() * 3 + record()[:50]
    assert [len(one) for one in frame("utmp", raw)] == [384, 384, 384, 50]
    assert record_end("utmp", raw) == 1152
    found = source(FAMILY).parse(frame("utmp", raw), context())
    assert (found.events.num_rows, found.events["count"].to_pylist(), found.rejected.num_rows) == (1, [3], 1)


def test_a_record_of_zeroes_is_none() -> None:
    found = parse(FAMILY, [bytes(384), record()])
    assert (found.events.num_rows, found.rejected.num_rows) == (1, 0)
    assert recognise(bytes(3840)) is None


def test_a_refused_logon_is_none_of_getty_s() -> None:
    assert within(event(FAMILY, record(6, b"root")), status_id=2, session__uid=None)
    assert within(event(FAMILY, record(6, b"LOGIN")), class_uid=0, user__name=None)


@pytest.mark.parametrize(
    ("host", "name"),
    [(b":0", None), (b"192.0.2.45", None), (b"a.example.com", "a.example.com"), (b"\xff", "\ufffd")],
)
def test_hosts(host: bytes, name: str | None) -> None:
    assert within(
        event(FAMILY, record(host=host)), src_endpoint__hostname=name, src_endpoint__ip="192.0.2.45"
    )


@pytest.mark.parametrize(
    "raw", [record(10), record(-1), record(part=1_000_000), record(user=b"a\nb"), record()[:-1]]
)
def test_what_no_program_writes_is_rejected(raw: bytes) -> None:
    assert parse(FAMILY, [raw]).rejected.num_rows == 1


@given(st.binary(min_size=384, max_size=384))
def test_any_bytes_are_a_row_or_none(raw: bytes) -> None:
    row = row_of(raw)
    assert row is None or row["ut_type"]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\x7fELF" + bytes(2000),
        b"PK\x03\x04" * 400,
        b"Nov 20 10:00:00 h sshd: x\n" * 80,
        bytes(range(256)) * 8,
    ],
)
def test_other_files_are_not_taken(head: bytes) -> None:
    assert not source(FAMILY).detect(head)
