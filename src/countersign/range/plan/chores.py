"""Chores with weight, and the directory's synchronisation: what looks like an attack and is none."""

from __future__ import annotations

import random
from collections.abc import Sequence

from countersign.range.draws import mix
from countersign.range.estate import Account, Host
from countersign.range.plan.commands import S32
from countersign.range.plan.deeds import Deeds
from countersign.range.plan.places import Desktop, Foothold
from countersign.range.streams.base import SITES
from countersign.range.streams.fields import Session

ARCHIVE = r"C:\Program Files\7-Zip\7z.exe a -p C:\Temp\logs.7z C:\Logs"
UPLOAD = rf"{S32}\curl.exe -T C:\Temp\logs.7z https://support.vendor.example/upload"
DUMP = rf"{S32}\rundll32.exe {S32}\comsvcs.dll, MiniDump 3412 C:\Temp\w3wp.dmp full"


def chore(acts: Deeds, desktop: Desktop, hosts: Sequence[Host]) -> None:
    """One of the things that need doing now and then, at a desktop."""
    rng, host, seat = acts.rng, desktop.host, desktop.seat
    controller = hosts[host.controller]
    acts.wait(20, 200)
    choice = rng.randrange(8)
    if choice == 0:
        acts.clear_log(seat)
    elif choice == 1:
        acts.stop_sensor(seat)
    elif choice == 2:
        acts.weak_tickets(desktop.inside, seat, rng.randrange(1, 12))
    elif choice == 3:
        acts.dump(seat, DUMP)
    elif choice == 4:
        new, group = f"n.joiner{rng.randrange(900)}", rng.choice(("", "", "Domain Admins"))
        if controller.index == host.index:
            acts.new_account(seat, new, group)
        else:
            acts.new_account_on(desktop.inside, controller, seat.account, new, group)
    elif choice == 5:
        acts.run(desktop, ARCHIVE)
        acts.wait(30, 90)
        acts.sent(desktop, _site(rng), rng.randrange(10**7, 2 * 10**9), UPLOAD)
    elif choice == 6:
        acts.beacon(host, seat.hop, _site(rng), rng.randrange(5, 40), rng.choice((30.0, 60.0)))
    else:
        paths = [("Temp\\readme.txt", True)]
        acts.smb(desktop.inside, controller, seat.account, rng.choice(("C$", "ADMIN$")), paths)


def _site(rng: random.Random) -> str:
    return SITES[rng.randrange(len(SITES))][1].decode()


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
