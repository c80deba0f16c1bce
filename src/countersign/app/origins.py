"""When the origin of a log will have overwritten what was not collected, as far as records, rates and what makers say tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from tomllib import loads
from typing import TYPE_CHECKING, Any

from countersign.app.documents import stamp

if TYPE_CHECKING:
    from countersign.lake import Lake

CANNOT_TELL = "cannot tell"
EVTX = "windows.evtx"
LEAST_RECORDS = 100
LEAST_TIME = timedelta(hours=6)
"""Of fewer records, or a shorter time, no rate is worked out."""
BASES = {"documented": "its maker's default, as documented", "assumed": "assumed"}


@dataclass(frozen=True, slots=True)
class Until:
    """`when` is RFC 3339 or `cannot tell`; `basis` is `documented`, `assumed` or empty, with the page that says it."""

    when: str
    why: str
    basis: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Log:
    """One event log of one Windows machine: what is here of it and how fast it is written."""

    host: str
    log: str
    records: int
    first: datetime
    last: datetime
    lowest: int
    highest: int
    bytes: int

    def until(self, clock: datetime) -> Until:
        """When a log of the usual size has gone once round since its last record that is here. Record numbers count also what
        was not collected."""
        span, numbers = self.last - self.first, self.highest - self.lowest
        if numbers < LEAST_RECORDS or span < LEAST_TIME or not self.records:
            return Until(CANNOT_TELL, "too few records to tell how fast it is written")
        kept = _size(self.log)
        room = kept["bytes"] * self.records // max(self.bytes, 1)
        end = self.last + room * (span / numbers)
        rate = numbers / (span / timedelta(days=1))
        why = (
            f"some {rate:,.0f} records a day of {self.bytes // self.records:,} bytes in a log of {kept['bytes'] >> 20} MiB "
            f'({BASES[kept["basis"]]}; `wevtutil gl "{self.log}"` shows yours)'
        )
        return Until(stamp(end) or CANNOT_TELL, _gone(why, end, clock), kept["basis"], kept["reference"])


@cache
def table() -> Mapping[str, Any]:
    """What makers say, and the sources that can be switched on."""
    return loads((files("countersign") / "content" / "sources" / "enable.toml").read_text("utf-8"))


def _size(log: str) -> Mapping[str, Any]:
    sizes = table()["size"]
    found: Mapping[str, Any] | None = next((one for one in sizes if log in one["logs"]), None)
    return found if found is not None else {**next(one for one in sizes if not one["logs"])}


def overwritten(family: str, last: datetime | None, clock: datetime) -> Until:
    """From when the origin no longer has what followed the last record."""
    keeps = next((one for one in table()["keeps"] if family in one["families"]), None)
    if keeps is None:
        return Until(CANNOT_TELL, "how long the origin keeps its records is not in them")
    basis, reference = keeps["basis"], keeps.get("reference", "")
    if last is None:
        return Until(CANNOT_TELL, "no record has a time", basis, reference)
    aware = last if last.tzinfo else last.replace(tzinfo=UTC)
    end = aware + timedelta(days=keeps["days"])
    said = f"it keeps {keeps['said']} ({BASES[basis]})"
    return Until(stamp(end) or CANNOT_TELL, _gone(said, end, clock), basis, reference)


def _gone(said: str, end: datetime, clock: datetime) -> str:
    return f"{said}: some may be gone already" if end < clock else said


def event_logs(lake: Lake) -> list[Log]:
    """The event logs of which there are EVTX files, by machine and name."""
    events, segments = lake.table("events"), lake.table("segments")
    mine = events.filter(events["source"] == EVTX)
    rows = (
        mine.group_by(
            host=mine["device"]["hostname"].fill_null(""),
            log=mine["metadata"]["log_name"].fill_null(""),
            segment=mine["segment"],
        )
        .agg(
            records=mine.count(),
            first=mine["time"].min(),
            last=mine["time"].max(),
            lowest=mine["metadata"]["uid"].try_cast("int64").min(),
            highest=mine["metadata"]["uid"].try_cast("int64").max(),
        )
        .to_pyarrow()
        .to_pylist()
    )
    known = segments.filter(segments["source"] == EVTX).select("segment", "size").to_pyarrow().to_pylist()
    sizes = {row["segment"]: row["size"] for row in known}
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        if None not in row.values():
            found.setdefault((row["host"], row["log"]), []).append(row)
    return [_log(host, log, parts, sizes) for (host, log), parts in sorted(found.items())]


def _log(host: str, log: str, parts: Iterable[Mapping[str, Any]], sizes: Mapping[str, int]) -> Log:
    parts = list(parts)
    return Log(
        host,
        log,
        sum(row["records"] for row in parts),
        min(row["first"] for row in parts),
        max(row["last"] for row in parts),
        min(row["lowest"] for row in parts),
        max(row["highest"] for row in parts),
        sum(sizes.get(row["segment"], 0) for row in parts),
    )
