"""Which addresses are outside of every estate."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Any

import ibis.expr.types as ir

from countersign.visits.facts import leaf

_INSIDE = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/127", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
)
"""Networks that nobody reaches from outside (RFC 1918, 6598, 3927, 4193), and those that are no place."""
_BEGINNINGS = ("10.", "192.168.", "127.", "169.254.", "fe80:", "fd", "ff")


def outward(events: ir.Table) -> Any:  # noqa: ANN401  # an Ibis predicate has no public type
    """Connections to addresses that may be outside: those of which the volume is known, and those that a host tells of itself."""
    to: Any = leaf(events, "dst_endpoint.ip")
    inside: Any = to.startswith(_BEGINNINGS[0])
    for beginning in _BEGINNINGS[1:]:
        inside |= to.startswith(beginning)
    measured: Any = leaf(events, "traffic.bytes_out") > 0
    own: Any = leaf(events, "process.uid").notnull()
    return (measured | own) & ~inside


@lru_cache(maxsize=65_536)
def is_outside(address: str) -> bool:
    """Whether an address can be one outside of the estate."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return not any(parsed in network for network in _INSIDE if network.version == parsed.version)
