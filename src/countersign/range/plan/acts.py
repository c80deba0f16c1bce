"""The acts of a visit: ways in, ways on, and work; each leaves what it really leaves in each log."""

from __future__ import annotations

from collections.abc import Sequence

from countersign.range.calendar import SECOND
from countersign.range.draws import guid
from countersign.range.estate import Account, Host, Person, uuid_of
from countersign.range.plan.commands import LINUX, S32
from countersign.range.plan.scene import COOKIE, LOCAL, LSASS, NOBODY, SSH, SVCHOST, Desktop, Foothold, Scene, Tunnel, host_key
from countersign.range.streams.base import port_of
from countersign.range.streams.windows import PRIVILEGES, Session
from countersign.range.streams.zeek import Seen
from countersign.range.truth import TrueHop
from countersign.range.writers import cloud, gateways

EXPLORER = r"C:\Windows\explorer.exe"
SERVICES = rf"{S32}\services.exe"
WMI_HOST = rf"{S32}\wbem\WmiPrvSE.exe"
REGION = "eu-west-2"


class Acts(Scene):
    """A scene with everything that people do."""

    # ways in

    def vpn(self, gateway: str, person: Person, origin: str, *, mistyped: bool = False) -> tuple[Tunnel, Foothold]:
        """A VPN session begins."""
        spec = self.estate.gateways[gateway]
        stream = self.layout.gateway([*self.estate.gateways].index(gateway))
        user, group = person.account.name, f"GP-{(person.provider or 'STAFF').upper()}"
        port = 40_000 + self.number() % 20_000
        told = gateways.Tunnel(user, origin, port, "", self.number() % 10**9, group)
        if mistyped:
            for text in _refused(spec.kind, told):
                self.line(stream, None, text)
            self.wait(5, 20)
        address = self.teller.lease(gateway, self.now)
        told = gateways.Tunnel(user, origin, port, address, told.number, group)
        hop = self.hop(user, None, origin, gateway, "vpn")
        hop.source_ip, hop.gateway = origin, gateway
        for number, text in enumerate(_connected(spec.kind, told, self.estate.spec.organisation)):
            self.line(stream, hop, text, after=number * 9000)
        tunnel = Tunnel(gateway, told, self.now, hop)
        return tunnel, Foothold(address, address, address, person.client, hop.number)

    def hang_up(self, tunnel: Tunnel, sent: int, received: int) -> None:
        """The VPN session ends; its address goes back."""
        spec, told = self.estate.gateways[tunnel.gateway], tunnel.told
        stream = self.layout.gateway([*self.estate.gateways].index(tunnel.gateway))
        seconds = (self.now - tunnel.start) // SECOND
        for text in _disconnected(spec.kind, told, seconds, sent, received):
            self.line(stream, tunnel.hop, text)
        self.teller.release(tunnel.gateway, told.address, self.now)
        tunnel.hop.end = self.now

    def outside(self, origin: str, client: str) -> Foothold:
        """A machine of the provider's that is routed to the estate's network."""
        return Foothold(origin, origin, origin, client, -1)

    # desktops

    def rdp(self, source: Foothold, host: Host, account: Account) -> Desktop:
        """Remote desktop with network-level authentication: a type 3, then a type 10 in two tokens."""
        hop = self.hop(account.qualified, source, source.name, host.name, "rdp")
        if source.host is not None and source.account is not None and source.session is not None:
            self.process(source.host, source.account, source.session, rf"{S32}\mstsc.exe /v:{host.name}", (EXPLORER, source.shell), hop)
            self.wait(3, 9)
        flow = self.flow(source, host, 3389, hop, b"rdp", "mstsc", rf"{S32}\mstsc.exe")
        self.explicit(source, account, host, "TERMSRV", LSASS, hop)
        self.wait(0.4)
        cookie = account.name[:COOKIE].encode()
        self.also("rdp", source, host, 3389, hop, flow, cookie + b"\tencrypted\tHYBRID" + b"\t-" * 13)
        self.windows(host, "1149", hop, {"Param1": account.name, "Param2": account.netbios, "Param3": source.seen})
        first = self.network_logon(host, account, source, 0, hop, ntlm=self.rng.random() < 0.8)
        self.granted(host, account, hop)
        self.wait(0.8, 2.5)
        full, limited = Session(), Session()
        self.interactive(host, account, full, limited, 10, source.seen, hop)
        terminal = 2 + self.number() % 30
        who = {"User": account.qualified, "SessionID": terminal, "Address": source.seen}
        self.windows(host, "ts21", hop, who, after=2000)
        shell = self.number()
        self.later_logoff(host, account, first, hop)
        inside = Foothold(host.name, host.ip, host.ip, host.name, hop.number, host, account, full, shell, terminal)
        self.wait(2, 6)
        return Desktop(host, account, (full, limited), hop, flow[0], flow[1], flow[2], source, inside)

    def granted(self, host: Host, account: Account, hop: TrueHop | None) -> None:
        """4768: the host got a ticket-granting ticket for whoever logs on at it."""
        controller = self.controller(host)
        self.windows(
            controller, "4768", hop,
            {
                "TargetUserName": account.name, "TargetDomainName": account.netbios, "TargetSid": account.sid,
                "ServiceName": "krbtgt", "ServiceSid": controller.account.sid.rsplit("-", 1)[0] + "-502",
                "TicketOptions": "0x40810010", "Status": "0x0", "TicketEncryptionType": "0x12", "PreAuthType": "2",
                "IpAddress": f"::ffff:{host.ip_at(controller)}", "IpPort": port_of(self.number()), "CertIssuerName": "",
                "CertSerialNumber": "", "CertThumbprint": "",
            },
        )  # fmt: skip

    def interactive(
        self, host: Host, account: Account, full: Session, limited: Session, kind: int, address: str, hop: TrueHop | None
    ) -> None:
        """4648 and 4624 of a type 2, 7 or 10 logon: an administrator's token is split in two that name each other."""
        subject = {"SubjectUserName": host.account.name, "SubjectDomainName": host.account.netbios}
        self.windows(
            host, "4648", hop,
            {
                **LOCAL_EXPLICIT, **subject, "TargetUserName": account.name, "TargetDomainName": account.netbios,
                "IpAddress": address,
            },
        )  # fmt: skip
        tokens = ((full, limited, "%%1842"), (limited, full, "%%1843")) if account.admin else ((full, "0x0", "%%1843"),)
        for session, linked, elevated in tokens:
            self.windows(
                host, "4624", hop,
                {
                    **LOCAL, **subject, **self.target(account, session), "LogonType": kind, "WorkstationName": host.name,
                    "IpAddress": address, "TargetLinkedLogonId": linked, "ElevatedToken": elevated,
                    "RestrictedAdminMode": "%%1843" if kind == 10 else "-",
                },
                after=200,
            )  # fmt: skip
        if account.admin:
            self.windows(host, "4672", hop, {**self.subject(account, full), "PrivilegeList": PRIVILEGES}, after=400)

    def later_logoff(self, host: Host, account: Account, session: Session, hop: TrueHop | None) -> None:
        """The logoff of a session that nobody waits for, some seconds on."""
        now = self.now
        self.wait(4, 20)
        self.logoff(host, account, session, 3, hop)
        self.now = now

    def leave(self, desktop: Desktop) -> None:
        """Logs off from a remote desktop."""
        host, account, hop = desktop.host, desktop.account, desktop.hop
        who = {"User": account.qualified, "SessionID": desktop.inside.terminal}
        self.windows(host, "4647", hop, self.target(account, desktop.tokens[1] if account.admin else desktop.tokens[0]))
        for session in desktop.tokens if account.admin else desktop.tokens[:1]:
            self.logoff(host, account, session, 10, hop)
        self.windows(host, "ts23", hop, who)
        self.wait(0.7)
        self.windows(host, "ts24", hop, {**who, "Address": desktop.source.seen})
        self._flow_over(desktop)
        hop.end = self.now

    def _flow_over(self, desktop: Desktop) -> None:
        seconds = (self.now - desktop.start) // SECOND
        sent, received = seconds * self.rng.randrange(150, 400) + 4000, seconds * self.rng.randrange(2000, 9000) + 60_000
        flow = (desktop.uid, desktop.port, desktop.start)
        self.close_flow(desktop.source, desktop.host, 3389, desktop.hop, flow, b"rdp", sent, received)

    def drop(self, desktop: Desktop) -> None:
        """The connection is lost or closed: the session stays."""
        host, account = desktop.host, desktop.account
        self.windows(host, "ts24", desktop.hop, {"User": account.qualified, "SessionID": desktop.inside.terminal, "Address": desktop.source.seen})
        self.windows(host, "4779", desktop.hop, self._moved(desktop), after=400)
        self._flow_over(desktop)
        desktop.hop.end = self.now

    def rejoin(self, desktop: Desktop) -> None:
        """The connection comes back to the same session: 25, 4778 and a type 7."""
        host, account, hop = desktop.host, desktop.account, desktop.hop
        desktop.uid, desktop.port, desktop.start = self.flow(desktop.source, host, 3389, hop, b"rdp", "mstsc", rf"{S32}\mstsc.exe")
        self.wait(0.3)
        full, limited = Session(), Session()
        self.interactive(host, account, full, limited, 7, desktop.source.seen, hop)
        who = {"User": account.qualified, "SessionID": desktop.inside.terminal, "Address": desktop.source.seen}
        self.windows(host, "ts25", hop, who, after=1000)
        self.windows(host, "4778", hop, self._moved(desktop), after=1400)
        self.wait(0.6)
        for session in (full, limited):
            self.logoff(host, account, session, 7, hop)

    def _moved(self, desktop: Desktop) -> dict[str, object]:
        return {
            "AccountName": desktop.account.name, "AccountDomain": desktop.account.netbios, "LogonID": desktop.tokens[0],
            "SessionName": f"RDP-Tcp#{desktop.inside.terminal}", "ClientName": desktop.source.client,
            "ClientAddress": desktop.source.seen,
        }  # fmt: skip

    def run(self, desktop: Desktop, command: str, *, technique: str = "", name: str = "") -> int:
        """A program is started at a desktop."""
        host = desktop.host
        self.deed(desktop.hop, host.name, "process", command, technique, name)
        number = self.process(
            host, desktop.account, desktop.tokens[0], command, (EXPLORER, desktop.inside.shell), desktop.hop,
            terminal=desktop.inside.terminal,
        )  # fmt: skip
        self.done()
        return number

    # ways on

    def begin(
        self, source: Foothold, host: Host, account: Account, protocol: str, command: str, port: int, service: bytes, image: str,
        info: str, *, switch: bool = False,
    ) -> tuple[TrueHop, tuple[int, int, int], Session]:  # fmt: skip
        """What remoting, shares and remote control have in common: a program here, a connection, a logon there."""
        hop = self.hop(account.qualified, source, source.name, host.name, protocol)
        hop.switch = switch
        if source.host is not None and source.account is not None and source.session is not None and command:
            self.process(source.host, source.account, source.session, command, (EXPLORER, source.shell), hop, terminal=source.terminal)
            self.wait(0.3, 1.5)
        flow = self.flow(source, host, port, hop, service, protocol, image)
        unique = guid(self.number())
        other = source.account is not None and source.account.name != account.name
        if other:
            self.explicit(source, account, host, info, image, hop, unique)
        self.wait(0.05)
        session = self.network_logon(host, account, source, flow[1], hop, ntlm=self.rng.random() < 0.15, unique=unique)
        return hop, flow, session

    def end(
        self, source: Foothold, host: Host, account: Account, hop: TrueHop, flow: tuple[int, int, int], session: Session, port: int,
        service: bytes, sent: int, received: int,
    ) -> None:  # fmt: skip
        """The logon and the connection end."""
        self.logoff(host, account, session, 3, hop)
        self.close_flow(source, host, port, hop, flow, service, sent, received)
        hop.end = self.now

    def winrm(self, source: Foothold, host: Host, account: Account, commands: Sequence[str], *, switch: bool = False) -> TrueHop:
        """PowerShell remoting: a type 3 logon, wsmprovhost, commands below it."""
        powershell = rf"{S32}\WindowsPowerShell\v1.0\powershell.exe"
        command = f"{powershell} -NoProfile Enter-PSSession -ComputerName {host.name}"
        hop, flow, session = self.begin(source, host, account, "winrm", command, 5985, b"http", powershell, "HTTP", switch=switch)
        rest = b"1\tPOST\t%b:5985\t/wsman?PSVersion=5.1.17763.1\t-\t1.1\tMicrosoft WinRM Client\t-\t0\t0\t200\t-\t-\t-\t(empty)" % host.name.encode()
        self.also("http", source, host, 5985, hop, flow, rest + b"\t-" * 9)
        shell = self.process(host, account, session, rf"{S32}\wsmprovhost.exe -Embedding", (SVCHOST, self.number()), hop)
        for one in commands:
            self.wait(15, 90)
            self.deed(hop, host.name, "process", one)
            self.process(host, account, session, one, (rf"{S32}\wsmprovhost.exe", shell), hop)
            if host.role in {"app", "sql"} and self.rng.random() < 0.5:
                text = {"MessageNumber": 1, "MessageTotal": 1, "ScriptBlockText": one, "ScriptBlockId": uuid_of(self.number()), "Path": ""}
                self.windows(host, "ps4104", hop, text, after=1500)
            self.done()
        self.wait(8, 50)
        self.end(source, host, account, hop, flow, session, 5985, b"http", self.rng.randrange(4000, 20_000), self.rng.randrange(8000, 90_000))
        return hop

    def smb(
        self, source: Foothold, host: Host, account: Account, share: str, paths: Sequence[tuple[str, bool]], *,
        size: int = 4_000_000, switch: bool = False, technique: str = "", name: str = "",
    ) -> TrueHop:  # fmt: skip
        """A share is mapped and files are read or written (`True`)."""
        command = rf"{S32}\net.exe use \\{host.name}\{share}"
        hop, flow, session = self.begin(source, host, account, "smb", command, 445, b"smb,gssapi,krb", "System", "cifs", switch=switch)
        self.also("smb_mapping", source, host, 445, hop, flow, b"\\\\%b\\%b\t-\tNTFS\tDISK" % (host.fqdn.encode(), share.encode()))
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
        hop, flow, session = self.begin(source, host, account, "wmi", command, 49_667, b"gssapi,dce_rpc", wmic, "RPCSS", switch=switch)
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
        hop, flow, session = self.begin(source, host, account, "scm", command, 445, b"smb,gssapi,krb,dce_rpc", "System", "cifs", switch=switch)
        self.deed(hop, host.name, "service", service, technique, name)
        self.also("smb_mapping", source, host, 445, hop, flow, b"\\\\%b\\ADMIN$\t-\tNTFS\tDISK" % host.fqdn.encode())
        admin = self.opened_share(host, account, session, source, flow[1], "ADMIN$", hop)
        self.touched(host, admin, f"{service}.exe", hop, write=True)
        self.created(host, host.account, "System", 4, rf"C:\Windows\{service}.exe", hop)
        self.wait(0.2)
        pipes = self.opened_share(host, account, session, source, flow[1], "IPC$", hop)
        self.touched(host, pipes, "svcctl", hop, write=True)
        self.made_service(host, account, session, service, rf"%SystemRoot%\{service}.exe", hop)
        system = Session(0x3E7)
        shell = self.process(host, host.account, system, rf"C:\Windows\{service}.exe", (SERVICES, 620), hop, after=3000, who="NT AUTHORITY\\SYSTEM")
        self.done()
        for one in commands:
            self.wait(0.5, 40)
            self.deed(hop, host.name, "process", one, technique, name)
            self.process(host, account, session, one, (rf"C:\Windows\{service}.exe", shell), hop)
            self.done()
        self.wait(1, 5)
        self.end(source, host, account, hop, flow, session, 445, b"smb,gssapi,krb,dce_rpc", 480_000, 9000)
        return hop

    def made_service(self, host: Host, account: Account, session: Session, service: str, path: str, hop: TrueHop | None) -> None:
        """4697 where audited, and 7045."""
        data = {"ServiceName": service, "ServiceFileName": path, "ServiceType": "0x10", "ServiceStartType": 3, "ServiceAccount": "LocalSystem"}
        self.windows(host, "4697", hop, {**self.subject(account, session), **data}, after=1000)
        data = {"ServiceName": service, "ImagePath": path, "ServiceType": "user mode service", "StartType": "demand start", "AccountName": "LocalSystem"}
        self.windows(host, "7045", hop, data, after=1500)

    def service(
        self, source: Foothold, host: Host, account: Account, service: str, path: str, *, switch: bool = False,
        technique: str = "", name: str = "",
    ) -> TrueHop:  # fmt: skip
        """A service made on another host by remote service control."""
        command = rf"{S32}\sc.exe \\{host.name} create {service} binPath= {path}"
        hop, flow, session = self.begin(source, host, account, "scm", command, 445, b"smb,gssapi,krb,dce_rpc", "System", "cifs", switch=switch)
        self.deed(hop, host.name, "service", service, technique, name)
        self.also("dce_rpc", source, host, 445, hop, flow, b"0.000544\t\\\\pipe\\\\svcctl\tsvcctl\tCreateServiceW")
        pipes = self.opened_share(host, account, session, source, flow[1], "IPC$", hop)
        self.touched(host, pipes, "svcctl", hop, write=True)
        self.made_service(host, account, session, service, path, hop)
        self.process(host, host.account, Session(0x3E7), path, (SERVICES, 620), hop, after=4000, who="NT AUTHORITY\\SYSTEM")
        self.done()
        self.wait(2, 9)
        self.end(source, host, account, hop, flow, session, 445, b"smb,gssapi,krb,dce_rpc", 9000, 5000)
        return hop

    def task(
        self, source: Foothold, host: Host, account: Account, task: str, command: str, *, switch: bool = False,
        technique: str = "", name: str = "",
    ) -> TrueHop:  # fmt: skip
        """A scheduled task made on another host, run, and deleted."""
        line = rf"{S32}\schtasks.exe /create /s {host.name} /tn {task} /sc once /st 23:59 /tr ""{command}""".replace('""', '"')
        hop, flow, session = self.begin(source, host, account, "task", line, 445, b"smb,gssapi,krb,dce_rpc", "System", "cifs", switch=switch)
        self.deed(hop, host.name, "task", task, technique, name)
        pipes = self.opened_share(host, account, session, source, flow[1], "IPC$", hop)
        self.touched(host, pipes, "atsvc", hop, write=True)
        content = f"<Task><Actions><Exec><Command>{command}</Command></Exec></Actions></Task>"
        data = {**self.subject(account, session), "TaskName": f"\\{task}", "TaskContent": content}
        self.windows(host, "4698", hop, data, after=900)
        self.windows(host, "task106", hop, {"TaskName": f"\\{task}", "UserContext": account.qualified}, after=950)
        self.wait(1, 6)
        self.process(host, host.account, Session(0x3E7), command, (SVCHOST, 1100), hop, who="NT AUTHORITY\\SYSTEM")
        self.wait(2, 20)
        self.windows(host, "4699", hop, data)
        self.done()
        self.end(source, host, account, hop, flow, session, 445, b"smb,gssapi,krb,dce_rpc", 7000, 5000)
        return hop

    def ssh(self, source: Foothold, host: Host, account: Account, commands: Sequence[str] = (), *, switch: bool = False) -> TrueHop:
        """A key logon to a Linux host and commands as root by sudo."""
        hop = self.hop(account.name, source, source.name, host.name, "ssh")
        hop.switch = switch
        client = rf"{S32}\OpenSSH\ssh.exe"
        if source.host is not None and source.account is not None and source.session is not None:
            self.process(source.host, source.account, source.session, f"{client} {account.name}@{host.name}", (EXPLORER, source.shell), hop)
        flow = self.flow(source, host, 22, hop, b"ssh", "ssh", client)
        self.wait(0.8)
        pid, number, uid = 2000 + self.number() % 30_000, 100 + self.number() % 9000, int(account.sid.rsplit("-", 1)[1]) + 120_000
        where, key = f"{source.seen} port {flow[1]}", guid(self.estate.base("key", account.name)).decode().replace("-", "") + "qwertyuiopa"
        self.unix(host, hop, f"sshd[{pid}]: Accepted publickey for {account.name} from {where} ssh2: ED25519 SHA256:{key}")
        self.unix(host, hop, f"sshd[{pid}]: pam_unix(sshd:session): session opened for user {account.name}(uid={uid}) by (uid=0)", after=900)
        self.unix(host, hop, f"systemd-logind[612]: New session {number} of user {account.name}.", after=1500)
        self.also("ssh", source, host, 22, hop, flow, SSH % (b"SSH-2.0-OpenSSH_for_Windows_8.1", host_key(host.name)))
        for command in commands or self.rng.sample(LINUX, self.rng.randrange(1, 5)):
            self.wait(20, 140)
            self.deed(hop, host.name, "process", f"sudo {command}")
            self.unix(host, hop, f"sudo: {account.name:>8} : TTY=pts/0 ; PWD=/home/{account.name} ; USER=root ; COMMAND={command}")
            self.unix(host, hop, f"sudo: pam_unix(sudo:session): session opened for user root(uid=0) by {account.name}(uid={uid})", after=800)
            self.wait(1, 3)
            self.unix(host, hop, "sudo: pam_unix(sudo:session): session closed for user root")
            self.done()
        self.wait(10, 90)
        self.unix(host, hop, f"sshd[{pid + 6}]: Received disconnect from {where}:11: disconnected by user")
        self.unix(host, hop, f"sshd[{pid + 6}]: Disconnected from user {account.name} {where}", after=200)
        self.unix(host, hop, f"sshd[{pid}]: pam_unix(sshd:session): session closed for user {account.name}", after=400)
        if self.rng.random() >= self.estate.spec.dirt.logoffs:
            self.unix(host, hop, f"systemd-logind[612]: Removed session {number}.", after=900)
        self.close_flow(source, host, 22, hop, flow, b"ssh", self.rng.randrange(3000, 20_000), self.rng.randrange(5000, 200_000))
        hop.end = self.now
        return hop

    def refused(self, host: Host, account: Account, source: Foothold, hop: TrueHop | None) -> None:
        """4625: a wrong password over the network."""
        self.windows(
            host, "4625", hop,
            {
                **NOBODY, "TargetUserSid": "S-1-0-0", "TargetUserName": account.name, "TargetDomainName": account.netbios,
                "Status": "0xc000006d", "FailureReason": "%%2313", "SubStatus": "0xc000006a", "LogonType": 3,
                "LogonProcessName": "NtLmSsp ", "AuthenticationPackageName": "NTLM", "WorkstationName": source.client,
                "KeyLength": 0, "ProcessId": "0x0", "IpAddress": source.seen, "IpPort": port_of(self.number()),
            },
        )  # fmt: skip

    # clouds

    def sign_in(self, upn: str, name: str, address: str, home: str, app: int, *, mfa: bool, kind: str = "partner") -> tuple[TrueHop, int]:
        """A sign-in to the tenant; the session."""
        estate, number = self.estate, self.number()
        hop = self.hop(upn, None, address, estate.spec.tenant or "", "entra")
        hop.source_ip, hop.mfa, hop.session = address, mfa, uuid_of(number)
        body = cloud.sign_in(
            self.now, number, tenant=estate.tenant_id, home=home, upn=upn, name=name, address=address, app=app, kind=kind,
            mfa=mfa, session=number,
        )  # fmt: skip
        self.cloud(self.layout.entra, hop, number, body)
        return hop, number

    def office(self, hop: TrueHop, upn: str, address: str, operation: str, more: dict[str, object], *, technique: str = "", name: str = "") -> None:
        """Something done in Microsoft 365."""
        number = self.number()
        self.deed(hop, hop.target, "log", operation, technique, name)
        mail = operation.startswith(("Mail", "New-", "Set-", "Add-"))
        body = cloud.unified_audit(
            self.now, number, tenant=self.estate.tenant_id, upn=upn, address=address, operation=operation,
            workload="Exchange" if mail else "SharePoint", record_type=1 if mail else 6, more=more,
        )  # fmt: skip
        self.cloud(self.layout.m365, hop, number, body)
        self.done()
        hop.end = self.now

    def directory(
        self, hop: TrueHop, upn: str, address: str, operation: str, category: str, targets: list[dict[str, object]], *,
        technique: str = "", name: str = "",
    ) -> None:  # fmt: skip
        """Something changed in the directory."""
        number = self.number()
        self.deed(hop, hop.target, "account", operation, technique, name)
        body = cloud.directory_audit(
            self.now, number, tenant=self.estate.tenant_id, upn=upn, address=address, operation=operation, category=category,
            targets=list(targets),
        )  # fmt: skip
        self.cloud(self.layout.entra, hop, number, body)
        self.done()
        hop.end = self.now

    def assume(self, role: str, person: str, address: str, *, account: int = 0, mfa: bool = True, parent: TrueHop | None = None) -> tuple[TrueHop, dict[str, object], int]:
        """AssumeRole into an account: the hop, the identity that calls have from now on, and the account."""
        estate, number = self.estate, self.number()
        name = estate.aws[account % len(estate.aws)]
        home = str(100_000_000_000 + estate.base("vendor", role) % 800_000_000_000)
        arn = f"arn:aws:iam::{name}:role/{role}"
        hop = self.hop(f"arn:aws:sts::{name}:assumed-role/{role}/{person}", None, address, name, "aws")
        hop.source_ip, hop.mfa, hop.parent = address, mfa, None if parent is None else parent.number
        key = cloud.access_key(number)
        hop.session = key
        caller = {"type": "AWSAccount", "principalId": f"AIDA{cloud.access_key(estate.base(person))[4:]}:{person}", "accountId": home}
        identity = cloud.assumed_role(name, role, person, key, self.now, mfa=mfa)
        response = {
            "credentials": {"accessKeyId": key, "sessionToken": "<hidden>", "expiration": "<hidden>"},
            "assumedRoleUser": {"assumedRoleId": identity["principalId"], "arn": identity["arn"]},
        }
        body = cloud.api_call(
            self.now, number, account=name, region=REGION, service="sts.amazonaws.com", name="AssumeRole", identity=caller,
            address=address, agent="aws-cli/2.17.20", request={"roleArn": arn, "roleSessionName": person, "externalId": f"x-{role}"},
            response=response, resources=[{"accountId": name, "type": "AWS::IAM::Role", "ARN": arn}],
        )  # fmt: skip
        self.cloud(self.layout.trail(account % len(estate.aws)), hop, number, body)
        return hop, identity, account % len(estate.aws)

    def call(
        self, hop: TrueHop, identity: dict[str, object], account: int, address: str, service: str, name: str,
        request: object = None, *, read_only: bool = True, technique: str = "", step: str = "",
    ) -> None:  # fmt: skip
        """An API call with a role's key."""
        number = self.number()
        self.deed(hop, hop.target, "log", name, technique, step)
        body = cloud.api_call(
            self.now, number, account=self.estate.aws[account], region=REGION, service=f"{service}.amazonaws.com", name=name,
            identity=identity, address=address, agent="aws-cli/2.17.20", request=request, read_only=read_only,
        )  # fmt: skip
        self.cloud(self.layout.trail(account), hop, number, body)
        self.done()
        hop.end = self.now

    def exfiltrate(self, desktop: Desktop, address: str, size: int, hop: TrueHop) -> None:
        """A connection to the outside with much sent."""
        uid, port, start = self.number(), port_of(self.number()), self.now
        self.wait(size / 1_500_000)
        seen = Seen("conn", start, uid, desktop.host.ip, port, address, 443, b"", b"ssl", size, size // 300)
        self.seen(seen, hop, desktop.host.site, -1)


LOCAL_EXPLICIT = {
    "SubjectUserSid": "S-1-5-18", "SubjectLogonId": "0x3e7", "LogonGuid": "00000000-0000-0000-0000-000000000000",
    "TargetLogonGuid": "00000000-0000-0000-0000-000000000000", "TargetServerName": "localhost", "TargetInfo": "localhost",
    "ProcessId": "0x2d4", "ProcessName": SVCHOST, "IpPort": "0",
}  # fmt: skip


def _connected(kind: str, tunnel: gateways.Tunnel, organisation: str) -> list[str]:
    if kind == "anyconnect":
        return [f"%ASA-{level}-{number}: {text}" for level, number, text in gateways.asa_connected(tunnel)]
    if kind == "openvpn":
        return gateways.openvpn_connected(tunnel, organisation)
    return [gateways.fortigate("tunnel-up", tunnel)]


def _refused(kind: str, tunnel: gateways.Tunnel) -> list[str]:
    if kind == "anyconnect":
        return [f"%ASA-{level}-{number}: {text}" for level, number, text in gateways.asa_rejected(tunnel.user, tunnel.origin)]
    if kind == "openvpn":
        return gateways.openvpn_rejected(tunnel.user, tunnel.origin, tunnel.port)
    return [gateways.fortigate("ssl-login-fail", tunnel)]


def _disconnected(kind: str, tunnel: gateways.Tunnel, seconds: int, sent: int, received: int) -> list[str]:
    if kind == "anyconnect":
        return [f"%ASA-{level}-{number}: {text}" for level, number, text in gateways.asa_disconnected(tunnel, seconds, sent, received)]
    if kind == "openvpn":
        return gateways.openvpn_disconnected(tunnel)
    return [gateways.fortigate("tunnel-down", tunnel, seconds=seconds, sent=sent, received=received)]
