"""What the rest of the house may know of a rule: its words, its origin, and what was wrong with a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sigma.correlations import SigmaCorrelationRule
    from sigma.filters import SigmaFilter
    from sigma.rule import SigmaRule

RuleKind = Literal["rule", "correlation", "filter"]
REFUSED = frozenset({"deprecated", "unsupported"})
"""What authors say (`status`) of a rule that is not to run."""


@dataclass(frozen=True, slots=True)
class Example:
    """One event of a rule's own test: `fields` by their source names, `log` the log it stands in (Windows
    channel, Zeek path, syslog program), `event` the event id where there is one.

    Of a correlation all examples of one kind are one story: `at` is the second in which the event happens, `times`
    how often it does, a second apart, and `vary` names fields whose values then get the number of the repetition.
    """

    log: str
    event: str
    fields: Mapping[str, str]
    at: int = 0
    times: int = 1
    vary: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One Sigma rule as its authors describe it.

    `id` is the rule's UUID, or for a rule without one `sha256:` and the digest of its file and place. `path` is the
    file, with `!member` inside a zip; `line` is where its document begins. `sha256` is that of the whole file.
    `version` is the rule's own `version`, else the day it was last modified. `techniques` are ATT&CK ids
    (T1021.002), `cites` are item ids of the alert register. `name` is how correlations and filters may call the rule;
    `correlation` is the definition of one as text (`correlations.definition`), empty for other kinds and for a broken one.
    """

    id: str
    title: str
    level: str
    status: str
    description: str
    tags: tuple[str, ...]
    techniques: tuple[str, ...]
    cites: tuple[str, ...]
    falsepositives: tuple[str, ...]
    references: tuple[str, ...]
    runbook: str
    version: str
    product: str
    category: str
    service: str
    path: str
    line: int
    sha256: str
    kind: RuleKind = "rule"
    fires: tuple[Example, ...] = ()
    silent: tuple[Example, ...] = ()
    name: str = ""
    correlation: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a rule file: a result, not an exception, so that it stops no other rule."""

    path: str
    line: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in the order of their paths, what was wrong, and each file's digest.

    `parsed` holds pySigma's view of each rule at the same index (None for what it could not read; all of it is
    missing in a set that comes from a cache).
    """

    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...]
    digests: Mapping[str, str]
    parsed: tuple[SigmaRule | SigmaCorrelationRule | SigmaFilter | None, ...] = field(repr=False)
