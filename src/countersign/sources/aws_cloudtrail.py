"""AWS CloudTrail: who called which operation of which AWS service, from where, with which key, and what came of it.

For an auditor CloudTrail is the cloud's own word, minutes late, and complete for management operations only: reads and
writes of objects are there where data events are switched on. A provider comes in by `AssumeRole` into one of the customer's
roles; the answer names the temporary access key, and every call with that key belongs to that arrival (`session.uid` here,
`actor.session.uid` there). `MFAUsed: No` of a federated login says nothing: the identity provider may have asked for it.

Read are the files that a trail writes to S3 (also gzip), arrays and lines of records, `aws cloudtrail lookup-events`, events of
EventBridge, and Insights. Digest files are told apart (`aws_cloudtrail_digest`).

References: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html,
.../cloudtrail-event-reference-user-identity.html, .../cloudtrail-event-reference-aws-console-sign-in-events.html,
.../cloudtrail-insights-events-with-cloudtrail.html, https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from countersign.sources._convert import boolean, said, split_endpoint
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._json import json_object, json_source
from countersign.sources._mapping import From, Step, What, enum, present, via
from countersign.sources._times import iso

_AUTHENTICATION, _ACCOUNT, _GROUP, _API, _FINDING = 3002, 3001, 3006, 6003, 2004
_LOCAL = frozenset({"IAMUser", "Root"})
"""Identities whose second factor AWS itself asks for."""


def _match(row: Row) -> bool:
    return ("eventSource" in row and "eventName" in row) or ("insightDetails" in row and "eventID" in row)


def _unwrap(row: Row) -> Row:
    """The record in what `lookup-events` and EventBridge put around it."""
    inner = row.get("CloudTrailEvent")
    if type(inner) is str:
        return json_object(inner.encode("utf-8", "replace")) or row
    detail = row.get("detail")
    return detail if type(detail) is dict and "detail-type" in row else row


@lru_cache(maxsize=16_384)
def _of_arn(arn: str) -> tuple[str, str, str]:
    """Account, name and session name of a principal's or role's ARN: `arn:aws:sts::1:assumed-role/Role/session`."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return "", "", ""
    kind, _, path = parts[5].partition("/")
    names = path.split("/")
    if kind == "assumed-role" and len(names) > 1:
        return parts[4], names[0], names[-1]
    return parts[4], names[-1] or kind, ""


def _identity(
    arn: object, kind: object, name: object, role: object, account: object, invoked_by: object, principal: object
) -> Sequence[object]:  # fmt: skip
    """Name, domain (the account's number), ARN, the session's name, an address if that is one."""
    arn, account = said(arn), said(account)
    number, named, session = _of_arn(arn) if arn else ("", "", "")
    principal = said(principal)
    if not session and principal and ":" in principal and kind == "AssumedRole":
        session = principal.partition(":")[2]
    found = said(role) if kind == "AssumedRole" else said(name)
    found = found or ("root" if kind == "Root" else named) or said(name) or said(invoked_by) or account
    address = next((text.lower() for text in (session, found) if text and "@" in text), None)
    return found, account or number or None, arn, session or None, address


def _identified(who: str) -> Step:
    """An identity's columns, for `actor.user` or `user`."""
    paths = ("type", "arn", "userName", "sessionContext.sessionIssuer.userName", "accountId", "invokedBy")
    return Step(
        tuple(f"userIdentity.{path}" for path in (*paths, "principalId")),
        tuple(f"{who}.{column}" for column in ("name", "domain", "uid", "full_name", "email_addr")),
        lambda kind, arn, *rest: _identity(arn, kind, *rest),
    )


def _source(value: object) -> Sequence[object]:
    """An address, or the AWS service that called; `AWS Internal` is neither."""
    address, _, name = split_endpoint(value)
    return address, name if name and " " not in name else None


def _session_mfa(said_so: object, kind: object, issuer: object) -> Sequence[object]:
    """Whether a session was opened with MFA: `false` counts only of AWS's own users."""
    answer = boolean(said_so)
    return (answer if answer or (kind in _LOCAL and not said(issuer)) else None,)


def _temporary(key: object) -> Sequence[object]:
    """A key that belongs to one session begins with ASIA."""
    word = said(key)
    return (word if word and word.startswith("ASIA") else None,)


def _login_mfa(used: object, kind: object) -> Sequence[object]:
    answer = boolean(used)
    return (answer if answer or kind in _LOCAL else None,)


def _assumed(role: object, session: object) -> Sequence[object]:
    """Name and domain of the role that was taken, its ARN, the session's name, an address if that is one."""
    arn, session = said(role), said(session)
    number, name, _ = _of_arn(arn) if arn else ("", "", "")
    return name or None, number or None, arn, session, session.lower() if session and "@" in session else None


def _serial(serial: object) -> Sequence[object]:
    return (True if said(serial) else None,)


_BASE = What(
    status=present("errorCode"),
    columns={
        "status_code": "errorCode",
        "status_detail": "errorMessage",
        "metadata.event_code": "eventName",
        "metadata.uid": "eventID",
        "metadata.correlation_uid": "sharedEventID",
        "metadata.tenant_uid": "recipientAccountId",
        "api.operation": "eventName",
        "api.service.name": "eventSource",
        "api.request.uid": "requestID",
        "cloud.account.uid": "recipientAccountId",
        "cloud.region": "awsRegion",
        "http_request.user_agent": "userAgent",
        "actor.user.type": "userIdentity.type",
        "actor.user.uid_alt": "userIdentity.principalId",
        "actor.user.org.uid": "userIdentity.accountId",
        "actor.user.credential_uid": "userIdentity.accessKeyId",
        "actor.invoked_by": "userIdentity.invokedBy",
        "actor.session.issuer": ("userIdentity.sessionContext.sessionIssuer.arn", "userIdentity.identityProvider"),
        "resources.uid": ("resources.0.ARN", "requestParameters.roleArn", "requestParameters.instanceId"),
        "resources.type": "resources.0.type",
        "resources.name": (
            "requestParameters.bucketName", "requestParameters.roleName", "requestParameters.functionName",
            "requestParameters.secretId", "requestParameters.name", "requestParameters.groupId",
        ),
    },
    steps=(
        _identified("actor.user"),
        Step(("sourceIPAddress",), ("src_endpoint.ip", "src_endpoint.hostname"), _source),
        Step(("userIdentity.accessKeyId",), ("actor.session.uid",), _temporary),
        Step(
            (
                "userIdentity.sessionContext.attributes.mfaAuthenticated",
                "userIdentity.type",
                "userIdentity.sessionContext.sessionIssuer.arn",
            ),
            ("actor.session.is_mfa",),
            _session_mfa,
        ),
    ),
    constants={"cloud.provider": "AWS"},
)  # fmt: skip

_CONSOLE = What(
    _AUTHENTICATION,
    1,
    status=enum("responseElements.ConsoleLogin", {"Success": 1, "Failure": 2}),
    columns={"status_detail": "errorMessage", "url": "additionalEventData.LoginTo"},
    steps=(
        _identified("user"),
        Step(("additionalEventData.MFAUsed", "userIdentity.type"), ("is_mfa",), _login_mfa),
    ),
    constants={"auth_protocol": "console"},
)


def _refused(value: object) -> object:
    """The resource's ARN; of a refusal, which has no parameters, the one in its sentence."""
    words = said(value) or ""
    return words if words.startswith("arn:") else words.partition(" on resource: ")[2].split(" ")[0] or None


def _assume(protocol: str) -> What:
    """A role taken: the arrival that later calls belong to."""
    return What(
        _AUTHENTICATION,
        1,
        columns={
            "session.uid": "responseElements.credentials.accessKeyId",
            "session.credential_uid": "responseElements.credentials.accessKeyId",
            "session.issuer": ("requestParameters.roleArn", "responseElements.provider"),
            "resources.uid": via(_refused, "resources.0.ARN", "requestParameters.roleArn", "errorMessage"),
            "user.uid_alt": "responseElements.assumedRoleUser.assumedRoleId",
        },
        steps=(
            Step(
                ("requestParameters.roleArn", "requestParameters.roleSessionName"),
                ("user.name", "user.domain", "user.uid", "user.full_name", "user.email_addr"),
                _assumed,
            ),
            Step(("requestParameters.serialNumber",), ("is_mfa",), _serial),
        ),
        constants={"auth_protocol": protocol},
    )


_KEY_MADE = What(
    _AUTHENTICATION,
    1,
    columns={
        "session.uid": "responseElements.credentials.accessKeyId",
        "session.credential_uid": "responseElements.credentials.accessKeyId",
        "user.full_name": "requestParameters.name",
    },
    steps=(
        _identified("user"),
        Step(("requestParameters.serialNumber",), ("is_mfa",), _serial),
    ),
    constants={"auth_protocol": "STS"},
)
_HOST_SESSION: dict[str, From] = {
    "session.uid": ("responseElements.sessionId", "requestParameters.sessionId"),
    "dst_endpoint.uid": "requestParameters.target",
    "resources.uid": "requestParameters.target",
}
_SSM_OPEN = What(
    _AUTHENTICATION,
    1,
    columns=_HOST_SESSION,
    steps=(_identified("user"),),
    constants={"auth_protocol": "SSM", "resources.type": "AWS::EC2::Instance"},
)
_SSM_CLOSE = What(
    _AUTHENTICATION,
    2,
    columns=_HOST_SESSION,
    steps=(_identified("user"),),
    constants={"auth_protocol": "SSM"},
)
_TO_HOST = What(
    _API,
    1,
    columns={
        "dst_endpoint.uid": ("requestParameters.instanceId", "requestParameters.instanceIds.0"),
        "user.name": "requestParameters.instanceOSUser",
    },
)


def _account(activity: int) -> What:
    """An account, a role or its keys and rights changed."""
    return What(
        _ACCOUNT,
        activity,
        columns={
            "user.name": ("requestParameters.userName", "requestParameters.roleName"),
            "user.domain": "recipientAccountId",
            "user.uid": ("responseElements.user.arn", "responseElements.role.arn"),
            "user.credential_uid": (
                "responseElements.accessKey.accessKeyId",
                "requestParameters.accessKeyId",
                "requestParameters.serialNumber",
            ),
            "policy.uid": "requestParameters.policyArn",
            "policy.name": "requestParameters.policyName",
            "privileges": ("requestParameters.policyArn", "requestParameters.policyName"),
        },
    )


def _group(activity: int) -> What:
    return What(
        _GROUP,
        activity,
        columns={
            "user.name": "requestParameters.userName",
            "user.domain": "recipientAccountId",
            "group.name": "requestParameters.groupName",
            "privileges": ("requestParameters.policyArn", "requestParameters.policyName"),
        },
    )


_SIGN_IN, _STS, _IAM, _SSM = (f"{name}.amazonaws.com" for name in ("signin", "sts", "iam", "ssm"))
_IAM_ACCOUNTS = {
    1: ("CreateUser", "CreateRole", "CreateServiceLinkedRole"),
    2: ("CreateLoginProfile", "CreateAccessKey", "UploadSSHPublicKey", "UploadSigningCertificate"),
    3: ("ChangePassword",),
    4: ("UpdateLoginProfile",),
    5: ("DeleteLoginProfile", "DeleteAccessKey"),
    6: ("DeleteUser", "DeleteRole"),
    7: ("AttachUserPolicy", "AttachRolePolicy", "PutUserPolicy", "PutRolePolicy"),
    8: ("DetachUserPolicy", "DetachRolePolicy", "DeleteUserPolicy", "DeleteRolePolicy"),
    10: ("EnableMFADevice",),
    11: ("DeactivateMFADevice",),
    99: ("UpdateAssumeRolePolicy", "UpdateAccessKey", "UpdateUser", "UpdateRole"),
}
_IAM_GROUPS = {
    1: ("AttachGroupPolicy", "PutGroupPolicy"),
    2: ("DetachGroupPolicy", "DeleteGroupPolicy"),
    3: ("AddUserToGroup",),
    4: ("RemoveUserFromGroup",),
    5: ("DeleteGroup",),
    6: ("CreateGroup",),
}
_KINDS: dict[tuple[str, str], What] = {
    (_SIGN_IN, "ConsoleLogin"): _CONSOLE,
    (_SIGN_IN, "SwitchRole"): _CONSOLE,
    (_STS, "AssumeRole"): _assume("STS"),
    (_STS, "AssumeRoleWithSAML"): _assume("SAML"),
    (_STS, "AssumeRoleWithWebIdentity"): _assume("OpenID Connect"),
    (_STS, "AssumeRoot"): _assume("STS"),
    (_STS, "GetFederationToken"): _KEY_MADE,
    (_STS, "GetSessionToken"): _KEY_MADE,
    ("sso.amazonaws.com", "GetRoleCredentials"): _KEY_MADE,
    (_SSM, "StartSession"): _SSM_OPEN,
    (_SSM, "ResumeSession"): _SSM_OPEN,
    (_SSM, "TerminateSession"): _SSM_CLOSE,
    (_SSM, "SendCommand"): _TO_HOST,
    ("ec2-instance-connect.amazonaws.com", "SendSSHPublicKey"): _TO_HOST,
    ("ec2-instance-connect.amazonaws.com", "SendSerialConsoleSSHPublicKey"): _TO_HOST,
    **{(_IAM, name): _account(activity) for activity, names in _IAM_ACCOUNTS.items() for name in names},
    **{(_IAM, name): _group(activity) for activity, names in _IAM_GROUPS.items() for name in names},
}
_VERBS = {
    1: ("Create", "Run", "Register", "Import", "Allocate", "Copy", "Restore"),
    2: ("Get", "List", "Describe", "Head", "Lookup", "Search", "BatchGet", "Select", "Scan", "Query"),
    3: ("Update", "Put", "Modify", "Attach", "Detach", "Add", "Remove", "Set", "Enable", "Disable", "Associate",
        "Authorize", "Revoke", "Start", "Stop", "Tag", "Untag", "Replace"),
    4: ("Delete", "Terminate", "Deregister", "Release"),
}  # fmt: skip
_CALLS = {activity: What(_API, activity) for activity in (1, 2, 3, 4, 99)}
_INSIGHT = What(
    _FINDING,
    1,
    columns={"finding_info.title": "insightDetails.insightType", "api.operation": "insightDetails.eventName"},
    constants={"status_id": 0},
)


def _by_verb(source: str, name: str) -> What:
    """Any other operation, by the verb that its name begins with."""
    if not source and not name:
        return _INSIGHT
    return _CALLS[next((activity for activity, verbs in _VERBS.items() if name.startswith(verbs)), 99)]


FAMILY = Family(
    name="aws.cloudtrail",
    title="AWS CloudTrail",
    page="aws",
    product="CloudTrail",
    vendor="AWS",
    match=_match,
    time=(iso("eventTime"),),
    what=_BASE,
    by=("eventSource", "eventName"),
    kinds=_KINDS,
    otherwise=_by_verb,
    key=("eventID", "eventName"),
    log="=CloudTrail",
)
SOURCE = json_source(FAMILY, _unwrap)
