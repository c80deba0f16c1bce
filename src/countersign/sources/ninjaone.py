"""NinjaOne activities: which technician logged in, opened a remote session to which device, ran what, and changed whom.

For an auditor they are the provider's own account of its work: ask for the export. `userId` is the technician, `deviceId` the machine; the
text of the activity names both. The way in (RDP, Splashtop, TeamViewer, Ninja Remote) is in `activityType`; address and second
factor are only where a login's message has them.

Read is what the API's `/v2/activities` answers (JSON, with or without its envelope).

References: https://app.ninjarmm.com/apidocs/ (Activities), https://www.powershellgallery.com/packages/NinjaOne (Get-NinjaOneActivities).
Values of `statusCode` are believed.
"""

from __future__ import annotations

from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._json import json_source
from countersign.sources._mapping import From, What, account, endpoint, enum
from countersign.sources._times import epoch, iso

_LOGIN, _ACCOUNT, _ENTITY, _API = 3002, 3001, 3004, 6003


def _match(row: Row) -> bool:
    return "activityTime" in row and "activityType" in row and ("statusCode" in row or "seriesUid" in row)


_SESSION: dict[str, From] = {
    "user.uid": "userId",
    "session.uid": "seriesUid",
    "dst_endpoint.uid": "deviceId",
    "auth_protocol": "activityType",
}
_WHO = (account("user", "user"), account("user", "data.message.params.appUserName"))
_DID: dict[str, From] = {"actor.user.uid": "userId", "dst_endpoint.uid": "deviceId", "resources.type": "type"}
_DOER = (account("actor.user", "user"), account("actor.user", "data.message.params.appUserName"))
_LOGGED: dict[str, From] = {"user.uid": "userId"}
_KINDS = {
    "APP_USER_LOGGED_IN": What(_LOGIN, 1, 1, _LOGGED, _WHO),
    "APP_USER_LOGGED_OUT": What(_LOGIN, 2, 1, _LOGGED, _WHO),
    "APP_USER_LOGIN_FAILED": What(_LOGIN, 1, 2, _LOGGED, _WHO),
}
_OPENED, _CLOSED, _TRIED = (
    What(_LOGIN, number, 1 if number < 3 else None, _SESSION, _WHO) for number in (1, 2, 99)
)
_ENDINGS = (
    ("_CONNECTION_ESTABLISHED", _OPENED),
    ("_SESSION_STARTED", _OPENED),
    ("_CONNECTION_TERMINATED", _CLOSED),
    ("_SESSION_ENDED", _CLOSED),
    ("_CONNECTION_INITIATED", _TRIED),
)
_CHANGES = {
    (class_uid, ending): What(class_uid, number, 1, _DID, _DOER)
    for class_uid, numbers in ((_ENTITY, (1, 3, 4)), (_ACCOUNT, (1, 99, 6)))
    for ending, number in zip(("CREATED", "UPDATED", "DELETED"), numbers, strict=True)
}
_OTHER = What(_API, 99, None, _DID, _DOER)


def _otherwise(code: str) -> What:
    for ending, what in _ENDINGS:
        if code.endswith(ending):
            return what
    class_uid = _ACCOUNT if code.startswith(("APP_USER_", "END_USER_")) else _ENTITY
    return _CHANGES.get((class_uid, code.rpartition("_")[2]), _OTHER)


FAMILY = Family(
    name="ninjaone",
    title="NinjaOne activities",
    page="remote_support",
    product="NinjaOne",
    vendor="NinjaOne",
    match=_match,
    time=(epoch("activityTime", "s"), iso("activityTime")),
    log="=activities",
    by=("statusCode",),
    kinds=_KINDS,
    otherwise=_otherwise,
    what=What(
        columns={
            "message": "message",
            "metadata.uid": "id",
            "metadata.event_code": "statusCode",
            "metadata.correlation_uid": "seriesUid",
            "status_detail": "activityResult",
            "api.operation": ("status", "statusCode"),
            "dst_endpoint.name": "deviceName",
            "severity_id": enum(
                "severity", {"NONE": 1, "MINOR": 2, "MODERATE": 3, "MAJOR": 4, "CRITICAL": 5}
            ),
        },
        steps=(endpoint("src_endpoint", "data.message.params.ipAddress"),),
    ),
)
SOURCE = json_source(FAMILY)
