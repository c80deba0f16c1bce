"""Importing rules: a folder, a zip or a SigmaHQ release becomes one folder of the workspace, with a lock.

`rules/NAME/` holds the files as they were published and `rules.lock`, which says the SHA-256 of each; it is put in place
whole or not at all, so that a later import of the same name replaces what is there. Nothing else is touched: exceptions and
rules of one's own lie elsewhere.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from countersign.app.documents import stamp
from countersign.app.ruleset import FOLDER, Ready, prepare
from countersign.app.sealing import seal_import
from countersign.app.workspace import Workspace, now
from countersign.errors import RuleError, UsageError
from countersign.lake import WorkspaceLock
from countersign.rules import Problem, Rule

LOCK = "rules.lock"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RESERVED = frozenset({"countersign", "workspace"})
"""What `rules list` calls our own pack, and rules that lie in the folder itself."""
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_RULE = re.compile(rb"^(logsource|detection|correlation|filter)[ \t]*:", re.MULTILINE)
_ODD = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')
_VERSION = re.compile(r"\br[0-9]{4}-[0-9]{2}-[0-9]{2}[A-Za-z0-9.-]*")


@dataclass(frozen=True, slots=True)
class Change:
    """A rule whose file is another than at the last import, with what its authors call the versions."""

    rule: Rule
    old_version: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to, held against the last one of that name. `passed_over` counts YAML files that hold no rule."""

    name: str
    origin: str
    files: int
    rules: int
    first: bool
    new: tuple[Rule, ...]
    changed: tuple[Change, ...]
    gone: tuple[Rule, ...]
    broken: tuple[Problem, ...]
    passed_over: int

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "source": self.name,
            "origin": self.origin,
            "files": self.files,
            "rules": self.rules,
            "first": self.first,
            "new": [_rule(rule) for rule in self.new],
            "changed": [{**_rule(change.rule), "old_version": change.old_version} for change in self.changed],
            "gone": [_rule(rule) for rule in self.gone],
            "broken": [{"path": one.path, "line": one.line, "reason": one.reason} for one in self.broken],
            "passed_over": self.passed_over,
        }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "title": rule.title,
        "level": rule.level,
        "version": rule.version,
        "path": rule.path,
    }


def import_rules(
    workspace: Workspace, paths: Sequence[Path], name: str | None = None, clock: datetime | None = None
) -> list[Imported]:
    """Import each path under the name of its file or folder, or one path under `name`.

    Raises `UsageError` for a name that cannot be used or a path without rules, `RuleError` for one that is not there,
    `WorkspaceError` while another command writes. A path that fails leaves what was there as it was.
    """
    if name is not None and len(paths) > 1:
        raise UsageError(
            "one name is for one path\n  remedy: import each path by itself, or leave --name out"
        )
    with WorkspaceLock(workspace.root):
        return [_import(workspace, path, name or _named(path), clock or now()) for path in paths]


def _named(path: Path) -> str:
    base = path.resolve().name
    return base.rpartition(".")[0] or base if not path.is_dir() else base


def _import(workspace: Workspace, path: Path, name: str, moment: datetime) -> Imported:
    if not NAME.fullmatch(name) or name.casefold() in RESERVED:
        raise UsageError(
            f"{name!r} cannot be the name of an import\n  remedy: give one with --name: letters, digits, dots and dashes"
        )
    home = workspace.root / FOLDER / name
    if home.exists() and not (home / LOCK).is_file():
        raise UsageError(
            f"{home} is no import: it has no {LOCK}\n  remedy: give another name with --name; rules of your own stay"
        )
    before = _of(prepare(workspace), home)
    texts, unread, passed_over = _texts(path)
    if not texts:
        why = f": {unread[0].reason}" if unread else ""
        raise UsageError(f"{path} holds no Sigma rule{why}")
    lock = _lock(path, name, texts, moment)
    _replace(home, texts, lock)
    ready = prepare(workspace)
    after = _of(ready, home)
    digest = hashlib.sha256(lock.encode()).hexdigest()
    seal_import(workspace, "rules", name, digest, len(after), moment)
    known = {rule.id: rule for rule in before}
    broken = [one for one in ready.ruleset.problems if Path(one.path).is_relative_to(home)]
    return Imported(
        name=name,
        origin=str(path),
        files=len(texts),
        rules=len(after),
        first=not before,
        new=tuple(rule for rule in after if rule.id not in known),
        changed=tuple(
            Change(rule, known[rule.id].version)
            for rule in after
            if rule.id in known and known[rule.id].sha256 != rule.sha256
        ),
        gone=tuple(rule for rule in before if rule.id not in {one.id for one in after}),
        broken=(*unread, *broken),
        passed_over=passed_over,
    )


def _of(ready: Ready, home: Path) -> list[Rule]:
    return [rule for rule in ready.ruleset.rules if Path(rule.path).is_relative_to(home)]


def _texts(path: Path) -> tuple[dict[str, bytes], list[Problem], int]:
    """The files that hold rules, by where they will lie in the import; what could not be read; and how many hold none."""
    from countersign.rules.load import read_files

    found, problems = read_files(path)
    texts: dict[str, bytes] = {}
    wrong = list(problems)
    passed_over = 0
    for name, data in found.items():
        if not _RULE.search(data):
            passed_over += 1
            continue
        place = _place(name, path)
        if place is None:
            wrong.append(Problem(name, None, "its name cannot be a file's name here"))
        elif texts.setdefault(place, data) is not data:
            wrong.append(Problem(name, None, f"would lie where another file lies: {place}"))
    return texts, wrong, passed_over


def _place(name: str, path: Path) -> str | None:
    """Where a file will lie; None for a name that leads out of the folder or that not every system can keep."""
    inner = name.removeprefix(str(path)).lstrip("/!") or Path(name).name
    parts = [part for part in re.split(r"[/!]", inner) if part not in {"", "."}]
    if any(part == ".." or part.startswith(".") or _ODD.search(part) or len(part) > 200 for part in parts):
        return None
    return str(PurePosixPath(*parts)) if parts else None


def _lock(path: Path, name: str, texts: Mapping[str, bytes], moment: datetime) -> str:
    """The lock: a list that `sha256sum -c` checks, after lines that say where it is from."""
    head = [
        f"# Rules of {name}, as they were imported. To check them: sha256sum --check {LOCK}",
        f"# from: {_printable(str(path))}",
        f"# imported: {stamp(moment.replace(microsecond=0))}",
    ]
    if path.is_file():
        head.append(f"# sha256 of it: {_digest_of(path)}")
        version = _VERSION.search(path.name)
        head += [f"# version: {version[0]}"] if version else []
    lines = [f"{hashlib.sha256(data).hexdigest()}  {place}" for place, data in sorted(texts.items())]
    return "\n".join([*head, *lines]) + "\n"


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace(home: Path, texts: Mapping[str, bytes], lock: str) -> None:
    """Put the new folder in the place of the old one. Dying between the two renames leaves the old one under a name that
    is still read (`ruleset.rule_paths`)."""
    new, old = _beside(home, "new"), _beside(home, "old")
    try:
        if old.exists() and not home.exists():
            old.rename(home)
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)
        for place, data in texts.items():
            target = new / place
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        (new / LOCK).write_text(lock, "utf-8")
        if home.exists():
            home.rename(old)
        new.rename(home)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise RuleError(
            f"the rules cannot be written: {error.strerror}", path=str(home), remedy="see to space and rights"
        ) from error


def _beside(home: Path, ending: str) -> Path:
    return home.with_name(f".{home.name}.{ending}")


def drift(workspace: Workspace, digests: Mapping[str, str]) -> list[Problem]:
    """Files of imports that no longer agree with their lock: changed, gone, or put there since."""
    folder = workspace.root / FOLDER
    problems: list[Problem] = []
    for lock in sorted(folder.glob(f"*/{LOCK}")) if folder.is_dir() else ():
        home = lock.parent
        try:
            wanted = dict(_entries(lock.read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(str(lock), None, f"cannot be read: {error}"))
            continue
        there = {
            Path(path).relative_to(home).as_posix(): digest
            for path, digest in digests.items()
            if Path(path).is_relative_to(home)
        }
        problems += _compared(home, wanted, there)
    return problems


def _entries(text: str) -> Iterable[tuple[str, str]]:
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is not None:
            yield found[2], found[1]


def _compared(home: Path, wanted: Mapping[str, str], there: Mapping[str, str]) -> list[Problem]:
    words = {
        **dict.fromkeys(there.keys() - wanted.keys(), "is not in the lock of its import"),
        **dict.fromkeys(wanted.keys() - there.keys(), "is in the lock of its import, but not here"),
        **{
            place: "is not what was imported"
            for place in wanted.keys() & there.keys()
            if wanted[place] != there[place]
        },
    }
    return [Problem(str(home / place), None, reason) for place, reason in sorted(words.items())]
