"""Windows DNS server's debug log: who asked for which name.

For an auditor it shows what a machine looked for before it connected, and tunnels in names. Only packets that were chosen for logging
are there; the file is overwritten when it is full. Times are local and written as the server's language writes them: with AM
and PM month first, else day first, unless the year stands first.

References: https://learn.microsoft.com/en-us/previous-versions/windows/it-pro/windows-server-2012-r2-and-2012/dn800669(v=ws.11)
(DNS Logging and Diagnostics); the message logging key in the file's own head.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from countersign.model.batch import ParseContext
from countersign.sources._family import NO_FRAME, Family, Layout, Read, has, source_of
from countersign.sources._flat import Row
from countersign.sources._mapping import What, endpoint, enum, lowered
from countersign.sources._payload import decoded, first_lines
from countersign.sources._times import written

_DNS = 4003
_LINE = re.compile(
    r"(?P<time>\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4} \d{1,2}:\d\d:\d\d(?: ?[AaPp][Mm])?) (?P<thread>[0-9A-Fa-f]{3,8}) (?P<context>[A-Z]{3,10}) +(?P<rest>.*)$"
)
_PACKET = re.compile(
    r"(?P<internal>[0-9A-Fa-f]{8,16}) (?P<protocol>UDP|TCP) (?P<direction>Snd|Rcv) (?P<remote>[0-9A-Fa-f.:%]{2,64}) +(?P<xid>[0-9a-f]{4}) "
    r"(?P<response>[R ]) ?(?P<opcode>[QNU?]) \[(?P<flags>[0-9a-f]{4}) +(?P<flag_chars>[ATDR ]{0,8}?) *(?P<rcode>[A-Z]{2,16}|\d{1,4})\] +(?P<record_type>\S{1,16}) +(?P<name>\S{1,2048})"
)
_LABEL = re.compile(r"\(\d{1,3}\)")
_PROSE = re.compile(r"(?:DNS Server log|Log file wrap|Message logging key|\t|  |Field |-----|$)")
_OTHER = "a line of another form than the debug log's"
_BLANK = "\ufeff\0\r\n"


def _row(text: str) -> dict[str, Any] | None:
    line = _LINE.match(text)
    if line is None:
        return None
    row: dict[str, Any] = line.groupdict()
    rest = row.pop("rest")
    time = row["time"]
    if time[-1] not in "mM" and time[4] not in "-/.":
        row["day_first"] = row.pop("time")
    packet = _PACKET.match(rest)
    if packet is None:
        return {**row, "message": rest}
    row |= {name: value.strip() for name, value in packet.groupdict().items() if value.strip()}
    row["query"] = _LABEL.sub(".", row["name"]).strip(".") or "."
    row["response"] = "R" if row.get("response") else "Q"
    row["client"] = row["remote"] if (row["direction"] == "Rcv") == (row["response"] == "Q") else ""
    row["server"] = "" if row["client"] else row["remote"]
    return row


def _read(records: Sequence[bytes], context: ParseContext) -> Iterator[Read]:
    del context
    for index, raw in enumerate(records):
        text = decoded(raw).strip(_BLANK)
        row = _row(text)
        yield index, raw, row if row is not None else None if _PROSE.match(text) else _OTHER, NO_FRAME


def _rows(head: bytes) -> Sequence[Row]:
    if b" PACKET " not in head and b"DNS Server log" not in head:
        return ()
    rows = [row for text in first_lines(head) if (row := _row(text)) is not None]
    return rows or (
        [{"context": "", "thread": ""}] if head.lstrip(b"\xef\xbb\xbf").startswith(b"DNS Server log") else ()
    )


_CODES = {"NOERROR": 1, "0": 1}
_PACKETS = What(
    _DNS,
    columns={
        "query.hostname": "query",
        "status_code": "rcode",
        "status_id": enum("rcode", _CODES, 2),
        "connection_info.protocol_name": lowered("protocol"),
        "metadata.correlation_uid": "xid",
    },
    steps=(endpoint("src_endpoint", "client"), endpoint("dst_endpoint", "server")),
)
_KINDS = {
    ("PACKET", "Q"): What(_DNS, 1, None, _PACKETS.columns, _PACKETS.steps),
    ("PACKET", "R"): What(_DNS, 2, None, _PACKETS.columns, _PACKETS.steps),
}

FAMILY = Family(
    name="windows_dns",
    title="Windows DNS server debug log",
    page="windows-network",
    product="DNS Server",
    vendor="Microsoft",
    match=has("thread", "context"),
    time=(written("time", order="mdy"), written("day_first", order="dmy")),
    log="=dns_debug",
    by=("context", "response"),
    kinds=_KINDS,
    what=What(columns={"message": "message"}),
)
SOURCE = source_of(FAMILY, Layout("lines", _read, _rows))
