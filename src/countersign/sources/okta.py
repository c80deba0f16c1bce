"""Okta System Log: who signed in where, with which factors, and what administrators changed.

For an auditor Okta is the door before other doors: a sign-in to an application here is followed by that application's own log.
`authenticationContext.externalSessionId` joins what one person did from one sign-in; Okta's own support shows itself by `user.session.impersonation.*`.

Read are the interface's arrays, lines, and events of log streaming (EventBridge) and event hooks.

References: https://developer.okta.com/docs/reference/api/system-log/, https://developer.okta.com/docs/reference/api/event-types/,
https://help.okta.com/en-us/content/topics/reports/log-streaming/about-log-streams.htm.
"""

from __future__ import annotations

from functools import lru_cache

from countersign.sources._convert import said
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._json import json_source
from countersign.sources._mapping import From, Step, What, account, endpoint, enum, via
from countersign.sources._times import iso

_LOGIN, _ACCOUNT, _GROUP, _ACCESS, _ENTITY, _API = 3002, 3001, 3006, 3005, 3004, 6003
_NAMES = {
    name.lower(): name
    for name in (
        "eventType", "legacyEventType", "displayMessage", "authenticationContext", "securityContext", "debugContext",
    )
}  # fmt: skip


def match(row: Row) -> bool:
    """An event: its type, its actor, and its outcome or its time, under the names of Okta or in lower case."""
    if not ("eventType" in row or "eventtype" in row) or type(row.get("actor")) is not dict:
        return False
    return "published" in row or "outcome" in row


def _unwrap(row: Row) -> Row:
    """The event in what EventBridge puts around it."""
    detail = row.get("detail")
    return detail if type(detail) is dict and "detail-type" in row else row


def prepare(row: Row) -> Row:
    """Okta's own names, where a collector has written them in lower case."""
    return row if "eventType" in row else {_NAMES.get(name, name): value for name, value in row.items()}


def _who(value: object) -> tuple[object, ...]:
    """Name, domain and address; `unknown` and `system@okta.com` are Okta's own."""
    word = said(value)
    if word is None:
        return None, None, None
    name, mark, domain = word.rpartition("@")
    return (name, domain.lower(), word.lower()) if mark and name else (word, None, None)


def _known(value: object) -> str | None:
    """`Unknown` and `UNKNOWN` are what Okta writes for nothing."""
    word = said(value)
    return None if word is None or word.lower() == "unknown" else word


def _factors(targets: object) -> str | None:
    """The authenticators among the targets."""
    rows = [row for row in targets if isinstance(row, dict)] if isinstance(targets, list) else ()
    names = [
        said(row.get("displayName"))
        for row in rows
        if row.get("type") in {"AuthenticatorEnrollment", "Factor"}
    ]
    return ", ".join(dict.fromkeys(name for name in names if name)) or None


_TARGET = "target.type=User"
_USER: dict[str, From] = {"user.uid": f"{_TARGET}.id", "user.full_name": f"{_TARGET}.displayName"}
_USER_STEPS = (account("user", f"{_TARGET}.alternateId"),)
_ACTOR_COLUMNS: dict[str, From] = {
    "user.uid": "actor.id",
    "user.full_name": "actor.displayName",
    "session.uid": "authenticationContext.externalSessionId",
    "session.issuer": "authenticationContext.issuer.id",
    "auth_protocol": ("authenticationContext.credentialType", "debugContext.debugData.signOnMode"),
    "auth_factors": via(_factors, "target"),
    "policy.name": ("target.type=Rule.displayName", "target.type=PolicyEntity.displayName"),
}
_ACTOR_STEPS = (Step(("actor.alternateId",), ("user.name", "user.domain", "user.email_addr"), _who),)


def _login(activity: int, *, mfa: bool = False) -> What:
    steps = (
        *_ACTOR_STEPS,
        Step(
            ("outcome.result",), ("is_mfa",), lambda result: (True if mfa and result == "SUCCESS" else None,)
        ),
    )
    return What(_LOGIN, activity, columns=_ACTOR_COLUMNS, steps=steps)


def _change(class_uid: int, activity: int) -> What:
    return What(
        class_uid,
        activity,
        columns={
            **_USER,
            "group.name": "target.type=UserGroup.displayName",
            "group.uid": "target.type=UserGroup.id",
            "privileges": ("debugContext.debugData.privilegeGranted", "debugContext.debugData.privilegeRevoked",
                           "target.type=ROLE.displayName"),
        },
        steps=_USER_STEPS,
    )  # fmt: skip


_KINDS = {
    "user.session.start": _login(1),
    "user.authentication.sso": _login(1),
    "user.authentication.auth": _login(1),
    "user.authentication.auth_via_mfa": _login(1, mfa=True),
    "user.authentication.verify": _login(99),
    "user.authentication.auth_via_social": _login(1),
    "user.authentication.auth_via_IDP": _login(1),
    "user.authentication.auth_via_AD_agent": _login(1),
    "user.authentication.auth_via_LDAP_agent": _login(1),
    "user.authentication.auth_via_radius": _login(1),
    "user.session.impersonation.initiate": _login(1),
    "user.session.impersonation.end": _login(2),
    "user.session.end": _login(2),
    "user.session.clear": _login(2),
    "user.authentication.slo": _login(2),
    "policy.evaluate_sign_on": _login(99),
    "user.lifecycle.create": _change(_ACCOUNT, 1),
    "user.lifecycle.activate": _change(_ACCOUNT, 2),
    "user.lifecycle.reactivate": _change(_ACCOUNT, 2),
    "user.account.update_password": _change(_ACCOUNT, 3),
    "user.account.reset_password": _change(_ACCOUNT, 4),
    "user.lifecycle.suspend": _change(_ACCOUNT, 5),
    "user.lifecycle.deactivate": _change(_ACCOUNT, 5),
    "user.lifecycle.delete.initiated": _change(_ACCOUNT, 6),
    "user.lifecycle.delete.completed": _change(_ACCOUNT, 6),
    "user.account.lock": _change(_ACCOUNT, 9),
    "user.mfa.factor.activate": _change(_ACCOUNT, 10),
    "user.mfa.factor.deactivate": _change(_ACCOUNT, 11),
    "user.mfa.factor.reset_all": _change(_ACCOUNT, 11),
    "user.account.unlock": _change(_ACCOUNT, 12),
    "user.account.unlock_by_admin": _change(_ACCOUNT, 12),
    "user.account.privilege.grant": _change(_ACCESS, 1),
    "user.account.privilege.revoke": _change(_ACCESS, 2),
    "user.session.impersonation.grant": _change(_ACCESS, 1),
    "user.session.impersonation.revoke": _change(_ACCESS, 2),
    "application.user_membership.add": _change(_ACCESS, 1),
    "application.user_membership.remove": _change(_ACCESS, 2),
    "group.privilege.grant": _change(_GROUP, 1),
    "group.privilege.revoke": _change(_GROUP, 2),
    "group.user_membership.add": _change(_GROUP, 3),
    "group.user_membership.remove": _change(_GROUP, 4),
    "group.lifecycle.delete": _change(_GROUP, 5),
    "group.lifecycle.create": _change(_GROUP, 6),
}
_ENDS = {
    "create": 1,
    "add": 1,
    "update": 3,
    "activate": 3,
    "deactivate": 3,
    "delete": 4,
    "revoke": 4,
    "remove": 4,
}
_OTHER = {activity: _change(_ENTITY, activity) for activity in (1, 3, 4)}
_ELSE = _change(_API, 99)


@lru_cache(maxsize=4096)
def _by_end(kind: str) -> What:
    """Any other event, by the last word of its type."""
    activity = _ENDS.get(kind.rpartition(".")[2])
    return _OTHER[activity] if activity and not kind.startswith("user.account") else _ELSE


FAMILY = Family(
    name="okta",
    title="Okta System Log",
    page="okta",
    product="System Log",
    vendor="Okta",
    match=match,
    time=(iso("published", zone="UTC"),),
    what=What(
        status=enum("outcome.result", {"SUCCESS": 1, "ALLOW": 1, "FAILURE": 2, "DENY": 2}, 0),
        columns={
            "status_detail": "outcome.reason",
            "message": "displayMessage",
            "severity_id": enum("severity", {"DEBUG": 1, "INFO": 1, "WARN": 3, "ERROR": 4}),
            "action_id": enum("outcome.result", {"ALLOW": 1, "DENY": 2}),
            "metadata.event_code": "eventType",
            "metadata.uid": "uuid",
            "metadata.correlation_uid": "transaction.id",
            "api.operation": "eventType",
            "api.request.uid": "debugContext.debugData.requestId",
            "actor.user.uid": "actor.id",
            "actor.user.full_name": "actor.displayName",
            "actor.user.type": "actor.type",
            "actor.user.credential_uid": "transaction.detail.requestApiTokenId",
            "actor.session.uid": (
                "authenticationContext.externalSessionId",
                "authenticationContext.rootSessionId",
            ),
            "http_request.user_agent": "client.userAgent.rawUserAgent",
            "src_endpoint.agent.name": via(_known, "client.userAgent.browser"),
            "src_endpoint.os.name": via(_known, "client.userAgent.os"),
            "src_endpoint.name": "device.name",
            "src_endpoint.uid": ("device.id", "client.id"),
            "src_endpoint.is_managed": "device.managed",
            "src_endpoint.zone": via(_known, "client.zone"),
            "src_endpoint.location.country": "client.geographicalContext.country",
            "src_endpoint.location.city": "client.geographicalContext.city",
            "src_endpoint.autonomous_system.number": "securityContext.asNumber",
            "src_endpoint.autonomous_system.name": "securityContext.asOrg",
            "dst_endpoint.svc_name": "target.type=AppInstance.displayName",
            "resources.name": ("target.type=AppInstance.displayName", "target.0.displayName"),
            "resources.uid": ("target.type=AppInstance.id", "target.0.id"),
            "resources.type": "target.0.type",
            "url": "debugContext.debugData.requestUri",
        },
        steps=(
            Step(
                ("actor.alternateId",),
                ("actor.user.name", "actor.user.domain", "actor.user.email_addr"),
                _who,
            ),
            endpoint("src_endpoint", "client.ipAddress"),
        ),
    ),
    by=("eventType",),
    kinds=_KINDS,
    otherwise=_by_end,
    key=("uuid",),
    log="=okta",
    prepare=prepare,
    also={"target.displayName": "target.0.displayName", "target.alternateId": "target.0.alternateId"},
)
SOURCE = json_source(FAMILY, _unwrap)
