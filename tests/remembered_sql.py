"""Texts of questions to DuckDB, each written once in a process.

Ibis takes some 40 ms to write the text of a question, and stitching asks two dozen: most of the time of a test that stitches a
short story went there. The text is a function of the question, and tests ask the same ones over and over. Every test still asks the
engine itself; only who writes the same text again is spared. The program has no need of it: a run asks each question once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

MOST = 4096


def key_of(question: ops.Node) -> ops.Node | None:
    """An equal question that keeps no connection, nor its tables, alive; none where data is part of it."""
    if question.find(ops.InMemoryTable):
        return None
    tables = question.find(ops.DatabaseTable)
    apart = {table: table.copy(source=nobody(table.source)) for table in tables}
    return question.replace(apart) if apart else question


def nobody(backend: Backend) -> Backend:
    """What equals a connection and is none: Ibis compares how they were made."""
    return type(backend)(*backend._con_args, **backend._con_kwargs)


@contextmanager
def remembered_sql() -> Iterator[None]:
    """While it lasts, the text of a question that was asked before is that of then."""
    texts: dict[ops.Node, str] = {}
    write = Backend.compile

    def compile_(
        self: Backend,
        expr: ir.Expr,
        /,
        *,
        limit: int | None = None,
        params: Mapping[ir.Scalar, Any] | None = None,
        pretty: bool = False,
    ) -> str:
        if limit is not None or params or pretty:
            return write(self, expr, limit=limit, params=params, pretty=pretty)
        question = expr.op()
        text = texts.get(question)
        if text is None:
            text = write(self, expr)
            key = key_of(question)
            if key is not None and len(texts) < MOST:
                texts[key] = text
        return text

    with patch.object(Backend, "compile", compile_):
        yield
