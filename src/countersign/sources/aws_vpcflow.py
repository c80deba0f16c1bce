"""AWS VPC flow logs: which address spoke with which, how much, and whether it was let through.

For an auditor they show that a machine was reached and how much was moved, not what was said, and only in sums of one or ten minutes, each
direction by itself. `srcaddr` is whoever sent the packets of that direction: an answer has the server as source.

Read are the files that a flow log writes to S3 (also gzip) in the default and in own formats, whose first line names the fields; lines of the
default format without it, as CloudWatch Logs gives them, also with a time in front; and rows as JSON. Parquet is not read.

References: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html,
https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from countersign.model.batch import ParseContext
from countersign.sources._convert import integer, ip, said
from countersign.sources._family import NO_FRAME, Family, Layout, Read, source_of
from countersign.sources._flat import Row
from countersign.sources._json import json_source
from countersign.sources._mapping import Step, What, endpoint, enum, via
from countersign.sources._payload import decoded
from countersign.sources._times import epoch, iso

_NETWORK, _TRAFFIC = 4001, 6
_DEFAULT = (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
    "start", "end", "action", "log-status",
)  # fmt: skip
_KNOWN = frozenset(
    {
        "srcaddr",
        "dstaddr",
        "interface-id",
        "pkt-srcaddr",
        "pkt-dstaddr",
        "log-status",
        "action",
        "flow-direction",
    }
)
_BLANK = "\ufeff\0 \t\r"
_PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "47": "gre", "50": "esp", "58": "icmp6", "132": "sctp"}
_LOOKED_AT = 20
_OTHER = "a line that is no flow record of the format that the file names"


def _header(text: str) -> tuple[str, ...] | None:
    """The field names of a first line: at least three of them are AWS's."""
    if not text[:1].isalpha() or "=" in text:
        return None
    names = tuple(text.replace("_", "-").split())
    return names if len(_KNOWN.intersection(names)) > 2 else None


def _cells(text: str, count: int) -> list[str]:
    """The fields of a line; CloudWatch puts the time of its arrival in front."""
    cells = text.split(" ")
    return cells[1:] if len(cells) == count + 1 and cells[0].endswith("Z") else cells


def _read(records: Sequence[bytes], context: ParseContext) -> Iterator[Read]:
    del context
    names: tuple[str, ...] = _DEFAULT
    for index, raw in enumerate(records):
        text = decoded(raw).strip(_BLANK)
        if not text:
            continue
        found = _header(text)
        if found is not None:
            names = found
            continue
        cells = _cells(text, len(names))
        if len(cells) != len(names) or (names is _DEFAULT and not _is_default(cells)):
            yield index, raw, _OTHER, NO_FRAME
            continue
        yield index, " ".join(cells).encode("utf-8", "replace"), _row(names, cells), NO_FRAME


def _row(names: Sequence[str], cells: Sequence[str]) -> Row:
    return {name: cell for name, cell in zip(names, cells, strict=True) if cell != "-"}


def _is_default(cells: Sequence[str]) -> bool:
    return (
        cells[0] == "2"
        and cells[-1] in {"OK", "NODATA", "SKIPDATA"}
        and cells[12] in {"ACCEPT", "REJECT", "-"}
    )


@lru_cache(maxsize=4)
def _rows(head: bytes) -> Sequence[Row]:
    lines = head.split(b"\n", _LOOKED_AT)
    whole = lines[:-1] if len(lines) > 1 else lines
    first = decoded(whole[0]).strip(_BLANK)
    if _header(first) is None and not (first[:1].isdecimal() and " " in first):
        return ()
    found = [row if isinstance(row, dict) else {} for _, _, row, _ in _read(whole, _NO_CONTEXT)]
    return found or ({"srcaddr": "", "log-status": ""},)


_NO_CONTEXT: Any = None
"""Reading rows asks nothing of it."""


def _preamble(head: bytes) -> int:
    end = head.find(b"\n") + 1
    return end if end and _header(decoded(head[:end]).strip(_BLANK)) is not None else 0


def match(row: Row) -> bool:
    """A flow, or a window without any."""
    return "log-status" in row or "srcaddr" in row or "pkt-srcaddr" in row or "interface-id" in row


def _protocol(number: object) -> str | None:
    word = said(number)
    return None if word is None else _PROTOCOLS.get(word, word)


def _took(start: object, end: object) -> tuple[object]:
    first, last = integer(start), integer(end)
    return ((last - first) * 1000 if first is not None and last is not None and last >= first else None,)


def _between(packet: object, interface: object) -> tuple[object]:
    """The interface's address where the packet's is another: a NAT gateway, a load balancer."""
    return (ip(interface) if said(packet) and packet != interface else None,)


_WHAT = What(
    _NETWORK,
    _TRAFFIC,
    status=enum("action", {"ACCEPT": 1, "REJECT": 2}),
    columns={
        "action_id": enum("action", {"ACCEPT": 1, "REJECT": 2}),
        "status_code": ("reject-reason", "log-status"),
        "connection_info.protocol_name": via(_protocol, "protocol"),
        "connection_info.direction_id": enum("flow-direction", {"ingress": 1, "egress": 2}),
        "traffic.bytes_out": "bytes",
        "traffic.packets_out": "packets",
        "device.uid": "interface-id",
        "resources.uid": "instance-id",
        "cloud.account.uid": "account-id",
        "cloud.region": "region",
        "dst_endpoint.svc_name": "pkt-dst-aws-service",
    },
    steps=(
        endpoint("src_endpoint", "pkt-srcaddr"),
        endpoint("dst_endpoint", "pkt-dstaddr"),
        endpoint("src_endpoint", "srcaddr", "srcport"),
        endpoint("dst_endpoint", "dstaddr", "dstport"),
        Step(("pkt-srcaddr", "srcaddr"), ("src_endpoint.proxy_endpoint.ip",), _between),
        Step(("pkt-dstaddr", "dstaddr"), ("dst_endpoint.proxy_endpoint.ip",), _between),
        Step(("start", "end"), ("duration",), _took),
    ),
    constants={"cloud.provider": "AWS"},
)
FAMILY = Family(
    name="aws.vpcflow",
    title="AWS VPC flow logs",
    page="aws",
    product="VPC Flow Logs",
    vendor="AWS",
    match=match,
    time=(epoch("start", "s"), epoch("end", "s")),
    what=_WHAT,
    log="=VPCFlow",
)

_CAMEL = {
    "srcAddr": "srcaddr", "dstAddr": "dstaddr", "srcPort": "srcport", "dstPort": "dstport", "interfaceId": "interface-id",
    "instanceId": "instance-id", "accountId": "account-id", "account": "account-id", "logStatus": "log-status", "vpcId": "vpc-id",
    "subNetId": "subnet-id", "subnetId": "subnet-id", "flowDirection": "flow-direction", "packetSrcAddr": "pkt-srcaddr",
    "packetDstAddr": "pkt-dstaddr", "status": "log-status", "azId": "az-id", "tcpFlags": "tcp-flags", "numBytes": "bytes",
    "sourceAddress": "srcaddr", "destinationAddress": "dstaddr",
}  # fmt: skip
_JSON = replace(
    FAMILY,
    name="aws.vpcflow_json",
    title="AWS VPC flow logs (JSON)",
    match=lambda row: (
        ("srcAddr" in row and "dstAddr" in row)
        or ("srcaddr" in row and "dstaddr" in row and "interface_id" in row)
    ),
    time=(epoch("start", "digits"), iso("start", zone="UTC"), epoch("end", "digits"), iso("end", zone="UTC")),
    prepare=lambda row: {_CAMEL.get(name, name.replace("_", "-")): value for name, value in row.items()},
)
SOURCES = (source_of(FAMILY, Layout("lines", _read, _rows, _preamble)), json_source(_JSON))
