"""What the last review had seen, and how far a review that did not end had come: two small files in `state/`.

A rule that the state names with its fingerprint has met every segment that the state names, and its hits are in the
lake. Whatever changes hits takes out of the state first what will no longer hold, so that a run that is killed at any
moment leaves a state that claims too little and never too much.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from countersign.app.workspace import Workspace
from countersign.errors import StoreError

STATE = "reviewed.json"
PROGRESS = "matching.json"


@dataclass(frozen=True, slots=True)
class State:
    """`made_of` is a digest of all but hits that visits and findings were made from, empty while they are not up to date;
    `segments` are short digests, `rules` fingerprints by id, `indicators` that of the indicators. `held` counts
    the hits that each exception holds back, `told` is a digest of what was wrong with rules when a review last said it.
    `noisy` are rules that fire on nearly everything: their hits, and the events that they were asked of."""

    made_of: str = ""
    segments: frozenset[str] = frozenset()
    rules: Mapping[str, str] = field(default_factory=dict)
    indicators: str = ""
    held: Mapping[str, int] = field(default_factory=dict)
    told: str = ""
    noisy: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """A matching under way: a digest of what is matched with what, and the days that are done."""

    job: str = ""
    days: tuple[str, ...] = ()


def digest(*parts: object) -> str:
    """A digest of plain values."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def recall(workspace: Workspace) -> State:
    """The last state; an empty one where there is none that can be read, so that everything is done anew."""
    try:
        found = _load(workspace, STATE)
        return State(
            str(found["made_of"]),
            frozenset(map(str, found["segments"])),
            {str(id_): str(fingerprint) for id_, fingerprint in found["rules"].items()},
            str(found["indicators"]),
            {str(id_): int(count) for id_, count in found["held"].items()},
            str(found["told"]),
            {str(id_): (int(hits), int(events)) for id_, (hits, events) in found["noisy"].items()},
        )
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError):
        return State()


def remember(workspace: Workspace, state: State) -> None:
    """Write the state, whole or not at all."""
    body = {
        "made_of": state.made_of,
        "segments": sorted(state.segments),
        "rules": dict(sorted(state.rules.items())),
        "indicators": state.indicators,
        "held": dict(sorted(state.held.items())),
        "told": state.told,
        "noisy": dict(sorted(state.noisy.items())),
    }
    _store(workspace, STATE, body)


def recall_progress(workspace: Workspace) -> Progress:
    """How far the last matching came; nothing where that cannot be read."""
    try:
        found = _load(workspace, PROGRESS)
        return Progress(str(found["job"]), tuple(map(str, found["days"])))
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return Progress()


def remember_progress(workspace: Workspace, progress: Progress) -> None:
    """Write it, whole or not at all."""
    _store(workspace, PROGRESS, {"job": progress.job, "days": list(progress.days)})


def _load(workspace: Workspace, name: str) -> Any:  # noqa: ANN401  # JSON
    return orjson.loads(_path(workspace, name).read_bytes())


def _store(workspace: Workspace, name: str, body: Mapping[str, object]) -> None:
    path = _path(workspace, name)
    temporary = path.with_suffix(".new")
    try:
        with temporary.open("wb") as file:
            file.write(orjson.dumps(body))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error


def _path(workspace: Workspace, name: str) -> Path:
    return workspace.root / "state" / name
