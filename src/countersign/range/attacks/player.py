"""An intruder in the middle of things: where they are, as whom, and with how much care.

Care: 0 noisy (own tools, strange places and times); 1 living off the land; 2 also at agreed hours, from the provider's own
network, to agreed systems; 3 also with that person's own tool, host and pace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from countersign.range.estate import Account, Estate, Host, Person, Provider
from countersign.range.plan.brokers import Support
from countersign.range.plan.deeds import Deeds
from countersign.range.plan.errands import FETCHED, diagnose, errands, fetch
from countersign.range.plan.places import Cause, Desktop, Foothold, Tunnel
from countersign.range.plan.working import WORKED_ON, by_tool, command_for, from_afar, tool_for, work
from countersign.range.truth import TrueHop

NOISY, OFF_THE_LAND, AGREED, IN_CHARACTER = range(4)
STAGE = {NOISY: r"C:\PerfLogs", OFF_THE_LAND: r"C:\Temp", AGREED: r"C:\Temp", IN_CHARACTER: r"C:\Temp"}
SEEN = (0, 0, 1, 1)
"""To how many hosts somebody goes to see what is there who does all else by the person's own tools."""
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
    support: Support | None = None
    doing: str = ""
    """The name of the step that is being played."""

    @property
    def at(self) -> Desktop:
        """The desktop where the intruder sits."""
        if self.desktop is None:
            raise RuntimeError("a step on a host comes after `rdp`")
        return self.desktop

    @property
    def remote(self) -> bool:
        """Whether the intruder sits at a remote-support tool's command line, and at no desktop."""
        return self.support is not None and self.desktop is self.support.desktop

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

    def cause(self, technique: str = "") -> Cause:
        """Why the step that is being played does something."""
        return Cause(technique, self.doing if technique else "", self.switched)

    def in_character(self, host: Host, technique: str = "") -> bool:
        """At the highest care the person's own tool is taken, whatever the scenario says; whether that was done.

        The technique is then that tool's, after what it is for.
        """
        if self.care < IN_CHARACTER:
            return False
        first = len(self.acts.visit.hops)
        acting = replace(self.person, account=self.who)
        work(self.acts, self.at.inside, host, acting, tool_for(self.acts.rng, self.person), patching=False)
        for hop in self.acts.visit.hops[first:]:
            hop.by(other=self.switched)
            cause = Cause(technique, self.doing, self.switched)
            self.acts.came_by(hop, cause, "by the person's own tool", aim=technique)
        self.pause()
        return True

    def type(self, command: str, technique: str) -> int:
        """A command at the desktop; through the remote-support tool where that is where the intruder is."""
        if self.support is not None and self.remote:
            return self.acts.command(self.support, command, self.cause(technique))
        return self.acts.run(self.at, command, self.cause(technique))

    def settle(self) -> None:
        """What anybody does who has come to a desktop; all of what the person does there where care is taken."""
        if self.care == NOISY:
            return
        for command in self.looks(self.at.host):
            self.pause(10, 90)
            self.type(command, "")
        if self.care >= IN_CHARACTER:
            errands(self.acts, self.at, (lambda command: self.type(command, "")) if self.remote else None)
        else:
            diagnose(self.acts, lambda command: self.type(command, ""))
            if not self.remote and self.acts.rng.random() < FETCHED / 2:
                fetch(self.acts, self.at)

    def see_hosts(self) -> None:
        """Goes on to hosts that the account is used on, by the person's tools, and sees what they are."""
        if self.care == NOISY:
            return
        hosts, rng = self.estate.hosts, self.acts.rng
        reached = self.person.hosts if self.care >= IN_CHARACTER else self.provider.servers
        for _ in range(rng.choice(SEEN if self.care >= IN_CHARACTER else WORKED_ON)):
            self.pause(15, 160)
            host, first = hosts[rng.choice(reached)], len(self.acts.visit.hops)
            # Linux hosts have each person's own key
            acting = self.person if host.linux else replace(self.person, account=self.who)
            work(self.acts, self.at.inside, host, acting, tool_for(rng, acting), patching=False)
            for hop in self.acts.visit.hops[first:]:
                hop.by(other=acting.account is not self.person.account)

    def by_any(self, host: Host, commands: list[str], technique: str, tool: str = "") -> None:
        """Commands on another host by a tool, or by whatever people here use for that."""
        rng, acting = self.acts.rng, replace(self.person, account=self.who)
        # there is no desktop to open another one from where a support tool's commands run
        tool = tool or (from_afar if self.remote else tool_for)(rng, acting)
        by_tool(
            self.acts, self.at.inside, host, acting, tool, [*commands, *self.looks(host)], self.cause(technique)
        )  # fmt: skip
        self.pause()

    def looks(self, host: Host) -> list[str]:
        """What anybody types who is on a host anyway."""
        return [command_for(host, self.acts.rng) for _ in range(self.acts.rng.randrange(3))]

    def either(self, noisy: str, quiet: str) -> str:
        """What is used without any care, and with some."""
        return noisy if self.care == NOISY else quiet

    def come(self) -> TrueHop:
        """The hop of the sign-in to a cloud."""
        if self.cloud is None:
            raise RuntimeError("a step in a cloud comes after `login_partner` or `assume_role`")
        self.pause()
        return self.cloud
