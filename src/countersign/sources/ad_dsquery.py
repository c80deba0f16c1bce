"""Tables of `dsquery` and `dsget`: accounts and groups of Active Directory as they stood on a day, in columns of fixed width.

For an auditor the same as the other exports (`ad_directory`): not what happened, but who could have done it. `dsquery` ends at 100 rows unless it is
told otherwise (`-limit 0`), and says so on the screen only: a file with exactly so many is reported. The time of every event is the file's.

A column goes from where its name begins to where the next begins, so that empty values and values with blanks keep their place.

References: https://learn.microsoft.com/previous-versions/windows/it-pro/windows-server-2012-R2-and-2012/cc732952(v=ws.11) (dsquery),
https://learn.microsoft.com/previous-versions/windows/it-pro/windows-server-2012-R2-and-2012/cc732535(v=ws.11) (dsget user).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from countersign.model.batch import ParseContext
from countersign.sources._family import NO_FRAME, Layout, Read, source_of
from countersign.sources._flat import Row
from countersign.sources._payload import decoded
from countersign.sources._snapshot import snapshot
from countersign.sources.ad_directory import DATES, FAMILY, normal

_BLANK = "\ufeff\0\r\n"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_INDENT = "  "
_MOST_COLUMNS = 256
_PLACES = 64
"""So many lines at the start of a file are looked at for its header."""
_IDENTITY = frozenset(
    {"distinguishedname", "dn", "samaccountname", "samid", "objectsid", "sid", "userprincipalname", "upn"}
)
_ATTRIBUTES = _IDENTITY | {
    "cn", "name", "displayname", "display", "objectclass", "objectguid", "pwdlastset", "lastlogontimestamp", "lastlogon", "accountexpires",
    "acctexpires", "useraccountcontrol", "whencreated", "whenchanged", "memberof", "member", "disabled", "pwdneverexpires", "canchpwd", "mustchpwd",
    "description", "desc", "fn", "ln", "mi", "givenname", "sn", "mail", "email", "title", "department", "dept", "company", "manager", "mgr",
    "admincount", "logoncount", "badpwdcount", "lockouttime", "serviceprincipalname", "primarygroupid", "office", "loscr", "profile", "hmdir", "scope",
    "secgrp",
}  # fmt: skip
_OTHERWISE = {
    "samid": "sAMAccountName",
    "upn": "userPrincipalName",
    "display": "displayName",
    "pwdneverexpires": "PasswordNeverExpires",
    "acctexpires": "AccountExpirationDate",
}
"""What `dsget` calls otherwise."""
_SEVERAL = frozenset({"objectclass", "memberof", "member", "serviceprincipalname"})
_SAID = ("dsget succeeded", "dsquery succeeded", "dsget failed", "dsquery failed")
_NO_HEADER = "a row before any header"
_WIDTHS = "a row that does not keep to the header's columns"


@lru_cache(maxsize=64)
def _columns(line: str) -> tuple[tuple[str, int], ...]:
    """Names and where they begin, if this line is a header; empty if it is none."""
    if not line.startswith(_INDENT):
        return ()
    found = [(match[0], match.start()) for match in re.finditer(r"\S+", line)][: _MOST_COLUMNS + 1]
    names = {name.lower() for name, _ in found}
    if not 2 <= len(found) <= _MOST_COLUMNS or len(names) < len(found) or names.isdisjoint(_IDENTITY):
        return ()
    known = len(names & _ATTRIBUTES)
    if 2 * known < len(found) or known < 2 or not all(_NAME.fullmatch(name) for name, _ in found):
        return ()
    return tuple(found)


def _row(line: str, columns: Sequence[tuple[str, int]]) -> Row | None:
    """The values of a line; None where one goes on into the next column."""
    row: dict[str, Any] = {}
    ends = [start for _, start in columns[1:]]
    for (name, start), end in zip(columns, [*ends, len(line)], strict=True):
        if start and start < len(line) and line[start - 1] != " ":
            return None
        if value := line[start:end].strip():
            row[name] = _values(value) if name.lower() in _SEVERAL else value
    return row


def _values(value: str) -> str | list[str]:
    """Several values of one attribute stand behind each other, with a semicolon after each."""
    parts = [part.strip() for part in value.split(";") if part.strip()]
    return parts if len(parts) > 1 else parts[0] if parts else value


def _read_rows(records: Sequence[bytes]) -> Iterator[Read]:
    columns: tuple[tuple[str, int], ...] = ()
    for index, raw in enumerate(records):
        line = decoded(raw).strip(_BLANK)
        if not line.strip() or line.strip().lower().startswith(_SAID):
            continue
        header = _columns(line)
        if header:
            columns = header
        elif not columns:
            yield index, raw, _NO_HEADER, NO_FRAME
        else:
            row = _row(line, columns)
            yield index, raw, _WIDTHS if row is None else row, NO_FRAME


def _normal(row: Row, when: Callable[[object], str | None]) -> Mapping[str, object]:
    """In the words of the other exports."""
    made: dict[str, Any] = dict(row)
    for name, value in row.items():
        low = name.lower()
        if low in _OTHERWISE:
            made[_OTHERWISE[low]] = value
        elif low == "disabled":
            made["Enabled"] = {"yes": "False", "no": "True"}.get(str(value).lower())
    if "secgrp" in {name.lower() for name in row}:
        made["objectClass"] = "group"
    found = {**{name: value for name, value in made.items() if name not in row}, **normal(made, when)}
    found.setdefault("entry_id", found.get("entry_name"))
    return {name: value for name, value in found.items() if value is not None}


def _read(records: Sequence[bytes], context: ParseContext) -> Iterator[Read]:
    yield from snapshot(_read_rows(records), context, _normal, (*DATES, "acctexpires", "accountexpires"))


def _preamble(head: bytes) -> int:
    """Up to the end of the header line; 0 where there is none."""
    position = 0
    for _ in range(_PLACES):
        end = head.find(b"\n", position)
        end = len(head) if end < 0 else end + 1
        line = decoded(head[position:end]).strip(_BLANK)
        if line.strip():
            return end if _columns(line) else 0
        if end == len(head):
            break
        position = end
    return 0


def _rows(head: bytes) -> Sequence[Row]:
    length = _preamble(head)
    if not length:
        return ()
    lines = head.split(b"\n", _PLACES)
    rows = [
        row for _, _, row, _ in _read_rows(lines[:-1] if len(lines) > 1 else lines) if isinstance(row, dict)
    ]
    whole = dict.fromkeys(
        (name for name, _ in _columns(decoded(head[:length]).strip(_BLANK).split("\n")[-1])), ""
    )
    return [whole | row for row in rows] or [whole]


TABLE = replace(
    FAMILY,
    name="ad.table",
    title="Active Directory accounts and groups, tables of dsquery and dsget",
    match=lambda row: not _IDENTITY.isdisjoint(name.lower() for name in row),
    ends_at=(100,),
)
SOURCE = source_of(TABLE, Layout("lines", _read, _rows, _preamble))
