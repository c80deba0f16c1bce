"""Files of no known format: kept where they may be a log, and read as soon as somebody knows them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from collecting import Ward, syslog
from countersign.app import _unknown, rereading
from countersign.app.known import UNKNOWN
from countersign.app.own_families import OwnFamilies
from countersign.app.sources import unknown_files
from countersign.cli.commands import program
from countersign.ledger import Archive

LINES = b"".join(
    b'at="2026-11-20 %02d:%02d:00" gate=%d who=CLINIC\\p%d\n' % (n // 60 % 24, n % 60, n % 7, n)
    for n in range(900)
)
MAPPING = """
name: gates
title: Gates
product: Gate
format: key=value
match: {fields: [gate, who]}
time: {field: at, zone: UTC}
what: logon
columns: {user: who}
"""


def describe_gates(ward: Ward) -> None:
    folder = ward.workspace.root / "sources"
    folder.mkdir(exist_ok=True)
    (folder / "gates.yaml").write_text(MAPPING)


def sources(ward: Ward) -> list[str]:
    with ward.workspace.reading() as lake:
        return [row.source for row in lake.segments()]


def kept(ward: Ward) -> list[bytes]:
    archive = Archive(ward.workspace.archive)
    return [archive.get(name) for name in archive.digests()]


def test_a_log_of_no_known_format_is_sealed_once(ward: Ward, logs: Path) -> None:
    (logs / "gates.log").write_bytes(LINES)
    first = ward.collect(logs)
    assert (first.records, first.unrecognised, first.segments) == (0, 1, 1)
    assert first.files[0].reason == (
        'is text, but no log format known here, kept until one is; it begins: at="2026-11-20 00:00:00" gate=0 who=CLINIC\\p0'
    )
    assert kept(ward) == [LINES]
    ward.sound()
    leaves = ward.leaves()
    (logs / "copy.log").write_bytes(LINES)
    again = ward.collect(logs)
    assert (again.segments, again.unrecognised, ward.leaves()) == (0, 2, leaves)
    (logs / "gates.log").write_bytes(LINES + b'at="2026-11-21 00:00:00" gate=1 who=x\n')
    assert ward.collect(logs).segments == 1
    assert sources(ward) == [UNKNOWN] * 2


@pytest.mark.parametrize("gone", [True, False])
def test_it_is_read_from_the_archive_when_a_mapping_knows_it(ward: Ward, logs: Path, *, gone: bool) -> None:
    (logs / "gates.log").write_bytes(LINES)
    ward.collect(logs)
    describe_gates(ward)
    if gone:
        (logs / "gates.log").unlink()
    (logs / "other.log").write_bytes(syslog(range(3)))
    summary = ward.collect(logs)
    assert (summary.new_events, summary.rejected, summary.unrecognised) == (903, 0, 0)
    assert set(ward.events("source")["source"].to_pylist()) == {"custom.gates", "syslog"}
    assert UNKNOWN not in sources(ward)
    ward.sound()
    (logs / "gates.log").write_bytes(LINES)
    last = ward.collect(logs)
    assert (last.records, last.segments) == (0, 0)
    assert {file.status for file in last.files} == {"known"}


def test_what_was_read_as_something_else_is_read_as_the_mapping_says(ward: Ward, logs: Path) -> None:
    lines = syslog(range(5)) + b"".join(
        b"Mar  3 10:00:%02d gate door: at=2026-03-03T10:00:%02dZ gate=1 who=p%d\n" % (n, n, n)
        for n in range(40)
    )
    (logs / "mixed.log").write_bytes(lines)
    assert ward.collect(logs).events == 45
    before = len(ward.ids())
    describe_gates(ward)
    (ward.workspace.root / "sources" / "gates.yaml").write_text(
        MAPPING.replace("fields: [gate, who]", "fields: [gate]")
    )
    (logs / "door.log").write_bytes(lines[len(syslog(range(5))) :])
    ward.collect(logs)
    assert before == 45
    assert len(ward.ids()) == len(set(ward.ids()))
    with ward.workspace.reading() as lake:
        rows = lake.table("events").to_pyarrow().to_pylist()
    assert {row["source"] for row in rows if row["user"] and row["user"]["name"] == "p7"} <= {"custom.gates"}
    ward.sound()


def test_a_file_read_before_there_was_a_mapping_is_read_again(ward: Ward, logs: Path) -> None:
    lines = b"".join(
        b"Mar  3 10:00:%02d gate door: at=2026-03-03T10:00:%02dZ gate=1 who=p%d\n" % (n, n, n)
        for n in range(40)
    )
    (logs / "door.log").write_bytes(lines)
    ward.collect(logs)
    assert "custom.gates" not in sources(ward)
    describe_gates(ward)
    assert ward.collect(logs).new_events == 40
    assert set(ward.events("source")["source"].to_pylist()) == {"custom.gates"}
    assert sources(ward) == ["custom.gates"]
    assert ward.collect(logs).records == 0
    (ward.workspace.root / "sources" / "gates.yaml").unlink()
    assert ward.collect(logs).records == 0
    assert set(ward.events("source")["source"].to_pylist()) == {"custom.gates"}
    ward.sound()


def test_many_segments_and_what_grew_and_took_another_turn(
    ward: Ward, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countersign.app.cutting.SEGMENT_BYTES", 4096)
    (logs / "gates.log").write_bytes(LINES[:20_010])  # half a line at its end
    ward.collect(logs)
    (logs / "gates.log").write_bytes(LINES)
    turned = LINES[:9_000].rsplit(b"\n", 1)[0] + b"\n" + LINES[30_000:].split(b"\n", 1)[1]
    (logs / "turned.log").write_bytes(turned)
    ward.collect(logs)
    for path in logs.iterdir():
        path.unlink()
    describe_gates(ward)
    ward.collect(logs)
    assert len(ward.ids()) == len(set(ward.ids())) == 900
    assert set(sources(ward)) == {"custom.gates"}
    ward.sound()
    (logs / "gates.log").write_bytes(LINES)
    (logs / "turned.log").write_bytes(turned)
    assert ward.collect(logs).records == 0


def test_utf16_and_csv_with_a_header(ward: Ward, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("countersign.app.cutting.SEGMENT_BYTES", 4096)
    rows = "".join(f"{n};p{n};20/11/2026 {n // 60 % 24:02}:{n % 60:02}\n" for n in range(900))
    (logs / "gates.csv").write_bytes(("Gate;Who;Day\n" + rows).encode("utf-16"))
    first = ward.collect(logs)
    assert first.records == 0
    assert first.segments > 2
    (logs / "gates.csv").unlink()
    describe_gates(ward)
    (ward.workspace.root / "sources" / "gates.yaml").write_text(
        MAPPING.replace("key=value", "csv")
        .replace("gate, who", "Gate, Who")
        .replace("user: who", "user: Who")
        .replace("field: at,", "field: Day, format: dmy,")
    )
    assert ward.collect(logs).new_events == 900
    assert set(sources(ward)) == {"custom.gates"}
    ward.sound()


RUN = """
import os, signal, sys
from pathlib import Path
from countersign.app import _journal, rereading
from countersign.app.collect import collect
from countersign.app import _pipeline
from countersign.app.workspace import Workspace
from countersign.lake import Lake, _append, _remove, _retract
from countersign.ledger import Archive, Log

_pipeline.SEAL_BYTES = 9000
_pipeline.STORE_ROWS = 200
_pipeline.JOB_BYTES = 4000
from countersign.app import cutting
cutting.SEGMENT_BYTES = 4096
places = {
    "note": (_journal, "write"), "put": (Archive, "put"), "leaf": (Log, "append"), "store": (Lake, "append"),
    "forget": (Lake, "forget"), "remove": (_remove, "remove"), "begin": (rereading, "begin"), "finish": (rereading, "finish"),
}
ward, logs, place, count, after = sys.argv[1:]
owner, name = places[place]
original, left = getattr(owner, name), [int(count)]
def wrapped(*args, **kwargs):
    left[0] -= 1
    mine = left[0]
    if mine == 0 and after == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(*args, **kwargs)
    if mine == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(owner, name, wrapped)
collect(Workspace.open(Path(ward)), [logs])
"""


@pytest.mark.parametrize(
    ("place", "count", "when"),
    [
        ("begin", 1, "before"),
        ("begin", 1, "after"),
        ("note", 1, "after"),
        ("put", 3, "after"),
        ("leaf", 2, "after"),
        ("store", 1, "before"),
        ("store", 2, "before"),
        ("forget", 1, "after"),
        ("remove", 2, "after"),
        ("forget", 3, "after"),
        ("finish", 1, "before"),
    ],
)
def test_killed_while_it_is_read_again(
    ward: Ward, logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, count: int, when: str
) -> None:
    monkeypatch.setattr("countersign.app.cutting.SEGMENT_BYTES", 4096)
    (logs / "gates.log").write_bytes(LINES)
    ward.collect(logs)
    (logs / "gates.log").unlink()
    describe_gates(ward)
    script = tmp_path / "run.py"
    script.write_text(RUN)
    done = subprocess.run(
        [sys.executable, str(script), str(ward.workspace.root), str(logs), place, str(count), when],
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    ward.collect(logs)
    assert len(ward.ids()) == len(set(ward.ids())) == 900
    assert set(sources(ward)) == {"custom.gates"}
    ward.sound()
    assert not (ward.workspace.root / "state" / rereading.PLAN).exists()


def test_what_is_kept_of_it(ward: Ward, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_unknown, "BINARY_BYTES", 1 << 20)
    monkeypatch.setattr(_unknown, "TEXT_BYTES", 2 << 20)
    monkeypatch.setattr("countersign.app.cutting.SEGMENT_BYTES", 300_000)
    noise = os.urandom(9000).replace(b"MZ", b"zz")
    files = {
        "licence": b"Permission is hereby granted, free of charge, to any person\n" * 20,
        "a.png": b"\x89PNG\r\n\x1a\n" + noise,
        "tool.exe": b"MZ" + noise,
        "state.db": b"SQLite format 3\0" + noise[::-1],
        "noise": b"\x01\x02" + noise,
        "large": b"\x01\x02" + bytes(range(256)) * 5000,
        "long.log": LINES * 60,
    }
    for name, data in files.items():
        (logs / name).write_bytes(data)
    summary = ward.collect(logs)
    said = {Path(file.path).name: file.reason for file in summary.files}
    assert said["licence"].startswith(
        "is text, but no log format known here, not kept; it begins: Permission"
    )
    assert said["a.png"] == "is a PNG picture, not kept"
    assert said["tool.exe"] == "is a program, not kept"
    assert said["state.db"] == "is an SQLite database, kept until one is"
    assert said["noise"] == "is binary and no log format known here, kept until one is"
    assert said["large"].endswith("larger than 1 MiB and not kept")
    assert "its first 2 MiB are kept" in said["long.log"]
    sizes = {Path(one.path).name: one.size for one in unknown_files(ward.workspace)}
    assert sizes.pop("long.log") == 2 << 20
    assert sizes == {"state.db": len(files["state.db"]), "noise": len(files["noise"])}
    assert ward.collect(logs).segments == 0
    ward.sound()


def test_new_families_of_a_later_version_are_asked(
    ward: Ward, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognise = OwnFamilies.recognise
    monkeypatch.setattr(OwnFamilies, "recognise", lambda _self, _head: None)
    (logs / "a.log").write_bytes(syslog(range(20)))
    assert ward.collect(logs).segments == 1
    monkeypatch.setattr(OwnFamilies, "recognise", recognise)
    (logs / "a.log").unlink()
    assert ward.collect(logs).records == 0  # the same families were asked before
    monkeypatch.setattr(rereading, "__version__", "99")
    assert ward.collect(logs).new_events == 20


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b'{\n  "gate": 7,\n  "who": "ann"\n}\n', '{ "gate": 7, "who": "ann" }'),
        (b'\xef\xbb\xbf[\r\n  {"gate": 7},\r\n  {"gate": 8}\r\n]', '[ {"gate": 7}, {"gate": 8} ]'),
        (b'{"gate": 7,\n "who": "ann"}', '{"gate": 7, "who": "ann"}'),
        (b'{"gate": 7}\n{"gate": 8}\n', '{"gate": 7}'),
        (b"opened:\n7\n", "opened:"),
        (b"[\n" + b'   "a",\n' * 1000, '[ "a", "a",'),
        ('{\n "gate": 7\n}'.encode("utf-16"), '{ "gate": 7 }'),
    ],
)
def test_json_over_several_lines_is_shown_joined(text: bytes, shown: str) -> None:
    found = _unknown.first_line(text)
    assert found.startswith(shown)
    assert len(found) <= _unknown.SHOWN
    assert found == shown or len(text) > 1000


def test_they_are_listed_with_their_first_line(ward: Ward, logs: Path) -> None:
    run, where = CliRunner(), ["-C", str(ward.workspace.root)]
    assert "no file" in run.invoke(program, [*where, "source", "unknown"]).output.lower()
    (logs / "gates.log").write_bytes(b"\n\x1b[31m" + LINES)
    ward.collect(logs, origin="north")
    output = run.invoke(program, [*where, "source", "unknown"]).output
    assert "gates.log" in output
    assert "\x1b" not in output
    body = orjson.loads(run.invoke(program, [*where, "source", "unknown", "--json"]).output)
    assert body.keys() == {"path", "origin", "size", "modified", "sealed", "begins", "segments"}
    assert (body["origin"], body["size"], len(body["segments"])) == ("north", len(LINES) + 6, 1)
    assert "gate=0" in body["begins"]
    assert "source unknown" in run.invoke(program, [*where, "rejected"]).output
