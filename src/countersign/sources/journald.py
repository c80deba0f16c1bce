"""journald's JSON export (`journalctl -o json`): the same programs as in syslog, with fields nobody can fake.

For an auditor the fields that begin with an underscore are the kernel's and journald's own word (which user, which
executable, which unit wrote this); `MESSAGE` and `SYSLOG_IDENTIFIER` are what the program said of itself. The cursor
is journald's own key of the entry, the time is when journald received it. Empty lines are no records.

References: systemd.journal-fields(7), https://systemd.io/JOURNAL_EXPORT_FORMATS/ (Journal JSON Format).
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from countersign.model.batch import EventBatch, ParseContext, Parsed
from countersign.sources._base import HEAD_BYTES, Source
from countersign.sources._programs import understand

NAME = "journald"
_TIME = "__REALTIME_TIMESTAMP"
_LONGEST_TIME = 17
"""Microseconds since 1970 have 16 digits until the year 2286."""
_NO_SESSION = "4294967295"
"""The kernel's word for none: what no login leads to."""
_NO_OBJECT = "the line is no JSON object"
_NO_ENTRY = "the JSON object is no journal entry: it has neither a time of journald's nor a message"


def detect(head: bytes) -> bool:
    """Whether the first line is a JSON object with journald's own time."""
    line, separator, _ = head.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")
    if not line.startswith(b"{") or b'"__REALTIME_TIMESTAMP"' not in line:
        return False
    entry = _object(line)
    if entry is None:
        return not separator and len(head) >= HEAD_BYTES  # an entry longer than what we may see
    return _TIME in entry


def parse(records: Sequence[bytes], context: ParseContext) -> Parsed:
    """Entries to events."""
    batch = EventBatch(NAME, context)
    for index, record in enumerate(records):
        raw = record.rstrip(b"\r\n")
        if not raw.strip(b" \t\xef\xbb\xbf"):
            continue
        entry = _object(raw)
        if entry is None:
            batch.reject(index, _NO_OBJECT)
        elif _TIME not in entry and "MESSAGE" not in entry:
            batch.reject(index, _NO_ENTRY)
        else:
            _add(batch, index, raw, entry)
    return batch.finish()


def _object(raw: bytes) -> dict[str, object] | None:
    try:
        entry = orjson.loads(raw)
    except orjson.JSONDecodeError:
        try:
            entry = orjson.loads(raw.decode("utf-8", "replace").lstrip("\ufeff\0"))
        except orjson.JSONDecodeError:
            return None
    return entry if isinstance(entry, dict) else None


def _text(value: object) -> str | None:
    """A field's text: a string, bytes as numbers (not UTF-8, or control characters), or several values."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        if value and all(isinstance(item, int) and 0 <= item < 256 for item in value):
            return bytes(value).decode("utf-8", "replace")
        return " ".join(part for item in value if isinstance(item, str) and (part := item)) or None
    if isinstance(value, bool | int | float):
        return str(value)
    return None


def _add(batch: EventBatch, index: int, raw: bytes, entry: dict[str, object]) -> None:
    fields: dict[str, object] = {name: _text(value) for name, value in entry.items() if name != "MESSAGE"}
    message = _text(entry.get("MESSAGE")) or ""
    program = fields.get("SYSLOG_IDENTIFIER") or fields.get("_COMM")
    pid = fields.get("_PID") or fields.get("SYSLOG_PID")
    stamp = fields.get(_TIME)
    columns: dict[str, object] = {
        "class_uid": 0,
        "time": _microseconds(stamp),
        "time_text": stamp,
        "time_basis": "stated",
        "device.hostname": fields.get("_HOSTNAME"),
        "metadata.log_name": program,
        "message": message,
    }
    if isinstance(pid, str) and pid.isdecimal() and len(pid) <= 10:
        columns["actor.process.pid"] = int(pid)
    else:
        pid = None
    cursor = fields.get("__CURSOR")
    key = (NAME, cursor) if isinstance(cursor, str) and cursor else None
    if isinstance(cursor, str):
        columns["metadata.uid"] = cursor
    understood = understand(program, pid, message) if isinstance(program, str) else None
    if understood is not None:
        more, own, _ = understood
        columns.update(more)
        number = fields.get("_AUDIT_SESSION")
        if isinstance(number, str) and number.isdecimal() and number != _NO_SESSION:
            # which login it came from, as the kernel knows it
            columns.setdefault("actor.session.uid", f"audit:{number}")
        fields |= own
    batch.add(index, raw, columns, fields, key)


def _microseconds(stamp: object) -> int | None:
    if isinstance(stamp, str) and stamp.isdecimal() and len(stamp) <= _LONGEST_TIME and stamp.isascii():
        return int(stamp)
    return None


SOURCE = Source(
    name=NAME, title="systemd journal (JSON)", framing="lines", detect=detect, parse=parse, page="syslog"
)
