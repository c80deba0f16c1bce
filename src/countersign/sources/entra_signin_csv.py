"""Entra ID sign-ins as CSV: the portal's, its file of authentication details, and exports of Log Analytics and PowerShell.

For an auditor the portal's CSV is what an administrator sends who has nothing but a browser: the same sign-ins as in the other
shapes, with less said of each, so that it gives way where one of those tells of the same request. Its rows of authentication details name the sign-in that they are steps of in `api.request.uid`.

References: https://learn.microsoft.com/en-us/entra/identity/monitoring-health/howto-download-logs,
https://learn.microsoft.com/en-us/entra/identity/monitoring-health/concept-sign-in-log-activity-details,
https://learn.microsoft.com/en-us/azure/azure-monitor/reference/tables/signinlogs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from countersign.sources._convert import boolean, said, text
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._mapping import Step, What, via
from countersign.sources._microsoft import workspace_times
from countersign.sources._table import csv_source
from countersign.sources._times import iso, written
from countersign.sources.entra_signin import FAMILY, INTERACTIVE, STRONG

_NAMES = {
    "Date (UTC)": "properties.createdDateTime",
    "Request ID": "properties.id",
    "Correlation ID": "properties.correlationId",
    "User ID": "properties.userId",
    "User": "properties.userDisplayName",
    "Username": "properties.userPrincipalName",
    "User type": "properties.userType",
    "User agent": "properties.userAgent",
    "Cross tenant access type": "properties.crossTenantAccessType",
    "Incoming token type": "properties.incomingTokenType",
    "Authentication Protocol": "properties.authenticationProtocol",
    "Unique token identifier": "properties.uniqueTokenIdentifier",
    "Original transfer method": "properties.originalTransferMethod",
    "Client credential type": "properties.clientCredentialType",
    "Application": "properties.appDisplayName",
    "Application ID": "properties.appId",
    "App owner tenant ID": "properties.appOwnerTenantId",
    "Resource": "properties.resourceDisplayName",
    "Resource ID": "properties.resourceId",
    "Resource tenant ID": "properties.resourceTenantId",
    "Resource owner tenant ID": "properties.resourceOwnerTenantId",
    "Home tenant ID": "properties.homeTenantId",
    "Home tenant name": "properties.homeTenantName",
    "IP address": "properties.ipAddress",
    "IP address (seen by resource)": "properties.ipAddressFromResourceProvider",
    "Sign-in error code": "resultType",
    "Failure reason": "properties.status.failureReason",
    "Client app": "properties.clientAppUsed",
    "Device ID": "properties.deviceDetail.deviceId",
    "Browser": "properties.deviceDetail.browser",
    "Operating System": "properties.deviceDetail.operatingSystem",
    "Compliant": "properties.deviceDetail.isCompliant",
    "Managed": "properties.deviceDetail.isManaged",
    "Join Type": "properties.deviceDetail.trustType",
    "Multifactor authentication result": "properties.status.additionalDetails",
    "Multifactor authentication auth method": "properties.mfaDetail.authMethod",
    "Multifactor authentication auth detail": "properties.mfaDetail.authDetail",
    "Authentication requirement": "properties.authenticationRequirement",
    "Sign-in identifier": "properties.signInIdentifier",
    "Session ID": "properties.sessionId",
    "Global Secure Access IP address": "properties.globalSecureAccessIpAddress",
    "Autonomous system  number": "properties.autonomousSystemNumber",
    "Autonomous system number": "properties.autonomousSystemNumber",
    "Flagged for review": "properties.flaggedForReview",
    "Token issuer type": "properties.tokenIssuerType",
    "Token issuer name": "properties.tokenIssuerName",
    "Latency": "durationMs",
    "Conditional Access": "properties.conditionalAccessStatus",
    "Service principal ID": "properties.servicePrincipalId",
    "Service principal name": "properties.servicePrincipalName",
    "Credential key ID": "properties.servicePrincipalCredentialKeyId",
    "Credential thumbprint": "properties.servicePrincipalCredentialThumbprint",
    "Managed Identity type": "properties.managedServiceIdentity.msiType",
    "Associated Resource Id": "properties.managedServiceIdentity.associatedResourceId",
    "Federated Token Id": "properties.managedServiceIdentity.federatedTokenId",
    "Federated Token Issuer": "properties.managedServiceIdentity.federatedTokenIssuer",
}
"""The portal's column names, and what diagnostic settings call the same."""
_PORTAL_WORDS: dict[str, dict[str, object]] = {
    "properties.conditionalAccessStatus": {
        "success": "success",
        "failure": "failure",
        "not applied": "notApplied",
    },
    "properties.authenticationRequirement": {
        "multifactor authentication": "multiFactorAuthentication",
        "multi-factor authentication": "multiFactorAuthentication",
        "single-factor authentication": "singleFactorAuthentication",
    },
    "properties.tokenIssuerType": {"microsoft entra id": "AzureAD", "azure ad": "AzureAD"},
    "properties.userType": {"member": "member", "guest": "guest"},
    "properties.deviceDetail.isCompliant": {"yes": True, "no": False, "true": True, "false": False},
    "properties.deviceDetail.isManaged": {"yes": True, "no": False, "true": True, "false": False},
}
"""What the portal writes for people, and what the other shapes have."""


def _match_portal(row: Row) -> bool:
    return (
        "Request ID" in row and "Date (UTC)" in row and "Status" in row and "Authentication method" not in row
    )


def _portal(row: Row) -> Row:
    made: dict[str, Any] = {_NAMES.get(name, name): value for name, value in row.items()}
    made["operationName"] = "Sign-in activity"
    made["category"] = _portal_category(row)
    made["callerIpAddress"] = row.get("IP address")
    if row.get("Sign-in error code") is None and row.get("Status") == "Success":
        made["resultType"] = "0"
    for name, words in _PORTAL_WORDS.items():
        if name in made:
            made[name] = words.get(str(made[name]).lower(), made[name])
    place = text(row.get("Location")) or ""
    city, _, country = place.rpartition(",")
    if country.strip():
        made["Location"] = made["properties.location.countryOrRegion"] = country.strip()
        if city:
            made["properties.location.city"] = city.split(",")[0].strip()
    return made


def _portal_category(row: Row) -> str:
    """Which of the portal's files it is, by its columns; interactive or not is in the file's name alone."""
    if said(row.get("Managed Identity type")):
        return "ManagedIdentitySignInLogs"
    if "Service principal ID" in row and "Username" not in row:
        return "ServicePrincipalSignInLogs"
    kind = str(row.get("Incoming token type") or "").lower()
    return "NonInteractiveUserSignInLogs" if "refreshtoken" in kind.replace(" ", "") else INTERACTIVE


_PORTAL = replace(
    FAMILY,
    name="entra.signin_csv",
    title="Entra ID sign-ins (the portal's CSV)",
    identity="entra.signin_csv",
    match=_match_portal,
    time=(
        iso("properties.createdDateTime", zone="UTC"),
        written("properties.createdDateTime", order="mdy", zone="UTC"),
    ),
    prepare=_portal,
    ends_at=(100_000, 250_000),
)


def _match_details(row: Row) -> bool:
    return "Request ID" in row and "Authentication method" in row and "Succeeded" in row


def _done(succeeded: object) -> int | None:
    answer = boolean(succeeded)
    return None if answer is None else 1 if answer else 2


def _step_mfa(succeeded: object, method: object, requirement: object, *results: object) -> Sequence[object]:
    """True for a step that is a second factor: it was asked for as one, was one given before, or is two by itself."""
    if boolean(succeeded) is not True:
        return (None,)
    word = (said(method) or "").lower()
    detail = " ".join(found.lower() for found in map(said, results) if found)
    second = "multi" in (said(requirement) or "").lower() or (
        ("mfa" in detail or "multifactor" in detail) and any(sign in detail for sign in _DONE)
    )
    return (True if second or word.startswith(STRONG) else None,)


_DONE = ("completed", "satisfied", "successfully")


_DETAILS = Family(
    name="entra.signin_details",
    title="Entra ID authentication details (the portal's CSV)",
    page="entra",
    product="Entra ID",
    vendor="Microsoft",
    match=_match_details,
    time=(
        iso("Date", zone="UTC"),
        iso("Date (UTC)", zone="UTC"),
        written("Date (UTC)", order="mdy", zone="UTC"),
    ),
    what=What(
        3002,
        99,
        status=via(_done, "Succeeded"),
        columns={
            "status_detail": ("Result detail", "Result Detail"),
            "api.request.uid": "Request ID",
            "auth_factors": "Authentication method",
            "message": "Authentication method detail",
        },
        steps=(
            Step(
                ("Succeeded", "Authentication method", "Requirement", "Result detail", "Result Detail"),
                ("is_mfa",),
                _step_mfa,
            ),
        ),
        constants={"cloud.provider": "Azure"},
    ),
    log="=AuthenticationDetails",
)
"""One row a step. The sign-in that it is of has the same `api.request.uid`; `visits.sign_in_details` brings the two together."""


def _match_workspace(row: Row) -> bool:
    return (
        "AppId" in row
        and "IPAddress" in row
        and ("UserPrincipalName" in row or "ServicePrincipalName" in row)
    )


_WORKSPACE = replace(
    FAMILY,
    name="entra.signin_workspace",
    title="Entra ID sign-ins (CSV of Log Analytics or PowerShell)",
    identity="entra.signin",
    match=_match_workspace,
    time=workspace_times("properties.createdDateTime"),
)
SOURCES = (csv_source(_PORTAL), csv_source(_DETAILS), csv_source(_WORKSPACE))
