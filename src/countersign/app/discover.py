"""Who came from outside: for the first look, before there is an agreement."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from countersign.app.workspace import Workspace
from countersign.errors import UsageError
from countersign.model.visible import visible

_NO_ONES = frozenset({"vendor software", "rights", "dormant"})
"""Kinds of groups that name no account, or accounts of many: there is nothing to draft."""


@dataclass(frozen=True, slots=True)
class Outsider:
    """An account that came from outside; times are RFC 3339 in UTC."""

    account: str
    source: str
    target: str
    protocol: str
    times: int
    first: str
    last: str
    provider: str = ""  # whose the account or address is, by the agreements in force
    guest: bool = False  # a guest of the house's own tenant
    house: bool = False  # so many come from this address that it is likely the house's own

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def discover(workspace: Workspace) -> list[Outsider]:
    """Accounts that came in from public addresses or through a VPN, most frequent first."""
    from countersign.agreements import Resolver
    from countersign.app.agreements import load
    from countersign.visits import outside
    from countersign.visits.outside import is_public
    from countersign.visits.strangers import houses

    resolver = Resolver(load(workspace)[0])

    def provider(name: str, domain: str, address: str) -> str:
        match = resolver.who(name or None, domain or None)
        return match.provider if match else resolver.origin(address) or ""

    with workspace.reading() as lake:
        found = outside(lake.table("events"))
        own = houses((one.name, one.source) for one in found if not one.guest and is_public(one.source))
        return [
            Outsider(
                item.account,
                item.source,
                item.target,
                item.protocol,
                item.times,
                _stamp(item.first),
                _stamp(item.last),
                provider(item.name, item.domain, item.source),
                item.guest,
                item.source in own and not item.guest,
            )
            for item in found
        ]


@dataclass(frozen=True, slots=True)
class OutsiderGroup:
    """Outsiders of one kind that share `name`; `accounts` counts them, `names` are the busiest. `example` is the id of one event; `first`
    and `last` are empty where no log tells of them. `listed` of them stand in an exported directory, `why` is what it tells."""

    kind: str
    name: str
    accounts: int
    names: tuple[str, ...]
    times: int
    first: str
    last: str
    example: str
    provider: str = ""  # whose all the named accounts are, by the agreements in force
    listed: int = 0
    why: str = ""

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"names": list(self.names)}


def discover_groups(workspace: Workspace) -> list[OutsiderGroup]:
    """Outsiders by kind: partner tenants, guests, cross-account roles, VPN groups, vendors' names, groups of remote access, rights,
    remote support, vendor software, accounts that only ever come from outside, parted by mail domain, name and network, and those that
    no longer do; by the logs and by exported directories."""
    from countersign.agreements import Resolver
    from countersign.app.agreements import load
    from countersign.visits.outsiders import groups

    resolver = Resolver(load(workspace)[0])

    def provider(names: tuple[str, ...]) -> str:
        found = {match.provider if (match := resolver.who(name)) else "" for name in names}
        return found.pop() if len(found) == 1 else ""

    with workspace.reading() as lake:
        return [
            OutsiderGroup(
                one.kind,
                one.name,
                one.accounts,
                one.names,
                one.times,
                _stamp(one.first),
                _stamp(one.last),
                one.example,
                provider(one.names),
                one.listed,
                one.why,
            )
            for one in groups(lake.table("events"))
        ]


_OF_FILES = frozenset({".yaml", ".yml", ".json", ".txt"})


def draft(found: list[OutsiderGroup], folder: Path) -> list[Path]:
    """A draft agreement for each group that is nobody's yet; files that are there already stay as they are. Raises `UsageError`
    where `folder` is named like a file, or cannot be written."""
    written = []
    if folder.suffix.lower() in _OF_FILES or folder.is_file():
        raise UsageError(
            f"{folder} is a file's name, and each draft is a file of its own: give a folder, for example {folder.with_suffix('')}"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in found:
            text = _draft(one)
            path = folder / f"{_slug(f'{one.kind} {one.name}')}.yaml"
            if text and not one.provider and not path.exists():
                path.write_text(text, encoding="utf-8")
                written.append(path)
    except OSError as error:
        raise UsageError(f"{folder}: no drafts can be written there: {error.strerror}") from error
    return written


def _draft(one: OutsiderGroup) -> str:
    """The text of an agreement file, empty where the group names nobody that one could be written about."""
    from countersign.agreements.accounts import AccountPattern
    from countersign.visits.strangers import MIXED

    names = []
    for name in one.names:
        try:
            AccountPattern.parse(name)
        except ValueError:  # a name from a log may be no account at all
            continue
        if "*" not in name and visible(name, 200) == name:
            names.append(name)
    if not names or one.kind in _NO_ONES or one.name in MIXED:
        return ""
    more = one.accounts - len(names)
    lines = [
        f"# Found: {one.kind}, {one.accounts:,} accounts, {_seen(one)}.",
        "# Say whose they are, who the people are, and what was agreed; then take `draft` out.",
        "version: 1",
        "draft: true",
        f"provider: {{id: {_slug(f'{one.kind} {one.name}')}, name: {_quoted(f'{one.kind} {one.name}')}}}",
        "identities:",
    ]
    lines += [f"  - {{name: {_quoted(name)}, accounts: [{_quoted(name)}]}}" for name in names]
    lines += [f"# {more:,} further accounts are not listed here"] if more > 0 else []
    return "\n".join(lines) + "\n"


def _seen(one: OutsiderGroup) -> str:
    if not one.first:
        return f"{one.listed:,} of them in a directory, none in the logs"
    return f"{one.times:,} times in the logs from {one.first} to {one.last}"


def _quoted(text: str) -> str:
    """As a YAML scalar in double quotes, which takes JSON's escapes."""
    return json.dumps(visible(text, 200), ensure_ascii=False)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:60].strip("-") or "somebody"


def _stamp(microseconds: int | None) -> str:
    if microseconds is None:
        return ""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat().replace("+00:00", "Z")
