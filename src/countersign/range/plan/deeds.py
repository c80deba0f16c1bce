"""Deeds with weight: what intruders need, and administrators do now and then for good reasons."""

from __future__ import annotations

from dataclasses import replace

from countersign.range.calendar import SECOND
from countersign.range.draws import guid
from countersign.range.estate import Account, Host, sid_of
from countersign.range.plan.acts import Acts
from countersign.range.plan.commands import S32
from countersign.range.plan.places import WORK, Cause, Desktop, Foothold, Seat
from countersign.range.plan.remote import Way
from countersign.range.plan.traces import image_of
from countersign.range.streams.base import port_of
from countersign.range.streams.fields import Session
from countersign.range.streams.zeek import Seen
from countersign.range.truth import TrueHop

REPLICATION = (
    "%%7688\r\n\t\t{1131f6ad-9c07-11d1-f79f-00c04fc2dcd2}\r\n\t{19195a5b-6da0-11d0-afd3-00c04fd930c9}"
)
"""DS-Replication-Get-Changes-All, [MS-ADTS] 5.1.3.2.1."""
SENSOR = "CSFalconService"
SECURITY_LOG = "Security"
LOGS = (SECURITY_LOG, "System", "Application", "Windows PowerShell")
"""Logs that are cleared now and then: because they are full, or before something is tried again; or of what they tell."""
CMD, MMC = rf"{S32}\cmd.exe", rf"{S32}\mmc.exe"
SYNCHRONISER = r"C:\Program Files\Microsoft Azure AD Sync\Bin\miiserver.exe"
REPLICATES = Way("network", 49_667, SYNCHRONISER, "ldap", b"gssapi,dce_rpc", 2212)
DIRECTORY = Way("network", 49_667, MMC, "ldap", b"gssapi,dce_rpc")


class Deeds(Acts):
    """A scene with everything that people do, good or bad."""

    def typed(self, seat: Seat, command: str) -> int:
        """A command in a window with a prompt; its process's number."""
        return self.runs(seat, command, (CMD, self.number()))

    def clear_log(self, seat: Seat, log: str = SECURITY_LOG, cause: Cause = WORK) -> None:
        """A log is cleared: 1102 of the Security log, 104 of any other."""
        account = seat.account
        self.deed(seat.hop, seat.host.name, "log", f"{log} log cleared", cause)
        self.typed(seat, f'{S32}\\wevtutil.exe cl "{log}"' if " " in log else rf"{S32}\wevtutil.exe cl {log}")
        if log == SECURITY_LOG:
            event, data = "1102", self.subject(account, seat.session)
        else:
            event, data = (
                "104",
                {"SubjectUserName": account.name, "SubjectDomainName": account.netbios, "Channel": log, "BackupPath": ""},
            )  # fmt: skip
        self.windows(seat.host, event, seat.hop, data, after=4000)
        self.done()

    def stop_sensor(self, seat: Seat, cause: Cause = WORK) -> None:
        """A security product's service is stopped."""
        self.service_turned(seat, SENSOR, "stopped", cause)

    def service_turned(self, seat: Seat, service: str, state: str, cause: Cause = WORK) -> None:
        """7036: a service is `stopped` or `running`."""
        self.deed(seat.hop, seat.host.name, "service", f"{service} {state}", cause)
        self.typed(seat, rf"{S32}\sc.exe {'stop' if state == 'stopped' else 'start'} {service}")
        self.windows(seat.host, "7036", seat.hop, {"param1": service, "param2": state}, after=90_000)
        self.done()

    def dump(self, seat: Seat, command: str, cause: Cause = WORK) -> None:
        """A program reads another's memory: lsass's, or that of whatever support wants to look into."""
        host, account = seat.host, seat.account
        self.deed(seat.hop, host.name, "process", command, cause)
        number, image = self.typed(seat, command), image_of(command)
        self.opened_memory(host, account, (image, number), "0x1fffff", r"comsvcs.dll+2d2b1", seat.hop)
        self.created(host, account, image, number, r"C:\Temp\m.dmp", seat.hop)
        self.done()

    def weak_tickets(self, source: Foothold, seat: Seat, count: int, cause: Cause = WORK) -> None:
        """4769 with RC4 for accounts of services: old clients ask so, and so does Kerberoasting."""
        account, controller = seat.account, self.controller(seat.host)
        self.deed(seat.hop, seat.host.name, "credential", f"{count} service tickets", cause)
        for _ in range(count):
            self.wait(0.01, 0.4)
            number = self.number()
            self.windows(
                controller, "4769", seat.hop,
                {
                    "TargetUserName": f"{account.name}@{account.realm}", "TargetDomainName": account.realm,
                    "ServiceName": f"svc-sql{number % 40}", "ServiceSid": sid_of(number, 1500 + number % 40),
                    "TicketOptions": "0x40810000", "TicketEncryptionType": "0x17", "IpAddress": f"::ffff:{source.seen}",
                    "IpPort": port_of(number), "Status": "0x0", "LogonGuid": guid(number),
                },
            )  # fmt: skip
        self.done()

    def replicate(
        self, source: Foothold, controller: Host, account: Account, cause: Cause = WORK, *, command: str = ""
    ) -> Seat:
        """The directory is replicated from a controller by something that is none: cloud synchronisation, or DCSync.

        `command` is what is started for it; nothing, where the service that synchronises the cloud does it.
        """
        way = replace(REPLICATES, image=image_of(command), pid=0) if command else REPLICATES
        arrival = self.begin(way, source, controller, account, command, cause)
        seat = arrival.seat
        self.deed(seat.hop, controller.name, "credential", "directory replicated", cause)
        self.spoke(arrival, "dce_rpc", b"0.000412\t49667\tdrsuapi\tDRSGetNCChanges")
        for _ in range(3):
            self.windows(
                controller, "4662", seat.hop,
                {
                    **self.subject(account, seat.session), "ObjectServer": "DS", "ObjectType": "%{19195a5b-6da0-11d0-afd3-00c04fd930c9}",
                    "ObjectName": "%{7d8e1c52-91f4-4d2e-8d1c-4a7b8c0e55aa}", "OperationType": "Object Access", "HandleId": "0x0",
                    "AccessList": "%%7688\r\n\t\t\t\t", "AccessMask": "0x100", "Properties": REPLICATION, "AdditionalInfo2": "",
                },
            )  # fmt: skip
            self.wait(0.1, 0.9)
        self.done()
        self.end(arrival, REPLICATES.service, 90_000, 4_000_000)
        return seat

    def new_account(self, seat: Seat, new: str, group: str = "", cause: Cause = WORK) -> None:
        """4720, and 4728 where it joins a group."""
        controller, netbios = seat.host, seat.account.netbios
        self.deed(seat.hop, controller.name, "account", f"account {new} made", cause)
        sid = sid_of(self.number(), 7000 + self.number() % 900)
        subject = self.subject(seat.account, seat.session)
        made = {
            "TargetUserName": new, "TargetDomainName": netbios, "TargetSid": sid, "SamAccountName": new,
            "DisplayName": new,
        }  # fmt: skip
        self.windows(controller, "4720", seat.hop, {**made, **subject})
        if group:
            member = {
                "MemberName": f"CN={new},CN=Users", "MemberSid": sid, "TargetUserName": group,
                "TargetDomainName": netbios, "TargetSid": sid_of(1, 512),
            }  # fmt: skip
            self.windows(controller, "4728", seat.hop, {**subject, **member}, after=400_000)
        self.done()

    def new_account_on(
        self, source: Foothold, controller: Host, account: Account, new: str, group: str = "", cause: Cause = WORK
    ) -> Seat:  # fmt: skip
        """The same from another host, by the console there."""
        arrival = self.begin(DIRECTORY, source, controller, account, rf"{MMC} {S32}\dsa.msc", cause)
        self.wait(5, 60)
        self.new_account(arrival.seat, new, group, cause)
        self.wait(2, 20)
        self.end(arrival, DIRECTORY.service, 9000, 30_000)
        return arrival.seat

    def password(self, seat: Seat) -> None:
        """4723: somebody changes the own password, which the controller writes."""
        account, controller = seat.account, self.controller(seat.host)
        self.wait(20, 90)
        self.deed(seat.hop, controller.name, "account", "own password changed")
        self.changed("4723", controller, account, self.subject(account, Session()), seat.hop)
        self.done()

    def changed(
        self, event: str, controller: Host, account: Account, subject: dict[str, object], hop: TrueHop | None
    ) -> None:
        """4722 enabled, 4723 own password, 4724 password set anew, 4725 disabled."""
        target = {
            "TargetUserName": account.name,
            "TargetDomainName": account.netbios,
            "TargetSid": account.sid,
        }
        self.windows(controller, event, hop, {**target, **subject})

    def went_out(self, host: Host, hop: TrueHop, address: str, sent: int, received: int) -> None:
        """A connection to an address outside, for as long as its bytes take."""
        uid, port, start = self.number(), port_of(self.number()), self.now
        self.wait(1 + max(sent, received) / 4_000_000)
        seen = Seen("conn", start, uid, host.ip, port, address, 443, b"", b"ssl", sent, received)
        self.seen(seen, hop, host.site, -1)

    def beacon(
        self, host: Host, hop: TrueHop, address: str, times: int, period: float, cause: Cause = WORK
    ) -> None:
        """Short connections to one address outside, again and again; update and support agents do so too."""
        self.deed(hop, host.name, "network", f"{times} connections to {address}", cause)
        for _ in range(times):
            self.wait(period * 0.9, period * 1.1)
            uid, port = self.number(), port_of(self.number())
            start, sums = self.now - SECOND // 3, (700 + uid % 300, 1200 + uid % 900)
            seen = Seen("conn", start, uid, host.ip, port, address, 443, b"", b"ssl", *sums)
            self.seen(seen, hop, host.site, -1)
        self.done()

    def sent(self, desktop: Desktop, address: str, size: int, command: str, cause: Cause = WORK) -> None:
        """Something large goes out."""
        hop, host = desktop.hop, desktop.host
        self.deed(hop, host.name, "network", f"{size} bytes to {address}", cause)
        self.typed(desktop.seat, command)
        uid, port, start = self.number(), port_of(self.number()), self.now
        self.wait(size / 1_500_000)
        seen = Seen("conn", start, uid, host.ip, port, address, 443, b"", b"ssl", size, size // 300)
        self.seen(seen, hop, host.site, -1)
        self.done()
