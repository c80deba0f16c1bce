r"""Exceptions: hits that the organisation knows and has accepted, for a time and with a reason.

Two forms, in YAML files of a workspace's folder `exceptions`, which no update of rules ever touches:

```yaml
except:
  rule: 5f1abf38-0d9e-4a4b-ba6d-ec2f9bb2c8ef   # id, name or title; a list; or `any`
  identity: CORP\svc-backup                    # * is a wildcard; a list; may be left out
  host: srv-backup*                            # the same
  until: 2027-03-31                            # the last day, in UTC
  reason: the backup copies the directory database every night
  by: j.doe
```

and Sigma filter documents with `until`, `reason` and `by` at the top level or under `countersign:`. An exception holds
back hits of any time, past ones too, while it is in force; it removes none. See docs/tuning.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from yaml import Node  # noqa: TID251  # the type of what our own safe loader gives

from countersign.errors import RuleError
from countersign.rules.patterns import account_fits, host_fits, only_wildcards
from countersign.rules.rule import Problem, Rule, RuleSet
from countersign.rules.yamlfile import entry, entry_lines, read_values

if TYPE_CHECKING:
    from sigma.rule import SigmaRule

PREFIX = "exception:"
"""Ids of exceptions begin so, and no id of a rule does. The hits of a rule with such an id are no finding: they say
which events a Sigma filter means."""
FOLDER = "exceptions"
"""Its name in a workspace."""
MOST_BYTES = 4 << 20
"""Of one file."""
REMEDY = "write `except:` with rule, until, reason, by and, where they matter, identity and host; or a Sigma filter"
Mask = npt.NDArray[np.bool_]
_KEYS = ("rule", "identity", "host", "until", "reason", "by")


@dataclass(frozen=True, slots=True)
class Exemption:
    """One exception. `rules` are casefolded ids, names or titles, empty for every rule; `identities` and `hosts` are
    patterns, empty for all; `until` is the last day in UTC. `parsed` is, for a Sigma filter, the rule that finds the
    events it means."""

    id: str
    rules: tuple[str, ...]
    identities: tuple[str, ...]
    hosts: tuple[str, ...]
    until: date
    reason: str
    by: str
    path: str
    line: int
    title: str = ""
    parsed: SigmaRule | None = field(default=None, repr=False, compare=False)

    def in_force(self, as_of: date) -> bool:
        """Whether it holds anything back on a day, or at a time (aware)."""
        return day(as_of) <= self.until


def day(as_of: date) -> date:
    """The day in UTC of an aware time; a day as it is."""
    return as_of.astimezone(UTC).date() if isinstance(as_of, datetime) else as_of


def load_exceptions(paths: Iterable[Path]) -> tuple[tuple[Exemption, ...], tuple[Problem, ...]]:
    """Every exception in files and folders, in the order of their paths, and what is wrong with the others.

    An exception with anything wrong holds nothing back. Of two that say the same the first is kept.
    """
    kept: dict[str, Exemption] = {}
    problems: list[Problem] = []
    for path in _files(sorted(set(paths)), problems):
        try:
            data = path.read_bytes() if path.stat().st_size <= MOST_BYTES else None
        except OSError as error:
            problems.append(Problem(str(path), None, f"cannot be read: {error.strerror}"))
            continue
        if data is None:
            problems.append(Problem(str(path), None, f"larger than {MOST_BYTES >> 20} MiB; split it"))
            continue
        for found in _of_file(data, str(path), problems):
            first = kept.setdefault(found.id, found)
            if first is not found:
                known = f"says the same as {first.path}:{first.line}, which is kept"
                problems.append(Problem(found.path, found.line, known))
    return tuple(kept.values()), tuple(problems)


def held_back(
    hits: pa.Table, exemptions: Iterable[Exemption], as_of: date, rules: Iterable[Rule] = ()
) -> pa.Array:
    """For each hit the id of the exception that holds it back, null where none does.

    `hits` has the columns `rule_id`, `event`, `host` and `account` (texts; `host` and `account` may be null) and holds the
    hits of the exceptions' own rules (`filter_rules`), which always come back under their own id. `rules` tell titles and
    names. Only exceptions in force on `as_of` count; of several the first by id.
    """
    names: Mapping[str, tuple[str, ...]] = {rule.id: names_of(rule) for rule in rules}
    rule, host, account = (_Column(hits[name]) for name in ("rule_id", "host", "account"))
    ids: list[str | None] = [None]
    found = np.zeros(hits.num_rows, dtype=np.int64)
    for one in sorted(exemptions, key=lambda one: one.id):
        if not one.in_force(as_of):
            continue
        open_ = found == 0
        if one.rules:
            open_ &= rule.mask(partial(_named, frozenset(one.rules), names))
        if one.hosts:
            open_ &= host.mask(partial(_any, host_fits, one.hosts))
        if one.identities:
            open_ &= account.mask(partial(_any, account_fits, one.identities))
        if one.parsed is not None:
            meant = hits["event"].filter(pc.equal(hits["rule_id"], one.id))
            open_ &= pc.is_in(hits["event"], value_set=meant.combine_chunks()).to_numpy(zero_copy_only=False)
        if open_.any():
            found[open_] = len(ids)
            ids.append(one.id)
    held = pa.array(ids, pa.string()).take(pa.array(found))
    own = pc.starts_with(hits["rule_id"], PREFIX).combine_chunks()
    return pc.if_else(own, hits["rule_id"].combine_chunks(), held)


class _Column:
    """A text column, asked once for each distinct value."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
        self._values: list[str] = encoded.dictionary.to_pylist()
        self._codes = encoded.indices.fill_null(len(self._values)).to_numpy(zero_copy_only=False)

    def mask(self, test: Callable[[str], bool]) -> Mask:
        answers = np.array([*(test(value) for value in self._values), False], dtype=bool)
        kept: Mask = answers[self._codes]
        return kept


def _named(wanted: frozenset[str], names: Mapping[str, tuple[str, ...]], rule_id: str) -> bool:
    return not wanted.isdisjoint(names.get(rule_id, (rule_id.casefold(),)))


def _any(fits: Callable[[str, str], bool], patterns: Iterable[str], text: str) -> bool:
    return any(fits(pattern, text) for pattern in patterns)


def filter_rules(exemptions: Iterable[Exemption]) -> RuleSet:
    """The Sigma filters among them as rules that hold on the events they mean: compile and match them beside the others,
    over arrivals and history, and give their hits to `held_back`."""
    chosen = [one for one in exemptions if one.parsed is not None]
    return RuleSet(
        rules=tuple(_as_rule(one) for one in chosen),
        problems=(),
        digests={},
        parsed=tuple(one.parsed for one in chosen),
    )


def unknown_rules(exemptions: Iterable[Exemption], rules: Iterable[Rule]) -> tuple[Problem, ...]:
    """Exceptions for rules that there are not: a slip of the pen, or a rule that its authors took away."""
    known = {name for rule in rules for name in names_of(rule)}
    return tuple(
        Problem(one.path, one.line, f"no rule here has the id, name or title `{name}`")
        for one in exemptions
        for name in one.rules
        if name not in known
    )


def names_of(rule: Rule) -> tuple[str, ...]:
    """What an exception may call a rule, casefolded."""
    return tuple(text.casefold() for text in (rule.id, rule.title, getattr(rule, "name", "")) if text)


def _files(paths: Iterable[Path], problems: list[Problem]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inner = (one for one in sorted(path.rglob("*")) if one.suffix.lower() in {".yaml", ".yml"})
            yield from (one for one in inner if one.is_file() and not one.is_symlink())
        elif path.exists():
            yield path
        else:
            problems.append(Problem(str(path), None, "no such file or folder"))


def _of_file(data: bytes, path: str, problems: list[Problem]) -> Iterator[Exemption]:
    try:
        for value, line, node in read_values(data, path, REMEDY):
            yield from _exemptions(value, line, node, path, problems)
    except RuleError as error:
        problems.append(Problem(path, error.line, f"{error.message}; {error.remedy}"))


def _exemptions(
    value: Any,  # noqa: ANN401  # YAML has no types
    line: int,
    node: Node,
    path: str,
    problems: list[Problem],
) -> Iterator[Exemption]:
    """What one document says."""
    if value is None:
        return
    if not isinstance(value, dict) or ("except" in value) == ("filter" in value):
        problems.append(Problem(path, line, f"is neither an exception nor a Sigma filter; {REMEDY}"))
    elif "filter" in value:
        yield from _entry(value, path, line, problems, _filter)
    else:
        problems.extend(
            Problem(path, line, f"`{name}` means nothing beside `except`; put it under it")
            for name in value
            if name != "except"
        )
        within = entry(node, "except")
        whole = value["except"]
        lines = entry_lines(within) if within is not None and isinstance(whole, list) else {}
        for place, one in enumerate(whole if isinstance(whole, list) else [whole]):
            yield from _entry(one, path, lines.get(str(place), line), problems, _short)


Reader = Callable[[Mapping[str, Any], str, int, list[str]], Exemption | None]


def _entry(
    value: Any,  # noqa: ANN401  # YAML has no types
    path: str,
    line: int,
    problems: list[Problem],
    read: Reader,
) -> Iterator[Exemption]:
    wrong: list[str] = []
    found = None
    if isinstance(value, dict):
        found = read(value, path, line, wrong)
    else:
        wrong.append(f"is no exception; {REMEDY}")
    problems.extend(Problem(path, line, reason) for reason in wrong)
    if found is not None and not wrong:
        yield found


def _short(value: Mapping[str, Any], path: str, line: int, wrong: list[str]) -> Exemption:
    wrong.extend(
        f"unknown key `{name}`; the keys are {', '.join(_KEYS)}" for name in value if name not in _KEYS
    )
    names = _texts(value, "rule", wrong)
    if not names:
        wrong.append("`rule` is missing; write the rule's id or title, or `any`")
    rules = (
        () if "any" in (one.casefold() for one in names) else tuple(sorted({one.casefold() for one in names}))
    )
    identities, hosts = _texts(value, "identity", wrong), _texts(value, "host", wrong)
    for name, patterns in (("identity", identities), ("host", hosts)):
        wrong.extend(
            f"`{name}: {one}` would mean all of them; leave `{name}` out if that is meant"
            for one in patterns
            if only_wildcards(one)
        )
    if not rules and not identities and not hosts:
        wrong.append("would hold back everything; name a rule, an identity or a host")
    until, reason, by = _agreed(value, wrong)
    digest = _digest([rules, sorted(identities), sorted(hosts), str(until), reason, by])
    return Exemption(PREFIX + digest, rules, identities, hosts, until, reason, by, path, line)


def _filter(value: Mapping[str, Any], path: str, line: int, wrong: list[str]) -> Exemption | None:
    from countersign.rules.exempting import parse_filter  # pySigma is slow to import

    ours = value.get("countersign")
    until, reason, by = _agreed(ours if isinstance(ours, dict) else value, wrong)
    filter_ = value["filter"] if isinstance(value["filter"], dict) else {}
    named = filter_.get("rules")
    any_ = named in ("any", []) or (isinstance(named, str) and named.casefold() == "any")
    rules = () if any_ else tuple(sorted({one.casefold() for one in _texts(filter_, "rules", wrong)}))
    if not rules and not any_:
        wrong.append("`filter` has no `rules`; write the ids or names of rules, or `any`")
    parsed = parse_filter(value, wrong)
    if parsed is None:
        return None
    told = {name: one for name, one in value.items() if name not in {"countersign", "until", "reason", "by"}}
    id_ = PREFIX + str(value.get("id") or _digest(told)).casefold()
    title = str(value.get("title") or "")
    return Exemption(id_, rules, (), (), until, reason, by, path, line, title, parsed)


def _agreed(value: Mapping[str, Any], wrong: list[str]) -> tuple[date, str, str]:
    """Until when, why and by whom."""
    until = value.get("until")
    if isinstance(until, str):
        try:
            until = date.fromisoformat(until.strip())
        except ValueError:
            until = None
    if isinstance(until, datetime):
        until = until.date()
    if not isinstance(until, date):
        wrong.append("`until` is missing or no date; write the last day it holds, such as 2027-03-31")
        until = date.min
    words = []
    for name in ("reason", "by"):
        text = value.get(name)
        if not isinstance(text, str) or not text.strip():
            wrong.append(f"`{name}` is missing; an exception says why, and who answers for it")
        words.append(str(text or "").strip())
    return until, words[0], words[1]


def _texts(value: Mapping[str, Any], name: str, wrong: list[str]) -> tuple[str, ...]:
    found = value.get(name)
    texts = found if isinstance(found, list) else [] if found is None else [found]
    if not all(isinstance(one, str) and one.strip() for one in texts):
        wrong.append(f"`{name}` is no text and no list of texts; put each in quotes")
        return ()
    return tuple(dict.fromkeys(one.strip() for one in texts))


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _as_rule(one: Exemption) -> Rule:
    source = one.parsed.logsource if one.parsed is not None else None
    return Rule(
        id=one.id,
        title=one.title or one.reason,
        level="informational",
        status="",
        description=one.reason,
        tags=(),
        techniques=(),
        cites=(),
        falsepositives=(),
        references=(),
        runbook="",
        version="",
        product=(source and source.product) or "",
        category=(source and source.category) or "",
        service=(source and source.service) or "",
        path=one.path,
        line=one.line,
        sha256="",
    )
