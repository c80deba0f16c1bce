"""One way out for the engines' errors."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa
from deltalake.exceptions import DeltaError

from countersign.errors import StoreError

ENGINE_ERRORS = (DeltaError, duckdb.Error, pa.ArrowException, OSError)


@contextmanager
def store_errors(what: str) -> Iterator[None]:
    """Turn whatever Delta, DuckDB, Arrow or the file system raise into `StoreError`; `what` was being done."""
    try:
        yield
    except ENGINE_ERRORS as error:
        raise StoreError(f"{what}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full; nothing was added, free some space and run it again"
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
