"""Entra ID sign-ins: who got a token for what, from where and on which device, with which factors, from which tenant.

For an auditor this is the front door of a cloud tenant. A partner comes in with an account of their own tenant (`crossTenantAccessType`
b2bCollaboration, b2bDirectConnect or serviceProvider; `homeTenantId` differs from `resourceTenantId`), with an account made for them,
or with an application's secret. `session.uid` is Entra's session, which Microsoft 365 names, too (`AppAccessContext.AADSessionId`);
`session.credential_uid` the token that Graph's activity log names. That a second factor was given is believed where Entra says that it was
required and the sign-in went through; that none was given only where Entra itself would have asked: not of guests and federated accounts.

Read are diagnostic settings (storage account, event hub), Microsoft Graph and the portal's JSON, PowerShell's, Log Analytics (Sentinel)
as JSON; what comes as CSV is in `entra_signin_csv`.

References: https://learn.microsoft.com/en-us/graph/api/resources/signin, .../graph/api/resources/authenticationdetail,
https://learn.microsoft.com/en-us/azure/azure-monitor/reference/tables/signinlogs,
https://learn.microsoft.com/en-us/entra/identity/monitoring-health/concept-sign-in-log-activity-details,
https://learn.microsoft.com/en-us/entra/identity/monitoring-health/howto-download-logs,
https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from countersign.sources._convert import boolean, said, text
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._mapping import Step, What, endpoint, enum, via
from countersign.sources._microsoft import objects_in, of_workspace, person
from countersign.sources._times import epoch, iso

_AUTHENTICATION = 3002
_CATEGORIES = {
    name.lower(): name
    for name in (
        "SignInLogs", "NonInteractiveUserSignInLogs", "ServicePrincipalSignInLogs", "ManagedIdentitySignInLogs",
        "MicrosoftServicePrincipalSignInLogs", "ADFSSignInLogs",
    )
}  # fmt: skip
_TABLES = {
    "SigninLogs": "SignInLogs",
    "AADNonInteractiveUserSignInLogs": "NonInteractiveUserSignInLogs",
    "AADServicePrincipalSignInLogs": "ServicePrincipalSignInLogs",
    "AADManagedIdentitySignInLogs": "ManagedIdentitySignInLogs",
    "ADFSSignInLogs": "ADFSSignInLogs",
}
_EVENT_TYPES = {
    "interactiveUser": "SignInLogs",
    "nonInteractiveUser": "NonInteractiveUserSignInLogs",
    "servicePrincipal": "ServicePrincipalSignInLogs",
    "managedIdentity": "ManagedIdentitySignInLogs",
}
_INTERRUPTED = frozenset(
    {"16000", "50058", "50072", "50074", "50076", "50079", "50097", "50125", "50129", "50140", "50158", "50199", "65001"}
)  # fmt: skip
"""Codes of a step on the way to a sign-in: neither success nor failure."""
STRONG = ("fido2", "passkey", "windows hello", "temporary access pass in")
"""Methods that are two factors by themselves (a device and a PIN, a finger or a face)."""
_EARLIER = ("previously satisfied", "claim in the token", "claim provided", "by claim")
INTERACTIVE = "SignInLogs"


def match(row: Row) -> bool:
    """A sign-in in any of the JSON shapes."""
    category = row.get("category")
    if type(category) is str and category.lower() in _CATEGORIES:
        return type(row.get("properties")) is dict
    table = row.get("Type")
    if type(table) is str and table in _TABLES:
        return True
    if "ipAddress" in row and "createdDateTime" in row and "appId" in row:
        return "userPrincipalName" in row or "servicePrincipalName" in row or "servicePrincipalId" in row
    if "IPAddress" in row and "AppId" in row and ("CreatedDateTime" in row or "Category" in row):
        return "UserPrincipalName" in row or "ServicePrincipalName" in row
    return False


def prepare(row: Row) -> Row:
    """The shape of diagnostic settings, whatever shape the record has."""
    properties = row.get("properties")
    if type(properties) is dict:
        made = dict(row)
        category = str(row.get("category"))
        made["category"] = _CATEGORIES.get(category.lower(), category)
    elif "createdDateTime" in row and "Type" not in row:
        properties = row
        made = {"properties": row}
    else:
        made = of_workspace(row, _TABLES.get(str(row.get("Type")), str(row.get("Category") or "")))
        properties = made["properties"]
        properties.pop("category", None)
    return _completed(made, properties)


def _completed(made: dict[str, Any], properties: Mapping[str, Any]) -> Row:
    """What diagnostic settings write beside `properties`, where a shape does not."""
    if not made.get("category"):
        made["category"] = _category(properties)
    made.setdefault("operationName", "Sign-in activity")
    status = properties.get("status")
    if type(status) is dict and "resultType" not in made:
        made["resultType"] = text(status.get("errorCode"))
        made["resultDescription"] = status.get("failureReason")
    if "callerIpAddress" not in made and "ipAddress" in properties:
        made["callerIpAddress"] = properties["ipAddress"]
    if "correlationId" not in made and "correlationId" in properties:
        made["correlationId"] = properties["correlationId"]
    place = properties.get("location")
    if "location" not in made and type(place) is dict:
        made["location"] = place.get("countryOrRegion")
    code = text(made.get("resultType"))
    if code is not None and "Status" not in made:
        made["Status"] = _WORDS[_status(code) or 0]
    return made


def _category(properties: Mapping[str, Any]) -> str:
    kinds = properties.get("signInEventTypes")
    if type(kinds) is list and kinds:
        return _EVENT_TYPES.get(str(kinds[-1]), INTERACTIVE)
    if said(properties.get("servicePrincipalId")) or said(properties.get("servicePrincipalName")):
        return "ServicePrincipalSignInLogs"
    return INTERACTIVE if properties.get("isInteractive") is not False else "NonInteractiveUserSignInLogs"


_WORDS = ("Interrupted", "Success", "Failure")


def _status(code: object) -> int | None:
    """OCSF status of an error code; a step on the way is neither."""
    word = text(code)
    if word is None:
        return None
    if word in {"0", "Success", "success"}:
        return 1
    return 0 if word in _INTERRUPTED or word == "Interrupted" else 2


def _detail(reason: object) -> str | None:
    found = said(reason)
    return None if found == "Other." else found


def _protocol(word: object) -> str | None:
    """A protocol, or an old client that is one (IMAP4); a browser is none."""
    found = said(word)
    return None if found in _CLIENTS else found


_CLIENTS = frozenset({"Browser", "Mobile Apps and Desktop clients", "None"})


def _methods(details: object) -> list[str]:
    """The methods that were answered, each once, in the order of answering."""
    found: dict[str, None] = {}
    for step in objects_in(details):
        method = said(step.get("authenticationMethod"))
        if method is not None and boolean(step.get("succeeded")) is not False:
            found[method] = None
    return list(found)


def _factors(details: object) -> str | None:
    return ", ".join(_methods(details)) or None


def _words(details: object) -> Iterable[str]:
    for step in objects_in(details):
        for name in ("authenticationMethod", "authenticationMethodDetail", "authenticationStepResultDetail"):
            word = step.get(name)
            if type(word) is str:
                yield word.lower()


def _mfa(
    code: object, requirement: object, details: object, category: object, cross: object, issuer: object, method: object
) -> Sequence[object]:  # fmt: skip
    """Whether a second factor was given: true, false, or null where this log cannot tell."""
    if _status(code) != 1 or (type(category) is str and "Principal" in category):
        return (None,)
    if requirement == "multiFactorAuthentication" or said(method):
        return (True,)
    kinds = [_method(one) if len(one) < _SHORT else _kind_of(one) for one in _methods(details)]
    if _STRONG in kinds or kinds.count(_OWN) > 1:
        return (True,)
    if requirement != "singleFactorAuthentication" or category != INTERACTIVE:
        return (None,)
    words = "\n".join(_words(details))
    elsewhere = said(cross) or (said(issuer) and issuer != "AzureAD") or "federated" in words
    return (None if elsewhere or any(sign in words for sign in _EARLIER) else False,)


_STRONG, _OWN, _GIVEN = range(3)
_SHORT = 256


@lru_cache(maxsize=1024)
def _method(name: str) -> int:
    return _kind_of(name)


def _kind_of(name: str) -> int:
    """Whether a method is two factors by itself, one, or one that was given earlier."""
    lower = name.lower()
    if lower.startswith(STRONG):
        return _STRONG
    return _GIVEN if any(sign in lower for sign in _EARLIER) else _OWN


def _policies(policies: object) -> str | None:
    """The conditional access policies that decided: those that refused, else those that were met."""
    rows = objects_in(policies)
    for wanted in ("failure", "success"):
        names = [
            name for row in rows if row.get("result") == wanted and (name := said(row.get("displayName")))
        ]
        if names:
            return ", ".join(names)
    return None


def _principal(name: object, uid: object, app: object) -> Sequence[object]:
    """Columns of an application that signed in: name, its object, its application id, what it is."""
    found = said(uid)
    if found is None and said(name) is None:
        return None, None, None, None
    return said(name), found, said(app), "ServicePrincipal"


_PRINCIPAL = Step(
    ("properties.servicePrincipalId", "properties.servicePrincipalName", "properties.appId"),
    ("user.name", "user.uid", "user.uid_alt", "user.type"),
    lambda uid, name, app: _principal(name, uid, app),
)
_WHAT = What(
    _AUTHENTICATION,
    1,
    status=via(_status, "resultType", "properties.status.errorCode", "Status"),
    columns={
        "status_code": ("resultType", "properties.status.errorCode"),
        "status_detail": via(
            _detail, "properties.status.failureReason", "resultDescription", "properties.status.additionalDetails"
        ),
        "action_id": enum("properties.conditionalAccessStatus", {"success": 1, "failure": 2}),
        "severity_id": enum(
            ("properties.riskLevelDuringSignIn", "properties.riskLevelAggregated"),
            {"low": 2, "medium": 3, "high": 4},
        ),
        "metadata.uid": "properties.id",
        "metadata.event_code": "category",
        "metadata.correlation_uid": ("properties.correlationId", "correlationId"),
        "metadata.tenant_uid": ("properties.resourceTenantId", "tenantId"),
        "api.request.uid": "properties.id",
        "user.uid": "properties.userId",
        "user.full_name": ("properties.userDisplayName", "identity"),
        "user.type": "properties.userType",
        "user.org.uid": "properties.homeTenantId",
        "user.credential_uid": (
            "properties.servicePrincipalCredentialKeyId",
            "properties.servicePrincipalCredentialThumbprint",
        ),
        "session.uid": "properties.sessionId",
        "session.credential_uid": "properties.uniqueTokenIdentifier",
        "session.issuer": "properties.tokenIssuerName",
        "actor.app_name": "properties.appDisplayName",
        "actor.app_uid": "properties.appId",
        "dst_endpoint.svc_name": "properties.resourceDisplayName",
        "resources.name": "properties.resourceDisplayName",
        "resources.uid": ("properties.resourceServicePrincipalId", "properties.resourceId", "properties.resourceIdentity"),
        "src_endpoint.uid": "properties.deviceDetail.deviceId",
        "src_endpoint.name": "properties.deviceDetail.displayName",
        "src_endpoint.os.name": "properties.deviceDetail.operatingSystem",
        "src_endpoint.agent.name": ("properties.deviceDetail.browser", "properties.clientAppUsed"),
        "src_endpoint.is_compliant": "properties.deviceDetail.isCompliant",
        "src_endpoint.is_managed": "properties.deviceDetail.isManaged",
        "src_endpoint.location.country": ("properties.location.countryOrRegion", "location"),
        "src_endpoint.location.city": "properties.location.city",
        "src_endpoint.autonomous_system.number": "properties.autonomousSystemNumber",
        "src_endpoint.proxy_endpoint.ip": "properties.globalSecureAccessIpAddress",
        "http_request.user_agent": "properties.userAgent",
        "auth_protocol": via(_protocol, "properties.authenticationProtocol", "properties.clientAppUsed"),
        "auth_factors": via(_factors, "properties.authenticationDetails"),
        "policy.name": via(_policies, "properties.appliedConditionalAccessPolicies"),
    },
    steps=(
        person("user", "properties.userPrincipalName"),
        _PRINCIPAL,
        Step(("properties.mfaDetail.authMethod",), ("auth_factors",), lambda method: (said(method),)),
        endpoint("src_endpoint", "properties.ipAddress"),
        endpoint("src_endpoint", "callerIpAddress"),
        Step(
            (
                "category",
                "resultType",
                "properties.authenticationRequirement",
                "properties.authenticationDetails",
                "properties.crossTenantAccessType",
                "properties.tokenIssuerType",
                "properties.mfaDetail.authMethod",
            ),
            ("is_mfa",),
            lambda category, code, requirement, details, *rest: _mfa(code, requirement, details, category, *rest),
            whole=True,
        ),
    ),
    constants={"cloud.provider": "Azure"},
)  # fmt: skip

FAMILY = Family(
    name="entra.signin",
    title="Entra ID sign-ins (JSON)",
    page="entra",
    product="Entra ID",
    vendor="Microsoft",
    match=match,
    time=(
        iso("properties.createdDateTime", zone="UTC"),
        epoch("properties.createdDateTime", "ms"),
        iso("time", zone="UTC"),
    ),
    what=_WHAT,
    key=("properties.id",),
    log="category",
    prepare=prepare,
)
