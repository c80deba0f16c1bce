"""What many acts leave behind: connections, tickets, logons, processes, files and shares."""

from __future__ import annotations

from collections.abc import Mapping

from countersign.range.calendar import SECOND
from countersign.range.draws import guid, mix
from countersign.range.estate import Account, Host
from countersign.range.plan.places import Foothold
from countersign.range.plan.scene import Scene
from countersign.range.streams.base import KERNEL, SINCE_BOOT, booted, pid_of, port_of
from countersign.range.streams.fields import BY_KERBEROS, BY_NTLM, NETWORK, NO_TARGET, PRIVILEGES, Session
from countersign.range.streams.programs import hashes_of
from countersign.range.streams.zeek import Seen
from countersign.range.truth import TrueHop
from countersign.range.writers.times import sysmon
from countersign.range.writers.windows import ZERO_GUID

SYSTEM32 = r"C:\Windows\System32"
LSASS, SVCHOST = rf"{SYSTEM32}\lsass.exe", rf"{SYSTEM32}\svchost.exe"


SYSTEM = "NT AUTHORITY\\SYSTEM"
Process = tuple[str, int]
"""A process: its program, and its number."""


class Traces(Scene):
    """A scene with what most acts leave behind; the acts themselves stand below, in `acts`."""

    def subject(self, account: Account, session: Session | str) -> dict[str, object]:
        """The Subject of events that a session causes."""
        return {
            "SubjectUserSid": account.sid, "SubjectUserName": account.name, "SubjectDomainName": account.netbios,
            "SubjectLogonId": session,
        }  # fmt: skip

    def controller(self, host: Host) -> Host:
        """The controller that a host asks."""
        return self.estate.hosts[host.controller]

    def zero(self) -> bool:
        """Whether a logon GUID is missing."""
        return self.rng.random() < self.estate.spec.dirt.zero_guids

    def flow(
        self,
        source: Foothold,
        target: Host,
        port: int,
        hop: TrueHop | None,
        by: Process,
    ) -> tuple[int, int, int]:
        """A connection of a process begins: uid, source port, time. The source host's Sysmon may see it leave."""
        uid, own = self.number(), port_of(self.number())
        here = source.host
        if here is not None and here.sysmon and source.account is not None:
            self.windows(here, "s3", hop, self._connected(source, target, own, port, by))
        return uid, own, self.now

    def _connected(
        self, source: Foothold, target: Host, own: int, port: int, by: Process
    ) -> dict[str, object]:
        account, here = source.account, source.host
        if account is None or here is None:
            raise RuntimeError("only a host of the estate has Sysmon")
        image, number = by
        user = SYSTEM if number == KERNEL else account.qualified
        return {
            "RuleName": "-", "UtcTime": sysmon(self.now), "ProcessGuid": self.process_guid(here, number),
            "ProcessId": pid_of(number), "Image": image, "User": user, "Protocol": "tcp",
            "Initiated": "true", "SourceIsIpv6": "false", "SourceIp": source.ip, "SourceHostname": here.fqdn,
            "SourcePort": own, "DestinationIsIpv6": "false", "DestinationIp": target.ip,
            "DestinationPort": port,
        }  # fmt: skip

    def process_guid(self, host: Host, number: int) -> str:
        """Sysmon's id of a process of a host: of the machine, of when it began, and of which it is."""
        base = self.estate.base("windows", host.index)
        machine = mix(base + 77) >> 32
        if number < SINCE_BOOT:
            seconds = booted(base, self.estate.calendar.day(0).start) // SECOND
        else:
            seconds = self.began.get(number, self.visit.start) // SECOND
        return f"{machine:08X}-{seconds & 0xFFFF:04X}-{seconds >> 16:04X}-{number >> 3 & 0xFFFF:04X}-{number >> 20 & 0xFFFF:04X}00000000"

    def close_flow(
        self, source: Foothold, target: Host, port: int, hop: TrueHop | None, flow: tuple[int, int, int], service: bytes,
        sent: int, received: int,
    ) -> None:  # fmt: skip
        """The connection ends: the sensor writes it."""
        uid, own, start = flow
        seen = Seen("conn", start, uid, source.seen, own, target.ip, port, b"", service, sent, received)
        self.seen(seen, hop, self.site(source), target.site)

    def also(
        self,
        path: str,
        source: Foothold,
        target: Host,
        port: int,
        hop: TrueHop | None,
        flow: tuple[int, int, int],
        rest: bytes,
    ) -> None:
        """A line of another of Zeek's logs on a connection."""
        seen = Seen(path, self.now, flow[0], source.seen, flow[1], target.ip, port, rest)
        self.seen(seen, hop, self.site(source), target.site)

    @staticmethod
    def site(source: Foothold) -> int:
        """Where a foothold is: -1 outside."""
        return -1 if source.host is None else source.host.site

    def ticket(
        self, host: Host, account: Account, source: Foothold, hop: TrueHop | None, unique: bytes | str
    ) -> None:
        """4769: the controller gave a ticket for a host."""
        controller = self.controller(host)
        self.windows(
            controller, "4769", hop,
            {
                "TargetUserName": f"{account.name}@{account.realm}", "TargetDomainName": account.realm,
                "ServiceName": host.account.name, "ServiceSid": host.account.sid, "TicketOptions": "0x40810000",
                "TicketEncryptionType": "0x12", "IpAddress": f"::ffff:{source.seen}", "IpPort": port_of(self.number()),
                "Status": "0x0", "LogonGuid": unique,
            },
            after=-20_000,
        )  # fmt: skip

    def checked(self, host: Host, account: Account, station: str, hop: TrueHop | None) -> None:
        """4776: the controller checked an NTLM answer."""
        data = {
            "PackageName": "MICROSOFT_AUTHENTICATION_PACKAGE_V1_0", "TargetUserName": account.name,
            "Workstation": station, "Status": "0x0",
        }  # fmt: skip
        self.windows(self.controller(host), "4776", hop, data, after=-15_000)

    def network_logon(
        self, host: Host, account: Account, source: Foothold, port: int, hop: TrueHop | None, *, ntlm: bool = False,
        unique: bytes | str | None = None, blank: float | None = None,
    ) -> Session:  # fmt: skip
        """4624 type 3 at a host with what goes with it; the session. `blank` says how often it tells no address, if not as often
        as others; with NTLM it is as others."""
        session = Session()
        chosen: bytes | str = ZERO_GUID if ntlm or self.zero() else (unique or guid(self.number()))
        share = self.estate.spec.dirt.empty_addresses
        empty = self.rng.random() < (share if ntlm or blank is None else blank)
        if ntlm:
            self.checked(host, account, source.client, hop)
        else:
            self.ticket(host, account, source, hop, chosen)
        self.windows(
            host, "4624", hop,
            {
                **NETWORK, **(BY_NTLM if ntlm else BY_KERBEROS), "TargetUserSid": account.sid,
                "TargetUserName": account.name, "TargetDomainName": account.netbios if ntlm else account.realm,
                "TargetLogonId": session, "LogonGuid": chosen, "WorkstationName": source.client if ntlm else "-",
                "IpAddress": "-" if empty else source.seen, "IpPort": "-" if empty else port,
                "ElevatedToken": "%%1842",
            },
        )  # fmt: skip
        if account.admin:
            self.windows(
                host, "4672", hop, {**self.subject(account, session), "PrivilegeList": PRIVILEGES}, after=150
            )
        return session

    def logoff(self, host: Host, account: Account, session: Session, kind: int, hop: TrueHop | None) -> None:
        """4634, unless it is missing."""
        if self.rng.random() >= self.estate.spec.dirt.logoffs:
            self.windows(host, "4634", hop, {**self.target(account, session), "LogonType": kind})

    @staticmethod
    def target(account: Account, session: Session | str) -> dict[str, object]:
        """The Target of events on a session."""
        return {
            "TargetUserSid": account.sid, "TargetUserName": account.name, "TargetDomainName": account.netbios,
            "TargetLogonId": session,
        }  # fmt: skip

    def explicit(
        self,
        source: Foothold,
        account: Account,
        target: Host,
        info: str,
        process: str,
        hop: TrueHop | None,
        unique: bytes | str = ZERO_GUID,
    ) -> None:
        """4648 on the source host: these credentials were given for that host."""
        if source.host is None or source.account is None or source.session is None:
            return
        self.windows(
            source.host, "4648", hop,
            {
                **self.subject(source.account, source.session), "LogonGuid": ZERO_GUID, "TargetUserName": account.name,
                "TargetDomainName": account.netbios, "TargetLogonGuid": unique, "TargetServerName": target.fqdn,
                "TargetInfo": f"{info}/{target.fqdn}", "ProcessId": "0x2d4", "ProcessName": process,
            },
        )  # fmt: skip

    def process(
        self, host: Host, account: Account, session: Session, command: str, parent: tuple[str, int], hop: TrueHop | None, *,
        through: Account | None = None, terminal: int = 0, after: int = 0, who: str = "",
    ) -> int:  # fmt: skip
        """A process begins; its number. `through`: a service made it for the session."""
        number = self.number()
        self.began[number] = self.now + after
        image = image_of(command)
        shown = command if host.commands else ""
        if host.audit:
            subject: dict[str, object] = self.subject(account, session)
            target: dict[str, object] = {**NO_TARGET}
            if through is not None:
                subject = self.subject(through, "0x3e4")
                subject["SubjectUserSid"] = "S-1-5-20"
                target = self.target(account, session)
            self.windows(
                host, "4688", hop,
                {
                    **subject, **target, "NewProcessId": hex(pid_of(number)), "NewProcessName": image,
                    "TokenElevationType": "%%1937", "ProcessId": hex(pid_of(parent[1])), "CommandLine": shown,
                    "ParentProcessName": parent[0], "MandatoryLabel": "S-1-16-12288",
                },
                after=after,
            )  # fmt: skip
        if host.sysmon:
            base = image.rsplit("\\", 1)[-1]
            self.windows(
                host, "s1", hop,
                {
                    "RuleName": "-", "UtcTime": sysmon(self.now + after), "ProcessGuid": self.process_guid(host, number),
                    "ProcessId": pid_of(number), "Image": image, "FileVersion": "10.0.17763.1 (WinBuild.160101.0800)",
                    "Description": base, "Product": "Microsoft® Windows® Operating System",
                    "Company": "Microsoft Corporation", "OriginalFileName": base, "CommandLine": command,
                    "CurrentDirectory": f"C:\\Users\\{account.name}\\", "User": who or account.qualified,
                    "LogonGuid": self.process_guid(host, number >> 9), "LogonId": session,
                    "TerminalSessionId": terminal, "IntegrityLevel": "High", "Hashes": hashes_of(image),
                    "ParentProcessGuid": self.process_guid(host, parent[1]), "ParentProcessId": pid_of(parent[1]),
                    "ParentImage": parent[0], "ParentCommandLine": parent[0],
                },
                after=after + 900,
            )  # fmt: skip
        return number

    def created(
        self, host: Host, account: Account, image: str, shell: int, path: str, hop: TrueHop | None
    ) -> None:
        """Sysmon 11: a file was made."""
        if host.sysmon:
            self.windows(
                host, "s11", hop,
                {
                    "RuleName": "-", "UtcTime": sysmon(self.now), "ProcessGuid": self.process_guid(host, shell),
                    "ProcessId": pid_of(shell), "Image": image, "TargetFilename": path, "CreationUtcTime": sysmon(self.now),
                    "User": SYSTEM if shell == KERNEL else account.qualified,
                },
            )  # fmt: skip

    def opened_memory(
        self, host: Host, account: Account, by: Process, access: str, called: str, hop: TrueHop | None
    ) -> None:
        """Sysmon 10: a program opened lsass, as the task manager does to list it and dumpers do to read it."""
        image, number = by
        if host.sysmon:
            self.windows(
                host, "s10", hop,
                {
                    "RuleName": "-", "UtcTime": sysmon(self.now), "SourceProcessGUID": self.process_guid(host, number),
                    "SourceProcessId": pid_of(number), "SourceThreadId": pid_of(number) + 4, "SourceImage": image,
                    "TargetProcessGUID": self.process_guid(host, 724), "TargetProcessId": 724, "TargetImage": LSASS,
                    "GrantedAccess": access, "CallTrace": rf"{SYSTEM32}\ntdll.dll+9d8e4|{SYSTEM32}\{called}",
                    "SourceUser": account.qualified, "TargetUser": SYSTEM,
                },
                after=30_000,
            )  # fmt: skip

    def opened_share(
        self,
        host: Host,
        account: Account,
        session: Session,
        source: Foothold,
        port: int,
        share: str,
        hop: TrueHop | None,
    ) -> dict[str, object]:
        """5140; the fields that 5145 has too."""
        local = {"IPC$": "", "ADMIN$": r"\??\C:\Windows", "C$": "\\??\\C:\\"}.get(
            share, f"\\??\\D:\\Shares\\{share}"
        )
        common: dict[str, object] = {
            **self.subject(account, session), "ObjectType": "File", "IpAddress": source.seen, "IpPort": port,
            "ShareName": f"\\\\*\\{share}", "ShareLocalPath": local,
        }  # fmt: skip
        self.windows(host, "5140", hop, {**common, "AccessMask": "0x1", "AccessList": "%%4416\r\n\t\t\t\t"})
        return common

    def touched(
        self, host: Host, common: Mapping[str, object], path: str, hop: TrueHop | None, *, write: bool = False
    ) -> None:
        """5145: something below a share was opened."""
        access = (
            ("0x12019f", "%%4417\r\n\t\t\t\t")
            if write
            else ("0x120089", "%%4416\r\n\t\t\t\t%%4423\r\n\t\t\t\t")
        )
        data = {**common, "RelativeTargetName": path, "AccessMask": access[0], "AccessList": access[1]}
        self.windows(host, "5145", hop, data)


def image_of(command: str) -> str:
    """The program of a command line, whose path may hold spaces."""
    end = command.lower().find(".exe")
    return (command if end < 0 else command[: end + 4]).lstrip('"')
