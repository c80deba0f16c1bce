"""Trying a rule on a log: which records it fires on, and for one record which parts of its condition held.

Nothing is sealed or stored. The log is any that `collect` reads; beside that, JSON objects whose keys are a rule's field
names, which are taken as records of the rule's own log source.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from countersign.app._unknown import describe
from countersign.app.cutting import Cutting
from countersign.app.hunting import fits
from countersign.app.inputs import Input, Skipped, open_inputs
from countersign.app.known import Known
from countersign.app.own_families import OwnFamilies
from countersign.app.ruleset import placeholders_of, prepare
from countersign.app.workspace import Workspace, now
from countersign.errors import UsageError
from countersign.model import schema
from countersign.model.batch import ParseContext
from countersign.rules import CompiledSet, Rule
from countersign.rules.compiled import Route
from countersign.rules.explain import Explanation
from countersign.sources import HEAD_BYTES, recognise
from countersign.sources._framing import frame

JSON_BYTES = 16 << 20
"""Of a file of JSON objects that is no log."""
TRACED = 1000
"""Records of which it is told what held."""
REFUSED_SAID = 3
"""Records of a segment that were not understood, with their reason."""
_OWN = {"source": 0, "channel": 1, "provider_name": 2, "eventid": 3}
"""Fields by which such an object says itself what log it is from, by their place in a log source's names."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A rule on one record; `record` counts the events of the log from 1."""

    rule: Rule
    record: int
    explanation: Explanation

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "rule_id": self.rule.id,
            "title": self.rule.title,
            "record": self.record,
            **self.explanation.data(),
        }


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule on a log: `fired` are the records on which it fires, `tried` some records with what held: those asked for, else
    those on which it fires and after them those of its log source, as many as `TRACED`. `records` were understood, `concerned` are
    of its log source; `notes` say what could not be read."""

    rule: Rule
    records: int
    concerned: int
    fired: tuple[int, ...]
    tried: tuple[Tried, ...]
    notes: tuple[str, ...]


def try_rule(
    workspace: Workspace | None, wanted: str, file: Path, records: Sequence[int] = ()
) -> list[Trial]:
    """Try the rules in the file `wanted`, or the one of the workspace that has this title or an id that starts so, on the
    log `file`.

    Raises `UsageError` where there is no such rule, it does not run (with the reason), or nothing can be read.
    """
    compiled, rules = _rules(workspace, wanted)
    events, notes = _events(workspace, file, compiled)
    if not events.num_rows:
        raise UsageError(f"{file}: no record could be read{': ' + '; '.join(notes) if notes else ''}")
    for number in records:
        if not 1 <= number <= events.num_rows:
            raise UsageError(f"there is no record {number}: {file} has {events.num_rows:,}")
    return [_trial(compiled, rule, events, records, tuple(notes)) for rule in rules]


def _rules(workspace: Workspace | None, wanted: str) -> tuple[CompiledSet, list[Rule]]:
    path = Path(wanted)
    if path.is_file():
        from countersign.rules import compile_rules, load_rules

        ruleset = load_rules([path])
        compiled = compile_rules(ruleset, placeholders=placeholders_of(workspace)[0] if workspace else {})
        rules = [rule for rule in ruleset.rules if rule.kind == "rule"]
        problems = "; ".join(f"{one.path}:{one.line}: {one.reason}" for one in ruleset.problems[:3])
        if not rules:
            raise UsageError(
                f"{wanted} holds no rule that looks at single records{f': {problems}' if problems else _OTHERWISE}"
            )
    elif workspace is None:
        raise UsageError(f"there is no file {wanted}, and no workspace whose rules could be meant")
    else:
        compiled = prepare(workspace).compiled
        named = [rule for rule in compiled.rules if fits(rule, wanted.casefold())]
        rules = [rule for rule in named if rule.kind == "rule"]
        if named and not rules:
            raise UsageError(
                f"{named[0].title} looks at no single record: it is a {named[0].kind}{_OTHERWISE}"
            )
        if not rules:
            raise UsageError(f"no rule here is the file, has the title or an id that starts with {wanted!r}")
        if len(rules) > 1:
            raise UsageError(
                f"{len(rules)} rules have ids that start with {wanted!r}\n  remedy: give more of the id"
            )
    for rule, status in zip(compiled.rules, compiled.status, strict=True):
        if rule in rules and status.state not in {"active", "waiting"}:
            raise UsageError(f"{rule.title} does not run: {status.reason}")
    return compiled.only([rule.id for rule in rules]), rules


_OTHERWISE = "\n  remedy: `countersign rules hunt` runs correlations over the stored events"


def _trial(
    compiled: CompiledSet, rule: Rule, events: pa.Table, records: Sequence[int], notes: tuple[str, ...]
) -> Trial:
    number = next(place for place, one in enumerate(compiled.rules) if one.id == rule.id)
    found = compiled.match(events)
    fired = [
        row
        for one, row in zip(found["rule"].to_pylist(), found["row"].to_pylist(), strict=True)
        if one == number
    ]
    concerned = _concerned(compiled, number, events)
    rows = [record - 1 for record in records] or list(dict.fromkeys([*fired, *concerned]))[:TRACED]
    return Trial(
        rule,
        events.num_rows,
        len(concerned),
        tuple(row + 1 for row in fired),
        tuple(Tried(rule, row + 1, compiled.trace(number, events, row)) for row in rows),
        notes,
    )


def _concerned(compiled: CompiledSet, number: int, events: pa.Table) -> list[int]:
    """Rows of the rule's log sources."""
    routes = [route for route in compiled.routes if number in route.rules]
    names = zip(*(_texts(events, name) for name in _NAMES), strict=True)
    known: dict[tuple[str, ...], bool] = {}
    rows = []
    for row, kind in enumerate(names):
        if kind not in known:
            known[kind] = any(route.takes(kind) for route in routes)
        if known[kind]:
            rows.append(row)
    return rows


_NAMES = ("source", "metadata.log_name", "metadata.log_provider", "metadata.event_code")


def _texts(events: pa.Table, path: str) -> list[str]:
    head, *rest = path.split(".")
    values = events[head].to_pylist() if head in events.column_names else [None] * events.num_rows
    for name in rest:
        values = [value.get(name) if value else None for value in values]
    return [str(value or "").casefold() for value in values]


def _events(workspace: Workspace | None, file: Path, compiled: CompiledSet) -> tuple[pa.Table, list[str]]:
    """All events of a log, in their order, and what could not be read."""
    notes: list[str] = []
    tables: list[pa.Table] = []
    with tempfile.TemporaryDirectory(prefix="countersign-") as folder:
        spool = workspace.spool if workspace is not None else Path(folder)
        for item in open_inputs([file], spool=spool, now=now()):
            if isinstance(item, Skipped):
                notes.append(f"{item.path}: {item.reason}")
            else:
                tables += _read(item, workspace, compiled, notes)
    if not tables:
        return schema.events_schema().empty_table(), notes
    return pa.concat_tables(tables, promote_options="permissive"), notes


def _read(
    item: Input, workspace: Workspace | None, compiled: CompiledSet, notes: list[str]
) -> Iterator[pa.Table]:
    head = item.stream.peek(HEAD_BYTES)
    family = recognise(head) if workspace is None else OwnFamilies.of(workspace).recognise(head)
    plain = head.lstrip()[:1] in {b"{", b"["}
    if plain and (family is None or family.name == "syslog"):
        found = _objects(item, compiled)
        if found is None:
            notes.append(f"{item.path}: {describe(head)}")
        else:
            yield found
        return
    if family is None:
        notes.append(f"{item.path}: {describe(head)}")
        return
    zone = workspace.settings.zone if workspace is not None else "UTC"
    for cut in Cutting(item.stream, family, Known(), "", grows=False):
        context = ParseContext(segment=cut.digest, received=item.modified, sealed=now(), zone=zone)
        parsed = family.parse(frame(family.framing, cut.raw), context)
        refused = parsed.rejected.slice(0, REFUSED_SAID).to_pylist()
        notes += [f"{item.path}: record {row['record']}: {row['reason']}" for row in refused]
        yield parsed.events


def _objects(item: Input, compiled: CompiledSet) -> pa.Table | None:
    """JSON objects by a rule's field names, as events of its log source; None for what is no such JSON."""
    text = b""
    while len(text) <= JSON_BYTES and (piece := item.stream.read(1 << 20)):
        text += piece
    try:
        whole = orjson.loads(text)
        found = whole if isinstance(whole, list) else [whole]
    except orjson.JSONDecodeError:
        try:
            found = [orjson.loads(line) for line in text.splitlines() if line.strip()]
        except orjson.JSONDecodeError:
            return None
    if len(text) > JSON_BYTES or not all(isinstance(one, dict) for one in found):
        return None
    return _table([_flat(one) for one in found], compiled)


def _flat(body: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested names with dots; values as text."""
    out: dict[str, str] = {}
    for name, value in body.items():
        if isinstance(value, dict):
            out.update(_flat(value, f"{prefix}{name}."))
        elif value is not None:
            text = value if isinstance(value, str) else orjson.dumps(value).decode()
            out[f"{prefix}{name}"] = text
    return out


def _table(rows: Sequence[Mapping[str, str]], compiled: CompiledSet) -> pa.Table:
    own = schema.source_columns()
    kinds = [_kind(row, compiled.routes) for row in rows]
    columns: dict[str, list[str | None]] = {}
    rest: list[list[tuple[str, str]]] = [[] for _ in rows]
    for place, row in enumerate(rows):
        for name, text in row.items():
            column = own.get(name.casefold())
            if column is None:
                rest[place].append((name, text))
            else:
                columns.setdefault(column, [None] * len(rows))[place] = text
    metadata = [{"log_name": kind[1], "log_provider": kind[2], "event_code": kind[3]} for kind in kinds]
    return pa.table(
        {
            "source": pa.array([kind[0] for kind in kinds], pa.string()),
            "metadata": pa.array(metadata),
            **{name: pa.array(values, pa.string()) for name, values in columns.items()},
            "unmapped": pa.array(rest, schema.UNMAPPED),
        }
    )


def _kind(row: Mapping[str, str], routes: Sequence[Route]) -> tuple[str, ...]:
    """The names of a log source: what the object says of itself, else what the rule asks for."""
    said = {_OWN[name.casefold()]: text for name, text in row.items() if name.casefold() in _OWN}
    fitting = [_asked(route) for route in routes]
    for asked in fitting:
        if all(said.get(place, asked[place]).casefold() == asked[place] for place in (1, 3) if asked[place]):
            return tuple(
                said.get(place, text) if place in {1, 2, 3} else text for place, text in enumerate(asked)
            )
    first = fitting[0] if fitting else ("", "", "", "")
    return tuple(said.get(place, text) if place else text for place, text in enumerate(first))


def _asked(route: Route) -> tuple[str, ...]:
    """Names with which an event is of a route."""
    parts: list[list[str]] = [[], [], [], []]
    for one in route.where:
        for place, values in enumerate((one.source, one.log, one.provider, one.event)):
            parts[place] += values
    return tuple(values[0] if values else "" for values in parts)
