"""Teleport audit events: who logged in with which factor, which sessions they opened where and as whom, what they ran and moved.

For an auditor Teleport is bastion and identity in one: `user` is the person, `login` (or the Windows, database or cloud account) is who
they became on the target. Sessions here have the person as actor, the target account as user and the target as destination;
`sid` is the session's key from its start to its end, and stands in every command and file of it. A local login without
`mfa_device` had no second factor; of a login by SAML, OIDC or GitHub the identity provider knows.

Read are the events as the auth server writes them (JSON lines), as the event handler and exporters send them, alone and in syslog.
Times without an offset are in UTC.

References: https://goteleport.com/docs/reference/audit-events/, https://goteleport.com/docs/admin-guides/management/export-audit-events/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson

from countersign.sources._convert import boolean, said
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._json import json_source
from countersign.sources._mapping import From, Step, What, account, endpoint, enum, via
from countersign.sources._times import iso

_LOGIN, _ACCOUNT, _ACCESS, _ENTITY, _NETWORK, _API = 3002, 3001, 3005, 3004, 4001, 6003
_PROCESS, _FILE = 1007, 1001
_CODE = re.compile(r"[Tt][A-Za-z0-9]{2,6}[IWEDiwed]")
_FEDERATED = frozenset({"saml", "oidc", "github", "bot"})
_LONGEST = 64


def _match(row: Row) -> bool:
    code = row.get("code")
    return (
        type(code) is str
        and "event" in row
        and "uid" in row
        and "time" in row
        and _CODE.fullmatch(code) is not None
    )


def _mfa(success: object, method: object, device: object, kind: object) -> tuple[object, object]:
    """MFA and its factor: proven by a device, refuted by a local login without one, else not known here."""
    factor = said(kind) or said(device)
    if boolean(success) is not True:
        return None, factor
    if factor is not None:
        return True, factor
    word = said(method)
    return (None if word is None or word.lower() in _FEDERATED else False), None


def _duration(start: object, stop: object) -> tuple[object]:
    """Milliseconds between two times of one event."""
    ends = [
        datetime.fromisoformat(value)
        for value in (start, stop)
        if type(value) is str and len(value) < _LONGEST
    ]
    if len(ends) < 2 or (ends[0].tzinfo is None) != (ends[1].tzinfo is None):
        return (None,)
    return (int((ends[1] - ends[0]).total_seconds() * 1000),)


def _command(path: object, program: object, arguments: object) -> Sequence[object]:
    """Path and command line of what ran, its arguments as they stood."""
    name = said(path) or said(program)
    words = [str(word) for word in arguments[:1000]] if isinstance(arguments, list) else []
    return name, " ".join([name or "", *words]).strip() or None


def _joined(value: object) -> str | None:
    """Roles as the column has them: separated by a comma and a blank."""
    if isinstance(value, str) and value.startswith("["):
        value = orjson.loads(value)
    return ", ".join(str(word) for word in value[:1000]) or None if isinstance(value, list) else said(value)


_ROLES = via(_joined, "roles")
_PERSON = (account("actor.user", "user"),)
_FROM = (endpoint("src_endpoint", "addr.remote"), endpoint("src_endpoint", "addr_remote"))
_STATUS: Mapping[bool | None, int] = {True: 1, False: 2}
_SUCCESS = via(lambda value: _STATUS.get(boolean(value)), "success")
_BASE = What(
    columns={
        "metadata.event_code": "code",
        "metadata.uid": "uid",
        "device.hostname": "cluster_name",
        "cloud.region": "aws_region",
        "status_detail": ("error", "message", "reason"),
        "http_request.user_agent": "user_agent",
        "api.operation": "event",
        "resources.name": "name",
        "ticket.uid": "access_requests.0",
        "actor.user.type": enum("user_kind", {"1": "human", "2": "bot"}),
    },
    steps=(*_PERSON, *_FROM),
)
_SESSION: dict[str, From] = {
    "session.uid": "sid",
    "auth_protocol": ("proto", "protocol", "db_protocol"),
    "dst_endpoint.hostname": (
        "server_hostname",
        "desktop_name",
        "db_service",
        "app_name",
        "kubernetes_cluster",
    ),
    "dst_endpoint.uid": "server_id",
    "dst_endpoint.svc_name": ("proto", "db_protocol"),
    "user.domain": "windows_domain",
    "is_mfa": via(lambda value: True if said(value) else None, "with_mfa"),
    "session.terminal": "desktop_labels.teleport.dev/session",
}
_TARGETS = (
    account("user", "login"),
    account("user", "windows_user"),
    account("user", "db_user"),
    account("user", "aws_role_arn"),
    endpoint("dst_endpoint", "server_addr"),
    endpoint("dst_endpoint", "addr.local"),
    endpoint("dst_endpoint", "desktop_addr"),
    endpoint("dst_endpoint", "db_uri"),
    Step(("session_start", "session_stop"), ("duration",), _duration),
)


def _session(activity: int, status: int | None = None) -> What:
    return What(_LOGIN, activity, _SUCCESS if status is None else status, _SESSION, _TARGETS)


_LOGGED_IN = What(
    _LOGIN,
    1,
    _SUCCESS,
    columns={
        "auth_protocol": "method",
        "session.issuer": "connector",
        "privileges": _ROLES,
        "src_endpoint.uid": "trusted_device.asset_tag",
    },
    steps=(
        account("user", "user"),
        Step(
            ("success", "method", "mfa_device.mfa_device_name", "mfa_device.mfa_device_type"),
            ("is_mfa", "auth_factors"),
            _mfa,
        ),
    ),
)
_REFUSED = What(_LOGIN, 1, _SUCCESS, _SESSION, (account("user", "login"), account("user", "user"), *_TARGETS))
_IN: dict[str, From] = {"actor.session.uid": "sid", "process.pid": "pid", "device.uid": "server_id"}
_RUN = What(
    _PROCESS,
    1,
    1,
    columns={**_IN, "process.parent_process.pid": "ppid"},
    steps=(
        account("user", "login"),
        Step(("path", "program", "argv"), ("process.path", "process.cmd_line"), _command, whole=True),
    ),
)
_EXEC = What(
    _PROCESS,
    1,
    1,
    columns={**_IN, "process.cmd_line": "command", "status_code": ("exitCode", "exit_code")},
    steps=_TARGETS[:6],
)
_MOVED: dict[str, From] = {
    **_IN,
    "file.path": ("path", "file_path"),
    "file.name": "directory_name",
    "file.size": "size",
    "dst_endpoint.hostname": "server_hostname",
}
_ENDS = (account("user", "login"), endpoint("dst_endpoint", "addr.local"))
_CALLED = What(
    _API,
    99,
    1,
    columns={
        **_IN,
        "http_request.http_method": ("verb", "method"),
        "http_response.code": ("response_code", "status_code"),
        "url": ("request_path", "path"),
        "dst_endpoint.hostname": ("kubernetes_cluster", "app_name"),
    },
)
_QUERY = What(
    _API, 99, _SUCCESS, {**_IN, "dst_endpoint.hostname": "db_service"}, (account("user", "db_user"),)
)


def _changed(class_uid: int, activity: int) -> What:
    columns: dict[str, From] = (
        {"user.name": ("target.user", "name"), "privileges": _ROLES} if class_uid == _ACCOUNT else {}
    )
    return What(class_uid, activity, 1, columns)


def _requested(activity: int) -> What:
    return What(
        _ACCESS,
        activity,
        columns={"ticket.uid": "id", "privileges": _ROLES, "status_code": "state", "user.name": "user"},
    )


_ISSUED = What(
    _API,
    1,
    1,
    columns={
        "resources.type": "cert_type",
        "privileges": via(_joined, "identity.roles"),
        "session.issuer": "identity.teleport_cluster",
        "actor.invoked_by": "identity.impersonator",
    },
    steps=(account("user", "identity.user"), endpoint("src_endpoint", "identity.client_ip")),
)
_KINDS = {
    "user.login": _LOGGED_IN,
    "auth": _REFUSED,
    "session.start": _session(1, 1),
    "session.end": _session(2, 1),
    "session.leave": _session(2, 1),
    "session.join": _session(99, 1),
    "session.rejected": _session(1, 2),
    "session.connect": _session(99, 1),
    "windows.desktop.session.start": _session(1),
    "windows.desktop.session.end": _session(2, 1),
    "db.session.start": _session(1),
    "db.session.end": _session(2, 1),
    "db.session.query": _QUERY,
    "app.session.start": _session(1, 1),
    "app.session.end": _session(2, 1),
    "app.session.request": _CALLED,
    "kube.request": _CALLED,
    "session.command": _RUN,
    "exec": _EXEC,
    "session.network": What(
        _NETWORK, 1, None, {**_IN, "process.path": "program"},
        (account("user", "login"), endpoint("src_endpoint", "src_addr"), endpoint("dst_endpoint", "dst_addr", "dst_port")),
    ),
    "port": What(_NETWORK, 1, _SUCCESS, _IN, (account("user", "login"), endpoint("dst_endpoint", "addr"))),
    "session.disk": What(_FILE, 2, 1, {**_MOVED, "process.path": "program"}, _ENDS),
    "scp": What(_FILE, 99, 1, _MOVED, _ENDS),
    "sftp": What(_FILE, 99, None, _MOVED, _ENDS),
    "windows.desktop.clipboard.send": What(_FILE, 99, 1, _MOVED, _TARGETS[:2]),
    "windows.desktop.clipboard.receive": What(_FILE, 99, 1, _MOVED, _TARGETS[:2]),
    "windows.desktop.directory.read": What(_FILE, 2, _SUCCESS, _MOVED, _TARGETS[:2]),
    "windows.desktop.directory.write": What(_FILE, 3, _SUCCESS, _MOVED, _TARGETS[:2]),
    "user.create": _changed(_ACCOUNT, 1),
    "user.update": _changed(_ACCOUNT, 99),
    "user.delete": _changed(_ACCOUNT, 6),
    "user.password_change": What(_ACCOUNT, 3, 1, {"user.name": "user"}),
    "mfa.add": What(_ACCOUNT, 10, 1, {"user.name": "user", "auth_factors": "mfa_device_type"}),
    "mfa.delete": What(_ACCOUNT, 11, 1, {"user.name": "user", "auth_factors": "mfa_device_type"}),
    "lock.created": _changed(_ACCOUNT, 9),
    "lock.deleted": _changed(_ACCOUNT, 12),
    "access_request.create": _requested(1),
    "access_request.update": _requested(99),
    "access_request.review": _requested(99),
    "cert.create": _ISSUED,
}  # fmt: skip
_COMMANDS = {  # T3004: scp download, T3005: upload and so on: the last word of `event` says what was done
    "created": _changed(_ENTITY, 1),
    "create": _changed(_ENTITY, 1),
    "updated": _changed(_ENTITY, 3),
    "update": _changed(_ENTITY, 3),
    "deleted": _changed(_ENTITY, 4),
    "delete": _changed(_ENTITY, 4),
}
_OTHER = What(_API, 99, _SUCCESS, {"actor.session.uid": "sid"})


def _otherwise(event: str) -> What:
    return _COMMANDS.get(event.rpartition(".")[2], _OTHER)


FAMILY = Family(
    name="teleport",
    title="Teleport audit events",
    page="privileged",
    product="Teleport",
    vendor="Gravitational",
    match=_match,
    time=(iso("time", zone="UTC"),),
    key=("uid", "time"),
    log="=audit",
    by=("event",),
    kinds=_KINDS,
    otherwise=_otherwise,
    what=_BASE,
)
SOURCE = json_source(FAMILY)
