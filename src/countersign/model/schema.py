"""The one source of column types: what an event is, column by column.

Names are OCSF's (version `OCSF_VERSION`), written here as dotted leaves (`user.name`) and stored as struct
columns. Below them stand the source's own fields: a column `src_*` for each name in `source_fields.txt`,
everything else in the map `unmapped`. Times are microseconds in UTC; `time_text` keeps the source's words.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

import pyarrow as pa

SCHEMA_VERSION = 1
"""Version of these tables. A change that old files do not satisfy raises it and adds one migration step."""

OCSF_VERSION = "1.6.0"
"""The pinned version of https://schema.ocsf.io whose class ids and attribute names are used."""

TIMESTAMP = pa.timestamp("us", tz="UTC")
UNDATED = "undated"
"""The partition of events whose time is missing or absurd: no hostile log can make a million partitions."""

OCSF_COLUMNS: dict[str, pa.DataType] = {
    # what happened
    "class_uid": pa.int32(),  # OCSF class, for example 3002 Authentication
    "activity_id": pa.int32(),  # within the class; for 3002: 1 logon, 2 logoff
    "status_id": pa.int32(),  # 0 unknown, 1 success, 2 failure
    "status_code": pa.string(),
    "message": pa.string(),  # the source's own sentence, where it has one and no fields say it
    "metadata.product": pa.string(),
    "metadata.log_name": pa.string(),  # Windows channel, Zeek log path, syslog program
    "metadata.log_provider": pa.string(),
    "metadata.event_code": pa.string(),  # Windows event id, ASA message number
    "metadata.uid": pa.string(),  # the source's record id, Zeek's uid
    # who recorded it
    "device.hostname": pa.string(),
    "device.ip": pa.string(),
    # who did it
    "actor.user.name": pa.string(),
    "actor.user.domain": pa.string(),
    "actor.user.uid": pa.string(),  # SID, UPN or uid
    "actor.session.uid": pa.string(),  # the session it was done in: Windows logon id
    "actor.process.pid": pa.int64(),
    "actor.process.uid": pa.string(),  # Sysmon process GUID
    "actor.process.path": pa.string(),
    # to whom: the account that logged on, was changed, was used
    "user.name": pa.string(),
    "user.domain": pa.string(),
    "user.uid": pa.string(),
    # the session that began, ended or was used
    "session.uid": pa.string(),  # logon id, terminal session id, VPN session id, sshd pid
    "session.uid_alt": pa.string(),  # the linked logon id of a split token
    "session.uuid": pa.string(),  # logon GUID
    "session.terminal": pa.string(),
    # the process that began or acted
    "process.pid": pa.int64(),
    "process.uid": pa.string(),
    "process.path": pa.string(),
    "process.cmd_line": pa.string(),
    "process.parent_process.pid": pa.int64(),
    "process.parent_process.uid": pa.string(),
    "process.parent_process.path": pa.string(),
    "process.parent_process.cmd_line": pa.string(),
    # from where, to where
    "src_endpoint.hostname": pa.string(),
    "src_endpoint.ip": pa.string(),
    "src_endpoint.port": pa.int32(),
    "dst_endpoint.hostname": pa.string(),
    "dst_endpoint.ip": pa.string(),
    "dst_endpoint.port": pa.int32(),
    "tunnel_interface.ip": pa.string(),  # the address a VPN gave
    # how
    "auth_protocol": pa.string(),  # Kerberos, NTLM, publickey, password
    "logon_type_id": pa.int32(),  # Windows logon type
    "is_mfa": pa.bool_(),  # null: the source does not say
    "connection_info.uid": pa.string(),  # Zeek uid
    "connection_info.protocol_name": pa.string(),
    "connection_info.direction_id": pa.int32(),  # seen from the recorder: 1 inbound, 2 outbound
    "traffic.bytes_in": pa.int64(),  # towards the initiator's peer is out, back is in
    "traffic.bytes_out": pa.int64(),
    "duration": pa.int64(),  # milliseconds
    # what it touched
    "service.name": pa.string(),
    "service.path": pa.string(),
    "job.name": pa.string(),
    "job.path": pa.string(),
    "share": pa.string(),
    "file.path": pa.string(),
    "query.hostname": pa.string(),
    "url": pa.string(),
}

CORE_COLUMNS: dict[str, pa.DataType] = {
    "id": pa.string(),  # 32 hex digits, see model.identity
    "day": pa.string(),  # partition: 2026-11-21 in UTC, or `undated`
    "time": TIMESTAMP,  # null exactly where `day` is `undated`
    "time_text": pa.string(),  # as the source wrote it
    "time_basis": pa.string(),  # how it was understood, one of TIME_BASES
    "count": pa.int32(),  # identical keyless records in this segment
    "keyed": pa.bool_(),  # the id comes from the source's own key
    "source": pa.string(),  # the log family, for example windows.evtx
    "origin": pa.string(),  # the label given at collection, empty if none
    "segment": pa.string(),  # SHA-256 of the sealed bytes, 64 hex digits
    "record": pa.int32(),  # index of the record in that segment, from 0
}

_OCSF_HEADS = frozenset(name.partition(".")[0] for name in OCSF_COLUMNS)

TIME_BASES = ("stated", "offset", "year", "zone", "undated")
"""`stated`: the source says it whole. `offset`: a local time moved by the record's own UTC stamp. `year`: the
year was inferred (RFC 3164). `zone`: no zone was stated, the workspace's was assumed. `undated`: no time."""


@cache
def source_fields() -> tuple[str, ...]:
    """The source field names that have a column of their own, as the sources write them."""
    text = resources.files(__package__).joinpath("source_fields.txt").read_text("utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


def source_column(field: str) -> str:
    """Name of the column for a source field: `CommandLine` is `src_commandline`, `id.orig_h` `src_id_orig_h`.

    A name that OCSF has already (Zeek's `endpoint` would be `src_endpoint`, a struct) gets `_field` at its end.
    """
    name = "src_" + re.sub(r"[^a-z0-9]+", "_", field.casefold()).strip("_")
    return f"{name}_field" if name in _OCSF_HEADS else name


@cache
def source_columns() -> dict[str, str]:
    """Casefolded source field name -> column name, for the fields that have a column."""
    return {field.casefold(): source_column(field) for field in source_fields()}


def _nest(leaves: dict[str, pa.DataType]) -> list[pa.Field]:
    groups: dict[str, dict[str, pa.DataType] | pa.DataType] = {}
    for name, type_ in leaves.items():
        head, _, rest = name.partition(".")
        if rest:
            group = groups.setdefault(head, {})
            if not isinstance(group, dict):
                raise RuntimeError(f"{head} is both a column and a struct")
            group[rest] = type_
        else:
            groups[head] = type_
    return [
        pa.field(name, pa.struct(_nest(inner)) if isinstance(inner, dict) else inner)
        for name, inner in groups.items()
    ]


UNMAPPED = pa.map_(pa.string(), pa.string())


@cache
def events_schema() -> pa.Schema:
    """The events table: core columns, OCSF structs, source columns, `unmapped`."""
    columns = sorted(set(source_columns().values()))
    return pa.schema(
        [
            *(pa.field(name, type_) for name, type_ in CORE_COLUMNS.items()),
            *_nest(OCSF_COLUMNS),
            *(pa.field(name, pa.string()) for name in columns),
            pa.field("unmapped", UNMAPPED),
        ]
    )


REJECTED_SCHEMA = pa.schema(
    [
        pa.field("segment", pa.string()),
        pa.field("record", pa.int32()),
        pa.field("source", pa.string()),
        pa.field("reason", pa.string()),  # one sentence, no log content in it
    ]
)

SEGMENTS_SCHEMA = pa.schema(
    [
        pa.field("segment", pa.string()),  # SHA-256 of the raw bytes
        pa.field("source", pa.string()),
        pa.field("lineage", pa.string()),  # one growing file is one lineage, whatever its name
        pa.field("head", pa.string()),  # digest of the file's first record: where to look for a known prefix
        pa.field("pieces", pa.list_(pa.string())),  # EVTX: digests of the 64 KiB chunks in it
        pa.field("origin", pa.string()),
        pa.field("path", pa.string()),  # where the bytes came from, with `!member` inside archives
        pa.field("offset", pa.int64()),  # of the first byte in that file
        pa.field("size", pa.int64()),  # raw bytes
        pa.field("received", TIMESTAMP),  # the file's modification time, the reference for missing years
        pa.field("sealed", TIMESTAMP),
        pa.field("records", pa.int64()),
        pa.field("events", pa.int64()),
        pa.field("rejected", pa.int64()),
        pa.field("leaf_segment", pa.int64()),  # index of the `segment` leaf in the ledger
        pa.field("leaf_records", pa.int64()),  # index of the `records` leaf in the ledger
    ]
)

SIGHTINGS_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),  # a keyless event seen again in another segment
        pa.field("segment", pa.string()),
        pa.field("lineage", pa.string()),
        pa.field("count", pa.int32()),
    ]
)
