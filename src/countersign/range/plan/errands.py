"""What people do at a desktop beside the work they came for: look what is wrong, fetch, pack, send, start a service anew.

An intruder who lives off the land does nothing else, and by the same functions.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from countersign.range.plan.commands import BROWSER, EXPLORER, POWERSHELL, S32
from countersign.range.plan.deeds import Deeds
from countersign.range.plan.places import WORK, Cause, Desktop, Seat
from countersign.range.plan.traces import image_of
from countersign.range.streams.base import SITES

DIAGNOSED, FETCHED, PACKED, SERVICED = 0.4, 0.3, 0.2, 0.14
"""How often each is done at a desktop; of what is packed, `SENT` is sent to whoever looks into it."""
SENT, IN_EXPLORER = 0.7, 0.3

DIAGNOSIS = (
    (rf"{S32}\whoami.exe /groups", "T1033"),
    (rf'{S32}\net.exe group "Domain Admins" /domain', "T1069.002"),
    (rf"{S32}\nltest.exe /domain_trusts", "T1482"),
    (rf"{S32}\net.exe user /domain", "T1087.002"),
    (rf"{S32}\NETSTAT.EXE -ano", "T1049"),
    (rf"{S32}\ipconfig.exe /all", "T1016"),
    (rf"{S32}\systeminfo.exe", "T1082"),
    (rf"{S32}\tasklist.exe /svc", "T1057"),
    (rf"{S32}\quser.exe", "T1033"),
    (rf"{S32}\nltest.exe /dsgetdc:corp", "T1018"),
)
"""Who am I, who else is there, what is near: with the technique that each is, where an intruder asks."""
SERVICES_USED = ("Spooler", "W32Time", "BITS", "MSSQLSERVER", "W3SVC")

Typist = Callable[[str], int]
"""Types a command, at a desktop or through a remote-support tool; the process's number."""


@dataclass(frozen=True, slots=True)
class Packer:
    """A program that packs: its command, and the archive."""

    command: str
    archive: str


PACKERS = (
    Packer(r"C:\Program Files\7-Zip\7z.exe a -p C:\Temp\logs.7z C:\Logs", r"C:\Temp\logs.7z"),
    Packer(r"C:\Program Files\WinRAR\rar.exe a -v200m C:\Temp\support.rar C:\Logs", r"C:\Temp\support.part01.rar"),
    Packer(rf"{S32}\tar.exe -a -c -f C:\Temp\logs.zip C:\Logs", r"C:\Temp\logs.zip"),
    Packer(
        rf"{POWERSHELL} -NoProfile -Command Compress-Archive -Path C:\Logs -DestinationPath C:\Temp\logs.zip",
        r"C:\Temp\logs.zip",
    ),
)  # fmt: skip
SENDERS = (
    rf"{S32}\curl.exe -T C:\Temp\logs.7z https://support.vendor.example/upload",
    rf"{BROWSER} --single-argument https://support.vendor.example/upload",
    rf"{S32}\bitsadmin.exe /transfer support /upload https://support.vendor.example/in/logs.zip C:\Temp\logs.zip",
)


def errands(acts: Deeds, desktop: Desktop, typist: Typist | None = None) -> None:
    """Each of them now and then; by a `typist` where there is no desktop but a remote-support tool's command line."""
    rng = acts.rng
    diagnose(acts, typist or at(acts, desktop))
    if rng.random() < FETCHED and typist is None:
        acts.wait(10, 90)
        fetch(acts, desktop)
    if rng.random() < SERVICED:
        acts.wait(10, 60)
        started_anew(acts, desktop.seat, rng.choice(SERVICES_USED))
    if rng.random() < PACKED:
        acts.wait(20, 90)
        pack(acts, desktop, typist or at(acts, desktop))
        if rng.random() < SENT:
            acts.wait(20, 90)
            send(acts, desktop, site(rng), rng.randrange(10**7, 9 * 10**8))


def diagnose(acts: Deeds, typist: Typist) -> None:
    """Now and then somebody who has come asks where that is."""
    rng = acts.rng
    if rng.random() < DIAGNOSED:
        for command, _ in rng.sample(DIAGNOSIS, rng.randrange(2, 5)):
            acts.wait(5, 40)
            typist(command)


def at(acts: Deeds, desktop: Desktop, cause: Cause = WORK) -> Typist:
    """Whoever types at a desktop."""
    return lambda command: acts.run(desktop, command, cause)


def site(rng: random.Random) -> str:
    """An address outside that anybody goes to."""
    return SITES[rng.randrange(len(SITES))][1].decode()


def fetch(acts: Deeds, desktop: Desktop) -> None:
    """A page is looked at, or an update fetched, in the browser."""
    host, hop, rng = desktop.host, desktop.hop, acts.rng
    number = acts.run(desktop, BROWSER)
    acts.wait(2, 20)
    size = rng.randrange(20_000, 9 * 10**7)
    acts.went_out(host, hop, site(rng), 4000 + size // 900, size)
    if size > 4 * 10**7:
        acts.created(host, desktop.account, BROWSER, number, rf"C:\Install\setup-{number % 90}.msi", hop)


def started_anew(acts: Deeds, seat: Seat, service: str) -> None:
    """A service that hangs is stopped and started."""
    acts.service_turned(seat, service, "stopped")
    acts.wait(3, 20)
    acts.service_turned(seat, service, "running")


def pack(acts: Deeds, desktop: Desktop, typist: Typist, cause: Cause = WORK) -> None:
    """Something is packed, with what is at hand."""
    host, rng = desktop.host, acts.rng
    if desktop.inside.terminal and rng.random() < IN_EXPLORER:
        acts.deed(desktop.hop, host.name, "file", "a folder compressed in Explorer", cause)
        archive = rf"C:\Temp\logs-{rng.randrange(90)}.zip"
        acts.created(host, desktop.account, EXPLORER, desktop.inside.shell, archive, desktop.hop)
        acts.done()
        return
    packer = rng.choice(PACKERS)
    number = typist(packer.command)
    acts.wait(30, 90)
    acts.still()
    acts.created(host, desktop.account, image_of(packer.command), number, packer.archive, desktop.hop)
    acts.done()


def send(acts: Deeds, desktop: Desktop, address: str, size: int, cause: Cause = WORK) -> None:
    """What was packed is sent, by any of the means that a host has."""
    acts.sent(desktop, address, size, acts.rng.choice(SENDERS), cause)
