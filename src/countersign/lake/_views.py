"""Tables of the lake as Ibis expressions: views of DuckDB over the files of a snapshot."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from countersign.lake import _engine, _files
from countersign.lake._delta import DeltaFolder
from countersign.lake._engine import quote, scan
from countersign.lake._guard import store_errors
from countersign.lake._query import Span, concerned, projection

if TYPE_CHECKING:
    import ibis.expr.types as ir

LARGE_ROWS = 65_536
"""Files of so many rows are asked for leaves by their own columns."""
MOST_GROUPS = 64
"""Groups of files with the same columns that one query names: each costs a millisecond or two of planning."""


class Views:
    """Makes views where they are asked for, on the connection of `connect`."""

    def __init__(self, connect: Callable[[], duckdb.DuckDBPyConnection]) -> None:
        self._connect = connect
        self._backend: Any = None  # Ibis, which is slow to import
        self._shown: dict[str, int] = {}

    def whole(self, folder: DeltaFolder) -> ir.Table:
        """All columns of a table, under its name."""
        name, columns = folder.spec.name, folder.spec.schema
        if self._shown.get(name) != folder.version:
            source = scan(folder.root, folder.spec, folder.files())
            self._define(name, f"SELECT {', '.join(map(quote, columns.names))} FROM ({source})")  # noqa: S608  # identifiers
            self._shown[name] = folder.version
        return self._expression(name, columns)

    def flat(
        self, folder: DeltaFolder, columns: Sequence[str], days: Collection[str] | None = None
    ) -> ir.Table:
        """Columns and dotted leaves of a table, of the partitions `days` if given."""
        _, chosen = projection(folder.spec, columns)
        if any(pa.types.is_struct(field.type) for field in chosen):
            raise RuntimeError("ask for the leaves of a struct")
        files = concerned(folder.files(), Span(), days)
        with store_errors(f"table {folder.spec.name}"):
            large = [file for file in files if file.ours and file.rows >= LARGE_ROWS]
            groups = _files.alike(folder.root, large)[:MOST_GROUPS]
        told = {file.path for _, group in groups for file in group}
        rest = [file for file in files if file.path not in told]
        source = _engine.flat_scan(folder.root, folder.spec, chosen, groups, rest)
        # a name of its own: expressions over other days, columns and snapshots stay good
        view = f"{folder.spec.name}_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
        self._define(view, source)
        return self._expression(view, chosen)

    def _define(self, view: str, query: str) -> None:
        with store_errors(f"table {view}"):
            self._connect().execute(f"CREATE OR REPLACE VIEW {quote(view)} AS {query}")

    def _expression(self, view: str, columns: pa.Schema) -> ir.Table:
        import ibis
        import ibis.expr.operations as ops

        if self._backend is None:
            self._backend = ibis.duckdb.from_connection(self._connect())
        # not `backend.table`: it asks for the view's types and parses 330 of them from text, 0.1 s
        schema = ibis.Schema.from_pyarrow(columns)
        place = ops.Namespace(catalog="memory", database="main")
        return ops.DatabaseTable(view, schema=schema, source=self._backend, namespace=place).to_expr()
