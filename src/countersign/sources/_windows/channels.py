r"""More of the table of Windows events: the channels beside Security and Sysmon that show remote work, and what holds it back.

Field names are those of the providers' manifests. `events` has the rest of the table, and says when a plan holds.

References: https://learn.microsoft.com/windows/security/application-security/application-control/app-control-for-business/
operations/event-id-explanations, https://learn.microsoft.com/defender-endpoint/troubleshoot-microsoft-defender-antivirus,
https://learn.microsoft.com/sysinternals/downloads/sysmon, https://learn.microsoft.com/windows-server/administration/openssh/.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from countersign.sources._programs import understand
from countersign.sources._windows import values
from countersign.sources._windows.gateway import RD_GATEWAY
from countersign.sources._windows.plan import Plan
from countersign.sources._windows.remote_access import RRAS
from countersign.sources._windows.values import Scalar

_MOST_SSH = 4096
_HEX = frozenset("0123456789abcdefABCDEF")


def hashes(value: Scalar) -> str | None:
    """Digests of `SHA1=...,MD5=...`, of a bare one, or of `0x...`, in lower case."""
    word = values.text(value)
    if word is None:
        return None
    digests = [part.rpartition("=")[2].strip().removeprefix("0x") for part in word.split(",")]
    return ", ".join(one.lower() for one in digests if len(one) >= 32 and _HEX.issuperset(one)) or None


def size(value: Scalar) -> int | None:
    """A number of bytes; BITS writes the largest of 64 bits where it does not know."""
    number = values.whole(value)
    return number if number is not None and 0 <= number < 1 << 63 else None


def script_user(value: Scalar) -> tuple[str | None, str | None]:
    r"""The account in PowerShell's own text, `UserId=DOMAIN\name`."""
    found = value.partition("UserId=")[2] if isinstance(value, str) else ""
    return values.account(found.partition("\n")[0], None)


def _said_by_sshd(column: str) -> Callable[[Scalar], object]:
    """What Win32-OpenSSH says is what sshd says anywhere."""

    def convert(value: Scalar) -> object:
        return _sshd(value).get(column) if isinstance(value, str) else None

    return convert


@lru_cache(maxsize=_MOST_SSH)
def _sshd(payload: str) -> dict[str, object]:
    understood = understand("sshd", None, payload)
    return {} if understood is None else understood[0]


def _ssh_account(value: Scalar) -> tuple[str | None, str | None]:
    name = _sshd(value).get("user.name") if isinstance(value, str) else None
    return values.account(name.replace("\\\\", "\\"), None) if isinstance(name, str) else (None, None)


_SSH_COLUMNS = ("class_uid", "activity_id", "status_id", "status_detail", "src_endpoint.ip", "src_endpoint.port", "auth_protocol", "user.credential_uid")  # fmt: skip
_BY_TOKEN = Plan(columns={"actor.user.uid": "UserID"})
_BY_SUBJECT = Plan(
    columns={"actor.user.uid": "SubjectUserSid", "actor.session.uid": "SubjectLogonId"},
    accounts={"actor.user": ("SubjectUserName", "SubjectDomainName")},
)
_HOST_APPLICATION = Plan(special={"process.cmd_line": (("Data", "Message"), values.host_application)})
_JOB = Plan(1006, columns={"job.name": "TaskName"})
_OBJECT = Plan(
    3004,
    columns={
        "resources.name": ("ObjectDN", "NewObjectDN"),
        "resources.uid": "ObjectGUID",
        "resources.type": "ObjectClass",
        "metadata.correlation_uid": "OpCorrelationID",
    },
)
_MACHINE = Plan(columns={"user.uid": "TargetSid"}, accounts={"user": ("TargetUserName", "TargetDomainName")})
_RIGHT = Plan(
    3005, columns={"user.uid": "TargetSid", "privileges": ("PrivilegeList", "AccessGranted", "AccessRemoved")}
)
_SYSMON = Plan(
    columns={
        "process.pid": "ProcessId",
        "process.uid": ("ProcessGuid", "ProcessGUID"),
        "process.path": "Image",
    },
    accounts={"user": ("User", "")},
)
_SYSMON_FILE = Plan(
    1001, columns={"file.path": "TargetFilename"}, special={"file.hashes": (("Hashes", "Hash"), hashes)}
)
_SYSMON_WMI = Plan(6003, 99, accounts={"user": ("User", "")})
_THREAT = Plan(
    2004,
    columns={
        "finding_info.title": "Threat Name",
        "finding_info.uid": "Detection ID",
        "file.path": "Path",
        "process.path": "Process Name",
        "status_detail": "Action Name",
        "status_code": "Error Code",
    },
    accounts={"user": ("Detection User", ""), "actor.user": ("Remediation User", "")},
)
_RULED = Plan(
    columns={
        "user.uid": "TargetUser",
        "session.uid": "TargetLogonId",
        "process.pid": "TargetProcessId",
        "file.path": ("FullFilePath", "FilePath"),
        "policy.name": "RuleName",
        "policy.uid": "RuleId",
    },
    special={"file.hashes": ("FileHash", hashes)},
)
_RUN = Plan(1007, 1, columns={"process.path": ("FullFilePath", "FilePath")}) | _RULED
_SCRIPT_RUN = Plan(1009, 1) | _RULED
_CODE = Plan(
    1005,
    1,
    columns={
        "file.path": "File Name",
        "process.path": "Process Name",
        "policy.name": "PolicyName",
        "policy.uid": "PolicyGUID",
        "status_code": "Status",
    },
    special={"file.hashes": (("SHA256 Hash", "SHA1 Hash"), hashes)},
)
_ALLOWED = Plan(constants={"action_id": 1})
_DENIED = Plan(status_id=2, constants={"action_id": 2})
_TRANSFER = Plan(
    4010,
    99,
    columns={"url": "url", "status_code": "hr", "job.name": "name"},
    special={"traffic.bytes_in": ("bytesTransferred", size)},
)
_RESOLVED = Plan(4003, columns={"query.hostname": "QueryName", "process.pid": "ExecutionProcessID"})

MORE_SECURITY: dict[int, Plan] = {
    **dict.fromkeys((4704, 4717), Plan(activity_id=1) | _RIGHT | _BY_SUBJECT),
    **dict.fromkeys((4705, 4718), Plan(activity_id=2) | _RIGHT | _BY_SUBJECT),
    4741: Plan(3001, 1) | _MACHINE | _BY_SUBJECT,
    4742: Plan(3001, 99) | _MACHINE | _BY_SUBJECT,
    4743: Plan(3001, 6) | _MACHINE | _BY_SUBJECT,
    4781: Plan(
        3001,
        99,
        columns={"user.uid": "TargetSid"},
        accounts={"user": ("NewTargetUserName", "TargetDomainName")},
    )
    | _BY_SUBJECT,
    5136: Plan(activity_id=3) | _OBJECT | _BY_SUBJECT,
    5137: Plan(activity_id=1) | _OBJECT | _BY_SUBJECT,
    5138: Plan(activity_id=99) | _OBJECT | _BY_SUBJECT,  # undeleted
    5139: Plan(activity_id=5) | _OBJECT | _BY_SUBJECT,
    5141: Plan(activity_id=4) | _OBJECT | _BY_SUBJECT,
}

MORE_SYSMON: dict[int, Plan] = {
    2: Plan(activity_id=6) | _SYSMON_FILE | _SYSMON,
    6: Plan(1005, 1, columns={"file.path": "ImageLoaded"}, special={"file.hashes": ("Hashes", hashes)}),
    9: Plan(1001, 2, columns={"file.path": "Device"}) | _SYSMON,
    15: Plan(activity_id=1) | _SYSMON_FILE | _SYSMON,
    17: Plan(columns={"file.name": "PipeName"}) | _SYSMON,
    18: Plan(columns={"file.name": "PipeName"}) | _SYSMON,
    19: _SYSMON_WMI,
    20: _SYSMON_WMI,
    21: _SYSMON_WMI,
    25: Plan(1007, 4) | _SYSMON,
    27: Plan(activity_id=1) | _SYSMON_FILE | _SYSMON | _DENIED,
    28: Plan(activity_id=4) | _SYSMON_FILE | _SYSMON | _DENIED,
    29: Plan(activity_id=1) | _SYSMON_FILE | _SYSMON,
}


def _applocker(family: str, plans: dict[int, Plan]) -> dict[tuple[str, str], dict[int, Plan]]:
    return {(f"Microsoft-Windows-AppLocker/{family}", "Microsoft-Windows-AppLocker"): plans}


CHANNELS: dict[tuple[str, str], dict[int, Plan]] = {
    ("Security", "Microsoft-Windows-Security-Auditing"): MORE_SECURITY,
    ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon"): MORE_SYSMON,
    (
        "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
        "Microsoft-Windows-TerminalServices-LocalSessionManager",
    ): {  # by whom a session was disconnected, and why
        39: Plan(3002, 99, 1, special={"session.uid": ("TargetSession", values.terminal_session)}),
        40: Plan(
            3002,
            99,
            1,
            columns={"status_code": "Reason"},
            special={"session.uid": ("Session", values.terminal_session)},
        ),
    },
    (
        "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational",
        "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS",
    ): {140: Plan(3002, 1, 2, columns={"src_endpoint.ip": "IPString"})},  # no such name, or not this password
    (
        "Microsoft-Windows-TerminalServices-Gateway/Operational",
        "Microsoft-Windows-TerminalServices-Gateway",
    ): RD_GATEWAY,
    ("System", "RemoteAccess"): RRAS,
    ("Microsoft-Windows-WinRM/Operational", "Microsoft-Windows-WinRM"): {
        169: Plan(
            3002,
            1,
            1,
            columns={"auth_protocol": "authenticationMechanism"},
            accounts={"user": ("username", "")},
        ),
    },
    ("Microsoft-Windows-TaskScheduler/Operational", "Microsoft-Windows-TaskScheduler"): {
        106: Plan(activity_id=1, accounts={"actor.user": ("UserContext", "")}) | _JOB,
        129: Plan(1006, 6, columns={"job.name": "TaskName", "job.path": "Path", "process.pid": "ProcessID"}),
        140: Plan(activity_id=2, accounts={"actor.user": ("UserName", "")}) | _JOB,
        141: Plan(activity_id=3, accounts={"actor.user": ("UserName", "")}) | _JOB,
        200: Plan(activity_id=6, columns={"job.path": "ActionName", "process.pid": "EnginePID"}) | _JOB,
        201: Plan(
            activity_id=99,
            columns={"job.path": "ActionName", "process.pid": "EnginePID", "status_code": "ResultCode"},
            special={"status_id": ("ResultCode", values.outcome)},
        )
        | _JOB,
    },
    ("Windows PowerShell", "PowerShell"): {
        403: Plan(1009, 99) | _HOST_APPLICATION,
        600: Plan(1009, 99) | _HOST_APPLICATION,
        800: Plan(
            1009,
            1,
            special={
                "user.name": (("Data", "Message"), lambda value: script_user(value)[0]),
                "user.domain": (("Data", "Message"), lambda value: script_user(value)[1]),
            },
        )
        | _HOST_APPLICATION,
    },
    ("Microsoft-Windows-Windows Defender/Operational", "Microsoft-Windows-Windows Defender"): {
        **dict.fromkeys((1006, 1015, 1116), Plan(activity_id=1) | _THREAT),
        **dict.fromkeys((1007, 1117), Plan(activity_id=2) | _THREAT),
        **dict.fromkeys((1008, 1118, 1119), Plan(activity_id=2, status_id=2) | _THREAT),
        5001: Plan(3004, 9, constants={"resources.name": "real-time protection"}) | _BY_TOKEN,
        5007: Plan(3004, 3, columns={"resources.name": ("New Value", "Old Value")}) | _BY_TOKEN,
    },
    **_applocker(
        "EXE and DLL",
        {8002: _RUN | _ALLOWED, 8003: _RUN | _ALLOWED, 8004: _RUN | _DENIED},
    ),
    **_applocker(
        "MSI and Script",
        {8005: _SCRIPT_RUN | _ALLOWED, 8006: _SCRIPT_RUN | _ALLOWED, 8007: _SCRIPT_RUN | _DENIED},
    ),
    ("Microsoft-Windows-CodeIntegrity/Operational", "Microsoft-Windows-CodeIntegrity"): {
        3076: _CODE | _ALLOWED,  # would be blocked if the policy were enforced
        3077: _CODE | _DENIED,
    },
    ("Microsoft-Windows-SMBServer/Security", "Microsoft-Windows-SMBServer"): {
        551: Plan(
            3002,
            1,
            2,
            columns={
                "status_code": "Status",
                "src_endpoint.hostname": "ClientName",
                "session.uuid": "SessionGUID",
            },
            accounts={"user": ("UserName", "")},
        ),
    },
    ("Microsoft-Windows-SMBServer/Audit", "Microsoft-Windows-SMBServer"): {
        3000: Plan(4006, 99, columns={"src_endpoint.hostname": "ClientName"})
    },
    ("Microsoft-Windows-SmbClient/Security", "Microsoft-Windows-SMBClient"): {
        31001: Plan(
            3002,
            1,
            2,
            columns={"status_code": "Status", "dst_endpoint.hostname": "ServerName"},
            accounts={"user": ("UserName", "")},
        ),
    },
    ("Microsoft-Windows-Bits-Client/Operational", "Microsoft-Windows-Bits-Client"): {
        3: Plan(
            1006,
            1,
            columns={"job.name": "jobTitle", "process.path": "processPath", "process.pid": "processId"},
            accounts={"actor.user": ("jobOwner", "")},
        ),
        59: _TRANSFER,
        60: _TRANSFER | Plan(special={"status_id": ("hr", values.outcome)}),
        61: _TRANSFER | Plan(status_id=2),
    },
    **{
        (channel, provider): {
            3006: Plan(activity_id=1) | _RESOLVED,
            3008: Plan(activity_id=2, columns={"status_code": "QueryStatus"}) | _RESOLVED,
        }
        for channel, provider in (
            ("Microsoft-Windows-DNS-Client/Operational", "Microsoft-Windows-DNS-Client"),
            ("Microsoft-Windows-DNS Client Events/Operational", "Microsoft-Windows-DNS-Client"),
        )
    },
    ("OpenSSH/Operational", "OpenSSH"): {
        4: Plan(
            columns={"process.pid": "ExecutionProcessID"},
            special={
                **{column: ("payload", _said_by_sshd(column)) for column in _SSH_COLUMNS},
                "user.name": ("payload", lambda value: _ssh_account(value)[0]),
                "user.domain": ("payload", lambda value: _ssh_account(value)[1]),
            },
        )
    },
}
"""(channel, provider) -> event id -> plan; `events` has plans for other ids of some of them."""
