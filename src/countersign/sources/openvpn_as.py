"""OpenVPN Access Server's own log: logins with their reason and client, and what its OpenVPN processes say.

For an auditor `AUTH SUCCESS` and `AUTH FAILED` name the person, how they were asked and with which program; `MULTI: Learn` from the
process within gives the inner address until the client's end. That Access Server asked for a one-time code itself is not said in a
form that could be relied on: `is_mfa` stays null. A message of the process within is read as OpenVPN's own log is.

Read is `openvpnas.log` (and its rotated pieces), with or without syslog. Its stamps state their offset.

References: https://openvpn.net/as-docs/logging.html, https://openvpn.net/as-docs/log-files.html; samples in Google SecOps
parser documents; `openvpn` for what stands behind `OUT:`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from countersign.sources import openvpn
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._lines import LONGEST
from countersign.sources._mapping import What, account, enum, via
from countersign.sources._payload import Payload, line_source
from countersign.sources._times import iso

_AUTHENTICATION = 3002
_STAMPED = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?[+-]\d{4} \[")
_HEAD = re.compile(
    r"(?:(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?[+-]\d{4}) )?"
    r"\[(?P<channel>[\w.:/-]{1,64}(?:#(?P<level>[a-z]{1,16}))?|-)\] (?P<message>.*)$"
)
_WITHIN = re.compile(r"\[?OVPN (?P<process>\w{1,8})\]? ?(?:OUT|ERR): ?['\"](?P<text>.*)['\"]$")
_STAMP = re.compile(
    r"(?:[A-Z][a-z]{2} [A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d \d{4}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) "
)
_AUTH = re.compile(
    r"AUTH (?P<result>SUCCESS|FAILED|CHALLENGE) \{(?P<pairs>.*)\}(?: cli=(?P<client>.{1,512}))?$"
)
_PAIR = re.compile(
    r"""'([a-z_]{1,32})': (?:'([^'\\]{0,1024}(?:\\.[^'\\]{0,1024}){0,64})'|"([^"]{0,1024})"|(-?\d{1,9}))"""
)
_ESCAPED = re.compile(r"\\(.)")
"""Python writes a text with an apostrophe in it between double quotes."""
_COLUMNS = ("status_id", "status_code", "auth_protocol", "tunnel_interface.ip", "src_endpoint.ip", "src_endpoint.port", "session.uid", "user.name", "user.domain")  # fmt: skip


def _read(text: str) -> dict[str, Any] | None:
    if len(text) > LONGEST:
        return None
    head = _HEAD.match(text)
    if head is None:
        return None
    row: dict[str, Any] = {name: value for name, value in head.groupdict().items() if value is not None}
    auth = _AUTH.match(row["message"])
    if auth is not None:
        row["result"] = auth["result"]
        for name, word, quoted, number in _PAIR.findall(auth["pairs"]):
            row.setdefault(name, _ESCAPED.sub(r"\1", word) or quoted or number)
        if auth["client"]:
            row["cli"] = auth["client"]
        return row
    inner = _WITHIN.match(row["message"])
    if inner is not None:
        row["process"] = inner["process"]
        _of_process(_STAMP.sub("", inner["text"], count=1), row)
    return row


def _of_process(text: str, row: dict[str, Any]) -> None:
    """OpenVPN's own lines, under the columns that its own reader finds."""
    row["message"] = text
    understood = openvpn.understand("openvpn", None, text)
    if understood is None:
        return
    columns = understood[0]
    row["kind"] = f"{columns.get('class_uid', 0)}.{columns.get('activity_id', 0)}"
    row |= {f"openvpn.{name}": str(columns[name]) for name in _COLUMNS if columns.get(name) is not None}


class _Lines(Payload):
    """Found by the stamp with its offset and the channel behind it."""

    def find(self, text: str) -> tuple[int, Row] | None:
        match = _HEAD.match(text) or _STAMPED.search(text, 0, _REACH)
        row = None if match is None else self.read(text[match.start() :])
        return None if match is None or row is None else (match.start(), row)


_REACH = 512


def _match(row: Row) -> bool:
    """Twisted programs all write such stamps: a word of Access Server must be there."""
    return "channel" in row and ("result" in row or "process" in row or row["channel"].startswith("stdout#"))


_AUTHENTICATED = What(
    _AUTHENTICATION,
    1,
    enum("result", {"SUCCESS": 1, "FAILED": 2}, 0),
    columns={
        "status_detail": "reason",
        "auth_protocol": via(lambda value: str(value).partition(" ")[0] or None, "reason"),
        "http_request.user_agent": "cli",
        "src_endpoint.ip": "client_ip_addr",
        "certificate.subject": "common_name",
        "certificate.serial_number": "serial",
    },
    steps=(account("user", "user"),),
)
_CHALLENGED = What(_AUTHENTICATION, 6, 0, _AUTHENTICATED.columns, _AUTHENTICATED.steps)
_INNER = {name: f"openvpn.{name}" for name in _COLUMNS}


@lru_cache(maxsize=256)
def _within(kind: str) -> What:
    class_uid, _, activity = kind.partition(".")
    return What(int(class_uid), int(activity), None, dict(_INNER))


def _otherwise(result: str, kind: str) -> What:
    if result:
        return _CHALLENGED if result == "CHALLENGE" else _AUTHENTICATED
    return _within(kind) if kind else _NOTED


_NOTED = What()

FAMILY = Family(
    name="openvpn_as",
    title="OpenVPN Access Server",
    page="vpn",
    product="Access Server",
    vendor="OpenVPN",
    match=_match,
    time=(iso("time"),),
    log="=openvpnas",
    by=("result", "kind"),
    otherwise=_otherwise,
    what=What(columns={"message": "message"}),
)
PAYLOAD = _Lines(("[stdout#", "20"), _read)
SOURCE = line_source(FAMILY, PAYLOAD)
