"""Templates of everyday Windows records, one set for each shape."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from countersign.range.streams.fields import (
    BY_KERBEROS,
    BY_NTLM,
    LOCAL,
    LOCAL_EXPLICIT,
    NETWORK,
    NO_TARGET,
    NOBODY,
    PRIVILEGES,
)
from countersign.range.writers import times
from countersign.range.writers.windows import ZERO_GUID, flat_time, template


class Ready:
    """Templates of one shape for everyday records."""

    def __init__(self, shape: str, zone: ZoneInfo) -> None:
        self.shape = shape
        self.zone = zone
        self._logons()
        self._programs()
        self.any: dict[str, bytes] = {}

    def _make(self, name: str, **fixed: object) -> bytes:
        return template(self.shape, name, fixed)

    def _logons(self) -> None:
        make = self._make
        self.kerberos = make("4624", **{**NETWORK, **BY_KERBEROS})
        self.ntlm = make("4624", **{**NETWORK, **BY_NTLM}, LogonGuid=ZERO_GUID, ElevatedToken="%%1843")
        self.desk = make("4624", **LOCAL, LogonType=2, IpAddress="127.0.0.1")
        self.unlock = make("4624", **LOCAL, LogonType=7, IpAddress="127.0.0.1")
        service = {
            **LOCAL,
            "ProcessName": r"C:\Windows\System32\services.exe",
            "LogonProcessName": "Advapi  ",
        }
        service |= {
            "TargetUserSid": "S-1-5-18",
            "TargetUserName": "SYSTEM",
            "TargetDomainName": "NT AUTHORITY",
        }
        service |= {
            "TargetLogonId": "0x3e7",
            "LogonType": 5,
            "WorkstationName": "-",
            "IpAddress": "-",
            "IpPort": "-",
        }
        self.service = make("4624", **{**service, "ElevatedToken": "%%1842"})
        self.special = make("4672", PrivilegeList=PRIVILEGES)
        self.left = {kind: make("4634", LogonType=kind) for kind in (2, 3, 7)}
        self.leaving = make("4647")
        self.explicit = make("4648", **LOCAL_EXPLICIT, IpAddress="127.0.0.1")
        self.ticket = make(
            "4769",
            TicketOptions="0x40810000",
            TicketEncryptionType="0x12",
            Status="0x0",
            TransmittedServices="-",
        )
        self.granting = make(
            "4768", ServiceName="krbtgt", TicketOptions="0x40810010", Status="0x0", TicketEncryptionType="0x12",
            PreAuthType="2", CertIssuerName="", CertSerialNumber="", CertThumbprint="",
        )  # fmt: skip
        self.checked = make("4776", PackageName="MICROSOFT_AUTHENTICATION_PACKAGE_V1_0", Status="0x0")
        share = {"ObjectType": "File", "AccessMask": "0x1", "AccessList": b"%%4416\\r\\n\\t\\t\\t\\t"}
        self.shared = make("5140", **share)
        share |= {"AccessMask": "0x120089", "AccessList": b"%%4416\\r\\n\\t\\t\\t\\t%%4423\\r\\n\\t\\t\\t\\t"}
        self.touched = make("5145", **share, AccessReason="-")
        self.refused = make(
            "4625", **NOBODY, TargetUserSid="S-1-0-0", Status="0xc000006d", FailureReason="%%2313",
            SubStatus="0xc000006a", LogonProcessName="NtLmSsp ", AuthenticationPackageName="NTLM",
            TransmittedServices="-", LmPackageName="-", KeyLength=0, ProcessId="0x0", ProcessName="-",
        )  # fmt: skip

    def _programs(self) -> None:
        make = self._make
        self.started = make(
            "4688", **NO_TARGET, TokenElevationType="%%1938", ParentProcessName=r"C:\Windows\explorer.exe",
            MandatoryLabel="S-1-16-8192",
        )  # fmt: skip
        self.exited = make("4689", Status="0x0")
        self.sysmon_started = make(
            "s1", RuleName="-", FileVersion="-", Product="-", OriginalFileName="-", TerminalSessionId=1,
            IntegrityLevel="Medium", ParentImage=r"C:\Windows\explorer.exe", ParentCommandLine=r"C:\Windows\Explorer.EXE",
        )  # fmt: skip
        self.sysmon_exited = make("s5", RuleName="-")
        self.connected = make(
            "s3", RuleName="-", Protocol="tcp", Initiated="true", SourceIsIpv6="false", SourcePortName="-",
            DestinationIsIpv6="false", DestinationHostname="-", DestinationPortName="-",
        )  # fmt: skip

    def time(self, moment: int) -> bytes:
        """A record's time as this shape has it."""
        if self.shape == "nested":
            return times.micro(moment)
        return times.milli(moment) if self.shape == "ecs" else flat_time(moment, self.zone)

    def whole(self, name: str) -> bytes:
        """The template of an event with all its fields open."""
        found = self.any.get(name)
        if found is None:
            found = self.any[name] = template(self.shape, name, {})
        return found
