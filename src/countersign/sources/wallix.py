"""WALLIX Bastion: who authenticated how, which session they opened to which target and account, what was typed, run and moved there.

For an auditor the bastion's session is the visit: `user` is the person, `account` who they became on `device`, `session_id` the key from
SESSION_ESTABLISHED_SUCCESSFULLY to SESSION_DISCONNECTION, which says how long it was. The proxies' own lines have the same key and, by
`psid`, the address. A second factor of the bastion's is only seen where it failed (`method="OTP"`); an identity provider's not at all.

Read are the SIEM messages (`[wabauth]`, `[RDP Session]`, `[rdpproxy]` and the like, values in double or single quotes) in syslog. They
have no time of their own: the frame's counts.

References: WALLIX Bastion SIEM Logs Guide (https://doc.wallix.com), https://docs.sekoia.io/integration/categories/iam/wallix/,
https://github.com/wallix/redemption (`log_siem`, the proxy's own words).
"""

from __future__ import annotations

import re

from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._lines import LONGEST
from countersign.sources._mapping import From, Step, What, endpoint, enum, via
from countersign.sources._payload import Payload, line_source

_LOGIN, _ACCOUNT, _ENTITY, _NETWORK, _API, _PROCESS, _FILE = 3002, 3001, 3004, 4001, 6003, 1007, 1001
_PROXIES = ("rdpproxy", "sshproxy")
_SESSIONS = ("SSH Session", "RDP Session", "VNC Session", "Web Session")
_TAGS = (
    "wabauth", "wabaudit", "Vault Activity", "CLI Audit", "sysaudit", "integrity", "sessionexport", "sessionimport",
    *_PROXIES, *_SESSIONS,
)  # fmt: skip
_PAIR = re.compile(
    r"""([a-z_][a-z0-9_]{0,39})=(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"|'([^'\\]*+(?:\\.[^'\\]*+)*+)')"""
)
_ESCAPED = re.compile(r"\\(.)")
_LASTED = re.compile(r"(\d{1,6}):(\d\d):(\d\d)")
_IDENTIFIED = re.compile(r"(?:authentified|authenticated|identified) with:? ([^,.\]]{1,120})")
_UNKNOWN = "[unknown"


def _read(text: str) -> Row | None:
    tag, closed, rest = text[1:].partition("] ")
    if not closed or tag not in _TAGS or len(text) > LONGEST:
        return None
    row: dict[str, object] = {"tag": tag}
    for name, double, single in _PAIR.findall(rest):
        value = double or single
        row.setdefault(
            "session_id" if name == "sesion_id" else name,
            _ESCAPED.sub(r"\1", value) if "\\" in value else value,
        )
    return row if len(row) > 1 else None


def _match(row: Row) -> bool:
    return row.get("tag") in _TAGS and "cef.signature" not in row


def _milliseconds(value: object) -> int | None:
    match = _LASTED.fullmatch(str(value))
    return (int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])) * 1000 if match else None


def _method(infos: object) -> str | None:
    """The last thing that a login was proven with, or the first it was identified by."""
    found = _IDENTIFIED.findall(str(infos)[:4096])
    return found[-1].strip() if found else None


def _person(value: object) -> tuple[str | None, str | None, str | None]:
    r"""A login, `login@DOMAIN` or `DOMAIN\login`; the bastion's word for nobody is nobody."""
    word = str(value) if value else ""
    if not word or word.startswith(_UNKNOWN):
        return None, None, None
    domain, slash, name = word.partition("\\")
    if slash:
        return name, domain, None
    name, at, domain = word.rpartition("@")
    return (name, domain, word.lower() if "." in domain else None) if at and name else (word, None, None)


def _used(value: object) -> tuple[str | None, str | None, str | None]:
    r"""The account on the target: `name`, `DOMAIN\name`, `name@domain`, `name@domain@device`; `local` is no domain."""
    word = str(value) if value else ""
    domain, slash, name = word.partition("\\")
    if slash:
        return name or None, domain, None
    name, domain, device = (*word.split("@", 2), "", "")[:3]
    return name or None, domain if domain not in {"", "local"} else None, device or None


def _who(side: str, path: str = "user") -> Step:
    return Step((path,), (f"{side}.name", f"{side}.domain", f"{side}.email_addr"), _person)


def _account(path: str) -> Step:
    return Step((path,), ("user.name", "user.domain", "dst_endpoint.hostname"), _used)


_TARGET: dict[str, From] = {
    "session.uid": "session_id",
    "dst_endpoint.hostname": ("device", "target_host"),
    "dst_endpoint.svc_name": "service",
    "auth_protocol": ("method", "service"),
    "duration": via(_milliseconds, "duration"),
    "session.uid_alt": "psid",
}
_ENDS = (
    _who("actor.user"),
    _account("account"),
    endpoint("src_endpoint", "client_ip"),
    endpoint("src_endpoint", "src_ip", "src_port"),
    endpoint("dst_endpoint", "target_ip"),
    endpoint("dst_endpoint", "host", "port"),
)


def _session(activity: int, status: int | None) -> What:
    return What(_LOGIN, activity, status, _TARGET, _ENDS)


_IN: dict[str, From] = {
    "actor.session.uid": "session_id",
    "dst_endpoint.hostname": "device",
    "dst_endpoint.svc_name": "service",
    "message": ("data", "pattern", "command"),
}


def _within(class_uid: int, activity: int, **more: str) -> What:
    columns: dict[str, From] = {**_IN, **{name.replace("__", "."): path for name, path in more.items()}}
    return What(class_uid, activity, None, columns, _ENDS)


_SESSION_TYPES = {
    "SESSION_ESTABLISHED_SUCCESSFULLY": _session(1, 1),
    "SESSION_ESTABLISHED": _session(1, 1),
    "SESSION_CREATION_FAILED": _session(1, 2),
    "CONNECTION_FAILED": _session(1, 2),
    "SESSION_DISCONNECTION": _session(2, 1),
    "SESSION_ENDING": _session(2, 1),
    "NEW_PROCESS": _within(_PROCESS, 1, process__cmd_line="command_line"),
    "COMPLETED_PROCESS": _within(_PROCESS, 2, process__cmd_line="command_line"),
    "COMMAND_DETECTED": _within(_PROCESS, 1, process__cmd_line="command"),
    "KILL_PATTERN_DETECTED": _within(_PROCESS, 1, process__cmd_line="data"),
    "NOTIFY_PATTERN_DETECTED": _within(_PROCESS, 1, process__cmd_line="data"),
    "DRIVE_REDIRECTION_READ": _within(_FILE, 2, file__path="file_name", file__size="size"),
    "DRIVE_REDIRECTION_READ_EX": _within(
        _FILE, 2, file__path="file_name", file__size="size", file__hashes="sha256"
    ),
    "DRIVE_REDIRECTION_WRITE": _within(_FILE, 1, file__path="file_name", file__size="size"),
    "DRIVE_REDIRECTION_WRITE_EX": _within(
        _FILE, 1, file__path="file_name", file__size="size", file__hashes="sha256"
    ),
    "DRIVE_REDIRECTION_DELETE": _within(_FILE, 4, file__path="file_name"),
    "DRIVE_REDIRECTION_RENAME": _within(_FILE, 5, file__path="new_file_name"),
    "SFTP_EVENT": _within(_FILE, 99, file__path="data"),
    "SCP_EVENT": _within(_FILE, 99, file__path="data"),
    "FILE_TRANSFER": _within(
        _FILE, 99, file__path="file_name", file__size="file_size", file__hashes="sha256"
    ),
    "CB_COPYING_PASTING_FILE_FROM_REMOTE_SESSION": _within(
        _FILE, 2, file__name="file_name", file__size="size", file__hashes="sha256"
    ),
    "CB_COPYING_PASTING_FILE_TO_REMOTE_SESSION": _within(
        _FILE, 1, file__name="file_name", file__size="size", file__hashes="sha256"
    ),
    "OUTBOUND_CONNECTION_DETECTED": _within(_NETWORK, 1),
}
_PROXY_TYPES = {
    "INCOMING_CONNECTION": What(_NETWORK, 1, 1, {"connection_info.uid": "psid"}, _ENDS),
    "AUTHENTICATION_SUCCESS": What(_LOGIN, 1, 1, _TARGET, (_who("user"), *_ENDS[2:4])),
    "AUTHENTICATION_FAILURE": What(_LOGIN, 1, 2, _TARGET, (_who("user"), *_ENDS[2:4])),
    "AUTHENTICATION_TRY": What(_LOGIN, 99, None, _TARGET, (_who("user"), *_ENDS[2:4])),
    "TARGET_CONNECTION": What(_LOGIN, 1, 1, _TARGET, (*_ENDS, _account("target"))),
    "TARGET_CONNECTION_FAILED": What(_LOGIN, 1, 2, _TARGET, (*_ENDS, _account("target"))),
    "TARGET_DISCONNECTION": What(_LOGIN, 2, 1, _TARGET, (*_ENDS, _account("target"))),
    "DISCONNECTION": What(_LOGIN, 2, 1, _TARGET, (_who("user"), *_ENDS[2:4])),
    "DISCONNECT": What(_LOGIN, 2, 1, _TARGET, (_who("user"), *_ENDS[2:4])),
    "LOGOUT": What(_LOGIN, 2, 1, _TARGET, (_who("user"), *_ENDS[2:4])),
}
_AUTHENTICATED = What(
    _LOGIN,
    1,
    enum("status", {"success": 1, "failure": 2, "cancel": 2, "canceled": 2}),
    {"auth_protocol": via(_method, "infos"), "status_code": "status"},
    (_who("user"), _ENDS[2]),
)
_STARTED = What(_LOGIN, 99, None, _AUTHENTICATED.columns, _AUTHENTICATED.steps)
_CHECKED_OUT = What(
    _API,
    2,
    via(lambda value: 1 if "success" in str(value).lower() else 2, "result"),
    {"resources.name": "account", "resources.type": "tag", "status_code": "result", "ticket.uid": "ticket"},
    _ENDS[:2],
)


def _changed(class_uid: int, activity: int) -> What:
    columns: dict[str, From] = {"resources.name": "object", "resources.type": "type"}
    if class_uid == _ACCOUNT:
        columns["user.name"] = "object"
    return What(class_uid, activity, 1, columns, (_who("actor.user"), _ENDS[2]))


_ACTIVITIES = {"add": 1, "edit": 3, "change": 3, "delete": 4, "list": 2, "view": 2}
_AUDITED = {name: _changed(_ENTITY, number) for name, number in _ACTIVITIES.items()}
_USERS = {
    "add": _changed(_ACCOUNT, 1),
    "edit": _changed(_ACCOUNT, 99),
    "delete": _changed(_ACCOUNT, 6),
    "unlock": _changed(_ACCOUNT, 12),
}
_OTHER_SESSION, _OTHER_PROXY = _within(_API, 99), What(_API, 99, None, _TARGET, _ENDS)
_OTHER = _changed(_ENTITY, 99)


def _otherwise(tag: str, kind: str, action: str, status: str) -> What:
    if tag in _SESSIONS:
        return _SESSION_TYPES.get(kind, _OTHER_SESSION)
    if tag in _PROXIES:
        return _PROXY_TYPES.get(kind, _OTHER_PROXY)
    if tag == "wabauth":
        return _STARTED if status == "started" else _AUTHENTICATED
    if tag == "Vault Activity":
        return _CHECKED_OUT
    if kind == "User" and action.lower() in _USERS:
        return _USERS[action.lower()]
    return _AUDITED.get(action.lower(), _OTHER)


FAMILY = Family(
    name="wallix",
    title="WALLIX Bastion SIEM logs",
    page="privileged",
    product="Bastion",
    vendor="WALLIX",
    match=_match,
    time=(),
    log="tag",
    by=("tag", "type", "action", "status"),
    otherwise=_otherwise,
    what=What(
        columns={
            "metadata.event_code": "type",
            "status_detail": ("reason", "infos", "result"),
            "api.operation": ("action", "type"),
        }
    ),
)
PAYLOAD = Payload(tuple(f"[{tag}] " for tag in _TAGS), _read)
SOURCE = line_source(FAMILY, PAYLOAD)
