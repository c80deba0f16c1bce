"""Reading again, from the archive, what was sealed before there was a log family that knows it.

Whenever families were added since they were last asked (another version, a mapping of the workspace's own), they are asked
about the sealed beginnings of what nobody knew; new mappings also about what was read as something else. What is to be read
again is written down first (`state/rereading.json`), whole and by digests alone, and crossed out when all of it is stored: a run
that is killed in between leaves the list to the next one, which passes over what is stored already.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from countersign import __version__
from countersign.app import _reviewed, _unknown
from countersign.app._cut import lineage_of
from countersign.app._reviewed import digest
from countersign.app.cutting import Recall
from countersign.app.known import UNKNOWN
from countersign.app.own_families import OwnFamilies
from countersign.app.workspace import Workspace
from countersign.sources import HEAD_BYTES, Source, sources
from countersign.sources._records import text_head

if TYPE_CHECKING:
    import pyarrow as pa

    from countersign.lake import Lake

PLAN = "rereading.json"
ASKED = "asked.json"
SHORT = 16
"""Characters by which a review remembers a segment."""
_COLUMNS = ["segment", "source", "lineage", "head", "origin", "path", "offset", "size", "received", "pieces"]


@dataclass(frozen=True, slots=True)
class Sealed:
    """One segment of a file: the first `skip` bytes are a header repeated from before, and `lines` line ends that were not
    sealed stood behind it."""

    digest: str
    skip: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True)
class Again:
    """A file as it was sealed, to be read as `source`. `halves` are segments that ended in half a line, which is whole in
    another one."""

    path: str
    origin: str
    received: datetime
    source: str
    segments: tuple[Sealed, ...]
    halves: tuple[str, ...] = ()

    @property
    def digests(self) -> tuple[str, ...]:
        """All of its segments."""
        return (*(one.digest for one in self.segments), *self.halves)


class FromArchive:
    """The bytes of a file that was sealed, as a stream."""

    def __init__(self, segments: Iterable[Sealed], recall: Recall) -> None:
        self._parts = self._bytes(segments, recall)
        self._ready = b""
        self.damage = ""

    def _bytes(self, segments: Iterable[Sealed], recall: Recall) -> Iterator[bytes]:
        for segment in segments:
            raw = recall(segment.digest)
            if raw is None:
                self.damage = f"its sealed segment {segment.digest[:16]} cannot be read"
                return
            yield raw[segment.skip :] + b"\n" * segment.lines

    def read(self, size: int) -> bytes:
        """At most `size` bytes, b"" at the end."""
        while not self._ready:
            part = next(self._parts, None)
            if part is None:
                return b""
            self._ready = part
        data, self._ready = self._ready[:size], self._ready[size:]
        return data


def due(workspace: Workspace, rows: pa.Table, own: OwnFamilies, recall: Recall) -> tuple[Again, ...]:
    """What is to be read again: what an earlier run had left of it, and what families know by now that were not asked
    before. `rows` is the lake's segments table."""
    left = _left(workspace)
    if _asked(workspace) == _asking(own):
        return left
    taken = {name for file in left for name in file.digests}
    found = _found(rows.select(_COLUMNS), own, recall, new=_new_mappings(workspace, own))
    return (*left, *(file for file in found if taken.isdisjoint(file.digests)))


def begin(workspace: Workspace, lake: Lake, files: Sequence[Again]) -> None:
    """Write down what is about to be read again; reviews forget what they made of it."""
    _save(workspace.root / "state" / PLAN, {"files": [_to_json(file) for file in files]})
    segments = sorted({name for file in files for name in file.digests})
    state = _reviewed.recall(workspace)
    met = state.segments - {one[:SHORT] for one in segments}
    if met != state.segments:
        _reviewed.remember(workspace, replace(state, segments=met, made_of=""))
    lake.remove("hits", "segment", segments)


def finish(workspace: Workspace, own: OwnFamilies) -> None:
    """All of it is stored, and the families that there are have been asked."""
    (workspace.root / "state" / PLAN).unlink(missing_ok=True)
    if _asked(workspace) != _asking(own):
        _save(workspace.root / "state" / ASKED, _asking(own))


def _asking(own: OwnFamilies) -> dict[str, str]:
    names = sorted(family.name for family in sources())
    return {"families": digest(__version__, names), "mappings": digest(sorted(own.mappings.items()))}


def _asked(workspace: Workspace) -> Any:  # noqa: ANN401  # JSON
    return _load(workspace.root / "state" / ASKED)


def _new_mappings(workspace: Workspace, own: OwnFamilies) -> bool:
    asked = _asked(workspace)
    before = asked.get("mappings") if isinstance(asked, Mapping) else None
    return bool(own.mappings) and before != _asking(own)["mappings"]


def _found(table: pa.Table, own: OwnFamilies, recall: Recall, *, new: bool) -> Iterator[Again]:
    """Files that somebody else would read by now. EVTX (`pieces`) says what it is, and no mapping describes it."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in table.to_pylist():
        if not row["pieces"] and (row["source"] == UNKNOWN or new):
            groups[row["origin"], row["head"], row["source"]].append(row)
    for (origin, _, was), rows in groups.items():
        chains = list(_chains(rows))
        halves = {row["segment"] for row in rows}.difference(
            row["segment"] for chain in chains for row in chain
        )
        for chain in chains:
            source = _knowing(chain[0], was, own, recall)
            if source is not None:
                last = chain[-1]
                segments = tuple(_sealed(chain, own.family(was) or _unknown.FAMILY, recall))
                yield Again(
                    last["path"], origin, last["received"], source.name, segments, tuple(sorted(halves))
                )


def _knowing(first: Mapping[str, Any], was: str, own: OwnFamilies, recall: Recall) -> Source | None:
    """Who would read a file that begins with this segment, if it is not who did."""
    raw = recall(first["segment"]) if not first["offset"] else None
    if raw is None:
        return None
    head = raw[:HEAD_BYTES]
    if was == UNKNOWN:
        return own.recognise(head)
    start = text_head(head)
    found = next((family for family in own.families if family.detect(start)), None)
    return None if found is None or found.name == was else found


def _chains(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """The segments of files that begin alike, one list a file: a file that took another turn has the beginning of the one
    that it left."""
    lineages: dict[str, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for row in sorted(rows, key=lambda row: (row["offset"], row["size"])):
        lineages[row["lineage"]][row["offset"]] = row  # half a line, and the whole one: the whole one
    for name, places in lineages.items():
        chain = list(places.values())
        seen = {name}
        while chain[0]["offset"]:
            first = chain[0]
            base = next((one for one in lineages if lineage_of(one, first["segment"]) == name), None)
            if base is None or base in seen:
                break
            seen.add(base)
            name = base  # noqa: PLW2901  # the one it left
            chain = [row for row in lineages[base].values() if row["offset"] < first["offset"]] + chain
        yield chain


def _sealed(chain: Sequence[Mapping[str, Any]], family: Source, recall: Recall) -> Iterator[Sealed]:
    for row, after in zip(chain, [*chain[1:], None], strict=True):
        skip = family.preamble((recall(row["segment"]) or b"")[:HEAD_BYTES]) if row["offset"] else 0
        end = row["offset"] + row["size"] - skip
        gap = after["offset"] - end if after is not None else 0
        yield Sealed(row["segment"], skip, gap if 0 < gap <= 2 else 0)


def _left(workspace: Workspace) -> tuple[Again, ...]:
    found = _load(workspace.root / "state" / PLAN)
    try:
        return tuple(_from_json(file) for file in found["files"]) if found is not None else ()
    except (KeyError, TypeError, ValueError):
        return ()


def _to_json(file: Again) -> dict[str, Any]:
    return {
        "path": file.path,
        "origin": file.origin,
        "received": file.received.isoformat(),
        "source": file.source,
        "segments": [[one.digest, one.skip, one.lines] for one in file.segments],
        "halves": list(file.halves),
    }


def _from_json(value: Mapping[str, Any]) -> Again:
    segments = tuple(Sealed(str(name), int(skip), int(lines)) for name, skip, lines in value["segments"])
    received = datetime.fromisoformat(value["received"])
    return Again(value["path"], value["origin"], received, value["source"], segments, tuple(value["halves"]))


def _load(path: Path) -> Any:  # noqa: ANN401  # JSON
    try:
        return orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None


def _save(path: Path, body: Mapping[str, Any]) -> None:
    """A small file, whole or not at all."""
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        file.write(orjson.dumps(body))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
