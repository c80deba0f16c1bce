"""Opening what holds indicators: files, folders, MISP feeds, zips; each told by its content."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import orjson

from countersign.rules.indicators.load import (
    MAX_JSON_BYTES,
    MAX_LIST_BYTES,
    Found,
    Progress,
    list_lines,
    read_lines,
)
from countersign.rules.indicators.tables import Problem
from countersign.rules.zips import ZIP_FAILURES

MAX_FILES = 100_000
"""In one import; the largest public MISP feeds have some 2,000 events."""
MAX_ZIP_RATIO = 200
"""Unpacked bytes for each packed one; JSON reaches 20 to 40."""
_HEAD = 4096
_IGNORED = frozenset(
    {"license", "license.txt", "license.md", "readme", "readme.md", "readme.txt", "hashes.csv"}
)
_MANIFEST = "manifest.json"


def open_all(paths: Sequence[Path], progress: Progress | None) -> Iterator[Found]:
    """What each file in `paths` holds, in the order of their names."""
    files = [file for path in paths for file in _files(path)]
    missing = [problem for path in paths for problem in _missing(path)]
    if missing:
        yield iter(missing)
    total = sum(_size(file) for file in files)
    done = 0
    for number, file in enumerate(files):
        if number >= MAX_FILES:
            yield iter(
                [
                    Problem(
                        str(file),
                        None,
                        "",
                        f"more than {MAX_FILES} files: this and those after it are left out",
                    )
                ]
            )
            return
        before = done

        def told(position: int, before: int = before) -> None:
            if progress is not None:
                progress(before + position, total)

        yield from _open(file, told)
        done += _size(file)
        told(done - before)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    manifest = (path / _MANIFEST).is_file()
    return sorted(
        inner
        for inner in path.rglob("*")
        if inner.is_file()
        and not inner.is_symlink()
        and not any(part.startswith(".") for part in inner.relative_to(path).parts)
        and inner.name.lower() not in _IGNORED
        and not (manifest and inner.name == _MANIFEST)
    )


def _missing(folder: Path) -> list[Problem]:
    """Events that a MISP feed's manifest names and that are not there."""
    path = folder / _MANIFEST
    if not folder.is_dir() or not path.is_file():
        return []
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            return [Problem(str(path), None, "", "larger than any manifest")]
        named = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        return [Problem(str(path), None, "", f"the manifest cannot be read: {error}")]
    there = {inner.name for inner in folder.iterdir()}
    return [
        Problem(f"{folder / name}.json", None, "", "the manifest names this event, and it is not there")
        for name in (sorted(named) if isinstance(named, dict) else ())
        if f"{name}.json" not in there
    ]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _open(path: Path, told: Callable[[int], None]) -> Iterator[Found]:
    try:
        if zipfile.is_zipfile(path):
            yield from _zip(path)
            return
        with path.open("rb") as file:
            yield _content(file, str(path), _size(path), told)
    except OSError as error:
        yield iter([Problem(str(path), None, "", f"cannot be read: {error.strerror or error}")])


def _content(file: BinaryIO, name: str, size: int, told: Callable[[int], None] | None = None) -> Found:
    head = file.read(_HEAD).lstrip(b"\xef\xbb\xbf \t\r\n")
    file.seek(0)
    if not head:
        return
    if head[:1] == b"{" or (head[:1] == b"[" and head[1:].lstrip()[:1] in {b"{", b"]"}):
        if size > MAX_JSON_BYTES:
            yield Problem(
                name, None, "", f"larger than {MAX_JSON_BYTES >> 20} MiB, which is read whole: split it"
            )
            return
        from countersign.rules.indicators.documents import read_document

        yield from read_document(file.read(MAX_JSON_BYTES + 1), name)
        return
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield Problem(name, None, "", "neither JSON nor a text: no indicators were read")
        return
    if size > MAX_LIST_BYTES:
        yield Problem(name, None, "", f"larger than {MAX_LIST_BYTES >> 30} GiB: split it")
        return
    yield from read_lines(list_lines(file, told), name)


def _zip(path: Path) -> Iterator[Found]:
    """The members of a zip, read in place; none is larger than it says, nor than the limits."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted(archive.infolist(), key=lambda info: info.filename)
            manifest = any(info.filename.rpartition("/")[2] == _MANIFEST for info in members)
            for info in members[:MAX_FILES]:
                base = info.filename.rpartition("/")[2]
                if info.is_dir() or base.lower() in _IGNORED or base.startswith("."):
                    continue
                if manifest and base == _MANIFEST:
                    continue
                yield _member(archive, info, f"{path}!{info.filename}")
    except ZIP_FAILURES as error:
        yield iter([Problem(str(path), None, "", f"the zip cannot be read: {error}")])


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Found:
    if info.flag_bits & 1:
        yield Problem(name, None, "", "the zip has a password: unpack it first")
        return
    if info.file_size > MAX_JSON_BYTES or info.file_size > MAX_ZIP_RATIO * max(info.compress_size, 1024):
        yield Problem(
            name, None, "", f"more than {MAX_JSON_BYTES >> 20} MiB or {MAX_ZIP_RATIO} times as large unpacked"
        )
        return
    try:
        with archive.open(info) as member:
            data = member.read(info.file_size + 1)
    except ZIP_FAILURES as error:
        yield Problem(name, None, "", f"it cannot be unpacked: {error}")
        return
    if len(data) > info.file_size:
        yield Problem(name, None, "", "larger than the zip says")
        return
    yield from _content(io.BytesIO(data), name, len(data))
