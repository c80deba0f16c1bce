"""The compiled rules of earlier runs, on disk: a start with known rules reads neither YAML nor pySigma.

One file holds one compiled set, named by the digest of all that it was made from: the rule files, the placeholders,
the log source table, this package's code and the libraries. It is plain data: a header line of JSON with the digest of
the rest, then sections of JSON, of which those of a route are read when events of that log source come. What is
broken, foreign or of another form is passed over and made anew.
"""

from __future__ import annotations

import gc
import hashlib
import os
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields as names_of
from functools import partial
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from countersign import __version__
from countersign.errors import RuleError
from countersign.rules.compiled import Body, Route, Status
from countersign.rules.engine import CompiledSet, compile_rules
from countersign.rules.fields import FieldResolver, event_fields
from countersign.rules.logsources import LogSources, Where
from countersign.rules.plain import body_data, body_from
from countersign.rules.rule import Example, Problem, Rule, RuleSet

FORM = "countersign compiled rules 1"
SUFFIX = ".compiled"
KEPT = 4
"""Compiled sets kept in one folder; the oldest go."""
MOST_BYTES = 512 << 20
"""Of a cache file; that of SigmaHQ has some 14 MiB."""
LIBRARIES = ("pysigma", "google-re2", "pyyaml")
"""Those that decide what a rule is compiled to."""
_PIECE = 1 << 20
_RULE_NAMES = tuple(one.name for one in names_of(Rule))
_EXAMPLES = frozenset({"fires", "silent"})


def load_compiled(
    paths: Iterable[Path],
    folder: Path,
    *,
    load: Callable[[Sequence[Path]], RuleSet] | None = None,
    logsources: LogSources | None = None,
    fields: FieldResolver | None = None,
    placeholders: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[CompiledSet, RuleSet]:
    """The rules in `paths` ready to run, and what they came from, from the cache in `folder` where it has them.

    `load` reads the rules where it has not (`load_rules` if not given); it may depend on nothing but the files. The rule
    set that comes from the cache has no pySigma objects (`parsed` is empty).

    Raises:
        RuleError: a path does not exist.

    """
    known = sorted(set(paths))
    key = _digest(known, logsources, placeholders)
    file = folder / f"{key}{SUFFIX}"
    found = _read(file, key, fields or event_fields())
    if found is not None:
        return found
    with _no_collection():
        ruleset = (load or _load)(known)
        compiled = compile_rules(ruleset, logsources, fields, placeholders=placeholders)
    if _digest(known, logsources, placeholders) == key:  # nobody wrote to the files meanwhile
        _write(file, key, compiled, ruleset)
    return compiled, ruleset


@contextmanager
def _no_collection() -> Iterator[None]:
    """Rules make a million objects that stay: looking for garbage among them takes an eighth of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _load(paths: Sequence[Path]) -> RuleSet:
    from countersign.rules.load import load_rules  # pySigma is slow to import, and known rules need none

    return load_rules(paths)


def _digest(
    paths: Sequence[Path], logsources: LogSources | None, placeholders: Mapping[str, tuple[str, ...]] | None
) -> str:
    """Of all that a compiled set is made from."""
    table = _spelled(logsources) if logsources else _text("logsources.toml")
    parts = [
        FORM,
        __version__,
        ".".join(map(str, sys.version_info)),
        unicodedata.unidata_version,
        *(f"{name} {version(name)}" for name in LIBRARIES),
        _code(),
        table,
        repr(sorted((placeholders or {}).items())),
        *(f"{file} {_file_digest(file)}" for path in paths for file in rule_files(path)),
    ]
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def _spelled(logsources: LogSources) -> str:
    """The table in a fixed order."""
    renames = [
        (
            name,
            sorted(one.fields.items()),
            sorted((field, sorted(there.items())) for field, there in one.values.items()),
        )
        for name, one in sorted(logsources.renames.items())
    ]
    return repr((sorted(logsources.products.items()), sorted(logsources.meanings.items()), renames))


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _code() -> str:
    """Digest of this package's code, so that no version of it reads what another compiled."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def rule_files(path: Path) -> Iterator[Path]:
    """The files that rules are read from, in a fixed order; a zip is one.

    Raises:
        RuleError: there is no such path.

    """
    if not path.exists():
        raise RuleError("no such file or folder", path=str(path), remedy="name a rule, a folder or a zip")
    if not path.is_dir():
        yield path
        return
    for inner in sorted(path.rglob("*")):
        if inner.suffix.lower() in {".yml", ".yaml", ".zip"} and inner.is_file() and not inner.is_symlink():
            yield inner


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    except OSError as error:
        return f"unreadable {error.errno}"
    return digest.hexdigest()


def _write(file: Path, key: str, compiled: CompiledSet, ruleset: RuleSet) -> None:
    """Whole or not at all. A cache that cannot be written costs time, nothing else."""
    try:
        sections = [orjson.dumps(part) for part in _sections(compiled, ruleset)]
    except orjson.JSONEncodeError:  # a file's name that is not UTF-8
        return
    rest = b"".join(sections)
    header = {
        "form": FORM,
        "key": key,
        "sizes": [len(section) for section in sections],
        "sha256": hashlib.sha256(rest).hexdigest(),
    }
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(orjson.dumps(header) + b"\n" + rest)
            Path(name).replace(file)
        finally:
            Path(name).unlink(missing_ok=True)
        _prune(file.parent)


def _prune(folder: Path) -> None:
    files = sorted(folder.glob(f"*{SUFFIX}"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[KEPT:]:
        file.unlink(missing_ok=True)


def _sections(compiled: CompiledSet, ruleset: RuleSet) -> Iterator[Any]:
    """The set's own words, then the body of each route."""
    yield {
        "rules": [_rule_data(rule) for rule in ruleset.rules],
        "problems": [[one.path, one.line, one.reason] for one in ruleset.problems],
        "digests": dict(ruleset.digests),
        "status": [[one.state, one.reason] for one in compiled.status],
        "fingerprints": dict(compiled.fingerprints),
        "captured": dict(compiled.captured),
        "routes": [
            [
                [[one.source, one.log, one.provider, one.event] for one in route.where],
                dict(route.rename),
                sorted(route.fields),
                route.rules,
            ]
            for route in compiled.routes
        ],
    }
    for route in compiled.routes:
        yield body_data(route.body)


def _rule_data(rule: Rule) -> list[Any]:
    return [
        [[one.log, one.event, dict(one.fields)] for one in getattr(rule, name)]
        if name in _EXAMPLES
        else getattr(rule, name)
        for name in _RULE_NAMES
    ]


def _rule_from(data: Sequence[Any]) -> Rule:
    values: dict[str, Any] = dict(zip(_RULE_NAMES, data, strict=True))
    for name, value in values.items():
        if name in _EXAMPLES:
            values[name] = tuple(Example(*one) for one in value)
        elif isinstance(value, list):
            values[name] = tuple(value)
    return Rule(**values)


def _read(file: Path, key: str, fields: FieldResolver) -> tuple[CompiledSet, RuleSet] | None:
    """What the file holds; None if there is none, or one that is not whole and ours."""
    try:
        if file.stat().st_size > MOST_BYTES:
            return None
        header, _, rest = file.read_bytes().partition(b"\n")
        about = orjson.loads(header)
        if about["form"] != FORM or about["key"] != key:
            return None
        if about["sha256"] != hashlib.sha256(rest).hexdigest():
            return None
        return _restored(_cut(memoryview(rest), about["sizes"]), fields)
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None


def _cut(rest: memoryview, sizes: Sequence[int]) -> list[memoryview]:
    parts = []
    start = 0
    for size in sizes:
        parts.append(rest[start : start + size])
        start += size
    return parts


def _restored(sections: Sequence[memoryview], fields: FieldResolver) -> tuple[CompiledSet, RuleSet]:
    data = orjson.loads(sections[0])
    rules = tuple([_rule_from(one) for one in data["rules"]])
    problems = tuple([Problem(*one) for one in data["problems"]])
    ruleset = RuleSet(rules, problems, data["digests"], ())
    routes = tuple(
        [
            Route(
                tuple([Where(*map(tuple, one)) for one in where]),
                rename,
                frozenset(names),
                tuple(indices),
                partial(_body, section),
            )
            for (where, rename, names, indices), section in zip(data["routes"], sections[1:], strict=True)
        ]
    )
    status = tuple([Status(*one) for one in data["status"]])
    captured = {id_: tuple(names) for id_, names in data["captured"].items()}
    return CompiledSet(rules, status, routes, fields, data["fingerprints"], captured), ruleset


def _body(section: memoryview) -> Body:
    return body_from(orjson.loads(section))
