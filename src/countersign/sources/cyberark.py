"""CyberArk Vault: who logged in, which password they saw or used for what reason, which sessions PSM opened to which target.

For an auditor three things count: code 295 says that a person has seen a password (and can use it outside of any session), 300 and 302 that
PSM opened and closed a session with it (`externalId` is the key, keystrokes and window titles have it, too), and `reason`, Request Id
and Ticket Id why. A second factor is the business of the identity provider or RADIUS server and is not in the vault's records.

Read is CEF as the shipped `Arcsight.sample.xsl` makes it, in syslog; its values may stand in double quotes, and backslashes are not
escaped. It has no time of its own: the frame's counts.

References: https://docs.cyberark.com/pam-self-hosted/latest/en/content/pasref/vault-audit-action-codes.htm,
https://docs.cyberark.com/pam-self-hosted/latest/en/content/pasimp/integrating-with-third-party-siem-applications.htm,
https://docs.sekoia.io/integration/categories/iam/cyberark_vault/.
"""

from __future__ import annotations

from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._lines import raw_cef
from countersign.sources._mapping import From, What, account, endpoint
from countersign.sources._payload import Payload, line_source

_LOGIN, _ACCOUNT, _GROUP, _API, _PROCESS = 3002, 3001, 3006, 6003, 1007


def _match(row: Row) -> bool:
    return row.get("cef.vendor") in {"Cyber-Ark", "CyberArk"} and row.get("cef.product") == "Vault"


# the shipped translator names cs1 Affected User Name, cs2 Safe Name, cs3 Device Type, cs4 Database, cs5 Other info, cn1 Request Id
# and cn2 Ticket Id, in every message
_TARGET: dict[str, From] = {
    "session.uid": "externalId",
    "auth_protocol": "app",
    "dst_endpoint.svc_name": "app",
    "resources.name": "fname",
    "resources.type": "cs3",
}
_ENDS = (account("actor.user", "suser"), account("user", "duser"), endpoint("dst_endpoint", "dhost"))
_PERSON = (account("user", "suser"),)


def _session(activity: int, status: int) -> What:
    return What(_LOGIN, activity, status, _TARGET, _ENDS)


def _login(activity: int, status: int) -> What:
    return What(_LOGIN, activity, status, steps=_PERSON)


_SECRET: dict[str, From] = {
    "resources.name": "fname",
    "resources.type": "cs3",
    "actor.session.uid": "externalId",
}


def _secret(status: int, activity: int = 2) -> What:
    return What(_API, activity, status, _SECRET, _ENDS)


def _password(status: int) -> What:
    return What(_ACCOUNT, 4, status, _SECRET, _ENDS)


def _member(class_uid: int, activity: int) -> What:
    columns: dict[str, From] = {"user.name": ("cs1", "duser")}
    if class_uid == _GROUP:
        columns["group.name"] = ("fname", "cs2")
    return What(class_uid, activity, 1, columns, (account("actor.user", "suser"),))


_TYPED: dict[str, From] = {**_SECRET, "process.cmd_line": ("msg", "cs5", "reason")}
_COMMAND = What(_PROCESS, 1, 1, _TYPED, _ENDS)
_KINDS = {
    "4": _login(1, 2),
    "7": _login(1, 1),
    "8": _login(2, 1),
    "309": _login(1, 2),
    "22": _secret(1, 99),
    "38": _secret(2, 99),
    "24": _password(1),
    "57": _password(2),
    "31": _password(1),
    "60": _password(2),
    "130": _password(2),
    "294": _secret(1, 1),
    "295": _secret(1),
    "308": _secret(1),
    "319": _secret(1),
    "427": _secret(1, 1),
    "428": _secret(1),
    "300": _session(1, 1),
    "301": _session(1, 2),
    "302": _session(2, 1),
    "303": _session(2, 2),
    "359": _COMMAND,
    "361": _COMMAND,
    "411": What(_API, 99, 1, {**_SECRET, "status_detail": ("msg", "cs5")}, _ENDS),
    "412": _COMMAND,
    "180": _member(_ACCOUNT, 1),
    "181": _member(_ACCOUNT, 99),
    "182": _member(_ACCOUNT, 6),
    "265": _member(_GROUP, 3),
    "266": _member(_GROUP, 4),
}
FAMILY = Family(
    name="cyberark",
    title="CyberArk Vault and PSM (CEF)",
    page="privileged",
    product="Vault",
    vendor="CyberArk",
    match=_match,
    time=(),
    log="=vault",
    by=("cef.signature",),
    kinds=_KINDS,
    otherwise=What(_API, 99, None, _SECRET, _ENDS),
    what=What(
        columns={
            "message": ("act", "cef.name"),
            "metadata.event_code": "cef.signature",
            "metadata.product_version": "cef.version",
            "api.operation": ("act", "cef.name"),
            "status_detail": "reason",
            "ticket.uid": ("cn2", "cn1"),
            "policy.name": "cs2",
            "src_endpoint.proxy_endpoint.ip": "cs5",
        },
        steps=(endpoint("src_endpoint", "shost"), endpoint("src_endpoint", "src")),
    ),
)
PAYLOAD = Payload(("CEF:0|Cyber-Ark|Vault|", "CEF:0|CyberArk|Vault|"), raw_cef)
SOURCE = line_source(FAMILY, PAYLOAD)
