"""From the paths a person names to streams of bytes: files, folders, archives in archives, standard input.

Formats are told by content. What cannot be read is an item too (`Skipped`), never a gap; and nothing is held in
memory or written under a name that an archive chose.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import zipfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

from countersign.app import _tar, _zip
from countersign.app._streams import READ_BYTES, Budget, Member, Meter, Peeked, Stream, Unfolded, compression
from countersign.errors import UsageError

MAX_ARCHIVES = 3
"""An archive in an archive in an archive is read, deeper ones are listed."""
MAX_LAYERS = 6
"""Archives and compressions around each other; a quine unfolds to itself for ever."""
PATH_CHARACTERS = 4096
"""A longer name, which only a hostile archive has, is cut where it is shown."""
STDIN = "-"

Status = Literal["read", "known", "empty", "truncated", "unrecognised", "damaged", "unreadable"]


@dataclass(frozen=True, slots=True)
class Input:
    """A stream to be read to its end before the next one is asked for.

    `path` is for people (`a.zip!b/c.log`), `modified` when the content was last written as far as anything says,
    `grows` whether a writer may still be at it: a plain file, not an archive's member or a pipe.
    """

    path: str
    modified: datetime
    stream: Peeked
    grows: bool


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that gave no stream, or less than it should have, and why."""

    path: str
    status: Status
    reason: str


class _File:
    """A regular file up to the size it had when it was opened, or a pipe to its end."""

    def __init__(self, file: IO[bytes], size: int | None, budget: Budget) -> None:
        self._file = file
        self._left = size
        self._budget = budget
        self.damage = ""

    def read(self, size: int) -> bytes:
        size = min(size, READ_BYTES) if self._left is None else min(size, self._left)
        if size <= 0:
            return b""
        try:
            data = self._file.read(size)
        except OSError as error:
            self.damage = f"could not be read further: {_reason(error)}"
            return b""
        if self._left is not None:
            self._left -= len(data)
            if not data:
                self.damage = "became shorter while it was read"
        self._budget.consume(len(data))
        return data


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a stream stands: its shown path, time, and what is wrapped around it."""

    path: str
    modified: datetime
    grows: bool
    archives: int = 0
    layers: int = 0


def open_inputs(
    paths: Sequence[str | Path],
    *,
    spool: Path,
    now: datetime,
    exclude: Path | None = None,
    meter: Meter | None = None,
    stdin: IO[bytes] | None = None,
) -> Generator[Input | Skipped, None, None]:
    """All streams under `paths`, folders in the order of their names.

    `spool` is a folder for nameless temporary copies (a zip within an archive needs random access), `now` an
    aware time for what has none of its own, `exclude` a folder that is passed over (the workspace itself).
    Raises `UsageError` for a path that does not exist, before anything is read.
    """
    opener = _Opener(spool, now, meter or Meter())
    for entry in _walk(paths, exclude):
        if isinstance(entry, Skipped):
            yield entry
        elif entry.path == STDIN:
            yield from opener.pipe(STDIN, stdin or sys.stdin.buffer)
        else:
            yield from opener.file(entry)


def survey(paths: Sequence[str | Path], exclude: Path | None = None) -> int:
    """Bytes on disk under `paths`, for a progress bar; pipes count nothing. Raises like `open_inputs`."""
    return sum(entry.size for entry in _walk(paths, exclude) if isinstance(entry, _Entry))


@dataclass(frozen=True, slots=True)
class _Entry:
    path: str
    size: int = 0
    named: bool = False


def _walk(paths: Sequence[str | Path], exclude: Path | None) -> Iterator[_Entry | Skipped]:
    names = [str(path) for path in paths]
    missing = [name for name in names if name != STDIN and not os.path.lexists(name)]
    if missing:
        raise UsageError(f"no such file or folder: {', '.join(shown(name) for name in missing)}")
    passed_over = None if exclude is None else os.path.realpath(exclude)
    for name in names:
        if name == STDIN:
            yield _Entry(STDIN, named=True)
            continue
        try:
            state = Path(name).stat()
        except OSError as error:
            yield Skipped(shown(name), "unreadable", _reason(error))
            continue
        if stat.S_ISDIR(state.st_mode):
            yield from _folder(name, passed_over)
        else:
            yield _Entry(name, state.st_size, named=True)


def _folder(root: str, passed_over: str | None) -> Iterator[_Entry | Skipped]:
    """Depth first, by name, without recursion: a hostile tree may be deeper than Python's stack."""
    stack: list[str | os.DirEntry[str]] = [root]
    while stack:
        item = stack.pop()
        path = item if isinstance(item, str) else item.path
        try:
            if isinstance(item, os.DirEntry) and not item.is_dir(follow_symlinks=False):
                if item.is_symlink():
                    yield Skipped(shown(path), "unreadable", "is a symbolic link: name its target to read it")
                else:
                    yield _Entry(path, item.stat(follow_symlinks=False).st_size)
                continue
            if passed_over is not None and os.path.realpath(path) == passed_over:
                continue
            with os.scandir(path) as entries:
                inside = sorted(entries, key=lambda entry: entry.name, reverse=True)
            stack.extend(inside)
        except OSError as error:
            yield Skipped(shown(path), "unreadable", _reason(error))


class _Opener:
    """Opens what was walked and unfolds it."""

    def __init__(self, spool: Path, now: datetime, meter: Meter) -> None:
        self._spool = spool
        self._now = now
        self._meter = meter

    def pipe(self, path: str, file: IO[bytes]) -> Iterator[Input | Skipped]:
        budget = Budget(None, self._meter)
        stream = Peeked(_File(file, None, budget))
        yield from self._unfold(stream, _Place(shown(path), self._now, grows=False), budget)

    def file(self, entry: _Entry) -> Iterator[Input | Skipped]:
        passed = self._meter.done + entry.size
        # a file may have been swapped for a link or a pipe since it was listed
        flags = os.O_RDONLY | os.O_NONBLOCK | (0 if entry.named else os.O_NOFOLLOW)
        try:
            file = os.fdopen(os.open(entry.path, flags), "rb")
        except OSError as error:
            yield Skipped(shown(entry.path), "unreadable", _reason(error))
            return
        with file:
            state = os.fstat(file.fileno())
            if stat.S_ISFIFO(state.st_mode) and entry.named:
                os.set_blocking(file.fileno(), True)
                yield from self.pipe(entry.path, file)
            elif not stat.S_ISREG(state.st_mode):
                yield Skipped(shown(entry.path), "unreadable", "is a device, a socket or a pipe, not a file")
            else:
                budget = Budget(state.st_size, self._meter)
                stream = Peeked(_File(file, state.st_size, budget))
                place = _Place(shown(entry.path), _modified(state, self._now), grows=True)
                yield from self._unfold(stream, place, budget, file, state.st_size)
        self._meter.done = passed

    def _unfold(
        self, stream: Peeked, place: _Place, budget: Budget, file: IO[bytes] | None = None, size: int = 0
    ) -> Iterator[Input | Skipped]:
        """The streams in one stream; `file` is the same bytes with random access, where there is that."""
        head = stream.peek(_tar.BLOCK)
        codec = compression(head)
        archive = "zip" if head.startswith((_zip.LOCAL, _zip.EMPTY)) else "tar" if _tar.is_tar(head) else ""
        if not head:
            status: Status = "damaged" if stream.damage else "empty"
            yield Skipped(place.path, status, stream.damage or "holds no bytes")
        elif not codec and not archive:
            yield Input(place.path, place.modified, stream, place.grows)
        elif place.layers >= MAX_LAYERS or (archive and place.archives >= MAX_ARCHIVES):
            yield Skipped(place.path, "unreadable", f"is packed deeper than {MAX_ARCHIVES} archives")
        elif codec:
            inner = replace(place, grows=False, layers=place.layers + 1)
            yield from self._unfold(Peeked(Unfolded(stream, codec, budget)), inner, budget)
        elif archive == "tar":
            yield from self._members(_tar.tar_members(stream), place, budget)
        else:
            yield from self._zip(stream, place, budget, file, size)

    def _members(self, members: Iterable[Member], place: _Place, budget: Budget) -> Iterator[Input | Skipped]:
        for member in members:
            path = f"{place.path}!{shown(member.name)}" if member.name else place.path
            if member.stream is None:
                status: Status = "unreadable" if member.name else "damaged"
                yield Skipped(path, status, member.reason)
            else:
                inner = _Place(
                    path, member.modified or place.modified, False, place.archives + 1, place.layers + 1
                )
                yield from self._unfold(Peeked(member.stream), inner, budget)
            if budget.spent:
                yield Skipped(place.path, "damaged", budget.spent)
                return

    def _zip(
        self, stream: Stream, place: _Place, budget: Budget, file: IO[bytes] | None, size: int
    ) -> Iterator[Input | Skipped]:
        if file is not None:
            yield from self._zip_file(file, size, place, budget)
            return
        try:
            with tempfile.TemporaryFile(dir=self._spool) as copy:
                while data := stream.read(READ_BYTES):
                    size += copy.write(data)
                yield from self._zip_file(copy, size, place, budget)
        except OSError as error:
            yield Skipped(place.path, "unreadable", f"no room to unfold it: {_reason(error)}")
            return
        if stream.damage:
            yield Skipped(place.path, "damaged", stream.damage)

    def _zip_file(
        self, file: IO[bytes], size: int, place: _Place, budget: Budget
    ) -> Iterator[Input | Skipped]:
        try:
            yield from self._members(_zip.zip_members(file, size, budget), place, budget)
        except zipfile.BadZipFile as error:
            yield Skipped(
                place.path, "damaged", f"is no whole zip ({error}); its members are read one by one"
            )
            stream = Peeked(_zip.Slice(file, 0, size, budget))
            yield from self._members(_zip.salvage(stream, budget), place, budget)


def shown(name: str) -> str:
    """A path as text that is valid UTF-8 and of bounded length."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text if len(text) <= PATH_CHARACTERS else text[: PATH_CHARACTERS - 1] + "…"


def _modified(state: os.stat_result, now: datetime) -> datetime:
    try:
        return datetime.fromtimestamp(state.st_mtime_ns // 1000 / 1e6, UTC)
    except (ValueError, OverflowError, OSError):
        return now


def _reason(error: OSError) -> str:
    return (error.strerror or "cannot be read").lower()
