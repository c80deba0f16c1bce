"""A log family that a user describes: a checked mapping, as JSON text, made into a declarative `Family`.

The text is all there is to it, so that it travels to worker processes, and a family is made once from each text.
What a mapping may say is checked where its file is read; here it is taken as checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson

from countersign.model.batch import ParseContext, Parsed
from countersign.sources import _json, _payload, _table, _times
from countersign.sources._base import Source
from countersign.sources._convert import text
from countersign.sources._family import NO_FRAME, Family, Layout, Read, source_of
from countersign.sources._flat import Row, look_up
from countersign.sources._lines import key_values
from countersign.sources._mapping import From, Step, What, account, endpoint
from countersign.sources._syslog import Framer

PREFIX = "custom."
"""What the names of such families begin with, so that none is ever taken for one of ours."""
WHATS: Mapping[str, tuple[int, int]] = {
    "logon": (3002, 1),
    "logoff": (3002, 2),
    "vpn open": (4014, 1),
    "vpn close": (4014, 2),
    "connection": (4001, 6),
    "process": (1007, 1),
    "change": (3004, 99),
    "other": (0, 0),
}
"""Kinds of events by the words of a mapping: OCSF class and activity."""
STATUSES: Mapping[str, int] = {"success": 1, "failure": 2}
STEPS: Mapping[str, Callable[[str], Step]] = {
    "user": lambda path: account("user", path),
    "actor": lambda path: account("actor.user", path),
    "source": lambda path: endpoint("src_endpoint", path),
    "target": lambda path: endpoint("dst_endpoint", path),
}
"""Words that stand for several columns: an account in any form; an address, with or without port, or a name."""
TIME_FORMATS = ("iso", "epoch", "dmy", "mdy", "ymd")
_NO_PAIRS = "a line without key=value pairs"


@lru_cache(maxsize=64)
def custom_source(mapping: str) -> Source:
    """The family that a checked mapping describes."""
    body: dict[str, Any] = orjson.loads(mapping)
    family = _family(body)
    made = source_of(family, _layout(body["format"], family))
    zone = body["time"].get("zone")
    return made if not zone else replace(made, parse=_in_zone(made.parse, zone))


def _in_zone(
    parse: Callable[[Sequence[bytes], ParseContext], Parsed], zone: str
) -> Callable[[Sequence[bytes], ParseContext], Parsed]:
    def in_zone(records: Sequence[bytes], context: ParseContext) -> Parsed:
        return parse(records, replace(context, zone=zone))

    return in_zone


def _family(body: Mapping[str, Any]) -> Family:
    by = body.get("by")
    kinds = {value: _what(kind) for value, kind in (body.get("kinds") or {}).items() if value != "*"}
    rest = (body.get("kinds") or {}).get("*")
    return Family(
        name=PREFIX + body["name"],
        title=body.get("title") or body["name"],
        page="",
        product=body["product"],
        vendor=body.get("vendor") or "",
        match=_match(body["match"]),
        time=_time(body["time"]),
        what=_what(body),
        by=(by,) if by else (),
        kinds=kinds,
        otherwise=_what(rest) if rest else What(),
        key=tuple(body.get("key") or ()),
        log=body.get("log") or "",
    )


def _match(said: Mapping[str, Any]) -> Callable[[Row], bool]:
    fields = tuple(said.get("fields") or ())
    equals = tuple((said.get("equals") or {}).items())

    def match(row: Row) -> bool:
        return all(_at(row, name) is not None for name in fields) and all(
            text(_at(row, name)) == value for name, value in equals
        )

    return match


def _at(row: Row, name: str) -> Any:  # noqa: ANN401  # foreign
    return row[name] if name in row else look_up(row, name)


def _time(said: Mapping[str, Any]) -> tuple[_times.Time, ...]:
    fields = tuple(said["field"])
    form = said.get("format", "iso")
    if form == "iso":
        return (_times.iso(fields[0]),)
    if form == "epoch":
        return (_times.epoch(fields[0]),)
    return (_times.written(*fields, order=form),)


def _what(said: Mapping[str, Any]) -> What:
    class_uid, activity_id = WHATS[said.get("what") or "other"]
    columns: dict[str, From] = {}
    constants: dict[str, object] = {}
    steps: list[Step] = []
    for column, source in (said.get("columns") or {}).items():
        if isinstance(source, Mapping):
            constants[column] = source["value"]
        elif column in STEPS:
            steps += [STEPS[column](path) for path in ([source] if isinstance(source, str) else source)]
        else:
            columns[column] = source if isinstance(source, str) else tuple(source)
    status = said.get("status")
    return What(
        class_uid, activity_id, STATUSES[status] if status else None, columns, tuple(steps), constants
    )


def _layout(form: str, family: Family) -> Layout:
    if form == "json":
        return _json.JSON
    if form == "csv":
        return _table.csv_layout()
    return Layout("lines", _pairs(family), _pair_rows)


def _pairs(family: Family) -> Callable[[Sequence[bytes], ParseContext], Iterator[Read]]:
    def read(records: Sequence[bytes], context: ParseContext) -> Iterator[Read]:
        framer = Framer(context)
        for index, record in enumerate(records):
            line = _payload.decoded(record).strip("\ufeff\0 \t\r")
            if not line:
                continue
            row = key_values(line)
            if not row:
                yield index, record, _NO_PAIRS, NO_FRAME
            elif _payload.tells_time(family, row):
                yield index, record, row, NO_FRAME
            else:
                yield index, record, row, _payload.around(framer.frame(line))

    return read


def _pair_rows(head: bytes) -> Sequence[Row]:
    return [key_values(line) for line in _payload.first_lines(head)]
