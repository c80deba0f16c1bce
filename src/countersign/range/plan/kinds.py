"""Kinds of rows and of records, and what both sides of a record must know of how it was drawn."""

from __future__ import annotations

from countersign.range.draws import mix

# kinds of rows
(
    LOOKUP, PAGE, SHARE, PROGRAM, UNLOCK, DESK, INTRANET, REFRESH, SERVICE, MISTYPED, POLL, COPY, SCAN, CRON, DENIED,
    SIGN_IN, MAIL, TAP, CALL, NOISE, PASSWORD, JOINING, LEAVING,
) = range(23)  # fmt: skip

# kinds of records
(
    Z_DNS, Z_CONN, Z_SSL, Z_HTTP, Z_MAPPING, Z_RPC, Z_SSH,
    TICKET, GRANTING, ARRIVED, LEFT, SHARED, TOUCHED, SPECIAL, STARTED, SYSMON_STARTED, EXITED, SYSMON_EXITED,
    CONNECTED, AT_DESK, DESK_EXPLICIT, DESK_LEFT, DESK_LEFT_TOKEN, UNLOCKED, LOCKED, AS_SERVICE, REFUSED, CRON_OPENED,
    CRON_CLOSED, SSH_ACCEPTED, SSH_OPENED, SSH_CLOSED, PACKET_DENIED, SIGNED_IN, MAIL_READ, CLOUD_CALL, NTLM,
    PASSWORD_CHANGED, ACCOUNT_MADE, ACCOUNT_ENABLED, ACCOUNT_DISABLED,
) = range(41)  # fmt: skip

USER, MACHINE, TOOL = range(3)
"""Whose account a row uses: the workstation's member of staff, the machine's own, a tool's service account."""

SECURE, SECURE_PURPOSE = 0.8, 22
KERBEROS, NTLM_PURPOSE = 0.94, 23
"""The share of network logons that use Kerberos; the rest name a host by its address or are old."""


def by_kerberos(seed: int) -> bool:
    """Whether the logon of a row used Kerberos."""
    return (mix(seed ^ mix(NTLM_PURPOSE)) >> 11) / (1 << 53) < KERBEROS


def secure(seed: int) -> bool:
    """Whether a page was fetched over TLS."""
    return (mix(seed ^ mix(SECURE_PURPOSE)) >> 11) / (1 << 53) < SECURE
