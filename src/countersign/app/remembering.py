"""What each day's events answered to stitching, kept beside the lake (`state/visits/`) so that a review reads only what is new.

An answer names what it was made of: the day's files, the authentication details that were joined to it, and the code that asked.
Where any of these differs, where a file is damaged or lost, the day is asked again; nothing here is evidence, and all of it may be deleted.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path

import orjson
import pyarrow as pa

from countersign.errors import StoreError
from countersign.visits.asking import Kept, Key, Memory

FOLDER = "visits"
_MADE_OF, _KEYS = b"countersign.made_of", b"countersign.keys"
_EPOCH = date(1970, 1, 1).toordinal()
_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")


class Remembered(Memory):
    """Answers in files below `state`, one for each question and day. `days` are the lake's days with digests of their files, `salt` is
    whatever else answers depend on."""

    def __init__(self, state: Path, days: Mapping[str, str], salt: str) -> None:
        self._root = state / FOLDER
        self._digests = {
            _number(day): hashlib.sha256(f"{_code()}|{salt}|{files}".encode()).hexdigest()
            for day, files in days.items()
            if _is_date(day)
        }
        self.days = frozenset(self._digests)

    def recall(self, question: str, day: int) -> Kept | None:
        """What `day`, with the records that it has now, answered to `question`; None where that cannot be read."""
        try:
            with pa.memory_map(str(self._path(question, day))) as file, pa.ipc.open_file(file) as reader:
                told = reader.schema.metadata or {}
                if told.get(_MADE_OF, b"").decode() != self._digests[day]:
                    return None
                keys: frozenset[Key] = frozenset(tuple(key) for key in orjson.loads(told[_KEYS]))
                return Kept(reader.read_all().replace_schema_metadata(), keys)
        except (OSError, pa.ArrowInvalid, orjson.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError):
            return None

    def keep(self, question: str, day: int, kept: Kept) -> None:
        """Keep an answer for the next time. Raises `StoreError` where it cannot be written."""
        path = self._path(question, day)
        temporary = path.with_suffix(".new")
        told = {_MADE_OF: self._digests[day].encode(), _KEYS: orjson.dumps(sorted(kept.keys))}
        rows = kept.rows.replace_schema_metadata(told)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with (
                pa.OSFile(str(temporary), "wb") as file,
                pa.ipc.new_file(file, rows.schema, options=_OPTIONS) as writer,
            ):
                writer.write_table(rows)
            os.replace(temporary, path)  # noqa: PTH105  # a path's own is the same, and reads backwards
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror or error}") from error

    def _path(self, question: str, day: int) -> Path:
        named = date.fromordinal(_EPOCH + day).isoformat()
        return self._root / named / f"{question.replace(' ', '-').replace(',', '')}.arrow"


def forget(state: Path) -> None:
    """Delete every answer below `state`."""
    shutil.rmtree(state / FOLDER, ignore_errors=True)


@cache
def _code() -> str:
    """A digest of the code that asks: another version's answers are not this one's."""
    found = hashlib.sha256()
    folder = resources.files("countersign.visits")
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".py"):
            found.update(file.read_bytes())
    found.update(pa.__version__.encode())
    return found.hexdigest()


def _is_date(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


def _number(day: str) -> int:
    return date.fromisoformat(day).toordinal() - _EPOCH
