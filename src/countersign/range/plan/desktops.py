"""Remote desktops: logons, reconnects, programs, logoffs."""

from __future__ import annotations

from countersign.range.calendar import SECOND
from countersign.range.estate import Account, Host
from countersign.range.plan.commands import EXPLORER, S32
from countersign.range.plan.places import WORK, Cause, Desktop, Foothold
from countersign.range.plan.traces import LSASS, Traces, image_of
from countersign.range.streams.base import port_of
from countersign.range.streams.fields import LOCAL, LOCAL_EXPLICIT, PRIVILEGES, Session
from countersign.range.truth import TrueHop

MSTSC = rf"{S32}\mstsc.exe"
CMD = rf"{S32}\cmd.exe"
WINDOWED = frozenset(
    {
        "mmc",
        "taskmgr",
        "perfmon",
        "msedge",
        "cmd",
        "powershell",
        "msiexec",
        "wusa",
        "setup",
        "updater",
        "procdump64",
    }
)
"""Programs that are started from the desktop; all others are typed at a prompt as a rule."""
AT_PROMPT = 0.7
FILES_MADE = 0.2
"""How often what is started writes a file."""
COOKIE = 9
"""RDP's cookie keeps the first nine characters of the user name ([MS-RDPBCGR] 2.2.1.1.1)."""


class Desktops(Traces):
    """What happens on remote desktops."""

    def rdp(self, source: Foothold, host: Host, account: Account) -> Desktop:
        """Remote desktop with network-level authentication: a type 3, then a type 10 in two tokens."""
        hop = self.hop(account.qualified, source, source.name, host.name, "rdp")
        client = 0
        if source.host is not None and source.account is not None and source.session is not None:
            client = self.process(
                source.host,
                source.account,
                source.session,
                f"{MSTSC} /v:{host.name}",
                (EXPLORER, source.shell),
                hop,
            )
            self.wait(3, 9)
        flow = self.flow(source, host, 3389, hop, (MSTSC, client))
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
        self.began[shell] = self.now
        self.later_logoff(host, account, first, hop)
        inside = Foothold(
            host.name, host.ip, host.ip, host.name, hop.number, host, account, full, shell, terminal, self.now
        )
        self.wait(2, 6)
        return Desktop(host, account, (full, limited), hop, *flow, source, inside, client)

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
            desktop.source, host, 3389, hop, (MSTSC, desktop.client)
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

    def _where(self, desktop: Desktop, command: str) -> tuple[str, int]:
        """What a program is started from: Explorer, or the window with a prompt, which is opened when it is wanted."""
        shell = EXPLORER, desktop.inside.shell
        if command.partition(".exe")[0].rpartition("\\")[2] in WINDOWED or self.rng.random() >= AT_PROMPT:
            return shell
        if not desktop.prompt:
            desktop.prompt = self.process(
                desktop.host, desktop.account, desktop.tokens[0], CMD, shell, desktop.hop, terminal=desktop.inside.terminal
            )  # fmt: skip
            self.wait(1, 5)
        return CMD, desktop.prompt

    def run(self, desktop: Desktop, command: str, cause: Cause = WORK) -> int:
        """A program is started at a desktop."""
        host = desktop.host
        self.deed(desktop.hop, host.name, "process", command, cause)
        number = self.process(
            host, desktop.account, desktop.tokens[0], command, self._where(desktop, command), desktop.hop,
            terminal=desktop.inside.terminal,
        )  # fmt: skip
        if "taskmgr" in command:
            self.opened_memory(
                host,
                desktop.account,
                (image_of(command), number),
                "0x1410",
                "KERNELBASE.dll+2c0fe",
                desktop.hop,
            )
        if self.rng.random() < FILES_MADE:
            image = self.rng.choice((EXPLORER, image_of(command)))
            path = rf"C:\Temp\{self.rng.choice(('report', 'setup', 'export', 'logs'))}-{number % 90}.{self.rng.choice(('log', 'zip', 'csv', '7z'))}"
            self.created(host, desktop.account, image, number, path, desktop.hop)
        self.done()
        return number
