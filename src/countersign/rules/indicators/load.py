"""Indicators from files and folders, whatever they hold: told by content, never by name."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from countersign.errors import InputError
from countersign.rules.indicators.breadth import Breadth
from countersign.rules.indicators.lists import MAX_LINE, read_lines
from countersign.rules.indicators.tables import Builder, Draft, Loaded, Plain, Problem

MAX_JSON_BYTES = 256 << 20
"""A bundle is parsed whole and takes some six times its size in memory."""
MAX_LIST_BYTES = 1 << 30
MAX_INDICATORS = 5_000_000
"""In one source."""
MAX_PROBLEMS = 1000
"""Kept of one source; the others are counted."""
Found = Iterator[Draft | Plain | Problem]
Progress = Callable[[int, int | None], None]


def load_indicators(
    paths: Sequence[Path], source: str, *, allow_broad: bool = False, progress: Progress | None = None
) -> Loaded:
    """All indicators in `paths` (files, folders, zips) as one source, by key, whatever the order of the paths.

    Raises `InputError` for a path that is not there or that cannot be read at all, and where there are more than
    `MAX_INDICATORS`. Anything else that is wrong is a `Problem` and stops nothing else. `progress` is told bytes.
    """
    from countersign.rules.indicators.files import open_all

    intake = _Intake(source, Breadth(allow_broad))
    for path in sorted(set(paths)):
        if not path.exists():
            raise InputError(
                "no such file or folder",
                path=str(path),
                remedy="name a file, a folder or a zip of indicators",
            )
    for found in open_all(sorted(set(paths)), progress):
        intake.take(found)
    return intake.finish()


def load_objects(objects: Sequence[object], origin: str, source: str, *, allow_broad: bool = False) -> Loaded:
    """The indicators among STIX objects, as a server gave them."""
    from countersign.rules.indicators.stix import read_objects

    intake = _Intake(source, Breadth(allow_broad))
    intake.take(read_objects(objects, origin))
    return intake.finish()


class _Intake:
    def __init__(self, source: str, breadth: Breadth) -> None:
        self._builder = Builder(source, breadth)
        self._problems: list[Problem] = []
        self._unread = 0
        self._count = 0

    def take(self, found: Iterable[Draft | Plain | Problem]) -> None:
        """Add what one file holds."""
        for one in found:
            if isinstance(one, Problem):
                self._problem(one)
            elif isinstance(one, Plain):
                self._counted(len(one.values))
                self._builder.add_plain(one.kind, one.values)
            else:
                self._counted(1)
                try:
                    self._builder.add(one)
                except ValueError as error:
                    self._problem(Problem("", None, one.title[:80], str(error)))

    def _problem(self, problem: Problem) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append(problem)
        else:
            self._unread += 1

    def _counted(self, more: int) -> None:
        self._count += more
        if self._count > MAX_INDICATORS:
            raise InputError(
                f"there are more than {MAX_INDICATORS:,} indicators in {self._builder.source}",
                remedy="import parts of it as sources of their own",
            )

    def finish(self) -> Loaded:
        loaded = self._builder.finish(
            sorted(self._problems, key=lambda one: (one.path, one.line or 0, one.reason))
        )
        return Loaded(loaded.table, loaded.problems, loaded.repeated, self._unread)


def list_lines(file: BinaryIO, told: Callable[[int], None] | None = None) -> Iterator[str]:
    """Lines of a text in UTF-8 or UTF-16 (with a mark), never longer than `MAX_LINE`."""
    head = file.read(4)
    file.seek(0)
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = io.TextIOWrapper(file, encoding="utf-16" if wide else "utf-8-sig", errors="replace", newline=None)
    count = 0
    while line := text.readline(MAX_LINE):
        count += 1
        if told is not None and not count % 16_384:
            told(file.tell())
        yield line
        while len(line) == MAX_LINE and not line.endswith("\n"):
            line = text.readline(MAX_LINE)  # the rest of a line that is refused for its length
    text.detach()


__all__ = ["Found", "Progress", "list_lines", "load_indicators", "load_objects", "read_lines"]
