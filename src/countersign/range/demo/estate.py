"""The estate while it runs: machines, accounts, gateways, the sensor, and the numbers they hand out."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from countersign.range.demo.clock import Schedule
from countersign.range.demo.files import Files
from countersign.range.demo.spec import GatewaySpec, HostSpec, RangeSpec
from countersign.range.demo.truth import Truth
from countersign.range.demo.writers.syslog import SyslogFile
from countersign.range.demo.writers.vpn import AsaLog, OpenVpnLog
from countersign.range.demo.writers.windows import WindowsLog
from countersign.range.demo.writers.zeek import ZeekLog

FIRST_EPHEMERAL, LAST_EPHEMERAL = 49_152, 65_535
"""RFC 6335, section 6: dynamic ports, which Windows uses as its ephemeral range."""


@dataclass(frozen=True, slots=True)
class Account:
    """A domain account; `privileged` accounts get administrator rights where they log on."""

    name: str
    sid: str
    privileged: bool


@dataclass(slots=True)
class Machine:
    """One host as it runs, with the counters of the numbers it gives out."""

    spec: HostSpec
    fqdn: str
    log: WindowsLog | None
    syslog: SyslogFile | None
    machine_guid: str
    logon: int
    pid: int
    port: int
    terminal: int = 1

    @property
    def name(self) -> str:
        """Short name, as users say it."""
        return self.spec.name

    @property
    def ip(self) -> str:
        """Its one address."""
        return str(self.spec.address)

    @property
    def windows(self) -> WindowsLog:
        """The Windows event log; asking a Linux host for it is our mistake."""
        if self.log is None:
            raise RuntimeError(f"{self.name} has no Windows event log")
        return self.log

    def next_logon(self, rng: random.Random) -> int:
        """A fresh logon id (LUID): rises within a boot, in uneven steps."""
        self.logon += rng.randrange(0x40, 0x2000)
        return self.logon

    def next_pid(self, rng: random.Random) -> int:
        """A process id: a multiple of four on Windows, reused now and then."""
        self.pid = 1000 + (self.pid + 4 * rng.randrange(1, 90)) % 30_000 // 4 * 4
        return self.pid

    def next_port(self) -> int:
        """An ephemeral port, rising and wrapping."""
        self.port = self.port + 1 if self.port < LAST_EPHEMERAL else FIRST_EPHEMERAL
        return self.port


@dataclass(slots=True)
class Gateway:
    """A VPN gateway with its pool; an address goes back to the end of the pool when its session ends."""

    spec: GatewaySpec
    log: AsaLog | OpenVpnLog
    free: list[str]


@dataclass(slots=True)
class Estate:
    """Everything that activities need: the clock, machines, accounts, gateways, the sensor and the truth."""

    spec: RangeSpec
    seed: int
    schedule: Schedule
    files: Files
    truth: Truth
    zeek: ZeekLog
    zone: ZoneInfo
    machines: dict[str, Machine]
    gateways: dict[str, Gateway]
    accounts: dict[str, Account]
    controller: Machine
    jump: Machine
    sessions: dict[str, int] = field(default_factory=dict)

    @property
    def domain(self) -> str:
        """The domain's NetBIOS name."""
        return self.spec.domain.netbios

    @property
    def realm(self) -> str:
        """The domain's DNS name, upper case as Kerberos writes it."""
        return self.spec.domain.dns.upper()

    def rng(self, name: str) -> random.Random:
        """Randomness of one activity, independent of all others: adding one changes no other."""
        return random.Random(f"{self.seed}/{name}")

    def at(self, day: int, clock: time, seconds: float = 0) -> datetime:
        """The moment of a clock time in the estate's zone on working day `day` (from 0)."""
        return datetime.combine(self.day(day), clock, self.zone) + timedelta(seconds=seconds)

    def day(self, number: int) -> date:
        """The date of working day `number` (from 0); weekends are skipped."""
        moment = self.spec.start
        while moment.weekday() >= 5:
            moment += timedelta(days=1)
        for _ in range(number):
            moment += timedelta(days=3 if moment.weekday() == 4 else 1)
        return moment

    def next_session(self, host: str) -> int:
        """The number of logind's next session on a Linux host."""
        self.sessions[host] = self.sessions.get(host, 20) + 1
        return self.sessions[host]

    def uid(self, account: str) -> int:
        """The Unix uid of a domain account, as sssd derives it from the SID."""
        return 120_000 + int(self.accounts[account].sid.rsplit("-", 1)[1])

    def qualified(self, account: str) -> str:
        r"""`DOMAIN\name`."""
        return f"{self.domain}\\{account}"


def build_estate(spec: RangeSpec, files: Files, seed: int) -> Estate:
    """The estate at its first midnight."""
    zone = ZoneInfo(spec.zone)
    schedule = Schedule(datetime.combine(spec.start, time(0), zone))
    rng = random.Random(f"{seed}/estate")
    machines = {host.name: _machine(host, spec, files, schedule, zone, rng) for host in spec.hosts}
    by_role = {host.role: machines[host.name] for host in spec.hosts}
    return Estate(
        spec=spec,
        seed=seed,
        schedule=schedule,
        files=files,
        truth=Truth(files, schedule),
        zeek=ZeekLog(files, schedule, random.Random(f"{seed}/zeek")),
        zone=zone,
        machines=machines,
        gateways={g.name: _gateway(g, spec, files, schedule, zone) for g in spec.gateways},
        accounts=_accounts(spec),
        controller=by_role["controller"],
        jump=by_role["jump"],
    )


def _machine(
    host: HostSpec, spec: RangeSpec, files: Files, schedule: Schedule, zone: ZoneInfo, rng: random.Random
) -> Machine:
    linux = host.role == "linux"
    fqdn = f"{host.name}.{spec.domain.dns}"
    record, logon, pid, port = (rng.randrange(20_000, 400_000) for _ in range(4))
    return Machine(
        spec=host,
        fqdn=fqdn,
        log=None if linux else WindowsLog(files, schedule, host.name, fqdn, record),
        syslog=SyslogFile(files, schedule, zone, host.name) if linux else None,
        machine_guid=f"{rng.getrandbits(32):08X}",
        logon=0x30000 + logon,
        pid=pid % 30_000,
        port=FIRST_EPHEMERAL + port % (LAST_EPHEMERAL - FIRST_EPHEMERAL),
    )


def _gateway(
    gateway: GatewaySpec, spec: RangeSpec, files: Files, schedule: Schedule, zone: ZoneInfo
) -> Gateway:
    log: AsaLog | OpenVpnLog
    if gateway.kind == "anyconnect":
        log = AsaLog(files, schedule, zone, gateway.name, gateway.group)
    else:
        log = OpenVpnLog(files, schedule, zone, gateway.name, f"{spec.organisation} CA")
    first = int(gateway.pool.network_address) + 11
    last = min(int(gateway.pool.broadcast_address), first + 64)
    return Gateway(gateway, log, [str(gateway.pool[n - first + 11]) for n in range(first, last)])


def _accounts(spec: RangeSpec) -> dict[str, Account]:
    privileged = [person.account for provider in spec.providers for person in provider.people]
    privileged += [service.account for provider in spec.providers for service in provider.services]
    privileged.append(spec.staff.administrator.account)
    plain = [person.account for person in spec.staff.people]
    plain += [f"{host.name.upper()}$" for host in spec.hosts if host.role != "linux"]
    accounts: dict[str, Account] = {}
    for number, name in enumerate((*privileged, *plain)):
        sid = f"S-1-5-21-1987340912-3471182045-2068125517-{1104 + number}"
        accounts[name] = Account(name, sid, name in privileged)
    return accounts
