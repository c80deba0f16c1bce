"""The indicators of a workspace: import them, pull them from a server, list them, and the set that is in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from countersign.app.documents import stamp
from countersign.app.sealing import patiently, seal_import
from countersign.app.workspace import Workspace, now
from countersign.errors import InputError, UsageError
from countersign.model.visible import counted
from countersign.rules.indicators import Indicator, IndicatorSet, Loaded, Problem, load_indicators, store
from countersign.rules.indicators.load import Progress, load_objects
from countersign.rules.indicators.lookup import SHARED_BY
from countersign.rules.indicators.tables import newest

FOLDER = "indicators"
LOW = 30
"""Confidence below which STIX 2.1 (appendix A) speaks of `Low`; such indicators match and are shown as that."""
STATES = ("active", "low confidence", "not yet", "expired", "revoked", "refused")


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to. `repeated` counts indicators that the source holds more than once, `refused` those
    that are too broad to be matched."""

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


@dataclass(frozen=True, slots=True)
class Listed:
    """One source and how many of its indicators are in which state at `as_of`. `crowded` are not matched, because very many
    others have the same value."""

    source: store.Source
    states: dict[str, int]
    warned: int
    crowded: int = 0

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "source": self.source.name,
            "indicators": self.source.rows,
            "states": self.states,
            "warned": self.warned,
            "crowded": self.crowded,
            "imported": stamp(self.source.imported),
            "origin": self.source.origin,
            "digest": self.source.digest,
            "problems": [problem_document(problem) for problem in self.source.problems],
            "problems_unlisted": self.source.unread,
        }


def problem_document(problem: Problem) -> dict[str, Any]:
    """For JSON."""
    return {
        "path": problem.path,
        "line": problem.line,
        "subject": problem.subject,
        "reason": problem.reason,
    }


def indicator_document(indicator: Indicator, as_of: datetime) -> dict[str, Any]:
    """For JSON."""
    return {
        "id": indicator.id,
        "source": indicator.source,
        "key": indicator.key,
        "state": state_of(indicator, as_of),
        "title": indicator.title,
        "author": indicator.author,
        "labels": indicator.labels,
        "confidence": indicator.confidence,
        "tlp": indicator.tlp,
        "valid_from": stamp(indicator.valid_from),
        "valid_until": stamp(indicator.valid_until),
        "refused": indicator.refused,
        "warning": indicator.warning,
        "pattern": indicator.pattern,
        "terms": [[{"kind": kind, "value": value} for kind, value in clause] for clause in indicator.terms],
    }


def state_of(indicator: Indicator, as_of: datetime) -> str:
    """One of `STATES`."""
    state = indicator.state(as_of)
    low = indicator.confidence is not None and indicator.confidence < LOW
    return "low confidence" if state == "active" and low else state


def crowded_said(count: int) -> str:
    """In words: indicators that are passed over because very many others have the same value."""
    verb = "is" if count == 1 else "are"
    return (
        f"{counted(count, 'indicator')} {verb} not matched: {SHARED_BY} others have the same value, the first by source and "
        "key (countersign indicators list)"
    )


def folder(workspace: Workspace) -> Path:
    """Where the imported indicators lie."""
    return workspace.root / FOLDER


def current(
    workspace: Workspace, *, sources: Sequence[str] = (), any_time: bool = False
) -> IndicatorSet | None:
    """The imported indicators (of these `sources` if any is named) ready to be matched; None where there are none.

    With `any_time` validity times are not looked at. Raises `InputError` for a damaged file of indicators,
    `UsageError` for a source that is not there.
    """
    known = {source.name: source for source in store.sources(folder(workspace))}
    for name in sources:
        if name not in known:
            raise UsageError(
                f"there is no source of indicators {name!r}\n  remedy: `countersign indicators list` names them"
            )
    chosen = {
        name: store.read(source.path)[1] for name, source in known.items() if not sources or name in sources
    }
    return IndicatorSet(chosen, any_time=any_time) if chosen else None


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

    A source that was imported before is replaced, but never by one in which nothing could be read. Raises
    `InputError` where a path is not there or holds no indicator.
    """
    groups: dict[str, list[Path]] = {}
    for path in paths:
        base = path.resolve().name
        name = store.source_name(source if source is not None else base.partition(".")[0] or base)
        groups.setdefault(name, []).append(path)
    found = []
    for name, group in sorted(groups.items()):
        loaded = load_indicators(group, name, allow_broad=allow_broad, progress=progress)
        origin = ", ".join(str(path) for path in group)
        found.append(_keep(workspace, name, loaded, origin, clock or now()))
    return found


def pull(
    workspace: Workspace,
    url: str,
    source: str | None = None,
    *,
    user: str = "",
    password: str = "",
    token: str = "",
    added_after: str | None = None,
    everything: bool = False,
    insecure: bool = False,
    allow_broad: bool = False,
    progress: Progress | None = None,
    clock: datetime | None = None,
) -> Imported:
    """Pull from a TAXII 2.1 server: what was added since the last pull from there, or `everything`.

    What is new is put to what there is; only with `everything` are indicators that the server no longer has taken
    out. Raises `InputError` for what the server does wrong, `UsageError` for an address that cannot be used.
    """
    from countersign.rules.indicators import taxii

    name = store.source_name(source or urlsplit(url).hostname or url)
    before = store.sound(store.path_of(folder(workspace), name))
    goes_on = before is not None and before[0].origin == url and not everything
    after = taxii.moment(added_after) if added_after else before[0].cursor if before and goes_on else ""
    pulled = taxii.pull(
        url,
        user=user,
        password=password,
        token=token,
        added_after=after,
        insecure=insecure,
        progress=progress,
    )
    loaded = load_objects(pulled.objects, url, name, allow_broad=allow_broad)
    table = loaded.table
    if before is not None and goes_on and after:
        table = newest(pa.concat_tables([before[1], table]))
    problems = (*pulled.problems, *loaded.problems)
    if after and not pulled.objects:
        problems = pulled.problems  # nothing new is no fault
    whole = Loaded(table, problems, loaded.repeated, loaded.unread)
    cursor = pulled.added_last or (before[0].cursor if before and goes_on else "")
    return _keep(workspace, name, whole, url, clock or now(), cursor)


def _keep(
    workspace: Workspace, name: str, loaded: Loaded, origin: str, moment: datetime, cursor: str = ""
) -> Imported:
    if not loaded.table.num_rows:
        first = loaded.problems[0] if loaded.problems else None
        raise InputError(
            f"no indicator could be read: {first.reason if first else 'it is empty'}",
            path=first.path if first else origin,
            line=first.line if first else None,
            remedy="STIX 2.1 bundles, MISP events and feeds, lists and CSV are read (docs/indicators.md)",
        )
    with patiently(workspace):
        source, change = store.write(
            folder(workspace),
            name,
            loaded.table,
            imported=moment,
            origin=origin,
            problems=loaded.problems,
            unread=loaded.unread,
            cursor=cursor,
        )
        seal_import(workspace, "indicators", name, source.digest, source.rows, moment)
    refused = loaded.table.num_rows - loaded.table.column("refused").null_count
    return Imported(source, change, loaded.repeated, refused, loaded.problems)


def listed(workspace: Workspace, as_of: datetime | None = None) -> list[Listed]:
    """The sources by name, with the states of their indicators."""
    moment = as_of or now()
    found = current(workspace)
    states: Counter[tuple[str, str]] = Counter()
    warned: Counter[str] = Counter()
    for indicator in found.indicators() if found is not None else ():
        states[indicator.source, state_of(indicator, moment)] += 1
        warned[indicator.source] += indicator.warning is not None
    crowded = found.crowded if found is not None else {}
    return [
        Listed(
            source,
            {state: states[source.name, state] for state in STATES if states[source.name, state]},
            warned[source.name],
            crowded.get(source.name, 0),
        )
        for source in store.sources(folder(workspace))
    ]


def indicators_of(
    workspace: Workspace, source: str, states: Sequence[str] = (), as_of: datetime | None = None
) -> Iterator[Indicator]:
    """The indicators of one source, of these `states` if any is named. Raises `UsageError` where there is no such
    source."""
    moment = as_of or now()
    found = current(workspace, sources=[source])
    for indicator in found.indicators() if found is not None else ():
        if not states or state_of(indicator, moment) in states:
            yield indicator
