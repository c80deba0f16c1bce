"""The rules of a workspace: our own pack and those in its `rules/` folder, and the exceptions from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from countersign.app.own_families import OwnFamilies
from countersign.app.workspace import Workspace
from countersign.errors import InputError
from countersign.rules import CompiledSet, Problem, RuleSet, exceptions
from countersign.rules.cache import load_compiled
from countersign.rules.exceptions import Exemption, filter_rules, load_exceptions, unknown_rules
from countersign.rules.placeholders import load_placeholders
from countersign.rules.rule import REFUSED

FOLDER = "rules"
CACHE = "compiled"
PLACEHOLDERS = "placeholders.yaml"
SUFFIXES = frozenset({".yml", ".yaml", ".zip"})


@dataclass(frozen=True, slots=True)
class Ready:
    """Rules ready to run, and what they came from. `own` is the folder of our own pack; `problems` are those of files
    beside the rules. Among the compiled rules are `filters`: exceptions written as filters, as rules that find what they
    mean."""

    compiled: CompiledSet
    ruleset: RuleSet
    own: Path
    exemptions: tuple[Exemption, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def filters(self) -> frozenset[str]:
        """Ids of the compiled rules whose hits hold others back."""
        return frozenset(one.id for one in self.exemptions if one.parsed is not None)


def prepare(workspace: Workspace) -> Ready:
    """Our own pack, then whatever lies in the workspace's folder `rules`, compiled; from the cache where it has them."""
    lists, problems = placeholders_of(workspace)
    folder = workspace.root / exceptions.FOLDER
    beside = [folder] if folder.is_dir() else []
    exemptions, wrong = load_exceptions(beside)
    with resources.as_file(resources.files("countersign").joinpath("content", "rules")) as own:

        def load(paths: Sequence[Path]) -> RuleSet:
            return _load([path for path in paths if path not in beside], own, exemptions)

        compiled, ruleset = load_compiled(
            [own, *rule_paths(workspace), *beside],
            workspace.root / "state" / CACHE,
            load=load,
            logsources=OwnFamilies.of(workspace, strict=False).logsources(),
            placeholders=lists,
        )
    unknown = unknown_rules(exemptions, ruleset.rules)
    ruleset = replace(ruleset, problems=(*ruleset.problems, *_faults(compiled, ruleset.problems)))
    return Ready(compiled, ruleset, own, exemptions, (*problems, *wrong, *unknown))


def _faults(compiled: CompiledSet, known: Sequence[Problem]) -> list[Problem]:
    """Rules that can be read and cannot run by a fault of their own: a condition that names what is not there, an
    expression that does not run in linear time. A list that is missing here, or their authors' mark, is none."""
    told = {(one.path, one.line) for one in known}
    return [
        Problem(rule.path, rule.line, status.reason)
        for rule, status in zip(compiled.rules, compiled.status, strict=True)
        if status.state == "unsupported"
        and rule.kind == "rule"
        and rule.status not in REFUSED
        and not status.reason.startswith("needs the list ")
        and (rule.path, rule.line) not in told
    ]


def rule_paths(workspace: Workspace) -> list[Path]:
    """Files and folders of the workspace's own and imported rules. Names that begin with a dot are imports under way; the
    old folder of one that was killed between its two renames still counts."""
    folder = workspace.root / FOLDER
    if not folder.is_dir():
        return []
    names = {path.name for path in folder.iterdir()}
    return sorted(
        folder / name
        for name in names
        if (not name.startswith(".") and ((folder / name).is_dir() or Path(name).suffix.lower() in SUFFIXES))
        or (name.startswith(".") and name.endswith(".old") and name[1:-4] not in names)
    )


def placeholders_of(workspace: Workspace) -> tuple[Mapping[str, tuple[str, ...]], tuple[Problem, ...]]:
    """The lists that a workspace has for its rules' placeholders, and what is wrong with their file."""
    try:
        return load_placeholders(workspace.root / PLACEHOLDERS), ()
    except InputError as error:
        return {}, (Problem(error.path, error.line, f"{error.message}; its lists are not used"),)


def _load(paths: Sequence[Path], own: Path, exemptions: Sequence[Exemption]) -> RuleSet:
    """Of two rules with one id ours is kept."""
    from countersign.rules import load_rules
    from countersign.rules.references import checked

    ours, theirs = load_rules([own]), load_rules([path for path in paths if path != own])
    known = {rule.id: rule for rule in ours.rules}
    kept = [index for index, rule in enumerate(theirs.rules) if rule.id not in known]
    doubles = [
        Problem(
            rule.path,
            rule.line,
            f"the same id {rule.id} as a rule that comes with Countersign, which is kept",
        )
        for rule in theirs.rules
        if rule.id in known
    ]
    together = RuleSet(
        rules=(*ours.rules, *(theirs.rules[index] for index in kept)),
        problems=(*ours.problems, *theirs.problems, *doubles),
        digests={**theirs.digests, **ours.digests},
        parsed=(*ours.parsed, *(theirs.parsed[index] for index in kept)),
    )
    filters, known_rules = filter_rules(exemptions), checked(together)
    return replace(
        known_rules,
        rules=(*known_rules.rules, *filters.rules),
        parsed=(*known_rules.parsed, *filters.parsed),
    )
