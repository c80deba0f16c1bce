"""Words and symbols for protocols, links, verdicts and severities: nothing is told by colour alone."""

from __future__ import annotations

from dataclasses import dataclass

from countersign.model.visit import SEVERITIES

PROTOCOLS: dict[str, str] = {
    "vpn": "VPN",
    "rdp": "remote desktop",
    "ssh": "SSH",
    "smb": "file share (SMB)",
    "winrm": "PowerShell remoting (WinRM)",
    "wmi": "WMI",
    "dcom": "remote objects (DCOM)",
    "task": "a scheduled task made from afar",
    "scm": "service control",
    "console": "the console",
    "network": "a network logon",
    "su": "su",
    "sudo": "sudo",
    "explicit": "explicit credentials",
    "service": "a service logon",
}
"""Protocol of a hop -> how a sentence says it."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A word with the symbol that stands before it."""

    symbol: str
    word: str
    meaning: str


VERDICTS: dict[str, Sign] = {
    "broken": Sign("✗", "broken", "The logs show that this was not kept."),
    "not observed": Sign("?", "not observed", "The logs cannot tell. It is named which source could."),
    "kept": Sign("✓", "kept", "The logs show that this was kept."),
}

LINKS: dict[str, Sign] = {
    "entry": Sign("▸", "entry", "The visit begins here."),
    "proven": Sign("━", "proven", "A key in the logs, found at both ends, joins this hop to the one before."),
    "inferred": Sign("╌", "inferred", "Only one hop before it fits."),
    "ambiguous": Sign("┈", "ambiguous", "Several hops before it fit; the likeliest is shown."),
}

SEVERITY_SIGNS: dict[str, Sign] = {
    "critical": Sign("◆◆", "critical", ""),
    "high": Sign("◆", "high", ""),
    "medium": Sign("◇", "medium", ""),
    "low": Sign("○", "low", ""),
    "informational": Sign("·", "informational", ""),
}

NEEDS_A_PERSON = ("high", "critical")
"""Severities at which the page says that somebody should look."""

ACTIONS: dict[str, tuple[str, str]] = {
    "process": ("program started", "programs started"),
    "script": ("script block run", "script blocks run"),
    "share": ("share opened", "shares opened"),
    "file": ("file touched", "files touched"),
    "service": ("service change", "service changes"),
    "task": ("scheduled task change", "scheduled task changes"),
    "account": ("account change", "account changes"),
    "logon": ("logon tried", "logons tried"),
    "api": ("call of a service", "calls of services"),
    "log": ("change to the logs", "changes to the logs"),
    "network": ("connection opened", "connections opened"),
    "credential": ("use of credentials", "uses of credentials"),
}
"""Kind of an action -> how one and many of it are counted."""


def severity_rank(severity: str) -> int:
    """0 for informational to 4 for critical; -1 for a word that is none."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1
