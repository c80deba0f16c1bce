"""Okta's System Log, as its interface gives it: an event a line.

References: https://developer.okta.com/docs/reference/api/system-log/, https://developer.okta.com/docs/reference/api/event-types/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from countersign.range.draws import mix
from countersign.range.estate import uuid_of
from countersign.range.writers import times
from countersign.range.writers.brokers import Caller, hash_user
from countersign.range.writers.cloud import AGENT

Target = tuple[str, str, str]
"""What an event is about: its type, its name, and the name that is shown."""


def event(
    moment: int, number: int, kind: str, caller: Caller, name: str, *, session: int, credential: str | None = None,
    targets: Sequence[Target] = (), data: Mapping[str, str] | None = None, uri: str = "/idp/idx/challenge/answer",
) -> bytes:  # fmt: skip
    """One event of `kind` that `caller`, who is called `name`, caused; `session` is the number of the sign-in's session."""
    key = f"idx{session:016x}"
    return orjson.dumps(
        {
            "actor": {
                "id": _id("00u", hash_user(caller.user)), "type": "User", "alternateId": caller.user, "displayName": name,
                "detailEntry": None,
            },
            "client": {
                "userAgent": {"rawUserAgent": AGENT, "os": "Windows 10", "browser": "CHROME"}, "zone": "null",
                "device": "Computer", "id": None, "ipAddress": caller.origin,
                "geographicalContext": {
                    "city": None, "state": None, "country": "United Kingdom", "postalCode": None, "geolocation": None,
                },
            },
            "device": None,
            "authenticationContext": {
                "authenticationProvider": None,
                "credentialProvider": None if credential is None else "OKTA_CREDENTIAL_PROVIDER",
                "credentialType": credential, "issuer": None, "interface": None, "authenticationStep": 0,
                "rootSessionId": key, "externalSessionId": key,
            },
            "displayMessage": MESSAGES.get(kind, kind), "eventType": kind,
            "outcome": {"result": "SUCCESS", "reason": None}, "published": times.milli(moment).decode(),
            "securityContext": {"asNumber": 64500, "asOrg": None, "isp": None, "domain": None, "isProxy": False},
            "severity": "INFO",
            "debugContext": {"debugData": {"requestId": f"req{number:016x}", "requestUri": uri, **(data or {})}},
            "legacyEventType": None, "transaction": {"type": "WEB", "id": f"tx{mix(number):016x}", "detail": {}},
            "uuid": uuid_of(number), "version": "0", "request": {"ipChain": [{"ip": caller.origin, "version": "V4"}]},
            "target": [
                {"id": _id(kind_[:2].lower(), hash_user(alternate)), "type": kind_, "alternateId": alternate,
                 "displayName": shown, "detailEntry": None}
                for kind_, alternate, shown in targets
            ] or None,
        }
    )  # fmt: skip


def _id(begin: str, number: int) -> str:
    return f"{begin}{mix(number) % 36**10:017d}"


MESSAGES = {
    "user.session.start": "User login to Okta",
    "user.authentication.auth_via_mfa": "Authentication of user via MFA",
    "user.authentication.sso": "User single sign on to app",
    "user.session.end": "User logout from Okta",
}
