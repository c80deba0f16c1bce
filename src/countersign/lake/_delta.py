"""One Delta table: its snapshot, its commits. The only importer of delta-rs beside the errors' way out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Field, Transaction
from deltalake import Schema as DeltaSchema
from deltalake.transaction import AddAction, RemoveAction

from countersign.errors import StoreError
from countersign.lake._files import StoredFile, discard, sync
from countersign.lake._guard import store_errors
from countersign.lake.tables import TableSpec

APPLICATION = "countersign"
"""Name of our application transactions; their version counts the batches appended to the lake."""

LOG = "_delta_log"
CHECKPOINT_EVERY = 50
"""Commits between checkpoints: opening reads at most so many small files."""
GRACE = "interval 10 minutes"
"""How long log entries and the names of removed files stay for readers of an older snapshot."""


class DeltaFolder:
    """One table's folder. Reading needs no lock; `commit` does, and its caller holds it."""

    def __init__(self, root: Path, spec: TableSpec) -> None:
        """Open the table `spec` in the folder `root`; `StoreError` if there is none that can be read."""
        self.root = root
        self.spec = spec
        self._files: tuple[int, tuple[StoredFile, ...]] | None = None
        with store_errors(f"table {spec.name} cannot be opened"):
            self._table = DeltaTable(str(root))

    @classmethod
    def create(cls, root: Path, spec: TableSpec) -> DeltaFolder:
        """Make the table, or leave the one that is there."""
        with store_errors(f"table {spec.name} cannot be made"):
            DeltaTable.create(
                str(root),
                schema=spec.schema,
                mode="ignore",
                partition_by=[spec.partition] if spec.partition else None,
                configuration=_configuration(spec),
            )
        return cls(root, spec)

    def refresh(self) -> int:
        """Take in what others committed since; returns the version."""
        with store_errors(f"table {self.spec.name} cannot be read"):
            self._table.update_incremental()
        return self.version

    @property
    def version(self) -> int:
        """Version of the snapshot in hand."""
        return int(self._table.version())

    @property
    def batch(self) -> int:
        """Number of the last batch this table has; 0 before the first."""
        with store_errors(f"table {self.spec.name} cannot be read"):
            return int(self._table.transaction_version(APPLICATION) or 0)

    def files(self) -> tuple[StoredFile, ...]:
        """The files of the snapshot in hand, by partition and time."""
        if self._files is None or self._files[0] != self.version:
            with store_errors(f"table {self.spec.name} cannot be read"):
                self._files = (self.version, self._listed())
        return self._files[1]

    def _listed(self) -> tuple[StoredFile, ...]:
        actions = pa.table(self._table.get_add_actions(flatten=True))
        count = actions.num_rows

        def column(name: str) -> list[Any]:
            if name not in actions.column_names:
                return [None] * count
            values = actions[name]
            plain = values.cast(pa.int64()) if pa.types.is_timestamp(values.type) else values
            return list(plain.to_pylist())

        names = ("path", "size_bytes", "num_records", f"partition.{self.spec.partition}")
        times = (f"min.{self.spec.time}", f"max.{self.spec.time}")
        rows = zip(*(column(name) for name in (*names, *times)), strict=True)
        files = [
            StoredFile(path, size, rows_ or 0, day, first, last)
            for path, size, rows_, day, first, last in rows
        ]
        return tuple(sorted(files, key=lambda file: (file.day or "", file.first or 0, file.path)))

    def commit(
        self,
        add: Sequence[StoredFile] = (),
        remove: Sequence[StoredFile] = (),
        *,
        now: datetime,
        batch: int | None = None,
        properties: Mapping[str, Any] | None = None,
        data_change: bool = True,
    ) -> None:
        """Add and remove files in one durable step. `batch` numbers the application transaction: one that the
        table has already is our own misuse, and refused."""
        if batch is not None and batch <= self.batch:
            raise RuntimeError(f"{self.spec.name} has batch {batch} already")
        stamp = int(now.timestamp() * 1000)
        actions: list[AddAction | RemoveAction] = [
            RemoveAction(file.path, data_change, stamp, file.size, self._partition(file)) for file in remove
        ]
        actions += [
            AddAction(
                file.path,
                file.size,
                self._partition(file),
                stamp,
                data_change,
                file.statistics(self.spec.time),
            )
            for file in add
        ]
        with store_errors(f"table {self.spec.name} cannot be written"):
            self._table.create_write_transaction(
                actions,
                "append",
                self._table.schema(),
                partition_by=[self.spec.partition] if self.spec.partition else None,
                commit_properties=CommitProperties(
                    custom_metadata=dict(properties or {}),
                    app_transactions=None if batch is None else [Transaction(APPLICATION, batch, stamp)],
                ),
            )
            self._table.update_incremental()
            sync(self.root / LOG / f"{self.version:020}.json")
            sync(self.root / LOG)

    def exchange(
        self,
        add: Sequence[StoredFile],
        remove: Sequence[StoredFile],
        *,
        now: datetime,
        data_change: bool = True,
    ) -> None:
        """Commit new files for old ones. After an error the new ones are gone, unless they were committed."""
        try:
            self.commit(add, remove, now=now, data_change=data_change)
        except StoreError:
            self.abandon(add)
            raise

    def abandon(self, files: Sequence[StoredFile]) -> None:
        """Remove files that a failed commit was to add, but not what it added before it failed."""
        self.refresh()
        named = {file.path for file in self.files()}
        discard(self.root, [file for file in files if file.path not in named])

    def _partition(self, file: StoredFile) -> dict[str, str | None]:
        return {self.spec.partition: file.day} if self.spec.partition else {}

    def properties_of(self, batch: int) -> dict[str, Any]:
        """The properties that the commit of `batch` carries; it must be among the last commits."""
        for version in range(self.version, -1, -1):
            path = self.root / LOG / f"{version:020}.json"
            with store_errors(f"table {self.spec.name}: commit {version} cannot be read"):
                lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            if any(_is_batch(line, batch) for line in lines):
                return next((dict(line["commitInfo"]) for line in lines if "commitInfo" in line), {})
        raise StoreError(f"table {self.spec.name}: no commit of batch {batch} in its log")

    def extend(self) -> None:
        """Add columns that this version of the program has and the table has not."""
        with store_errors(f"table {self.spec.name} cannot be extended"):
            have = {field.name for field in self._table.schema().fields}
            new: list[Field] = [
                field for field in DeltaSchema.from_arrow(self.spec.schema).fields if field.name not in have
            ]
            if new:
                self._table.alter.add_columns(new)
                self._table.update_incremental()

    def checkpoint(self) -> None:
        """Write a checkpoint and drop the log entries and names that outlived the grace."""
        with store_errors(f"table {self.spec.name}: checkpoint"):
            self._table.create_checkpoint()
            self._table.cleanup_metadata()

    def removed_since(self, moment: datetime) -> set[str]:
        """Paths of files that commits removed after `moment`: readers may still be at them."""
        paths: set[str] = set()
        for path in (self.root / LOG).glob("*.json"):
            with store_errors(f"table {self.spec.name}: {path.name} cannot be read"):
                text = path.read_text("utf-8")
            if '"remove"' not in text:
                continue
            for line in text.splitlines():
                remove = json.loads(line).get("remove")
                if remove and _time(remove.get("deletionTimestamp")) > moment:
                    paths.add(remove["path"])
        return paths


def _configuration(spec: TableSpec) -> dict[str, str | None]:
    return {
        "delta.checkpointInterval": str(CHECKPOINT_EVERY),
        "delta.logRetentionDuration": GRACE,
        "delta.deletedFileRetentionDuration": GRACE,
        "delta.dataSkippingStatsColumns": spec.time or spec.key,
    }


def _is_batch(line: Mapping[str, Any], batch: int) -> bool:
    transaction = line.get("txn")
    if transaction is None:
        return False
    return bool(transaction["appId"] == APPLICATION and transaction["version"] == batch)


def _time(milliseconds: int | None) -> datetime:
    return datetime.fromtimestamp((milliseconds or 0) / 1000, UTC)
