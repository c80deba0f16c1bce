"""Google Workspace reports: sign-ins, administration, Drive, tokens and groups, as the Reports API lists them.

For an auditor it is who signed in with which challenge, what administrators changed, which application got a token, and which file was
given to whom. A partner's or reseller's administrator acts under an own address. What people do in a mailbox is not in it.

Read are pages of the Reports API (`{"kind": "admin#reports#activities", "items": [...]}`), arrays and lines of activities, and activities that
a collector has taken apart to one event each. An activity may hold several events: a record is one event here, so the first gives the
kind; `message` names all, and all stay in `events` with their parameters.

References: https://developers.google.com/workspace/admin/reports/reference/rest/v1/activities/list,
https://developers.google.com/workspace/admin/reports/v1/appendix/activity/login, .../activity/admin-user-settings, .../activity/drive.
"""

from __future__ import annotations

from typing import Any

from countersign.sources._convert import boolean, said
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._json import json_source
from countersign.sources._mapping import From, Step, What, account, endpoint, via
from countersign.sources._times import iso

_LOGIN, _ACCOUNT, _GROUP, _ACCESS, _ENTITY, _API, _FILE = 3002, 3001, 3006, 3005, 3004, 6003, 1001
_VALUES = (
    "boolValue",
    "intValue",
    "multiValue",
    "messageValue",
    "multiIntValue",
    "multiMessageValue",
)


_MOST_EVENTS = 1000
_PARTS = frozenset({"events", "name", "parameters", "type"})


def match(row: Row) -> bool:
    """An activity: its application, and its events or what one of them is called."""
    identity = row.get("id")
    return type(identity) is dict and "applicationName" in identity and not _PARTS.isdisjoint(row)


def prepare(row: Row) -> Row:
    """The first event's name, type and parameters beside the activity's own fields."""
    made = dict(row)
    events = row.get("events")
    if type(events) is list and events and type(events[0]) is dict:
        first = events[0]
        made.setdefault("name", first.get("name"))
        made.setdefault("type", first.get("type"))
        made.setdefault("parameters", first.get("parameters"))
    if type(made.get("parameters")) is list:
        made["parameters"] = _parameters(made["parameters"])
    if type(events) is list and len(events) > 1:
        _others(made, [event for event in events[1:_MOST_EVENTS] if type(event) is dict])
    return made


def _others(made: dict[str, Any], events: list[dict[str, Any]]) -> None:
    """What an activity tells beside its first event: all names, and of a sign-in what its challenges say."""
    names = [said(event.get("name")) for event in (made, *events)]
    made["event_names"] = ", ".join(dict.fromkeys(name for name in names if name))
    identity, own = made.get("id"), made.get("parameters")
    if type(own) is not dict or type(identity) is not dict or identity.get("applicationName") != "login":
        return
    for event in events:
        items = event.get("parameters")
        for name, value in (_parameters(items) if type(items) is list else {}).items():
            if name.startswith(("login_challenge", "is_second")):
                own.setdefault(name, value)


def _parameters(items: list[Any]) -> dict[str, Any]:
    """`[{"name": "a", "boolValue": true}]` as `{"a": true}`."""
    found: dict[str, Any] = {}
    for item in items:
        if type(item) is dict and type(name := item.get("name")) is str and name not in found:
            found[name] = item["value"] if "value" in item else _other_value(item)
    return found


def _other_value(item: dict[str, Any]) -> Any:  # noqa: ANN401  # foreign
    for name in _VALUES:
        if name in item:
            return item[name]
    return None


_FACTOR = frozenset(
    {"google_prompt", "security_key", "security_key_otp", "google_authenticator", "idv_preregistered_phone", "idv_any_phone",
     "backup_code", "offline_otp", "internal_two_factor", "passkey"}
)  # fmt: skip


def _challenges(method: object) -> str | None:
    if isinstance(method, list):
        return ", ".join(word for one in method if (word := said(one))) or None
    return said(method)


def _mfa(challenges: object, second: object, kind: object, name: object) -> tuple[object]:
    """Whether a second factor was given: Google says so, or which challenges were passed; of SAML sign-ins it cannot know."""
    if name != "login_success" or kind in {"saml", "exchange", "reauth"}:
        return (None,)
    words = challenges if isinstance(challenges, list) else [challenges]
    if boolean(second) or any(word in _FACTOR for word in words if isinstance(word, str)):
        return (True,)
    return (False if boolean(second) is False else None,)


_PARAMETER = "parameters."
_PERSON: dict[str, From] = {
    "session.uid": f"{_PARAMETER}session_id",
    "auth_protocol": f"{_PARAMETER}login_type",
    "auth_factors": via(_challenges, f"{_PARAMETER}login_challenge_method"),
    "status_detail": (f"{_PARAMETER}login_failure_type", f"{_PARAMETER}login_challenge_status"),
    "user.uid": "actor.profileId",
}


def _login(activity: int, status: int | None) -> What:
    return What(
        _LOGIN,
        activity,
        status=status,
        columns=_PERSON,
        steps=(
            account("user", "actor.email"),
            account("user", f"{_PARAMETER}affected_email_address"),
            Step(
                (
                    "name",
                    f"{_PARAMETER}login_challenge_method",
                    f"{_PARAMETER}is_second_factor",
                    f"{_PARAMETER}login_type",
                ),
                ("is_mfa",),
                lambda name, challenges, second, kind: _mfa(challenges, second, kind, name),
                whole=True,
            ),
        ),
    )


def _admin(class_uid: int, activity: int) -> What:
    return What(
        class_uid,
        activity,
        columns={
            "group.name": f"{_PARAMETER}GROUP_EMAIL",
            "privileges": (f"{_PARAMETER}ROLE_NAME", f"{_PARAMETER}PRIVILEGE_NAME"),
        },
        steps=(account("user", f"{_PARAMETER}USER_EMAIL"),),
    )


_KINDS: dict[tuple[str, str], What] = {
    ("login", "login_success"): _login(1, 1),
    ("login", "login_failure"): _login(1, 2),
    ("login", "login_challenge"): _login(99, 0),
    ("login", "login_verification"): _login(99, 0),
    ("login", "logout"): _login(2, 1),
    ("login", "2sv_enroll"): What(_ACCOUNT, 10, steps=(account("user", "actor.email"),)),
    ("login", "2sv_disable"): What(_ACCOUNT, 11, steps=(account("user", "actor.email"),)),
    ("login", "password_edit"): What(_ACCOUNT, 3, steps=(account("user", "actor.email"),)),
    ("login", "*"): _login(99, None),
    ("saml", "login_success"): _login(1, 1),
    ("saml", "login_failure"): _login(1, 2),
    ("admin", "CREATE_USER"): _admin(_ACCOUNT, 1),
    ("admin", "UNSUSPEND_USER"): _admin(_ACCOUNT, 2),
    ("admin", "CHANGE_PASSWORD"): _admin(_ACCOUNT, 4),
    ("admin", "SUSPEND_USER"): _admin(_ACCOUNT, 5),
    ("admin", "DELETE_USER"): _admin(_ACCOUNT, 6),
    ("admin", "TURN_OFF_2_STEP_VERIFICATION"): _admin(_ACCOUNT, 11),
    ("admin", "ASSIGN_ROLE"): _admin(_ACCESS, 1),
    ("admin", "GRANT_ADMIN_PRIVILEGE"): _admin(_ACCESS, 1),
    ("admin", "GRANT_DELEGATED_ADMIN_PRIVILEGES"): _admin(_ACCESS, 1),
    ("admin", "ADD_PRIVILEGE"): _admin(_ACCESS, 1),
    ("admin", "UNASSIGN_ROLE"): _admin(_ACCESS, 2),
    ("admin", "REVOKE_ADMIN_PRIVILEGE"): _admin(_ACCESS, 2),
    ("admin", "ADD_GROUP_MEMBER"): _admin(_GROUP, 3),
    ("admin", "REMOVE_GROUP_MEMBER"): _admin(_GROUP, 4),
    ("admin", "DELETE_GROUP"): _admin(_GROUP, 5),
    ("admin", "CREATE_GROUP"): _admin(_GROUP, 6),
    ("token", "authorize"): What(
        _ACCESS,
        1,
        columns={"privileges": via(_challenges, f"{_PARAMETER}scope")},
        steps=(account("user", "actor.email"),),
    ),
    ("token", "revoke"): What(_ACCESS, 2, steps=(account("user", "actor.email"),)),
}
_DRIVE = {
    "create": 1,
    "upload": 1,
    "view": 2,
    "download": 2,
    "print": 2,
    "edit": 3,
    "rename": 5,
    "delete": 4,
    "trash": 4,
    "copy": 1,
}
_FILES: dict[str, From] = {"file.name": f"{_PARAMETER}doc_title", "file.path": f"{_PARAMETER}doc_id"}
_DRIVE_KINDS = {name: What(_FILE, activity, columns=_FILES) for name, activity in _DRIVE.items()}
_SHARED = What(
    _ACCESS,
    1,
    columns={**_FILES, "privileges": (f"{_PARAMETER}visibility", f"{_PARAMETER}new_value")},
    steps=(account("user", f"{_PARAMETER}target_user"),),
)
_OTHER = {activity: _admin(_ENTITY, activity) for activity in (1, 3, 4, 99)}
_CALL = What(_API, 99)
_VERBS = {
    1: ("CREATE", "ADD", "AUTHORIZE"),
    3: ("CHANGE", "UPDATE", "ENABLE", "DISABLE", "TOGGLE", "ALLOW", "ENFORCE"),
    4: ("DELETE", "REMOVE"),
}


def _other(application: str, name: str) -> What:
    """Any other event."""
    if application == "drive":
        return _DRIVE_KINDS.get(name) or (
            _SHARED if name.startswith("change_") or name == "team_drive_membership_change" else _CALL
        )
    if application != "admin":
        return _CALL
    return _OTHER[next((activity for activity, verbs in _VERBS.items() if name.startswith(verbs)), 99)]


FAMILY = Family(
    name="google_workspace",
    title="Google Workspace reports",
    page="google",
    product="Workspace",
    vendor="Google",
    match=match,
    time=(iso("id.time", zone="UTC"), iso("p_event_time", zone="UTC")),
    what=What(
        columns={
            "metadata.log_name": "id.applicationName",
            "metadata.event_code": "name",
            "message": "event_names",
            "metadata.uid": "id.uniqueQualifier",
            "metadata.tenant_uid": "id.customerId",
            "api.operation": "name",
            "api.service.name": "id.applicationName",
            "actor.user.uid": "actor.profileId",
            "actor.user.type": "actor.callerType",
            "actor.user.credential_uid": "actor.key",
            "actor.app_name": (f"{_PARAMETER}app_name", f"{_PARAMETER}API_CLIENT_NAME"),
            "actor.app_uid": f"{_PARAMETER}client_id",
            "resources.name": (
                f"{_PARAMETER}doc_title",
                f"{_PARAMETER}SETTING_NAME",
                f"{_PARAMETER}APPLICATION_NAME",
            ),
            "resources.uid": f"{_PARAMETER}doc_id",
            "resources.type": f"{_PARAMETER}doc_type",
            "src_endpoint.uid": f"{_PARAMETER}device_id",
            "http_request.user_agent": f"{_PARAMETER}user_agent",
        },
        steps=(account("actor.user", "actor.email"), endpoint("src_endpoint", "ipAddress")),
    ),
    by=("id.applicationName", "name"),
    kinds=_KINDS,
    otherwise=_other,
    key=("id.uniqueQualifier", "id.time", "id.applicationName"),
    prepare=prepare,
)
SOURCE = json_source(FAMILY)
