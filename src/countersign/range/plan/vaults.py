"""A bastion of another product: CyberArk's session manager, whose vault logs who was lent which account on which host."""

from __future__ import annotations

from countersign.range.estate import Host, Person
from countersign.range.plan.brokers import Brokers, Lent
from countersign.range.plan.places import Foothold
from countersign.range.truth import TrueHop
from countersign.range.writers import vault
from countersign.range.writers.brokers import Caller

VAULT, MANAGER = "VAULT01", "PSM01"


class Vaults(Brokers):
    """Sessions through the bastion that a provider's people have."""

    @property
    def manager_ip(self) -> str:
        """The session manager's address, which the hosts behind it see."""
        return str(self.estate.spec.sites[0].network[6])

    def bastion(self, person: Person, origin: str, *, mfa: bool = True) -> tuple[Caller, Foothold]:
        """Somebody logs in to the bastion. The vault knows nothing of a second factor."""
        spec = next(one.spec for one in self.estate.providers if one.spec.name == person.provider)
        if spec.bastion != "cyberark":
            return super().bastion(person, origin, mfa=mfa)
        caller = Caller(person.account.name, origin, 443, VAULT)
        hop = self.hop(person.account.name, None, origin, VAULT, "bastion")
        hop.source_ip, hop.gateway = origin, VAULT
        self._vault(caller, hop, vault.LOGON)
        return caller, Foothold(MANAGER, self.manager_ip, self.manager_ip, MANAGER, hop.number)

    def _session(self, lent: Lent, begun: int | None = None) -> None:
        if lent.caller.through != VAULT:
            super()._session(lent, begun)
            return
        lent.hop.gateway = VAULT
        what = vault.Lent(lent.session, lent.host.fqdn, lent.login.rpartition("\\")[2], lent.host.linux)
        self._vault(
            lent.caller, lent.hop, vault.CONNECT if begun is None else vault.DISCONNECT, lent.host, what
        )

    def _vault(
        self,
        caller: Caller,
        hop: TrueHop,
        code: int,
        host: Host | None = None,
        lent: vault.Lent | None = None,
    ) -> None:
        safe = "" if host is None else f"Vendor-{host.role}"
        manager = self.manager_ip if host is None else ""
        body = vault.record(self.now, VAULT, manager, caller, code, safe, lent)
        self.brought(self.layout.broker("vault"), hop, self.number(), body)
