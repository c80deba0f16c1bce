"""Postfix: mails taken, handed on and refused, and the accounts that sent them.

For an auditor: that a mail went, from whom to whom, and which account (`sasl_username`) handed it in from where. One mail is several
lines with one queue id (`metadata.correlation_uid`); subjects and attachments' names only where `header_checks` or
`mime_header_checks` write them (`WARN`). No digests: a filter's log has those.

References: https://www.postfix.org/postconf.5.html, https://www.postfix.org/header_checks.5.html,
https://www.postfix.org/SASL_README.html, RFC 3463 (status codes).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from countersign.sources._address import address
from countersign.sources._convert import split_account

if TYPE_CHECKING:
    from countersign.sources._programs import Understood

_QUEUE = re.compile(r"([0-9A-Za-z]{6,20}): (.*)", re.DOTALL)
_PAIR = re.compile(r"([a-z_-]{2,20})=(<[^<>]{0,1000}>|[^, ]{1,500})")
_PEER = re.compile(r"(?:([\w.-]{1,255}))?\[([0-9A-Fa-f.:]{2,45})\](?::(\d{1,5}))?")
_REFUSED_LOGIN = re.compile(
    r"warning: ([\w.-]{1,255})\[([0-9A-Fa-f.:]{2,45})\]: SASL (\S{1,40}) authentication failed"
)
_LOGIN_NAME = re.compile(r"sasl_username=([^,\s]{1,256})")
_FILE = re.compile(r"""(?:file)?name\*?=(?:"([^"]{1,255})"|([^\s;"]{1,255}))""")
_SUBJECT = re.compile(r"header Subject: (.{1,998}?) from (?:\S{1,300}\[|local;)")
_OUTCOMES = {"sent": 1, "bounced": 2, "expired": 2, "undeliverable": 2, "deferred": 0}
_WRITERS = frozenset({"smtp", "lmtp", "local", "virtual", "pipe", "error", "discard"})


def understand(program: str, pid: str | None, message: str) -> Understood | None:
    """Columns, fields and no key of one line; None for what is not known."""
    del pid
    if not program.startswith("postfix"):
        return None
    daemon = program.rpartition("/")[2]
    if daemon == "smtpd" and (refused := _REFUSED_LOGIN.match(message)):
        columns = _login(refused[1], refused[2], refused[3], 2)
        if name := _LOGIN_NAME.search(message):
            columns |= _account(name[1])
        return columns, {"daemon": daemon}, None
    match = _QUEUE.match(message)
    if match is None:
        return None
    queue, rest = match.groups()
    pairs = {name: value.strip("<>") for name, value in _PAIR.findall(rest)}
    found = _mail(daemon, rest, pairs)
    if found is None:
        return None
    if queue != "NOQUEUE":
        found["metadata.correlation_uid"] = queue
    return found, {"daemon": daemon, "queue_id": queue, **pairs}, None


def _mail(daemon: str, rest: str, pairs: dict[str, str]) -> dict[str, object] | None:
    if daemon == "smtpd" and rest.startswith("client="):
        peer = _PEER.match(rest, len("client="))
        if "sasl_username" in pairs:
            columns = _login(peer[1] if peer else None, peer[2] if peer else "", pairs.get("sasl_method"), 1)
            return columns | _account(pairs["sasl_username"])
        return {"class_uid": 4009, "activity_id": 2} | _from(peer)
    if rest.startswith(("reject:", "milter-reject:", "discard:", "hold:")):
        return (
            {"class_uid": 4009, "activity_id": 99, "status_id": 2} | _from(_PEER.search(rest)) | _ends(pairs)
        )
    if daemon == "qmgr" and "from" in pairs:
        return {"class_uid": 4009, "activity_id": 2, "status_id": 1} | _ends(pairs)
    if daemon == "cleanup":
        return _headers(rest, pairs)
    if daemon in _WRITERS and "status" in pairs:
        columns = {
            "class_uid": 4009,
            "activity_id": 1,
            "status_id": _OUTCOMES.get(pairs["status"], 0),
        } | _ends(pairs)
        columns["status_code"] = pairs.get("dsn")
        if relay := _PEER.match(pairs.get("relay", "")):
            columns |= {"dst_endpoint.hostname": relay[1], "dst_endpoint.ip": address(relay[2])}
            columns["dst_endpoint.port"] = int(relay[3]) if relay[3] and int(relay[3]) <= 65_535 else None
        return columns
    return None


def _headers(rest: str, pairs: dict[str, str]) -> dict[str, object] | None:
    """The message id; headers that header_checks show."""
    columns: dict[str, object] = {"class_uid": 4009, "activity_id": 99}
    if rest.startswith(("message-id=", "resent-message-id=")):
        return columns | {"email.message_uid": rest.partition("=")[2][:998]}
    if ": header " not in rest and ": mime header " not in rest:
        return None
    shown = rest.partition("; from=")[0]
    if file := _FILE.search(shown):
        columns["file.name"] = file[1] or file[2]
    if subject := _SUBJECT.search(rest):
        columns["email.subject"] = subject[1]
    return columns | _from(_PEER.search(rest)) | _ends(pairs)


def _login(host: str | None, ip: str, method: str | None, status: int) -> dict[str, object]:
    return {
        "class_uid": 3002,
        "activity_id": 1,
        "status_id": status,
        "auth_protocol": method,
        "src_endpoint.ip": address(ip),
        "src_endpoint.hostname": None if host == "unknown" else host,
        "service.name": "smtp",
    }


def _account(written: str) -> dict[str, object]:
    name, domain, whole = split_account(written)
    return {"user.name": name, "user.domain": domain, "user.email_addr": whole}


def _from(peer: re.Match[str] | None) -> dict[str, object]:
    if peer is None:
        return {}
    return {
        "src_endpoint.ip": address(peer[2]),
        "src_endpoint.hostname": None if peer[1] == "unknown" else peer[1],
    }


def _ends(pairs: dict[str, str]) -> dict[str, object]:
    size = pairs.get("size", "")
    return {
        "email.from": pairs.get("from", "").lower() or None,
        "email.to": pairs.get("to", "").lower() or None,
        "email.size": int(size) if size.isdecimal() and size.isascii() and len(size) < 16 else None,
    }
