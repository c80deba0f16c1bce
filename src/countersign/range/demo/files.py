"""The files of a range, written as the simulated time goes by, each line known by its place."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands: the file below the range's folder, and its line counted from 1."""

    file: str
    line: int


class Files:
    """Opens files below `root` on first use and appends lines; closes all on exit."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._open: dict[str, BinaryIO] = {}
        self._lines: dict[str, int] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def write(self, name: str, line: str | bytes) -> Place:
        """Appends one line (without its newline) to `name`."""
        handle = self._open.get(name)
        if handle is None:
            path = self._root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = self._open[name] = self._stack.enter_context(path.open("wb"))
        handle.write(line.encode("utf-8") if isinstance(line, str) else line)
        handle.write(b"\n")
        number = self._lines[name] = self._lines.get(name, 0) + 1
        return Place(name, number)

    def close(self, name: str) -> None:
        """Ends a file that gets no more lines."""
        self._open.pop(name).close()

    @property
    def counts(self) -> dict[str, int]:
        """Lines written, by file."""
        return dict(self._lines)
