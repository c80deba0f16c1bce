"""Names that point nowhere, or at two things, within one agreement.

Works on plain data as YAML holds it, of any shape: the loader asks before the terms are checked, so that one
reading of a file tells everything that is wrong in it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from pydantic_core import PydanticCustomError

from countersign.agreements.accounts import AccountPattern
from countersign.agreements.problem import Problem, echo, meant

_NAMED = {"identities": "identity", "gateways": "gateway", "grants": "grant", "never": "never-clause"}
_LOOKALIKE = 0.8
"""Above this likeness (difflib ratio) a host pattern is taken for a mistyped group: a never-clause on a host
that does not exist would be kept for ever."""


def dangling(data: object) -> list[Problem]:
    """Everything in one agreement that refers to what is not there, or is named twice."""
    if not isinstance(data, dict):
        return []
    return [
        *_twice(data),
        *_unknown(data, "who", "identities", "identity"),
        *_unknown(data, "via", "gateways", "gateway"),
        *_mistyped_groups(data),
        *_one_account_twice(data),
        *_nobody(data),
    ]


def _items(data: dict[object, object], key: str) -> Iterator[tuple[int, dict[object, object]]]:
    items = data.get(key)
    if isinstance(items, list | tuple):
        for index, item in enumerate(items):
            if isinstance(item, dict):
                yield index, item


def _lines(item: dict[object, object], key: str) -> list[tuple[tuple[str | int, ...], str]]:
    """The strings under `key`, each with its place below the item."""
    value = item.get(key)
    if isinstance(value, str):
        return [((key,), value.strip())]
    if isinstance(value, list | tuple):
        return [((key, index), line.strip()) for index, line in enumerate(value) if isinstance(line, str)]
    return []


def _names(data: dict[object, object], key: str) -> list[tuple[int, str]]:
    return [
        (index, name.strip())
        for index, item in _items(data, key)
        if isinstance(name := item.get("name"), str)
    ]


def _twice(data: dict[object, object]) -> Iterator[Problem]:
    for key, noun in _NAMED.items():
        seen: set[str] = set()
        for index, name in _names(data, key):
            if name.casefold() in seen:
                yield Problem(
                    (key, index, "name"), f"there are two {_plural(noun)} called {echo(name)}", "rename one"
                )
            seen.add(name.casefold())


def _plural(noun: str) -> str:
    return "identities" if noun == "identity" else f"{noun}s"


def _unknown(data: dict[object, object], field: str, key: str, noun: str) -> Iterator[Problem]:
    known = [name for _, name in _names(data, key)]
    for index, grant in _items(data, "grants"):
        for place, name in _lines(grant, field):
            if name not in known and not (field == "who" and name == "*"):
                message = f"no {noun} is called {echo(name)}"
                yield Problem(("grants", index, *place), message, meant(name, known) or f"add it to `{key}`")


def _mistyped_groups(data: dict[object, object]) -> Iterator[Problem]:
    groups = data.get("groups")
    if not isinstance(groups, dict):
        return
    names = [name for name in groups if isinstance(name, str)]
    for key in ("grants", "never"):
        for index, item in _items(data, key):
            for place, line in _lines(item, "to"):
                near = difflib.get_close_matches(
                    line.casefold(), [name.casefold() for name in names], 1, _LOOKALIKE
                )
                if near and line not in groups and "." not in line:
                    yield Problem(
                        (key, index, *place),
                        f"{echo(line)} is no group, but looks like one",
                        f"did you mean {echo(next(n for n in names if n.casefold() == near[0]))}? "
                        "If it is a host, give its full name",
                    )
    for name in names:
        for place, line in _lines(groups, name):
            if line in groups:
                yield Problem(
                    ("groups", *place),
                    f"a group cannot hold the group {echo(line)}",
                    "write out the hosts it holds",
                )


def _one_account_twice(data: dict[object, object]) -> Iterator[Problem]:
    seen: dict[tuple[str, str | None, str], str] = {}
    for index, identity in _items(data, "identities"):
        for place, line in _lines(identity, "accounts"):
            try:
                pattern = AccountPattern.parse(line)
            except PydanticCustomError:
                continue  # the terms tell this one
            key = (pattern.kind, pattern.domain, pattern.name)
            owner = str(identity.get("name"))
            if seen.setdefault(key, owner) != owner:
                yield Problem(
                    ("identities", index, *place),
                    f"{echo(line)} already belongs to {echo(seen[key])}",
                    "keep it with one identity; if both use it, make one identity with `shared: true`",
                )


def _nobody(data: dict[object, object]) -> Iterator[Problem]:
    if not data.get("identities") and not data.get("origins"):
        yield Problem((), "nobody can be recognised by this agreement", "add `identities` or `origins`")
