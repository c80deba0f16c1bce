"""What exported directories say of accounts and groups: the newest word on each, and who is in which group through others.

Snapshots (`ad.csv`, `ad.ldif`, `ad.table`, `entra.directory`) tell how things stood, not what happened. Several exports of one account
are folded in the order of their days, a later value over an earlier one; of a group's members the newest list counts.

References: MS-ADTS 3.1.1.2 (`member`, `memberOf`), https://learn.microsoft.com/graph/api/resources/group.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import ibis
import ibis.expr.types as ir

from countersign.visits.facts import leaf, micros

SNAPSHOT = "snapshot"
"""`metadata.log_name` of what an export says."""
USERS, GROUPS = 5003, 5009
_LEAVES = {
    "product": "metadata.product",
    "name": "user.name",
    "domain": "user.domain",
    "uid": "user.uid",
    "upn": "user.email_addr",
    "title": "user.full_name",
    "type": "user.type",
    "group": "group.name",
    "group_uid": "group.uid",
    "privilege": "privileges",
}
_FIELDS = {
    "entry_kind": ("entry_kind",),
    "dn": ("entry_dn",),
    "at_domain": ("entry_domain",),
    "oid": ("id",),
    "template": ("roleTemplateId",),
    "role": ("roleDefinitionId",),
    "enabled": ("enabled",),
    "password_set": ("password_last_set_utc",),
    "expires": ("account_expires_utc",),
    "replicated": ("last_logon_replicated_utc",),
    "signed_in": ("last_logon_utc",),
    "created": ("created_utc",),
    "mail": ("mail", "EmailAddress", "email"),
    "company": ("company", "Company", "companyName"),
    "text": ("description", "Description", "desc"),
    "members": ("member", "members", "Members", "Member"),
    "member_of": ("memberOf", "MemberOf", "memberof"),
}
"""Attributes by the names that tools give them."""
_OWN_COLUMNS = {"company": "src_company", "text": "src_description", "class": "src_objectclass"}
_KINDS = {"user": "person", "inetorgperson": "person", "person": "person", "role": "role", "group": "group"}
_UNIT = re.compile(r"(?:^|,)OU=((?:[^,\\]|\\.){1,256})", re.IGNORECASE)
_FIRST = re.compile(r"(?:CN|OU)=((?:[^,\\]|\\.){1,256})", re.IGNORECASE)
_APART = re.compile(r"[;|\n]")
_MOST_NESTED = 64
"""Groups within groups that are followed; a directory has a handful."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An account, group or role as the exports show it; `key` is its distinguished name or object id in lower case.

    `text` is its description, of a role the id of its template. Dates are ISO 8601 in UTC, `never`, or empty where no export says. `replicated` is whether `last_logon` is `lastLogonTimestamp`,
    which lags by up to 14 days. `taken` is the newest export's time in microseconds, `event` the id of its record."""

    key: str
    kind: str = ""
    dn: str = ""
    product: str = ""
    name: str = ""
    domain: str = ""
    uid: str = ""
    upn: str = ""
    title: str = ""
    mail: str = ""
    company: str = ""
    text: str = ""
    guest: bool = False
    enabled: str = ""
    expires: str = ""
    password_set: str = ""
    last_logon: str = ""
    replicated: bool = False
    created: str = ""
    taken: int = 0
    event: str = ""

    @property
    def units(self) -> tuple[str, ...]:
        """Organisational units, the nearest first."""
        return tuple(_plain(unit) for unit in _UNIT.findall(self.dn))


@dataclass(slots=True)
class Directory:
    """Everything that is known of accounts and groups; `inside` are the members of each group, by key."""

    entries: dict[str, Entry] = field(default_factory=dict)
    inside: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def persons(self) -> Iterator[Entry]:
        """Accounts, in the order of their keys."""
        return (entry for _, entry in sorted(self.entries.items()) if entry.kind == "person")

    def groups(self) -> Iterator[Entry]:
        """Groups and roles that have members, in the order of their keys."""
        return (self.entries[key] for key in sorted(self.inside) if not self._is_person(key))

    def within(self, group: str) -> dict[str, tuple[str, ...]]:
        """Everybody in `group`, also through other groups: the groups between, from the outermost; those who are no group."""
        found: dict[str, tuple[str, ...]] = {}
        seen = {group}
        layer: list[tuple[str, tuple[str, ...]]] = [(group, ())]
        for _ in range(_MOST_NESTED):
            following = []
            for key, path in layer:
                for member in sorted(self.inside.get(key, ())):
                    if member in self.inside and member not in seen:
                        seen.add(member)
                        following.append((member, (*path, self.entries[member].name)))
                    elif member not in self.inside:
                        found.setdefault(member, path)
            layer = following
        return {key: path for key, path in found.items() if key not in self.entries or self._is_person(key)}

    def _is_person(self, key: str) -> bool:
        return self.entries[key].kind == "person"


def directory(events: ir.Table) -> Directory:
    """The directories that `events` hold exports of."""
    rows = events.filter(
        events.time.notnull()
        & (leaf(events, "metadata.log_name") == SNAPSHOT)
        & leaf(events, "class_uid").isin([USERS, GROUPS])
    )
    fields: dict[str, Any] = {
        name: ibis.coalesce(*[rows.unmapped[one] for one in names]) for name, names in _FIELDS.items()
    }
    for name, column in _OWN_COLUMNS.items():
        own: Any = rows[column]
        fields[name] = own.coalesce(fields[name]) if name in fields else own
    columns = {name: leaf(rows, dotted) for name, dotted in _LEAVES.items()}
    found = rows.select("id", at=micros(rows.time), **columns, **fields).to_pyarrow().to_pylist()
    return folded(sorted(found, key=lambda row: (row["at"], row["id"])))


def folded(rows: Sequence[Mapping[str, Any]]) -> Directory:
    """One directory of many records, in the order of their time."""
    made = Directory()
    edges: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        entry = _entry(row)
        if entry is None:
            continue
        made.entries[entry.key] = _over(made.entries.get(entry.key), entry)
        for member in _keys(row["members"]):
            edges[entry.key][entry.taken].add(member.lower())
    names = _group_names(made.entries)
    for row in rows:
        for group, member in _said(row, names):
            made.entries.setdefault(group.key, group)
            edges[group.key][row["at"]].add(member)
    made.inside = {group: lists[max(lists)] for group, lists in edges.items()}
    return made


def _group_names(entries: Mapping[str, Entry]) -> dict[tuple[str, str], str]:
    """Keys of groups by what memberships call them: domain and name, and a role by the id of its template."""
    names: dict[tuple[str, str], str] = {}
    for key, entry in sorted(entries.items(), reverse=True):
        if entry.kind != "person":
            names[entry.domain, entry.name.lower()] = key
        if entry.kind == "role":
            names["", entry.text] = key
    return names


def _said(row: Mapping[str, Any], names: Mapping[tuple[str, str], str]) -> Iterator[tuple[Entry, str]]:
    """Memberships that the member's own record states: the group, as far as this record knows it, and the member."""
    if row["role"] and row["uid"]:
        name = row["privilege"] or row["role"]
        key = names.get(("", row["role"].lower()), name.lower())
        yield Entry(key, "role", name=name), row["uid"].lower()
    entry = _entry(row)
    if entry is None:
        return
    if row["entry_kind"] == "membership" and row["group"]:
        name = row["group"]
        yield Entry(names.get((entry.domain, name.lower()), name.lower()), "group", name=name), entry.key
    for group in _keys(row["member_of"]):
        yield Entry(group.lower(), "group", name=_common(group)), entry.key


def _entry(row: Mapping[str, Any]) -> Entry | None:
    """What one record says of one object; None for an assignment, which only relates two."""
    azure = row["product"] == "Entra ID"
    key = str((row["oid"] if azure else row["dn"]) or "").lower()
    kind = _kind(row)
    if not key or not kind:
        return None
    group = kind != "person"
    upn = row["upn"] or ""
    return Entry(
        key=key,
        kind=kind,
        dn="" if azure else row["dn"],
        product=row["product"] or "",
        name=(row["group"] if group and not row["name"] else row["name"]) or "",
        domain=(row["domain"] or row["at_domain"] or "").lower(),
        uid=(row["group_uid"] if group else row["uid"]) or "",
        upn=upn,
        title=row["title"] or "",
        mail=(row["mail"] or "").lower(),
        company=row["company"] or "",
        text=(row["template"] or "").lower() if kind == "role" else row["text"] or "",
        guest=(row["type"] or "").lower() == "guest" or "#ext#" in upn,
        enabled=row["enabled"] or "",
        expires=row["expires"] or "",
        password_set=row["password_set"] or "",
        last_logon=row["signed_in"] or row["replicated"] or "",
        replicated=not row["signed_in"] and bool(row["replicated"]),
        created=row["created"] or "",
        taken=row["at"],
        event=row["id"],
    )


def _kind(row: Mapping[str, Any]) -> str:
    if row["entry_kind"] == "membership":
        return _KINDS.get(_class(row["class"]), "")
    return _KINDS.get(_class(row["entry_kind"]), "")


def _class(text: str | None) -> str:
    """The innermost of an object's classes: LDAP gives them from the root, tables put semicolons between."""
    names = _keys(text) or (text or "").strip("; ").split(";")
    return names[-1].lower()


def _over(known: Entry | None, later: Entry) -> Entry:
    """What a later export says stands over what an earlier one said."""
    if known is None:
        return later
    names = ("name", "domain", "uid", "upn", "title", "mail", "company", "text", "enabled", "expires")
    kept = {
        name: getattr(later, name) or getattr(known, name) for name in (*names, "password_set", "created")
    }
    logon = later if later.last_logon else known
    return replace(
        later,
        **kept,
        guest=known.guest or later.guest,
        last_logon=logon.last_logon,
        replicated=logon.replicated,
    )


def _keys(text: str | None) -> list[str]:
    """The objects of a list: JSON of names or of objects, or names that a table put between semicolons."""
    if not text:
        return []
    if text.startswith("["):
        try:
            values = json.loads(text)
        except ValueError:
            return []
        found: Iterable[Any] = (value.get("id") if isinstance(value, dict) else value for value in values)
    else:
        found = (part.strip() for part in _APART.split(text) if "=" in part)
    return [value for value in found if isinstance(value, str) and value]


@lru_cache(maxsize=4096)
def _common(dn: str) -> str:
    """What stands first in a distinguished name."""
    match = _FIRST.match(dn)
    return _plain(match[1]) if match else dn


def _plain(text: str) -> str:
    return text.replace("\\", "")
