"""Google Cloud audit logs: who called which method of which service on what, from where, and whether it was allowed.

For an auditor the activity log is always there, data access only where it was switched on. People and service accounts stand by their address;
`serviceAccountKeyName` names the key that was used, `serviceAccountDelegationInfo` who acted as a service account. Sign-ins are not in it, but for
those of Workspace where it shares its logs (`login.googleapis.com`).

Read are log entries as `gcloud logging read --format=json`, exports to storage, and Pub/Sub sinks write them: arrays and lines.

References: https://cloud.google.com/logging/docs/audit/understanding-audit-logs, https://cloud.google.com/logging/docs/reference/audit/auditlog/rest/Shared.Types/AuditLog,
https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry, https://cloud.google.com/iam/docs/audit-logging.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from countersign.sources._convert import said, split_account
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._json import json_source
from countersign.sources._mapping import Step, What, account, endpoint, enum, via
from countersign.sources._times import iso

_LOGIN, _ACCOUNT, _ACCESS, _API = 3002, 3001, 3005, 6003
_P = "protoPayload."
_WHO = f"{_P}authenticationInfo."


def match(row: Row) -> bool:
    """An entry with an audit payload."""
    payload = row.get("protoPayload", row.get("protopayload"))
    return type(payload) is dict and not _PARTS.isdisjoint(payload)


_PARTS = frozenset({"methodName", "serviceName", "authenticationInfo", "authorizationInfo"})
_NAMES = {
    "protopayload": "protoPayload",
    "logname": "logName",
    "insertid": "insertId",
    "receivetimestamp": "receiveTimestamp",
}


def prepare(row: Row) -> Row:
    """Google's own names, where a collector has written them in lower case."""
    return row if "protoPayload" in row else {_NAMES.get(name, name): value for name, value in row.items()}


def _status(code: object) -> int | None:
    """google.rpc.Status: no code, or 0, is success."""
    word = said(code)
    return 1 if word in {None, "0"} else 2


def _granted(granted: object) -> int | None:
    return None if granted is None else 1 if granted in {True, "true"} else 2


def _log(name: object) -> str | None:
    """`cloudaudit` for all logs of that kind, else the log's own name."""
    word = said(name)
    if word is None or "cloudaudit.googleapis.com" in word:
        return "cloudaudit"
    return word.rpartition("/")[2]


def _project(name: object) -> tuple[object, object]:
    """Project and organisation that a log's name begins with."""
    parts = (said(name) or "").split("/")
    if len(parts) < 2:
        return None, None
    return (
        (parts[1], None)
        if parts[0] == "projects"
        else (None, parts[1] if parts[0] == "organizations" else None)
    )


def _delta(payload: object) -> str | None:
    """Roles given or taken by a change of policy."""
    rows = [row for row in payload if isinstance(row, dict)] if isinstance(payload, list) else ()
    words = [
        f"{row.get('action')} {row.get('role')} {row.get('member')}" for row in rows if said(row.get("role"))
    ]
    return ", ".join(words[:32]) or None


def _member(payload: object) -> tuple[object, object, object]:
    """The first member that a change of policy names."""
    for row in payload if isinstance(payload, list) else ():
        address = (said(row.get("member")) or "").partition(":")[2] if isinstance(row, dict) else ""
        if address:
            name, _, domain = address.rpartition("@")
            return name or address, domain.lower() if name else None, address.lower() if name else None
    return None, None, None


def _last(name: object) -> Sequence[object]:
    """The account at the end of `projects/-/serviceAccounts/name@project.iam.gserviceaccount.com`."""
    return split_account((said(name) or "").rpartition("/")[2])


_DELTAS = f"{_P}serviceData.policyDelta.bindingDeltas"
_POLICY = What(
    _ACCESS,
    1,
    columns={"privileges": via(_delta, _DELTAS)},
    steps=(Step((_DELTAS,), ("user.name", "user.domain", "user.email_addr"), _member, whole=True),),
)


def _account(activity: int) -> What:
    return What(
        _ACCOUNT,
        activity,
        columns={"user.uid": f"{_P}response.unique_id", "user.credential_uid": f"{_P}response.name"},
        steps=(
            account("user", f"{_P}response.email"),
            account("user", "resource.labels.email_id"),
            account("user", f"{_P}request.account_id"),
        ),
    )


_LOGON = What(
    _LOGIN,
    1,
    columns={"auth_protocol": f"{_P}metadata.event.0.parameter.name=login_type.value"},
    steps=(account("user", f"{_WHO}principalEmail"),),
)
_TOKEN = What(
    _LOGIN,
    1,
    columns={"auth_protocol": f"{_P}methodName"},
    steps=(
        account("user", "resource.labels.email_id"),
        Step((f"{_P}request.name",), ("user.name", "user.domain", "user.email_addr"), _last),
    ),
)
_ENDS = (
    ("createserviceaccountkey", _account(2)),
    ("uploadserviceaccountkey", _account(2)),
    ("deleteserviceaccountkey", _account(11)),
    ("createserviceaccount", _account(1)),
    ("deleteserviceaccount", _account(6)),
    ("disableserviceaccount", _account(5)),
    ("enableserviceaccount", _account(2)),
    ("setiampolicy", _POLICY),
    ("generateaccesstoken", _TOKEN),
    ("generateidtoken", _TOKEN),
    ("loginservice.loginsuccess", _LOGON),
    ("loginservice.loginfailure", What(_LOGIN, 1, status=2, columns=_LOGON.columns, steps=_LOGON.steps)),
)
_CALLS = {activity: What(_API, activity) for activity in (1, 2, 3, 4, 99)}
_VERBS = (
    (1, ("create", "insert", "add", "import", "upload", "run", "deploy")),
    (2, ("get", "list", "read", "view", "search", "query", "download", "export", "aggregatedlist", "testiampermissions", "watch")),
    (3, ("update", "patch", "set", "enable", "disable", "modify", "start", "stop", "move", "replace", "undelete", "attach")),
    (4, ("delete", "remove", "destroy", "terminate", "detach")),
)  # fmt: skip


@lru_cache(maxsize=8192)
def _method(name: str) -> What:
    """`google.iam.admin.v1.CreateServiceAccountKey`, `v1.compute.instances.insert`: by what stands last."""
    word = name.lower()
    for end, what in _ENDS:
        if word.endswith(end):
            return what
    last = word.rpartition(".")[2]
    return _CALLS[next((activity for activity, verbs in _VERBS if last.startswith(verbs)), 99)]


FAMILY = Family(
    name="gcp.audit",
    title="Google Cloud audit logs",
    page="google",
    product="Cloud Audit Logs",
    vendor="Google",
    match=match,
    time=(iso("timestamp", zone="UTC"), iso("receiveTimestamp", zone="UTC"), iso("p_event_time", zone="UTC")),
    what=What(
        status=via(_status, f"{_P}status.code", ""),
        columns={
            "action_id": via(_granted, f"{_P}authorizationInfo.0.granted"),
            "severity_id": enum(
                "severity", {"INFO": 1, "NOTICE": 1, "WARNING": 3, "ERROR": 4, "CRITICAL": 5}
            ),
            "status_code": f"{_P}status.code",
            "status_detail": f"{_P}status.message",
            "metadata.log_name": via(_log, "logName", ""),
            "metadata.log_provider": "logName",
            "metadata.event_code": f"{_P}methodName",
            "metadata.uid": "insertId",
            "metadata.correlation_uid": ("operation.id", "trace"),
            "api.operation": f"{_P}methodName",
            "api.service.name": f"{_P}serviceName",
            "actor.user.uid": f"{_WHO}principalSubject",
            "actor.user.credential_uid": f"{_WHO}serviceAccountKeyName",
            "actor.invoked_by": (
                f"{_WHO}serviceAccountDelegationInfo.0.firstPartyPrincipal.principalEmail",
                f"{_WHO}serviceAccountDelegationInfo.0.principalSubject",
            ),
            "http_request.user_agent": f"{_P}requestMetadata.callerSuppliedUserAgent",
            "resources.uid": f"{_P}resourceName",
            "resources.name": (
                f"{_P}request.name",
                "resource.labels.instance_id",
                "resource.labels.bucket_name",
            ),
            "resources.type": "resource.type",
            "cloud.account.uid": "resource.labels.project_id",
            "cloud.region": ("resource.labels.location", "resource.labels.zone"),
        },
        steps=(
            account("actor.user", f"{_WHO}principalEmail"),
            endpoint("src_endpoint", f"{_P}requestMetadata.callerIp"),
            endpoint("src_endpoint", f"{_P}requestMetadata.callerIP"),
            Step(("logName",), ("cloud.account.uid", "cloud.org.uid"), _project),
        ),
        constants={"cloud.provider": "GCP"},
    ),
    by=(f"{_P}methodName",),
    otherwise=_method,
    key=("insertId", "logName", "timestamp"),
    prepare=prepare,
)
SOURCE = json_source(FAMILY)
