"""Files that gave no records, or not all: remembered between runs, so that the report can say so."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from countersign.app.collect import FileReport
    from countersign.app.workspace import Workspace

STATE = "unread.json"
REMEMBERED = 5_000
"""Files remembered; of a folder of pictures nobody needs more."""
WHOLE = frozenset({"read", "known", "empty"})


def recall(workspace: Workspace) -> dict[str, str]:
    """Path -> reason of each file that was not, or not wholly, read when it was last met."""
    try:
        found = orjson.loads(_path(workspace).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return {str(path): str(reason) for path, reason in found.items()} if isinstance(found, dict) else {}


def remember(workspace: Workspace, files: Iterable[FileReport]) -> None:
    """Takes note of what a collection met: a file that could be read this time is forgotten."""
    before = recall(workspace)
    found = dict(before)
    for file in files:
        if file.status == "known" and found.get(file.path, "").startswith("truncated"):
            continue  # it was collected whole, and still is not all there was
        found.pop(file.path, None)
        if file.status not in WHOLE:
            found[file.path] = f"{file.status}: {file.reason}"
    if found == before:
        return
    kept = dict(sorted(found.items())[:REMEMBERED])
    path = _path(workspace)
    temporary = path.with_suffix(".new")
    temporary.write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2))
    temporary.replace(path)


def _path(workspace: Workspace) -> Path:
    return workspace.root / "state" / STATE
