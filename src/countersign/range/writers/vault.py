"""CyberArk's vault and its session manager (PSM), as the shipped translator writes them: CEF in syslog of RFC 5424, to the second.

References: https://docs.cyberark.com/pam-self-hosted/latest/en/content/pasref/vault-audit-action-codes.htm,
https://docs.cyberark.com/pam-self-hosted/latest/en/content/pasimp/integrating-with-third-party-siem-applications.htm.
"""

from __future__ import annotations

from dataclasses import dataclass

from countersign.range.estate import uuid_of
from countersign.range.writers import times
from countersign.range.writers.brokers import Caller

LOGON, LOGOFF, CONNECT, DISCONNECT = 7, 8, 300, 302
NAMES = {LOGON: "Logon", LOGOFF: "Logoff", CONNECT: "PSM Connect", DISCONNECT: "PSM Disconnect"}


@dataclass(frozen=True, slots=True)
class Lent:
    """A session with a host: its number, the host, the account lent, and by what protocol."""

    session: int
    host: str
    login: str
    linux: bool


def record(
    moment: int,
    server: str,
    manager: str,
    caller: Caller,
    code: int,
    safe: str = "",
    lent: Lent | None = None,
) -> bytes:
    """A record of the vault `server`; `manager` is the session manager's address, where it took part."""
    stamp, name = times.milli(moment)[:19].decode(), NAMES[code]
    what = dict.fromkeys(("fname", "dhost", "duser", "externalId", "app"), "")
    kind = ""
    if lent is not None:
        kind = "Operating System"
        platform = "UnixSSH" if lent.linux else "WinDomain"
        what = {
            "fname": f"Root\\{kind}-{platform}-{lent.host}-{lent.login}", "dhost": lent.host, "duser": lent.login,
            "externalId": uuid_of(lent.session), "app": "SSH" if lent.linux else "RDP",
        }  # fmt: skip
    return (
        f'<5>1 {stamp}Z {server} CEF:0|Cyber-Ark|Vault|14.2.0002|{code}|{name}|5|act="{name}" suser={caller.user} '
        f"fname={what['fname']} dvc= shost={caller.origin} dhost={what['dhost']} duser={what['duser']} "
        f'externalId={what["externalId"]} app={what["app"]} reason= cs1Label="Affected User Name" cs1= '
        f'cs2Label="Safe Name" cs2={_quoted(safe)} cs3Label="Device Type" cs3={_quoted(kind)} cs4Label="Database" cs4= '
        f'cs5Label="Other info" cs5={manager} cn1Label="Request Id" cn1= cn2Label="Ticket Id" cn2=  msg='
    ).encode()


def _quoted(text: str) -> str:
    return f'"{text}"' if text else ""
