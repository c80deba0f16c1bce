"""The imported indicators as a review needs them: read only when there is something to match, and which were met."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from countersign.app._reviewed import digest
from countersign.app.indicators import current, folder
from countersign.app.workspace import Workspace
from countersign.errors import StoreError
from countersign.rules.indicators import IndicatorSet, store
from countersign.rules.indicators.matching import VERSION

_NAME = "indicators-{}.arrow"
_CROWDED = "crowded.json"
_IDS = pa.schema([pa.field("id", pa.string())])


class Feeds:
    """The indicators of a workspace. `fingerprint` tells without reading them whether they are those of another day; it is
    empty where there are none."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        known = [[source.name, source.digest] for source in store.sources(folder(workspace))]
        self.fingerprint = digest("indicators", VERSION, known) if known else ""

    @cached_property
    def all(self) -> IndicatorSet | None:
        """All of them, ready to match."""
        return current(self._workspace) if self.fingerprint else None

    @property
    def crowded(self) -> int:
        """How many are not matched because very many others have the same value. Kept beside the state, so that to say it
        again nothing need be read."""
        if not self.fingerprint:
            return 0
        path = self._workspace.root / "state" / _CROWDED
        try:
            kept = orjson.loads(path.read_bytes())
            if kept["of"] == self.fingerprint:
                return int(kept["count"])
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            pass  # made anew
        count = sum(self.all.crowded.values()) if self.all is not None else 0
        temporary = path.with_suffix(".new")
        temporary.write_bytes(orjson.dumps({"of": self.fingerprint, "count": count}))
        temporary.replace(path)
        return count

    @property
    def ids(self) -> pa.Array:
        """Their ids, by index."""
        return self.all.ids if self.all is not None else pa.array([], pa.string())


@dataclass(frozen=True, slots=True)
class Difference:
    """What history has not met yet of the indicators: `new` are indexes; `kept` are the ids that it has met and that are
    still wanted."""

    new: tuple[int, ...]
    kept: pa.Array

    @classmethod
    def between(cls, met: pa.Array, ids: pa.Array) -> Self:
        """From the ids that were met to those of today."""
        known = pc.is_in(ids, value_set=met)
        new = pc.indices_nonzero(pc.invert(known)) if len(ids) else pa.array([], pa.uint64())
        return cls(tuple(new.to_pylist()), ids.filter(known))

    def digest(self, ids: pa.Array) -> str:
        """Of the new ones."""
        found = hashlib.sha256()
        for start in range(0, len(self.new), 4096):
            part = ids.take(pa.array(self.new[start : start + 4096], pa.int64()))
            found.update("\n".join(part.to_pylist()).encode())
        return found.hexdigest()


def recall_met(workspace: Workspace, fingerprint: str) -> pa.Array:
    """The ids that `keep_met` kept; none where there is no such file."""
    try:
        with pa.memory_map(str(_path(workspace, fingerprint))) as file:
            return pa.ipc.open_file(file).read_all()["id"].combine_chunks()
    except (OSError, pa.ArrowException, KeyError):
        return pa.array([], pa.string())


def keep_met(workspace: Workspace, fingerprint: str, ids: pa.Array) -> None:
    """Keep the ids that history has met, under a name that a state can give."""
    if not fingerprint:
        return
    path = _path(workspace, fingerprint)
    temporary = path.with_suffix(".new")
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    try:
        with temporary.open("wb") as file:
            with pa.ipc.new_file(file, _IDS, options=options) as writer:
                writer.write_table(pa.table({"id": ids}, schema=_IDS))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error


def forget_others(workspace: Workspace, fingerprint: str) -> None:
    """Remove the files of other states. Called when the state that names `fingerprint` is on disk."""
    kept = _path(workspace, fingerprint)
    for path in kept.parent.glob(_NAME.format("*")):
        if path != kept:
            path.unlink(missing_ok=True)


def _path(workspace: Workspace, fingerprint: str) -> Path:
    name = hashlib.sha256(fingerprint.encode()).hexdigest()[:16]
    return workspace.root / "state" / _NAME.format(name)


def described(words: Mapping[str, str], field: str, value: str) -> list[tuple[str, str]]:
    """What a hit keeps: where the value stood and what it is, then the indicator's own words, in brackets as no field is."""
    return [(field, value), *((f"({name})", text) for name, text in words.items())]
