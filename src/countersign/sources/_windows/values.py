"""What Windows writes, cleaned: logon ids, addresses, accounts, GUIDs, numbers.

Every function takes whatever JSON can hold except lists and objects (which have no hash: `TypeError`) and
gives a value that its column can take, or None. Results are remembered, because logs repeat themselves; as
`True`, `1.0` and the like are one key to that memory, all of them that are no whole number give None.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from countersign.model import schema
from countersign.sources._address import address as parse_address

MEMORY = 32_768
"""Distinct values remembered for each kind: about what an hour of a busy domain controller holds."""
MAX_PID = 2**32 - 1
MAX_ID_CHARS = 18
"""`0x` and the sixteen hex digits of 64 bits: MS-DTYP 2.3.7, LUID."""
NO_SID = "S-1-0-0"
"""The null SID stands where there is nobody: MS-DTYP 2.4.2.4."""
Scalar = str | int | float | bool | None

_remember = lru_cache(maxsize=MEMORY)


@_remember
def text(value: Scalar) -> str | None:
    """Text; the dash that Windows writes for nothing is None, and so is what is neither text nor whole number."""
    if isinstance(value, str):
        cleaned = value.strip("\0 \t\r\n")
        return None if cleaned in {"", "-"} else cleaned
    return str(value) if type(value) is int else None


@_remember
def whole(value: Scalar) -> int | None:
    """A number, written as one, in decimal, or in hex with `0x`; None for everything else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and len(value) <= MAX_ID_CHARS + 2:
        base, digits = (16, value[2:]) if value[:2].lower() == "0x" else (10, value)
        if digits.isascii() and digits.isalnum():
            try:
                return int(digits, base)
            except ValueError:
                return None
    return None


@_remember
def logon_id(value: Scalar) -> str | None:
    """A logon id as `0x3e7`, lower case and without leading zeroes; the zero id means none."""
    number = whole(value)
    return None if number is None or not 0 < number < 2**64 else hex(number)


@_remember
def guid(value: Scalar) -> str | None:
    """A GUID in lower case without braces (EVTX writes none, JSON exporters do); the zero GUID means none."""
    if not isinstance(value, str):
        return None
    cleaned = value.strip("{} \t").lower()
    return cleaned if cleaned.strip("0-") else None


@_remember
def sid(value: Scalar) -> str | None:
    """A security identifier; the null SID means none."""
    cleaned = text(value)
    return None if cleaned == NO_SID else cleaned


@_remember
def pid(value: Scalar) -> int | None:
    """A process id: Security writes `0x11d4`, Sysmon 4564."""
    number = whole(value)
    return number if number is not None and 0 <= number <= MAX_PID else None


@_remember
def port(value: Scalar) -> int | None:
    """A port; zero and the dash mean none."""
    number = whole(value)
    return number if number is not None and 0 < number <= 65_535 else None


@_remember
def small(value: Scalar) -> int | None:
    """A logon type."""
    number = whole(value)
    return number if number is not None and 0 <= number < 2**31 else None


@_remember
def address(value: Scalar) -> str | None:
    """An address in its normal form, without `::ffff:` and scope; None for `-`, `LOCAL` and whatever else is none."""
    cleaned = text(value)
    return None if cleaned is None else parse_address(cleaned)


@_remember
def address_of_pair(value: Scalar) -> str | None:
    """The address of `10.0.0.5:52342` or `[fe80::1%3]:52342`."""
    cleaned = text(value)
    if cleaned is None:
        return None
    head, colon, tail = cleaned.rpartition(":")
    whole_address = (
        head if colon and tail.isdecimal() and (head.startswith("[") or ":" not in head) else cleaned
    )
    return address(whole_address.strip("[]"))


@_remember
def port_of_pair(value: Scalar) -> int | None:
    """The port of `10.0.0.5:52342`."""
    cleaned = text(value)
    return None if cleaned is None or ":" not in cleaned else port(cleaned.rpartition(":")[2])


@_remember
def host(value: Scalar) -> str | None:
    r"""A host name without the backslashes of `\\HOST`."""
    cleaned = text(value)
    return None if cleaned is None else cleaned.strip("\\") or None


@_remember
def digest(value: Scalar) -> str | None:
    """A digest in Base64 without the dash that the remote desktop client puts behind it."""
    cleaned = text(value)
    return None if cleaned is None else cleaned.removesuffix("-").strip() or None


@_remember
def connection_host(value: Scalar) -> str | None:
    """The host of a WinRM connection string, `http://host:5985/wsman?PSVersion=5.1` or `host/wsman`."""
    cleaned = text(value)
    if cleaned is None:
        return None
    name = cleaned.partition("://")[2] or cleaned
    return name.partition("/")[0].partition(":")[0] or None


@_remember
def terminal_session(value: Scalar) -> str | None:
    """A terminal session as `ts:3`: its numbers are another name space than logon ids."""
    number = small(value)
    return None if number is None else f"ts:{number}"


@_remember
def account(name: Scalar, domain: Scalar) -> tuple[str | None, str | None]:
    r"""Name and domain, also where one field holds both as `DOMAIN\name` or `name@REALM`.

    A domain stated beside the name wins over one inside it.
    """
    who, where = text(name), text(domain)
    if who is None:
        return None, where
    head, slash, tail = who.partition("\\")
    if slash and tail:
        return tail, where or text(head)
    head, at, tail = who.rpartition("@")
    if at and head and tail:
        return head, where or tail
    return who, where


@_remember
def outcome(status: Scalar) -> int | None:
    """OCSF `status_id` of an NTSTATUS or Kerberos code: zero is success."""
    number = whole(status)
    return None if number is None else (2 if number else 1)


@_remember
def host_application(value: Scalar) -> str | None:
    """The command line in PowerShell's own text, `HostApplication=...` or `Host Application = ...`."""
    if not isinstance(value, str):
        return None
    for mark in ("HostApplication=", "Host Application = "):
        _, found, rest = value.partition(mark)
        if found:
            return text(rest.partition("\n")[0])
    return None


def _context_user(value: Scalar) -> tuple[str | None, str | None]:
    r"""The account in PowerShell's own text, `User = DOMAIN\name`."""
    found = value.partition(" User = ")[2] if isinstance(value, str) else ""
    return account(found.partition("\n")[0], None)


@_remember
def context_user_name(value: Scalar) -> str | None:
    """The name of the account in PowerShell's own text."""
    return _context_user(value)[0]


@_remember
def context_user_domain(value: Scalar) -> str | None:
    """The domain of the account in PowerShell's own text."""
    return _context_user(value)[1]


@_remember
def filtered_direction(value: Scalar) -> int | None:
    """5156 `Direction`: %%14592 inbound, %%14593 outbound; OCSF direction id."""
    return {"%%14592": 1, "%%14593": 2}.get(str(value))


def initiated_direction(value: Scalar) -> int | None:
    """Sysmon 3 `Initiated`: whether the process that logs it opened the connection; OCSF direction id."""
    return {"true": 2, "false": 1}.get(str(value).casefold())


def registry_activity(value: Scalar) -> int:
    """OCSF activity of Sysmon 12: a key or value deleted is 4, created is 1."""
    return 4 if isinstance(value, str) and value.startswith("Delete") else 1


CONVERSIONS: dict[str, Callable[[Scalar], object]] = {
    "actor.session.uid": logon_id,
    "session.uid": logon_id,
    "session.uid_alt": logon_id,
    "session.uuid": guid,
    "actor.user.uid": sid,
    "user.uid": sid,
    "actor.process.uid": guid,
    "process.uid": guid,
    "process.parent_process.uid": guid,
    "actor.process.pid": pid,
    "process.pid": pid,
    "process.parent_process.pid": pid,
    "src_endpoint.ip": address,
    "dst_endpoint.ip": address,
    "src_endpoint.port": port,
    "dst_endpoint.port": port,
    "src_endpoint.hostname": host,
    "dst_endpoint.hostname": host,
    "logon_type_id": small,
}
"""How a column cleans its value; columns not named here take text."""


def conversion(column: str) -> Callable[[Scalar], object]:
    """The function that cleans a value for `column`."""
    if column not in schema.OCSF_COLUMNS:
        raise RuntimeError(f"{column} is no column of the events table")
    return CONVERSIONS.get(column, text)
