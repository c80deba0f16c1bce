"""Exports of Entra ID: its users, groups, roles and role assignments as they stood on a day.

For an auditor: who could have done it: guests, accounts that nobody uses, members of groups and roles. Made by an administrator,
and no proof that all were exported. Read is what Graph answers (`{"value": [...]}`, arrays, lines): users with the properties that
were asked for, groups and directory roles with `members`, role assignments. The time of every event is the file's.

References: https://learn.microsoft.com/graph/api/resources/user, https://learn.microsoft.com/graph/api/resources/group,
https://learn.microsoft.com/graph/api/resources/directoryrole, https://learn.microsoft.com/graph/api/resources/unifiedroleassignment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from countersign.model.batch import ParseContext
from countersign.sources._family import Family, Layout, Read, source_of
from countersign.sources._flat import Row, look_up
from countersign.sources._json import JSON, read_json
from countersign.sources._mapping import What, account, lowered
from countersign.sources._snapshot import TAKEN, snapshot

_USER = frozenset({"accountEnabled", "businessPhones", "userType", "signInActivity"})
_EVENT = frozenset({"appDisplayName", "auditLogRecordType", "operation", "auditData"})
"""What sign-ins and audit records have beside a user's name."""
_GROUP = frozenset({"securityEnabled", "groupTypes", "mailEnabled"})


def _kind(row: Row) -> str:
    if {"userPrincipalName", "id"} <= row.keys() and not _USER.isdisjoint(row) and _EVENT.isdisjoint(row):
        return "user"
    if "displayName" in row and "id" in row:
        if "roleTemplateId" in row or "templateId" in row:
            return "role"
        if len(_GROUP & row.keys()) > 1:
            return "group"
    return (
        "assignment"
        if {"principalId", "roleDefinitionId", "id"} <= row.keys() and "properties" not in row
        else ""
    )


def _normal(row: Row, when: Callable[[object], str | None]) -> Mapping[str, object]:
    found: dict[str, object] = {
        "entry_kind": _kind(row),
        "enabled": row.get("accountEnabled"),
        "created_utc": when(row.get("createdDateTime")),
        "password_last_set_utc": when(row.get("lastPasswordChangeDateTime")),
        "last_logon_utc": when(look_up(row, "signInActivity.lastSignInDateTime")),
    }
    return {name: value for name, value in found.items() if value is not None}


def _read(records: Sequence[bytes], context: ParseContext) -> Iterator[Read]:
    yield from snapshot(read_json(records, context), context, _normal, ())


FAMILY = Family(
    name="entra.directory",
    title="Entra ID users, groups and roles",
    page="directory",
    product="Entra ID",
    vendor="Microsoft",
    match=lambda row: bool(_kind(row)),
    time=(),
    key=("id", TAKEN),
    log="=snapshot",
    by=("entry_kind",),
    kinds={
        "user": What(
            5003,
            2,
            columns={
                "user.uid": "id",
                "user.email_addr": lowered("userPrincipalName"),
                "user.full_name": "displayName",
                "user.type": "userType",
            },
            steps=(account("user", "userPrincipalName"),),
        ),
        "group": What(5009, 2, columns={"group.uid": "id", "group.name": "displayName"}),
        "role": What(
            5009, 2, columns={"group.uid": "id", "group.name": "displayName", "privileges": "displayName"}
        ),
        "assignment": What(
            5009,
            2,
            columns={
                "user.uid": "principalId",
                "privileges": ("roleDefinition.displayName", "roleDefinitionId"),
                "resources.uid": "directoryScopeId",
            },
        ),
    },
)
SOURCE = source_of(FAMILY, Layout(JSON.framing, _read, JSON.rows, JSON.preamble))
