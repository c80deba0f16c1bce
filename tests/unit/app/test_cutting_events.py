"""Lines of one audit event stand in one segment, however the file is cut, grows, or is torn by whoever writes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collecting import Ward
from countersign.app import cutting
from countersign.app._streams import Peeked
from countersign.app.cutting import Cutting
from countersign.app.known import Known
from countersign.sources import source
from countersign.sources._audit_values import event_of
from unit.app.test_cutting import Bytes

CALL = 'type=SYSCALL msg=audit(17951832{0:02}.120:{0}): arch=c000003e syscall=59 success=yes auid=1000 ses=3 pid={0} exe="/bin/sh" key=(null)\n'
EXECVE = 'type=EXECVE msg=audit(17951832{0:02}.120:{0}): argc=2 a0="id" a1="-u{0}"\n'
PATH = 'type=PATH msg=audit(17951832{0:02}.120:{0}): item=0 name="/usr/bin/id" nametype=NORMAL\n'


def event(number: int) -> list[str]:
    return [line.format(number) for line in (CALL, EXECVE, PATH)]


def test_what_lines_have_in_common() -> None:
    assert event_of(b"node=a type=EOE msg=audit(1.2:3): ") == b"a 1.2:3"
    assert (
        event_of(b"type=EOE msg=audit(11/20/2026 14:00:00.120:9001) : x") == b"11/20/2026 14:00:00.120:9001"
    )
    assert event_of(b"----") is None


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(24)), st.integers(0, 6), st.booleans())
def test_no_cut_parts_an_event(order: list[int], mixed: int, grown: bool) -> None:
    lines = [line for number in order for line in event(number)]
    for place in range(mixed):  # two processors tell their events at once
        lines[3 * place + 2], lines[3 * place + 3] = lines[3 * place + 3], lines[3 * place + 2]
    data = "".join(lines).encode()
    known, family = Known(), source("linux.auditd")
    whole = cutting.SEGMENT_BYTES
    cutting.SEGMENT_BYTES = 2000
    try:
        stays: dict[str, bytes] = {}
        for end in (len(data) * 2 // 3, len(data)) if grown else (len(data),):
            for cut in Cutting(Peeked(Bytes(data[:end])), family, known, "", grows=True):
                stays = {name: raw for name, raw in stays.items() if name not in cut.replaces}
                stays[cut.digest] = cut.raw
        again = list(Cutting(Peeked(Bytes(data)), family, known, "", grows=True))
    finally:
        cutting.SEGMENT_BYTES = whole
    assert again == []
    assert sorted(b"".join(stays.values()).splitlines()) == sorted(data.splitlines())
    for number in range(24):
        mark = f":{number})".encode()
        assert sum(mark in raw for raw in stays.values()) == 1
    assert len(stays) > 2


def test_an_event_that_is_nowhere_whole_is_cut_at_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "SEGMENT_BYTES", 2000)
    data = "".join(PATH.format(7).replace("item=0", f"item={n}") for n in range(200)).encode()
    known = Known()
    cuts = list(Cutting(Peeked(Bytes(data)), source("linux.auditd"), known, "", grows=True))
    assert b"".join(cut.raw for cut in cuts) == data
    assert not any(cut.replaces for cut in cuts)
    assert list(Cutting(Peeked(Bytes(data)), source("linux.auditd"), known, "", grows=True)) == []


def test_an_event_half_written_is_joined_when_the_rest_comes(ward: Ward, logs: Path) -> None:
    lines = event(1) + event(2)
    (logs / "audit.log").write_text("".join(lines[:4]))
    ward.collect(logs)
    (logs / "audit.log").write_text("".join(lines))
    ward.collect(logs)
    with ward.workspace.reading() as lake:
        rows = lake.table("events").to_pyarrow().to_pylist()
    assert len(rows) == 6
    assert sorted(row["process"]["cmd_line"] for row in rows if row["class_uid"] == 1007) == [
        "id -u1",
        "id -u2",
    ]
    ward.sound()
    assert ward.collect(logs).segments == 0
