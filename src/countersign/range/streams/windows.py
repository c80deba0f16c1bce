"""A Windows host's event logs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from countersign.range.draws import guid, mix
from countersign.range.estate import Host
from countersign.range.plan import everyday as e
from countersign.range.streams.base import (
    Common,
    Growing,
    Record,
    Today,
    Way,
    fate_of,
    pid_of,
    port_of,
    site_of,
)
from countersign.range.writers import times
from countersign.range.writers.windows import CHANNELS, EVENTS, ZERO_GUID, escaped, flat_time, template

PROGRAMS = (
    (r"C:\Program Files\Google\Chrome\Application\chrome.exe", "", "Google Chrome", "Google LLC", 26),
    (r"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE", "", "Microsoft Outlook", "Microsoft Corporation", 12),
    (r"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE", " /n", "Microsoft Word", "Microsoft Corporation", 12),
    (r"C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE", "", "Microsoft Excel", "Microsoft Corporation", 10),
    (r"C:\Windows\System32\notepad.exe", "", "Notepad", "Microsoft Corporation", 5),
    (r"C:\Program Files (x86)\Adobe\Acrobat Reader DC\Reader\AcroRd32.exe", "", "Adobe Acrobat Reader", "Adobe Inc.", 8),
    (r"C:\Windows\System32\cmd.exe", " /c logon.cmd", "Windows Command Processor", "Microsoft Corporation", 3),
    (r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe", r" -NoProfile -File C:\Scripts\inventory.ps1",
     "Windows PowerShell", "Microsoft Corporation", 3),
    (r"C:\Windows\System32\rundll32.exe", r" C:\Windows\System32\shell32.dll,Control_RunDLL", "Windows host process (Rundll32)",
     "Microsoft Corporation", 3),
    (r"C:\Windows\System32\net.exe", r" use P: \\FILE01\Public", "Net Command", "Microsoft Corporation", 2),
    (r"C:\Windows\System32\svchost.exe", " -k netsvcs -p", "Host Process for Windows Services", "Microsoft Corporation", 10),
    (r"C:\Windows\System32\conhost.exe", " 0x4", "Console Window Host", "Microsoft Corporation", 6),
)  # fmt: skip
"""What staff start: path, arguments, description, company, how often."""
PROGRAM_OF = [number for number, program in enumerate(PROGRAMS) for _ in range(program[4])]
PRIVILEGES = rb"SeSecurityPrivilege\r\n\t\t\tSeBackupPrivilege\r\n\t\t\tSeRestorePrivilege\r\n\t\t\tSeTakeOwnershipPrivilege\r\n\t\t\tSeDebugPrivilege\r\n\t\t\tSeSystemEnvironmentPrivilege\r\n\t\t\tSeLoadDriverPrivilege\r\n\t\t\tSeImpersonatePrivilege"
SHARES = ("Public", "Departments", "Projects", "Templates")
LOGON_STEP = 0x1FFF

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


@dataclass(slots=True, eq=False)
class Session:
    """A logon session of a visit; its logon id is given when the first record with it is written."""

    logon: int = 0


@dataclass(frozen=True, slots=True)
class Happened:
    """A visit's Windows event: its name in EVENTS and its data; a Session among the values is its logon id."""

    event: str
    data: Mapping[str, object]


Handler = Callable[[Today, int, int, int], None]
"""Writes an everyday record: of which day, when, of which row, and what befalls it."""


class Ready:
    """Templates of one shape for everyday records."""

    def __init__(self, shape: str, zone: ZoneInfo) -> None:
        def make(name: str, **fixed: object) -> bytes:
            return template(shape, name, fixed)

        self.shape = shape
        self.zone = zone
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
        self.explicit = make(
            "4648", SubjectUserSid="S-1-5-18", SubjectLogonId="0x3e7", LogonGuid=ZERO_GUID, TargetLogonGuid=ZERO_GUID,
            TargetServerName="localhost", TargetInfo="localhost", ProcessId="0x2d4",
            ProcessName=r"C:\Windows\System32\svchost.exe", IpAddress="127.0.0.1", IpPort="0",
        )  # fmt: skip
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
        nobody = {
            "TargetUserSid": "S-1-0-0",
            "TargetUserName": "-",
            "TargetDomainName": "-",
            "TargetLogonId": "0x0",
        }
        self.started = make(
            "4688", **nobody, TokenElevationType="%%1938", ParentProcessName=r"C:\Windows\explorer.exe",
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
        self.any: dict[str, bytes] = {}

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


class WindowsStream:
    """One host's logs, written by its own clock."""

    def __init__(self, common: Common, host: Host, ready: Ready) -> None:
        self.common, self.host, self.ready = common, host, ready
        estate = common.estate
        base = estate.base("windows", host.index)
        self._records = [1000 + (mix(base + n) % 900_000) for n in range(len(CHANNELS))]
        self._logon = 0x30000 + mix(base) % 0x90000
        self._base = base
        self._last = 0
        self._start = estate.calendar.day(0).start
        self._open: dict[int, bytes] = {}
        folder = common.root / "windows"
        self._daily = host.role == "controller"
        self._folder = folder
        self._file = Growing(folder / f"{host.name}.jsonl", compressed=estate.spec.compressed)
        self.way = Way(self._append)
        self._machine = common.machine[host.index]
        self._zero = estate.spec.dirt.zero_guids
        self._empty = estate.spec.dirt.empty_addresses
        self._guid = f"{mix(base + 77) >> 32:08X}"
        self._handlers: dict[int, Handler] = {
            e.TICKET: self._ticket,
            e.GRANTING: self._granting,
            e.NTLM: self._checked,
            e.ARRIVED: self._arrived,
            e.LEFT: self._left,
            e.SPECIAL: self._special,
            e.SHARED: self._shared,
            e.TOUCHED: self._touched,
            e.REFUSED: self._refused,
            e.CONNECTED: self._connected,
            e.STARTED: self._started,
            e.EXITED: self._exited,
            e.SYSMON_STARTED: self._sysmon_started,
            e.SYSMON_EXITED: self._sysmon_exited,
            e.DESK_EXPLICIT: self._desk_explicit,
            e.AT_DESK: self._at_desk,
            e.UNLOCKED: self._at_desk,
            e.DESK_LEFT: self._desk_left,
            e.DESK_LEFT_TOKEN: self._token_left,
            e.LOCKED: self._token_left,
            e.AS_SERVICE: self._as_service,
        }

    def _append(self, chunks: list[bytes]) -> None:
        self._file.append(chunks)

    # one record

    def _put(
        self, moment: int, channel: int, form: bytes, values: tuple[object, ...], fate: int, number: int
    ) -> int:
        host = self.host
        moment += host.offset + host.drift * (moment - self._start) // 86_400_000_000
        if moment <= self._last:
            moment = self._last + 1
        self._last = moment
        record = self._records[channel] = self._records[channel] + 1
        line = form % (
            self.ready.time(moment), record, 704 + 4 * (record % 61), self.common.fqdn[host.index], *values
        )  # fmt: skip
        self.way.put(line, fate, moment, number)
        return record

    def _next_logon(self, number: int) -> int:
        self._logon += 0x40 + (number & LOGON_STEP)
        return self._logon

    # a day

    def write(self, today: Today, visits: Sequence[Record]) -> None:
        """Everyday records and those of visits, in the order of time."""
        if self._daily:
            name = f"{self.host.name}/{self.host.name}-{today.day.date:%Y-%m-%d}.jsonl"
            self._file = Growing(self._folder / name, compressed=self.common.estate.spec.compressed)
        part = today.records.of(self.host.index)
        time, kind = today.records.time[part].tolist(), today.records.kind[part].tolist()
        row, fate = today.records.row[part].tolist(), today.fate[part].tolist()
        self._open.clear()
        waiting = sorted(visits, reverse=True)
        handlers = self._handlers
        for number, moment in enumerate(time):
            while waiting and waiting[-1].time <= moment:
                self._visit(waiting.pop())
            handlers[kind[number]](today, moment, row[number], fate[number])
        while waiting:
            self._visit(waiting.pop())
        self.way.flush()

    def close(self) -> None:
        """Nothing more comes."""
        self.way.settle()

    def _visit(self, record: Record) -> None:
        happened = record.body
        if not isinstance(happened, Happened):
            raise RuntimeError("a host's logs hold Windows events")  # noqa: TRY004 # our own misuse
        event = EVENTS[happened.event]
        values = tuple(self._value(happened.data.get(name, "-"), record) for name in event.fields)
        fate = fate_of(record.number, self.common.estate)
        number = self._put(
            record.time, event.channel, self.ready.whole(happened.event), values, fate, record.number
        )
        if record.ref is not None:
            reference = {
                "log": "windows",
                "computer": self.host.fqdn,
                "channel": CHANNELS[event.channel],
                "record": number,
            }
            self.common.sink.note(record.ref, fate != 1, reference)

    def _value(self, value: object, record: Record) -> bytes:
        if isinstance(value, Session):
            if not value.logon:
                value.logon = self._next_logon(record.number)
            return b"0x%x" % value.logon
        return value if isinstance(value, bytes) else escaped(str(value))

    # everyday records

    def _arrived(self, today: Today, moment: int, row: int, fate: int) -> None:
        seed, source = today.seed[row], today.source[row]
        common, who = self.common, self.common.account(today, row)
        logon = b"0x%x" % self._next_logon(seed)
        self._open[row] = logon
        roll = mix(seed ^ 0x72) / 2**64
        empty = roll < self._empty
        address = b"-" if empty else common.address(today, source, self.host.index)
        port = b"-" if empty else b"%d" % port_of(seed)
        if e.by_kerberos(seed):
            unique = ZERO if mix(seed ^ 0x7A) / 2**64 < self._zero else guid(seed)
            start = (who.sid, who.name, who.realm, logon, unique, address, port)
            elevated = b"%%1842" if today.who[row] else b"%%1843"
            self._put(moment, 0, self.ready.kerberos, (*start, elevated), fate, seed)
        else:
            values = (
                who.sid,
                who.name,
                who.netbios,
                logon,
                common.hosts[source].name.encode(),
                address,
                port,
            )
            self._put(moment, 0, self.ready.ntlm, values, fate, seed)

    def _left(self, today: Today, moment: int, row: int, fate: int) -> None:
        who, logon = self.common.account(today, row), self._open.get(row)
        if logon is not None:
            self._put(
                moment,
                0,
                self.ready.left[3],
                (who.sid, who.name, who.netbios, logon),
                fate,
                today.seed[row] ^ 1,
            )

    def _special(self, today: Today, moment: int, row: int, fate: int) -> None:
        if today.kind[row] == e.SERVICE:
            values = (b"S-1-5-18", b"SYSTEM", b"NT AUTHORITY", b"0x3e7")
        else:
            who = self.common.account(today, row)
            values = (who.sid, who.name, who.netbios, self._open.get(row, b"0x3e7"))
        self._put(moment, 0, self.ready.special, values, fate, today.seed[row] ^ 2)

    def _share(self, today: Today, row: int) -> tuple[tuple[bytes, ...], bytes, bytes]:
        who, seed = self.common.account(today, row), today.seed[row]
        address = self.common.address(today, today.source[row], self.host.index)
        kind = today.kind[row]
        name = "SYSVOL" if kind == e.REFRESH else "Backup" if kind == e.COPY else SHARES[seed % len(SHARES)]
        share = b"\\\\\\\\*\\\\%b" % name.encode()
        subject = (who.sid, who.name, who.netbios, self._open.get(row, b"0x0"))
        return (
            (*subject, address, b"%d" % port_of(seed)),
            share,
            b"\\\\??\\\\D:\\\\Shares\\\\%b" % name.encode(),
        )

    def _shared(self, today: Today, moment: int, row: int, fate: int) -> None:
        start, share, local = self._share(today, row)
        self._put(moment, 0, self.ready.shared, (*start, share, local), fate, today.seed[row] ^ 3)

    def _touched(self, today: Today, moment: int, row: int, fate: int) -> None:
        start, share, local = self._share(today, row)
        name = b"team-%d\\\\report-%d.docx" % (today.seed[row] >> 9 & 63, today.seed[row] >> 20 & 1023)
        self._put(moment, 0, self.ready.touched, (*start, share, local, name), fate, today.seed[row] ^ 4)

    def _ticket(self, today: Today, moment: int, row: int, fate: int) -> None:
        seed, who = today.seed[row], self.common.account(today, row)
        service = self.common.machine[today.target[row]]
        address = self.common.address(today, today.source[row], self.host.index)
        values = (
            who.name + b"@" + who.realm, who.realm, service.name, service.sid, b"::ffff:" + address,
            b"%d" % port_of(seed >> 7), guid(seed),
        )  # fmt: skip
        self._put(moment, 0, self.ready.ticket, values, fate, seed ^ 5)

    def _granting(self, today: Today, moment: int, row: int, fate: int) -> None:
        seed, who = today.seed[row], self.common.account(today, row)
        address = self.common.address(today, today.source[row], self.host.index)
        krbtgt = self._machine.sid.rsplit(b"-", 1)[0] + b"-502"
        values = (who.name, who.netbios, who.sid, krbtgt, b"::ffff:" + address, b"%d" % port_of(seed >> 9))
        self._put(moment, 0, self.ready.granting, values, fate, seed ^ 6)

    def _checked(self, today: Today, moment: int, row: int, fate: int) -> None:
        who, source = self.common.account(today, row), self.common.hosts[today.source[row]]
        self._put(moment, 0, self.ready.checked, (who.name, source.name.encode()), fate, today.seed[row] ^ 7)

    def _refused(self, today: Today, moment: int, row: int, fate: int) -> None:
        who, source = self.common.account(today, row), today.source[row]
        here = source == self.host.index
        address = b"127.0.0.1" if here else self.common.address(today, source, self.host.index)
        station = self.common.hosts[source].name.encode()
        values = (
            who.name,
            who.netbios,
            b"2" if here else b"3",
            station,
            address,
            b"0" if here else b"%d" % port_of(today.seed[row]),
        )
        self._put(moment, 0, self.ready.refused, values, fate, today.seed[row] ^ 8)

    def _at_desk(self, today: Today, moment: int, row: int, fate: int) -> None:
        form = self.ready.unlock if today.kind[row] == e.UNLOCK else self.ready.desk
        who, machine = self.common.user[self.host.index], self._machine
        logon = self._open[row] = b"0x%x" % self._next_logon(today.seed[row])
        values = (
            machine.name, machine.netbios, who.sid, who.name, who.netbios, logon, self.host.name.encode()
        )  # fmt: skip
        self._put(moment, 0, form, values, fate, today.seed[row] ^ 9)

    def _desk_explicit(self, today: Today, moment: int, row: int, fate: int) -> None:
        who, machine = self.common.user[self.host.index], self._machine
        values = (machine.name, machine.netbios, who.name, who.netbios)
        self._put(moment, 0, self.ready.explicit, values, fate, today.seed[row] ^ 10)

    def _desk_left(self, today: Today, moment: int, row: int, fate: int) -> None:
        who = self.common.user[self.host.index]
        values = (who.sid, who.name, who.netbios, self._open.get(row, b"0x0"))
        self._put(moment, 0, self.ready.leaving, values, fate, today.seed[row] ^ 11)

    def _token_left(self, today: Today, moment: int, row: int, fate: int) -> None:
        who = self.common.user[self.host.index]
        values = (who.sid, who.name, who.netbios, self._open.get(row, b"0x0"))
        form = self.ready.left[7 if today.kind[row] == e.UNLOCK else 2]
        self._put(moment, 0, form, values, fate, today.seed[row] ^ 12)

    def _as_service(self, today: Today, moment: int, row: int, fate: int) -> None:
        machine = self._machine
        self._put(moment, 0, self.ready.service, (machine.name, machine.netbios), fate, today.seed[row] ^ 13)

    def _started(self, today: Today, moment: int, row: int, fate: int) -> None:
        seed, who = today.seed[row], self.common.user[self.host.index]
        image, command = _PROGRAM[PROGRAM_OF[seed % len(PROGRAM_OF)]][:2]
        values = (
            who.sid, who.name, who.netbios, b"0x%x" % (self._logon - (seed & 0x3F)), b"0x%x" % pid_of(seed), image,
            b"0x%x" % pid_of(seed >> 5), command if self.host.commands else b"",
        )  # fmt: skip
        self._put(moment, 0, self.ready.started, values, fate, seed ^ 14)

    def _exited(self, today: Today, moment: int, row: int, fate: int) -> None:
        seed, who = today.seed[row], self.common.user[self.host.index]
        image = _PROGRAM[PROGRAM_OF[seed % len(PROGRAM_OF)]][0]
        logon = b"0x%x" % (self._logon - (seed & 0x3F))
        values = (who.sid, who.name, who.netbios, logon, b"0x%x" % pid_of(seed), image)
        self._put(moment, 0, self.ready.exited, values, fate, seed ^ 15)

    def process_guid(self, seed: int, moment: int) -> bytes:
        """Sysmon's id of a process: machine, time, and a count."""
        seconds = moment // 1_000_000
        return b"%b-%04X-%04X-%04X-%04X00000000" % (
            self._guid.encode(), seconds & 0xFFFF, seconds >> 16 & 0xFFFF, seed >> 3 & 0xFFFF, seed >> 20 & 0xFFFF
        )  # fmt: skip

    def _sysmon_started(self, today: Today, moment: int, row: int, fate: int) -> None:
        seed, who = today.seed[row], self.common.user[self.host.index]
        image, command, description, company, hashes = _PROGRAM[PROGRAM_OF[seed % len(PROGRAM_OF)]]
        logon = b"0x%x" % (self._logon - (seed & 0x3F))
        values = (
            times.sysmon(moment), self.process_guid(seed, moment), b"%d" % pid_of(seed), image, description, company,
            command, b"C:\\\\Users\\\\%b\\\\" % who.name, who.netbios + b"\\\\" + who.name,
            self.process_guid(self._base, self._start), logon, hashes, self.process_guid(seed >> 5, self._start),
            b"%d" % pid_of(seed >> 5),
        )  # fmt: skip
        self._put(moment, 1, self.ready.sysmon_started, values, fate, seed ^ 16)

    def _sysmon_exited(self, today: Today, moment: int, row: int, fate: int) -> None:
        seed, who = today.seed[row], self.common.user[self.host.index]
        image = _PROGRAM[PROGRAM_OF[seed % len(PROGRAM_OF)]][0]
        began = moment - today.length[row]
        values = (
            times.sysmon(moment), self.process_guid(seed, began), b"%d" % pid_of(seed), image,
            who.netbios + b"\\\\" + who.name,
        )  # fmt: skip
        self._put(moment, 1, self.ready.sysmon_exited, values, fate, seed ^ 17)

    def _connected(self, today: Today, moment: int, row: int, fate: int) -> None:
        seed, who, common = today.seed[row], self.common.user[self.host.index], self.common
        kind, target = today.kind[row], today.target[row]
        if kind == e.PAGE:
            image, address, port = _PROGRAM[0][0], site_of(seed)[1], b"443"
        elif kind == e.SHARE:
            image, address, port = b"System", today.addresses[target], b"445"
        else:
            image, address, port = _PROGRAM[0][0], today.addresses[target], b"443"
        values = (
            times.sysmon(moment), self.process_guid(seed >> 5, self._start), b"%d" % pid_of(seed >> 5), image,
            who.netbios + b"\\\\" + who.name, today.addresses[self.host.index], common.fqdn[self.host.index],
            b"%d" % port_of(seed), address, port,
        )  # fmt: skip
        self._put(moment, 1, self.ready.connected, values, fate, seed ^ 18)


def hashes_of(image: str) -> bytes:
    """Hashes that follow from a path; no two programs have the same."""
    digest = hashlib.sha256(image.lower().encode()).hexdigest().upper()
    return f"MD5={digest[:32]},SHA256={digest},IMPHASH={digest[32:]}".encode()


def _program(image: str, arguments: str, description: str, company: str) -> tuple[bytes, ...]:
    command = f'"{image}"{arguments}' if " " in image else f"{image}{arguments}"
    return escaped(image), escaped(command), escaped(description), escaped(company), hashes_of(image)


_PROGRAM = [_program(*program[:4]) for program in PROGRAMS]
ZERO = ZERO_GUID.encode()
