"""Ways in: VPN sessions, and lines of one's own."""

from __future__ import annotations

from countersign.range.calendar import SECOND
from countersign.range.estate import Person
from countersign.range.plan.okta import Okta
from countersign.range.plan.places import Foothold, Tunnel
from countersign.range.plan.vaults import Vaults
from countersign.range.writers import gateways


class Gates(Vaults, Okta):
    """How people come in."""

    def vpn(
        self, gateway: str, person: Person, origin: str, *, mistyped: bool = False
    ) -> tuple[Tunnel, Foothold]:
        """A VPN session begins."""
        spec = self.estate.gateways[gateway]
        stream = self.layout.gateway([*self.estate.gateways].index(gateway))
        user, group = person.account.name, f"GP-{(person.provider or 'STAFF').upper()}"
        port = 40_000 + self.number() % 20_000
        told = gateways.Tunnel(user, origin, port, "", self.number() % 10**9, group)
        if mistyped:
            for text in _refused(spec.kind, told):
                self.line(stream, None, text)
            if spec.sign_in == "radius":
                self.asked(gateway, person.account.qualified, origin, None, refused=True)
            self.wait(5, 20)
        address = self.teller.lease(gateway, self.now)
        told = gateways.Tunnel(user, origin, port, address, told.number, group)
        hop = self.hop(user, None, origin, gateway, "vpn")
        hop.source_ip, hop.gateway = origin, gateway
        for number, text in enumerate(_connected(spec.kind, told, self.estate.spec.organisation)):
            self.line(stream, hop, text, after=number * 9000)
        if spec.sign_in == "radius":
            self.asked(gateway, person.account.qualified, origin, hop)
        elif spec.sign_in == "saml":
            self.vouched(person.account, person.name, origin, hop)
            hop.mfa = True
        elif spec.sign_in == "okta":
            self.okta_vouched(person.account, person.name, origin, hop)
            hop.mfa = True
        tunnel = Tunnel(gateway, told, self.now, hop)
        return tunnel, Foothold(address, address, address, person.client, hop.number)

    def entered(self, gateway: str | None, person: Person) -> tuple[Tunnel | None, Foothold]:
        """In by the gateway, or by a line of one's own where there is none; then some time until anything is done."""
        if gateway is None:
            return None, self.outside(person.origin, person.client)
        tunnel, place = self.vpn(gateway, person, person.origin)
        self.wait(20, 90)
        return tunnel, place

    def hang_up(self, tunnel: Tunnel, sent: int, received: int) -> None:
        """The VPN session ends; its address goes back."""
        spec, told = self.estate.gateways[tunnel.gateway], tunnel.told
        stream = self.layout.gateway([*self.estate.gateways].index(tunnel.gateway))
        seconds = (self.now - tunnel.start) // SECOND
        for text in _disconnected(spec.kind, told, seconds, sent, received):
            self.line(stream, tunnel.hop, text)
        self.teller.release(tunnel.gateway, told.address, self.now)
        tunnel.hop.end = self.now

    def outside(self, origin: str, client: str) -> Foothold:
        """A machine of the provider's that is routed to the estate's network."""
        return Foothold(origin, origin, origin, client, -1)


def _connected(kind: str, tunnel: gateways.Tunnel, organisation: str) -> list[str]:
    if kind == "anyconnect":
        return [f"%ASA-{level}-{number}: {text}" for level, number, text in gateways.asa_connected(tunnel)]
    if kind == "openvpn":
        return gateways.openvpn_connected(tunnel, organisation)
    return [gateways.fortigate("tunnel-up", tunnel)]


def _refused(kind: str, tunnel: gateways.Tunnel) -> list[str]:
    if kind == "anyconnect":
        return [
            f"%ASA-{level}-{number}: {text}"
            for level, number, text in gateways.asa_rejected(tunnel.user, tunnel.origin)
        ]
    if kind == "openvpn":
        return gateways.openvpn_rejected(tunnel.user, tunnel.origin, tunnel.port)
    return [gateways.fortigate("ssl-login-fail", tunnel)]


def _disconnected(kind: str, tunnel: gateways.Tunnel, seconds: int, sent: int, received: int) -> list[str]:
    if kind == "anyconnect":
        return [
            f"%ASA-{level}-{number}: {text}"
            for level, number, text in gateways.asa_disconnected(tunnel, seconds, sent, received)
        ]
    if kind == "openvpn":
        return gateways.openvpn_disconnected(tunnel)
    return [gateways.fortigate("tunnel-down", tunnel, seconds=seconds, sent=sent, received=received)]
