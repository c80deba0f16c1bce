"""What each day's events answered to stitching, kept beside the lake (`state/visits/`) so that a review reads only what is new.

An answer names what it was made of: the day's files, the authentication details that were joined to it, and the code that asked.
Where any of these differs, where a file is damaged (its checksum tells) or lost, the day is asked again; nothing here is evidence, and all of
it may be deleted.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from functools import cache
from importlib import metadata, resources
from pathlib import Path

import orjson
import pyarrow as pa

from countersign import __version__
from countersign.errors import StoreError
from countersign.visits.asking import Kept, Key, Memory

FOLDER = "visits"
_MADE_OF, _KEYS = b"countersign.made_of", b"countersign.keys"
_EPOCH = date(1970, 1, 1).toordinal()
_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")
_SUM = 4
"""Bytes of the checksum (CRC-32, big-endian) that ends a file: Arrow itself reads a file with a flipped bit as other rows."""
_ASKING = ("visits", "lake")
"""The packages whose code decides what a day answers."""
_ENGINES = ("duckdb", "ibis-framework", "pyarrow")


class Remembered(Memory):
    """Answers in files below `state`, one for each question and day. `days` are the lake's days with digests of their files, `salts` is
    what else the answers of some days depend on."""

    def __init__(self, state: Path, days: Mapping[str, str], salts: Mapping[str, str]) -> None:
        self._root = state / FOLDER
        self._digests = {
            _number(day): hashlib.sha256(f"{_code()}|{salts.get(day, '')}|{files}".encode()).hexdigest()
            for day, files in days.items()
            if _is_date(day)
        }
        self.days = frozenset(self._digests)

    def recall(self, question: str, day: int) -> Kept | None:
        """What `day`, with the records that it has now, answered to `question`; None where that cannot be read."""
        try:
            with (
                pa.memory_map(str(self._path(question, day))) as file,
                pa.ipc.open_file(_sound(file)) as reader,
            ):
                told = reader.schema.metadata or {}
                if told.get(_MADE_OF, b"").decode() != self._digests[day]:
                    return None
                keys: frozenset[Key] = frozenset(tuple(key) for key in orjson.loads(told[_KEYS]))
                return Kept(reader.read_all().replace_schema_metadata(), keys)
        except (OSError, pa.ArrowException, orjson.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError):
            return None

    def keep(self, question: str, day: int, kept: Kept) -> None:
        """Keep an answer for the next time. Raises `StoreError` where it cannot be written."""
        path = self._path(question, day)
        temporary = path.with_suffix(".new")
        told = {_MADE_OF: self._digests[day].encode(), _KEYS: orjson.dumps(sorted(kept.keys))}
        rows = kept.rows.replace_schema_metadata(told)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, rows.schema, options=_OPTIONS) as writer:
            writer.write_table(rows)
        body = sink.getvalue()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.unlink(
                missing_ok=True
            )  # what a killed run left may be linked from a copy of the workspace
            with temporary.open("wb") as file:
                file.write(body)
                file.write(zlib.crc32(body).to_bytes(_SUM, "big"))
            os.replace(temporary, path)  # noqa: PTH105  # a path's own is the same, and reads backwards
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)  # on a full disk half an answer is in the way
            raise StoreError(f"{path}: {error.strerror or error}") from error

    def _path(self, question: str, day: int) -> Path:
        named = date.fromordinal(_EPOCH + day).isoformat()
        return self._root / named / f"{question.replace(' ', '-').replace(',', '')}.arrow"


def _sound(file: pa.MemoryMappedFile) -> pa.Buffer:
    """What is before the checksum. Raises `ArrowInvalid` where that does not fit."""
    whole = file.read_buffer()
    body = whole[: max(0, whole.size - _SUM)]
    if zlib.crc32(body).to_bytes(_SUM, "big") != whole[body.size :].to_pybytes():
        raise pa.ArrowInvalid("damaged")
    return body


def forget(state: Path) -> None:
    """Delete every answer below `state`."""
    shutil.rmtree(state / FOLDER, ignore_errors=True)


@cache
def _code() -> str:
    """A digest of the code that asks: another version's answers are not this one's."""
    found = hashlib.sha256(__version__.encode())
    for room in _ASKING:
        folder = resources.files(f"countersign.{room}")
        for file in sorted(folder.iterdir(), key=lambda file: file.name):
            if file.name.endswith(".py"):
                found.update(file.read_bytes())
    for engine in _ENGINES:
        found.update(f"{engine} {metadata.version(engine)}".encode())
    return found.hexdigest()


def _is_date(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


def _number(day: str) -> int:
    return date.fromisoformat(day).toordinal() - _EPOCH
