"""Deeds with weight: what intruders need, and administrators do now and then for good reasons."""

from __future__ import annotations

from countersign.range.calendar import SECOND
from countersign.range.draws import guid
from countersign.range.estate import Account, Host, sid_of
from countersign.range.plan.acts import Acts
from countersign.range.plan.commands import S32
from countersign.range.plan.scene import Desktop, Foothold
from countersign.range.streams.base import pid_of, port_of
from countersign.range.streams.windows import Session
from countersign.range.streams.zeek import Seen
from countersign.range.truth import TrueHop
from countersign.range.writers.times import sysmon

REPLICATION = (
    "%%7688\r\n\t\t{1131f6ad-9c07-11d1-f79f-00c04fc2dcd2}\r\n\t{19195a5b-6da0-11d0-afd3-00c04fd930c9}"
)
"""DS-Replication-Get-Changes-All, [MS-ADTS] 5.1.3.2.1."""
SENSOR = "CSFalconService"


class Deeds(Acts):
    """A scene with everything that people do, good or bad."""

    def clear_log(
        self,
        host: Host,
        account: Account,
        session: Session,
        hop: TrueHop,
        *,
        technique: str = "",
        name: str = "",
    ) -> None:
        """1102: the Security log is cleared."""
        self.deed(hop, host.name, "log", "Security log cleared", technique, name)
        self.process(
            host,
            account,
            session,
            rf"{S32}\wevtutil.exe cl Security",
            (rf"{S32}\cmd.exe", self.number()),
            hop,
        )
        self.windows(host, "1102", hop, self.subject(account, session), after=4000)
        self.done()

    def stop_sensor(
        self,
        host: Host,
        account: Account,
        session: Session,
        hop: TrueHop,
        *,
        technique: str = "",
        name: str = "",
    ) -> None:
        """A security product's service is stopped."""
        self.deed(hop, host.name, "service", f"{SENSOR} stopped", technique, name)
        self.process(
            host, account, session, rf"{S32}\sc.exe stop {SENSOR}", (rf"{S32}\cmd.exe", self.number()), hop
        )
        self.windows(host, "7036", hop, {"param1": SENSOR, "param2": "stopped"}, after=90_000)
        self.done()

    def dump(
        self,
        host: Host,
        account: Account,
        session: Session,
        command: str,
        hop: TrueHop,
        *,
        technique: str = "",
        name: str = "",
    ) -> None:
        """A program reads another's memory: lsass's, or that of whatever support wants to look into."""
        self.deed(hop, host.name, "process", command, technique, name)
        number = self.process(host, account, session, command, (rf"{S32}\cmd.exe", self.number()), hop)
        image = command.partition(".exe")[0] + ".exe"
        if host.sysmon:
            self.windows(
                host, "s10", hop,
                {
                    "RuleName": "-", "UtcTime": sysmon(self.now), "SourceProcessGUID": self.process_guid(host, number),
                    "SourceProcessId": pid_of(number), "SourceThreadId": pid_of(number) + 4, "SourceImage": image,
                    "TargetProcessGUID": self.process_guid(host, 724), "TargetProcessId": 724,
                    "TargetImage": rf"{S32}\lsass.exe", "GrantedAccess": "0x1fffff",
                    "CallTrace": rf"{S32}\ntdll.dll+9d8e4|{S32}\comsvcs.dll+2d2b1", "SourceUser": account.qualified,
                    "TargetUser": "NT AUTHORITY\\SYSTEM",
                },
                after=30_000,
            )  # fmt: skip
        self.created(host, account, image, number, r"C:\Temp\m.dmp", hop)
        self.done()

    def weak_tickets(
        self,
        source: Foothold,
        host: Host,
        account: Account,
        hop: TrueHop,
        count: int,
        *,
        technique: str = "",
        name: str = "",
    ) -> None:
        """4769 with RC4 for accounts of services: old clients ask so, and so does Kerberoasting."""
        controller = self.controller(host)
        self.deed(hop, host.name, "credential", f"{count} service tickets", technique, name)
        for _ in range(count):
            self.wait(0.01, 0.4)
            number = self.number()
            self.windows(
                controller, "4769", hop,
                {
                    "TargetUserName": f"{account.name}@{account.realm}", "TargetDomainName": account.realm,
                    "ServiceName": f"svc-sql{number % 40}", "ServiceSid": sid_of(number, 1500 + number % 40),
                    "TicketOptions": "0x40810000", "TicketEncryptionType": "0x17", "IpAddress": f"::ffff:{source.seen}",
                    "IpPort": port_of(number), "Status": "0x0", "LogonGuid": guid(number),
                },
            )  # fmt: skip
        self.done()

    def replicate(
        self,
        source: Foothold,
        controller: Host,
        account: Account,
        *,
        switch: bool = False,
        technique: str = "",
        name: str = "",
    ) -> TrueHop:
        """The directory is replicated from a controller by something that is none: cloud synchronisation, or DCSync."""
        hop, flow, session = self.begin(
            source,
            controller,
            account,
            "network",
            "",
            49_667,
            "System",
            "ldap",
            switch=switch,
        )
        self.deed(hop, controller.name, "credential", "directory replicated", technique, name)
        self.also(
            "dce_rpc", source, controller, 49_667, hop, flow, b"0.000412\t49667\tdrsuapi\tDRSGetNCChanges"
        )
        for _ in range(3):
            self.windows(
                controller, "4662", hop,
                {
                    **self.subject(account, session), "ObjectServer": "DS", "ObjectType": "%{19195a5b-6da0-11d0-afd3-00c04fd930c9}",
                    "ObjectName": "%{7d8e1c52-91f4-4d2e-8d1c-4a7b8c0e55aa}", "OperationType": "Object Access", "HandleId": "0x0",
                    "AccessList": "%%7688\r\n\t\t\t\t", "AccessMask": "0x100", "Properties": REPLICATION, "AdditionalInfo2": "",
                },
            )  # fmt: skip
            self.wait(0.1, 0.9)
        self.done()
        self.end(
            source, controller, account, hop, flow, session, 49_667, b"gssapi,dce_rpc", 90_000, 4_000_000
        )
        return hop

    def new_account(
        self,
        controller: Host,
        account: Account,
        session: Session,
        hop: TrueHop,
        new: str,
        *,
        group: str = "",
        technique: str = "",
        name: str = "",
    ) -> None:
        """4720, and 4728 where it joins a group."""
        self.deed(hop, controller.name, "account", f"account {new} made", technique, name)
        sid = sid_of(self.number(), 7000 + self.number() % 900)
        subject = self.subject(account, session)
        made = {
            "TargetUserName": new,
            "TargetDomainName": account.netbios,
            "TargetSid": sid,
            "SamAccountName": new,
            "DisplayName": new,
        }
        self.windows(controller, "4720", hop, {**made, **subject})
        if group:
            member = {
                "MemberName": f"CN={new},CN=Users",
                "MemberSid": sid,
                "TargetUserName": group,
                "TargetDomainName": account.netbios,
            }
            self.windows(
                controller, "4728", hop, {**member, **subject, "TargetSid": sid_of(1, 512)}, after=400_000
            )
        self.done()

    def new_account_on(
        self,
        source: Foothold,
        controller: Host,
        account: Account,
        new: str,
        *,
        group: str = "",
        switch: bool = False,
        technique: str = "",
        name: str = "",
    ) -> TrueHop:
        """The same from another host, by the console there."""
        mmc = rf"{S32}\mmc.exe"
        hop, flow, session = self.begin(
            source,
            controller,
            account,
            "network",
            rf"{mmc} {S32}\dsa.msc",
            49_667,
            mmc,
            "ldap",
            switch=switch,
        )
        self.wait(5, 60)
        self.new_account(controller, account, session, hop, new, group=group, technique=technique, name=name)
        self.wait(2, 20)
        self.end(source, controller, account, hop, flow, session, 49_667, b"gssapi,dce_rpc", 9000, 30_000)
        return hop

    def beacon(
        self,
        host: Host,
        hop: TrueHop,
        address: str,
        times: int,
        period: float,
        *,
        technique: str = "",
        name: str = "",
    ) -> None:
        """Short connections to one address outside, again and again; update and support agents do so too."""
        self.deed(hop, host.name, "network", f"{times} connections to {address}", technique, name)
        for _ in range(times):
            self.wait(period * 0.9, period * 1.1)
            uid, port = self.number(), port_of(self.number())
            seen = Seen(
                "conn",
                self.now - SECOND // 3,
                uid,
                host.ip,
                port,
                address,
                443,
                b"",
                b"ssl",
                700 + uid % 300,
                1200 + uid % 900,
            )
            self.seen(seen, hop, host.site, -1)
        self.done()

    def sent(
        self, desktop: Desktop, address: str, size: int, command: str, *, technique: str = "", name: str = ""
    ) -> None:
        """Something large goes out."""
        hop, host = desktop.hop, desktop.host
        self.deed(hop, host.name, "network", f"{size} bytes to {address}", technique, name)
        self.process(
            host, desktop.account, desktop.tokens[0], command, (rf"{S32}\cmd.exe", self.number()), hop
        )
        self.exfiltrate(desktop, address, size, hop)
        self.done()
