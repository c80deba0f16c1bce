"""A campaign's files in the place of those that they replace, in a copy of its base's workspace (docs/adr/0012).

A campaign writes only the files of the hosts that it touches. Its base is collected once; for each campaign the base's
workspace is copied, by hard links of what is never written again, the replaced files' segments are taken out of the copy's
lake, and the campaign's files are collected into it. The base's workspace is read and never written.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from countersign.errors import InputError, UsageError, WorkspaceError
from countersign.evaluate.truth import MADE, Key, TrueDeed, Truth, key_of, read_truth
from countersign.lake import Lake, WorkspaceLock

LOCK = "lock"
MOVED = "moved.jsonl"
LINKED = ("archive", "lake", "state/visits")
"""Below these a file is never written in place: what is new is a new file, under the same name at most."""
DERIVED = ("visits", "findings", "hits")
"""Tables that a review makes, which the copy's own makes anew."""
LEFT = frozenset({LOCK, "state/pending", "state/spool", "state/reviewed.json", "lake/tmp"})
"""What the copy has not, or has of its own: what is under way in the base, and what a review remembers."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """What a campaign says of itself: its name, its folder and that of its base, the files that it wrote (below both), and
    the computers whose records are called otherwise in them."""

    name: str
    folder: Path
    base: Path
    files: tuple[str, ...]
    computers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Laid:
    """What putting a campaign in its place took: how many files of the base gave way, and how many segments were theirs."""

    files: int
    segments: int


def campaign_in(folder: Path, truth: Path, base: Path | None = None) -> Campaign | None:
    """The campaign in `folder`, None where that is no campaign's. `base` says where its base is now, else the place that it
    was laid over. Raises `UsageError` where that is another range or none, `InputError` for a truth that is damaged."""
    path = truth / MADE
    made = _read(path)
    if "campaign" not in made:
        return None
    try:
        files, computers = tuple(map(str, made["files"])), frozenset(map(str, made["computers"]))
        said = folder / str(made["base"]) if made["base"] is not None else None
    except (KeyError, TypeError) as error:
        raise InputError(f"tells not what it was laid over: {error!r}", path=str(path)) from error
    place = base or said
    remedy = "name the range that it was laid over by `--base DIR`"
    if place is None or not (place / truth.name / MADE).is_file():
        raise UsageError(
            f"{place or folder} is not the base of this campaign: no range is there\n  remedy: {remedy}"
        )
    of_base = _read(place / truth.name / MADE)
    if "campaign" in of_base or any(of_base.get(part) != made.get(part) for part in ("seed", "spec")):
        raise UsageError(f"{place} is not the base of this campaign: it is another range\n  remedy: {remedy}")
    return Campaign(str(made["campaign"]), folder, place, files, computers)


def _read(path: Path) -> Mapping[str, Any]:
    """What a range says of itself. It is written last, so what was killed while it was written says nothing."""
    remedy = "generate it anew"
    try:
        made = orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(
            "is not there: the range was not written to its end", path=str(path), remedy=remedy
        ) from error
    except (OSError, orjson.JSONDecodeError) as error:
        raise InputError(f"is damaged: {error}", path=str(path), remedy=remedy) from error
    if not isinstance(made, dict):
        raise InputError("is not what a range writes", path=str(path), remedy=remedy)
    return made


def truth_of(campaign: Campaign, truth: str) -> Truth:
    """The base's truth with the campaign's visits, and with the names that records have in the files that it wrote. Raises `InputError`
    where the campaign does not tell these of every hop whose records it replaces."""
    base, own = read_truth(campaign.base / truth), read_truth(campaign.folder / truth)
    path = campaign.folder / truth / MOVED
    moved = _moved(path)
    computers = {name.casefold() for name in campaign.computers}
    whole = Truth()
    for hop in base.hops.values():
        if hop.id not in moved and any(_was(key, computers) for key in hop.keys):
            # taken for lost, it would be missed by nobody
            raise InputError(f"does not say what became of the records of hop {hop.id}", path=str(path))
        told = moved.get(hop.id, Moved())
        deeds = (replace(deed, keys=_called(deed.keys, told.of(deed), computers)) for deed in hop.deeds)
        whole.add(replace(hop, keys=_called(hop.keys, told.keys, computers), deeds=tuple(deeds)))
    for hop in own.hops.values():
        whole.add(hop)
    return whole


def _called(keys: Iterable[Key], moved: Iterable[Key], computers: Container[str]) -> tuple[Key, ...]:
    """The names of records, with those that they have now in the place of those that were these computers'."""
    kept = (key for key in keys if not _was(key, computers))
    return tuple(dict.fromkeys((*kept, *moved)))


def _was(key: Key, computers: Container[str]) -> bool:
    """Whether a record with this name was one of the logs that were replaced."""
    return key[0] == "windows" and key[1] in computers


@dataclass(frozen=True, slots=True)
class Moved:
    """What an ordinary hop's records in hosts' logs are called beside a campaign, and those of each action of it."""

    keys: tuple[Key, ...] = ()
    actions: tuple[tuple[Key, ...], ...] = ()

    def of(self, deed: TrueDeed) -> tuple[Key, ...]:
        """Those of one action."""
        return self.actions[deed.number] if deed.number < len(self.actions) else ()


def _moved(path: Path) -> dict[str, Moved]:
    try:
        lines = path.read_bytes().splitlines()
        return {row["hop"]: _row(row) for row in map(orjson.loads, lines)}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"is not what a range writes: {error!r}", path=str(path)) from error


def _row(row: Mapping[str, Any]) -> Moved:
    return Moved(
        tuple(map(key_of, row["records"])),
        tuple(tuple(map(key_of, records)) for records in row["actions"]),
    )


def lay(campaign: Campaign, base: Path, copy: Path) -> Laid:
    """Make `copy` of the workspace `base`, without what the campaign replaces. Raises `UsageError` where `copy` holds something
    or the base's workspace has not collected what is replaced, `WorkspaceError` while somebody writes it."""
    if copy.exists() and any(copy.iterdir()):
        raise UsageError(f"{copy} is not an empty folder: choose another for the campaign's workspace")
    with _idle(base):
        copied(base, copy)
    with WorkspaceLock(copy) as lock, Lake.open(copy / "lake", lock=lock) as lake:
        gone = _segments(lake, campaign)
        lake.forget(sorted({segment for found in gone.values() for segment in found}))
    return Laid(len(gone), sum(map(len, gone.values())))


def _segments(lake: Lake, campaign: Campaign) -> dict[str, list[str]]:
    """File that is replaced -> the segments that were sealed of it, by the path that it was collected under."""
    replaced = [name for name in campaign.files if (campaign.base / name).is_file()]
    found: dict[str, list[str]] = {name: [] for name in replaced}
    rows = lake.segment_rows()
    for segment, path in zip(rows["segment"].to_pylist(), rows["path"].to_pylist(), strict=True):
        name = _tail(path, found)
        if name is not None:
            found[name].append(segment)
    missing = sorted(name for name, segments in found.items() if not segments)
    if missing:
        raise UsageError(
            f"the workspace of the base has nothing of {missing[0]}, which the campaign replaces\n  remedy: collect the folders "
            "of the base into it as they are"
        )
    return found


def _tail(path: str, names: Mapping[str, object]) -> str | None:
    """Which of `names` a path ends in."""
    parts = path.replace(os.sep, "/").split("/")
    tails = ("/".join(parts[number:]) for number in range(len(parts)))
    return next((tail for tail in tails if tail in names), None)


@contextmanager
def _idle(base: Path) -> Iterator[None]:
    """Nobody writes the workspace meanwhile. Its lock is shared, and its file not written."""
    try:
        descriptor = os.open(base / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield  # nobody ever wrote it
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            raise WorkspaceError(f"{base} is in use: wait until it is not") from error
        yield
    finally:
        os.close(descriptor)


def copied(base: Path, copy: Path) -> None:
    """A copy of a workspace that nobody writes: hard links of files that are never written in place, where the file system has
    them, else copies."""
    copy.mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder, folders, files in os.walk(base):
        here = Path(folder).relative_to(base)
        folders[:] = [name for name in folders if not _left(here / name)]
        for name in folders:
            (copy / here / name).mkdir(exist_ok=True, mode=0o700)
        linked = here.as_posix().startswith(LINKED) and "_delta_log" not in here.parts
        for name in files:
            if not _left(here / name):
                _copy(base / here / name, copy / here / name, linked=linked)
    for name in ("state/pending", "state/spool"):
        (copy / name).mkdir(parents=True, exist_ok=True, mode=0o700)


def _left(path: Path) -> bool:
    parts: Sequence[str] = path.parts
    return path.as_posix() in LEFT or (len(parts) == 2 and parts[0] == "lake" and parts[1] in DERIVED)


def _copy(source: Path, target: Path, *, linked: bool) -> None:
    if linked:
        try:
            target.hardlink_to(source)
        except OSError:
            pass  # another file system, or one that has no links
        else:
            return
    shutil.copy2(source, target, follow_symlinks=False)
