"""What people and services do from the time they come to the time they leave."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from countersign.range.calendar import SECOND
from countersign.range.estate import Account, Estate, Host, Person, Provider
from countersign.range.plan.chores import chore
from countersign.range.plan.cloud_work import aws_visit, cloud_visit, okta_visit
from countersign.range.plan.deeds import Deeds
from countersign.range.plan.errands import errands
from countersign.range.plan.places import Desktop, Foothold
from countersign.range.plan.working import WORKED_ON, ask, command_for, roll_out, tool_for, work
from countersign.range.spec import Way
from countersign.range.streams.base import shell_at_desk
from countersign.range.streams.fields import Session

MISTYPED, DROPPED, CHORES = 0.08, 0.15, 0.35
OTHER_ACCOUNT = 0.35
"""How often a piece of work is done with the provider's service account, which may more."""
ROLLED_OUT, ASKED, ONCE_MORE = 0.2, 0.12, 0.25
"""How often in a visit a package is put on several hosts, how often several are asked how they are, and how often there is
something left to do at the jump host."""
SENDS, INSTALLS = 0.4, 0.25
"""How often a file is sent by remote support, and how often another tool for it is installed."""

Play = Callable[[Deeds], None]


class Plays:
    """The plays of an estate's people."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self._numbers = {provider.spec.name: provider.number for provider in estate.providers}

    def of_provider(
        self,
        provider: Provider,
        person: Person,
        roll: float,
        *,
        origin: str = "",
        patching: bool = False,
        emergency: bool = False,
    ) -> Play:
        """A person of a provider at work; `roll` (0 to 1) says by which of its ways."""
        ways = provider.spec.ways
        way = _chosen(ways, roll)

        came = origin or person.origin

        def play(acts: Deeds) -> None:
            if way == "entra":
                cloud_visit(acts, provider, person, came)
            elif way == "aws":
                aws_visit(acts, provider, person, came)
            elif way == "okta":
                okta_visit(acts, person, came)
            elif way == "support":
                self._support(acts, provider, person, came)
            elif way == "bastion":
                self._lent(acts, person, came)
            else:
                self._inside(acts, provider, person, way, came, patching=patching, emergency=emergency)

        return play

    def _support(self, acts: Deeds, provider: Provider, person: Person, origin: str) -> None:
        """One or two machines by remote support, one after the other, with commands and a file now and then."""
        rng = acts.rng
        windows = [i for i in (*person.hosts, *provider.servers) if not self.estate.hosts[i].linux]
        support = acts.support(person.upn, origin, self.estate.hosts[rng.choice(windows or [provider.jump])])
        for _ in range(rng.randrange(1, 5)):
            acts.wait(10 * person.pace, 200 * person.pace)
            acts.command(support, command_for(support.desktop.host, rng))
        if rng.random() < SENDS:
            acts.send(support, rng.choice(("update.msi", "collect.zip", "AnyDesk.exe", "agent-setup.exe")))
        if rng.random() < INSTALLS:
            acts.supply(support.desktop.seat)
        errands(acts, support.desktop, lambda command: acts.command(support, command))
        if rng.random() < CHORES:
            chore(acts, support.desktop, self.estate.hosts)
        acts.wait(20, 400)
        acts.disconnect(support)

    def _lent(self, acts: Deeds, person: Person, origin: str) -> None:
        """Through the bastion to one or a few hosts, with the account that it lends."""
        rng = acts.rng
        caller, place = acts.bastion(person, origin, mfa=rng.random() < 0.95)
        for _ in range(rng.choice((1, 1, 2, 3))):
            acts.wait(10 * person.pace, 90 * person.pace)
            host = self.estate.hosts[rng.choice(person.hosts)]
            if host.linux:
                acts.lent_shell(caller, place, host, person.account)
            else:
                lent, desktop = acts.lent_desktop(caller, place, host, person.account)
                for _ in range(rng.randrange(1, 4)):
                    acts.wait(30 * person.pace, 400 * person.pace)
                    acts.run(desktop, command_for(host, rng))
                errands(acts, desktop)
                acts.wait(20, 200)
                acts.leave(desktop)
                acts.given_back(lent)
        acts.visit.hops[0].end = acts.now

    def maintained(self, service: Person, hosts: Sequence[Host]) -> Play:
        """A management tool's night: its agents on some hosts work one after the other."""

        def play(acts: Deeds) -> None:
            for host in hosts:
                acts.agent(service, host)
                acts.wait(10, 90)

        return play

    def automatic(self, account: Account, host: Host, until: int) -> Play:
        """A vendor's workstation logs its own account on, and stays logged on all day."""

        def play(acts: Deeds) -> None:
            hop = acts.hop(account.qualified, None, host.name, host.name, "console")
            session = Session()
            acts.interactive(host, account, session, Session(), 2, "127.0.0.1", hop)
            acts.wait(30, 120)
            acts.now = max(acts.now, until)
            acts.logoff(host, account, session, 2, hop)
            hop.end = acts.now

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
        if acts.day == person.password_day:
            acts.password(desktop.seat)
        for _ in range(rng.randrange(3)):
            acts.wait(10, 90)
            acts.run(desktop, command_for(desktop.host, rng))
        errands(acts, desktop)
        some = provider.servers if emergency or patching else list(person.hosts)
        for _ in range(rng.randrange(4, 9) if patching else rng.choice(WORKED_ON)):
            acts.wait(15 * person.pace, 160 * person.pace)
            target = hosts[rng.choice(some) if rng.random() < 0.5 else some[0]]
            if target.index != provider.jump:
                self._work(acts, desktop, target, person, patching=patching)
        self._beside(acts, provider, person, desktop)
        if rng.random() < ONCE_MORE:
            errands(acts, desktop)
        acts.wait(30, 200)
        acts.leave(desktop)
        acts.wait(3, 30)
        if tunnel is not None:
            acts.hang_up(tunnel, rng.randrange(4 * 10**6, 6 * 10**7), rng.randrange(10**6, 9 * 10**6))

    def _beside(self, acts: Deeds, provider: Provider, person: Person, desktop: Desktop) -> None:
        """What comes up now and then at the jump host: a package for several hosts, a chore, a connection lost."""
        rng, hosts = acts.rng, self.estate.hosts
        account = self._account(provider, person, rng)
        several = rng.random()
        if several < ROLLED_OUT + ASKED:
            acts.wait(15 * person.pace, 160 * person.pace)
            windows = [hosts[i] for i in provider.servers if not hosts[i].linux and i != provider.jump]
            targets = rng.sample(windows, min(len(windows), rng.randrange(2, 6)))
            first, acting = len(acts.visit.hops), replace(person, account=account)
            if several < ROLLED_OUT:
                roll_out(acts, desktop.inside, targets, acting)
            else:
                ask(acts, desktop.inside, targets[:3], acting)
            _switched(acts, first, person, account)
        if rng.random() < CHORES:
            first = len(acts.visit.hops)
            chore(acts, desktop, hosts, account)
            _switched(acts, first, person, account)
        if rng.random() < DROPPED:
            dropped(acts, desktop)
            acts.run(desktop, command_for(desktop.host, rng))

    def _work(self, acts: Deeds, desktop: Desktop, target: Host, person: Person, *, patching: bool) -> None:
        rng, first = acts.rng, len(acts.visit.hops)
        # Linux hosts have each person's own key, and nothing would show by whom another's was used
        provider = self.estate.providers[self._numbers[person.provider]]
        other = person.account if target.linux else self._account(provider, person, rng)
        acting = replace(person, account=other)
        work(acts, desktop.inside, target, acting, tool_for(rng, person), patching=patching)
        _switched(acts, first, person, other)

    @staticmethod
    def _account(provider: Provider, person: Person, rng: random.Random) -> Account:
        """The account that a piece of work is done with."""
        able = provider.services and rng.random() < OTHER_ACCOUNT
        return provider.services[0].account if able else person.account

    def handing_over(self, provider: Provider, person: Person, moment: int, held: list[Desktop]) -> Play:
        """Somebody works on the jump host with a shared account until the shift ends, and leaves the session there."""

        def play(acts: Deeds) -> None:
            tunnel, place = acts.entered(provider.spec.gateway, person)
            desktop = acts.rdp(place, self.estate.hosts[provider.jump], person.account)
            for _ in range(acts.rng.randrange(1, 4)):
                acts.wait(60 * person.pace, 400 * person.pace)
                acts.run(desktop, command_for(desktop.host, acts.rng))
            acts.now = max(acts.now, moment - 60 * SECOND)
            acts.drop(desktop)
            acts.wait(2, 9)
            if tunnel is not None:
                acts.hang_up(tunnel, 9_000_000, 2_000_000)
            held.append(desktop)

        return play

    def taking_over(self, provider: Provider, person: Person, held: list[Desktop]) -> Play:
        """The next shift goes on in the session that was left."""

        def play(acts: Deeds) -> None:
            tunnel, place = acts.entered(provider.spec.gateway, person)
            acts.wait(5, 60)
            jump, left = self.estate.hosts[provider.jump], held.pop()
            acts.now = max(acts.now, left.hop.end + 5 * SECOND)
            hop = acts.hop(person.account.qualified, place, place.name, jump.name, "rdp")
            inside = replace(left.inside, hop=hop.number)
            acts.began[inside.shell] = inside.since
            desktop = replace(left, hop=hop, source=place, inside=inside)
            acts.rejoin(desktop)
            for _ in range(acts.rng.randrange(1, 4)):
                acts.wait(60 * person.pace, 400 * person.pace)
                acts.run(desktop, command_for(jump, acts.rng))
            acts.leave(desktop)
            if tunnel is not None:
                acts.hang_up(tunnel, 8_000_000, 2_000_000)

        return play

    def unattended(self, provider: Provider, service: Person) -> Play:
        """A service's night: it comes, copies from its hosts, and leaves."""

        def play(acts: Deeds) -> None:
            spec = provider.spec
            tunnel = None
            if spec.gateway is not None and "vpn" in spec.ways:
                tunnel, place = acts.vpn(spec.gateway, service, service.origin)
                acts.wait(3, 9)
            else:
                place = acts.outside(service.origin, service.client)
            for index in service.hosts[:3]:
                host = self.estate.hosts[index]
                if host.linux:
                    copied = ("/usr/bin/rsync --server --sender -logDtpr . /srv",)
                    acts.ssh(place, host, service.account, copied, unattended=True)
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

    def own(self, person: Person) -> Play:
        """One of the customer's administrators at work, from the workstation where that one sits."""

        def play(acts: Deeds) -> None:
            rng, host = acts.rng, self.estate.hosts[int(person.origin)]
            # who sits there is an ordinary member of staff, and gives the administrator's credentials where they are needed
            session, shell = Session(), shell_at_desk(self.estate.base("windows", host.index), acts.day)
            since = acts.began[shell] = self.estate.calendar.day(acts.day).start
            place = Foothold(
                host.name, host.ip, host.seen, host.name, -1, host, host.user or person.account, session, shell, 1, since
            )  # fmt: skip
            if rng.random() < CHORES:
                desktop = acts.rdp(
                    place, self.estate.hosts[rng.choice(self.estate.by_role["controller"])], person.account
                )
                for _ in range(rng.randrange(1, 4)):
                    acts.wait(20, 120)
                    acts.run(desktop, command_for(desktop.host, rng))
                chore(acts, desktop, self.estate.hosts)
                errands(acts, desktop)
                acts.wait(60, 400)
                acts.leave(desktop)
            for _ in range(rng.choice((1, 1, 2, 3))):
                target = self.estate.hosts[rng.choice(person.hosts)]
                work(acts, place, target, person, tool_for(rng, person), patching=False)
                acts.wait(20, 600)

        return play


def _switched(acts: Deeds, first: int, person: Person, account: Account) -> None:
    """Marks the hops since `first` where they were made with another account than the person's."""
    for hop in acts.visit.hops[first:]:
        hop.by(other=account is not person.account)


def dropped(acts: Deeds, desktop: Desktop) -> None:
    """The connection is lost, and comes back."""
    acts.drop(desktop)
    acts.wait(30, 1500)
    acts.rejoin(desktop)
    acts.wait(60, 400)


def _chosen(ways: Mapping[Way, float], roll: float) -> Way:
    total, passed = sum(ways.values()), 0.0
    for way, share in ways.items():
        passed += share / total
        if roll < passed:
            return way
    return next(iter(ways))
