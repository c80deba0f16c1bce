"""How an agreement names hosts: names, names with `*`, addresses, CIDR networks.

A host is whatever the logs call it, so an answer may be unknown: a name cannot be held against a network
before its address was learned, nor a short name against `*.corp.example`. A short name and a full name that
begins with it are one host.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from countersign.agreements.accounts import LONGEST
from countersign.agreements.answer import NO, YES, Answer, best, unknown
from countersign.agreements.globs import glob
from countersign.agreements.problem import wrong

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOST = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9_*.$-]*")
_NUMERIC = re.compile(r"[0-9.]*[0-9]\.[0-9.]*")

_PRIVATE: tuple[Network, ...] = (
    ipaddress.IPv4Network("10.0.0.0/8"),  # RFC 1918
    ipaddress.IPv4Network("172.16.0.0/12"),  # RFC 1918
    ipaddress.IPv4Network("192.168.0.0/16"),  # RFC 1918
    ipaddress.IPv4Network("100.64.0.0/10"),  # RFC 6598, carrier NAT
    ipaddress.IPv4Network("169.254.0.0/16"),  # RFC 3927
    ipaddress.IPv4Network("127.0.0.0/8"),
    ipaddress.IPv4Network("0.0.0.0/8"),
    ipaddress.IPv6Network("fc00::/7"),  # RFC 4193
    ipaddress.IPv6Network("fe80::/10"),
    ipaddress.IPv6Network("::/127"),  # unspecified and loopback
)


@lru_cache(maxsize=8192)
def parse_address(text: str) -> Address | None:
    """The address that `text` is, None if it is none.

    An IPv4 address written as IPv6 (`::ffff:192.0.2.1`) counts as IPv4; a zone index is left off.
    """
    if len(text) > LONGEST or (":" not in text and "." not in text):
        return None
    try:
        found = ipaddress.ip_address(text.strip().partition("%")[0].strip("[]"))
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def is_private(address: Address) -> bool:
    """Whether an address has its meaning only inside some network. Documentation ranges count as public."""
    return any(address in network for network in _PRIVATE if network.version == address.version)


@dataclass(frozen=True, slots=True)
class HostPattern:
    """One host pattern: a `network` (an address is a network of one) or else a `name`, folded."""

    text: str
    name: str = ""
    network: Network | None = None

    @classmethod
    def parse(cls, text: str) -> HostPattern:
        """Read a pattern.

        Raises:
            pydantic_core.PydanticCustomError: it is no host name, address or network.

        """
        if "/" in text or ":" in text or _NUMERIC.fullmatch(text):
            return cls(text, network=_network(text))
        if not _HOST.fullmatch(text):
            raise wrong(
                f"`{text}` is no host name, address or network",
                f"write `{text.replace(' ', '*')}` for an application, a list for several hosts"
                if _HOST.fullmatch(text.replace(" ", "*"))
                else "write a host such as fs01 or fs*.corp.example",
            )
        return cls(text, name=text.casefold().rstrip("."))

    def fits(self, names: Sequence[str], addresses: Sequence[Address]) -> Answer:
        """Whether a host of these (folded) names and addresses is meant."""
        if self.network is not None:
            network = self.network
            if any(one in network for one in addresses if one.version == network.version):
                return YES
            return NO if addresses else _NO_ADDRESS
        if not names:
            return YES if self.name == "*" else _NO_NAME
        return best(self._fits_name(name) for name in names)

    def _fits_name(self, name: str) -> Answer:
        if glob(self.name, name):
            return YES
        mine, full, _ = self.name.partition(".")
        label, _, rest = name.partition(".")
        if full and not rest:
            if "*" not in mine:
                return YES if mine == label else NO
            return _SHORT_NAME if glob(mine, label) else NO
        return YES if rest and not full and glob(mine, label) else NO


_NO_ADDRESS = unknown(
    "its address is not known", "a record of the host's address (DHCP, DNS, a network sensor)"
)
_NO_NAME = unknown(
    "its name is not known", "a record of the host's name (DHCP, DNS, a logon record of that host)"
)
_SHORT_NAME = unknown("its full name is not known", "a record of the host's full name")


def _network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise wrong(f"`{text}` is no address or network", "write 192.0.2.7 or 192.0.2.0/24") from None
    if ipaddress.ip_address(text.partition("/")[0]) != network.network_address:
        raise wrong(f"`{text}` has bits set beyond its prefix", f"write {network}")
    return network


@dataclass(frozen=True, slots=True)
class HostSet:
    """Several patterns as one question."""

    patterns: tuple[HostPattern, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> HostSet:
        """Read the patterns; raises as `HostPattern.parse` does."""
        return cls(tuple(HostPattern.parse(text) for text in texts))

    def holds(self, known_as: Iterable[str]) -> Answer:
        """Whether a host is meant, by everything it is known as (names and addresses)."""
        names: list[str] = []
        addresses: list[Address] = []
        for text in known_as:
            found = parse_address(text)
            if found is not None:
                addresses.append(found)
            elif text.strip() not in {"", "-"}:
                names.append(text.strip().casefold().rstrip("."))
        if not names and not addresses:
            return _NO_NAME if self.patterns else NO
        return best(pattern.fits(names, addresses) for pattern in self.patterns)
