"""Acts: what was done in a hop, ready to be told; of many files in one folder the first few, and how many more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = 5
"""Files of one folder that are told one by one; the rest is counted."""
FOLDERS = 40
"""Folders of one hop of which files are told; the rest is counted."""
MANY = {"script": "script blocks", "credential": "credentials"}
MOST = 100
"""Script blocks, and credentials taken, of one hop that are told one by one."""
Place = tuple[str, str, int]
"""A record: event, segment, index."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something done in a hop: `place` is its record, or the first of those it stands for. `time` is microseconds, UTC; `parent` and
    `under` as in `model.visit.Action`."""

    time: int
    kind: str
    text: str
    place: Place
    parent: str = ""
    under: str | None = None

    @property
    def order(self) -> tuple[int, Place, str]:
        """Sorts acts in time, the same whatever order they were read in."""
        return self.time, self.place, self.text


@dataclass(frozen=True, slots=True, order=True)
class Touched:
    """A file that was made, written and so on (`done`), of a group of `times` of which the last was at `until`. Of each group its
    first few are given; `number` counts them from 1."""

    time: int
    place: Place
    done: str
    path: str
    group: str
    number: int = 1
    times: int = 1
    until: int = 0

    @property
    def folder(self) -> str:
        """The path up to the last separator, which is its end."""
        return self.path[: max(self.path.rfind("\\"), self.path.rfind("/")) + 1]


def file_acts(touched: Iterable[Touched]) -> list[Act]:
    """Files as acts: each folder's first one by one, the others as one act that counts them."""
    folders: dict[tuple[str, str], list[Touched]] = defaultdict(list)
    for one in sorted(touched):
        folders[one.done, one.folder.casefold()].append(one)
    kept = list(folders.values())
    out: list[Act] = []
    for files in kept[:FOLDERS]:
        out.extend(Act(one.time, "file", f"file {one.done}: {one.path}", one.place) for one in files[:FIRST])
        rest = _total(files) - FIRST
        if rest > 0:
            more = files[min(FIRST, len(files) - 1)]
            where = f"{files[0].folder or 'no folder'}, until {stamp(_until(files))}"
            words = "more files" if rest > 1 else "more file"
            out.append(Act(more.time, "file", f"{rest:,} {words} {more.done} in {where}", more.place))
    left = [one for files in kept[FOLDERS:] for one in files]
    if left:
        told = f"{_total(left):,} more files in {len(kept) - FOLDERS:,} other folders, until {stamp(_until(left))}"
        out.append(Act(left[0].time, "file", told, left[0].place))
    return out


def few(acts: list[Act]) -> list[Act]:
    """`acts` with no more than the first of each kind of `MANY`; one act counts the others."""
    for kind, name in MANY.items():
        left = sorted((act for act in acts if act.kind == kind), key=lambda act: act.order)[MOST:]
        if left:
            gone = set(left)
            told = f"{len(left):,} more {name}, until {stamp(left[-1].time)}"
            acts = [*(act for act in acts if act not in gone), Act(left[0].time, kind, told, left[0].place)]
    return acts


def _total(files: list[Touched]) -> int:
    groups = {one.group: one.times for one in files}
    return sum(groups.values())


def _until(files: list[Touched]) -> int:
    return max(max(one.until, one.time) for one in files)


def when(microseconds: int | None) -> datetime | None:
    """Aware UTC time."""
    return None if microseconds is None else EPOCH + timedelta(microseconds=microseconds)


def stamp(moment: int) -> str:
    """A time (microseconds, UTC) as a text."""
    return (EPOCH + timedelta(microseconds=moment)).strftime("%Y-%m-%d %H:%M:%S UTC")
