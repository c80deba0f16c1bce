"""VPN sessions, as the gateway records them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import count

from countersign.range.demo.estate import Account, Estate, Gateway
from countersign.range.demo.footholds import Foothold
from countersign.range.demo.truth import TrueHop, TrueVisit
from countersign.range.demo.writers.vpn import AsaLog, OpenVpnLog


@dataclass(slots=True)
class Tunnel:
    """A VPN session."""

    gateway: Gateway
    account: Account
    origin: str
    port: int
    address: str
    start: int
    hop: TrueHop


def refused(rng: random.Random, gateway: Gateway, account: str, origin: str) -> None:
    """A wrong password at the gateway."""
    if isinstance(gateway.log, AsaLog):
        gateway.log.rejected(account, origin)
    else:
        gateway.log.rejected(account, origin, rng.randrange(40_000, 60_000))


def dial_in(
    estate: Estate, rng: random.Random, visit: TrueVisit, gateway: Gateway, account: Account, origin: str
) -> Tunnel:
    """A VPN session begins."""
    address = gateway.free.pop(0)
    port = rng.randrange(40_000, 60_000)
    hop = estate.truth.hop(visit, account.name, origin, gateway.spec.name, "vpn")
    if isinstance(gateway.log, OpenVpnLog):
        hop.note(*gateway.log.connected(account.name, origin, port, address))
    else:
        hop.note(*gateway.log.connected(account.name, origin, address))
    return Tunnel(gateway, account, origin, port, address, estate.schedule.now, hop)


def hang_up(estate: Estate, tunnel: Tunnel, sent: int, received: int) -> None:
    """The VPN session ends; its address goes back into the pool."""
    log = tunnel.gateway.log
    if isinstance(log, OpenVpnLog):
        tunnel.hop.note(*log.disconnected(tunnel.account.name, tunnel.origin, tunnel.port))
    else:
        seconds = (estate.schedule.now - tunnel.start) // 1_000_000
        tunnel.hop.note(*log.disconnected(tunnel.account.name, tunnel.origin, seconds, sent, received))
    tunnel.hop.end = estate.schedule.now
    tunnel.gateway.free.append(tunnel.address)


def outside(tunnel: Tunnel, rng: random.Random, client: str) -> Foothold:
    """The provider's machine behind a VPN session."""
    return Foothold(tunnel.address, tunnel.address, client, ports=count(rng.randrange(50_000, 60_000)))
