"""Addresses in log texts: what is one, and what is only a name that stands where one was expected."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

_LONGEST = 64
"""An IPv6 address with a zone index has at most 39 characters and an interface name of 15."""


@lru_cache(maxsize=65_536)
def address(text: str) -> str | None:
    """The address `text` is, in its one normal form (IPv4 mapped into IPv6 as IPv4); None if it is none."""
    if len(text) > _LONGEST or not text.isascii():
        return None
    try:
        parsed = ip_address(text.removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)


def port(text: str) -> int | None:
    """A TCP or UDP port."""
    if text.isdecimal() and len(text) <= 5 and text.isascii():
        number = int(text)
        return number if number <= 65_535 else None
    return None


def endpoint(side: str, host: str, port_text: str = "") -> dict[str, object]:
    """Columns of the endpoint `side` (`src_endpoint`, `dst_endpoint`): an address, or the name in its place."""
    found = address(host)
    columns: dict[str, object] = {}
    if found is not None:
        columns[f"{side}.ip"] = found
    elif host:
        columns[f"{side}.hostname"] = host
    number = port(port_text)
    if number is not None:
        columns[f"{side}.port"] = number
    return columns


def account(text: str) -> dict[str, object]:
    r"""Columns of the account written `DOMAIN\name` or `name`; empty if there is none."""
    domain, separator, name = text.partition("\\")
    if separator and domain and name:
        return {"user.name": name, "user.domain": domain}
    return {"user.name": text} if text else {}
