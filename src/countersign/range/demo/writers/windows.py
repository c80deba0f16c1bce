"""Windows event records as nested JSON lines, the shape that `evtx_dump -o jsonl` writes.

One file a host holds all its channels. Record ids rise by one for each (computer, channel), times never stand
still on a host. References: [MS-EVEN6], and Microsoft's pages on security auditing events 4624 to 5145.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from countersign.range.demo.clock import Schedule, iso
from countersign.range.demo.files import Files, Place
from countersign.range.writers.windows import EVENTS

NAMESPACE = {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"}
SESSION_MANAGER = "Microsoft-Windows-TerminalServices-LocalSessionManager"
CONNECTION_MANAGER = "Microsoft-Windows-TerminalServices-RemoteConnectionManager"

GUIDS = {
    "Microsoft-Windows-Security-Auditing": "54849625-5478-4994-A5BA-3E3B0328C30D",
    "Microsoft-Windows-Sysmon": "5770385F-C22A-43E0-BF4C-06F5698FFBD9",
    "Microsoft-Windows-Eventlog": "{fc65ddd8-d6ef-4962-83d5-6e5cfe9ce148}",
    SESSION_MANAGER: "5D896912-022D-40AA-A3A8-4FA5515C76D7",
    CONNECTION_MANAGER: "C76BAA63-AE81-421C-B425-340B4B24157F",
}

AUDIT_SUCCESS = "0x8020000000000000"
AUDIT_FAILURE = "0x8010000000000000"


class WindowsLog:
    """The event logs of one computer."""

    def __init__(self, files: Files, schedule: Schedule, name: str, computer: str, first_record: int) -> None:
        self._files = files
        self._schedule = schedule
        self._file = f"windows/{name}.jsonl"
        self._computer = computer
        self._first = first_record
        self._records: dict[str, int] = {}
        self._last = 0

    def security(self, event: int, data: Mapping[str, object]) -> Place:
        """One audit event; failures (4625) carry the failure keyword."""
        known = EVENTS[str(event)]
        keywords = AUDIT_FAILURE if event == 4625 else AUDIT_SUCCESS
        head = (event, known.version, 0, known.task, keywords)
        return self._write("Microsoft-Windows-Security-Auditing", "Security", head, {"EventData": dict(data)})

    def sysmon(self, event: int, data: Mapping[str, object]) -> Place:
        """One Sysmon event."""
        head = (event, EVENTS[f"s{event}"].version, 4, event, "0x8000000000000000")
        body = {"EventData": {"RuleName": "-", "UtcTime": self.utc_time(), **data}}
        return self._write(
            "Microsoft-Windows-Sysmon", "Microsoft-Windows-Sysmon/Operational", head, body, "S-1-5-18"
        )

    def session_manager(self, event: int, data: Mapping[str, object]) -> Place:
        """21 logon, 22 shell, 23 logoff, 24 disconnect, 25 reconnect of a terminal session."""
        return self._terminal(SESSION_MANAGER, event, data, "S-1-5-18")

    def connection_manager(self, data: Mapping[str, object]) -> Place:
        """1149: network-level authentication got so far; no logon yet."""
        return self._terminal(CONNECTION_MANAGER, 1149, data, "S-1-5-20")

    def cleared(self, data: Mapping[str, object]) -> Place:
        """1102: the Security log was cleared."""
        body = {
            "UserData": {
                "LogFileCleared": {
                    "#attributes": {"xmlns": "http://manifests.microsoft.com/win/2004/08/windows/eventlog"},
                    **data,
                }
            }
        }
        head = (1102, 0, 4, 104, "0x4020000000000000")
        return self._write("Microsoft-Windows-Eventlog", "Security", head, body)

    def utc_time(self) -> str:
        """Now as Sysmon writes it, to the millisecond."""
        return iso(self._schedule.now)[:-4].replace("T", " ")

    def _terminal(self, provider: str, event: int, data: Mapping[str, object], user: str) -> Place:
        body = {"UserData": {"EventXML": {"#attributes": {"xmlns": "Event_NS"}, **data}}}
        head = (event, 0, 4, 0, "0x1000000000000000")
        return self._write(provider, f"{provider}/Operational", head, body, user)

    def _write(
        self,
        provider: str,
        channel: str,
        head: tuple[int, int, int, int, str],
        body: Mapping[str, object],
        user: str | None = None,
    ) -> Place:
        event, version, level, task, keywords = head
        record = self._records.get(channel, self._first) + 1
        self._records[channel] = record
        self._last = max(self._schedule.now, self._last + 97)
        system = {
            "Provider": {"#attributes": {"Name": provider, "Guid": GUIDS[provider]}},
            "EventID": event,
            "Version": version,
            "Level": level,
            "Task": task,
            "Opcode": 0,
            "Keywords": keywords,
            "TimeCreated": {"#attributes": {"SystemTime": iso(self._last)}},
            "EventRecordID": record,
            "Correlation": None,
            "Execution": {"#attributes": {"ProcessID": 700, "ThreadID": 704 + 4 * (record % 64)}},
            "Channel": channel,
            "Computer": self._computer,
            "Security": None if user is None else {"#attributes": {"UserID": user}},
        }
        event_object = {"Event": {"#attributes": NAMESPACE, "System": system, **body}}
        return self._files.write(self._file, orjson.dumps(event_object))
