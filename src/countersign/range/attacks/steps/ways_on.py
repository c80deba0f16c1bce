"""Ways on, from one host to another; where the highest care is taken by the person's own tool."""

from __future__ import annotations

from collections.abc import Callable

from countersign.range.attacks.player import IN_CHARACTER, NOISY, Player
from countersign.range.attacks.step import TO, Options, step
from countersign.range.estate import Host
from countersign.range.plan.commands import ANYBODYS, S32
from countersign.range.plan.errands import DIAGNOSIS
from countersign.range.plan.places import Cause, Desktop, Foothold
from countersign.range.plan.plays import DROPPED, dropped
from countersign.range.plan.working import tool_for, work


@step("rdp", "T1021.001", TO)
def rdp(p: Player, options: Options) -> None:
    """A remote desktop, which the steps that follow are done at."""
    role = options.get("to", "jump")
    source = p.desktop.inside if p.desktop is not None else p.place
    if source is None:
        raise RuntimeError("rdp comes after a way in")
    arrive(p, source, p.estate.hosts[p.provider.jump] if role == "jump" else p.host(role))
    p.pause()


def arrive(p: Player, source: Foothold, host: Host, technique: str = "T1021.001") -> None:
    """A desktop is opened with the account in use, and is where the intruder sits from then on."""
    desktop = p.acts.rdp(source, host, p.who)
    desktop.hop.switch = p.switched
    p.acts.came(desktop.hop, host.name, "remote desktop", p.cause(technique))
    p.desktop = desktop
    p.after.append(lambda: _away(p, desktop))
    p.settle()
    if host.index == p.provider.jump:
        p.see_hosts()


def _away(p: Player, desktop: Desktop) -> None:
    """Logs off; now and then the connection was lost before, as anybody's is."""
    if p.care > NOISY and p.acts.rng.random() < DROPPED:
        dropped(p.acts, desktop)
    p.acts.leave(desktop)


def _by_tool(
    p: Player, options: Options, role: str, technique: str, do: Callable[[Host, Cause], object]
) -> None:
    """To a host of the role that is asked for; at the highest care by the person's own tool instead."""
    host = p.host(options.get("to") or role)
    if not p.in_character(host):
        do(host, p.cause(technique))
        p.pause()


def _looked(p: Player, *noisy: str) -> list[str]:
    """What is asked on a host; with some care whatever anybody asks."""
    if p.care == NOISY:
        return list(noisy)
    rng = p.acts.rng
    return [command for command, _ in rng.sample(DIAGNOSIS, rng.randrange(1, 3))]


@step("psexec", "T1569.002 T1021.002", f"{TO} command")
def psexec(p: Player, options: Options) -> None:
    """A program on another host by PsExec, or what does as it does."""
    usual = _looked(p, rf"{S32}\cmd.exe /c whoami")[0]
    commands, service = [str(options.get("command") or usual)], p.either("BTOBTO", "PSEXESVC")

    def do(host: Host, cause: Cause) -> None:
        p.acts.psexec(p.at.inside, host, p.who, commands, service=service, cause=cause)

    _by_tool(p, options, "file", "T1569.002", do)


@step("wmi", "T1047", f"{TO} command")
def wmi(p: Player, options: Options) -> None:
    """A program on another host by WMI."""
    commands = [str(options.get("command") or _looked(p, rf"{S32}\tasklist.exe /svc")[0])]
    _by_tool(
        p, options, "app", "T1047", lambda host, cause: p.acts.wmi(p.at.inside, host, p.who, commands, cause)
    )


@step("winrm", "T1021.006", TO)
def winrm(p: Player, options: Options) -> None:
    """Commands on another host by PowerShell remoting."""
    commands = _looked(p, rf"{S32}\whoami.exe /groups", rf"{S32}\NETSTAT.EXE -ano")
    _by_tool(
        p,
        options,
        "app",
        "T1021.006",
        lambda host, cause: p.acts.winrm(p.at.inside, host, p.who, commands, cause),
    )


@step("ssh", "T1021.004", TO)
def ssh(p: Player, _: Options) -> None:
    """A Linux host, and an archive made there."""
    commands = ("/usr/bin/tar czf /tmp/logs.tgz /var/log/nginx",)
    p.acts.ssh(p.at.inside, p.host("linux"), p.who, commands, p.cause("T1021.004"))
    p.pause()


@step("schedule_task", "T1053.005", TO)
def schedule_task(p: Player, options: Options) -> None:
    """A task made on another host, run and deleted."""
    what = (
        p.either("SystemHealthMon", "maintenance-7"),
        p.either(r"C:\PerfLogs\p.exe", p.acts.rng.choice(ANYBODYS)),
    )
    _by_tool(
        p,
        options,
        "app",
        "T1053.005",
        lambda host, cause: p.acts.task(p.at.inside, host, p.who, *what, cause),
    )


@step("create_service", "T1543.003 T1021.002", TO)
def create_service(p: Player, options: Options) -> None:
    """A service made on another host."""
    what = p.either("WinUpdSvc", "Updater4"), p.either(r"C:\PerfLogs\svc.exe", r"C:\Install\updater.exe")
    _by_tool(
        p,
        options,
        "app",
        "T1543.003",
        lambda host, cause: p.acts.service(p.at.inside, host, p.who, *what, cause),
    )


@step("map_admin_share", "T1021.002", TO)
def map_admin_share(p: Player, options: Options) -> None:
    """Another host's C$, and folders looked into."""
    paths = [("Shares", False), (r"Shares\Finance", False), (r"Shares\Research", False)]
    if p.care >= IN_CHARACTER:
        paths = [(f"updates\\package-{number}.msi", False) for number in range(4)]
    host = p.host(options.get("to") or "file")
    p.acts.smb(p.at.inside, host, p.who, "C$", paths, cause=p.cause("T1021.002"))
    p.pause()


@step("work_as_usual", "T1078.002")
def work_as_usual(p: Player, _: Options) -> None:
    """What the person does anyway, to go under in it."""
    host = p.estate.hosts[p.person.hosts[0]]
    first = len(p.acts.visit.hops)
    work(p.acts, p.at.inside, host, p.person, tool_for(p.acts.rng, p.person), patching=False)
    for hop in p.acts.visit.hops[first:]:
        p.acts.came(hop, host.name, "as the person does", p.cause("T1078.002"))
    p.pause()


STEPS = (
    rdp, psexec, wmi, winrm, ssh, schedule_task, create_service, map_admin_share, work_as_usual,
)  # fmt: skip
