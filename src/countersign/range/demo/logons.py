"""Windows logons as the target's Security log shows them, and the tickets that the controller saw.

Kept true to the product: a network-level RDP logon is a type 3 and a type 10 pair; an administrator's
interactive token is split in two logons that name each other; most logon GUIDs are zero; some logoffs
never reach the log.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass

from countersign.range.demo.estate import Account, Estate, Machine
from countersign.range.demo.files import Place
from countersign.range.writers.windows import ZERO_GUID

LOST_LOGOFFS = 0.15
"""Share of sessions whose 4634 is missing, as in real collections (reboots, dropped events)."""
KERBEROS_GUIDS = 0.3
"""Share of Kerberos logons that carry a logon GUID; in the public captures of 2020-2023 most are zero."""
ELEVATED, LIMITED = "%%1842", "%%1843"
_PRIVILEGES = (
    "SeSecurityPrivilege",
    "SeTakeOwnershipPrivilege",
    "SeLoadDriverPrivilege",
    "SeBackupPrivilege",
    "SeRestorePrivilege",
    "SeDebugPrivilege",
    "SeSystemEnvironmentPrivilege",
    "SeImpersonatePrivilege",
)


@dataclass(slots=True)
class Session:
    """A logon on a Windows machine. `linked` is the limited token's logon id where the token is split."""

    machine: Machine
    account: Account
    logon: int
    linked: int
    type_: int
    guid: str
    terminal: int
    places: list[Place]


def new_guid(rng: random.Random) -> str:
    """A random GUID as evtx_dump prints it: upper case, no braces."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4)).upper()


def kerberos_guid(rng: random.Random) -> str:
    """The logon GUID of a Kerberos logon: often zero."""
    return new_guid(rng) if rng.random() < KERBEROS_GUIDS else ZERO_GUID


def logon_data(
    estate: Estate,
    account: Account,
    *,
    type_: int,
    logon: int,
    subject: Machine | None = None,
    linked: int = 0,
    elevated: bool = True,
    guid: str = ZERO_GUID,
    package: str = "Kerberos",
    process: str = "-",
    workstation: str = "-",
    address: str = "-",
    port: int | str = "-",
) -> dict[str, object]:
    """The fields of a 4624 (version 2). `subject` is the machine whose system account asked for the logon."""
    logon_process = {2: "User32 ", 5: "Advapi  ", 7: "User32 ", 10: "User32 "}.get(type_)
    ntlm = package == "NTLM"
    return {
        **_subject(estate, subject),
        "TargetUserSid": account.sid,
        "TargetUserName": account.name,
        "TargetDomainName": estate.realm if type_ == 3 and not ntlm else estate.domain,
        "TargetLogonId": hex(logon),
        "LogonType": type_,
        "LogonProcessName": logon_process or ("NtLmSsp " if ntlm else "Kerberos"),
        "AuthenticationPackageName": package if logon_process is None else "Negotiate",
        "WorkstationName": workstation,
        "LogonGuid": guid,
        "TransmittedServices": "-",
        "LmPackageName": "NTLM V2" if ntlm else "-",
        "KeyLength": 128 if ntlm else 0,
        "ProcessId": "0x0" if process == "-" else "0x2d4",
        "ProcessName": process,
        "IpAddress": address,
        "IpPort": str(port),
        "ImpersonationLevel": "%%1833",
        "RestrictedAdminMode": "%%1843" if type_ == 10 else "-",
        "TargetOutboundUserName": "-",
        "TargetOutboundDomainName": "-",
        "VirtualAccount": LIMITED,
        "TargetLinkedLogonId": hex(linked),
        "ElevatedToken": ELEVATED if elevated else LIMITED,
    }


def _subject(estate: Estate, machine: Machine | None) -> dict[str, object]:
    if machine is None:
        return {
            "SubjectUserSid": "S-1-0-0",
            "SubjectUserName": "-",
            "SubjectDomainName": "-",
            "SubjectLogonId": "0x0",
        }
    return {
        "SubjectUserSid": "S-1-5-18",
        "SubjectUserName": f"{machine.name.upper()}$",
        "SubjectDomainName": estate.domain,
        "SubjectLogonId": "0x3e7",
    }


def subject_of(estate: Estate, session: Session) -> dict[str, object]:
    """The Subject fields of events that a session causes."""
    return {
        "SubjectUserSid": session.account.sid,
        "SubjectUserName": session.account.name,
        "SubjectDomainName": estate.domain,
        "SubjectLogonId": hex(session.logon),
    }


def special(estate: Estate, machine: Machine, account: Account, logon: int) -> Place:
    """4672: this logon holds an administrator's privileges."""
    return machine.windows.security(
        4672,
        {
            "SubjectUserSid": account.sid,
            "SubjectUserName": account.name,
            "SubjectDomainName": estate.domain,
            "SubjectLogonId": hex(logon),
            "PrivilegeList": "\r\n\t\t\t".join(_PRIVILEGES),
        },
    )


def network_logon(
    estate: Estate,
    rng: random.Random,
    machine: Machine,
    account: Account,
    address: str,
    port: int,
    *,
    package: str = "Kerberos",
    workstation: str = "-",
    guid: str | None = None,
) -> Session:
    """A type 3 logon at `machine` from an address and port, with its 4672 where the account is privileged."""
    chosen = (kerberos_guid(rng) if package == "Kerberos" else ZERO_GUID) if guid is None else guid
    if package == "Kerberos":
        service_ticket(estate, account, machine, address, chosen)
    logon = machine.next_logon(rng)
    data = logon_data(
        estate,
        account,
        type_=3,
        logon=logon,
        guid=chosen,
        package=package,
        workstation=workstation,
        address=address,
        port=port,
    )
    places = [machine.windows.security(4624, data)]
    if account.privileged:
        places.append(special(estate, machine, account, logon))
    return Session(machine, account, logon, 0, 3, chosen, 0, places)


def interactive_logon(
    estate: Estate,
    rng: random.Random,
    machine: Machine,
    account: Account,
    type_: int,
    address: str,
) -> Session:
    """A type 2, 7 or 10 logon: explicit credentials at the host, then one or two tokens."""
    process = r"C:\Windows\System32\svchost.exe"
    full = machine.next_logon(rng)
    limited = machine.next_logon(rng) if account.privileged else 0
    places = [explicit(estate, machine, None, account, "localhost", "localhost", process, address)]
    for logon, linked, elevated in ((full, limited, account.privileged), (limited, full, False)):
        if logon:
            data = logon_data(
                estate,
                account,
                type_=type_,
                logon=logon,
                subject=machine,
                linked=linked,
                elevated=elevated,
                process=process,
                workstation=machine.name,
                address=address,
                port=0,
            )
            places.append(machine.windows.security(4624, data))
    if account.privileged:
        places.append(special(estate, machine, account, full))
    return Session(machine, account, full, limited, type_, ZERO_GUID, 0, places)


def explicit(
    estate: Estate,
    machine: Machine,
    session: Session | None,
    account: Account,
    server: str,
    info: str,
    process: str,
    address: str = "-",
    guid: str = ZERO_GUID,
) -> Place:
    """4648: somebody (`session`, or the system) gave `account`'s credentials for `server`."""
    subject = _subject(estate, machine) if session is None else subject_of(estate, session)
    return machine.windows.security(
        4648,
        {
            **subject,
            "LogonGuid": ZERO_GUID,
            "TargetUserName": account.name,
            "TargetDomainName": estate.domain,
            "TargetLogonGuid": guid,
            "TargetServerName": server,
            "TargetInfo": info,
            "ProcessId": "0x2d4",
            "ProcessName": process,
            "IpAddress": address,
            "IpPort": "0" if address != "-" else "-",
        },
    )


def logoff(estate: Estate, rng: random.Random, session: Session, *, by_user: bool = False) -> list[Place]:
    """4647 where the user asked for it, and 4634 of each token unless it is lost."""
    data = {
        "TargetUserSid": session.account.sid,
        "TargetUserName": session.account.name,
        "TargetDomainName": estate.domain,
    }
    log = session.machine.windows
    places = []
    if by_user:
        places.append(log.security(4647, {**data, "TargetLogonId": hex(session.linked or session.logon)}))
    if rng.random() < LOST_LOGOFFS:
        return places
    ended = [logon for logon in (session.linked, session.logon) if logon]
    places += [
        log.security(4634, {**data, "TargetLogonId": hex(n), "LogonType": session.type_}) for n in ended
    ]
    return places


def ticket(estate: Estate, account: Account, address: str, port: int) -> Place:
    """4768 at the controller: a ticket-granting ticket for `account` asked from `address`."""
    return estate.controller.windows.security(
        4768,
        {
            "TargetUserName": account.name,
            "TargetDomainName": estate.domain,
            "TargetSid": account.sid,
            "ServiceName": "krbtgt",
            "ServiceSid": "S-1-5-21-1987340912-3471182045-2068125517-502",
            "TicketOptions": "0x40810010",
            "Status": "0x0",
            "TicketEncryptionType": "0x12",
            "PreAuthType": "2",
            "IpAddress": f"::ffff:{address}",
            "IpPort": str(port),
            "CertIssuerName": "",
            "CertSerialNumber": "",
            "CertThumbprint": "",
        },
    )


def service_ticket(estate: Estate, account: Account, machine: Machine, address: str, guid: str) -> Place:
    """4769 at the controller: a ticket for `machine`, with the GUID that its 4624 will carry."""
    return estate.controller.windows.security(
        4769,
        {
            "TargetUserName": f"{account.name}@{estate.realm}",
            "TargetDomainName": estate.realm,
            "ServiceName": f"{machine.name.upper()}$",
            "ServiceSid": estate.accounts[f"{machine.name.upper()}$"].sid,
            "TicketOptions": "0x40810000",
            "TicketEncryptionType": "0x12",
            "IpAddress": f"::ffff:{address}",
            "IpPort": str(machine.next_port()),
            "Status": "0x0",
            "LogonGuid": guid,
            "TransmittedServices": "-",
        },
    )


def failed_logon(estate: Estate, machine: Machine, account: Account, address: str, port: int) -> Place:
    """4625: a mistyped password over the network."""
    return machine.windows.security(
        4625,
        {
            **_subject(estate, None),
            "TargetUserSid": "S-1-0-0",
            "TargetUserName": account.name,
            "TargetDomainName": estate.domain,
            "Status": "0xc000006d",
            "FailureReason": "%%2313",
            "SubStatus": "0xc000006a",
            "LogonType": 3,
            "LogonProcessName": "NtLmSsp ",
            "AuthenticationPackageName": "NTLM",
            "WorkstationName": "-",
            "TransmittedServices": "-",
            "LmPackageName": "-",
            "KeyLength": 0,
            "ProcessId": "0x0",
            "ProcessName": "-",
            "IpAddress": address,
            "IpPort": str(port),
        },
    )
