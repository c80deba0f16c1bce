"""Ways in that something stands in between: a bastion, remote support, a provider's agents; and who vouches for a VPN's users."""

from __future__ import annotations

from dataclasses import dataclass

from countersign.range.estate import Account, Host, Person, uuid_of
from countersign.range.plan.commands import EXPLORER, S32, SERVICES
from countersign.range.plan.desktops import Desktops
from countersign.range.plan.places import WORK, Cause, Desktop, Foothold, Seat
from countersign.range.plan.remote import SERVICES_PID, SYSTEM_LOGON, Remote
from countersign.range.plan.shells import Shells
from countersign.range.plan.traces import SYSTEM
from countersign.range.streams.base import port_of
from countersign.range.streams.fields import Session
from countersign.range.streams.zeek import Seen
from countersign.range.truth import TrueHop
from countersign.range.writers import brokers, cloud
from countersign.range.writers.brokers import ACCEPT, REJECT, REQUEST, Caller

CLUSTER, NPS, TOOL = "bastion01", "NPS01", "ScreenConnect"
RELAY = "192.0.2.61"
"""Where remote-support clients connect to."""
CLIENT = rf"C:\Program Files (x86)\{TOOL} Client (9f21ab)"
AGENT = r"C:\Program Files (x86)\NinjaRMMAgent\NinjaRMMAgent.exe"
MAINTENANCE = (
    rf"{S32}\WindowsPowerShell\v1.0\powershell.exe -NoProfile -ExecutionPolicy Bypass -File C:\ProgramData\NinjaRMMAgent\scripting\disk.ps1",
    rf"{S32}\cmd.exe /c C:\ProgramData\NinjaRMMAgent\scripting\patch.bat",
)


@dataclass(frozen=True, slots=True)
class Product:
    """A remote-support tool as it is installed: the service's name, its installer's command, its program."""

    name: str
    setup: str
    service: str
    portable: str = ""
    """The program that runs where it was put, if there is one."""

    @property
    def file(self) -> str:
        """The installer's file."""
        return self.setup.rpartition(" /i ")[2].partition(" ")[0].rpartition("\\")[2]


TOOLS = {
    "anydesk": Product(
        "AnyDesk",
        r"C:\Install\AnyDesk.exe --install C:\ProgramData\AnyDesk --start-with-win --silent",
        r"C:\ProgramData\AnyDesk\AnyDesk.exe",
        r"C:\Install\AnyDesk.exe",
    ),
    "atera": Product(
        "AteraAgent",
        rf"{S32}\msiexec.exe /i C:\Install\setup.msi /qn IntegratorLogin=support@msp.example",
        r"C:\Program Files\ATERA Networks\AteraAgent\AteraAgent.exe",
    ),
    "screenconnect": Product(
        "ScreenConnect Client (4d1e77)",
        rf"{S32}\msiexec.exe /i C:\Install\ScreenConnect.ClientSetup.msi /qn",
        r"C:\Program Files (x86)\ScreenConnect Client (4d1e77)\ScreenConnect.ClientService.exe",
        r"C:\Install\ScreenConnect.ClientSetup.exe",
    ),
}
"""By the names that scenarios have for them."""
USUAL, PORTABLE, DOWNLOADED = 0.8, 0.5, 0.5
"""How often a host gets the tool that is in use, how often one that can run without being installed is not, and how often it is
fetched at a prompt."""
DOWNLOAD = rf"{S32}\curl.exe -L -o C:\Install\{{0}} https://downloads.vendor.example/{{0}}"


@dataclass(slots=True)
class Lent:
    """A session with a host through the bastion."""

    caller: Caller
    session: int
    host: Host
    login: str
    hop: TrueHop
    start: int


@dataclass(slots=True)
class Support:
    """A remote-support connection that is open; `desktop` is where its commands run."""

    caller: Caller
    session: int
    connection: int
    start: int
    uid: int
    port: int
    desktop: Desktop


class Brokers(Desktops, Shells, Remote):
    """What happens through a product in between."""

    # who vouches for a VPN's users

    def asked(
        self, gateway: str, user: str, origin: str, hop: TrueHop | None, *, refused: bool = False
    ) -> None:
        """The gateway asks by RADIUS, and is answered."""
        stream, zone = self.layout.broker("radius"), self.estate.calendar.zone
        for packet, after in ((REQUEST, -400_000), (REJECT if refused else ACCEPT, -320_000)):
            body = brokers.nps(self.now + after, zone, NPS, gateway, user, origin, packet)
            self.brought(stream, hop, self.number(), body, after)

    def vouched(
        self, account: Account, name: str, origin: str, hop: TrueHop | None, *, mfa: bool = True
    ) -> None:
        """The gateway sends the user to the tenant to sign in (SAML)."""
        estate, number = self.estate, self.number()
        upn = f"{account.name}@{estate.spec.tenant}"
        body = cloud.sign_in(
            self.now - 9_000_000, number, tenant=estate.tenant_id, home=estate.tenant_id, upn=upn, name=name,
            address=origin, app=cloud.VPN, kind="member", mfa=mfa, session=number,
        )  # fmt: skip
        self.brought(self.layout.entra, hop, number, body, -9_000_000)

    # a bastion

    @property
    def bastion_ip(self) -> str:
        """The bastion's address, which the hosts behind it see."""
        return str(self.estate.spec.sites[0].network[5])

    def bastion(self, person: Person, origin: str, *, mfa: bool = True) -> tuple[Caller, Foothold]:
        """Somebody logs in to the bastion."""
        caller = Caller(person.upn, origin, port_of(self.number()))
        hop = self.hop(person.upn, None, origin, CLUSTER, "bastion")
        hop.source_ip, hop.gateway, hop.mfa = origin, CLUSTER, mfa
        number = self.number()
        body = brokers.teleport_login(self.now, number, CLUSTER, caller, mfa=mfa)
        self.brought(self.layout.broker("bastion"), hop, number, body)
        place = Foothold(CLUSTER, self.bastion_ip, self.bastion_ip, CLUSTER, hop.number)
        return caller, place

    def lent(self, caller: Caller, host: Host, account: Account, hop: TrueHop) -> Lent:
        """The bastion opens the session that `hop` is, with an account that it lends."""
        login = account.name if host.linux else account.qualified
        lent = Lent(caller, self.number(), host, login, hop, self.now)
        hop.gateway = CLUSTER
        self._session(lent)
        return lent

    def lent_desktop(
        self, caller: Caller, place: Foothold, host: Host, account: Account
    ) -> tuple[Lent, Desktop]:
        """A desktop through the bastion."""
        desktop = self.rdp(place, host, account)
        return self.lent(caller, host, account, desktop.hop), desktop

    def lent_shell(
        self, caller: Caller, place: Foothold, host: Host, account: Account, cause: Cause = WORK
    ) -> None:
        """A Linux host through the bastion, from its beginning to its end."""
        before = self.now
        hop = self.ssh(place, host, account, cause=cause)
        after, self.now = self.now, before
        lent = self.lent(caller, host, account, hop)
        self.now = after
        self.given_back(lent)

    def given_back(self, lent: Lent) -> None:
        """The session through the bastion is over."""
        self._session(lent, begun=lent.start)

    def _session(self, lent: Lent, begun: int | None = None) -> None:
        number, host = self.number(), lent.host
        body = brokers.teleport_session(
            self.now, number, CLUSTER, lent.caller, session=lent.session, host=host.name, address=host.ip,
            login=lent.login, linux=host.linux, begun=begun,
        )  # fmt: skip
        self.brought(self.layout.broker("bastion"), lent.hop, number, body)

    # remote support

    def support(self, user: str, origin: str, host: Host) -> Support:
        """Somebody connects to a host by remote support; commands run there as the system."""
        caller, start = Caller(user, origin, port_of(self.number())), self.now
        hop = self.hop(user, None, origin, host.name, "screenconnect")
        hop.source_ip = origin
        session, connection = self.estate.base("support", host.name), self.number()
        desktop = self.background(host, hop)
        support = Support(caller, session, connection, start, self.number(), port_of(self.number()), desktop)
        self.told(support, "Connected")
        parent = rf"{CLIENT}\{TOOL}.ClientService.exe", SERVICES_PID
        self.process(
            host, host.account, desktop.tokens[0], rf"{CLIENT}\{TOOL}.WindowsClient.exe", parent, hop, who=SYSTEM, after=4000
        )  # fmt: skip
        self.wait(2, 9)
        return support

    def background(self, host: Host, hop: TrueHop) -> Desktop:
        """Where an agent's commands run: no desktop at all, but a session of the system's."""
        system, number = Session(SYSTEM_LOGON), self.number()
        inside = Foothold(
            host.name, host.ip, host.seen, host.name, hop.number, host, host.account, system, number
        )
        return Desktop(host, host.account, (system, system), hop, number, 0, self.now, inside, inside)

    def told(self, support: Support, kind: str, data: str = "", after: int = 0) -> None:
        """A line of the remote-support server."""
        body = brokers.screenconnect_event(
            self.now + after, support.session, support.connection, support.desktop.host.name, support.caller, kind, data
        )  # fmt: skip
        self.brought(self.layout.broker("support"), support.desktop.hop, self.number(), body, after)

    def command(self, support: Support, command: str, cause: Cause = WORK) -> int:
        """A command through the remote-support tool."""
        desktop = support.desktop
        self.deed(desktop.hop, desktop.host.name, "process", command, cause)
        self.told(support, "RanCommand", command)
        number = self.by_support(desktop, command)
        self.done()
        return number

    def by_support(self, desktop: Desktop, command: str) -> int:
        """What a remote-support command leaves on the host: a script below the service, and the program below that."""
        script = rf"{S32}\cmd.exe /c C:\Windows\TEMP\{TOOL}\24.1.9.8892\{uuid_of(self.number())}run.cmd"
        service = rf"{CLIENT}\{TOOL}.ClientService.exe", SERVICES_PID
        host, system, hop = desktop.host, desktop.tokens[0], desktop.hop
        shell = self.process(host, host.account, system, script, service, hop, who=SYSTEM, after=900)
        parent = rf"{S32}\cmd.exe", shell
        return self.process(host, host.account, system, command, parent, hop, who=SYSTEM, after=1900)

    def send(self, support: Support, name: str) -> None:
        """A file through the remote-support tool."""
        desktop = support.desktop
        self.deed(desktop.hop, desktop.host.name, "file", f"{name} sent")
        self.told(support, "SentFiles", name)
        image = rf"{CLIENT}\{TOOL}.ClientService.exe"
        folder = rf"C:\Windows\TEMP\{TOOL}\24.1.9.8892\Files"
        self.created(
            desktop.host, desktop.account, image, desktop.inside.shell, rf"{folder}\{name}", desktop.hop
        )
        self.done()

    def install(self, seat: Seat, tool: str, cause: Cause = WORK) -> None:
        """A remote-support tool is installed: its installer runs, its service is made, and it reports to its relay."""
        made = TOOLS[tool]
        host, hop = seat.host, seat.hop
        self.deed(hop, host.name, "service", f"{tool} installed", cause)
        number = self.runs(seat, made.setup, (rf"{S32}\cmd.exe", self.number()))
        self.created(host, seat.account, made.setup.partition(".exe")[0] + ".exe", number, made.service, hop)
        self.wait(4, 20)
        self.made_service(seat, made.name, f'"{made.service}" --service')
        self.as_system(seat, f'"{made.service}" --service', (SERVICES, SERVICES_PID), after=4000)
        self._reported(seat)

    def run_portable(self, seat: Seat, tool: str, cause: Cause = WORK) -> None:
        """A remote-support tool is run where it was put, which leaves no service."""
        made, account = TOOLS[tool], seat.account
        self.deed(seat.hop, seat.host.name, "process", f"{tool} run", cause)
        number = self.runs(seat, made.portable, (EXPLORER, self.number()))
        settings = rf"C:\Users\{account.name}\AppData\Roaming\{made.name}\user.conf"
        self.created(seat.host, account, made.portable, number, settings, seat.hop)
        self._reported(seat)

    def supply(self, seat: Seat) -> None:
        """A host gets a remote-support tool, mostly the one that is in use."""
        tool = self.in_use() if self.rng.random() < USUAL else self.rng.choice(sorted(TOOLS))
        if self.rng.random() < DOWNLOADED:
            self.runs(seat, DOWNLOAD.format(TOOLS[tool].file), (rf"{S32}\cmd.exe", self.number()))
        if TOOLS[tool].portable and self.rng.random() < PORTABLE:
            self.run_portable(seat, tool)
        else:
            self.install(seat, tool)

    def in_use(self) -> str:
        """The remote-support tool that people of this visit's provider put on hosts."""
        names = sorted(TOOLS)
        return names[self.estate.base("remote tool", self.visit.provider) % len(names)]

    def _reported(self, seat: Seat) -> None:
        """A remote-support tool has found its relay."""
        host, hop = seat.host, seat.hop
        uid, port, start = self.number(), port_of(self.number()), self.now
        self.wait(20, 60)
        seen = Seen("conn", start, uid, host.ip, port, RELAY, 443, b"", b"ssl", 9200, 14_400)
        self.seen(seen, hop, host.site, -1)
        self.done()

    def disconnect(self, support: Support) -> None:
        """The connection is over; the report has it, and the sensor the client's own connection."""
        host, hop = support.desktop.host, support.desktop.hop
        self.told(support, "Disconnected")
        body = brokers.screenconnect_connection(
            support.start, self.now, support.session, support.connection, host.name, support.caller
        )
        self.brought(self.layout.broker("support"), hop, self.number(), body, 30_000)
        seconds = (self.now - support.start) // 1_000_000
        seen = Seen(
            "conn", support.start, support.uid, host.ip, support.port, RELAY, 443, b"", b"ssl", 4000 + seconds * 900,
            9000 + seconds * 120,
        )  # fmt: skip
        self.seen(seen, hop, host.site, -1)
        hop.end = self.now

    # agents

    def agent(self, service: Person, host: Host) -> None:
        """A provider's management agent runs its maintenance on a host."""
        caller = Caller(service.upn, service.origin, 443)
        hop = self.hop(service.upn, None, service.origin, host.name, "ninjaone")
        # one stay: the first host is the way in
        hop.parent = 0 if hop.number else None
        hop.source_ip = service.origin
        series, desktop = self.number(), self.background(host, hop)
        self._activity(series, caller, hop, host, "NINJA_REMOTE_SESSION_STARTED", "Session started")
        for command in MAINTENANCE[: 1 + self.rng.randrange(2)]:
            self.wait(2, 40)
            self.deed(hop, host.name, "process", command)
            parent = AGENT, SERVICES_PID
            self.process(host, host.account, desktop.tokens[0], command, parent, hop, who=SYSTEM)
            self.done()
        self.wait(20, 200)
        self._activity(series, caller, hop, host, "NINJA_REMOTE_SESSION_ENDED", "Session ended")
        hop.end = self.now

    def _activity(
        self, series: int, caller: Caller, hop: TrueHop, host: Host, code: str, message: str
    ) -> None:
        number = self.number()
        body = brokers.ninjaone_activity(
            self.now, number, series, (host.index, host.name), caller, code, message
        )
        self.brought(self.layout.broker("agents"), hop, number, body)
