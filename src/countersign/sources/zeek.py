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

import re
from collections.abc import Iterable, Mapping, Sequence

import orjson

from countersign.model.batch import EventBatch, ParseContext, Parsed
from countersign.sources._base import HEAD_BYTES, Source
from countersign.sources._clock import Clock, epoch_microseconds
from countersign.sources._zeek import COLUMNS, KEYED, path_of

NAME = "zeek"
_MARK = b"#"
_HEADER = (b"#separator", b"#fields\t", b"#path\t")
_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})")
_DEEPEST = 4
"""Zeek nests records at most twice (`id`, and a few in `notice`); what is deeper stays JSON text."""
_MILLISECONDS = 10**11
"""A `ts` above this (year 5138 in seconds) is in milliseconds: `JSON::TS_MILLIS`."""
_NO_HEADER = "the row has no Zeek header (#fields) before it"
_NO_OBJECT = "the line is no JSON object"
_NO_ROW = "the JSON object has none of the keys of a Zeek log"

Fields = dict[str, object]

_DOTTED = (
    "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p",
    "times.modified", "times.accessed", "times.created", "times.changed",
    "certificate.version", "certificate.serial", "certificate.subject", "certificate.issuer",
    "certificate.not_valid_before", "certificate.not_valid_after", "certificate.key_alg", "certificate.sig_alg",
    "certificate.key_type", "certificate.key_length", "certificate.exponent", "certificate.curve",
    "san.dns", "san.uri", "san.email", "san.ip", "basic_constraints.ca", "basic_constraints.path_len",
)  # fmt: skip
_RENAMED = {name.replace(".", "_"): name for name in _DOTTED}
"""Some shippers (Kafka, Splunk) write `_` for the `.` in Zeek's names."""


def detect(head: bytes) -> bool:
    """Whether it starts with Zeek's header, or with a JSON object that has a log's keys."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(_MARK):
        return text.startswith(_HEADER) and b"#fields" in text
    if not text.startswith(b"{"):
        return False
    line, separator, _ = text.partition(b"\n")
    if not separator and len(head) >= HEAD_BYTES:
        return b'"ts":' in line and (b'"_path":' in line or b'"id.orig_h":' in line)
    row = _object(line)
    return row is not None and path_of(_flat(row)) is not None


def preamble(head: bytes) -> int:
    """Bytes of the header lines at the start of a TSV log; 0 for JSON."""
    start = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    if not head.startswith(_HEADER, start):
        return 0
    position = start
    while head.startswith(_MARK, position):
        end = head.find(b"\n", position)
        if end < 0:
            break
        position = end + 1
    return position


def parse(records: Sequence[bytes], context: ParseContext) -> Parsed:
    """Rows to events; TSV and JSON may stand in one segment."""
    batch = EventBatch(NAME, context)
    clock = Clock(context)
    table = _Table()
    for index, record in enumerate(records):
        raw = record.rstrip(b"\r\n")
        start = raw[:1]
        if start == b"{":
            _add_json(batch, clock, index, raw, raw)
        elif start == _MARK or raw.startswith(b"\xef\xbb\xbf#"):
            table.header(_text(raw).removeprefix("\ufeff"))
        elif raw.strip():
            row = table.row(_text(raw))
            if isinstance(row, str):
                if raw.startswith(b"\xef\xbb\xbf{"):
                    _add_json(batch, clock, index, raw, raw[3:])
                else:
                    batch.reject(index, row)
            else:
                stamp = row.get("ts")
                time = epoch_microseconds(stamp) if isinstance(stamp, str) else None
                _add(batch, index, raw, table.path, row, time, stamp, "stated")
    return batch.finish()


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace")


def _add(
    batch: EventBatch,
    index: int,
    raw: bytes,
    path: str,
    row: Fields,
    time: int | None,
    stamp: object,
    basis: str,
) -> None:
    columns = COLUMNS[path](row) if path in COLUMNS else COLUMNS[""](row)
    columns["metadata.log_name"] = path or None
    columns["time"] = time
    columns["time_text"] = stamp
    columns["time_basis"] = basis
    uid = columns.get("connection_info.uid")
    key = (
        (NAME, path, uid, str(time)) if path in KEYED and time is not None and isinstance(uid, str) else None
    )
    batch.add(index, raw, columns, row, key)


class _Table:
    """The header that is in force in a TSV log."""

    def __init__(self) -> None:
        self.path = ""
        self._separator = "\t"
        self._set_separator = ","
        self._unset = "-"
        self._empty = "(empty)"
        self._fields: list[str] = []
        self._said: list[str] = []
        self._sets: set[str] = set()

    def header(self, line: str) -> None:
        """Takes in a header line; `#open`, `#close` and comments say nothing about rows."""
        if line.startswith("#separator"):
            self._separator = _unescape(line[len("#separator") :].strip(" \t")) or "\t"
            self._fields, self._said, self._sets, self.path = [], [], set(), ""
            return
        name, *values = line.split(self._separator)
        if name == "#fields":
            self._fields = values
        elif name == "#types":
            kinds = list(zip(self._fields, values, strict=False))
            self._said = [field for field, kind in kinds if kind == "bool"]
            self._sets = {field for field, kind in kinds if kind.startswith(("set[", "vector[", "table["))}
        elif name == "#path":
            self.path = values[0] if values else ""
        elif name == "#set_separator" and values and values[0]:
            self._set_separator = _unescape(values[0])
        elif name == "#unset_field" and values:
            self._unset = values[0]
        elif name == "#empty_field" and values:
            self._empty = values[0]

    def row(self, line: str) -> Fields | str:
        """The row's fields without the unset and the empty ones, or why there are none."""
        names = self._fields
        if not names:
            return _NO_HEADER
        cells = line.split(self._separator)
        if len(cells) != len(names):
            return f"the row has {len(cells)} fields, its header {len(names)}"
        unset, empty = self._unset, self._empty
        row: Fields = {
            name: cell for name, cell in zip(names, cells, strict=True) if cell not in (unset, empty)
        }
        if self._said or self._set_separator != ",":
            self._as_json(row)
        return row

    def _as_json(self, row: Fields) -> None:
        """Truth values and sets as the JSON logs and the rules have them."""
        for name in self._said:
            cell = row.get(name)
            if cell == "T":
                row[name] = "true"
            elif cell == "F":
                row[name] = "false"
        if self._set_separator != ",":
            for name in self._sets & row.keys():
                row[name] = str(row[name]).replace(self._set_separator, ",")


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)


def _object(raw: bytes) -> dict[str, object] | None:
    try:
        row = orjson.loads(raw)
    except orjson.JSONDecodeError:
        try:
            row = orjson.loads(raw.decode("utf-8", "replace").lstrip("\ufeff\0"))
        except orjson.JSONDecodeError:
            return None
    return row if isinstance(row, dict) else None


def _add_json(batch: EventBatch, clock: Clock, index: int, raw: bytes, line: bytes) -> None:
    found = _object(line)
    if found is None:
        batch.reject(index, _NO_OBJECT)
        return
    row = _flat(found)
    path = path_of(row)
    if path is None:
        batch.reject(index, _NO_ROW)
        return
    stamp = found.get("ts")
    time, basis = _time(stamp, clock)
    _add(batch, index, raw, path, row, time, None if stamp is None else str(stamp), basis)


def _time(stamp: object, clock: Clock) -> tuple[int | None, str]:
    """Seconds since 1970 as a number, milliseconds, or ISO 8601: Zeek's three ways of writing times in JSON."""
    if isinstance(stamp, float) and 0 < stamp < _MILLISECONDS * 1000:
        return round(stamp * (1_000 if stamp > _MILLISECONDS else 1_000_000)), "stated"
    if type(stamp) is int and 0 < stamp < _MILLISECONDS * 1000:
        return stamp * (1_000 if stamp > _MILLISECONDS else 1_000_000), "stated"
    if isinstance(stamp, str):
        seconds = epoch_microseconds(stamp)
        return (seconds, "stated") if seconds is not None else clock.iso(stamp[:64])
    return None, "undated"


def _flat(found: Mapping[str, object]) -> Fields:
    """The row with nested records as dotted names, lists joined by commas, and Zeek's own names."""
    row: Fields = {}
    for name, value in found.items():
        kind = type(value)
        if kind is dict:
            _nest(row, name, value, _DEEPEST)  # type: ignore[arg-type]  # kind says that it is one
        elif kind is list:
            if value:
                row[_RENAMED.get(name, name)] = _joined(value)  # type: ignore[arg-type]  # kind says that it is one
        elif value is not None:
            row[_RENAMED.get(name, name)] = value
    return row


def _nest(row: Fields, prefix: str, record: Mapping[str, object], deepest: int) -> None:
    for name, value in record.items():
        if isinstance(value, dict) and deepest:
            _nest(row, f"{prefix}.{name}", value, deepest - 1)
        elif value is not None:
            row[f"{prefix}.{name}"] = _joined(value) if isinstance(value, list | dict) else value


def _joined(value: Iterable[object]) -> str:
    if isinstance(value, dict):
        return orjson.dumps(value).decode()
    return ",".join(
        item if isinstance(item, str)
        else orjson.dumps(item).decode() if isinstance(item, list | dict | bool)
        else str(item)
        for item in value if item is not None
    )  # fmt: skip


SOURCE = Source(name=NAME, title="Zeek", framing="lines", detect=detect, parse=parse, preamble=preamble)
