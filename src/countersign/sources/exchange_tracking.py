"""Exchange message tracking: every mail that an Exchange server took, handed on, delivered or refused.

For an auditor: that a mail went, from whom to whom, with which subject and size, through which address. Neither its content nor
the names or digests of what was attached: those are in Defender's hunting tables or in a filter's own log. Read are the server's
own logs (`MSGTRK*.LOG`, UTC) and what `Get-MessageTrackingLog | Export-Csv` makes of them (local time).

References: https://learn.microsoft.com/exchange/mail-flow/transport-logs/message-tracking,
https://learn.microsoft.com/powershell/module/exchange/get-messagetrackinglog.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from countersign.sources._clock import Clock
from countersign.sources._convert import said
from countersign.sources._family import Family, has, source_of
from countersign.sources._mapping import What, lowered, via
from countersign.sources._snapshot import shown_order
from countersign.sources._table import csv_layout, fields_source
from countersign.sources._times import Stamp, Time, iso, on_paper

_BY_CLIENT = {"device.hostname": ("client-hostname", "ClientHostname")}
_SENT = What(4009, 1, 1, columns=_BY_CLIENT)  # here the other server is the server
_TAKEN, _OTHER = What(4009, 2, 1), What(4009, 99)
_REFUSED = What(4009, 99, 2)


def _addresses(value: Any) -> str | None:  # noqa: ANN401  # foreign
    """Recipients stand between semicolons in the log, and between blanks or semicolons in PowerShell's."""
    word = said(value)
    return None if word is None else ", ".join(word.lower().replace(";", " ").split()) or None


def _local(values: Sequence[Any], clock: Clock) -> Stamp:
    """A date of a locale, where the date itself shows its order; `05/11/2026 08:00` stays unread."""
    order = shown_order(values)
    words = values[0] if isinstance(values[0], str) else ""
    return on_paper(words, order, clock) if order is not None else (None, words or None, "undated")


FAMILY = Family(
    name="exchange.tracking",
    title="Exchange message tracking",
    page="mail",
    product="Exchange Server",
    vendor="Microsoft",
    match=has("date-time", "event-id", "recipient-address", "sender-address"),
    time=(iso("date-time", zone="UTC"),),
    log="=MessageTracking",
    by=("event-id",),
    kinds={
        "SEND": _SENT,
        "SENDEXTERNAL": _SENT,
        "SUBMIT": _SENT,
        "RECEIVE": _TAKEN,
        "DELIVER": _TAKEN,
        "FAIL": _REFUSED,
        "BADMAIL": _REFUSED,
        "POISONMESSAGE": _REFUSED,
        "AGENTINFO": _OTHER,
    },
    otherwise=_OTHER,
    what=What(
        columns={
            "metadata.event_code": "event-id",
            "metadata.correlation_uid": "network-message-id",
            "device.hostname": "server-hostname",
            "src_endpoint.ip": ("original-client-ip", "client-ip"),
            "src_endpoint.hostname": "client-hostname",
            "dst_endpoint.ip": "server-ip",
            "dst_endpoint.hostname": "server-hostname",
            "email.from": lowered("sender-address"),
            "email.to": via(_addresses, "recipient-address"),
            "email.subject": "message-subject",
            "email.message_uid": "message-id",
            "email.size": "total-bytes",
            "status_detail": "recipient-status",
            "policy.name": "connector-id",
        },
    ),
)
EXPORTED = replace(
    FAMILY,
    name="exchange.tracking_csv",
    title="Exchange message tracking, exported",
    match=has("Timestamp", "EventId", "MessageSubject", "Sender", "Recipients"),
    time=(iso("Timestamp"), Time(("Timestamp",), _local)),
    by=("EventId",),
    what=What(
        columns={
            "metadata.event_code": "EventId",
            "metadata.correlation_uid": "NetworkMessageId",
            "device.hostname": "ServerHostname",
            "src_endpoint.ip": ("OriginalClientIp", "ClientIp"),
            "src_endpoint.hostname": "ClientHostname",
            "dst_endpoint.ip": "ServerIp",
            "dst_endpoint.hostname": "ServerHostname",
            "email.from": lowered("Sender"),
            "email.to": via(_addresses, "Recipients"),
            "email.subject": "MessageSubject",
            "email.message_uid": "MessageId",
            "email.size": "TotalBytes",
            "status_detail": "RecipientStatus",
            "policy.name": "ConnectorId",
        },
    ),
)
SOURCES = (fields_source(FAMILY), source_of(EXPORTED, csv_layout()))
