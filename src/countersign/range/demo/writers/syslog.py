"""Syslog of a Linux server as rsyslog writes it to /var/log/auth.log: RFC 3164 times, local zone, no year."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from countersign.range.demo.clock import Schedule, to_datetime
from countersign.range.demo.files import Files, Place


class SyslogFile:
    """auth.log of one Linux host."""

    def __init__(self, files: Files, schedule: Schedule, zone: ZoneInfo, host: str) -> None:
        self._files = files
        self._schedule = schedule
        self._zone = zone
        self._host = host

    def write(self, program: str, pid: int | None, message: str) -> Place:
        """One line; the day of the month is padded with a space, as RFC 3164 (4.1.2) has it."""
        moment = to_datetime(self._schedule.now).astimezone(self._zone)
        tag = program if pid is None else f"{program}[{pid}]"
        stamp = f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S}"
        return self._files.write(f"linux/{self._host}/auth.log", f"{stamp} {self._host} {tag}: {message}")
