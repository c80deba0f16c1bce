"""Remote desktop sessions: as the source host, the target and the sensor record them."""

from __future__ import annotations

import random
from dataclasses import dataclass

from countersign.range.demo.clock import Act
from countersign.range.demo.estate import Account, Estate, Machine
from countersign.range.demo.footholds import Foothold
from countersign.range.demo.logons import Session, explicit, interactive_logon, logoff, network_logon, ticket
from countersign.range.demo.programs import Program, connects, root_program, run
from countersign.range.demo.truth import TrueHop, TrueVisit
from countersign.range.demo.writers.zeek import Flow

LSASS = r"C:\Windows\System32\lsass.exe"
MSTSC = r"C:\Windows\System32\mstsc.exe"
COOKIE = 9
"""RDP's cookie keeps the first nine characters of the user name ([MS-RDPBCGR] 2.2.1.1.1)."""


@dataclass(slots=True)
class Desktop:
    """An RDP session at a machine."""

    session: Session
    flow: Flow
    hop: TrueHop
    address: str
    client: str
    shell: Program


def inside(desktop: Desktop) -> Foothold:
    """The machine on which somebody sits by RDP."""
    machine = desktop.session.machine
    return Foothold(machine.name, machine.ip, machine.name, session=desktop.session, program=desktop.shell)


def rdp(
    estate: Estate, rng: random.Random, visit: TrueVisit, start: Foothold, target: Machine, account: Account
) -> Act[Desktop]:
    """Remote desktop with network-level authentication: type 3, then type 10 in two tokens."""
    hop = estate.truth.hop(visit, account.name, start.name, target.name, "rdp")
    mstsc: Program | None = None
    if start.session is not None and start.program is not None:
        mstsc, places = run(
            estate, rng, start.session, f"{MSTSC} /v:{target.name}", start.program, elevated=False
        )
        hop.note(*places)
        yield rng.uniform(3, 9)
    flow = estate.zeek.begin(start.ip, start.next_port(), target.ip, 3389, "rdp")
    if start.session is not None and mstsc is not None:
        source = start.session
        hop.note(connects(estate, source, mstsc, flow))
        hop.note(
            explicit(estate, source.machine, source, account, target.fqdn, f"TERMSRV/{target.fqdn}", LSASS)
        )
    yield 0.4
    cookie = account.name[:COOKIE]
    hop.note(estate.zeek.entry("rdp", flow, [cookie, "encrypted", "HYBRID", *[None] * 13]))
    hop.note(
        target.windows.connection_manager(
            {"Param1": account.name, "Param2": estate.domain, "Param3": start.ip}
        )
    )
    first = network_logon(estate, rng, target, account, start.ip, 0, package="NTLM", workstation=start.client)
    hop.note(*first.places)
    ticket(estate, account, target.ip, target.next_port())
    yield rng.uniform(0.8, 2.5)
    session = interactive_logon(estate, rng, target, account, 10, start.ip)
    target.terminal += 1
    session.terminal = target.terminal
    hop.note(*session.places)
    who = {"User": estate.qualified(account.name), "SessionID": session.terminal, "Address": start.ip}
    hop.note(target.windows.session_manager(21, who), target.windows.session_manager(22, who))
    estate.schedule.spawn(_later_logoff(estate, rng, first), rng.uniform(4, 20))
    shell = root_program(estate, rng, session)
    yield rng.uniform(2, 6)
    return Desktop(session, flow, hop, start.ip, start.client, shell)


def _later_logoff(estate: Estate, rng: random.Random, session: Session) -> Act[None]:
    logoff(estate, rng, session)
    yield 0


def rejoin(estate: Estate, rng: random.Random, start: Foothold, desktop: Desktop, pause: float) -> Act[None]:
    """The connection drops and comes back to the same session: 24, 4779, then 25, 4778 and a type 7."""
    session = desktop.session
    machine, account = session.machine, session.account
    name = {"AccountName": account.name, "AccountDomain": estate.domain, "LogonID": hex(session.logon)}
    client = {"SessionName": f"RDP-Tcp#{session.terminal}", "ClientName": desktop.client}
    moved = {**name, **client, "ClientAddress": desktop.address}
    who = {
        "User": estate.qualified(account.name),
        "SessionID": session.terminal,
        "Address": desktop.address,
    }
    desktop.hop.note(
        machine.windows.session_manager(24, who),
        machine.windows.security(4779, moved),
        estate.zeek.end(desktop.flow, rng.randrange(10**5, 10**6), rng.randrange(10**6, 10**7)),
    )
    yield pause
    desktop.flow = estate.zeek.begin(start.ip, start.next_port(), machine.ip, 3389, "rdp")
    yield 0.3
    desktop.hop.note(
        estate.zeek.entry("rdp", desktop.flow, [account.name[:COOKIE], "encrypted", "HYBRID", *[None] * 13])
    )
    again = interactive_logon(estate, rng, machine, account, 7, start.ip)
    desktop.hop.note(*again.places)
    yield 0.5
    desktop.hop.note(
        *logoff(estate, rng, again),
        machine.windows.session_manager(25, who),
        machine.windows.security(4778, moved),
    )


def leave(estate: Estate, rng: random.Random, desktop: Desktop) -> Act[None]:
    """Logs off from a remote desktop."""
    session = desktop.session
    log = session.machine.windows
    who = {"User": estate.qualified(session.account.name), "SessionID": session.terminal}
    desktop.hop.note(*logoff(estate, rng, session, by_user=True))
    desktop.hop.note(log.session_manager(23, who))
    yield 0.7
    desktop.hop.note(log.session_manager(24, {**who, "Address": desktop.address}))
    seconds = (estate.schedule.now - desktop.flow.start) / 1_000_000
    desktop.hop.note(
        estate.zeek.end(
            desktop.flow,
            int(seconds * rng.uniform(150, 400)) + 4000,
            int(seconds * rng.uniform(2000, 9000)) + 60_000,
        )
    )
    desktop.hop.end = estate.schedule.now
