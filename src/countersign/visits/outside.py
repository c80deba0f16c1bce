"""Who came from outside, before anybody has declared a provider: what an agreement is written from."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import ibis.expr.types as ir

from countersign.visits import facts as f
from countersign.visits.facts import leaf, micros
from countersign.visits.names import Account


@dataclass(frozen=True, slots=True)
class Outside:
    """An account that came in from an address to a host, how often and when (microseconds since 1970, UTC)."""

    name: str
    domain: str
    source: str
    target: str
    protocol: str
    times: int
    first: int
    last: int
    guest: bool = False  # of the house's own tenant

    @property
    def account(self) -> str:
        """The account as a person reads it."""
        return Account(self.domain, self.name).text or "(not named)"


_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::/127",
        "fc00::/7",
        "fe80::/10",
    )
)
"""RFC 1918, 6598, 3927, 4193, 4291. Python's own `is_private` adds the ranges of documentation, with which people try
things out."""
_PROTOCOLS = {f.TUNNEL: "vpn", f.SSH: "ssh", f.RDP: "rdp"}


def outside(events: ir.Table) -> list[Outside]:
    """Successful arrivals from public addresses, and through VPN gateways from any, most frequent first."""
    chosen = events.filter(
        events.time.notnull()
        & leaf(events, "class_uid").isin([f.AUTHENTICATION, f.TUNNEL, f.SSH, f.RDP])
        & (leaf(events, "activity_id").fill_null(1) == 1)
        & (leaf(events, "status_id").fill_null(1) != 2)
        & leaf(events, "src_endpoint.ip").notnull()
        # a gateway's word on the password belongs to the tunnel that it opens then
        & ~(
            (events.class_uid == f.AUTHENTICATION)
            & leaf(events, "session.uid").fill_null("").re_search("^(asa|openvpn):")
        )
    )
    rows = chosen.select(
        kind=chosen.class_uid,
        name=leaf(chosen, "user.name").fill_null(""),
        domain=leaf(chosen, "user.domain").fill_null(""),
        source=leaf(chosen, "src_endpoint.ip"),
        target=leaf(chosen, "device.hostname").coalesce(leaf(chosen, "dst_endpoint.ip")),
        log=leaf(chosen, "metadata.log_name").fill_null(""),
        type=leaf(chosen, "logon_type_id").fill_null(0),
        guest=(leaf(chosen, "user.type").fill_null("").lower() == "guest")
        | leaf(chosen, "user.name").fill_null("").lower().contains("#ext#"),
        at=micros(chosen.time),
    )
    keys = ["kind", "name", "domain", "source", "target", "log", "type", "guest"]
    found = (
        rows.group_by(keys)
        .agg(times=rows.count(), first=rows["at"].min(), last=rows["at"].max())
        .to_pyarrow()
    )
    merged: dict[tuple[str, str, str, str], Outside] = {}
    for row in found.to_pylist():
        if row["kind"] != f.TUNNEL and not is_public(row["source"]):
            continue
        item = Outside(
            row["name"],
            row["domain"],
            row["source"],
            row["target"] or "",
            _protocol(row["kind"], row["log"], row["type"]),
            row["times"],
            row["first"],
            row["last"],
            row["guest"],
        )
        key = (item.account, item.source, item.target, item.protocol)
        merged[key] = item if key not in merged else _joined(merged[key], item)
    return sorted(merged.values(), key=lambda item: (-item.times, item.account, item.source, item.target))


def _joined(one: Outside, other: Outside) -> Outside:
    return Outside(
        one.name,
        one.domain,
        one.source,
        one.target,
        one.protocol,
        one.times + other.times,
        min(one.first, other.first),
        max(one.last, other.last),
        one.guest or other.guest,
    )


def _protocol(kind: int, log: str, logon_type: int) -> str:
    if kind in _PROTOCOLS:
        return _PROTOCOLS[kind]
    if "sshd" in log:
        return "ssh"
    return "rdp" if logon_type in {7, 10} or "localsession" in log.casefold() else "network"


def is_public(address: str) -> bool:
    """Whether an address is none of a private network; what is no address is none."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return not any(found in network for network in _PRIVATE if network.version == found.version)
