"""A Windows host's event logs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from countersign.range.draws import guid, mix
from countersign.range.estate import Host
from countersign.range.plan import kinds as k
from countersign.range.streams.base import (
    KERNEL,
    Common,
    Growing,
    Kept,
    Record,
    Today,
    Who,
    booted,
    fate_of,
    pid_of,
    port_of,
    shell_at_desk,
    site_of,
)
from countersign.range.streams.fields import Happened, Session
from countersign.range.streams.programs import BROWSER, program
from countersign.range.streams.ready import Ready
from countersign.range.writers import times
from countersign.range.writers.windows import CHANNELS, EVENTS, ZERO_GUID, escaped

SHARES = ("Public", "Departments", "Projects", "Templates")
LOGON_STEP = 0x1FFF
ZERO = ZERO_GUID.encode()
SYSTEM = b"NT AUTHORITY\\\\SYSTEM"

Handler = Callable[[Today, int, int, int], None]
"""Writes an everyday record: of which day, when, of which row, and what befalls it."""


class WindowsStream(Kept):
    """One host's logs, written by its own clock."""

    def __init__(self, common: Common, host: Host, ready: Ready) -> None:
        folder, estate = common.root / "windows", common.estate
        super().__init__(common, host.index, folder / host.name)
        self.host, self.ready = host, ready
        base = estate.base("windows", host.index)
        self._records = [1000 + (mix(base + n) % 900_000) for n in range(len(CHANNELS))]
        self._logon = 0x30000 + mix(base) % 0x90000
        self._base = base
        self._last = 0
        self._start = estate.calendar.day(0).start
        self._open: dict[int, bytes] = {}
        self._daily = host.role == "controller"
        self._folder = folder
        self._file = Growing(folder / f"{host.name}.jsonl", compressed=estate.spec.compressed)
        self._machine = common.machine[host.index]
        self._zero = estate.spec.dirt.zero_guids
        self._empty, self._machines = estate.spec.dirt.empty_addresses, estate.spec.dirt.empty_machines
        self._guid = f"{mix(base + 77) >> 32:08X}"
        self._booted = booted(base, self._start)
        self._handlers: dict[int, Handler] = {
            k.TICKET: self._ticket,
            k.GRANTING: self._granting,
            k.NTLM: self._checked,
            k.ARRIVED: self._arrived,
            k.LEFT: self._left,
            k.SPECIAL: self._special,
            k.SHARED: self._shared,
            k.TOUCHED: self._touched,
            k.REFUSED: self._refused,
            k.CONNECTED: self._connected,
            k.STARTED: self._started,
            k.EXITED: self._exited,
            k.SYSMON_STARTED: self._sysmon_started,
            k.SYSMON_EXITED: self._sysmon_exited,
            k.DESK_EXPLICIT: self._desk_explicit,
            k.AT_DESK: self._at_desk,
            k.UNLOCKED: self._at_desk,
            k.DESK_LEFT: self._desk_left,
            k.DESK_LEFT_TOKEN: self._token_left,
            k.LOCKED: self._token_left,
            k.AS_SERVICE: self._as_service,
            k.PASSWORD_CHANGED: self._password,
            k.ACCOUNT_MADE: self._account_made,
            k.ACCOUNT_ENABLED: self._account_enabled,
            k.ACCOUNT_DISABLED: self._account_disabled,
        }

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
        self._way.put(line, fate, moment, number)
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
                self.visited(waiting.pop())
            handlers[kind[number]](today, moment, row[number], fate[number])
        while waiting:
            self.visited(waiting.pop())
        self._way.flush()

    def visited(self, record: Record) -> None:
        """Writes a visit's event."""
        happened = record.body
        if not isinstance(happened, Happened):
            raise RuntimeError("a host's logs hold Windows events")  # noqa: TRY004 # our own misuse
        fate = fate_of(record.number, self.common.estate)
        number = self._happened(record.time, happened, fate, record.number)
        if record.ref is not None:
            reference = {
                "log": "windows",
                "computer": self.host.fqdn,
                "channel": CHANNELS[EVENTS[happened.event].channel],
                "record": number,
            }
            self.common.sink.note(record.ref, fate != 1, reference)

    def _happened(self, moment: int, happened: Happened, fate: int, number: int) -> int:
        """Writes an event with all its fields; its record id."""
        event = EVENTS[happened.event]
        values = tuple(self._value(happened.data.get(name, "-"), number) for name in event.fields)
        return self._put(moment, event.channel, self.ready.whole(happened.event), values, fate, number)

    def _value(self, value: object, number: int) -> bytes:
        if isinstance(value, Session):
            if not value.logon:
                value.logon = self._next_logon(number)
            return b"0x%x" % value.logon
        return value if isinstance(value, bytes) else escaped(str(value))

    # everyday records

    def _arrived(self, today: Today, moment: int, row: int, fate: int) -> None:
        seed, source = today.seed[row], today.source[row]
        common, who = self.common, self.common.account(today, row)
        logon = b"0x%x" % self._next_logon(seed)
        self._open[row] = logon
        roll = mix(seed ^ 0x72) / 2**64
        machine = who.name.endswith(b"$") and k.by_kerberos(seed)
        empty = roll < (self._machines if machine else self._empty)
        address = b"-" if empty else common.address(today, source, self.host.index)
        port = b"-" if empty else b"%d" % port_of(seed)
        if k.by_kerberos(seed):
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
        if today.kind[row] == k.SERVICE:
            values = (b"S-1-5-18", b"SYSTEM", b"NT AUTHORITY", b"0x3e7")
        else:
            who = self.common.account(today, row)
            values = (who.sid, who.name, who.netbios, self._open.get(row, b"0x3e7"))
        self._put(moment, 0, self.ready.special, values, fate, today.seed[row] ^ 2)

    def _share(self, today: Today, row: int) -> tuple[tuple[bytes, ...], bytes, bytes]:
        who, seed = self.common.account(today, row), today.seed[row]
        address = self.common.address(today, today.source[row], self.host.index)
        kind = today.kind[row]
        name = "SYSVOL" if kind == k.REFRESH else "Backup" if kind == k.COPY else SHARES[seed % len(SHARES)]
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
        form = self.ready.unlock if today.kind[row] == k.UNLOCK else self.ready.desk
        who, machine = self.common.account(today, row), self._machine
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
        who = self.common.account(today, row)
        values = (who.sid, who.name, who.netbios, self._open.get(row, b"0x0"))
        self._put(moment, 0, self.ready.leaving, values, fate, today.seed[row] ^ 11)

    def _token_left(self, today: Today, moment: int, row: int, fate: int) -> None:
        who = self.common.account(today, row)
        values = (who.sid, who.name, who.netbios, self._open.get(row, b"0x0"))
        form = self.ready.left[7 if today.kind[row] == k.UNLOCK else 2]
        self._put(moment, 0, form, values, fate, today.seed[row] ^ 12)

    def _as_service(self, today: Today, moment: int, row: int, fate: int) -> None:
        machine = self._machine
        self._put(moment, 0, self.ready.service, (machine.name, machine.netbios), fate, today.seed[row] ^ 13)

    def _started(self, today: Today, moment: int, row: int, fate: int) -> None:
        seed, who = today.seed[row], self.common.user[self.host.index]
        image, command = program(seed)[:2]
        values = (
            who.sid, who.name, who.netbios, b"0x%x" % (self._logon - (seed & 0x3F)), b"0x%x" % pid_of(seed), image,
            b"0x%x" % pid_of(self._shell(today)), command if self.host.commands else b"",
        )  # fmt: skip
        self._put(moment, 0, self.ready.started, values, fate, seed ^ 14)

    def _exited(self, today: Today, moment: int, row: int, fate: int) -> None:
        seed, who = today.seed[row], self.common.user[self.host.index]
        image = program(seed)[0]
        logon = b"0x%x" % (self._logon - (seed & 0x3F))
        values = (who.sid, who.name, who.netbios, logon, b"0x%x" % pid_of(seed), image)
        self._put(moment, 0, self.ready.exited, values, fate, seed ^ 15)

    def _shell(self, today: Today) -> int:
        """The shell of whoever sits here today."""
        return shell_at_desk(self._base, today.day.number)

    def process_guid(self, seed: int, moment: int) -> bytes:
        """Sysmon's id of a process: machine, time, and a count."""
        seconds = moment // 1_000_000
        return b"%b-%04X-%04X-%04X-%04X00000000" % (
            self._guid.encode(), seconds & 0xFFFF, seconds >> 16 & 0xFFFF, seed >> 3 & 0xFFFF, seed >> 20 & 0xFFFF
        )  # fmt: skip

    def _sysmon_started(self, today: Today, moment: int, row: int, fate: int) -> None:
        seed, who = today.seed[row], self.common.user[self.host.index]
        image, command, description, company, hashes = program(seed)
        logon, shell = b"0x%x" % (self._logon - (seed & 0x3F)), self._shell(today)
        values = (
            times.sysmon(moment), self.process_guid(seed, moment), b"%d" % pid_of(seed), image, description, company,
            command, b"C:\\\\Users\\\\%b\\\\" % who.name, who.netbios + b"\\\\" + who.name,
            self.process_guid(self._base, self._start), logon, hashes, self.process_guid(shell, today.day.start),
            b"%d" % pid_of(shell),
        )  # fmt: skip
        self._put(moment, 1, self.ready.sysmon_started, values, fate, seed ^ 16)

    def _sysmon_exited(self, today: Today, moment: int, row: int, fate: int) -> None:
        seed, who = today.seed[row], self.common.user[self.host.index]
        image = program(seed)[0]
        began = moment - today.length[row]
        values = (
            times.sysmon(moment), self.process_guid(seed, began), b"%d" % pid_of(seed), image,
            who.netbios + b"\\\\" + who.name,
        )  # fmt: skip
        self._put(moment, 1, self.ready.sysmon_exited, values, fate, seed ^ 17)

    def _connected(self, today: Today, moment: int, row: int, fate: int) -> None:
        seed, who, common = today.seed[row], self.common.user[self.host.index], self.common
        kind, target = today.kind[row], today.target[row]
        number, began, image, user = seed >> 5, self._start, BROWSER, who.netbios + b"\\\\" + who.name
        address, port = today.addresses[target], b"443"
        if kind == k.PAGE:
            address = site_of(seed)[1]
        elif kind == k.SHARE:
            number, began, image, user, port = KERNEL, self._booted, b"System", SYSTEM, b"445"
        values = (
            times.sysmon(moment), self.process_guid(number, began), b"%d" % pid_of(number), image, user,
            today.addresses[self.host.index], common.fqdn[self.host.index],
            b"%d" % port_of(seed), address, port,
        )  # fmt: skip
        self._put(moment, 1, self.ready.connected, values, fate, seed ^ 18)

    # accounts of staff, which are rare

    def _password(self, today: Today, moment: int, row: int, fate: int) -> None:
        who, seed = self.common.account(today, row), today.seed[row]
        subject = _subject(who, seed)
        self._happened(moment, Happened("4723", {**_target(who), **subject}), fate, seed ^ 19)

    def _by_administrator(self, today: Today, row: int) -> dict[str, object]:
        """The subject of what one of the customer's administrators does."""
        people, seed = self.common.administrators, today.seed[row]
        return _subject(people[seed % len(people)], seed)

    def _account_made(self, today: Today, moment: int, row: int, fate: int) -> None:
        who = self.common.account(today, row)
        made = {"SamAccountName": who.name, "DisplayName": who.name}
        data = {**_target(who), **made, **self._by_administrator(today, row)}
        self._happened(moment, Happened("4720", data), fate, today.seed[row] ^ 20)

    def _account_enabled(self, today: Today, moment: int, row: int, fate: int) -> None:
        data = {**_target(self.common.account(today, row)), **self._by_administrator(today, row)}
        self._happened(moment, Happened("4722", data), fate, today.seed[row] ^ 21)

    def _account_disabled(self, today: Today, moment: int, row: int, fate: int) -> None:
        data = {**_target(self.common.account(today, row)), **self._by_administrator(today, row)}
        self._happened(moment, Happened("4725", data), fate, today.seed[row] ^ 22)


def _target(who: Who) -> dict[str, object]:
    return {"TargetUserName": who.name, "TargetDomainName": who.netbios, "TargetSid": who.sid}


def _subject(who: Who, seed: int) -> dict[str, object]:
    return {
        "SubjectUserSid": who.sid, "SubjectUserName": who.name, "SubjectDomainName": who.netbios,
        "SubjectLogonId": hex(0x30000 + seed % 0x900000),
    }  # fmt: skip
