"""Duo Security: which second factor was asked, from which device, what was answered, and what administrators changed.

For an auditor a Duo authentication is the proof of a second factor that a VPN's or a federated sign-in's own log cannot give: join it by
the person and the minute. `access_device` is where the sign-in came from, `auth_device` the telephone that answered. Bypass codes and
statuses let a person in without.

Read are the Admin API's logs (authentication v1 and v2, administrator, activity) as it gives them, arrays and lines.

References: https://duo.com/docs/adminapi#authentication-logs, https://duo.com/docs/adminapi#administrator-logs, https://duo.com/docs/adminapi#activity-logs.
"""

from __future__ import annotations

from functools import lru_cache

from countersign.sources._convert import said
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._mapping import Step, What, account, endpoint, enum, via
from countersign.sources._mixed import mixed_sources
from countersign.sources._times import epoch, iso

_LOGIN, _ACCOUNT, _ACCESS, _ENTITY, _GROUP = 3002, 3001, 3005, 3004, 3006
_NO_FACTOR = frozenset(
    {
        "not_available",
        "n/a",
        "bypass_code",
        "remembered_device",
        "trusted_network",
        "trusted_mobile_authenticator",
        "none",
    }
)
"""What stands where nobody was asked, or a code of an administrator's stood in for the factor."""
_ASKED = "access_device.ip"


def _is_authentication(row: Row) -> bool:
    return (
        "factor" in row
        and "result" in row
        and ("access_device" in row or "auth_device" in row or "integration" in row)
    )


def _mfa(factor: object, result: object, reason: object) -> tuple[object]:
    """True where a factor was answered and let in; null where none was asked: the first factor is none of Duo's."""
    word, why = said(factor), said(reason)
    if (
        word is None
        or (said(result) or "").lower() != "success"
        or (why and why.lower().startswith(_NOT_ASKED))
    ):
        return (None,)
    return (None if word.lower().replace(" ", "_") in _NO_FACTOR else True,)


_NOT_ASKED = ("bypass", "allow", "remembered", "trusted", "no_")
"""How reasons begin for which Duo lets in without asking."""


AUTHENTICATION = Family(
    name="duo.authentication",
    title="Duo authentication log",
    page="duo",
    product="Duo",
    vendor="Cisco",
    match=_is_authentication,
    time=(iso("isotimestamp", zone="UTC"), epoch("timestamp", "s"), iso("timestamp", zone="UTC")),
    what=What(
        _LOGIN,
        1,
        status=enum("result", {"success": 1, "denied": 2, "failure": 2, "fraud": 2, "error": 2}, 0),
        columns={
            "status_code": "result",
            "status_detail": "reason",
            "metadata.uid": "txid",
            "metadata.event_code": ("event_type", "eventtype"),
            "user.uid": "user.key",
            "user.email_addr": via(lambda value: (said(value) or "").lower() or None, "email"),
            "user.uid_alt": "alias",
            "auth_factors": "factor",
            "dst_endpoint.svc_name": ("application.name", "integration"),
            "resources.name": ("application.name", "integration"),
            "resources.uid": "application.key",
            "src_endpoint.name": "access_device.hostname",
            "src_endpoint.uid": "access_device.epkey",
            "src_endpoint.os.name": "access_device.os",
            "src_endpoint.agent.name": "access_device.browser",
            "src_endpoint.agent.version": "access_device.browser_version",
            "src_endpoint.location.country": ("access_device.location.country", "location.country"),
            "src_endpoint.location.city": ("access_device.location.city", "location.city"),
            "src_endpoint.is_managed": enum(
                "trusted_endpoint_status", {"trusted": True, "not trusted": False}
            ),
        },
        steps=(
            account("user", "user.name"),
            account("user", "username"),
            endpoint("src_endpoint", _ASKED),
            endpoint("src_endpoint", "ip"),
            Step(("factor", "result", "reason"), ("is_mfa",), _mfa),
        ),
    ),
    key=("txid",),
    log="=authentication",
)

_ACTIONS = {
    "admin_login": What(_LOGIN, 1, status=1, steps=(account("user", "username"),)),
    "admin_login_error": What(_LOGIN, 1, status=2, steps=(account("user", "username"),)),
    "admin_2fa_error": What(_LOGIN, 1, status=2, steps=(account("user", "username"),)),
    "admin_lockout": What(_ACCOUNT, 9, steps=(account("user", "username"),)),
    "admin_create": What(_ACCOUNT, 1, steps=(account("user", "object"),)),
    "admin_delete": What(_ACCOUNT, 6, steps=(account("user", "object"),)),
    "user_create": What(_ACCOUNT, 1, steps=(account("user", "object"),)),
    "user_update": What(_ACCOUNT, 99, steps=(account("user", "object"),)),
    "user_delete": What(_ACCOUNT, 6, steps=(account("user", "object"),)),
    "bypass_create": What(_ACCOUNT, 11, steps=(account("user", "object"),)),
    "bypass_view": What(_ENTITY, 2, steps=(account("user", "object"),)),
    "phone_associate": What(_ACCOUNT, 10, steps=(account("user", "object"),)),
    "phone_disassociate": What(_ACCOUNT, 11, steps=(account("user", "object"),)),
    "hardtoken_associate": What(_ACCOUNT, 10, steps=(account("user", "object"),)),
    "user_enable": What(_ACCOUNT, 2, steps=(account("user", "object"),)),
    "user_disable": What(_ACCOUNT, 5, steps=(account("user", "object"),)),
    "group_create": What(_GROUP, 6),
    "group_delete": What(_GROUP, 5),
}
_VERBS = {"create": 1, "install": 1, "view": 2, "update": 3, "delete": 4}
_OTHER = {activity: What(_ENTITY, activity) for activity in (1, 2, 3, 4, 99)}


@lru_cache(maxsize=1024)
def _action(name: str) -> What:
    """An action by its last word; before that by its whole name."""
    return _ACTIONS.get(name) or _OTHER[_VERBS.get(name.rpartition("_")[2], 99)]


_ADMINISTRATOR = Family(
    name="duo.administrator",
    title="Duo administrator log",
    page="duo",
    product="Duo",
    vendor="Cisco",
    match=lambda row: (
        type(row.get("action")) is str and "username" in row and ("isotimestamp" in row or "timestamp" in row)
    ),
    time=(iso("isotimestamp", zone="UTC"), epoch("timestamp", "s"), iso("timestamp", zone="UTC")),
    what=What(
        columns={
            "metadata.event_code": "action",
            "api.operation": "action",
            "resources.name": "object",
            "message": "description",
        },
        status=1,
        steps=(account("actor.user", "username"),),
    ),
    by=("action",),
    otherwise=_action,
    log="=administrator",
)

_ACTIVITY = Family(
    name="duo.activity",
    title="Duo activity log",
    page="duo",
    product="Duo",
    vendor="Cisco",
    match=lambda row: "activity_id" in row and type(row.get("action")) is dict and "actor" in row,
    time=(iso("ts", zone="UTC"),),
    what=What(
        status=enum("outcome.result", {"success": 1, "failure": 2}),
        columns={
            "metadata.event_code": "action.name",
            "metadata.uid": "activity_id",
            "api.operation": "action.name",
            "actor.user.uid": "actor.key",
            "actor.user.type": "actor.type",
            "resources.name": "target.name",
            "resources.uid": "target.key",
            "resources.type": "target.type",
            "src_endpoint.os.name": "access_device.os",
            "src_endpoint.agent.name": "access_device.browser",
            "src_endpoint.location.country": "access_device.location.country",
            "src_endpoint.location.city": "access_device.location.city",
        },
        steps=(account("actor.user", "actor.name"), endpoint("src_endpoint", _ASKED)),
    ),
    by=("action.name",),
    otherwise=_action,
    key=("activity_id",),
    log="=activity",
)
SOURCES = mixed_sources((AUTHENTICATION, _ADMINISTRATOR, _ACTIVITY))
