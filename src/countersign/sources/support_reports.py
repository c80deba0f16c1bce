"""Session reports of support consoles: SimpleHelp, Kaseya VSA, N-able's Take Control, exported as CSV or JSON by the provider.

For an auditor it is the provider's own account: which technician was on which machine, when and how long, from which address where the report has
it. No second factor. Ask for it monthly and hold it against what the machines themselves say.

A report is known by its columns: one for the technician, one for the machine, one for the beginning, and one for the end or how long it was. The
products write their own names for them, and their languages and versions differ, so that all that are known are taken. Times without an
offset are in the workspace's zone; whether the day or the month comes first is read by the
evidence of the whole segment, month first where nothing shows it.

References: https://simple-help.com/administrator-guide, https://help.kaseya.com/webhelp/en/vsa/9050000/, https://documentation.n-able.com/takecontrol/.
The forms of columns are believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from countersign.model.batch import ParseContext
from countersign.sources._clock import Clock
from countersign.sources._convert import said
from countersign.sources._family import Family, Layout, Read, source_of
from countersign.sources._flat import Row
from countersign.sources._json import JSON, read_json
from countersign.sources._mapping import What, account, endpoint
from countersign.sources._snapshot import shown_order, utc
from countersign.sources._table import csv_layout
from countersign.sources._times import Order, iso, written

_LOGIN = 3002
_MOST_COLUMNS = 64
_NAMES: dict[str, tuple[str, ...]] = {
    "technician": ("technician", "technician name", "technician login", "tech", "administrator", "admin", "admin name", "vsa user", "agent user"),
    "machine": ("machine", "machine id", "machine name", "remote machine", "computer", "computer name", "device", "device name", "customer", "customer name"),
    "began": ("start time", "start", "started", "session start", "start date", "start date/time", "time started", "date started"),
    "ended": ("end time", "end", "ended", "session end", "end date", "end date/time", "time ended", "date ended"),
    "lasted": ("duration", "session duration", "duration (s)", "duration (seconds)", "total time", "session time"),
    "number": ("session id", "sessionid", "session number", "session"),
    "address": ("technician ip", "technician ip address", "technician address", "source ip", "ip address", "viewer ip"),
    "kind": ("session type", "type", "remote control type", "connection type"),
}  # fmt: skip
"""What a column is, and the names that it has; the first that there is counts."""
_PRODUCTS = {
    "VSA": ("Kaseya", ("machine id", "vsa user", "agent user", "remote control type")),
    "Take Control": ("N-able", ("device", "device name", "viewer ip")),
    "SimpleHelp": ("SimpleHelp", ("technician",)),
}
"""Whose they are, and columns that only one of them has."""
_COPIED = ("technician", "machine", "kind", "address")
_TOLD = re.compile(r"(\d{1,9})\s?(d|h|m|s)[a-z]{0,6}\.?", re.IGNORECASE)
_UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_LONGEST = 1 << 32


class _Form(NamedTuple):
    """What one set of columns is."""

    product: str
    names: Mapping[str, str]


def _form(row: Row) -> _Form | None:
    """Which of this row's fields is what, and whose report it is; None for what is no report."""
    return _known(tuple(row)) if len(row) <= _MOST_COLUMNS else None


@lru_cache(maxsize=512)
def _known(fields: tuple[str, ...]) -> _Form | None:
    there = {name.strip().lower().replace("_", " "): name for name in fields}
    names = {
        what: there[name]
        for what, known in _NAMES.items()
        if (name := next((name for name in known if name in there), None)) is not None
    }
    if not {"technician", "machine", "began"} <= names.keys() or names.keys().isdisjoint({"ended", "lasted"}):
        return None
    product = next(
        (product for product, (_, marks) in _PRODUCTS.items() if not there.keys().isdisjoint(marks)), ""
    )
    return _Form(product, names)


def _seconds(value: object) -> int | None:
    """`00:14:05`, `14m 5s`, `845`, `845.2`."""
    word = said(value)
    if word is None or len(word) > 64:
        return None
    parts = word.split(":")
    if 2 <= len(parts) <= 4 and all(part.isdecimal() and part.isascii() for part in parts):
        total = 0
        for part, factor in zip(reversed(parts), (1, 60, 3600, 86_400), strict=False):
            total += int(part) * factor
        return total if total < _LONGEST else None
    whole = word.split(".")[0]
    if whole.isdecimal() and whole.isascii():
        return int(whole) if int(whole) < _LONGEST else None
    told = _TOLD.findall(word)
    return min(sum(int(count) * _UNITS[unit.lower()] for count, unit in told), _LONGEST) if told else None


def _normal(row: Row, form: _Form, order: Order | None, clock: Clock) -> Row:
    """With one name for each thing, whoever wrote it; the report's own fields stay."""
    names = form.names
    made: dict[str, Any] = {
        **row,
        "report": form.product,
        f"report_began_{order or 'mdy'}": row[names["began"]],
    }
    for what in _COPIED:
        if what in names:
            made[f"report_{what}"] = row.get(names[what])
    seconds = _seconds(row.get(names["lasted"])) if "lasted" in names else None
    if seconds is None and "ended" in names:
        seconds = _passed(*(utc(row.get(names[what]), order, clock) for what in ("began", "ended")))
    if seconds is not None:
        made["report_milliseconds"] = seconds * 1000
    if "number" in names and (number := said(row.get(names["number"]))):
        made["report_session"] = f"support:{number.lower()}"
    return made


def _passed(began: str | None, ended: str | None) -> int | None:
    try:
        passed = (datetime.fromisoformat(ended or "") - datetime.fromisoformat(began or "")).total_seconds()
    except (ValueError, TypeError):
        return None
    return int(passed) if 0 <= passed < _LONGEST else None


def _told(read: Iterable[Read], context: ParseContext) -> Iterator[Read]:
    """Rows with their normal form; how dates are written shows in all of them together."""
    found = list(read)
    forms = [_form(row) if isinstance(row, Mapping) else None for _, _, row, _ in found]
    rows = zip(forms, found, strict=True)
    order = shown_order(
        one[2].get(form.names["began"]) for form, one in rows if form and isinstance(one[2], Mapping)
    )
    clock = Clock(context)
    for form, (index, raw, row, frame) in zip(forms, found, strict=True):
        if form is None or not isinstance(row, Mapping) or form.names["began"] not in row:
            yield index, raw, row, frame
        else:
            yield index, raw, _normal(row, form, order, clock), frame


FAMILY = Family(
    name="support.sessions",
    title="Session reports of SimpleHelp, Kaseya VSA, Take Control",
    page="remote_support",
    product="",
    vendor="",
    match=lambda row: _form(row) is not None,
    time=(
        *(iso(f"report_began_{order}") for order in ("dmy", "mdy")),
        written("report_began_dmy", order="dmy"),
        written("report_began_mdy", order="mdy"),
    ),
    by=("report",),
    kinds={
        product: What(constants={"metadata.product": product, "metadata.vendor_name": vendor})
        for product, (vendor, _) in _PRODUCTS.items()
    },
    log="=sessions",
    what=What(
        _LOGIN,
        1,
        1,
        columns={
            "session.uid": "report_session",
            "auth_protocol": "report_kind",
            "dst_endpoint.name": "report_machine",
            "duration": "report_milliseconds",
        },
        steps=(account("user", "report_technician"), endpoint("src_endpoint", "report_address")),
    ),
)
_CSV = csv_layout()


def _read_csv(records: Sequence[bytes], context: ParseContext) -> Iterator[Read]:
    yield from _told(_CSV.read(records, context), context)


def _read_json(records: Sequence[bytes], context: ParseContext) -> Iterator[Read]:
    yield from _told(read_json(records, context), context)


SOURCES = (
    source_of(FAMILY, Layout(JSON.framing, _read_json, JSON.rows, JSON.preamble)),
    source_of(
        replace(
            FAMILY, name="support.sessions_csv", title=f"{FAMILY.title} (CSV)", identity="support.sessions"
        ),
        Layout("csv", _read_csv, _CSV.rows, _CSV.preamble),
    ),
)
