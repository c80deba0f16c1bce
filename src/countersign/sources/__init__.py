"""Log families: bytes in, events and rejected records out. One family, one file; siblings never meet.

`_MODULES` is the one list. Families are told apart by what only they have, so that their order decides nothing; a test
holds them to it. docs/sources/writing.md says how to add one.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from countersign.sources._base import FRAMINGS, HEAD_BYTES, Framing, Source
from countersign.sources._records import text_head

__all__ = ["FRAMINGS", "HEAD_BYTES", "Framing", "Source", "modules", "recognise", "source", "sources"]

_MODULES = (
    "evtx",  # a magic number: certain
    "wtmp",  # 384 bytes each, sane in all their parts
    "windows_xml",  # XML that begins with an event
    # JSON, by keys that no other family's records have together
    "windows_json",
    "zeek",  # also TSV with its own header
    "journald",
    "aws_cloudtrail",
    "aws_cloudtrail_digest",
    "aws_vpcflow",
    "gcp_audit",
    "google_workspace",
    "duo",
    "duo_csv",
    "okta",
    "okta_csv",
    "m365",
    "azure_streams",
    "defender",
    "azure_activity",
    "ad_directory",
    "ad_dsquery",  # tables in columns of fixed width
    "exchange_tracking",
    "entra_directory",
    "entra_audit",
    "entra_signin_csv",
    "windows_dhcp",  # CSV under prose
    "teleport",
    "ninjaone",
    "screenconnect",  # also CSV
    "support_reports",  # also CSV
    # lines, by how their messages begin
    "anydesk",
    "teamviewer",
    "kaseya",
    "wallix",
    "beyondtrust",
    "cyberark",
    "delinea",
    "guacamole",
    "fortigate",
    "paloalto",
    "checkpoint",
    "ivanti",
    "netscaler",
    "sonicwall",
    "nps",
    "openvpn_as",
    "squid",
    "windows_dns",
    "zscaler",
    "wireguard",  # dumps; the kernel's lines are syslog
    "auditd",
    "cef",  # and LEEF, of any other product
    "syslog",  # any lines: the broadest, last
)


def modules() -> list[str]:
    """The names of the families' modules, without importing them."""
    return [f"{__name__}.{name}" for name in _MODULES]


@cache
def sources() -> tuple[Source, ...]:
    """All families, in the order in which they are asked. A module has one `SOURCE`, or several in `SOURCES`."""
    found: list[Source] = []
    for name in modules():
        module = import_module(name)
        found += getattr(module, "SOURCES", None) or (module.SOURCE,)
    return tuple(found)


def source(name: str) -> Source:
    """The family called `name`; unknown names are our own mistake."""
    for candidate in sources():
        if candidate.name == name:
            return candidate
    raise RuntimeError(f"no log family is called {name}")


def recognise(head: bytes) -> Source | None:
    """The family of a file that starts with `head`, None if no family knows it."""
    text = text_head(head)
    return next((candidate for candidate in sources() if candidate.detect(text)), None)
