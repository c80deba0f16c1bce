"""Which columns of an event hold an address, a domain, a URL, a hash, a file name, a mutex: the one table of it.

Columns of OCSF's names follow from the last part of their name (`ENDS`), so that a new `*.ip` is looked at without
anybody thinking of it. Fields of the sources' own stand in `FIELDS`, by the name their source gives them; those
that have no column of their own are looked for in `unmapped`. `SILENT` are columns that a rule would give and that
are left out, each with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from countersign.rules.indicators.terms import Kind, Side


class Shape(StrEnum):
    """How values stand in a column."""

    ONE = "one"  # the value and nothing else
    LIST = "list"  # several, with commas between (Zeek's sets and vectors)
    ANSWERS = "answers"  # Sysmon's QueryResults: `type:  5 www.example;::ffff:192.0.2.1;`
    HASHES = "hashes"  # Sysmon's Hashes: `SHA1=..,MD5=..,SHA256=..,IMPHASH=..`, or one bare hash
    PATH = "path"  # a path, of which the last part is the file's name
    COMMAND = "command"  # a path that arguments may follow, as services have it
    OBJECT = "object"  # a kernel object's name: `\\Sessions\\1\\BaseNamedObjects\\name`
    URL = "url"  # with a host, which is a domain or an address itself


KINDS: Mapping[Shape, frozenset[Kind]] = {
    Shape.ONE: frozenset({Kind.ADDRESS, Kind.DOMAIN}),
    Shape.LIST: frozenset({Kind.ADDRESS, Kind.DOMAIN}),
    Shape.ANSWERS: frozenset({Kind.ADDRESS, Kind.DOMAIN}),
    Shape.HASHES: frozenset({Kind.MD5, Kind.SHA1, Kind.SHA256, Kind.IMPHASH}),
    Shape.PATH: frozenset({Kind.FILE, Kind.PATH}),
    Shape.COMMAND: frozenset({Kind.FILE, Kind.PATH}),
    Shape.OBJECT: frozenset({Kind.MUTEX}),
    Shape.URL: frozenset({Kind.URL, Kind.ADDRESS, Kind.DOMAIN}),
}
"""What is looked for in a shape, unless a place says otherwise."""


@dataclass(frozen=True, slots=True)
class Place:
    """One column, or one key of `unmapped`. `column` is a dotted path; `key` is the key, empty for a column.
    `name` is what a person is shown."""

    name: str
    column: str
    key: str
    shape: Shape
    kinds: frozenset[Kind]
    side: Side = Side.ANY


_ADDRESS, _EMAIL, _PORT = frozenset({Kind.ADDRESS}), frozenset({Kind.EMAIL}), frozenset({Kind.PORT})

ENDS: Mapping[str, tuple[Shape, frozenset[Kind] | None]] = {
    "ip": (Shape.ONE, _ADDRESS),
    "hostname": (Shape.ONE, None),
    "port": (Shape.ONE, _PORT),
    "path": (Shape.PATH, None),
    "url": (Shape.URL, None),
    "uid": (Shape.ONE, _EMAIL),  # a UPN is written as an e-mail address and mostly is one
    "name": (Shape.ONE, _EMAIL),
}
"""Last part of an OCSF column's name -> its shape, and its kinds where they are not those of the shape."""

COLUMN_SHAPES: Mapping[str, Shape] = {"service.path": Shape.COMMAND, "job.path": Shape.COMMAND}
"""Columns whose values are not shaped as their name's end says."""

SILENT: Mapping[str, str] = {
    "device.ip": "the recorder itself, in every event of it",
    "device.hostname": "the recorder itself, in every event of it",
    "metadata.uid": "a record's number",
    "metadata.log_name": "a channel",
    "actor.session.uid": "a session's number",
    "session.uid": "a session's number",
    "actor.process.uid": "a process's GUID",
    "process.uid": "a process's GUID",
    "process.parent_process.uid": "a process's GUID",
    "connection_info.uid": "a connection's number",
    "connection_info.protocol_name": "a protocol",
    "service.name": "a service's name, which is no account",
    "job.name": "a task's name",
}

FIELDS: tuple[tuple[Shape, frozenset[Kind] | None, Side, str], ...] = (
    # shape, kinds if not the shape's own, side, the fields
    (
        Shape.ONE,
        None,
        Side.SOURCE,
        (
            "SourceIp SourceAddress SourceHostname Source_Network_Address IpAddress ClientAddress Workstation "
            "WorkstationName id.orig_h src_ip tx_hosts pam_rhost client_name"
        ),
    ),
    (
        Shape.ONE,
        None,
        Side.DESTINATION,
        (
            "DestinationIp DestAddress DestinationHostname DestinationHost ServerName TargetServerName id.resp_h dst_ip "
            "rx_hosts server_name cs-host host"
        ),
    ),
    (Shape.ONE, None, Side.ANY, "QueryName QNAME RemoteAddress RemoteName Address Query query parent_domain"),
    (Shape.LIST, None, Side.ANY, "answers answer addl auth san.dns san.ip data_channel.resp_h"),
    (Shape.ANSWERS, None, Side.ANY, "QueryResults"),
    (Shape.HASHES, None, Side.ANY, "Hashes Hash md5 sha1 sha256 MD5 SHA1 SHA256 IMPHASH Imphash FileHash"),
    (Shape.HASHES, None, Side.ANY, "cert_hash resp_certificate_sha1 client_certificate_sha1"),
    (
        Shape.PATH,
        None,
        Side.ANY,
        (
            "Image ImageLoaded ImageName ParentImage GrandParentImage ParentOfParentImage SourceImage TargetImage "
            "TargetFilename SourceFilename NewProcessName ParentProcessName ProcessName CallerProcessName ProcessPath "
            "Application ApplicationPath ModifyingApplication OriginalFileName FileName Filename FileNameBuffer "
            "ObjectName Path RelativeTargetName Device ShareLocalPath KeyFilePath exe processPath name path filename "
            "extracted saved_filename"
        ),
    ),
    (Shape.COMMAND, None, Side.ANY, "ImagePath ServiceFileName"),
    (Shape.OBJECT, None, Side.ANY, "ObjectName"),
    (Shape.URL, None, Side.ANY, "c-uri cs-uri cs-referer referrer uri http.url PackageSourceUri RemoteName"),
    (Shape.LIST, _EMAIL, Side.ANY, "mailfrom rcptto from to cc reply_to san.email"),
    (
        Shape.ONE,
        _EMAIL,
        Side.ANY,
        "UserPrincipalName TargetUserName SubjectUserName UserName User cs-username",
    ),
)


@cache
def places() -> tuple[Place, ...]:
    """Every place that is looked at, columns of OCSF's names first."""
    from countersign.model.schema import OCSF_COLUMNS, source_columns

    found: dict[tuple[str, str, Shape, frozenset[Kind]], Place] = {}
    for column in OCSF_COLUMNS:
        end = column.rpartition(".")[2]
        if end in ENDS and column not in SILENT:
            shape, kinds = ENDS[end]
            shape = COLUMN_SHAPES.get(column, shape)
            place = Place(column, column, "", shape, kinds or KINDS[shape], _side(column))
            found[place.column, "", shape, place.kinds] = place
    own = source_columns()
    for shape, kinds, side, names in FIELDS:
        for name in names.split():
            column = own.get(name.casefold(), "unmapped")
            key = "" if column != "unmapped" else name.casefold()
            place = Place(name, column, key, shape, kinds or KINDS[shape], side)
            found.setdefault((column, key, shape, place.kinds), place)
    return tuple(found.values())


def _side(column: str) -> Side:
    if column.startswith("src_endpoint."):
        return Side.SOURCE
    return Side.DESTINATION if column.startswith("dst_endpoint.") else Side.ANY
