"""Ways on from a host to another: remoting, shares, WMI, PsExec, services and tasks made from afar."""

from __future__ import annotations

from collections.abc import Sequence

from countersign.range.draws import guid
from countersign.range.estate import Account, Host, uuid_of
from countersign.range.plan.commands import S32
from countersign.range.plan.scene import (
    SVCHOST,
    Foothold,
    Scene,
)
from countersign.range.streams.windows import Session
from countersign.range.truth import TrueHop

EXPLORER = r"C:\Windows\explorer.exe"
SERVICES = rf"{S32}\services.exe"
WMI_HOST = rf"{S32}\wbem\WmiPrvSE.exe"
REGION = "eu-west-2"


class Remote(Scene):
    """What starts with a logon over the network."""

    def begin(
        self, source: Foothold, host: Host, account: Account, protocol: str, command: str, port: int, image: str,
        info: str, *, switch: bool = False,
    ) -> tuple[TrueHop, tuple[int, int, int], Session]:  # fmt: skip
        """What remoting, shares and remote control have in common: a program here, a connection, a logon there."""
        hop = self.hop(account.qualified, source, source.name, host.name, protocol)
        hop.switch = switch
        if source.host is not None and source.account is not None and source.session is not None and command:
            self.process(
                source.host,
                source.account,
                source.session,
                command,
                (EXPLORER, source.shell),
                hop,
                terminal=source.terminal,
            )
            self.wait(0.3, 1.5)
        flow = self.flow(source, host, port, hop, image)
        unique = guid(self.number())
        other = source.account is not None and source.account.name != account.name
        if other:
            self.explicit(source, account, host, info, image, hop, unique)
        self.wait(0.05)
        session = self.network_logon(
            host, account, source, flow[1], hop, ntlm=self.rng.random() < 0.15, unique=unique
        )
        return hop, flow, session

    def end(
        self, source: Foothold, host: Host, account: Account, hop: TrueHop, flow: tuple[int, int, int], session: Session, port: int,
        service: bytes, sent: int, received: int,
    ) -> None:  # fmt: skip
        """The logon and the connection end."""
        self.logoff(host, account, session, 3, hop)
        self.close_flow(source, host, port, hop, flow, service, sent, received)
        hop.end = self.now

    def winrm(
        self, source: Foothold, host: Host, account: Account, commands: Sequence[str], *, switch: bool = False
    ) -> TrueHop:
        """PowerShell remoting: a type 3 logon, wsmprovhost, commands below it."""
        powershell = rf"{S32}\WindowsPowerShell\v1.0\powershell.exe"
        command = f"{powershell} -NoProfile Enter-PSSession -ComputerName {host.name}"
        hop, flow, session = self.begin(
            source, host, account, "winrm", command, 5985, powershell, "HTTP", switch=switch
        )
        rest = (
            b"1\tPOST\t%b:5985\t/wsman?PSVersion=5.1.17763.1\t-\t1.1\tMicrosoft WinRM Client\t-\t0\t0\t200\t-\t-\t-\t(empty)"
            % host.name.encode()
        )
        self.also("http", source, host, 5985, hop, flow, rest + b"\t-" * 9)
        shell = self.process(
            host, account, session, rf"{S32}\wsmprovhost.exe -Embedding", (SVCHOST, self.number()), hop
        )
        for one in commands:
            self.wait(15, 90)
            self.deed(hop, host.name, "process", one)
            self.process(host, account, session, one, (rf"{S32}\wsmprovhost.exe", shell), hop)
            if host.role in {"app", "sql"} and self.rng.random() < 0.5:
                text = {
                    "MessageNumber": 1,
                    "MessageTotal": 1,
                    "ScriptBlockText": one,
                    "ScriptBlockId": uuid_of(self.number()),
                    "Path": "",
                }
                self.windows(host, "ps4104", hop, text, after=1500)
            self.done()
        self.wait(8, 50)
        self.end(
            source,
            host,
            account,
            hop,
            flow,
            session,
            5985,
            b"http",
            self.rng.randrange(4000, 20_000),
            self.rng.randrange(8000, 90_000),
        )
        return hop

    def smb(
        self, source: Foothold, host: Host, account: Account, share: str, paths: Sequence[tuple[str, bool]], *,
        size: int = 4_000_000, switch: bool = False, technique: str = "", name: str = "",
    ) -> TrueHop:  # fmt: skip
        """A share is mapped and files are read or written (`True`)."""
        command = rf"{S32}\net.exe use \\{host.name}\{share}"
        hop, flow, session = self.begin(
            source, host, account, "smb", command, 445, "System", "cifs", switch=switch
        )
        self.also(
            "smb_mapping",
            source,
            host,
            445,
            hop,
            flow,
            b"\\\\%b\\%b\t-\tNTFS\tDISK" % (host.fqdn.encode(), share.encode()),
        )
        self.deed(hop, host.name, "share", share, technique, name)
        common = self.opened_share(host, account, session, source, flow[1], share, hop)
        for path, write in paths:
            self.wait(4, 40)
            self.touched(host, common, path, hop, write=write)
        self.done()
        self.wait(2, 30)
        self.end(source, host, account, hop, flow, session, 445, b"smb,gssapi,krb", size // 30, size)
        return hop

    def wmi(
        self, source: Foothold, host: Host, account: Account, commands: Sequence[str], *, switch: bool = False,
        technique: str = "", name: str = "",
    ) -> TrueHop:  # fmt: skip
        """Processes made on another host by WMI."""
        wmic = rf"{S32}\wbem\WMIC.exe"
        command = f'{wmic} /node:{host.name} process call create "{commands[0] if commands else ""}"'
        hop, flow, session = self.begin(
            source, host, account, "wmi", command, 49_667, wmic, "RPCSS", switch=switch
        )
        self.also("dce_rpc", source, host, 49_667, hop, flow, b"0.000612\t49667\tIWbemServices\tExecMethod")
        for one in commands:
            self.wait(0.3, 20)
            self.deed(hop, host.name, "process", one, technique, name)
            self.process(host, account, session, one, (WMI_HOST, self.number()), hop, through=host.account)
            self.done()
        self.wait(1, 4)
        self.end(source, host, account, hop, flow, session, 49_667, b"gssapi,dce_rpc", 6120, 4410)
        return hop

    def psexec(
        self, source: Foothold, host: Host, account: Account, commands: Sequence[str], *, service: str = "PSEXESVC",
        switch: bool = False, technique: str = "", name: str = "",
    ) -> TrueHop:  # fmt: skip
        """PsExec: its service is put on ADMIN$, made, started; what runs below it runs as the account."""
        tool = r"C:\Tools\PsExec64.exe"
        command = f"{tool} \\\\{host.name} {commands[0] if commands else 'cmd'}"
        hop, flow, session = self.begin(
            source,
            host,
            account,
            "scm",
            command,
            445,
            "System",
            "cifs",
            switch=switch,
        )
        self.deed(hop, host.name, "service", service, technique, name)
        self.also(
            "smb_mapping", source, host, 445, hop, flow, b"\\\\%b\\ADMIN$\t-\tNTFS\tDISK" % host.fqdn.encode()
        )
        admin = self.opened_share(host, account, session, source, flow[1], "ADMIN$", hop)
        self.touched(host, admin, f"{service}.exe", hop, write=True)
        self.created(host, host.account, "System", 4, rf"C:\Windows\{service}.exe", hop)
        self.wait(0.2)
        pipes = self.opened_share(host, account, session, source, flow[1], "IPC$", hop)
        self.touched(host, pipes, "svcctl", hop, write=True)
        self.made_service(host, account, session, service, rf"%SystemRoot%\{service}.exe", hop)
        system = Session(0x3E7)
        shell = self.process(
            host,
            host.account,
            system,
            rf"C:\Windows\{service}.exe",
            (SERVICES, 620),
            hop,
            after=3000,
            who="NT AUTHORITY\\SYSTEM",
        )
        self.done()
        for one in commands:
            self.wait(0.5, 40)
            self.deed(hop, host.name, "process", one, technique, name)
            self.process(host, account, session, one, (rf"C:\Windows\{service}.exe", shell), hop)
            self.done()
        self.wait(1, 5)
        self.end(source, host, account, hop, flow, session, 445, b"smb,gssapi,krb,dce_rpc", 480_000, 9000)
        return hop

    def made_service(
        self, host: Host, account: Account, session: Session, service: str, path: str, hop: TrueHop | None
    ) -> None:
        """4697 where audited, and 7045."""
        data = {
            "ServiceName": service,
            "ServiceFileName": path,
            "ServiceType": "0x10",
            "ServiceStartType": 3,
            "ServiceAccount": "LocalSystem",
        }
        self.windows(host, "4697", hop, {**self.subject(account, session), **data}, after=1000)
        data = {
            "ServiceName": service,
            "ImagePath": path,
            "ServiceType": "user mode service",
            "StartType": "demand start",
            "AccountName": "LocalSystem",
        }
        self.windows(host, "7045", hop, data, after=1500)

    def service(
        self, source: Foothold, host: Host, account: Account, service: str, path: str, *, switch: bool = False,
        technique: str = "", name: str = "",
    ) -> TrueHop:  # fmt: skip
        """A service made on another host by remote service control."""
        command = rf"{S32}\sc.exe \\{host.name} create {service} binPath= {path}"
        hop, flow, session = self.begin(
            source,
            host,
            account,
            "scm",
            command,
            445,
            "System",
            "cifs",
            switch=switch,
        )
        self.deed(hop, host.name, "service", service, technique, name)
        self.also(
            "dce_rpc", source, host, 445, hop, flow, b"0.000544\t\\\\pipe\\\\svcctl\tsvcctl\tCreateServiceW"
        )
        pipes = self.opened_share(host, account, session, source, flow[1], "IPC$", hop)
        self.touched(host, pipes, "svcctl", hop, write=True)
        self.made_service(host, account, session, service, path, hop)
        self.process(
            host,
            host.account,
            Session(0x3E7),
            path,
            (SERVICES, 620),
            hop,
            after=4000,
            who="NT AUTHORITY\\SYSTEM",
        )
        self.done()
        self.wait(2, 9)
        self.end(source, host, account, hop, flow, session, 445, b"smb,gssapi,krb,dce_rpc", 9000, 5000)
        return hop

    def task(
        self, source: Foothold, host: Host, account: Account, task: str, command: str, *, switch: bool = False,
        technique: str = "", name: str = "",
    ) -> TrueHop:  # fmt: skip
        """A scheduled task made on another host, run, and deleted."""
        line = (
            rf"{S32}\schtasks.exe /create /s {host.name} /tn {task} /sc once /st 23:59 /tr "
            "{command}"
            "".replace('""', '"')
        )
        hop, flow, session = self.begin(
            source,
            host,
            account,
            "task",
            line,
            445,
            "System",
            "cifs",
            switch=switch,
        )
        self.deed(hop, host.name, "task", task, technique, name)
        pipes = self.opened_share(host, account, session, source, flow[1], "IPC$", hop)
        self.touched(host, pipes, "atsvc", hop, write=True)
        content = f"<Task><Actions><Exec><Command>{command}</Command></Exec></Actions></Task>"
        data = {**self.subject(account, session), "TaskName": f"\\{task}", "TaskContent": content}
        self.windows(host, "4698", hop, data, after=900)
        self.windows(
            host, "task106", hop, {"TaskName": f"\\{task}", "UserContext": account.qualified}, after=950
        )
        self.wait(1, 6)
        self.process(
            host, host.account, Session(0x3E7), command, (SVCHOST, 1100), hop, who="NT AUTHORITY\\SYSTEM"
        )
        self.wait(2, 20)
        self.windows(host, "4699", hop, data)
        self.done()
        self.end(source, host, account, hop, flow, session, 445, b"smb,gssapi,krb,dce_rpc", 7000, 5000)
        return hop
