"""Chores with weight, and the directory's synchronisation: what looks like an attack and is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from countersign.range.draws import mix
from countersign.range.estate import Account, Host
from countersign.range.plan.commands import POWERSHELL, S32
from countersign.range.plan.deeds import LOGS, Deeds
from countersign.range.plan.errands import site
from countersign.range.plan.places import Desktop, Foothold, Seat
from countersign.range.streams.fields import Session

DUMP = rf"{S32}\rundll32.exe {S32}\comsvcs.dll, MiniDump 3412 C:\Temp\w3wp.dmp full"
AUDIT = f"{POWERSHELL} -NoProfile -Command Get-ADReplAccount -All -Server %s"
"""How the strength of passwords is audited: the hashes are fetched from a controller, and compared with known ones."""

GROUPS = ("", "VPN Users", "Staff", "Domain Admins")
"""What somebody who joins is made a member of."""

Chore = Callable[[Deeds, Desktop, Host, Account], None]


def chore(acts: Deeds, desktop: Desktop, hosts: Sequence[Host], other: Account | None = None) -> None:
    """One of the things that need doing now and then, at a desktop; as `other` where somebody has a second account.

    Who is there by remote support is the system, which does nothing on other hosts.
    """
    acts.wait(20, 200)
    here = WEIGHTS if desktop.inside.terminal else LOCAL
    done = acts.rng.choices(CHORES, here)[0]
    done(acts, desktop, hosts[desktop.host.controller], other or desktop.account)


def _log(acts: Deeds, desktop: Desktop, _: Host, __: Account) -> None:
    acts.clear_log(desktop.seat, acts.rng.choice(LOGS))


def _sensor(acts: Deeds, desktop: Desktop, _: Host, __: Account) -> None:
    acts.stop_sensor(desktop.seat)


def _tickets(acts: Deeds, desktop: Desktop, _: Host, other: Account) -> None:
    seat = desktop.seat
    acts.weak_tickets(
        desktop.inside, Seat(seat.host, other, seat.session, seat.hop), acts.rng.randrange(1, 12)
    )


def _dump(acts: Deeds, desktop: Desktop, _: Host, __: Account) -> None:
    acts.dump(desktop.seat, DUMP)


def _account(acts: Deeds, desktop: Desktop, controller: Host, other: Account) -> None:
    rng = acts.rng
    new, group = f"n.joiner{rng.randrange(900)}", rng.choice(GROUPS)
    if controller.index == desktop.host.index:
        acts.new_account(desktop.seat, new, group)
    else:
        acts.new_account_on(desktop.inside, controller, other, new, group)


def _audit(acts: Deeds, desktop: Desktop, controller: Host, other: Account) -> None:
    if controller.index != desktop.host.index:
        acts.replicate(desktop.inside, controller, other, command=AUDIT % controller.name)


def _agent(acts: Deeds, desktop: Desktop, _: Host, __: Account) -> None:
    acts.beacon(
        desktop.host, desktop.hop, site(acts.rng), acts.rng.randrange(5, 40), acts.rng.choice((30.0, 60.0))
    )


def _installed(acts: Deeds, desktop: Desktop, _: Host, __: Account) -> None:
    acts.supply(desktop.seat)


def _share(acts: Deeds, desktop: Desktop, controller: Host, other: Account) -> None:
    paths = [("Temp\\readme.txt", True)]
    acts.smb(desktop.inside, controller, other, acts.rng.choice(("C$", "ADMIN$")), paths)


CHORES: tuple[Chore, ...] = (
    _log,
    _sensor,
    _tickets,
    _dump,
    _account,
    _audit,
    _agent,
    _installed,
    _share,
)
WEIGHTS = (4, 3, 3, 3, 4, 3, 3, 4, 2)
LOCAL = (4, 3, 0, 3, 0, 0, 3, 4, 0)


def synchronised(acts: Deeds) -> None:
    """The connector of the cloud's directory replicates from a controller."""
    estate = acts.estate
    host = estate.hosts[estate.by_role["app"][0]]
    old = host.account
    account = Account("MSOL_1f3a9c77d0b2", old.domain, old.netbios, old.realm, old.sid + "2")
    place = Foothold(
        host.name, host.ip, host.seen, host.name, -1, host, account, Session(), mix(acts.visit.key)
    )
    acts.replicate(place, estate.hosts[host.controller], account)
