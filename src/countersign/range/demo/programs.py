"""Processes as 4688 and Sysmon 1 show them, and what Sysmon says of their files and connections."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

from countersign.range.demo.estate import Estate
from countersign.range.demo.files import Place
from countersign.range.demo.logons import Session, subject_of
from countersign.range.demo.writers.zeek import Flow
from countersign.range.writers.windows import ZERO_GUID

EXPLORER = r"C:\Windows\explorer.exe"
CMD = r"C:\Windows\System32\cmd.exe"
SYSTEM_LOGON = 0x3E7
NETWORK_SERVICE_LOGON = 0x3E4

MADE_BY = {
    "rar.exe": ("Command line RAR", "WinRAR", "Alexander Roshal", "-"),
    "pscp.exe": ("Command-line SCP/SFTP client", "PuTTY suite", "Simon Tatham", "PSCP"),
    "chrome.exe": ("Google Chrome", "Google Chrome", "Google LLC", "chrome.exe"),
    "ehradmin.exe": ("Medisoft EHR administration", "Medisoft EHR", "Medisoft Ltd", "ehradmin.exe"),
}
"""Version resources of programs that are not Windows': description, product, company, original name."""


@dataclass(frozen=True, slots=True)
class Program:
    """A running process."""

    pid: int
    guid: str
    image: str
    command: str


def image_of(command: str) -> str:
    """The program of a command line, whose path may hold spaces."""
    end = command.lower().find(".exe")
    return (command if end < 0 else command[: end + 4]).lstrip('"')


def root_program(estate: Estate, rng: random.Random, session: Session, image: str = EXPLORER) -> Program:
    """The program that a session's others descend from; its own beginning is not shown."""
    pid = session.machine.next_pid(rng)
    return Program(pid, _guid(estate, rng, session, pid), image, image)


def run(
    estate: Estate,
    rng: random.Random,
    session: Session,
    command: str,
    parent: Program,
    *,
    elevated: bool = True,
    through_wmi: bool = False,
) -> tuple[Program, list[Place]]:
    """Begins a process now and returns it with the records that show it (none on a host that shows none).

    `through_wmi`: the WMI service made it for the session, so 4688's subject is NETWORK SERVICE and the
    session is its target.
    """
    machine = session.machine
    pid = machine.next_pid(rng)
    program = Program(pid, _guid(estate, rng, session, pid), image_of(command), command)
    logon = session.logon if elevated or not session.linked else session.linked
    places: list[Place] = []
    if machine.spec.audit:
        places.append(_audited(estate, session, program, parent, logon, through_wmi=through_wmi))
    if machine.spec.sysmon:
        places.append(_sysmon(estate, session, program, parent, logon, elevated=elevated))
    return program, places


def _audited(
    estate: Estate, session: Session, program: Program, parent: Program, logon: int, *, through_wmi: bool
) -> Place:
    subject = {**subject_of(estate, session), "SubjectLogonId": hex(logon)}
    target = ("S-1-0-0", "-", "-", "0x0")
    if through_wmi:
        subject = {
            "SubjectUserSid": "S-1-5-20",
            "SubjectUserName": f"{session.machine.name.upper()}$",
            "SubjectDomainName": estate.domain,
            "SubjectLogonId": hex(NETWORK_SERVICE_LOGON),
        }
        target = (session.account.sid, session.account.name, estate.domain, hex(logon))
    return session.machine.windows.security(
        4688,
        {
            **subject,
            "NewProcessId": hex(program.pid),
            "NewProcessName": program.image,
            "TokenElevationType": "%%1937" if logon == session.logon else "%%1938",
            "ProcessId": hex(parent.pid),
            "CommandLine": program.command,
            **dict(
                zip(
                    ("TargetUserSid", "TargetUserName", "TargetDomainName", "TargetLogonId"),
                    target,
                    strict=True,
                )
            ),
            "ParentProcessName": parent.image,
            "MandatoryLabel": "S-1-16-12288" if logon == session.logon else "S-1-16-8192",
        },
    )


def _sysmon(
    estate: Estate, session: Session, program: Program, parent: Program, logon: int, *, elevated: bool
) -> Place:
    base = program.image.rsplit("\\", 1)[-1]
    windows = ("Microsoft® Windows® Operating System", "Microsoft Corporation", base)
    description, product, company, original = MADE_BY.get(base.lower(), (base, *windows))
    return session.machine.windows.sysmon(
        1,
        {
            "ProcessGuid": program.guid,
            "ProcessId": program.pid,
            "Image": program.image,
            "FileVersion": "10.0.17763.1 (WinBuild.160101.0800)" if company.startswith("Micro") else "6.2.1",
            "Description": description,
            "Product": product,
            "Company": company,
            "OriginalFileName": original,
            "CommandLine": program.command,
            "CurrentDirectory": f"C:\\Users\\{session.account.name}\\",
            "User": estate.qualified(session.account.name),
            "LogonGuid": _logon_guid(session, logon),
            "LogonId": hex(logon),
            "TerminalSessionId": session.terminal,
            "IntegrityLevel": "High" if elevated else "Medium",
            "Hashes": _hashes(program.image),
            "ParentProcessGuid": parent.guid,
            "ParentProcessId": parent.pid,
            "ParentImage": parent.image,
            "ParentCommandLine": parent.command,
        },
    )


def connects(estate: Estate, session: Session, program: Program, flow: Flow) -> Place | None:
    """Sysmon 3 on the source host: this process opened this connection."""
    if not session.machine.spec.sysmon:
        return None
    return session.machine.windows.sysmon(
        3,
        {
            "ProcessGuid": program.guid,
            "ProcessId": program.pid,
            "Image": program.image,
            "User": estate.qualified(session.account.name),
            "Protocol": flow.proto,
            "Initiated": True,
            "SourceIsIpv6": False,
            "SourceIp": flow.source,
            "SourceHostname": session.machine.fqdn,
            "SourcePort": flow.source_port,
            "SourcePortName": "-",
            "DestinationIsIpv6": False,
            "DestinationIp": flow.target,
            "DestinationHostname": "-",
            "DestinationPort": flow.target_port,
            "DestinationPortName": "-",
        },
    )


def creates(session: Session, program: Program, path: str) -> Place | None:
    """Sysmon 11: this process made this file."""
    if not session.machine.spec.sysmon:
        return None
    log = session.machine.windows
    return log.sysmon(
        11,
        {
            "ProcessGuid": program.guid,
            "ProcessId": program.pid,
            "Image": program.image,
            "TargetFilename": path,
            "CreationUtcTime": log.utc_time(),
        },
    )


def opens_lsass(session: Session, program: Program) -> Place | None:
    """Sysmon 10: this process read the memory that holds credentials."""
    if not session.machine.spec.sysmon:
        return None
    lsass = f"{session.machine.machine_guid}-0000-0000-0C00-000000000000"
    return session.machine.windows.sysmon(
        10,
        {
            "SourceProcessGUID": program.guid,
            "SourceProcessId": program.pid,
            "SourceThreadId": program.pid + 4,
            "SourceImage": program.image,
            "TargetProcessGUID": lsass,
            "TargetProcessId": 724,
            "TargetImage": r"C:\Windows\system32\lsass.exe",
            "GrantedAccess": "0x1fffff",
            "CallTrace": r"C:\Windows\SYSTEM32\ntdll.dll+9d8e4|C:\Windows\System32\comsvcs.dll+2d2b1",
        },
    )


def _guid(estate: Estate, rng: random.Random, session: Session, pid: int) -> str:
    seconds = estate.schedule.now // 1_000_000
    tail = rng.getrandbits(16)
    return (
        f"{session.machine.machine_guid}-{seconds & 0xFFFF:04X}-{seconds >> 16 & 0xFFFF:04X}"
        f"-{pid & 0xFFFF:04X}-{tail:04X}00000000"
    )


def _logon_guid(session: Session, logon: int) -> str:
    """Sysmon's own logon GUID: machine, then the logon id little-endian in the last part."""
    if not logon:
        return ZERO_GUID
    low = logon.to_bytes(8, "little").hex().upper()
    return f"{session.machine.machine_guid}-1F88-6015-{low[:4]}-{low[4:]}"


def _hashes(image: str) -> str:
    digest = hashlib.sha256(image.lower().encode()).hexdigest().upper()
    return f"MD5={digest[:32]},SHA256={digest},IMPHASH={digest[32:]}"
