r"""The table of Windows events: channel, provider and event id to OCSF columns.

A plan holds only where channel *and* provider are the real ones: anybody may register an event source of any
name, or write event 4624 into the Application log.

References: https://learn.microsoft.com/windows/security/threat-protection/auditing/ (Security events),
https://learn.microsoft.com/sysinternals/downloads/sysmon, https://schema.ocsf.io/1.6.0/classes.
"""

from __future__ import annotations

from functools import cache

from countersign.sources._windows import values
from countersign.sources._windows.adfs import ADFS
from countersign.sources._windows.channels import CHANNELS, MORE_SYSMON
from countersign.sources._windows.plan import Compiled, Plan
from countersign.sources._windows.remote_access import RAS_CLIENT
from countersign.sources._windows.remote_support import SUPPORT, without_instance

SUBJECT = Plan(
    columns={"actor.user.uid": "SubjectUserSid", "actor.session.uid": "SubjectLogonId"},
    accounts={"actor.user": ("SubjectUserName", "SubjectDomainName")},
)
"""Who did it, and in which logon session."""
TARGET = Plan(
    columns={"user.uid": ("TargetUserSid", "TargetSid")},
    accounts={"user": ("TargetUserName", "TargetDomainName")},
)
"""To whom."""
FROM = Plan(columns={"src_endpoint.ip": "IpAddress", "src_endpoint.port": "IpPort"})
CALLER = Plan(columns={"actor.process.pid": "ProcessId", "actor.process.path": "ProcessName"})
LOGON = Plan(
    columns={
        "session.uid": "TargetLogonId",
        "session.uid_alt": "TargetLinkedLogonId",
        "session.uuid": "LogonGuid",
        "src_endpoint.hostname": "WorkstationName",
        "auth_protocol": "AuthenticationPackageName",
        "logon_type_id": "LogonType",
    }
)
OUTBOUND = Plan(joined={"session.credential_uid": ("TargetOutboundUserName", "TargetOutboundDomainName")})
"""As whom a session of type 9 (`runas /netonly`) goes to other hosts."""
LOGOFF = Plan(columns={"session.uid": "TargetLogonId", "logon_type_id": "LogonType"})
OUTCOME = Plan(special={"status_id": ("Status", values.outcome)}, columns={"status_code": "Status"})
KERBEROS = TARGET | FROM | OUTCOME | Plan(constants={"auth_protocol": "Kerberos"})
RECONNECT = Plan(
    3002,
    99,
    1,
    columns={
        "session.uid": ("LogonID", "LogonId"),
        "session.terminal": "SessionName",
        "src_endpoint.hostname": "ClientName",
        "src_endpoint.ip": "ClientAddress",
    },
    accounts={"user": ("AccountName", "AccountDomain")},
)
ACCOUNT = TARGET | SUBJECT
GROUP = Plan(columns={"group.name": "TargetUserName", "group.uid": "TargetSid"}) | SUBJECT
MEMBER = Plan(columns={"user.name": "MemberName", "user.uid": "MemberSid"}) | GROUP
SHARE = Plan(4006, 2, columns={"share": "ShareName", "file.path": "RelativeTargetName"}) | SUBJECT | FROM
JOB = Plan(columns={"job.name": "TaskName"}) | SUBJECT
FILTERED = Plan(
    4001,
    1,
    columns={
        "process.pid": ("ProcessID", "ProcessId"),
        "process.path": "Application",
        "src_endpoint.ip": "SourceAddress",
        "src_endpoint.port": "SourcePort",
        "dst_endpoint.ip": "DestAddress",
        "dst_endpoint.port": "DestPort",
    },
    special={"connection_info.direction_id": ("Direction", values.filtered_direction)},
)

SECURITY: dict[int, Plan] = {
    4624: Plan(3002, 1, 1) | LOGON | TARGET | SUBJECT | FROM | CALLER | OUTBOUND,
    4625: Plan(3002, 1, 2, columns={"status_code": ("SubStatus", "Status")})
    | Plan(columns={k: v for k, v in LOGON.columns.items() if not k.startswith("session.")})
    | TARGET
    | SUBJECT
    | FROM
    | CALLER,
    4634: Plan(3002, 2, 1) | LOGOFF | TARGET,
    4647: Plan(3002, 2, 1) | LOGOFF | TARGET,
    4648: Plan(
        3002,
        7,  # account switch: whether the logon came about, its own event says
        columns={"dst_endpoint.hostname": "TargetServerName", "session.uuid": "TargetLogonGuid"},
    )
    | TARGET
    | SUBJECT
    | FROM
    | CALLER,
    4672: Plan(
        3003,
        1,
        1,
        columns={"session.uid": "SubjectLogonId", "user.uid": "SubjectUserSid"},
        accounts={"user": ("SubjectUserName", "SubjectDomainName")},
    )
    | SUBJECT,
    4768: Plan(3002, 3, columns={"service.name": "ServiceName"}) | KERBEROS,
    4769: Plan(3002, 4, columns={"service.name": "ServiceName", "session.uuid": "LogonGuid"}) | KERBEROS,
    4770: Plan(3002, 5, columns={"service.name": "ServiceName"}) | KERBEROS,
    4771: Plan(3002, 6, columns={"service.name": "ServiceName"}) | KERBEROS,
    4776: Plan(
        3002, 99, columns={"src_endpoint.hostname": "Workstation"}, constants={"auth_protocol": "NTLM"}
    )
    | TARGET
    | OUTCOME,
    4778: RECONNECT,
    4779: RECONNECT,
    4688: Plan(
        1007,
        1,
        columns={
            "session.uid": "TargetLogonId",
            "process.pid": "NewProcessId",
            "process.path": "NewProcessName",
            "process.cmd_line": "CommandLine",
            "process.parent_process.pid": "ProcessId",
            "process.parent_process.path": "ParentProcessName",
        },
    )
    | TARGET
    | SUBJECT,
    4689: Plan(
        1007, 2, columns={"process.pid": "ProcessId", "process.path": "ProcessName", "status_code": "Status"}
    )
    | SUBJECT,
    4697: Plan(201004, 1, columns={"service.name": "ServiceName", "service.path": "ServiceFileName"})
    | SUBJECT,
    4698: Plan(1006, 1) | JOB,
    4699: Plan(1006, 3) | JOB,
    4700: Plan(1006, 4) | JOB,
    4701: Plan(1006, 5) | JOB,
    4702: Plan(1006, 2) | JOB,
    4720: Plan(3001, 1) | ACCOUNT,
    4722: Plan(3001, 2) | ACCOUNT,
    4723: Plan(3001, 3) | ACCOUNT,
    4724: Plan(3001, 4) | ACCOUNT,
    4725: Plan(3001, 5) | ACCOUNT,
    4726: Plan(3001, 6) | ACCOUNT,
    4738: Plan(3001, 99) | ACCOUNT,
    4740: Plan(
        3001,
        9,
        columns={
            "user.uid": "TargetSid",
            "src_endpoint.hostname": "TargetDomainName",
        },  # the machine that caused it
        accounts={"user": ("TargetUserName", "")},
    )
    | SUBJECT,
    4767: Plan(3001, 12) | ACCOUNT,
    **dict.fromkeys((4727, 4731, 4754), Plan(3006, 6) | GROUP),
    **dict.fromkeys((4728, 4732, 4756), Plan(3006, 3) | MEMBER),
    **dict.fromkeys((4729, 4733, 4757), Plan(3006, 4) | MEMBER),
    **dict.fromkeys((4730, 4734, 4758), Plan(3006, 5) | GROUP),
    **dict.fromkeys((4735, 4737, 4755), Plan(3006, 99) | GROUP),
    5140: SHARE,
    5145: SHARE,
    5156: FILTERED | Plan(status_id=1),
    5157: FILTERED | Plan(status_id=2),
}

PROCESS = Plan(
    columns={
        "process.pid": "ProcessId",
        "process.uid": ("ProcessGuid", "ProcessGUID"),
        "process.path": "Image",
    },
    accounts={"user": ("User", "")},
)
BETWEEN = Plan(
    1007,
    columns={
        "actor.process.pid": "SourceProcessId",
        "actor.process.uid": ("SourceProcessGUID", "SourceProcessGuid"),
        "actor.process.path": "SourceImage",
        "process.pid": "TargetProcessId",
        "process.uid": ("TargetProcessGUID", "TargetProcessGuid"),
        "process.path": "TargetImage",
    },
    accounts={"actor.user": ("SourceUser", ""), "user": ("TargetUser", "")},
)
FILE = Plan(1001, columns={"file.path": "TargetFilename"}) | PROCESS

SYSMON: dict[int, Plan] = {
    1: Plan(
        1007,
        1,
        columns={
            "process.cmd_line": "CommandLine",
            "process.parent_process.pid": "ParentProcessId",
            "process.parent_process.uid": ("ParentProcessGuid", "ParentProcessGUID"),
            "process.parent_process.path": "ParentImage",
            "process.parent_process.cmd_line": "ParentCommandLine",
            "session.uid": "LogonId",
            "session.uuid": "LogonGuid",
        },
    )
    | PROCESS,
    3: Plan(
        4001,
        1,
        columns={
            "src_endpoint.ip": "SourceIp",
            "src_endpoint.port": "SourcePort",
            "src_endpoint.hostname": "SourceHostname",
            "dst_endpoint.ip": "DestinationIp",
            "dst_endpoint.port": "DestinationPort",
            "dst_endpoint.hostname": "DestinationHostname",
            "connection_info.protocol_name": "Protocol",
        },
        special={"connection_info.direction_id": ("Initiated", values.initiated_direction)},
    )
    | PROCESS,
    5: Plan(1007, 2) | PROCESS,
    7: Plan(1005, 1, columns={"file.path": "ImageLoaded"}) | PROCESS,
    8: Plan(1007, 4) | BETWEEN,
    10: Plan(1007, 3) | BETWEEN,
    11: Plan(1001, 1) | FILE,
    12: Plan(201001, special={"activity_id": ("EventType", values.registry_activity)}) | PROCESS,
    13: Plan(201001, 3) | PROCESS,
    14: Plan(201001, 5) | PROCESS,
    22: Plan(4003, 1, columns={"query.hostname": "QueryName"}) | PROCESS,
    23: Plan(1001, 4) | FILE,
    26: Plan(1001, 4) | FILE,
}

LINUX_SYSMON = {
    code: Plan(
        plan.class_uid,
        plan.activity_id,
        plan.status_id,
        {column: field for column, field in plan.columns.items() if not column.startswith("session.")},
        plan.accounts,
        plan.special,
        plan.constants,
    )
    for code, plan in (SYSMON | MORE_SYSMON).items()
}
"""What it calls a logon id is a user's number there."""

WRITER = Plan(columns={"actor.user.uid": "UserID"})
"""The account whose token wrote the record, as System/Security says."""
TERMINAL = Plan(
    3002,
    status_id=1,
    special={"session.uid": ("SessionID", values.terminal_session)},
    columns={"src_endpoint.ip": "Address"},
    accounts={"user": ("User", "")},
)
WMI = Plan(6003, 99, accounts={"user": ("User", "")}) | WRITER
SCRIPT = Plan(1009, 1, columns={"process.pid": "ExecutionProcessID"}) | WRITER
CLEARED = Plan(1008, 1, 1) | SUBJECT

FAMILIES: dict[tuple[str, str], dict[int, Plan]] = {
    ("Security", "Microsoft-Windows-Security-Auditing"): SECURITY,
    ("Security", "Microsoft-Windows-Eventlog"): {1102: CLEARED},
    ("System", "Microsoft-Windows-Eventlog"): {104: CLEARED},
    ("System", "Service Control Manager"): {
        7045: Plan(201004, 1, columns={"service.name": "ServiceName", "service.path": "ImagePath"}) | WRITER
    },
    ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon"): SYSMON,
    ("Linux-Sysmon/Operational", "Linux-Sysmon"): LINUX_SYSMON,
    (
        "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
        "Microsoft-Windows-TerminalServices-LocalSessionManager",
    ): {
        21: Plan(activity_id=1) | TERMINAL,
        22: Plan(activity_id=99) | TERMINAL,  # the shell started
        23: Plan(activity_id=2) | TERMINAL,
        24: Plan(activity_id=99) | TERMINAL,  # disconnected
        25: Plan(activity_id=99) | TERMINAL,  # reconnected
    },
    (
        "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational",
        "Microsoft-Windows-TerminalServices-RemoteConnectionManager",
    ): {  # the password was right or will be asked for: no logon yet
        1149: Plan(4005, 3, columns={"src_endpoint.ip": "Param3"}, accounts={"user": ("Param1", "Param2")})
    },
    (
        "Microsoft-Windows-TerminalServices-RDPClient/Operational",
        "Microsoft-Windows-TerminalServices-ClientActiveXCore",
    ): {
        1024: Plan(4005, 1, columns={"dst_endpoint.hostname": "Value"}) | WRITER,
        1102: Plan(4005, 1, columns={"dst_endpoint.ip": "Value"}) | WRITER,  # here 1102 is no log clear
        1027: Plan(4005, 4, 1, columns={"user.domain": "DomainName"}) | WRITER,
        1029: Plan(4005, 99, special={"user.credential_uid": (("TraceMessage", "Value"), values.digest)})
        | WRITER,
    },
    (
        "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational",
        "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS",
    ): {
        131: Plan(
            4005,
            1,
            special={
                "src_endpoint.ip": ("ClientIP", values.address_of_pair),
                "src_endpoint.port": ("ClientIP", values.port_of_pair),
            },
            columns={"connection_info.protocol_name": "ConnType"},
        )
    },
    ("Microsoft-Windows-WinRM/Operational", "Microsoft-Windows-WinRM"): {
        6: Plan(4001, 1, special={"dst_endpoint.hostname": ("connection", values.connection_host)}) | WRITER,
        91: Plan(4001, 1, columns={"url": "resourceUri"}) | WRITER,
    },
    ("Microsoft-Windows-WMI-Activity/Operational", "Microsoft-Windows-WMI-Activity"): {
        5857: WMI,
        5858: WMI
        | Plan(columns={"process.pid": "ClientProcessId", "src_endpoint.hostname": "ClientMachine"}),
        5859: WMI,
        5860: WMI
        | Plan(columns={"process.pid": "ClientProcessId", "src_endpoint.hostname": "ClientMachine"}),
        5861: WMI,
    },
    ("Microsoft-Windows-PowerShell/Operational", "Microsoft-Windows-PowerShell"): {
        4103: SCRIPT
        | Plan(
            special={
                "process.cmd_line": ("ContextInfo", values.host_application),
                "user.name": ("ContextInfo", values.context_user_name),
                "user.domain": ("ContextInfo", values.context_user_domain),
            }
        ),
        4104: SCRIPT | Plan(columns={"file.path": "Path"}),
    },
    ("Windows PowerShell", "PowerShell"): {
        400: Plan(1009, 1, special={"process.cmd_line": (("Data", "Message"), values.host_application)})
    },
}
"""(channel, provider) -> event id -> plan; `channels` has more."""

OTHERS: dict[tuple[str, str], Plan] = {
    ("Security", "Microsoft-Windows-Security-Auditing"): SUBJECT,
    ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon"): PROCESS,
    ("Linux-Sysmon/Operational", "Linux-Sysmon"): PROCESS,
}
"""What events without a plan of their own still say."""

_NOTHING = Plan()


@cache
def _compiled() -> dict[tuple[str, str], dict[int | None, Compiled]]:
    """Plans by casefolded channel and provider; the provider is empty for records that name none."""
    table: dict[tuple[str, str], dict[int | None, Compiled]] = {}
    for key, plans in (
        SUPPORT | RAS_CLIENT | ADFS
    ).items():  # these channels are everybody's: nothing holds there without the provider
        table[key[0].casefold(), key[1].casefold()] = {code: Compiled(plan) for code, plan in plans.items()}
    for channel, provider in (*FAMILIES, *(CHANNELS.keys() - FAMILIES.keys())):
        plans = CHANNELS.get((channel, provider), {}) | FAMILIES.get((channel, provider), {})
        compiled: dict[int | None, Compiled] = {code: Compiled(plan) for code, plan in plans.items()}
        if (channel, provider) in OTHERS:
            compiled[None] = Compiled(OTHERS[channel, provider])
        table[channel.casefold(), provider.casefold()] = compiled
        table.setdefault((channel.casefold(), ""), {}).update(compiled)
    return table


@cache
def _default() -> Compiled:
    return Compiled(_NOTHING)


def plan_for(channel: str, provider: str, code: int | None) -> Compiled:
    """The plan of one kind of event; a base event for what the table does not know."""
    plans = _compiled().get((channel.casefold(), without_instance(provider).casefold()))
    if plans is None:
        return _default()
    return plans.get(code) or plans.get(None) or _default()
