"""Log families: which there are and how sure each is, and how one file was recognised and understood, field by field."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson

from countersign.app._tracing import Origin, trace
from countersign.app._unknown import describe, first_line
from countersign.app.cutting import Cutting
from countersign.app.documents import stamp
from countersign.app.inputs import Input, Skipped, open_inputs
from countersign.app.known import UNKNOWN, Known
from countersign.app.own_families import OwnFamilies
from countersign.app.workspace import Workspace, now
from countersign.errors import ArchiveError, UsageError
from countersign.ledger import Archive
from countersign.model.batch import ParseContext
from countersign.sources import HEAD_BYTES, Source, sources
from countersign.sources._custom import PREFIX
from countersign.sources._framing import frame
from countersign.sources._records import UTF16, text_head

LEVELS = ("seen", "documented", "believed")
"""How a family's golden records are known, surest first."""
RAW_CHARACTERS = 4096
"""Of a record that is shown as it is."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One family. `status` is the surest of `levels`, which counts golden records; `records` and `rejected` are this
    workspace's, None without one."""

    source: Source
    status: str
    levels: dict[str, int]
    records: int | None
    rejected: int | None

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.source.name,
            "title": self.source.title,
            "framing": self.source.framing,
            "status": self.status,
            "levels": self.levels,
            "page": self.source.page,
            "records": self.records,
            "rejected": self.rejected,
        }


def statuses() -> dict[str, dict[str, int]]:
    """Family -> golden records by how they are known, as `make docs` counted them."""
    text = (files("countersign") / "content" / "sources" / "status.json").read_bytes()
    found: dict[str, dict[str, int]] = orjson.loads(text)
    return found


def listed(workspace: Workspace | None) -> list[Listed]:
    """All families in the order in which they are asked."""
    known = statuses()
    here = _records(workspace) if workspace is not None else None
    rows = []
    for family in families(workspace):
        levels = known.get(family.name, {})
        own = family.name.startswith(PREFIX)
        status = "own" if own else next((level for level in LEVELS if levels.get(level)), "unstated")
        records, rejected = (None, None) if here is None else here.get(family.name, (0, 0))
        rows.append(Listed(family, status, levels, records, rejected))
    return rows


def families(workspace: Workspace | None) -> tuple[Source, ...]:
    """The families that know a file in this workspace."""
    return sources() if workspace is None else (*OwnFamilies.of(workspace).families, *sources())


def _records(workspace: Workspace) -> dict[str, tuple[int, int]]:
    with workspace.reading() as lake:
        table = lake.table("segments")
        sums = table.group_by("source").agg(records=table["records"].sum(), rejected=table["rejected"].sum())
        return {row["source"]: (row["records"], row["rejected"]) for row in sums.to_pyarrow().to_pylist()}


@dataclass(frozen=True, slots=True)
class UnknownFile:
    """A file of no known format that is sealed: `size` counts what is kept of it, `begins` is its first line."""

    path: str
    origin: str
    size: int
    modified: datetime
    sealed: datetime
    begins: str
    segments: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "path": self.path,
            "origin": self.origin,
            "size": self.size,
            "modified": stamp(self.modified),
            "sealed": stamp(self.sealed),
            "begins": self.begins,
            "segments": list(self.segments),
        }


def unknown_files(workspace: Workspace) -> list[UnknownFile]:
    """What was sealed although nobody knew it, by path."""
    archive = Archive(workspace.archive)
    with workspace.reading() as lake:
        rows = lake.table("segments")
        found = rows.filter(rows["source"] == UNKNOWN).to_pyarrow().sort_by("offset").to_pylist()
    files: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in found:
        files.setdefault((row["path"], row["origin"]), []).append(row)
    return [
        UnknownFile(
            path,
            origin,
            sum(row["size"] for row in parts),
            max(row["received"] for row in parts),
            max(row["sealed"] for row in parts),
            _begins(archive, parts[0]["segment"]),
            tuple(row["segment"] for row in parts),
        )
        for (path, origin), parts in sorted(files.items())
    ]


def _begins(archive: Archive, segment: str) -> str:
    try:
        return first_line(archive.get(segment)[:HEAD_BYTES])
    except ArchiveError as error:
        return f"cannot be read: {error}"


@dataclass(frozen=True, slots=True)
class Record:
    """One record: what it is, and where each of its columns came from. `number` counts from 1; `reason` says why it was
    rejected, `text` is the record as it stands."""

    number: int
    text: str
    reason: str = ""
    time: str = ""
    fields: tuple[Origin, ...] = ()
    derived: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "record": self.number,
            "rejected": self.reason,
            "text": self.text,
            "time": self.time,
            "fields": [one.document() for one in self.fields],
            "unmapped": {one.field: one.value for one in self.fields if not one.columns and not one.decides},
            "derived": self.derived,
        }


@dataclass(slots=True)
class Understood:
    """One file or archive member. `also` are other families that would have taken it, `reasons` why records were
    rejected: reason -> how many, and the number of the first."""

    path: str
    family: Source | None = None
    encoding: str = "UTF-8"
    why: str = ""
    also: tuple[str, ...] = ()
    header: int = 0
    records: int = 0
    events: int = 0
    rejected: int = 0
    reasons: dict[str, list[int]] = field(default_factory=dict)
    shown: list[Record] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "path": self.path,
            "source": None if self.family is None else self.family.name,
            "title": None if self.family is None else self.family.title,
            "framing": None if self.family is None else self.family.framing,
            "encoding": self.encoding,
            "why": self.why,
            "also": list(self.also),
            "header": self.header,
            "records": self.records,
            "events": self.events,
            "rejected": self.rejected,
            "reasons": [
                {"reason": reason, "records": count, "first": first}
                for reason, (count, first) in self.reasons.items()
            ],
            "shown": [one.document() for one in self.shown],
        }


def explain(workspace: Workspace | None, path: str, number: int | None = None) -> Iterator[Understood]:
    """How a file, or each member of an archive, is read. `path` may name a member (`a.zip!b/c.log`); `number` the
    record to be explained, else it is the first that was understood. Nothing is sealed or stored.

    Raises `UsageError` where there is no such file, member or record.
    """
    outer, member = _split(path)
    met = False
    with tempfile.TemporaryDirectory(prefix="countersign-") as folder:
        for item in open_inputs([outer], spool=Path(folder), now=now()):
            if member and item.path != path and not item.path.startswith(f"{path}!"):
                continue
            met = True
            if isinstance(item, Skipped):
                yield Understood(item.path, why=f"{item.status}: {item.reason}")
            else:
                yield _understand(workspace, item, number)
    if not met:
        raise UsageError(f"{outer} has no member {member}")


def _split(path: str) -> tuple[str, str]:
    if Path(path).exists() or path == "-":
        return path, ""
    at = path.find("!")
    while at > 0:
        if Path(path[:at]).is_file():
            return path[:at], path[at + 1 :]
        at = path.find("!", at + 1)
    return path, ""


def _understand(workspace: Workspace | None, item: Input, number: int | None) -> Understood:
    head = item.stream.peek(HEAD_BYTES)
    text = text_head(head)
    taking = [family for family in families(workspace) if family.detect(text)]
    if not taking:
        return Understood(item.path, why=describe(head))
    family = taking[0]
    found = Understood(item.path, family, also=tuple(other.name for other in taking[1:]))
    found.encoding = "binary" if family.framing == "evtx" else "UTF-16" if head.startswith(UTF16) else "UTF-8"
    zone = workspace.settings.zone if workspace is not None else "UTC"
    for cut in Cutting(item.stream, family, Known(), "", grows=False):
        context = ParseContext(segment=cut.digest, received=item.modified, sealed=now(), zone=zone)
        _segment(found, family, cut.raw, context, number)
    if number is not None and not found.shown:
        raise UsageError(f"{item.path} has {found.records:,} records, and no record {number}")
    return found


def _segment(
    found: Understood, family: Source, raw: bytes, context: ParseContext, number: int | None
) -> None:
    records = frame(family.framing, raw)
    length = family.preamble(raw)
    header = min(len(frame(family.framing, raw[:length])) if length else 0, len(records))
    before = found.records - (header if found.records else 0)  # every segment repeats the header
    parsed = family.parse(records, context)
    found.header = header
    found.records = before + len(records)
    found.events += parsed.events.num_rows
    refused = {row["record"]: row["reason"] for row in parsed.rejected.to_pylist()}
    found.rejected += len(refused)
    for index, reason in sorted(refused.items()):
        found.reasons.setdefault(reason, [0, before + index + 1])[0] += 1
    places = parsed.events.column("record").to_pylist() if parsed.events.num_rows else []
    if number is not None:
        index = number - 1 - before
        wanted = [index] if 0 <= index < len(records) else []
    else:
        wanted = [min(places)] if places and not found.shown else []
    for index in wanted:
        row = parsed.events.slice(places.index(index), 1).to_pylist()[0] if index in places else None
        shown = records[index].decode("utf-8", "replace")[:RAW_CHARACTERS]
        place = before + index + 1
        if index in refused:
            found.shown.append(Record(place, shown, refused[index]))
            continue
        traced = trace(family, records[:header], records[index], row, context)
        if traced is None:
            found.shown.append(
                Record(place, shown, "no event by itself: a header, a comment or a blank line")
            )
        else:
            found.shown.append(Record(place, shown, "", traced.time, traced.fields, traced.derived))
