"""Fields of logons that are always the same, sessions whose logon ids are still to come, and a visit's events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from countersign.range.writers.windows import ZERO_GUID

PRIVILEGES = rb"SeSecurityPrivilege\r\n\t\t\tSeBackupPrivilege\r\n\t\t\tSeRestorePrivilege\r\n\t\t\tSeTakeOwnershipPrivilege\r\n\t\t\tSeDebugPrivilege\r\n\t\t\tSeSystemEnvironmentPrivilege\r\n\t\t\tSeLoadDriverPrivilege\r\n\t\t\tSeImpersonatePrivilege"

NOBODY = {
    "SubjectUserSid": "S-1-0-0",
    "SubjectUserName": "-",
    "SubjectDomainName": "-",
    "SubjectLogonId": "0x0",
}
LOGON = {
    "TransmittedServices": "-", "ImpersonationLevel": "%%1833", "TargetOutboundUserName": "-",
    "TargetOutboundDomainName": "-", "VirtualAccount": "%%1843",
}  # fmt: skip
NETWORK = {
    **NOBODY, **LOGON, "LogonType": 3, "RestrictedAdminMode": "-", "ProcessId": "0x0", "ProcessName": "-",
    "TargetLinkedLogonId": "0x0",
}  # fmt: skip
BY_KERBEROS = {
    "LogonProcessName": "Kerberos", "AuthenticationPackageName": "Kerberos", "WorkstationName": "-", "LmPackageName": "-",
    "KeyLength": 0,
}  # fmt: skip
BY_NTLM = {
    "LogonProcessName": "NtLmSsp ", "AuthenticationPackageName": "NTLM", "LmPackageName": "NTLM V2", "KeyLength": 128,
}  # fmt: skip
LOCAL = {
    **LOGON, "SubjectUserSid": "S-1-5-18", "SubjectLogonId": "0x3e7", "LogonProcessName": "User32 ", "KeyLength": 0,
    "AuthenticationPackageName": "Negotiate", "LogonGuid": ZERO_GUID, "LmPackageName": "-", "ProcessId": "0x2d4",
    "ProcessName": r"C:\Windows\System32\svchost.exe", "RestrictedAdminMode": "-", "TargetLinkedLogonId": "0x0",
    "IpPort": "0", "ElevatedToken": "%%1843",
}  # fmt: skip
NO_TARGET = {
    "TargetUserSid": "S-1-0-0",
    "TargetUserName": "-",
    "TargetDomainName": "-",
    "TargetLogonId": "0x0",
}
LOCAL_EXPLICIT = {
    "SubjectUserSid": "S-1-5-18", "SubjectLogonId": "0x3e7", "LogonGuid": ZERO_GUID, "TargetLogonGuid": ZERO_GUID,
    "TargetServerName": "localhost", "TargetInfo": "localhost", "ProcessId": "0x2d4",
    "ProcessName": r"C:\Windows\System32\svchost.exe", "IpPort": "0",
}  # fmt: skip
"""4648 where the system itself gives the credentials of whoever logs on at the host."""


@dataclass(slots=True, eq=False)
class Session:
    """A logon session of a visit; its logon id is given when the first record with it is written."""

    logon: int = 0


@dataclass(frozen=True, slots=True)
class Happened:
    """A visit's Windows event: its name in EVENTS and its data; a Session among the values is its logon id."""

    event: str
    data: Mapping[str, object]
