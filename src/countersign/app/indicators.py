"""The indicators of a workspace: import, pull, list, the set that is in force, and hunting through history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from countersign.app.workspace import Workspace, now
from countersign.errors import UsageError
from countersign.rules.indicators import IndicatorSet, Loaded, Problem, load_indicators, store
from countersign.rules.indicators.load import Progress

FOLDER = "indicators"


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to."""

    source: store.Source
    change: store.Change
    repeated: int
    refused: int
    problems: tuple[Problem, ...]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "source": self.source.name,
            "indicators": self.source.rows,
            "new": self.change.new,
            "changed": self.change.changed,
            "gone": self.change.gone,
            "same": self.change.same,
            "repeated": self.repeated,
            "refused": self.refused,
            "problems": [problem_document(problem) for problem in self.problems],
            "problems_unlisted": self.source.unread,
            "digest": self.source.digest,
            "origin": self.source.origin,
        }


def problem_document(problem: Problem) -> dict[str, Any]:
    """For JSON."""
    return {"path": problem.path, "line": problem.line, "subject": problem.subject, "reason": problem.reason}


def folder(workspace: Workspace) -> Path:
    """Where the imported indicators lie."""
    return workspace.root / FOLDER


def current(workspace: Workspace, *, any_time: bool = False) -> IndicatorSet | None:
    """All imported indicators ready to be matched; None where nothing was imported.

    Raises `InputError` for a damaged file of indicators.
    """
    rows = store.all_rows(folder(workspace))
    return IndicatorSet(rows, any_time=any_time) if rows else None


def import_(
    workspace: Workspace,
    paths: Sequence[Path],
    source: str | None = None,
    *,
    allow_broad: bool = False,
    progress: Progress | None = None,
    clock: datetime | None = None,
) -> list[Imported]:
    """Read indicators from files, folders and zips; each path is a source of its own unless `source` names one.

    A source that was imported before is replaced. Raises `InputError` where a path is not there; nothing is
    replaced by a source in which nothing could be read.
    """
    groups: dict[str, list[Path]] = {}
    for path in paths:
        name = store.source_name(
            source if source is not None else path.resolve().name.partition(".")[0] or path.name
        )
        groups.setdefault(name, []).append(path)
    return [
        _keep(
            workspace,
            name,
            load_indicators(group, name, allow_broad=allow_broad, progress=progress),
            group,
            clock,
        )
        for name, group in sorted(groups.items())
    ]


def _keep(
    workspace: Workspace,
    name: str,
    loaded: Loaded,
    paths: Sequence[Path],
    clock: datetime | None,
) -> Imported:
    origin = ", ".join(str(path) for path in paths)
    if not loaded.table.num_rows:
        first = loaded.problems[0].reason if loaded.problems else "it is empty"
        raise UsageError(f"{origin}: no indicator could be read: {first}")
    source, change = store.write(
        folder(workspace),
        name,
        loaded.table,
        imported=clock or now(),
        origin=origin,
        problems=loaded.problems,
        unread=loaded.unread,
    )
    refused = loaded.table.num_rows - loaded.table.column("refused").null_count
    return Imported(source, change, loaded.repeated, refused, loaded.problems)
