"""Rules from folders, files and zips. A broken rule is a `Problem`, and stops nothing."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sigma.correlations import SigmaCorrelationRule

from countersign.errors import RuleError
from countersign.rules.correlations.definition import spell
from countersign.rules.correlations.parse import define
from countersign.rules.documents import PARSER_FAILURES, Document, read_documents
from countersign.rules.rule import REFUSED, Example, Problem, Rule, RuleKind, RuleSet
from countersign.rules.zips import ZIP_FAILURES

MAX_FILE_BYTES = 1 << 20
"""The largest rule file of SigmaHQ is under 40 KiB."""
MAX_FILES = 50_000
"""SigmaHQ has some 4,000."""
MAX_TOTAL_BYTES = 256 << 20
"""All rule text together, so that a small zip cannot fill the memory."""
SUFFIXES = (".yml", ".yaml")

_TECHNIQUE = re.compile(r"attack\.(t[0-9]{4}(?:\.[0-9]{3})?)", re.IGNORECASE)


def load_rules(paths: Iterable[Path]) -> RuleSet:
    """Every rule in `paths`: files, folders (searched whole) and zips (read in place, never unpacked).

    The order of `paths` does not matter. Of rules with one id the first by path is kept, the others are problems.

    Raises:
        RuleError: a path does not exist.

    """
    loader = _Loader()
    for path in sorted(set(paths)):
        if not path.exists():
            raise RuleError("no such file or folder", path=str(path), remedy="name a rule, a folder or a zip")
        for name, data in loader.files(path):
            loader.add(name, data)
    return loader.finish()


def read_files(path: Path) -> tuple[dict[str, bytes], tuple[Problem, ...]]:
    """The files that `load_rules` would read from a folder, a file or a zip, by name (`path!member` inside a zip), within
    the same bounds; and what could not be read.

    Raises:
        RuleError: the path does not exist.

    """
    if not path.exists():
        raise RuleError("no such file or folder", path=str(path), remedy="name a rule, a folder or a zip")
    loader = _Loader()
    found = {}
    for name, data in loader.files(path):
        found[name] = data
        loader.digests[name] = ""
    return found, loader.problems


class _Loader:
    def __init__(self) -> None:
        self._found: list[tuple[Rule, Any]] = []
        self._problems: list[Problem] = []
        self._digests: dict[str, str] = {}
        self._bytes = 0
        self._full = False

    @property
    def digests(self) -> dict[str, str]:
        return self._digests

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(self._problems)

    def files(self, path: Path) -> Iterator[tuple[str, bytes]]:
        if path.is_dir():
            for inner in sorted(path.rglob("*")):
                if inner.is_file() and not inner.is_symlink():
                    suffix = inner.suffix.lower()
                    if suffix in SUFFIXES:
                        yield from self._file(inner)
                    elif suffix == ".zip":
                        yield from self._zip(inner)
        elif zipfile.is_zipfile(path):
            yield from self._zip(path)
        else:
            yield from self._file(path)

    def _file(self, path: Path) -> Iterator[tuple[str, bytes]]:
        try:
            size = path.stat().st_size
            if self._admit(str(path), size):
                yield str(path), path.read_bytes()
        except OSError as error:
            self._problem(str(path), None, f"cannot be read: {error.strerror}")

    def _zip(self, path: Path) -> Iterator[tuple[str, bytes]]:
        try:
            with zipfile.ZipFile(path) as archive:
                for info in sorted(archive.infolist(), key=lambda info: info.filename):
                    if info.filename.lower().endswith(SUFFIXES):
                        yield from self._member(archive, info, f"{path}!{info.filename}")
        except ZIP_FAILURES as error:
            self._problem(str(path), None, f"the zip cannot be read: {error}")

    def _member(
        self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str
    ) -> Iterator[tuple[str, bytes]]:
        """One file of a zip; one that is damaged takes none of the others with it."""
        if not self._admit(name, info.file_size):
            return
        try:
            with archive.open(info) as member:
                data = member.read(MAX_FILE_BYTES + 1)
        except ZIP_FAILURES as error:
            self._problem(name, None, f"cannot be read from the zip: {error}")
            return
        if len(data) > MAX_FILE_BYTES:
            self._problem(name, None, "larger than the zip says")
        else:
            yield name, data

    def _admit(self, name: str, size: int) -> bool:
        if size > MAX_FILE_BYTES:
            self._problem(name, None, f"larger than {MAX_FILE_BYTES} bytes, which no rule is")
            return False
        self._bytes += size
        if self._bytes > MAX_TOTAL_BYTES or len(self._digests) >= MAX_FILES:
            if not self._full:
                limits = f"{MAX_FILES} files or {MAX_TOTAL_BYTES >> 20} MiB of rules"
                self._problem(name, None, f"more than {limits}: this file and those after it are left out")
            self._full = True
            return False
        return True

    def _problem(self, path: str, line: int | None, reason: str) -> None:
        self._problems.append(Problem(path, line, reason))

    def add(self, path: str, data: bytes) -> None:
        digest = hashlib.sha256(data).hexdigest()
        self._digests[path] = digest
        documents, problems = read_documents(data)
        for line, reason in problems:
            self._problem(path, line, reason)
        for place, document in enumerate(documents):
            try:
                rule = _rule(document, path, digest, place)
            except PARSER_FAILURES as error:
                self._problem(path, document.line, f"a field of the rule has an odd form: {error}")
                continue
            self._found.append((rule, document.parsed))
            for line, reason in document.problems:
                self._problem(path, line, reason)

    def finish(self) -> RuleSet:
        self._found.sort(key=lambda pair: (pair[0].path, pair[0].line))
        kept: dict[str, tuple[Rule, Any]] = {}
        for rule, parsed in self._found:
            first = kept.setdefault(rule.id, (rule, parsed))[0]
            if first is not rule and not (_never_runs(first) and _never_runs(rule)):
                where = f"{first.path}:{first.line}"
                self._problem(rule.path, rule.line, f"the same id {rule.id} as {where}, which is kept")
        problems = sorted(
            self._problems, key=lambda problem: (problem.path, problem.line or 0, problem.reason)
        )
        return RuleSet(
            tuple(rule for rule, _ in kept.values()),
            tuple(problems),
            self._digests,
            tuple(parsed for _, parsed in kept.values()),
        )


def _rule(document: Document, path: str, digest: str, place: int) -> Rule:
    data = document.data
    source = data.get("logsource")
    logsource: Mapping[str, Any] = source if isinstance(source, dict) else {}
    tags = _strings(data.get("tags"))
    rule = Rule(
        id=_string(data.get("id")).lower() or f"sha256:{digest}:{place}",
        title=_string(data.get("title")) or path.rpartition("/")[2],
        level=_string(data.get("level")).lower() or "informational",
        status=_string(data.get("status")).lower(),
        description=_string(data.get("description")).strip(),
        tags=tags,
        techniques=tuple(dict.fromkeys(m[1].upper() for tag in tags if (m := _TECHNIQUE.fullmatch(tag)))),
        cites=_strings(data.get("cites")),
        falsepositives=_strings(data.get("falsepositives")),
        references=_strings(data.get("references")),
        runbook=_string(data.get("runbook")).strip(),
        version=_string(data.get("version")) or _string(data.get("modified") or data.get("date")),
        product=_string(logsource.get("product")),
        category=_string(logsource.get("category")),
        service=_string(logsource.get("service")),
        path=path,
        line=document.line,
        sha256=digest,
        kind=_kind(data),
        name=_string(data.get("name")),
        correlation=_correlation(document),
    )
    tests = data.get("tests")
    if not isinstance(tests, dict):
        return rule
    return replace(rule, fires=_examples(tests.get("fires")), silent=_examples(tests.get("silent")))


def _never_runs(rule: Rule) -> bool:
    """SigmaHQ's own release has doubles among these, where it makes no difference which is kept."""
    return rule.status in REFUSED


def _correlation(document: Document) -> str:
    parsed = document.parsed
    return spell(define(parsed)) if isinstance(parsed, SigmaCorrelationRule) else ""


def _kind(data: Mapping[str, Any]) -> RuleKind:
    if "correlation" in data:
        return "correlation"
    return "filter" if "filter" in data else "rule"


def _examples(value: Any) -> tuple[Example, ...]:  # noqa: ANN401  # YAML has no types
    return tuple(
        Example(
            log=_string(one.get("log")),
            event=_string(one.get("event")),
            fields={str(name): _string(text) for name, text in one["fields"].items()},
            at=int(one.get("at") or 0),
            times=int(one.get("times") or 1),
            vary=_strings(one.get("vary")),
        )
        for one in (value if isinstance(value, list) else [])
    )


def _string(value: Any) -> str:  # noqa: ANN401  # YAML has no types
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _strings(value: Any) -> tuple[str, ...]:  # noqa: ANN401  # YAML has no types
    items = value if isinstance(value, list) else [value]
    return tuple(text for item in items if (text := _string(item)))
