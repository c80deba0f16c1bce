"""Ways in: each begins a visit."""

from __future__ import annotations

from countersign.range.attacks.player import AGREED, NOISY, OFF_THE_LAND, Player
from countersign.range.attacks.step import Options, step


@step("login_vpn", "T1133 T1078.002", way_in=True)
def login_vpn(p: Player, _: Options) -> None:
    """The VPN with a stolen password, or the provider's own line."""
    gateway = p.provider.spec.gateway
    if gateway is None:
        p.place = p.acts.outside(p.origin, p.person.client)
        return
    p.tunnel, p.place = p.acts.vpn(gateway, p.person, p.origin, mistyped=p.care == NOISY)
    p.acts.deed(p.tunnel.hop, gateway, "logon", "VPN with a stolen password", p.cause("T1133"))
    p.acts.done()
    if p.care == NOISY:
        p.place.client = "DESKTOP-9F2KQ1"
    tunnel = p.tunnel
    p.after.append(lambda: p.acts.hang_up(tunnel, 41_000_000, 6_200_000))
    p.pause(20, 60)


@step("login_partner", "T1199 T1078.004", way_in=True)
def login_partner(p: Player, _: Options) -> None:
    """A partner's sign-in to the tenant."""
    mfa = p.care >= AGREED
    p.cloud, _session = p.acts.sign_in(
        p.person.upn, p.person.name, p.origin, p.provider.tenant_id, 0, mfa=mfa
    )
    p.acts.deed(p.cloud, p.cloud.target, "logon", "partner's sign-in", p.cause("T1199"))
    p.acts.done()


@step("assume_role", "T1199 T1550.001", way_in=True)
def assume_role(p: Player, _: Options) -> None:
    """The provider's role in a cloud account."""
    name = p.person.upn.partition("@")[0] if p.care >= OFF_THE_LAND else "botocore-session-1"
    account = p.acts.rng.randrange(max(1, len(p.estate.aws)))
    p.cloud, p.identity, p.aws = p.acts.assume(
        f"{p.provider.spec.name}-operations", name, p.origin, account=account, mfa=p.care >= AGREED
    )
    p.acts.deed(p.cloud, p.cloud.target, "logon", "role taken", p.cause("T1199"))
    p.acts.done()


STEPS = (login_vpn, login_partner, assume_role)
