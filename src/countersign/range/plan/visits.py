"""Who comes when: providers' people and services, and the customer's own administrators, day by day."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from countersign.range.calendar import HOUR, MINUTE, SATURDAY, SECOND, Day, moment
from countersign.range.draws import generator, key, mix
from countersign.range.estate import Estate, Host, Person, Provider
from countersign.range.plan.acts import Acts
from countersign.range.plan.chores import chore, synchronised
from countersign.range.plan.commands import BY_ROLE, GENERAL, RARE, UPLOADS
from countersign.range.plan.deeds import Deeds
from countersign.range.plan.everyday import Layout
from countersign.range.plan.scene import Desktop, Foothold
from countersign.range.spec import GatewaySpec, ProviderSpec, Way
from countersign.range.streams.base import Record
from countersign.range.streams.windows import Session
from countersign.range.truth import TrueVisit
from countersign.range.writers.times import fill

NIGHT_CALLS, EMERGENCIES = 0.18, 0.03
"""How often a provider is called at night, and how often for a host that it does not look after; each day."""
MISTYPED, DROPPED, RARE_COMMAND, CHORES = 0.08, 0.15, 0.06, 0.15
SYNCHRONISED = 6
"""How often in a day the directory is copied to the cloud; half-hourly in life."""
PATCH_DAYS = range(8, 15)
"""The Saturday after the second Tuesday is when servers are patched."""
SHARE_NAMES = ("Install", "Projects", "Departments")

Play = Callable[[Deeds], None]


class Gateways:
    """The addresses that the gateways give out: the lowest that is free, so that they come again soon."""

    def __init__(self, gateways: tuple[GatewaySpec, ...]) -> None:
        self._free: dict[str, dict[str, int]] = {}
        for gateway in gateways:
            first = int(gateway.pool.network_address) + 11
            last = min(int(gateway.pool.broadcast_address), first + 400)
            self._free[gateway.name] = {str(gateway.pool[n - first + 11]): 0 for n in range(first, last)}

    def lease(self, gateway: str, now: int) -> str:
        """An address that is free now."""
        pool = self._free[gateway]
        for address, free in pool.items():
            if free + 20 * SECOND < now:
                pool[address] = 1 << 62
                return address
        raise RuntimeError(f"{gateway} has no free address: its pool is too small for this range")

    def aside(self, gateway: str, now: int) -> str:
        """An address that was used before and is free now, but is not taken from the others: the highest of these."""
        free = [address for address, since in self._free[gateway].items() if since + 20 * SECOND < now]
        return next((address for address in reversed(free) if self._free[gateway][address]), free[0])

    def release(self, gateway: str, address: str, now: int) -> None:
        """The address is free from now on."""
        self._free[gateway][address] = now


class Planner:
    """Makes the visits of one day after the other, with their records by stream."""

    def __init__(self, estate: Estate, layout: Layout) -> None:
        self.estate, self.layout = estate, layout
        self._gateways = Gateways(estate.spec.gateways)
        self._later: dict[int, list[Record]] = {}
        self._now: dict[int, list[Record]] = {}
        self._end = 0
        self._beside = False
        fill()

    def tell(self, stream: int, record: Record) -> None:
        """A record, of today or of a day to come."""
        where = self._now if record.time < self._end else self._later
        where.setdefault(stream, []).append(record)

    def lease(self, gateway: str, now: int) -> str:
        """An address of a gateway."""
        return self._gateways.aside(gateway, now) if self._beside else self._gateways.lease(gateway, now)

    def release(self, gateway: str, address: str, now: int) -> None:
        """Gives an address back."""
        if not self._beside:
            self._gateways.release(gateway, address, now)

    def day(
        self, day: Day, more: list[tuple[int, Play, TrueVisit]] | None = None
    ) -> tuple[dict[int, list[Record]], list[TrueVisit]]:
        """The records of a day by stream, and the visits that begin on it. `more` are visits beside the ordinary ones."""
        self._end = day.end if day.number < self.estate.spec.days - 1 else 1 << 62
        waiting, self._now, self._later = self._later, {}, {}
        for stream, records in waiting.items():
            for record in records:
                self.tell(stream, record)
        ordinary = sorted(self._begins(day), key=lambda begin: (begin[0], begin[2].key))
        visits = []
        # overlays come last and take nothing away, so that ordinary visits stay what they are without them
        for number, (start, play, visit) in enumerate([*ordinary, *(more or [])]):
            self._beside = number >= len(ordinary)
            # a plan is played more than once, and each time from its begin
            visit = replace(visit, hops=[], steps=[])  # noqa: PLW2901 # as said
            rng = random.Random(visit.key)
            visit.start = start
            acts = Deeds(self.estate, self.layout, self, visit, rng, day.number)
            play(acts)
            visit.end = acts.now
            for hop in visit.hops:
                hop.end = hop.end or acts.now
            visits.append(visit)
        return self._now, visits

    # who comes when

    def _begins(self, day: Day) -> list[tuple[int, Play, TrueVisit]]:
        out: list[tuple[int, Play, TrueVisit]] = []
        for provider in self.estate.providers:
            out += self._of_provider(provider, day)
        for number, person in enumerate(self.estate.administrators):
            out += self._of_administrator(number, person, day)
        out += self._in_outage(day)
        for number in range(SYNCHRONISED):
            start = day.start + int((number + 0.3) * day.length / SYNCHRONISED)
            visit = self._visit(start, "", "directory synchronisation", "service", "sync", day.number, number)
            out.append((start, synchronised, visit))
        return out

    def _visit(
        self, start: int, provider: str, person: str, kind: str, *parts: object, tags: tuple[str, ...] = ()
    ) -> TrueVisit:
        return TrueVisit(
            key(self.estate.seed, "visit", provider, *parts), provider, person, kind, start, tags=tags
        )

    def _of_provider(self, provider: Provider, day: Day) -> list[tuple[int, Play, TrueVisit]]:
        spec, out = provider.spec, []
        rng = generator(self.estate.seed, "calls", spec.name, day.number)
        patching = day.date.weekday() == SATURDAY and day.date.day - 4 in PATCH_DAYS
        working = day.date.weekday() < SATURDAY and (not day.holiday or rng.random() < 0.3)
        for number, person in enumerate(provider.people):
            its = generator(self.estate.seed, "person", spec.name, number, day.number)
            if not person.joined <= day.number < person.left or day.number in person.absent:
                continue
            count = _times(its, spec.visits) if working else int(patching and its.random() < 0.6)
            for one in range(count):
                start = self._shift(person, day, its) if working else self._evening(day, its)
                tags = (("patching",) if patching else ()) + (("shared account",) if person.shared else ())
                play = self._play(provider, person, its.random(), patching=patching)
                visit = self._visit(
                    start,
                    spec.name,
                    person.alias or person.name,
                    "person",
                    number,
                    day.number,
                    one,
                    tags=tags,
                )
                out.append((start, play, visit))
        if spec.on_call and rng.random() < NIGHT_CALLS:
            out.append(self._called(provider, day, rng))
        for number, service in enumerate(provider.services):
            start = self._nightly(day, number, rng)
            visit = self._visit(start, spec.name, service.name, "service", "service", number, day.number)
            out.append((start, self._unattended(provider, service), visit))
        return out

    def _called(self, provider: Provider, day: Day, rng: random.Random) -> tuple[int, Play, TrueVisit]:
        """Somebody is called at night, and comes over a mobile network or from home."""
        spec = provider.spec
        person = provider.people[(day.number // 7) % len(provider.people)]
        start = moment(
            day.date, f"{rng.choice((1, 2, 3, 4, 5, 20, 21, 22)):02d}:{rng.randrange(60):02d}", spec.zone
        )
        start = max(start, day.start + MINUTE)
        origin = str(rng.choice(spec.mobile or spec.origins)[rng.randrange(1, 7)])
        odd = rng.random() < EMERGENCIES / NIGHT_CALLS
        visit = self._visit(
            start,
            spec.name,
            person.name,
            "person",
            "call",
            day.number,
            tags=("on call", *(["emergency"] * odd)),
        )
        return start, self._play(provider, person, 0.0, origin=origin, emergency=odd), visit

    def _shift(self, person: Person, day: Day, rng: random.Random) -> int:
        begin, end = (moment(day.date, text, person.zone) for text in person.hours)
        if end < begin:
            end = begin + 8 * HOUR
        first, last = begin + 15 * MINUTE, max(end - 2 * HOUR, begin + HOUR)
        return min(max(first + int(rng.random() * (last - first)), day.start), day.end - MINUTE)

    def _evening(self, day: Day, rng: random.Random) -> int:
        return moment(day.date, "19:00", self.estate.spec.zone) + int(rng.random() * 4 * HOUR)

    def _in_outage(self, day: Day) -> list[tuple[int, Play, TrueVisit]]:
        """A hospital's clinical system stands still: its vendors come at any hour, and the break-glass account is used."""
        out: list[tuple[int, Play, TrueVisit]] = []
        if self.estate.spec.profile != "hospital" or day.number not in {
            self.estate.spec.days // 2,
            self.estate.spec.days // 2 + 1,
        }:
            return out
        clinical = set(self.estate.by_role["clinical"])
        rng = generator(self.estate.seed, "outage", day.number)
        for provider in self.estate.providers:
            for one in range(3 if clinical & set(provider.servers) else 0):
                person = rng.choice(provider.people)
                start = day.start + 4 * HOUR + int(rng.random() * 16 * HOUR)
                visit = self._visit(
                    start,
                    provider.spec.name,
                    person.name,
                    "person",
                    "outage",
                    day.number,
                    one,
                    tags=("outage", "emergency"),
                )
                out.append((start, self._play(provider, person, 0.0, emergency=True), visit))
        first = self.estate.administrators[0]
        person = replace(
            first, account=replace(first.account, name="breakglass01", sid=first.account.sid + "7")
        )
        start = day.start + 5 * HOUR + int(rng.random() * 3 * HOUR)
        out.append(
            (
                start,
                self._own(person),
                self._visit(start, "", "break-glass", "person", "glass", day.number, tags=("break-glass",)),
            )
        )
        return out

    def _nightly(self, day: Day, number: int, rng: random.Random) -> int:
        return moment(day.date, f"{21 + number % 2}:{5 + number % 50:02d}", self.estate.spec.zone) + int(
            rng.random() * 4 * MINUTE
        )

    def _of_administrator(self, number: int, person: Person, day: Day) -> list[tuple[int, Play, TrueVisit]]:
        out: list[tuple[int, Play, TrueVisit]] = []
        rng = generator(self.estate.seed, "administrator", number, day.number)
        if not day.working or day.number in person.absent:
            return out
        for one in range(_times(rng, 4)):
            start = self._shift(person, day, rng)
            visit = self._visit(start, "", person.name, "person", number, day.number, one)
            out.append((start, self._own(person), visit))
        return out

    # what they do

    def _play(
        self,
        provider: Provider,
        person: Person,
        roll: float,
        *,
        origin: str = "",
        patching: bool = False,
        emergency: bool = False,
    ) -> Play:
        ways = provider.spec.ways
        way = _chosen(ways, roll)

        def play(acts: Deeds) -> None:
            if way == "entra":
                cloud_visit(acts, provider, person, origin or person.origin)
            elif way == "aws":
                aws_visit(acts, provider, person, origin or person.origin)
            else:
                self._inside(
                    acts,
                    provider,
                    person,
                    way,
                    origin or person.origin,
                    patching=patching,
                    emergency=emergency,
                )

        return play

    def _inside(
        self,
        acts: Deeds,
        provider: Provider,
        person: Person,
        way: str,
        origin: str,
        *,
        patching: bool,
        emergency: bool,
    ) -> None:
        rng, hosts = acts.rng, self.estate.hosts
        changed = 0 <= person.password_day <= acts.day < person.password_day + 2
        tunnel = None
        if way == "vpn" and provider.spec.gateway is not None:
            tunnel, place = acts.vpn(
                provider.spec.gateway, person, origin, mistyped=rng.random() < (0.5 if changed else MISTYPED)
            )
            acts.wait(20, 90)
        else:
            place = acts.outside(origin, person.client)
        desktop = acts.rdp(place, hosts[provider.jump], person.account)
        for _ in range(rng.randrange(3)):
            acts.wait(10, 90)
            acts.run(desktop, command_for(desktop.host, rng))
        some = provider.servers if emergency or patching else list(person.hosts)
        for _ in range(rng.randrange(4, 9) if patching else rng.choice((1, 1, 1, 2, 2, 3))):
            acts.wait(15 * person.pace, 160 * person.pace)
            target = hosts[rng.choice(some) if rng.random() < 0.5 else some[0]]
            if target.index != provider.jump:
                self._work(acts, desktop, target, person, patching=patching)
        if rng.random() < CHORES:
            chore(acts, desktop, hosts)
        if rng.random() < DROPPED:
            acts.drop(desktop)
            acts.wait(30, 1500)
            acts.rejoin(desktop)
            acts.wait(60, 400)
            acts.run(desktop, command_for(desktop.host, rng))
        acts.wait(30, 200)
        acts.leave(desktop)
        acts.wait(3, 30)
        if tunnel is not None:
            acts.hang_up(tunnel, rng.randrange(4 * 10**6, 6 * 10**7), rng.randrange(10**6, 9 * 10**6))

    def _work(self, acts: Acts, desktop: Desktop, target: Host, person: Person, *, patching: bool) -> None:
        rng = acts.rng
        work(acts, desktop.inside, target, person, tool_for(rng, person), patching=patching)

    def _unattended(self, provider: Provider, service: Person) -> Play:
        def play(acts: Deeds) -> None:
            spec: ProviderSpec = provider.spec
            tunnel = None
            if spec.gateway is not None and "vpn" in spec.ways:
                tunnel, place = acts.vpn(spec.gateway, service, service.origin)
                acts.wait(3, 9)
            else:
                place = acts.outside(service.origin, service.client)
            for index in service.hosts[:3]:
                host = self.estate.hosts[index]
                if host.linux:
                    acts.ssh(
                        place, host, service.account, ("/usr/bin/rsync --server --sender -logDtpr . /srv",)
                    )
                else:
                    paths = [(f"daily\\set-{n:03d}.vbk", False) for n in range(acts.rng.randrange(8, 20))]
                    acts.smb(
                        place,
                        host,
                        service.account,
                        "Backup",
                        paths,
                        size=acts.rng.randrange(10**8, 9 * 10**8),
                    )
                acts.wait(5, 60)
            if tunnel is not None:
                acts.hang_up(tunnel, 9 * 10**8, 10**7)

        return play

    def _own(self, person: Person) -> Play:
        def play(acts: Deeds) -> None:
            rng, host = acts.rng, self.estate.hosts[int(person.origin)]
            place = Foothold(
                host.name,
                host.ip,
                host.seen,
                host.name,
                -1,
                host,
                person.account,
                Session(),
                mix(acts.visit.key),
                1,
            )
            if rng.random() < CHORES:
                desktop = acts.rdp(
                    place, self.estate.hosts[rng.choice(self.estate.by_role["controller"])], person.account
                )
                chore(acts, desktop, self.estate.hosts)
                acts.wait(60, 400)
                acts.leave(desktop)
            for _ in range(rng.choice((1, 1, 2, 3))):
                target = self.estate.hosts[rng.choice(person.hosts)]
                work(acts, place, target, person, tool_for(rng, person), patching=False)
                acts.wait(20, 600)

        return play


def _times(rng: random.Random, mean: float) -> int:
    return int(mean * rng.uniform(0.4, 1.6) + rng.random())


def _chosen(ways: Mapping[Way, float], roll: float) -> Way:
    total, passed = sum(ways.values()), 0.0
    for way, share in ways.items():
        passed += share / total
        if roll < passed:
            return way
    return next(iter(ways))


def tool_for(rng: random.Random, person: Person) -> str:
    """One of a person's tools, mostly the favourite."""
    return person.tools[min(int(rng.expovariate(1.1)), len(person.tools) - 1)]


def command_for(host: Host, rng: random.Random) -> str:
    """Something that somebody types on a host."""
    if rng.random() < RARE_COMMAND:
        return rng.choice(RARE)
    return rng.choice(GENERAL + BY_ROLE.get(host.role, ()) * 4)


def work(acts: Acts, place: Foothold, target: Host, person: Person, tool: str, *, patching: bool) -> None:
    """A piece of work on a host, by a tool."""
    rng, account = acts.rng, person.account
    if target.linux:
        acts.ssh(place, target, account)
        return
    commands = [command_for(target, rng) for _ in range(rng.randrange(1, 5))]
    if patching:
        commands = [
            r"C:\Windows\System32\wusa.exe C:\Install\windows10.0-kb5034441-x64.msu /quiet /norestart",
            *commands[:1],
        ]
    if tool == "winrm":
        acts.winrm(place, target, account, commands)
    elif tool == "smb":
        paths = [
            (rng.choice(UPLOADS) % rng.randrange(90), rng.random() < 0.4) for _ in range(rng.randrange(2, 8))
        ]
        share = rng.choice((*SHARE_NAMES, "C$", "ADMIN$"))
        acts.smb(place, target, account, share, paths, size=rng.randrange(10**5, 9 * 10**7))
    elif tool == "psexec":
        acts.psexec(place, target, account, commands[:2])
    elif tool == "wmi":
        acts.wmi(place, target, account, commands[:2])
    elif tool == "task":
        acts.task(place, target, account, f"maintenance-{rng.randrange(90)}", commands[0])
    elif tool == "service":
        acts.service(place, target, account, f"Updater{rng.randrange(9)}", r"C:\Install\updater.exe")
    else:
        _desktop(acts, place, target, person, commands)


def _desktop(acts: Acts, place: Foothold, target: Host, person: Person, commands: list[str]) -> None:
    desktop = acts.rdp(place, target, person.account)
    for command in commands:
        acts.wait(40 * person.pace, 500 * person.pace)
        acts.run(desktop, command)
    acts.wait(30, 500)
    acts.leave(desktop)


OFFICE_WORK = (
    "MailItemsAccessed",
    "Set-Mailbox",
    "New-InboxRule",
    "FileAccessed",
    "FileDownloaded",
    "Add-MailboxPermission",
)
DIRECTORY_WORK = (
    ("Update user", "UserManagement"), ("Reset user password", "UserManagement"), ("Add member to group", "GroupManagement"),
    ("Consent to application", "ApplicationManagement"), ("Add service principal credentials", "ApplicationManagement"),
    ("Add member to role", "RoleManagement"), ("Update conditional access policy", "Policy"),
)  # fmt: skip
AWS_WORK = (
    ("ec2", "DescribeInstances", True), ("ec2", "DescribeSnapshots", True), ("s3", "ListBuckets", True),
    ("iam", "ListUsers", True), ("iam", "ListRoles", True), ("ec2", "AuthorizeSecurityGroupIngress", False),
    ("ssm", "SendCommand", False), ("iam", "CreateAccessKey", False), ("ec2", "ModifySnapshotAttribute", False),
    ("secretsmanager", "GetSecretValue", True), ("cloudtrail", "DescribeTrails", True), ("sts", "GetCallerIdentity", True),
    ("cloudtrail", "StopLogging", False), ("rds", "DescribeDBInstances", True),
)  # fmt: skip
"""What partners do in an account; the rare ones are an intruder's too."""


def cloud_visit(acts: Acts, provider: Provider, person: Person, origin: str) -> None:
    """A partner's administrator in the tenant."""
    rng = acts.rng
    hop, _ = acts.sign_in(
        person.upn, person.name, origin, provider.tenant_id, rng.randrange(5), mfa=rng.random() < 0.97
    )
    for _ in range(rng.randrange(2, 12)):
        acts.wait(10 * person.pace, 300 * person.pace)
        if rng.random() < 0.5:
            operation, category = rng.choices(DIRECTORY_WORK, (8, 5, 5, 0.4, 0.4, 0.6, 0.4))[0]
            target: dict[str, object] = {"type": "User", "displayName": f"user{rng.randrange(900)}"}
            acts.directory(hop, person.upn, origin, operation, category, [target])
        else:
            operation = rng.choices(OFFICE_WORK, (2, 2, 0.3, 5, 2, 0.5))[0]
            acts.office(hop, person.upn, origin, operation, {"ObjectId": f"user{rng.randrange(900)}"})


def aws_visit(acts: Acts, provider: Provider, person: Person, origin: str) -> None:
    """A partner's operator in an account; now and then from there into another."""
    rng, estate = acts.rng, acts.estate
    name = person.upn.partition("@")[0]
    account = rng.randrange(len(estate.aws))
    hop, identity, account = acts.assume(f"{provider.spec.name}-operations", name, origin, account=account)
    for _ in range(rng.randrange(3, 20)):
        acts.wait(5 * person.pace, 120 * person.pace)
        service, call, read = rng.choices(AWS_WORK, (9, 5, 5, 3, 3, 0.6, 1, 0.3, 0.3, 0.8, 2, 4, 0.05, 3))[0]
        acts.call(hop, identity, account, origin, service, call, read_only=read)
