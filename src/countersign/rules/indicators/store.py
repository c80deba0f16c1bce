"""Indicators at rest: one Arrow file a source in one folder, written whole or not at all, with a digest of its rows.

A digest is over the rows' values, not over the file's bytes, so that it is the same with every version of Arrow.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from countersign.errors import InputError
from countersign.rules.indicators.hashing import Texts
from countersign.rules.indicators.tables import INDICATORS_SCHEMA, Problem

FORMAT = 1
SUFFIX = ".arrow"
_META = b"countersign.indicators"
_LONGEST_NAME = 100
_PROBLEMS_KEPT = 100
_REMEDY = "import the source again, or remove the file"


@dataclass(frozen=True, slots=True)
class Source:
    """One imported source. `digest` is that of its rows, `imported` aware UTC, `origin` where it came from."""

    name: str
    path: Path
    rows: int
    digest: str
    imported: datetime
    origin: str
    problems: tuple[Problem, ...]
    unread: int
    cursor: str = ""  # where the next pull from a server goes on, empty for files


@dataclass(frozen=True, slots=True)
class Change:
    """What an import changed: indicators that were not there, that match something else than before or say
    something else of themselves, that are gone, and that are as they were."""

    new: int
    changed: int
    gone: int
    same: int


def source_name(text: str) -> str:
    """A name for a source. Raises `InputError` for one that is empty, too long or unprintable."""
    name = text.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InputError(
            f"{text[:40]!r} is no name for a source", remedy=f"use 1 to {_LONGEST_NAME} printable characters"
        )
    return name


def path_of(folder: Path, name: str) -> Path:
    """The file of a source: readable, and distinct for names that differ in any way."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "source"
    return folder / f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:8]}{SUFFIX}"


def write(
    folder: Path,
    name: str,
    table: pa.Table,
    *,
    imported: datetime,
    origin: str,
    problems: tuple[Problem, ...] = (),
    unread: int = 0,
    cursor: str = "",
) -> tuple[Source, Change]:
    """Put a source's rows in the place of those it had. `table` is sorted by key."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = path_of(folder, name)
    before = sound(path)
    change = compare(INDICATORS_SCHEMA.empty_table() if before is None else before[1], table)
    kept = problems[:_PROBLEMS_KEPT]
    left_out = unread + len(problems) - len(kept)
    source = Source(name, path, table.num_rows, digest_of(table), imported, origin, kept, left_out, cursor)
    about = {
        "format": FORMAT,
        "name": name,
        "digest": source.digest,
        "rows": table.num_rows,
        "imported": imported,
        "origin": origin,
        "problems": [(one.path, one.line, one.subject, one.reason) for one in kept],
        "unread": source.unread,
        "cursor": cursor,
    }
    schema = INDICATORS_SCHEMA.with_metadata({_META: orjson.dumps(about)})
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with temporary.open("wb") as file:
            options = pa.ipc.IpcWriteOptions(compression="zstd")
            with pa.ipc.new_file(file, schema, options=options) as writer:
                writer.write_table(table.cast(schema), max_chunksize=65_536)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return source, change


def sound(path: Path) -> tuple[Source, pa.Table] | None:
    """What is there to be replaced or added to; None where there is nothing or it is damaged, for a new import is
    how that is mended."""
    try:
        return read(path) if path.exists() else None
    except InputError:
        return None


def sources(folder: Path) -> list[Source]:
    """What was imported, by name. Raises `InputError` for a file that is damaged."""
    if not folder.is_dir():
        return []
    paths = sorted(path for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith("."))
    return sorted((about(path) for path in paths), key=lambda source: source.name)


def about(path: Path) -> Source:
    """What a file says of itself; its rows are not read."""
    try:
        with pa.memory_map(str(path)) as file:
            reader = pa.ipc.open_file(file)
            return _about(path, reader.schema)
    except (pa.ArrowException, OSError) as error:
        raise InputError("this file of indicators is damaged", path=str(path), remedy=_REMEDY) from error


def read(path: Path) -> tuple[Source, pa.Table]:
    """A source and its rows. Raises `InputError` where the file is damaged or not what its digest says."""
    try:
        with pa.memory_map(str(path)) as file:
            table = pa.ipc.open_file(file).read_all()
    except (pa.ArrowException, OSError) as error:
        raise InputError("this file of indicators is damaged", path=str(path), remedy=_REMEDY) from error
    source = _about(path, table.schema)
    table = table.replace_schema_metadata(None)
    if not table.schema.equals(INDICATORS_SCHEMA) or digest_of(table) != source.digest:
        raise InputError("this file of indicators is not what was imported", path=str(path), remedy=_REMEDY)
    return source, table


def _about(path: Path, schema: pa.Schema) -> Source:
    try:
        said = orjson.loads((schema.metadata or {})[_META])
        if said["format"] != FORMAT:
            raise InputError(
                f"this file has format {said['format']}, this version knows {FORMAT}",
                path=str(path),
                remedy=_REMEDY,
            )
        return Source(
            said["name"],
            path,
            said["rows"],
            said["digest"],
            datetime.fromisoformat(said["imported"]),
            said["origin"],
            tuple(Problem(*problem) for problem in said["problems"]),
            said["unread"],
            said["cursor"],
        )
    except (KeyError, ValueError, TypeError) as error:
        raise InputError("this is no file of indicators", path=str(path), remedy=_REMEDY) from error


def digest_of(table: pa.Table) -> str:
    """SHA-256 over all values, column by column: nulls, lengths and bytes."""
    digest = hashlib.sha256(f"countersign indicators {FORMAT} {table.num_rows}".encode())
    for name in INDICATORS_SCHEMA.names:
        digest.update(f"\n{name} ".encode())
        _feed(digest, _whole(table.column(name)))
    return digest.hexdigest()


def _feed(digest: hashlib._Hash, array: pa.Array) -> None:
    digest.update(pc.fill_null(array.is_valid(), fill_value=False).cast(pa.int8()).to_numpy().tobytes())
    if pa.types.is_list(array.type):
        digest.update(pc.fill_null(pc.list_value_length(array), 0).to_numpy().tobytes())
        inner = array.flatten()
        for place in range(array.type.value_type.num_fields):
            _feed(digest, inner.field(place))
    elif pa.types.is_string(array.type):
        texts = Texts(array.fill_null(""))
        digest.update(np.diff(texts.offsets).tobytes())
        digest.update(texts.data.tobytes())
    else:
        numbers = array.cast(pa.int64()) if pa.types.is_timestamp(array.type) else array.cast(pa.int8())
        digest.update(numbers.fill_null(0).to_numpy().tobytes())


def _whole(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def compare(old: pa.Table, new: pa.Table) -> Change:
    """How `new` differs from `old`, by key."""
    was, now = _marks(old), _marks(new)
    places = pc.index_in(now[0], value_set=was[0])
    known = pc.is_valid(places)
    before = was[1].take(places)
    same = pc.sum(pc.fill_null(pc.equal(before, now[1]), fill_value=False)).as_py() or 0
    met = pc.sum(known).as_py() or 0
    return Change(new=len(now[0]) - met, changed=met - same, gone=len(was[0]) - met, same=same)


def _marks(table: pa.Table) -> tuple[pa.Array, pa.Array]:
    """Keys, and a text for each of all that a person would call a change."""
    texts = [
        _whole(table.column(name))
        for name in ("id", "title", "author", "labels", "tlp", "refused", "warning")
    ]
    texts.append(_whole(table.column("confidence").cast(pa.string())))
    filled = [pc.fill_null(text, "") for text in texts]
    return _whole(table.column("key")), pc.binary_join_element_wise(*filled, "\n")


def all_rows(folder: Path) -> Mapping[str, pa.Table]:
    """The rows of every source by its name."""
    return {source.name: read(source.path)[1] for source in sources(folder)}
