"""Collect: what is new is sealed and stored once, whatever shape it comes in."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import random
import signal
import tarfile
import threading
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collecting import Ward, die_at_a_mark, syslog
from countersign.app import _pipeline, inputs
from countersign.app.collect import Summary, collect
from countersign.app.workspace import Workspace
from countersign.errors import StoreError, UsageError, WorkspaceError
from countersign.lake import Lake, WorkspaceLock
from countersign.ledger import Archive

ZEEK = (
    b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    b"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n"
    b"#types\ttime\tstring\taddr\tport\taddr\tport\tenum\n"
)


def zeek(numbers: range) -> bytes:
    return b"".join(b"15%08d.5\tC%d\t10.0.0.1\t%d\t10.0.0.2\t22\ttcp\n" % (n, n, n % 60_000) for n in numbers)


def statuses(summary: Summary) -> dict[str, str]:
    return {Path(report.path).name: report.status for report in summary.files}


def test_the_same_file_again_adds_nothing(ward: Ward, logs: Path) -> None:
    (logs / "a.log").write_bytes(syslog(range(500)))
    first = ward.collect(logs)
    assert (first.records, first.events, first.new_events, first.rejected) == (500, 500, 500, 0)
    leaves = ward.leaves()
    second = ward.collect(logs)
    assert (second.records, second.new_events, second.segments) == (0, 0, 0)
    assert statuses(second) == {"a.log": "known"}
    assert ward.leaves() == leaves == 2
    assert len(ward.ids()) == 500
    ward.sound()


def test_a_grown_file_adds_its_tail(ward: Ward, logs: Path) -> None:
    for end in (10, 11, 11, 300):
        (logs / "a.log").write_bytes(syslog(range(end)))
        ward.collect(logs)
        assert len(ward.ids()) == end
    assert ward.leaves() == 6
    ward.sound()


def test_rotated_and_packed_copies_add_nothing(ward: Ward, logs: Path) -> None:
    text = syslog(range(400))
    (logs / "auth.log").write_bytes(text)
    ward.collect(logs)
    (logs / "auth.log").rename(logs / "auth.log.1")
    (logs / "auth.log.2.gz").write_bytes(gzip.compress(text))
    (logs / "auth.log").write_bytes(syslog(range(400, 450)))
    with zipfile.ZipFile(logs / "x.zip", "w") as file:
        file.writestr("deep/auth.log", text)
    with tarfile.open(logs / "x.tgz", "w:gz") as tar:
        tar.add(logs / "auth.log.1")
    summary = ward.collect(logs)
    assert summary.new_events == 50
    assert [report.status for report in summary.files] == ["read", "known", "known", "known", "known"]
    ward.sound()


def test_overlapping_exports_add_only_what_is_new(ward: Ward, logs: Path) -> None:
    (logs / "a").write_bytes(syslog(range(100)))
    (logs / "b").write_bytes(syslog(range(50, 150)))
    (logs / "c").write_bytes(syslog(range(120, 130)))
    summary = ward.collect(logs)
    assert (summary.records, summary.new_events, summary.duplicates) == (210, 150, 60)
    assert len(set(ward.ids())) == len(ward.ids()) == 150


def test_half_a_line_becomes_whole(ward: Ward, logs: Path) -> None:
    text = syslog(range(20))
    whole = ward_ids(ward, logs, text)
    log = logs / "a.log"
    for end in (len(text) - 900, len(text) - 890, len(text) - 30, len(text) - 1, len(text)):
        log.write_bytes(text[:end])
        ward.collect(log)
    assert ward.ids() == whole
    assert ward.collect(log).segments == 0
    ward.sound()


def ward_ids(ward: Ward, logs: Path, text: bytes) -> list[str]:
    """The ids that a fresh workspace finds in one file of `text`."""
    other = Ward(Workspace.create(ward.workspace.root.with_name(f"other-{random.getrandbits(64):x}")))
    path = logs.with_name(f"text-{random.getrandbits(64):x}")
    path.write_bytes(text)
    other.collect(path)
    path.unlink()
    return other.ids()


@pytest.mark.parametrize("order", ["older first", "newer first", "at once", "at once, newer first"])
def test_a_copy_that_ends_in_half_a_line(ward: Ward, logs: Path, order: str) -> None:
    text = syslog(range(20))
    whole = ward_ids(ward, logs, text)
    older, newer = ("a", "b") if order != "at once, newer first" else ("b", "a")
    (logs / older).write_bytes(text[:-40])
    (logs / newer).write_bytes(text)
    steps = {"older first": [older, newer], "newer first": [newer, older]}.get(order, ["."])
    for step in steps:
        ward.collect(logs / step)
    assert ward.ids() == whole
    ward.sound()


def test_files_without_a_last_newline_are_read_whole(ward: Ward, logs: Path) -> None:
    (logs / "a.log").write_bytes(syslog(range(10))[:-1])
    (logs / "b.json").write_bytes(b'{"ts":1583000000.1,"uid":"C1","id.orig_h":"10.0.0.1","id.orig_p":1,'
                                  b'"id.resp_h":"10.0.0.2","id.resp_p":2,"proto":"tcp"}')  # fmt: skip
    summary = ward.collect(logs)
    assert (summary.records, summary.new_events) == (11, 11)


def test_headers_are_repeated_in_segments_and_are_no_records(
    ward: Ward, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countersign.app.cutting.SEGMENT_BYTES", 4000)
    (logs / "conn.log").write_bytes(ZEEK + zeek(range(300)) + b"\n#close\t2026\n")
    summary = ward.collect(logs)
    assert (summary.records, summary.new_events, summary.rejected) == (300, 300, 0)
    assert summary.segments > 3
    (logs / "conn.log").write_bytes(ZEEK + zeek(range(300)) + b"\n#close\t2026\n" + zeek(range(300, 310)))
    assert ward.collect(logs).new_events == 10
    ward.sound()


def test_origins(ward: Ward, logs: Path) -> None:
    (logs / "a").write_bytes(syslog(range(10)))
    (logs / "b").write_bytes(syslog(range(5)))
    assert ward.collect(logs / "a", origin="north").new_events == 10
    assert ward.collect(logs / "b", origin="south").new_events == 5
    assert set(ward.events("origin")["origin"].to_pylist()) == {"north", "south"}


def test_identical_records_are_counted(ward: Ward, logs: Path) -> None:
    line = syslog(range(1))
    (logs / "a").write_bytes(line * 7 + syslog(range(1, 3)))
    (logs / "b").write_bytes(syslog(range(50, 52)) + line * 4)
    ward.collect(logs)
    assert sorted(ward.counts().values()) == [1, 1, 1, 1, 7]


def test_standard_input(ward: Ward) -> None:
    summary = collect(ward.workspace, ["-"], stdin=io.BytesIO(syslog(range(10))))
    assert (summary.new_events, summary.files[0].path) == (10, "-")


def test_each_bad_file_has_a_reason_and_the_rest_is_read(ward: Ward, logs: Path) -> None:
    noise = random.Random(1)
    (logs / "good.log").write_bytes(syslog(range(30)))
    (logs / "empty.log").touch()
    (logs / "nuls.log").write_bytes(bytes(5000))
    (logs / "holiday.jpg").write_bytes(b"\xff\xd8\xff\xe0" + noise.randbytes(9000))
    (logs / "noise.log").write_bytes(noise.randbytes(9000))
    (logs / "words.txt").write_bytes(b"a diary\nof holidays\n" * 50)
    (logs / "utf16.json").write_bytes('{"a": 1}\n'.encode("utf-16"))
    (logs / "cut.gz").write_bytes(gzip.compress(syslog(range(30, 2000)))[:-200])
    (logs / "nested.json").write_bytes(b'{"ts":1,"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}\n")
    (logs / "mixed.log").write_bytes(syslog(range(3000, 3010)) + b"\xff\xfe\x00 no log\n\0\0\0\n")
    os.mkfifo(logs / "pipe")
    summary = ward.collect(logs)
    found = statuses(summary)
    assert found.pop("mixed.log") == "read"
    assert found.pop("nested.json") in {"read", "unrecognised"}
    assert found == {
        "good.log": "read",
        "empty.log": "empty",
        "nuls.log": "unrecognised",
        "holiday.jpg": "unrecognised",
        "noise.log": "unrecognised",
        "words.txt": "unrecognised",
        "utf16.json": "unrecognised",
        "cut.gz": "damaged",
        "pipe": "unreadable",
    }
    assert all(report.reason for report in summary.files if report.status != "read")
    assert summary.unrecognised >= 5
    assert summary.new_events > 1000
    assert summary.records == summary.events + summary.rejected
    last = json.loads(json.dumps(summary.to_json()))
    assert last.keys() >= {"records", "events", "rejected", "new_events", "unrecognised", "bytes", "seconds"}
    ward.sound()


def test_a_line_of_fifty_megabytes_is_rejected_with_a_reason(ward: Ward, logs: Path) -> None:
    rows = [b"%07d" % number for number in range(7_000_000)]
    (logs / "a.log").write_bytes(syslog(range(5)) + b"".join(rows) + b"\n" + syslog(range(5, 9)))
    summary = ward.collect(logs)
    assert summary.new_events == 9
    assert summary.rejected == 3
    with ward.workspace.reading() as lake:
        assert set(lake.read("rejected")["reason"].to_pylist()) == {"is part of a record longer than 16 MiB"}
    ward.sound()


def test_missing_paths_are_refused(ward: Ward, logs: Path) -> None:
    (logs / "a").write_bytes(syslog(range(3)))
    with pytest.raises(UsageError, match="no such file or folder"):
        ward.collect(logs / "a", logs / "b")
    assert ward.ids() == []


def test_an_unknown_zone_is_refused(ward: Ward, logs: Path) -> None:
    with pytest.raises(UsageError, match="no IANA time zone"):
        collect(ward.workspace, [logs], zone="Mars/Olympus")


def test_one_writer_at_a_time(ward: Ward, logs: Path) -> None:
    with WorkspaceLock(ward.workspace.root), pytest.raises(WorkspaceError, match="in use by process"):
        ward.collect(logs)


def test_a_full_disk_while_sealing(ward: Ward, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pipeline, "SEAL_SEGMENTS", 2)
    for number in range(6):
        (logs / f"{number}.log").write_bytes(syslog(range(number * 10, number * 10 + 10)))
    put, calls = Archive.put, []

    def full(archive: Archive, raw: bytes, digest: str) -> object:
        calls.append(raw)
        if len(calls) > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return put(archive, raw, digest)

    monkeypatch.setattr(Archive, "put", full)
    summary = ward.collect(logs)
    assert summary.stopped.startswith("the disk is full")
    assert summary.new_events == 20
    monkeypatch.setattr(Archive, "put", put)
    again = ward.collect(logs)
    assert again.stopped == ""
    assert again.recovered == 1
    assert len(ward.ids()) == 60
    ward.sound()


def test_a_full_disk_while_events_wait(ward: Ward, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (logs / "a.log").write_bytes(syslog(range(10)))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("countersign.app._parsing.spill", full)
        summary = ward.collect(logs)
    assert "the disk is full" in summary.stopped
    assert ward.ids() == []
    again = ward.collect(logs)
    assert (again.stopped, again.recovered, len(ward.ids())) == ("", 1, 10)
    ward.sound()


def test_a_full_disk_while_storing(ward: Ward, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (logs / "a.log").write_bytes(syslog(range(10)))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("countersign.lake._files.sync", full)
        summary = ward.collect(logs)
    assert summary.stopped.startswith("the disk is full")
    assert (summary.records, summary.new_events) == (0, 0)
    assert ward.ids() == []
    again = ward.collect(logs)
    assert (again.recovered, again.new_events) == (1, 10)
    assert ward.leaves() == 2
    ward.sound()


def test_a_workspace_that_cannot_be_written(ward: Ward, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (logs / "a.log").write_bytes(syslog(range(10)))

    def readonly(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Archive, "put", readonly)
    with pytest.raises(StoreError, match="cannot be written: read-only file system"):
        ward.collect(logs)


def test_interrupted_and_run_again(ward: Ward, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pipeline, "SEAL_SEGMENTS", 2)
    for number in range(9):
        (logs / f"{number}.log").write_bytes(syslog(range(number * 10, number * 10 + 10)))
    seen: list[int] = []
    before = signal.getsignal(signal.SIGINT)  # a shell's job in the background ignores it

    def tell(done: int, total: int, records: int) -> None:
        assert 0 <= done <= total
        seen.append(records)
        if len(seen) == 6:
            os.kill(os.getpid(), signal.SIGINT)

    summary = collect(ward.workspace, [logs], progress=tell)
    assert summary.stopped == "interrupted"
    assert 0 < summary.new_events < 90
    assert signal.getsignal(signal.SIGINT) is before
    ward.sound()
    assert ward.collect(logs).new_events == 90 - summary.new_events
    assert len(ward.ids()) == 90


def test_a_second_interrupt_stops_at_once_and_loses_nothing(
    ward: Ward, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (logs / "a.log").write_bytes(syslog(range(10)))
    append = Lake.append

    def interrupted(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Lake, "append", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ward.collect(logs)
    monkeypatch.setattr(Lake, "append", append)
    assert ward.collect(logs).recovered == 1
    assert len(ward.ids()) == 10
    ward.sound()


def test_collecting_in_a_thread_leaves_signals_alone(ward: Ward, logs: Path) -> None:
    (logs / "a.log").write_bytes(syslog(range(10)))
    done: list[Summary] = []
    thread = threading.Thread(target=lambda: done.append(ward.collect(logs)))
    thread.start()
    thread.join()
    assert done[0].new_events == 10


def test_the_clock_is_the_callers(ward: Ward, logs: Path) -> None:
    (logs / "a.log").write_bytes(syslog(range(3)))
    moment = datetime(2026, 4, 1, 8, tzinfo=UTC)
    os.utime(logs / "a.log", (1_780_000_000, 1_780_000_000))
    collect(ward.workspace, [logs], clock=lambda: moment)
    with ward.workspace.reading() as lake:
        (row,) = lake.segments()
    assert row.sealed == moment
    assert row.received == datetime.fromtimestamp(1_780_000_000, UTC)
    assert (row.records, row.events, row.rejected) == (3, 3, 0)
    assert (row.leaf_segment, row.leaf_records) == (0, 1)


def test_the_workspace_does_not_collect_itself(ward: Ward, logs: Path) -> None:
    (logs / "a.log").write_bytes(syslog(range(3)))
    summary = ward.collect(logs.parent)
    assert [Path(report.path).name for report in summary.files] == ["a.log"]


def test_workers_give_what_one_process_gives(ward: Ward, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = syslog(range(3000))
    alone = ward_ids(ward, logs, text)
    monkeypatch.setattr(_pipeline, "INLINE_BYTES", 1)
    monkeypatch.setattr(_pipeline, "JOB_BYTES", 30_000)
    monkeypatch.setattr(_pipeline, "STORE_ROWS", 1000)
    monkeypatch.setattr("countersign.app.cutting.SEGMENT_BYTES", 20_000)
    (logs / "a.log").write_bytes(text)
    summary = ward.collect(logs)
    assert summary.segments > 5
    assert ward.ids() == alone
    ward.sound()


def test_a_batch_that_cannot_be_stored_while_the_next_is_read(
    ward: Ward, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (logs / "a.log").write_bytes(syslog(range(3000)))

    def refused(*_: object) -> None:
        raise StoreError("the lake is gone")

    with monkeypatch.context() as patch:
        patch.setattr(_pipeline, "INLINE_BYTES", 1)
        patch.setattr(_pipeline, "JOB_BYTES", 30_000)
        patch.setattr(_pipeline, "STORE_ROWS", 1000)
        patch.setattr("countersign.app.cutting.SEGMENT_BYTES", 20_000)
        patch.setattr(Lake, "append", refused)
        with pytest.raises(StoreError, match="the lake is gone"):
            ward.collect(logs)
    assert ward.collect(logs).recovered > 5
    assert len(ward.ids()) == 3000
    ward.sound()


def test_a_parser_that_kills_its_process(ward: Ward, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pipeline, "INLINE_BYTES", 1)
    monkeypatch.setattr(_pipeline, "JOB_BYTES", 1)
    monkeypatch.setattr("countersign.app._parsing.work", die_at_a_mark)
    for number in range(6):
        mark = b"" if number != 2 else b"2026-03-01T00:00:00Z gate sshd[1]: DIE\n"
        (logs / f"{number}.log").write_bytes(syslog(range(number * 10, number * 10 + 10)) + mark)
    summary = ward.collect(logs)
    assert (summary.new_events, summary.rejected) == (50, 1)
    with ward.workspace.reading() as lake:
        assert lake.read("rejected")["reason"].to_pylist() == [
            "the parser stopped at this segment; nothing in it was read"
        ]
    ward.sound()


def test_inputs_are_told_as_data_and_never_raised(ward: Ward, logs: Path) -> None:
    with zipfile.ZipFile(logs / "a.zip", "w") as file:
        file.writestr("../../escape.log", syslog(range(4)))
    summary = ward.collect(logs)
    assert summary.new_events == 4
    assert summary.files[0].path.endswith("a.zip!../../escape.log")
    assert not (logs.parent.parent / "escape.log").exists()
    assert inputs.shown("a\udcffb") == "a\\xffb"
