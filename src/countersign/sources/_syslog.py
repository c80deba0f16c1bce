"""Framing of lines: when, which host, which program, and what is left as its message.

Read are RFC 5424, RFC 3164 as it is really written (with or without priority, host, tag and year; one or two
digits of the day), rsyslog's and journalctl's ISO stamps, octet counts (RFC 6587), Cisco's `%FACILITY-LEVEL-NAME:`
with the stamps that its devices put before it, the lines of OpenVPN's own log file, OpenWrt's logread, macOS,
and FortiOS `date= time=`. A log line is hostile text: whatever stands behind the frame can only ever be message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from countersign.model.batch import ParseContext
from countersign.sources._address import address, port
from countersign.sources._clock import MONTHS, UTC_NAMES, Clock

NOTHING: Mapping[str, object] = MappingProxyType({})
"""No fields; shared, because most lines have none."""

_COUNT = re.compile(r"\d{1,7} (?=<\d)")
_PRIORITY = re.compile(r"<(\d{1,3})>")
_BSD = re.compile(
    r"(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2})(?: (?P<year>\d{4}))? "
    r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?"
    r"(?: (?P<late_year>\d{4})(?= ))?(?: (?P<zone>UTC|[A-Z]{2,4}T)(?=:))?"
)
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?[+-]\d\d:?\d\d|Z)?(?=[ :]|$)")
_WEEKDAYS = frozenset({"Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "})
_TAG = re.compile(
    r"([^\s\[\]:]{1,128})(?:\[(\d{1,10})\])?(?: \([^)]{1,200}\))?(?: <[A-Za-z]{1,20}>)?:(?: |$)"
)
_LEVEL = re.compile(
    r"<?(?:kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|local\d)\.[a-z]{3,7}>?$"
)
_SOLARIS = re.compile(r"\[ID \d{1,10} [a-z0-9]{1,10}\.[a-z]{3,7}\] ")
_CISCO = re.compile(r"%([A-Z][A-Z0-9_]{1,30})-(?:[A-Z0-9_]{1,30}-)?[0-7]-[A-Z0-9_]{2,40}:")
_CISCO_PREFIX = re.compile(
    r":? ?(?:\d{1,10}: )?(?:(?P<relay>[\w.:-]{1,128}?):? )?(?:\d{1,10}: )?"
    r"(?:[*.]?(?P<stamp>[A-Z][a-z]{2} {1,2}\d{1,2}(?: \d{4})? \d\d:\d\d:\d\d(?:\.\d{1,9})?"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z?)(?: (?P<zone>UTC|[A-Z]{2,4}T))?)?"
    r"(?: ?(?P<host>[\w.-]{1,128}) )? ?:? ?"
)
"""A sequence number, the relay's name for the device, the device's clock (`*`: not set by NTP), its own name."""
_FINE = re.compile(r"us=(\d{1,6}) ")
"""OpenVPN's microseconds, at --verb 4 and above."""
_FORTI = re.compile(r"date=(\d{4}-\d\d-\d\d) time=(\d\d:\d\d:\d\d)(?= )")
_FORTI_HOST = re.compile(r'devname="?([^\s"]{1,255})')
_FORTI_ZONE = re.compile(r' tz="?([+-]\d\d:?\d\d)')
_REACH = 128
"""How far into a line a frame can reach: a host name has at most 255 characters, in practice far fewer."""
_OPENVPN = (
    "OpenVPN ", "MULTI: ", "MULTI_sva: ", "TLS: ", "TLS Error: ", "TLS Auth Error: ", "VERIFY ", "AUTH: ",
    "TCP connection established with [AF_INET", "Peer Connection Initiated with [AF_INET",
    "Incoming Control Channel ", "Outgoing Control Channel ", "Incoming Data Channel", "Outgoing Data Channel",
    "Control Channel", "Data Channel", "Initialization Sequence Completed", "library versions: OpenSSL",
    "PUSH: ", "SENT CONTROL ", "Inactivity timeout", "Listening for incoming TCP connection on [AF_INET",
    "UDPv4 link ", "TCPv4_SERVER link ", "Connection reset, restarting", "SIGTERM[", "SIGUSR1[", "SIGINT[",
    "OpenSSL: ", "Authentication succeeded", "peer info: ", "client-instance ", "Delayed exit in ",
)  # fmt: skip


class Frame(NamedTuple):
    """A line taken apart. `certain` is false where only a time says that it is a log line at all."""

    time: int | None
    time_text: str
    basis: str
    host: str | None
    program: str | None
    pid: str | None
    message: str
    fields: Mapping[str, object] = NOTHING
    certain: bool = True


class _Stamp(NamedTuple):
    time: int | None
    text: str
    basis: str
    rest: str
    bare: bool = (
        False  # no zone, written with a space, or C's ctime: what programs write that log by themselves
    )


_NO_STAMP = _Stamp(None, "", "undated", "")


class Framer:
    """Takes the lines of one segment apart."""

    def __init__(self, context: ParseContext) -> None:
        self.clock = Clock(context)

    def frame(self, line: str) -> Frame | None:
        """The frame of `line` (no line end), None if it has none that we know."""
        if line[:3] in MONTHS:
            if line[15:16] == " " and _regular(line) and "%" not in line[16:_REACH]:
                time = self.clock.yearless(line[:12], int(line[13:15]))
                return Frame(time, line[:15], "year", *_tagged(line[16:]))
            stamp = self._bsd(line)
            return None if stamp is None else self._after(stamp, NOTHING)
        start = line[:1]
        if start.isdecimal():
            count = _COUNT.match(line)
            if count is not None:
                start, line = "<", line[count.end() :]
        if start == "<":
            return self._prioritised(line)
        return self._unprioritised(line, NOTHING)

    def _prioritised(self, line: str) -> Frame | None:
        match = _PRIORITY.match(line)
        if match is None:
            return None
        priority, line = int(match[1]), line[match.end() :]
        fields = {"facility": priority >> 3, "severity": priority & 7}
        if line.startswith("1 "):
            frame = self._rfc5424(line[2:], fields)
            if frame is not None:
                return frame
        rest = line[16:]
        if line[:3] in MONTHS and line[15:16] == " " and _regular(line) and "%" not in rest[:_REACH]:
            time = self.clock.yearless(line[:12], int(line[13:15]))
            return Frame(time, line[:15], "year", *_tagged(rest), fields)
        frame = self._unprioritised(line, fields)
        if frame is not None:
            return frame
        tag = _TAG.match(line)  # RFC 3164 section 4.3.3: without a time, all of it is message
        program, pid, end = (tag[1], tag[2], tag.end()) if tag else (None, None, 0)
        return Frame(None, "", "undated", None, program, pid, line[end:], fields)

    def _unprioritised(self, line: str, fields: Mapping[str, object]) -> Frame | None:
        stamp = self._stamp(line)
        if stamp is not None:
            return self._after(stamp, fields)
        if "%" in line[:_REACH] and (frame := self._cisco(line, _NO_STAMP, fields)):
            return frame
        if line.startswith("date="):
            return self._forti(line, fields)
        if is_openvpn(line):
            return Frame(None, "", "undated", None, "openvpn", None, line, fields)
        return None

    def _stamp(self, text: str) -> _Stamp | None:
        if text[4:5] == "-" and text[7:8] == "-":
            return self._iso(text)
        if text[:4] in _WEEKDAYS:
            return self._bsd(text[4:], text[:4])
        return self._bsd(text) if text[:3] in MONTHS else None

    def _bsd(self, text: str, weekday: str = "") -> _Stamp | None:
        if not weekday and text[15:16] == " " and _regular(text):
            time = self.clock.yearless(text[:12], int(text[13:15]))
            return _Stamp(time, text[:15], "year", text[16:])
        match = _BSD.match(text)
        if match is None:
            return None
        time, basis = self._bsd_time(match)
        late = bool(weekday and match["late_year"])
        return _Stamp(time, weekday + match[0], basis, text[match.end() :].removeprefix(" "), late)

    def _bsd_time(self, match: re.Match[str]) -> tuple[int | None, str]:
        year, second = match["year"] or match["late_year"], int(match["second"])
        fraction = int((match["fraction"] or "0").ljust(6, "0")[:6])
        if year is None:
            time = self.clock.yearless(
                f"{match['month']} {match['day']} {match['hour']}:{match['minute']}", second
            )
            return (None if time is None else time + fraction), "year"
        utc = match["zone"] in UTC_NAMES
        time = self.clock.local(
            int(year), MONTHS.get(match["month"], 0), int(match["day"]), int(match["hour"]),
            int(match["minute"]), second, utc=utc,
        )  # fmt: skip
        return (None if time is None else time + fraction), "stated" if utc else "zone"

    def _iso(self, text: str) -> _Stamp | None:
        match = _ISO.match(text)
        if match is None:
            return None
        stamp = match[0]
        time, basis = self.clock.iso(stamp.replace(" ", "", 1) if " " in stamp[11:] else stamp)
        return _Stamp(
            time, stamp, basis, text[match.end() :].lstrip(" "), basis != "stated" and stamp[10] == " "
        )

    def _after(self, stamp: _Stamp, fields: Mapping[str, object]) -> Frame:
        time, text, basis, rest, bare = stamp
        if "%" in rest[:_REACH] and (cisco := self._cisco(rest, stamp, fields)):
            return cisco
        if bare and (fine := _FINE.match(rest)):
            time, rest = None if time is None else time + int(fine[1]), rest[fine.end() :]
        if bare and is_openvpn(rest):
            return Frame(time, text, basis, None, "openvpn", None, rest, fields)
        host, program, pid, message = _tagged(rest)
        if bare and program is None:
            return Frame(time, text, basis, None, None, None, rest, fields, certain=False)
        return Frame(time, text, basis, host, program, pid, message, fields)

    def _rfc5424(self, text: str, fields: Mapping[str, object]) -> Frame | None:
        parts = text.split(" ", 5)
        if len(parts) > 2 and parts[2].startswith(("CEF:", "LEEF:")):
            return self._bare(text, fields)
        if len(parts) < 6:
            return None
        stamp, host, program, pid, _, rest = parts
        time, basis = (None, "undated") if stamp == "-" else self.clock.iso(stamp)
        if time is None and stamp != "-" and not _ISO.fullmatch(stamp):
            return None
        data, message = _structured(rest)
        message = message.removeprefix("\ufeff")
        if data:
            fields = {**data, **fields}
        if program == "-" and "%" in message[:_REACH]:
            cisco = self._cisco(message, _Stamp(time, stamp, basis, message), fields)
            if cisco is not None:
                return cisco._replace(host=cisco.host or _unset(host))
        return Frame(time, stamp, basis, _unset(host), _unset(program), _unset(pid), message, fields)

    def _bare(self, text: str, fields: Mapping[str, object]) -> Frame | None:
        """CyberArk's header of RFC 5424: time and host, and then the message."""
        stamp, host, message = text.split(" ", 2)
        time, basis = self.clock.iso(stamp)
        return None if time is None else Frame(time, stamp, basis, _unset(host), None, None, message, fields)

    def _cisco(self, text: str, outer: _Stamp, fields: Mapping[str, object]) -> Frame | None:
        """Cisco's own stamp stands between the relay's and the message; a zone or year stated wins."""
        tag = _CISCO.search(text, 0, 2 * _REACH)
        match = tag and _CISCO_PREFIX.fullmatch(text, 0, tag.start())
        if not tag or not match:
            return None
        inner = self._stamp(f"{match['stamp']} {match['zone'] or ''}:") if match["stamp"] else None
        stamp = outer if inner is None or outer.basis in {"stated", "zone"} else inner
        host = match["host"] or match["relay"]
        return Frame(stamp.time, stamp.text, stamp.basis, host, tag[1], None, text[tag.start() :], fields)

    def _forti(self, line: str, fields: Mapping[str, object]) -> Frame | None:
        match = _FORTI.match(line)
        if match is None:
            return None
        head = line[:1024]
        zone, host = _FORTI_ZONE.search(head), _FORTI_HOST.search(head)
        stamp = f"{match[1]}T{match[2]}{zone[1] if zone else ''}"
        time, basis = self.clock.iso(stamp)
        return Frame(time, stamp, basis, host[1] if host else None, "fortigate", None, line, fields)


def _regular(line: str) -> bool:
    """Whether a line longer than its time has it in the very form of RFC 3164."""
    return line[6] == " " and line[9] == ":" == line[12] and line[13:15].isdecimal()


def is_openvpn(text: str) -> bool:
    """Whether a line without host and tag is one of OpenVPN's: a peer in front, or words of its own."""
    if text.startswith(_OPENVPN):
        return True
    head, _, rest = text.partition(" ")
    return bool(rest) and peer(head) is not None


def peer(token: str) -> tuple[str, str, str] | None:
    """User (may be empty), address and port of OpenVPN's `user/1.2.3.4:5555`, `1.2.3.4:5555/user`; else None."""
    if len(token) > 400 or ":" not in token:
        return None
    left, slash, right = token.rpartition("/")
    for user, place in ((left, right), (right, left)) if slash else (("", token),):
        host, _, port_text = place.removeprefix("[AF_INET]").removeprefix("[AF_INET6]").rpartition(":")
        if host[:3] in {"udp", "tcp"}:
            host = host.partition(":")[2]
        found = address(host)
        if found is not None and port(port_text) is not None:
            return user, found, port_text
    return None


def _unset(text: str) -> str | None:
    return None if text == "-" else text


def _tagged(rest: str) -> tuple[str | None, str | None, str | None, str]:
    """Host, program, pid and message of what follows the time."""
    host, _, tail = rest.partition(" ")
    tag, colon, message = tail.partition(": ")
    if colon and " " not in tag and host[-1:] not in ":>" and not ("." in host and _LEVEL.match(host)):
        if message[:1] == "[":
            message = _untagged(message)
        if tag[-1:] == "]":
            program, _, pid = tag[:-1].partition("[")
            return host, program, pid, message
        return host, tag, None, message
    return _tagged_oddly(rest, host, tail)


def _untagged(message: str) -> str:
    """Solaris puts `[ID 800047 auth.info]` before the message."""
    match = _SOLARIS.match(message)
    return message if match is None else message[match.end() :]


def _is_level(word: str) -> bool:
    """`authpriv.info`, as OpenWrt and FreeBSD write facility and level."""
    return len(word) < _REACH and "." in word and _LEVEL.match(word) is not None


def _tagged_oddly(rest: str, host: str, tail: str) -> tuple[str | None, str | None, str | None, str]:
    if _is_level(host):  # OpenWrt `authpriv.info dropbear[1]: ...`, FreeBSD `<auth.info> host sshd[1]: ...`
        rest = tail
        if host[0] == "<":
            return _tagged(rest)
    elif host[-1:] not in ":>":
        level, _, after = tail.partition(" ")
        match = _TAG.match(after if _is_level(level) else tail)
        if match is None:
            forti = tail.startswith("date=")
            return host or None, "fortigate" if forti else None, None, tail
        return host, match[1], match[2], match.string[match.end() :]
    match = _TAG.match(rest)
    if match is None:
        return None, None, None, rest
    return None, match[1], match[2], rest[match.end() :]


def _structured(text: str) -> tuple[dict[str, object], str]:
    """RFC 5424's structured data as fields `id.name`, and the message behind it; `-` is none."""
    if text[:1] != "[":
        return {}, text[2:] if text[:2] == "- " else "" if text == "-" else text
    fields: dict[str, object] = {}
    position = 0
    while text[position : position + 1] == "[":
        end = _element(text, position + 1, fields)
        if end is None:
            return {}, text  # not structured data at all: a sender who left it out
        position = end
    return fields, text[position:].removeprefix(" ")


def _element(text: str, position: int, fields: dict[str, object]) -> int | None:
    """Reads one `id name="value" ...]` from `position` into `fields`; the place behind it, None if it is none."""
    match = _ELEMENT_ID.match(text, position)
    if match is None:
        return None
    name, position = match[0], match.end()
    while parameter := _PARAMETER.match(text, position):
        fields[f"{name}.{parameter[1]}"] = _ESCAPED.sub(r"\1", parameter[2])
        position = parameter.end()
    return position + 1 if text[position : position + 1] == "]" else None


_ELEMENT_ID = re.compile(r'[^\s=\]"]{1,64}')
_PARAMETER = re.compile(r' ([^\s=\]"]{1,64})="((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r'\\(["\\\]])')
