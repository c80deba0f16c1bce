"""The acts of a visit: ways in, ways on, and work; each leaves what it really leaves in each log."""

from __future__ import annotations

from collections.abc import Sequence

from countersign.range.calendar import SECOND
from countersign.range.draws import guid
from countersign.range.estate import Account, Host, Person
from countersign.range.plan.clouds import Clouds
from countersign.range.plan.commands import LINUX, S32
from countersign.range.plan.remote import Remote
from countersign.range.plan.scene import (
    COOKIE,
    LOCAL,
    LSASS,
    NOBODY,
    SSH,
    SVCHOST,
    Desktop,
    Foothold,
    Tunnel,
    host_key,
    image_of,
)
from countersign.range.streams.base import port_of
from countersign.range.streams.windows import PRIVILEGES, Session
from countersign.range.streams.zeek import Seen
from countersign.range.truth import TrueHop
from countersign.range.writers import gateways

FILES_MADE = 0.2
"""How often what is started writes a file."""
EXPLORER = r"C:\Windows\explorer.exe"
SERVICES = rf"{S32}\services.exe"
WMI_HOST = rf"{S32}\wbem\WmiPrvSE.exe"
REGION = "eu-west-2"


class Acts(Remote, Clouds):
    """A scene with everything that people do."""

    # ways in

    def vpn(
        self, gateway: str, person: Person, origin: str, *, mistyped: bool = False
    ) -> tuple[Tunnel, Foothold]:
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
            self.process(
                source.host,
                source.account,
                source.session,
                rf"{S32}\mstsc.exe /v:{host.name}",
                (EXPLORER, source.shell),
                hop,
            )
            self.wait(3, 9)
        flow = self.flow(source, host, 3389, hop, rf"{S32}\mstsc.exe")
        self.explicit(source, account, host, "TERMSRV", LSASS, hop)
        self.wait(0.4)
        cookie = account.name[:COOKIE].encode()
        self.also("rdp", source, host, 3389, hop, flow, cookie + b"\tencrypted\tHYBRID" + b"\t-" * 13)
        self.windows(
            host, "1149", hop, {"Param1": account.name, "Param2": account.netbios, "Param3": source.seen}
        )
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
        inside = Foothold(
            host.name, host.ip, host.ip, host.name, hop.number, host, account, full, shell, terminal
        )
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
        self,
        host: Host,
        account: Account,
        full: Session,
        limited: Session,
        kind: int,
        address: str,
        hop: TrueHop | None,
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
        tokens = (
            ((full, limited, "%%1842"), (limited, full, "%%1843"))
            if account.admin
            else ((full, "0x0", "%%1843"),)
        )
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
            self.windows(
                host, "4672", hop, {**self.subject(account, full), "PrivilegeList": PRIVILEGES}, after=400
            )

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
        self.windows(
            host, "4647", hop, self.target(account, desktop.tokens[1] if account.admin else desktop.tokens[0])
        )
        for session in desktop.tokens if account.admin else desktop.tokens[:1]:
            self.logoff(host, account, session, 10, hop)
        self.windows(host, "ts23", hop, who)
        self.wait(0.7)
        self.windows(host, "ts24", hop, {**who, "Address": desktop.source.seen})
        self._flow_over(desktop)
        hop.end = self.now

    def _flow_over(self, desktop: Desktop) -> None:
        seconds = (self.now - desktop.start) // SECOND
        sent, received = (
            seconds * self.rng.randrange(150, 400) + 4000,
            seconds * self.rng.randrange(2000, 9000) + 60_000,
        )
        flow = (desktop.uid, desktop.port, desktop.start)
        self.close_flow(desktop.source, desktop.host, 3389, desktop.hop, flow, b"rdp", sent, received)

    def drop(self, desktop: Desktop) -> None:
        """The connection is lost or closed: the session stays."""
        host, account = desktop.host, desktop.account
        self.windows(
            host,
            "ts24",
            desktop.hop,
            {"User": account.qualified, "SessionID": desktop.inside.terminal, "Address": desktop.source.seen},
        )
        self.windows(host, "4779", desktop.hop, self._moved(desktop), after=400)
        self._flow_over(desktop)
        desktop.hop.end = self.now

    def rejoin(self, desktop: Desktop) -> None:
        """The connection comes back to the same session: 25, 4778 and a type 7."""
        host, account, hop = desktop.host, desktop.account, desktop.hop
        desktop.uid, desktop.port, desktop.start = self.flow(
            desktop.source, host, 3389, hop, rf"{S32}\mstsc.exe"
        )
        self.wait(0.3)
        full, limited = Session(), Session()
        self.interactive(host, account, full, limited, 7, desktop.source.seen, hop)
        who = {
            "User": account.qualified,
            "SessionID": desktop.inside.terminal,
            "Address": desktop.source.seen,
        }
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
        if self.rng.random() < FILES_MADE:
            image = self.rng.choice((EXPLORER, image_of(command)))
            path = rf"C:\Temp\{self.rng.choice(('report', 'setup', 'export', 'logs'))}-{number % 90}.{self.rng.choice(('log', 'zip', 'csv', '7z'))}"
            self.created(host, desktop.account, image, number, path, desktop.hop)
        self.done()
        return number

    def ssh(
        self,
        source: Foothold,
        host: Host,
        account: Account,
        commands: Sequence[str] = (),
        *,
        switch: bool = False,
    ) -> TrueHop:
        """A key logon to a Linux host and commands as root by sudo."""
        hop = self.hop(account.name, source, source.name, host.name, "ssh")
        hop.switch = switch
        client = rf"{S32}\OpenSSH\ssh.exe"
        if source.host is not None and source.account is not None and source.session is not None:
            self.process(
                source.host,
                source.account,
                source.session,
                f"{client} {account.name}@{host.name}",
                (EXPLORER, source.shell),
                hop,
            )
        flow = self.flow(source, host, 22, hop, client)
        self.wait(0.8)
        pid, number, uid = (
            2000 + self.number() % 30_000,
            100 + self.number() % 9000,
            int(account.sid.rsplit("-", 1)[1]) + 120_000,
        )
        where, key = (
            f"{source.seen} port {flow[1]}",
            guid(self.estate.base("key", account.name)).decode().replace("-", "") + "qwertyuiopa",
        )
        self.unix(
            host,
            hop,
            f"sshd[{pid}]: Accepted publickey for {account.name} from {where} ssh2: ED25519 SHA256:{key}",
        )
        self.unix(
            host,
            hop,
            f"sshd[{pid}]: pam_unix(sshd:session): session opened for user {account.name}(uid={uid}) by (uid=0)",
            after=900,
        )
        self.unix(host, hop, f"systemd-logind[612]: New session {number} of user {account.name}.", after=1500)
        self.also(
            "ssh",
            source,
            host,
            22,
            hop,
            flow,
            SSH % (b"SSH-2.0-OpenSSH_for_Windows_8.1", host_key(host.name)),
        )
        for command in commands or self.rng.sample(LINUX, self.rng.randrange(1, 5)):
            self.wait(20, 140)
            self.deed(hop, host.name, "process", f"sudo {command}")
            self.unix(
                host,
                hop,
                f"sudo: {account.name:>8} : TTY=pts/0 ; PWD=/home/{account.name} ; USER=root ; COMMAND={command}",
            )
            self.unix(
                host,
                hop,
                f"sudo: pam_unix(sudo:session): session opened for user root(uid=0) by {account.name}(uid={uid})",
                after=800,
            )
            self.wait(1, 3)
            self.unix(host, hop, "sudo: pam_unix(sudo:session): session closed for user root")
            self.done()
        self.wait(10, 90)
        self.unix(host, hop, f"sshd[{pid + 6}]: Received disconnect from {where}:11: disconnected by user")
        self.unix(host, hop, f"sshd[{pid + 6}]: Disconnected from user {account.name} {where}", after=200)
        self.unix(
            host,
            hop,
            f"sshd[{pid}]: pam_unix(sshd:session): session closed for user {account.name}",
            after=400,
        )
        if self.rng.random() >= self.estate.spec.dirt.logoffs:
            self.unix(host, hop, f"systemd-logind[612]: Removed session {number}.", after=900)
        self.close_flow(
            source,
            host,
            22,
            hop,
            flow,
            b"ssh",
            self.rng.randrange(3000, 20_000),
            self.rng.randrange(5000, 200_000),
        )
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
        return [
            f"%ASA-{level}-{number}: {text}"
            for level, number, text in gateways.asa_rejected(tunnel.user, tunnel.origin)
        ]
    if kind == "openvpn":
        return gateways.openvpn_rejected(tunnel.user, tunnel.origin, tunnel.port)
    return [gateways.fortigate("ssl-login-fail", tunnel)]


def _disconnected(kind: str, tunnel: gateways.Tunnel, seconds: int, sent: int, received: int) -> list[str]:
    if kind == "anyconnect":
        return [
            f"%ASA-{level}-{number}: {text}"
            for level, number, text in gateways.asa_disconnected(tunnel, seconds, sent, received)
        ]
    if kind == "openvpn":
        return gateways.openvpn_disconnected(tunnel)
    return [gateways.fortigate("tunnel-down", tunnel, seconds=seconds, sent=sent, received=received)]
