"""Windows and Sysmon events as JSON lines in three shapes: nested (evtx_dump), ECS (Winlogbeat), flat (NXLog).

A template of bytes is made once for each shape, event and set of fields that stay the same; a record is one formatting.
Every writer of an event uses these, so that no kind of work is known by its fields. References: [MS-EVEN6]; Microsoft's
pages on security auditing; https://www.elastic.co/docs/reference/beats/winlogbeat/exported-fields-winlog;
https://docs.nxlog.co/refman/current/im/msvistalog.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

import orjson

from countersign.range.writers import times

SECURITY, SYSMON, SESSIONS, CONNECTIONS, SYSTEM, TASKS, POWERSHELL = range(7)
"""Channels, each with record ids of its own."""
CHANNELS = (
    "Security",
    "Microsoft-Windows-Sysmon/Operational",
    "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
    "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational",
    "System",
    "Microsoft-Windows-TaskScheduler/Operational",
    "Microsoft-Windows-PowerShell/Operational",
)
ZERO_GUID = "00000000-0000-0000-0000-000000000000"
SUCCESS, FAILURE = 0x8020000000000000, 0x8010000000000000
AUDITING = "Microsoft-Windows-Security-Auditing"
_GUIDS = {
    AUDITING: "54849625-5478-4994-A5BA-3E3B0328C30D",
    "Microsoft-Windows-Sysmon": "5770385F-C22A-43E0-BF4C-06F5698FFBD9",
    "Microsoft-Windows-Eventlog": "FC65DDD8-D6EF-4962-83D5-6E5CFE9CE148",
    "Microsoft-Windows-TerminalServices-LocalSessionManager": "5D896912-022D-40AA-A3A8-4FA5515C76D7",
    "Microsoft-Windows-TerminalServices-RemoteConnectionManager": "C76BAA63-AE81-421C-B425-340B4B24157F",
    "Service Control Manager": "555908D1-A6D7-4695-8E1E-26931D2012F4",
    "Microsoft-Windows-TaskScheduler": "DE7B24EA-73C8-4A09-985D-5BDADCFA9017",
    "Microsoft-Windows-PowerShell": "A0C1853B-5C40-4B15-8766-3CF1C58F985A",
}
_PLAIN = 0x8000000000000000


@dataclass(frozen=True, slots=True)
class Event:
    """What is the same in all records of an event id: System's values and the names of the data, in order."""

    id: int
    channel: int
    provider: str
    version: int
    task: int
    level: int
    keywords: int
    fields: tuple[str, ...]
    numbers: frozenset[str] = frozenset()
    section: str = "EventData"
    user: str = ""
    message: str = ""


_SUBJECT = "SubjectUserSid SubjectUserName SubjectDomainName SubjectLogonId"
_TARGET = "TargetUserSid TargetUserName TargetDomainName TargetLogonId"


def _audit(
    event: int, version: int, task: int, fields: str, message: str, keywords: int = SUCCESS, numbers: str = ""
) -> Event:
    return Event(
        event, SECURITY, AUDITING, version, task, 0, keywords, tuple(fields.split()), frozenset(numbers.split()),
        message=message,
    )  # fmt: skip


def _sysmon(event: int, version: int, fields: str, message: str, numbers: str = "ProcessId") -> Event:
    names = tuple(f"RuleName UtcTime {fields}".split())
    return Event(
        event, SYSMON, "Microsoft-Windows-Sysmon", version, event, 4, _PLAIN, names, frozenset(numbers.split()),
        user="S-1-5-18", message=message,
    )  # fmt: skip


def _other(
    event: int, channel: int, provider: str, fields: str, message: str, *, task: int = 0, level: int = 4,
    keywords: int = _PLAIN, section: str = "EventData", user: str = "S-1-5-18",
) -> Event:  # fmt: skip
    return Event(
        event, channel, provider, 0, task, level, keywords, tuple(fields.split()), section=section, user=user,
        message=message,
    )  # fmt: skip


_SESSION_MANAGER = "Microsoft-Windows-TerminalServices-LocalSessionManager"
_PROCESS = "ProcessGuid ProcessId Image"

EVENTS: dict[str, Event] = {
    "4624": _audit(
        4624, 2, 12544,
        f"{_SUBJECT} {_TARGET} LogonType LogonProcessName AuthenticationPackageName WorkstationName LogonGuid "
        "TransmittedServices LmPackageName KeyLength ProcessId ProcessName IpAddress IpPort ImpersonationLevel "
        "RestrictedAdminMode TargetOutboundUserName TargetOutboundDomainName VirtualAccount TargetLinkedLogonId "
        "ElevatedToken",
        "An account was successfully logged on.", numbers="LogonType KeyLength",
    ),
    "4625": _audit(
        4625, 0, 12544,
        f"{_SUBJECT} TargetUserSid TargetUserName TargetDomainName Status FailureReason SubStatus LogonType "
        "LogonProcessName AuthenticationPackageName WorkstationName TransmittedServices LmPackageName KeyLength "
        "ProcessId ProcessName IpAddress IpPort",
        "An account failed to log on.", FAILURE, "LogonType KeyLength",
    ),
    "4634": _audit(4634, 0, 12545, f"{_TARGET} LogonType", "An account was logged off.", numbers="LogonType"),
    "4647": _audit(4647, 0, 12545, _TARGET, "User initiated logoff."),
    "4648": _audit(
        4648, 0, 12544,
        f"{_SUBJECT} LogonGuid TargetUserName TargetDomainName TargetLogonGuid TargetServerName TargetInfo ProcessId "
        "ProcessName IpAddress IpPort",
        "A logon was attempted using explicit credentials.",
    ),
    "4662": _audit(
        4662, 0, 14080,
        f"{_SUBJECT} ObjectServer ObjectType ObjectName OperationType HandleId AccessList AccessMask Properties "
        "AdditionalInfo AdditionalInfo2",
        "An operation was performed on an object.",
    ),
    "4672": _audit(4672, 0, 12548, f"{_SUBJECT} PrivilegeList", "Special privileges assigned to new logon."),
    "4688": _audit(
        4688, 2, 13312,
        f"{_SUBJECT} NewProcessId NewProcessName TokenElevationType ProcessId CommandLine {_TARGET} "
        "ParentProcessName MandatoryLabel",
        "A new process has been created.",
    ),
    "4689": _audit(4689, 0, 13313, f"{_SUBJECT} Status ProcessId ProcessName", "A process has exited."),
    "4697": _audit(
        4697, 0, 12289, f"{_SUBJECT} ServiceName ServiceFileName ServiceType ServiceStartType ServiceAccount",
        "A service was installed in the system.",
    ),
    "4698": _audit(4698, 0, 12804, f"{_SUBJECT} TaskName TaskContent", "A scheduled task was created."),
    "4699": _audit(4699, 0, 12804, f"{_SUBJECT} TaskName TaskContent", "A scheduled task was deleted."),
    "4720": _audit(
        4720, 0, 13824,
        f"TargetUserName TargetDomainName TargetSid {_SUBJECT} PrivilegeList SamAccountName DisplayName",
        "A user account was created.",
    ),
    "4728": _audit(
        4728, 0, 13826, f"MemberName MemberSid TargetUserName TargetDomainName TargetSid {_SUBJECT} PrivilegeList",
        "A member was added to a security-enabled global group.",
    ),
    "4722": _audit(
        4722, 0, 13824, f"TargetUserName TargetDomainName TargetSid {_SUBJECT}", "A user account was enabled."
    ),
    "4723": _audit(
        4723, 0, 13824, f"TargetUserName TargetDomainName TargetSid {_SUBJECT} PrivilegeList", "An attempt was made to change an account's password."
    ),
    "4724": _audit(
        4724, 0, 13824, f"TargetUserName TargetDomainName TargetSid {_SUBJECT}", "An attempt was made to reset an account's password."
    ),
    "4725": _audit(
        4725, 0, 13824, f"TargetUserName TargetDomainName TargetSid {_SUBJECT}", "A user account was disabled."
    ),
    "4768": _audit(
        4768, 0, 14339,
        "TargetUserName TargetDomainName TargetSid ServiceName ServiceSid TicketOptions Status TicketEncryptionType "
        "PreAuthType IpAddress IpPort CertIssuerName CertSerialNumber CertThumbprint",
        "A Kerberos authentication ticket (TGT) was requested.",
    ),
    "4769": _audit(
        4769, 0, 14337,
        "TargetUserName TargetDomainName ServiceName ServiceSid TicketOptions TicketEncryptionType IpAddress IpPort "
        "Status LogonGuid TransmittedServices",
        "A Kerberos service ticket was requested.",
    ),
    "4776": _audit(
        4776, 0, 14336, "PackageName TargetUserName Workstation Status",
        "The computer attempted to validate the credentials for an account.",
    ),
    "4778": _audit(
        4778, 0, 12551, "AccountName AccountDomain LogonID SessionName ClientName ClientAddress",
        "A session was reconnected to a Window Station.",
    ),
    "4779": _audit(
        4779, 0, 12551, "AccountName AccountDomain LogonID SessionName ClientName ClientAddress",
        "A session was disconnected from a Window Station.",
    ),
    "5140": _audit(
        5140, 1, 12808, f"{_SUBJECT} ObjectType IpAddress IpPort ShareName ShareLocalPath AccessMask AccessList",
        "A network share object was accessed.",
    ),
    "5145": _audit(
        5145, 0, 12811,
        f"{_SUBJECT} ObjectType IpAddress IpPort ShareName ShareLocalPath RelativeTargetName AccessMask AccessList "
        "AccessReason",
        "A network share object was checked to see whether client can be granted desired access.",
    ),
    "1102": _other(
        1102, SECURITY, "Microsoft-Windows-Eventlog", _SUBJECT, "The audit log was cleared.",
        task=104, keywords=0x4020000000000000, section="LogFileCleared", user="",
    ),
    "104": _other(
        104, SYSTEM, "Microsoft-Windows-Eventlog", "SubjectUserName SubjectDomainName Channel BackupPath",
        "The log file was cleared.", task=104, section="LogFileCleared", user="",
    ),
    "s1": _sysmon(
        1, 5,
        f"{_PROCESS} FileVersion Description Product Company OriginalFileName CommandLine CurrentDirectory User "
        "LogonGuid LogonId TerminalSessionId IntegrityLevel Hashes ParentProcessGuid ParentProcessId ParentImage "
        "ParentCommandLine",
        "Process Create:", "ProcessId TerminalSessionId ParentProcessId",
    ),
    "s3": _sysmon(
        3, 5,
        f"{_PROCESS} User Protocol Initiated SourceIsIpv6 SourceIp SourceHostname SourcePort SourcePortName "
        "DestinationIsIpv6 DestinationIp DestinationHostname DestinationPort DestinationPortName",
        "Network connection detected:", "ProcessId SourcePort DestinationPort",
    ),
    "s5": _sysmon(5, 3, f"{_PROCESS} User", "Process terminated:"),
    "s10": _sysmon(
        10, 3,
        "SourceProcessGUID SourceProcessId SourceThreadId SourceImage TargetProcessGUID TargetProcessId TargetImage "
        "GrantedAccess CallTrace SourceUser TargetUser",
        "Process accessed:", "SourceProcessId SourceThreadId TargetProcessId",
    ),
    "s11": _sysmon(11, 2, f"{_PROCESS} TargetFilename CreationUtcTime User", "File created:"),
    "ts21": _other(
        21, SESSIONS, _SESSION_MANAGER, "User SessionID Address", "Remote Desktop Services: Session logon succeeded:",
        section="EventXML", keywords=0x1000000000000000,
    ),
    "ts23": _other(
        23, SESSIONS, _SESSION_MANAGER, "User SessionID", "Remote Desktop Services: Session logoff succeeded:",
        section="EventXML", keywords=0x1000000000000000,
    ),
    "ts24": _other(
        24, SESSIONS, _SESSION_MANAGER, "User SessionID Address",
        "Remote Desktop Services: Session has been disconnected:",
        section="EventXML", keywords=0x1000000000000000,
    ),
    "ts25": _other(
        25, SESSIONS, _SESSION_MANAGER, "User SessionID Address",
        "Remote Desktop Services: Session reconnection succeeded:",
        section="EventXML", keywords=0x1000000000000000,
    ),
    "1149": _other(
        1149, CONNECTIONS, "Microsoft-Windows-TerminalServices-RemoteConnectionManager", "Param1 Param2 Param3",
        "Remote Desktop Services: User authentication succeeded:",
        section="EventXML", keywords=0x1000000000000000, user="S-1-5-20",
    ),
    "7045": _other(
        7045, SYSTEM, "Service Control Manager", "ServiceName ImagePath ServiceType StartType AccountName",
        "A service was installed in the system.", keywords=0x8080000000000000,
    ),
    "7036": _other(
        7036, SYSTEM, "Service Control Manager", "param1 param2", "The service entered a state.",
        keywords=0x8080000000000000, user="",
    ),
    "task106": _other(
        106, TASKS, "Microsoft-Windows-TaskScheduler", "TaskName UserContext", "Task registered", task=106,
    ),
    "ps4104": _other(
        4104, POWERSHELL, "Microsoft-Windows-PowerShell",
        "MessageNumber MessageTotal ScriptBlockText ScriptBlockId Path", "Creating Scriptblock text",
        task=2, level=5, keywords=0,
    ),
}  # fmt: skip
"""The events that a range writes, with the fields that Windows Server 2019 and Sysmon 13 give them."""

SHAPES = ("nested", "ecs", "flat")


@lru_cache(maxsize=65_536)
def escaped(text: str) -> bytes:
    """A string's inside as JSON."""
    return orjson.dumps(text)[1:-1]


def _literal(value: object) -> bytes:
    return (value if isinstance(value, bytes) else escaped(str(value))).replace(b"%", b"%%")


def template(shape: str, name: str, fixed: Mapping[str, object]) -> bytes:
    """A format of (time, record id, thread, computer, fields that are not `fixed` in their order), with a line's end."""
    event = EVENTS[name]
    values = {field: _literal(fixed[field]) if field in fixed else b"%b" for field in event.fields}
    return _SHAPE[shape](event, values) + b"\n"


def _pairs(event: Event, values: Mapping[str, bytes], *, numbers: bool) -> bytes:
    """Fields as JSON: evtx_dump keeps numbers, agents write texts and put braces around GUIDs."""
    out = []
    for field, value in values.items():
        text = b'"%b"' % value
        if numbers and field in event.numbers:
            text = value
        elif not numbers and field.lower().endswith("guid"):
            text = b'"{%b}"' % value
        out.append(b'"%b":%b' % (field.encode(), text))
    return b",".join(out)


def _nested(event: Event, values: Mapping[str, bytes]) -> bytes:
    data = _pairs(event, values, numbers=True)
    if event.section == "EventData":
        body = b'"EventData":{%b}' % data
    else:
        body = b'"UserData":{"%b":{"#attributes":{"xmlns":"Event_NS"},%b}}' % (event.section.encode(), data)
    user = b'{"#attributes":{"UserID":"%b"}}' % event.user.encode() if event.user else b"null"
    return (
        b'{"Event":{"#attributes":{"xmlns":"http://schemas.microsoft.com/win/2004/08/events/event"},"System":'
        b'{"Provider":{"#attributes":{"Name":"%b","Guid":"%b"}},"EventID":%d,"Version":%d,"Level":%d,"Task":%d,'
        b'"Opcode":0,"Keywords":"0x%x","TimeCreated":{"#attributes":{"SystemTime":"%%b"}},"EventRecordID":%%d,'
        b'"Correlation":null,"Execution":{"#attributes":{"ProcessID":700,"ThreadID":%%d}},"Channel":"%b",'
        b'"Computer":"%%b","Security":%b},%b}}'
    ) % (
        event.provider.encode(), _GUIDS[event.provider].encode(), event.id, event.version, event.level, event.task,
        event.keywords, CHANNELS[event.channel].encode(), user, body,
    )  # fmt: skip


def _ecs(event: Event, values: Mapping[str, bytes]) -> bytes:
    section = b"event_data" if event.section == "EventData" else b"user_data"
    outcome = {SUCCESS: b"success", FAILURE: b"failure"}.get(event.keywords)
    keywords = b'"keywords":["Audit %b"],' % outcome.title() if outcome else b""
    user = b'"user":{"identifier":"%b"},' % event.user.encode() if event.user else b""
    level = {5: b"verbose"}.get(event.level, b"information")
    return (
        b'{"@timestamp":"%%b","winlog":{"record_id":%%d,"process":{"pid":700,"thread":{"id":%%d}},"computer_name":"%%b",'
        b'"channel":"%b","event_id":"%d","provider_name":"%b","provider_guid":"{%b}","version":%d,"task":"%d",'
        b'"opcode":"Info","api":"wineventlog",%b%b"%b":{%b}},"event":{"kind":"event","code":"%d","provider":"%b"%b},'
        b'"log":{"level":"%b"},"message":"%b","ecs":{"version":"8.0.0"},"agent":{"type":"winlogbeat","version":"8.15.3"}}'
    ) % (
        CHANNELS[event.channel].encode(), event.id, event.provider.encode(), _GUIDS[event.provider].lower().encode(),
        event.version, event.task, keywords, user, section, _pairs(event, values, numbers=False), event.id,
        event.provider.encode(), b',"outcome":"%b"' % outcome if outcome else b"", level, event.message.encode(),
    )  # fmt: skip


def _flat(event: Event, values: Mapping[str, bytes]) -> bytes:
    signed = event.keywords - (1 << 64) if event.keywords >> 63 else event.keywords
    kind = {SUCCESS: b"AUDIT_SUCCESS", FAILURE: b"AUDIT_FAILURE"}.get(event.keywords, b"INFO")
    user = b'"UserID":"%b",' % event.user.encode() if event.user else b""
    return (
        b'{%%b,"RecordNumber":%%d,"ThreadID":%%d,"Hostname":"%%b","EventID":%d,"Version":%d,"Task":%d,"OpcodeValue":0,'
        b'"Opcode":"Info","Keywords":%d,"EventType":"%b","SeverityValue":2,"Severity":"INFO","ExecutionProcessID":700,'
        b'"SourceName":"%b","ProviderGuid":"{%b}","Channel":"%b","SourceModuleName":"eventlog",'
        b'"SourceModuleType":"im_msvistalog","@version":"1",%b%b,"Message":"%b"}'
    ) % (
        event.id, event.version, event.task, signed, kind, event.provider.encode(),
        _GUIDS[event.provider].encode(), CHANNELS[event.channel].encode(), user,
        _pairs(event, values, numbers=False), event.message.encode(),
    )  # fmt: skip


_SHAPE = {"nested": _nested, "ecs": _ecs, "flat": _flat}


def flat_time(moment: int, zone: ZoneInfo) -> bytes:
    """The three times of NXLog behind Logstash: the record's and the arrival in local time, and the arrival in UTC."""
    arrived = moment + 1_400_000
    return b'"EventTime":"%b","EventReceivedTime":"%b","@timestamp":"%b"' % (
        times.local(moment, zone),
        times.local(arrived, zone),
        times.milli(arrived),
    )
