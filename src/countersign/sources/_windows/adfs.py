"""AD FS in the Security channel: tokens that it issued or refused, and credentials that it checked.

What matters stands in one text of XML (`AuditBase`): who (`UserId`), for what (`RelyingParty`), from where. Behind a Web Application
Proxy `IpAddress` is the client's, as the proxy says, and `ProxyServer` names it. 1200 and 1201 are sign-ins to an application; 1202 and
1203 the same person's credentials just before (activity 99): they name the federation service itself, and no application here.

Reference: https://learn.microsoft.com/windows-server/identity/ad-fs/troubleshooting/ad-fs-tshoot-logging.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from countersign.sources._windows import values
from countersign.sources._windows.plan import Plan
from countersign.sources._windows.values import Scalar

PROVIDER = "AD FS Auditing"
_LONGEST = 32_768
_UNSAID = frozenset({"", "N/A"})
_ELEMENT = re.compile(
    r"<(AuditType|UserId|RelyingParty|IpAddress|ProxyIpAddress|AuthProtocol|NetworkLocation|MfaPerformed|PrimaryAuth|UserAgentString|ErrorCode)>"
    r"([^<]{1,1024})</"
)
_ACTIVITY = re.compile(r"(?:\A|Activity ID: ?)([0-9a-fA-F]{8}-[0-9a-fA-F-]{27})(?![\w-])")


@lru_cache(maxsize=4096)
def _said(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _ELEMENT.findall(text):
        if value.strip() not in _UNSAID:
            found.setdefault(name, value.strip())
    if match := _ACTIVITY.search(text):
        found["activity"] = match[1].lower()
    return found


def _of(name: str) -> Callable[[Scalar], str | None]:
    return lambda value: _said(value[:_LONGEST]).get(name) if isinstance(value, str) else None


def _account(part: int) -> Callable[[Scalar], str | None]:
    user = _of("UserId")
    return lambda value: values.account(user(value), None)[part]


def _address(name: str) -> Callable[[Scalar], object]:
    """The first of several: what came through proxies has each of them behind it."""
    several = _of(name)
    return lambda value: values.address((several(value) or "").split(",")[0].strip() or None)


def _mfa(value: Scalar) -> bool | None:
    return {"true": True, "false": False}.get((_of("MfaPerformed")(value) or "").lower())


_SAYS = ("Data", "Message")
_ALL: dict[str, Callable[[Scalar], object]] = {
    "user.name": _account(0),
    "user.domain": _account(1),
    "src_endpoint.ip": _address("IpAddress"),
    "src_endpoint.proxy_endpoint.ip": _address("ProxyIpAddress"),
    "src_endpoint.zone": _of("NetworkLocation"),
    "auth_protocol": _of("AuthProtocol"),
    "auth_factors": _of("PrimaryAuth"),
    "http_request.user_agent": _of("UserAgentString"),
    "metadata.correlation_uid": _of("activity"),
}
_CHECKED = _ALL | {
    "actor.user.name": _account(0),
    "actor.user.domain": _account(1),
    "api.operation": _of("AuditType"),
}
_TOKEN = _ALL | {"dst_endpoint.svc_name": _of("RelyingParty"), "is_mfa": _mfa}


def _plan(activity: int, status: int, told: dict[str, Callable[[Scalar], object]]) -> Plan:
    return Plan(
        3002,
        activity,
        status,
        special={column: (_SAYS, convert) for column, convert in told.items()},
        constants={"metadata.product": "AD FS"},
    )


ADFS: dict[tuple[str, str], dict[int, Plan]] = {
    ("Security", PROVIDER): {
        1200: _plan(1, 1, _TOKEN),
        1201: _plan(1, 2, _TOKEN | {"status_detail": _of("ErrorCode")}),
        1202: _plan(99, 1, _CHECKED),
        1203: _plan(99, 2, _CHECKED | {"status_detail": _of("ErrorCode")}),
    }
}
"""(channel, provider) -> event id -> plan."""
