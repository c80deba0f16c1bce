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
    "status_detail": pa.string(),  # the source's own words on why
    "severity_id": pa.int32(),  # 1 informational to 6 fatal, where the source rates
    "action_id": pa.int32(),  # of a control: 1 allowed, 2 denied
    "message": pa.string(),  # the source's own sentence, where it has one and no fields say it
    "metadata.product": pa.string(),
    "metadata.vendor_name": pa.string(),
    "metadata.product_version": pa.string(),
    "metadata.log_name": pa.string(),  # Windows channel, Zeek log path, syslog program
    "metadata.log_provider": pa.string(),
    "metadata.event_code": pa.string(),  # Windows event id, ASA message number
    "metadata.uid": pa.string(),  # the source's record id, Zeek's uid
    "metadata.correlation_uid": pa.string(),  # what the source gives records of one operation
    "metadata.tenant_uid": pa.string(),  # the tenant in which it happened: the resource's
    # who recorded it
    "device.hostname": pa.string(),
    "device.ip": pa.string(),
    "device.uid": pa.string(),  # serial number, device id
    # who did it
    "actor.user.name": pa.string(),
    "actor.user.domain": pa.string(),
    "actor.user.uid": pa.string(),  # SID, object id, ARN or uid
    "actor.user.uid_alt": pa.string(),  # a second name of the same account: AWS principal id
    "actor.user.email_addr": pa.string(),  # UPN or address, in lower case
    "actor.user.full_name": pa.string(),
    "actor.user.type": pa.string(),  # in the source's words: IAMUser, Guest, ServicePrincipal
    "actor.user.org.uid": pa.string(),  # the account's home tenant or account
    "actor.user.credential_uid": pa.string(),  # access key id, certificate or key that was used
    "actor.app_name": pa.string(),  # the application that acted, for somebody or by itself
    "actor.app_uid": pa.string(),
    "actor.invoked_by": pa.string(),  # the service that acted on the account's behalf
    "actor.session.uid": pa.string(),  # the session it was done in: Windows logon id, cloud session
    "actor.session.issuer": pa.string(),  # who issued that session: a role, an identity provider
    "actor.session.is_mfa": pa.bool_(),  # whether that session was opened with MFA; null: cannot tell
    "actor.process.pid": pa.int64(),
    "actor.process.uid": pa.string(),  # Sysmon process GUID
    "actor.process.path": pa.string(),
    # to whom: the account that logged on, was changed, was used
    "user.name": pa.string(),
    "user.domain": pa.string(),
    "user.uid": pa.string(),
    "user.uid_alt": pa.string(),
    "user.email_addr": pa.string(),
    "user.full_name": pa.string(),
    "user.type": pa.string(),
    "user.org.uid": pa.string(),
    "user.credential_uid": pa.string(),
    # the session that began, ended or was used
    "session.uid": pa.string(),  # logon id, terminal session id, VPN session id, sshd pid
    "session.uid_alt": pa.string(),  # the linked logon id of a split token
    "session.uuid": pa.string(),  # logon GUID
    "session.terminal": pa.string(),
    "session.issuer": pa.string(),
    "session.credential_uid": pa.string(),  # what the session was given to act with: a temporary access key
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
    "src_endpoint.uid": pa.string(),  # device id, instance id
    "src_endpoint.name": pa.string(),  # what the device is called, where that is no host name
    "src_endpoint.mac": pa.string(),
    "src_endpoint.zone": pa.string(),  # network zone or interface role
    "src_endpoint.os.name": pa.string(),
    "src_endpoint.agent.name": pa.string(),  # client software
    "src_endpoint.agent.version": pa.string(),
    "src_endpoint.is_compliant": pa.bool_(),
    "src_endpoint.is_managed": pa.bool_(),
    "src_endpoint.location.country": pa.string(),  # ISO 3166 alpha-2 or the source's word
    "src_endpoint.location.city": pa.string(),
    "src_endpoint.autonomous_system.number": pa.int64(),
    "src_endpoint.autonomous_system.name": pa.string(),
    "src_endpoint.proxy_endpoint.ip": pa.string(),  # the address that a NAT or proxy put in its place
    "src_endpoint.proxy_endpoint.port": pa.int32(),
    "dst_endpoint.hostname": pa.string(),
    "dst_endpoint.ip": pa.string(),
    "dst_endpoint.port": pa.int32(),
    "dst_endpoint.uid": pa.string(),
    "dst_endpoint.name": pa.string(),
    "dst_endpoint.mac": pa.string(),
    "dst_endpoint.zone": pa.string(),
    "dst_endpoint.svc_name": pa.string(),
    "dst_endpoint.location.country": pa.string(),
    "dst_endpoint.proxy_endpoint.ip": pa.string(),
    "dst_endpoint.proxy_endpoint.port": pa.int32(),
    "tunnel_interface.ip": pa.string(),  # the address a VPN gave
    "tunnel_interface.name": pa.string(),
    "tunnel_type": pa.string(),
    # how
    "auth_protocol": pa.string(),  # Kerberos, NTLM, publickey, password
    "logon_type_id": pa.int32(),  # Windows logon type
    "auth_factors": pa.string(),  # in the source's words, several separated by a comma and a blank
    "is_mfa": pa.bool_(),  # null: the source does not say
    "certificate.subject": pa.string(),
    "certificate.issuer": pa.string(),
    "certificate.serial_number": pa.string(),
    "certificate.fingerprint": pa.string(),
    "policy.name": pa.string(),  # the rule or policy that decided
    "policy.uid": pa.string(),
    "http_request.user_agent": pa.string(),
    "http_request.http_method": pa.string(),
    "http_request.referrer": pa.string(),
    "http_response.code": pa.int32(),
    "connection_info.uid": pa.string(),  # Zeek uid
    "connection_info.protocol_name": pa.string(),
    "connection_info.direction_id": pa.int32(),  # seen from the recorder: 1 inbound, 2 outbound
    "traffic.bytes_in": pa.int64(),  # towards the initiator's peer is out, back is in
    "traffic.bytes_out": pa.int64(),
    "traffic.packets_in": pa.int64(),
    "traffic.packets_out": pa.int64(),
    "duration": pa.int64(),  # milliseconds
    # what it touched
    "api.operation": pa.string(),
    "api.service.name": pa.string(),
    "api.request.uid": pa.string(),
    "cloud.provider": pa.string(),  # AWS, Azure, GCP
    "cloud.account.uid": pa.string(),  # account, subscription or project in which it happened
    "cloud.account.name": pa.string(),
    "cloud.org.uid": pa.string(),
    "cloud.region": pa.string(),
    "resources.uid": pa.string(),  # the first and main one; all of them are among the source's fields
    "resources.name": pa.string(),
    "resources.type": pa.string(),
    "group.name": pa.string(),
    "group.uid": pa.string(),
    "privileges": pa.string(),  # roles or rights given or taken, separated by a comma and a blank
    "ticket.uid": pa.string(),  # access request, change or incident number
    "finding_info.title": pa.string(),
    "finding_info.uid": pa.string(),
    "service.name": pa.string(),
    "service.path": pa.string(),
    "job.name": pa.string(),
    "job.path": pa.string(),
    "share": pa.string(),
    "file.path": pa.string(),
    "file.name": pa.string(),
    "file.size": pa.int64(),
    "file.hashes": pa.string(),  # in hexadecimal, separated by a comma and a blank
    "email.from": pa.string(),
    "email.to": pa.string(),
    "email.subject": pa.string(),
    "email.message_uid": pa.string(),
    "email.size": pa.int64(),
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

TIME_BASES = ("stated", "offset", "year", "zone", "file", "undated")
"""`stated`: the source says it whole. `offset`: a local time moved by the record's own UTC stamp. `year`: the
year was inferred (RFC 3164). `file`: a snapshot has its file's time. `zone`: no zone was stated, the workspace's was assumed. `undated`: no time."""


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
