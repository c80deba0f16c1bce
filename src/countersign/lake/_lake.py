"""The lake: the tables of one workspace, on disk."""

# ruff: noqa: S608  # SQL is put together from our identifiers and the files of a snapshot; values are bound
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from countersign.errors import StoreError
from countersign.lake import _append, _files, _maintain, _remove, _retract, spill
from countersign.lake._delta import CHECKPOINT_EVERY, LOG, DeltaFolder
from countersign.lake._engine import quote, scan
from countersign.lake._guard import store_errors
from countersign.lake._maintain import Maintained
from countersign.lake._reading import LakeReading
from countersign.lake.batch import Appended, Batch
from countersign.lake.lock import WorkspaceLock
from countersign.lake.spill import Run, Spill
from countersign.lake.tables import tables


def _now() -> datetime:
    return datetime.now(UTC)


class Lake(LakeReading):
    """Delta tables in one folder, read by DuckDB.

    Anybody may read at any time; who opened it with the workspace's lock may also write. Times are aware UTC. Not
    for use by several threads at once. Whatever goes wrong on disk or in an engine is a `StoreError`.
    """

    def __init__(
        self,
        root: Path,
        folders: Mapping[str, DeltaFolder],
        lock: WorkspaceLock | None,
        clock: Callable[[], datetime],
    ) -> None:
        """Use `create` or `open`."""
        super().__init__(root, folders)
        self._lock = lock
        self._clock = clock
        self._segments: set[str] | None = None

    @classmethod
    def create(
        cls, root: Path, *, lock: WorkspaceLock | None = None, clock: Callable[[], datetime] = _now
    ) -> Self:
        """Make the tables that are not there yet in the folder `root`, and open the lake."""
        with store_errors(f"{root}: no lake can be made here"):
            root.mkdir(parents=True, exist_ok=True)
        for name, spec in tables().items():
            DeltaFolder.create(root / name, spec)
        return cls.open(root, lock=lock, clock=clock)

    @classmethod
    def open(
        cls, root: Path, *, lock: WorkspaceLock | None = None, clock: Callable[[], datetime] = _now
    ) -> Self:
        """Open a lake, for writing if the workspace's `lock` is given.

        Opened for writing it finishes what a killed run began, and adds columns that are new in this version.
        `clock` tells the time for commits and maintenance.
        """
        if not (root / "events" / LOG).is_dir():
            raise StoreError(f"{root} holds no lake")
        root = root.resolve()
        folders = {}
        for name, spec in tables().items():
            there = (root / name / LOG).is_dir()
            # a table that is new in this version is made by whoever comes first: it is empty in any case
            folders[name] = DeltaFolder(root / name, spec) if there else DeltaFolder.create(root / name, spec)
        lake = cls(root, folders, lock, clock)
        if lock is not None:
            for folder in folders.values():
                folder.extend()
            _maintain.clear_spill(root)
            lake.recover()
        return lake

    def close(self) -> None:
        """Let go of the database; the lake cannot be read afterwards. The lock stays with who took it."""
        if "_connection" in self.__dict__:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _writable(self) -> None:
        if self._lock is None or not self._lock.held:
            raise RuntimeError("open the lake with the workspace's lock to write it")

    def recover(self) -> tuple[str, ...]:
        """Finish the batch that a crash or an error cut short after its events were committed.

        Called by `open` and `append`; returns the segments that were finished.
        """
        self._writable()
        for folder in self._folders.values():
            folder.refresh()  # another engine may have merged files
        finished = _append.recover(self._folders, self._clock())
        if finished:
            self._segments = None
        return finished

    def append(self, batch: Batch, waiting: Sequence[Spill] = (), run: Run = map) -> Appended:
        """Store segments with their events, rejected records and rows, all or nothing.

        Events that wait in files (`spill`) are stored with the batch that has their segments; the files are removed.
        They are written one day after the other through `run`, for instance by a pool of processes.

        Segments that are stored already are refused and counted as such. After a `StoreError` either nothing of the
        batch is stored, or all of it will be when the lake is next written; repeat the batch to be sure.
        """
        self._writable()
        self.recover()
        if self._segments is None:
            self._segments = self.stored_segments()
        fresh, refused = _append.select(batch, self._segments)
        if not fresh:
            spill.discard(waiting)
            return Appended(refused=tuple(refused))
        if waiting:
            prepared = _append.prepare_waiting(self._folders, self._known, fresh, waiting, run)
        else:
            prepared = _append.prepare(self._folders, self._known, fresh)
        _append.commit(self._folders, prepared, self._clock())
        done = prepared.appended
        self._segments.update(done.stored)
        spill.discard(waiting)
        if self._due():
            self.maintain()
        return Appended(done.new_events, done.duplicates, done.rejected, done.stored, tuple(refused))

    def retract(self, segments: Sequence[str]) -> int:
        """Take back what was read of segments that ended in half a record; returns how many events went.

        The segments' own rows stay, for their bytes stay sealed. May be repeated.
        """
        self._writable()
        self.recover()
        return _retract.retract(self._folders, self._connection, segments, self._clock())

    def withdraw(self, ids: Sequence[str]) -> int:
        """Take out events of which another copy tells more; returns how many went. Their bytes stay sealed. May be repeated."""
        self._writable()
        self.recover()
        return _retract.withdraw(self._folder("events"), self._connection, ids, self._clock()) if ids else 0

    def forget(self, segments: Sequence[str]) -> int:
        """Take segments out whole, their own rows last, so that they can be appended anew; returns how many rows of theirs
        went. Their bytes stay sealed. May be repeated."""
        if not segments:
            return 0
        self.retract(segments)
        cursor = self._connection.cursor()
        gone = _remove.remove(self._folders["segments"], cursor, "segment", segments, self._clock())
        cursor.close()
        self._segments = None
        return gone

    def replace(self, name: str, rows: pa.Table, ids: Sequence[str] | None = None) -> None:
        """Replace a derived table, or only its rows with these `ids`, by `rows`, in one commit."""
        self._writable()
        folder = self._folder(name)
        spec = folder.spec
        if not spec.derived:
            raise RuntimeError(f"{name} is not derived: its rows are appended")
        rows = rows.select(spec.schema.names).cast(spec.schema)
        keys = [(column, "ascending") for column in spec.order]
        with store_errors(f"replacing {name}"):
            if ids is None:
                old = list(folder.files())
                new = [_files.write(folder.root, spec, rows.sort_by(keys))] if rows.num_rows else []
            else:
                cursor = self._connection.cursor()
                old = self._holding(folder, cursor, folder.files(), ids)
                cursor.register("fresh", rows)
                columns = ", ".join(quote(column) for column in spec.schema.names)
                kept = f"SELECT {columns} FROM ({scan(folder.root, spec, old)}) ANTI JOIN wanted USING (id)"
                query = f"{kept} UNION ALL SELECT {columns} FROM fresh"
                written = _maintain.rewrite(folder, cursor, spec.schema, None, query)
                new = [written] if written else []
                cursor.close()
        if not old and not new:
            return
        folder.exchange(new, old, now=self._clock())
        if self._due():
            self.maintain()

    def remove(self, name: str, column: str, values: Sequence[str]) -> int:
        """Take the rows whose `column` has one of `values` out of a derived table, in one commit; returns how many."""
        self._writable()
        folder = self._folder(name)
        if not folder.spec.derived:
            raise RuntimeError(f"{name} is not derived: its rows stay")
        if not values:
            return 0
        cursor = self._connection.cursor()
        gone = _remove.remove(folder, cursor, column, values, self._clock())
        cursor.close()
        return gone

    def _due(self) -> bool:
        return any(_maintain.groups(folder.files()) for folder in self._folders.values())

    def maintain(self, now: datetime | None = None) -> Maintained:
        """Merge small files, shorten the tables' logs, remove files that nothing has named for ten minutes.

        `append` and `replace` call it when small files have gathered; once more at the end of a run does no harm.
        """
        self._writable()
        self.recover()
        moment = now or self._clock()
        merged = written = removed = 0
        for folder in self._folders.values():
            for group in _maintain.groups(folder.files()):
                written += _maintain.merge(folder, self._connection.cursor(), group, moment)
                merged += len(group)
            with store_errors(f"reading the log of {folder.spec.name}"):
                entries = sum(1 for _ in (folder.root / LOG).glob("*.json"))
            if entries > CHECKPOINT_EVERY:
                folder.checkpoint()
            removed += _maintain.sweep(folder, moment)
        return Maintained(merged, written, removed)
