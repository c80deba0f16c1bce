"""Exports of Active Directory: its accounts and groups as they stood on a day.

For an auditor: not what happened, but who could have done it: whose password is how old, whose account never expires, who is in
which group. Made by an administrator, and no proof that all were exported. Read are CSV (`Get-ADUser`, `Get-ADGroup`,
`Get-ADGroupMember` with `Export-Csv`, csvde) and LDIF (ldifde). The time of every event is the file's.

References: https://learn.microsoft.com/powershell/module/activedirectory/get-aduser,
https://learn.microsoft.com/windows-server/administration/windows-commands/ldifde, RFC 2849, MS-ADTS, MS-DTYP 2.4.2.2 (SID).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from countersign.model.batch import ParseContext
from countersign.sources._convert import boolean, integer, said
from countersign.sources._family import NO_FRAME, Family, Layout, Read, source_of
from countersign.sources._flat import Row
from countersign.sources._mapping import What, lowered
from countersign.sources._payload import decoded
from countersign.sources._records import spans
from countersign.sources._snapshot import TAKEN, lowered_names, snapshot
from countersign.sources._table import Csv

DATES = (
    "passwordlastset",
    "lastlogondate",
    "whencreated",
    "whenchanged",
    "accountexpirationdate",
    "created",
    "modified",
)
_DISABLED = 0x2
_NO_EXPIRY = 0x10000
"""ADS_USER_FLAG_ENUM."""
_COMPONENT = re.compile(r"(?:^|,)DC=([^,]{1,63})", re.IGNORECASE)
_NAME = re.compile(r"(?:CN|OU)=((?:[^,\\]|\\.){1,256})")
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}(?:;[A-Za-z0-9=*-]{1,64})?")
_PERSONS = frozenset(
    {"user", "inetorgperson", "msds-managedserviceaccount", "msds-groupmanagedserviceaccount"}
)
_NO_ENTRY = "no LDIF entry"
_MOST_VALUES = 100_000


def _is_entry(row: Row) -> bool:
    return _names_an_entry(tuple(row))


@lru_cache(maxsize=1024)
def _names_an_entry(names: tuple[str, ...]) -> bool:
    lower = {name.lower() for name in names}
    return not lower.isdisjoint({"distinguishedname", "dn"}) and not lower.isdisjoint(
        {"samaccountname", "objectclass"}
    )


def normal(row: Row, when: Callable[[object], str | None]) -> Mapping[str, object]:
    """The account in names of our own, whichever tool wrote it."""
    named = lowered_names(row)
    get = named.get
    dn = _first(get("distinguishedname") or get("dn"))
    flags = integer(_first(get("useraccountcontrol"))) or 0
    enabled = boolean(get("enabled"))
    if enabled is None and "useraccountcontrol" in named:
        enabled = not flags & _DISABLED
    never = boolean(get("passwordneverexpires"))
    kind = str(_last(get("objectclass")) or "user").lower()
    group = _first(get("group") or get("groupname") or get("groupdn"))
    sid_ = _first(get("sid") or get("objectsid"))
    found: dict[str, object] = {
        "entry_kind": "membership" if group else "person" if kind in _PERSONS else kind,
        "entry_id": _first(get("objectguid")) or sid_ or dn,
        "entry_dn": dn,
        "entry_domain": _domain(dn) if dn else None,
        "entry_name": _first(get("samaccountname")) or _name(dn),
        "entry_sid": sid_,
        "entry_group": _name(group) if group else None,
        "enabled": enabled,
        "password_never_expires": bool(flags & _NO_EXPIRY) if never is None and flags else never,
        "password_last_set_utc": when(_first(get("pwdlastset") or get("passwordlastset"))),
        "account_expires_utc": when(_first(get("accountexpires") or get("accountexpirationdate"))),
        "last_logon_replicated_utc": when(_first(get("lastlogontimestamp") or get("lastlogondate"))),
        "created_utc": when(_first(get("whencreated") or get("created"))),
    }
    return {name: value for name, value in found.items() if value is not None}


def _first(value: Any) -> str | None:  # noqa: ANN401  # foreign
    if type(value) is list and value:
        value = value[0]
    return None if value is None else said(value)


def _last(value: Any) -> str | None:  # noqa: ANN401  # foreign
    """LDAP gives classes from the root to the leaf; csvde puts semicolons between."""
    found = said(value[-1] if isinstance(value, list) and value else value)
    return found.rstrip("; ").rpartition(";")[2] if found else found


def _domain(dn: str) -> str:
    """The domain that a distinguished name ends with."""
    if not dn.isascii():
        return _components(dn)
    lower = dn.lower()
    at = 0 if lower.startswith("dc=") else lower.find(",dc=")
    return "" if at < 0 else _components(dn[at:])


@lru_cache(maxsize=1024)
def _components(end: str) -> str:
    return ".".join(_COMPONENT.findall(end)).lower()


@lru_cache(maxsize=16_384)
def _name(dn: str | None) -> str | None:
    match = _NAME.match(dn) if dn else None
    return match[1].replace("\\", "") if match else dn


_ACCOUNT = What(
    5003,
    2,
    columns={
        "user.name": "entry_name",
        "user.domain": "entry_domain",
        "user.uid": "entry_sid",
        "user.email_addr": lowered("UserPrincipalName", "userPrincipalName"),
        "user.full_name": ("DisplayName", "displayName", "Name", "name"),
    },
)
_GROUP = What(5009, 2, columns={"group.name": "entry_name", "group.uid": "entry_sid"})
FAMILY = Family(
    name="ad.csv",
    title="Active Directory accounts and groups, CSV",
    page="directory",
    product="Active Directory",
    vendor="Microsoft",
    match=_is_entry,
    time=(),
    identity="ad",
    key=("entry_id", TAKEN),
    log="=snapshot",
    by=("entry_kind",),
    kinds={
        "group": _GROUP,
        "membership": What(5009, 2, columns={**_ACCOUNT.columns, "group.name": "entry_group"}),
    },
    otherwise=_ACCOUNT,
    what=What(columns={"resources.name": "entry_dn", "resources.uid": "entry_id", "user.type": "entry_kind"}),
)
_TABLE = Csv((), ())
_PREFIX = b"#TYPE "


def _read_csv(records: Sequence[bytes], context: ParseContext) -> Iterator[Read]:
    shown = [b"" if raw.lstrip(b"\xef\xbb\xbf").startswith(_PREFIX) else raw for raw in records]
    yield from snapshot(_TABLE.read(shown, context), context, _keyed, DATES)


def _keyed(row: Row, when: Callable[[object], str | None]) -> Mapping[str, object]:
    """A member of a group is named by both."""
    found = dict(normal(row, when))
    if "entry_group" in found:
        found["entry_id"] = f"{found['entry_group']}|{found.get('entry_id')}"
    return found


def _beginning(head: bytes) -> int:
    """PowerShell's line before the header."""
    start = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    return head.find(b"\n") + 1 if head.startswith(_PREFIX, start) else 0


def _csv_rows(head: bytes) -> Sequence[Row]:
    return _TABLE.rows(head[_beginning(head) :])


def _csv_preamble(head: bytes) -> int:
    start = _beginning(head)
    return start + _TABLE.preamble(head[start:])


def entry(raw: bytes) -> Row | None:
    """One LDIF entry: attributes with one value as text, with several as a list."""
    lines = decoded(raw).replace("\r\n", "\n").replace("\n ", "").split("\n")
    row: dict[str, Any] = {}
    for line in lines:
        described, colon, text = line.partition(":")
        name = _attribute(described) if colon else ""
        if not name:
            continue
        binary = text[:1] == ":"
        text = text[1:] if binary else text
        text = text[1:] if text[:1] == " " else text
        if binary:
            text = _binary(name.lower(), text)
        known = row.get(name)
        if known is None:
            row[name] = text
        elif isinstance(known, list):
            if len(known) < _MOST_VALUES:
                known.append(text)
        else:
            row[name] = [known, text]
    return row if "dn" in row else None


@lru_cache(maxsize=4096)
def _attribute(described: str) -> str:
    """The attribute that a description names, without its options; empty if it is none."""
    return described.partition(";")[0] if _ATTRIBUTE.fullmatch(described) else ""


def _binary(name: str, value: str) -> str:
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return value
    if name == "objectsid":
        return sid(raw) or value
    if name == "objectguid" and len(raw) == 16:
        first = raw[3::-1] + raw[5:3:-1] + raw[7:5:-1]  # three numbers, little end first
        digits = first.hex() + raw[8:].hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return value


def sid(raw: bytes) -> str | None:
    """A security identifier of its binary form; None if it is none."""
    if len(raw) < 8 or raw[0] != 1 or len(raw) != 8 + 4 * raw[1]:
        return None
    parts = [int.from_bytes(raw[at : at + 4], "little") for at in range(8, len(raw), 4)]
    return "-".join(map(str, ["S", 1, int.from_bytes(raw[2:8], "big"), *parts]))


def _read_ldif(records: Sequence[bytes], context: ParseContext) -> Iterator[Read]:
    yield from snapshot(_entries(records), context, normal, DATES)


def _entries(records: Sequence[bytes]) -> Iterator[Read]:
    for index, raw in enumerate(records):
        row = entry(raw)
        if row is not None:
            yield index, raw, row, NO_FRAME
        elif raw.strip(b"\xef\xbb\xbf \t\r\n") and not raw.lstrip(b"\xef\xbb\xbf").startswith(
            (b"version:", b"#")
        ):
            yield index, raw, _NO_ENTRY, NO_FRAME


def _ldif_rows(head: bytes) -> Sequence[Row]:
    start = head.lstrip(b"\xef\xbb\xbf\r\n")[:64]
    if not start.startswith((b"dn:", b"version:", b"#")):
        return ()
    return [row for at, end in spans("ldif", head)[:20] if (row := entry(head[at:end])) is not None]


LDIF = replace(FAMILY, name="ad.ldif", title="Active Directory accounts and groups, LDIF")
SOURCES = (
    source_of(FAMILY, Layout("csv", _read_csv, _csv_rows, _csv_preamble)),
    source_of(LDIF, Layout("ldif", _read_ldif, _ldif_rows)),
)
