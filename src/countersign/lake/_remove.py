"""Take rows out of a derived table by the value of one of its columns."""

# ruff: noqa: S608  # SQL is put together from our identifiers and the files of a snapshot; values are bound
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import duckdb
import pyarrow as pa

from countersign.lake import _maintain
from countersign.lake._delta import DeltaFolder
from countersign.lake._engine import quote, scan
from countersign.lake._guard import store_errors


def remove(
    folder: DeltaFolder,
    cursor: duckdb.DuckDBPyConnection,
    column: str,
    values: Sequence[str],
    now: datetime,
) -> int:
    """Rewrite the files that hold such rows, in one commit; returns how many rows went."""
    spec = folder.spec
    field = spec.schema.field(column)
    narrow = replace(spec, schema=pa.schema([field]))
    with store_errors(f"table {spec.name}: removing rows"):
        cursor.register("gone", pa.table({column: pa.array(values, field.type)}))
        query = (
            f"SELECT DISTINCT filename FROM ({scan(folder.root, narrow, folder.files())}) "
            f"SEMI JOIN gone USING ({quote(column)})"
        )
        found = {name for (name,) in cursor.execute(query).fetchall()}
        old = [file for file in folder.files() if str(folder.root / file.path) in found]
        if not old:
            return 0
        columns = ", ".join(map(quote, spec.schema.names))
        kept = (
            f"SELECT {columns} FROM ({scan(folder.root, spec, old)}) ANTI JOIN gone USING ({quote(column)})"
        )
        written = _maintain.rewrite(folder, cursor, spec.schema, None, kept, sort=_maintain.sortable(old))
    new = [written] if written else []
    folder.exchange(new, old, now=now)
    return sum(file.rows for file in old) - sum(file.rows for file in new)
