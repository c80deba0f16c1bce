"""Which family understands the messages of which program: the one explicit registry.

A family gives `understand(program, pid, message)`, which returns the columns it can fill, the fields by their own
names, and a key of the source's own if it has one; None where it does not know the message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from countersign.sources._family import Family
    from countersign.sources._flat import Row
    from countersign.sources._payload import Payload

Understood = tuple[dict[str, object], Mapping[str, object], tuple[str, ...] | None]
Understand = Callable[[str, str | None, str], Understood | None]

LONGEST = 32_768
"""No program named here writes more in one line (RFC 5424 asks for 2 KiB, rsyslog's default is 8 KiB)."""

_EXACT = {
    "sshd": "sshd",
    "sshd-session": "sshd",  # OpenSSH 9.8 and later
    "sshd-auth": "sshd",  # OpenSSH 10
    "sudo": "sudo",
    "su": "su",
    "guacd": "guacamole",
    "guacamole": "guacamole",
    "tomcat9": "guacamole",
    "tomcat10": "guacamole",
    "ASA": "cisco_asa",
    "FTD": "cisco_asa",
    "PIX": "cisco_asa",
    "sysmon": "sysmon_linux",
    **dict.fromkeys(
        ("smtpd", "smtp", "lmtp", "qmgr", "cleanup", "local", "virtual", "pipe", "error", "discard"),
        "postfix",
    ),
    "filterlog": "pfsense",
    "php-fpm": "pfsense",
    "php": "pfsense",
    "audit": "pfsense",  # OPNsense
    "charon": "strongswan",
    "charon-systemd": "strongswan",
    "ipsec": "strongswan",
    "kernel": "wireguard",
}
_PREFIXES = (("openvpn", "openvpn"), ("ovpn", "openvpn"))
"""`openvpn`, `openvpn-server`, `openvpn@office`, `ovpn-server`: named by instance."""
_PAM = "pam"
"""PAM speaks through any program: `pam_unix(sshd:session): ...`, in old systems as `sshd(pam_unix)[1]: ...`."""


@cache
def _family(module: str) -> Understand:
    understand: Understand = import_module(f"countersign.sources.{module}").understand
    return understand


@cache
def _named(program: str) -> str | None:
    name = program.rpartition("/")[2]
    return _EXACT.get(name) or next((module for start, module in _PREFIXES if name.startswith(start)), None)


def understand(program: str | None, pid: str | None, message: str) -> Understood | None:
    """What the family that knows `program` makes of `message`; None if no family does, or it does not know it."""
    if program is None or len(message) > LONGEST or len(program) > 128:
        return None
    if message.startswith("pam_") or "(pam_" in program:
        return _family(_PAM)(program, pid, message)
    module = _named(program)
    return None if module is None else _family(module)(program, pid, message)


_PAYLOADS = (
    "fortigate",
    "paloalto",
    "auditd",
    "checkpoint",
    "ivanti",
    "netscaler",
    "sonicwall",
    "squid",
    "openvpn_as",
    "zscaler",
    "wallix",
    "beyondtrust",
    "cyberark",
    "delinea",
    "cef",  # of any other product
)
"""Families whose messages say by their beginning what they are, whoever sends them: they have a `PAYLOAD`, or several
with their families in `PAYLOADS`."""
_JSON = ("aws_cloudtrail", "teleport")
"""Families of JSON objects that some send by syslog."""


@cache
def _payloads() -> tuple[tuple[str, ...], tuple[tuple[Payload, Family], ...]]:
    """All beginnings, and what stands behind each."""
    modules = [import_module(f"countersign.sources.{name}") for name in _PAYLOADS]
    pairs = tuple(
        pair
        for module in modules
        for pair in getattr(module, "PAYLOADS", None) or ((module.PAYLOAD, module.FAMILY),)
    )
    return tuple(start for payload, _ in pairs for start in payload.starts), pairs


@cache
def _objects() -> tuple[Family, ...]:
    return tuple(import_module(f"countersign.sources.{name}").FAMILY for name in _JSON)


def carried(message: str) -> tuple[Family, Row] | None:
    """The family that declares messages like this one, and the row in it; None for all others."""
    if message.startswith("{"):
        from countersign.sources._json import json_object

        found = json_object(message.encode("utf-8", "replace"))
        family = next((one for one in _objects() if found is not None and one.match(found)), None)
        return None if family is None or found is None else (family, found)
    message = message.lstrip(" ")  # some put more than one blank in front
    starts, pairs = _payloads()
    if not message.startswith(starts):
        return None
    for payload, family in pairs:
        if message.startswith(payload.starts):
            row = payload.read(message)
            if row is not None and family.match(row):
                return family, row
    return None
