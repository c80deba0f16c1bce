"""Ways on from a host to another: remoting, shares, WMI, PsExec, services and tasks made from afar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from countersign.range.draws import guid
from countersign.range.estate import Account, Host, uuid_of
from countersign.range.plan.commands import EXPLORER, POWERSHELL, S32, SERVICES, WMI_HOST
from countersign.range.plan.places import WORK, Arrival, Cause, Foothold, Seat
from countersign.range.plan.traces import SVCHOST, SYSTEM, Traces
from countersign.range.streams.base import KERNEL
from countersign.range.streams.fields import Session

SYSTEM_LOGON = 0x3E7
TYPED = 0.4
"""How often a tool for another host is typed in a window with a prompt, which is all that there is without a desktop."""
SERVICES_PID, SCHEDULE_PID = 620, 1100


@dataclass(frozen=True, slots=True)
class Way:
    """What a way on has of its own: the hop's protocol, the port, the program that connects, what tickets are for.

    `pid` is the process id of a program that runs since the host started; 0: it is started for the way on.
    """

    protocol: str
    port: int
    image: str
    info: str
    service: bytes
    pid: int = 0


WINRM = Way("winrm", 5985, POWERSHELL, "HTTP", b"http")
SMB = Way("smb", 445, "System", "cifs", b"smb,gssapi,krb", KERNEL)
WMI = Way("wmi", 49_667, rf"{S32}\wbem\WMIC.exe", "RPCSS", b"gssapi,dce_rpc")
CONTROL = Way("scm", 445, "System", "cifs", b"smb,gssapi,krb,dce_rpc", KERNEL)
TASK = Way("task", 445, "System", "cifs", b"smb,gssapi,krb,dce_rpc", KERNEL)


class Remote(Traces):
    """What starts with a logon over the network."""

    def begin(
        self, way: Way, source: Foothold, host: Host, account: Account, command: str, cause: Cause = WORK
    ) -> Arrival:
        """What remoting, shares and remote control have in common: a program here, a connection, a logon there."""
        hop = self.hop(account.qualified, source, source.name, host.name, way.protocol)
        hop.switch = cause.switch
        self.came_by(hop, cause)
        client = 0
        if source.host is not None and source.account is not None and source.session is not None and command:
            typed = not source.terminal or self.rng.random() < TYPED
            parent = (rf"{S32}\cmd.exe", self.number()) if typed else (EXPLORER, source.shell)
            client = self.process(
                source.host, source.account, source.session, command, parent, hop, terminal=source.terminal
            )
            self.wait(0.3, 1.5)
        flow = self.flow(source, host, way.port, hop, (way.image, way.pid or client))
        unique = guid(self.number())
        if source.account is not None and source.account.name != account.name:
            self.explicit(source, account, host, way.info, way.image, hop, unique)
        self.wait(0.05)
        ntlm = self.rng.random() < 0.15
        blank = self.estate.spec.dirt.empty_winrm if way is WINRM else None
        session = self.network_logon(
            host, account, source, flow[1], hop, ntlm=ntlm, unique=unique, blank=blank
        )
        return Arrival(source, Seat(host, account, session, hop), flow, way.port)

    def end(self, arrival: Arrival, service: bytes, sent: int, received: int) -> None:
        """The logon and the connection end."""
        seat = arrival.seat
        self.logoff(seat.host, seat.account, seat.session, 3, seat.hop)
        self.close_flow(
            arrival.source, seat.host, arrival.port, seat.hop, arrival.flow, service, sent, received
        )
        seat.hop.end = self.now

    def spoke(self, arrival: Arrival, path: str, rest: bytes) -> None:
        """A line of another of Zeek's logs on the connection."""
        self.also(path, arrival.source, arrival.seat.host, arrival.port, arrival.seat.hop, arrival.flow, rest)

    def share(self, arrival: Arrival, share: str) -> dict[str, object]:
        """A share is opened over the connection; the fields that what is done in it has too."""
        seat = arrival.seat
        return self.opened_share(
            seat.host, seat.account, seat.session, arrival.source, arrival.flow[1], share, seat.hop
        )

    def pipe(self, arrival: Arrival, name: str) -> None:
        """A named pipe is opened."""
        self.touched(arrival.seat.host, self.share(arrival, "IPC$"), name, arrival.seat.hop, write=True)

    def runs(self, seat: Seat, command: str, parent: tuple[str, int]) -> int:
        """A program begins in a session; its number."""
        return self.process(seat.host, seat.account, seat.session, command, parent, seat.hop)

    def as_system(self, seat: Seat, command: str, parent: tuple[str, int], after: int = 0) -> int:
        """A program begins as the system itself."""
        return self.process(
            seat.host, seat.host.account, Session(SYSTEM_LOGON), command, parent, seat.hop, after=after, who=SYSTEM
        )  # fmt: skip

    def winrm(
        self, source: Foothold, host: Host, account: Account, commands: Sequence[str], cause: Cause = WORK
    ) -> Seat:
        """PowerShell remoting: a type 3 logon, wsmprovhost, commands below it."""
        command = f"{POWERSHELL} -NoProfile Enter-PSSession -ComputerName {host.name}"
        arrival = self.begin(WINRM, source, host, account, command, cause)
        seat = arrival.seat
        rest = (
            b"1\tPOST\t%b:5985\t/wsman?PSVersion=5.1.17763.1\t-\t1.1\tMicrosoft WinRM Client\t-\t0\t0\t200\t-\t-\t-\t(empty)"
            % host.name.encode()
        )
        self.spoke(arrival, "http", rest + b"\t-" * 9)
        shell = self.runs(seat, rf"{S32}\wsmprovhost.exe -Embedding", (SVCHOST, self.number()))
        for one in commands:
            self.wait(15, 90)
            self.deed(seat.hop, host.name, "process", one, cause)
            self.runs(seat, one, (rf"{S32}\wsmprovhost.exe", shell))
            if host.role in {"app", "sql"} and self.rng.random() < 0.5:
                text = {"MessageNumber": 1, "MessageTotal": 1, "ScriptBlockText": one, "Path": ""}
                self.windows(
                    host, "ps4104", seat.hop, {**text, "ScriptBlockId": uuid_of(self.number())}, after=1500
                )
            self.done()
        self.wait(8, 50)
        self.end(arrival, WINRM.service, self.rng.randrange(4000, 20_000), self.rng.randrange(8000, 90_000))
        return seat

    def smb(
        self, source: Foothold, host: Host, account: Account, share: str, paths: Sequence[tuple[str, bool]], *,
        size: int = 4_000_000, cause: Cause = WORK,
    ) -> Seat:  # fmt: skip
        """A share is mapped and files are read or written (`True`)."""
        arrival = self.begin(SMB, source, host, account, rf"{S32}\net.exe use \\{host.name}\{share}", cause)
        hop = arrival.seat.hop
        disk = b"\\\\%b\\%b\t-\tNTFS\tDISK" % (host.fqdn.encode(), share.encode())
        self.spoke(arrival, "smb_mapping", disk)
        self.deed(hop, host.name, "share", share, cause)
        common = self.share(arrival, share)
        for path, write in paths:
            self.wait(4, 40)
            self.touched(host, common, path, hop, write=write)
        self.done()
        self.wait(2, 30)
        self.end(arrival, SMB.service, size // 30, size)
        return arrival.seat

    def wmi(
        self, source: Foothold, host: Host, account: Account, commands: Sequence[str], cause: Cause = WORK
    ) -> Seat:
        """Processes made on another host by WMI."""
        command = f'{WMI.image} /node:{host.name} process call create "{commands[0] if commands else ""}"'
        arrival = self.begin(WMI, source, host, account, command, cause)
        seat = arrival.seat
        self.spoke(arrival, "dce_rpc", b"0.000612\t49667\tIWbemServices\tExecMethod")
        for one in commands:
            self.wait(0.3, 20)
            self.deed(seat.hop, host.name, "process", one, cause)
            parent = WMI_HOST, self.number()
            self.process(host, account, seat.session, one, parent, seat.hop, through=host.account)
            self.done()
        self.wait(1, 4)
        self.end(arrival, WMI.service, 6120, 4410)
        return seat

    def psexec(
        self, source: Foothold, host: Host, account: Account, commands: Sequence[str], *, service: str = "PSEXESVC",
        cause: Cause = WORK,
    ) -> Seat:  # fmt: skip
        """PsExec: its service is put on ADMIN$, made, started; what runs below it runs as the account."""
        command = f"C:\\Tools\\PsExec64.exe \\\\{host.name} {commands[0] if commands else 'cmd'}"
        arrival = self.begin(CONTROL, source, host, account, command, cause)
        seat, image = arrival.seat, rf"C:\Windows\{service}.exe"
        self.deed(seat.hop, host.name, "service", service, cause)
        self.spoke(arrival, "smb_mapping", b"\\\\%b\\ADMIN$\t-\tNTFS\tDISK" % host.fqdn.encode())
        admin = self.share(arrival, "ADMIN$")
        self.touched(host, admin, f"{service}.exe", seat.hop, write=True)
        self.created(host, host.account, "System", KERNEL, image, seat.hop)
        self.wait(0.2)
        self.pipe(arrival, "svcctl")
        self.made_service(seat, service, rf"%SystemRoot%\{service}.exe")
        shell = self.as_system(seat, image, (SERVICES, SERVICES_PID), after=3000)
        self.done()
        for one in commands:
            self.wait(0.5, 40)
            self.deed(seat.hop, host.name, "process", one, cause)
            self.runs(seat, one, (image, shell))
            self.done()
        self.wait(1, 5)
        self.end(arrival, CONTROL.service, 480_000, 9000)
        return seat

    def made_service(self, seat: Seat, service: str, path: str) -> None:
        """4697 where audited, and 7045."""
        audited = {
            "ServiceName": service, "ServiceFileName": path, "ServiceType": "0x10", "ServiceStartType": 3,
            "ServiceAccount": "LocalSystem",
        }  # fmt: skip
        told = {
            "ServiceName": service, "ImagePath": path, "ServiceType": "user mode service", "StartType": "demand start",
            "AccountName": "LocalSystem",
        }  # fmt: skip
        subject = self.subject(seat.account, seat.session)
        self.windows(seat.host, "4697", seat.hop, {**subject, **audited}, after=1000)
        self.windows(seat.host, "7045", seat.hop, told, after=1500)

    def service(
        self, source: Foothold, host: Host, account: Account, service: str, path: str, cause: Cause = WORK
    ) -> Seat:
        """A service made on another host by remote service control."""
        command = rf"{S32}\sc.exe \\{host.name} create {service} binPath= {path}"
        arrival = self.begin(CONTROL, source, host, account, command, cause)
        seat = arrival.seat
        self.deed(seat.hop, host.name, "service", service, cause)
        self.spoke(arrival, "dce_rpc", b"0.000544\t\\\\pipe\\\\svcctl\tsvcctl\tCreateServiceW")
        self.pipe(arrival, "svcctl")
        self.made_service(seat, service, path)
        self.as_system(seat, path, (SERVICES, SERVICES_PID), after=4000)
        self.done()
        self.wait(2, 9)
        self.end(arrival, CONTROL.service, 9000, 5000)
        return seat

    def task(
        self, source: Foothold, host: Host, account: Account, task: str, command: str, cause: Cause = WORK
    ) -> Seat:
        """A scheduled task made on another host, run, and deleted."""
        line = rf'{S32}\schtasks.exe /create /s {host.name} /tn {task} /sc once /st 23:59 /tr "{command}"'
        arrival = self.begin(TASK, source, host, account, line, cause)
        seat = arrival.seat
        self.deed(seat.hop, host.name, "task", task, cause)
        self.pipe(arrival, "atsvc")
        content = f"<Task><Actions><Exec><Command>{command}</Command></Exec></Actions></Task>"
        data = {**self.subject(account, seat.session), "TaskName": f"\\{task}", "TaskContent": content}
        self.windows(host, "4698", seat.hop, data, after=900)
        told = {"TaskName": f"\\{task}", "UserContext": account.qualified}
        self.windows(host, "task106", seat.hop, told, after=950)
        self.wait(1, 6)
        self.as_system(seat, command, (SVCHOST, SCHEDULE_PID))
        self.wait(2, 20)
        self.windows(host, "4699", seat.hop, data)
        self.done()
        self.end(arrival, TASK.service, 7000, 5000)
        return seat
