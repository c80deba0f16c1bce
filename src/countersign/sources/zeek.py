"""Zeek: what a network sensor saw, as TSV or as JSON lines.

For an auditor Zeek is the witness that neither end of a connection controls: a logon that a host denies still shows
here. It sees addresses and what crossed the wire in the clear, not accounts on encrypted connections. The recording
device is not named in the logs, so `device.hostname` is null.

TSV and JSON of one row of conn, ssh, rdp or ssl are one event, keyed by path, uid and time; the other logs may hold
several rows of one uid and time, so their events are known by their bytes. Header lines, which may come again in the
middle where logs were joined, and empty lines are no records.

References: https://docs.zeek.org/en/master/log-formats.html and script-reference/log-files.html.
"""

from __future__ import annotations

from collections.abc import Sequence

from countersign.model.batch import EventBatch, ParseContext, Parsed
from countersign.model.columns import Values
from countersign.sources._base import HEAD_BYTES, Source
from countersign.sources._clock import Clock, epoch_microseconds
from countersign.sources._zeek import KEYED, kind_of
from countersign.sources._zeek_json import Objects, flat, read_row, time_of
from countersign.sources._zeek_paths import path_of
from countersign.sources._zeek_tsv import Run, Table

NAME = "zeek"
_MARK = b"#"
_BOM = b"\xef\xbb\xbf"
_HEADER = (b"#separator", b"#fields\t", b"#path\t")


def detect(head: bytes) -> bool:
    """Whether it starts with Zeek's header, or with a JSON object that has a log's keys."""
    text = head.removeprefix(_BOM).lstrip()
    if text.startswith(_MARK):
        return text.startswith(_HEADER) and b"#fields" in text
    if not text.startswith(b"{"):
        return False
    line, separator, _ = text.partition(b"\n")
    if not separator and len(head) >= HEAD_BYTES:
        return b'"ts":' in line and (b'"_path":' in line or b'"id.orig_h":' in line)
    row = read_row(line)
    return row is not None and path_of(flat(row)) is not None


def preamble(head: bytes) -> int:
    """Bytes of the header lines at the start of a TSV log; 0 for JSON."""
    position = len(_BOM) if head.startswith(_BOM) else 0
    if not head.startswith(_HEADER, position):
        return 0
    while head.startswith(_MARK, position):
        end = head.find(b"\n", position)
        if end < 0:
            break
        position = end + 1
    return position


def parse(records: Sequence[bytes], context: ParseContext) -> Parsed:
    """Rows to events; TSV and JSON may stand in one segment."""
    batch = EventBatch(NAME, context)
    table, run, objects = Table(), Run(), Objects()
    rejected: list[tuple[int, str]] = []
    for index, record in enumerate(records):
        raw = record.rstrip(b"\r\n")
        line = raw.removeprefix(_BOM)
        start = line[:1]
        if start == b"{":
            reason = objects.take(index, raw, line)
            if reason is not None:
                rejected.append((index, reason))
        elif start == _MARK:
            _write_run(batch, table, run)
            run = Run()
            table.header(_text(line))
        elif line.strip():
            cells = table.cells(_text(line))
            if isinstance(cells, str):
                rejected.append((index, cells))
            else:
                run.indexes.append(index)
                run.raws.append(raw)
                run.cells.append(cells)
    _write_run(batch, table, run)
    _write_objects(batch, objects, Clock(context), rejected)
    for index, reason in sorted(rejected):
        batch.reject(index, reason)
    return batch.finish()


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace")


def _write_run(batch: EventBatch, table: Table, run: Run) -> None:
    if not run.cells:
        return
    fields = table.columns(run)
    stamps = fields.get("ts", (None,) * len(run.cells))
    times = [epoch_microseconds(stamp) if type(stamp) is str else None for stamp in stamps]
    _write(batch, table.path, run.indexes, run.raws, fields, times, ["stated"] * len(times))


def _write_objects(
    batch: EventBatch, objects: Objects, clock: Clock, rejected: list[tuple[int, str]]
) -> None:
    for path, group, fields in objects.groups(rejected):
        moments = [time_of(stamp, clock) for stamp in fields.get("ts", (None,) * len(group.rows))]
        times, bases = [time for time, _ in moments], [basis for _, basis in moments]
        _write(batch, path, group.indexes, group.raws, fields, times, bases)


def _write(
    batch: EventBatch,
    path: str,
    indexes: Sequence[int],
    raws: Sequence[bytes],
    fields: dict[str, Values],
    times: Sequence[int | None],
    bases: Sequence[str],
) -> None:
    """Adds rows of one log that have the same fields."""
    count = len(indexes)
    stamps = fields.get("ts", (None,) * count)
    columns: dict[str, Values] = {
        "time": times,
        "time_text": [stamp if stamp is None or type(stamp) is str else str(stamp) for stamp in stamps],
        "time_basis": bases,
    }
    keys: list[tuple[str, ...] | None] = [None] * count
    if path in KEYED and "uid" in fields:
        keys = [
            (NAME, path, uid, str(time)) if type(uid) is str and uid and time is not None else None
            for uid, time in zip(fields["uid"], times, strict=True)
        ]
    batch.add_many(indexes, raws, columns, fields, keys, kind_of(path))


SOURCE = Source(
    name=NAME, title="Zeek", framing="lines", detect=detect, parse=parse, preamble=preamble, page="zeek"
)
