"""Ways in: each begins a visit."""

from __future__ import annotations

from countersign.range.attacks.player import NOISY, OFF_THE_LAND, Player
from countersign.range.attacks.step import TO, Options, step
from countersign.range.attacks.steps.clouds import look_in_cloud


def _second_factor(p: Player) -> bool:
    """Whether there was one: with little care where somebody was tired of being asked, with more as for that person."""
    return p.acts.rng.random() < {NOISY: 0.0, OFF_THE_LAND: 0.7}.get(p.care, 0.96)


@step("login_vpn", "T1133 T1078.002", way_in=True)
def login_vpn(p: Player, _: Options) -> None:
    """The VPN with a stolen password, or the provider's own line."""
    gateway = p.provider.spec.gateway
    if gateway is None:
        p.place = p.acts.outside(p.origin, p.person.client)
        return
    p.tunnel, p.place = p.acts.vpn(gateway, p.person, p.origin, mistyped=p.care == NOISY)
    p.acts.came(p.tunnel.hop, gateway, "VPN with a stolen password", p.cause("T1133 T1078.002"))
    if p.care == NOISY:
        p.place.client = "DESKTOP-9F2KQ1"
    tunnel = p.tunnel
    p.after.append(lambda: p.acts.hang_up(tunnel, 41_000_000, 6_200_000))
    p.pause(20, 60)


@step("login_partner", "T1199 T1078.004", way_in=True)
def login_partner(p: Player, _: Options) -> None:
    """A partner's sign-in to the tenant."""
    mfa = _second_factor(p)
    p.cloud, _session = p.acts.sign_in(
        p.person.upn, p.person.name, p.origin, p.provider.tenant_id, 0, mfa=mfa
    )
    p.acts.came(p.cloud, p.cloud.target, "partner's sign-in", p.cause("T1199 T1078.004"))
    look_in_cloud(p, 10)


@step("assume_role", "T1199 T1550.001", way_in=True)
def assume_role(p: Player, _: Options) -> None:
    """The provider's role in a cloud account."""
    name = p.person.upn.partition("@")[0] if p.care >= OFF_THE_LAND else "botocore-session-1"
    account = p.acts.rng.randrange(max(1, len(p.estate.aws)))
    p.cloud, p.identity, p.aws = p.acts.assume(
        f"{p.provider.spec.name}-operations", name, p.origin, account=account, mfa=_second_factor(p)
    )
    p.acts.came(p.cloud, p.cloud.target, "role taken", p.cause("T1199 T1550.001"))
    look_in_cloud(p, 8)


@step("login_bastion", "T1199 T1078.002", TO, way_in=True)
def login_bastion(p: Player, options: Options) -> None:
    """The customer's bastion with a person's account, to the desktop of a host that it lends."""
    caller, place = p.acts.bastion(p.person, p.origin, mfa=_second_factor(p))
    entry = p.acts.visit.hops[-1]
    p.acts.came(entry, entry.target, "the bastion with a stolen password", p.cause("T1199 T1078.002"))
    p.pause(20, 90)
    host = p.host(options.get("to") or "app")
    lent, desktop = p.acts.lent_desktop(caller, place, host, p.person.account)
    p.acts.came(desktop.hop, host.name, "a desktop lent by the bastion", p.cause("T1199 T1078.002"))
    p.desktop = desktop

    def leave() -> None:
        p.acts.leave(desktop)
        p.acts.given_back(lent)
        entry.end = p.acts.now

    p.after.append(leave)
    p.settle()
    p.pause()


@step("login_support", "T1199 T1219", TO, way_in=True)
def login_support(p: Player, options: Options) -> None:
    """A host by the provider's remote-support server; what is done there runs as the system."""
    host = p.host(options.get("to") or "app")
    support = p.acts.support(p.person.upn, p.origin, host)
    p.support, p.desktop = support, support.desktop
    p.acts.came(support.desktop.hop, host.name, "remote support", p.cause("T1199 T1219"))
    p.after.append(lambda: p.acts.disconnect(support))
    p.settle()
    p.pause()


STEPS = (login_vpn, login_partner, assume_role, login_bastion, login_support)
