"""Where somebody is in the middle of a visit: footholds, tunnels and desktops, and who takes the records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from countersign.range.estate import Account, Host
from countersign.range.streams.base import Record
from countersign.range.streams.fields import Session
from countersign.range.truth import TrueHop
from countersign.range.writers import gateways


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something is done: an attack's techniques (with a blank between) and step, and whether with other credentials than
    before."""

    technique: str = ""
    step: str = ""
    switch: bool = False


WORK = Cause()
"""No attack's step."""
BY_WAY = {
    "rdp": "T1021.001", "smb": "T1021.002", "scm": "T1021.002", "ssh": "T1021.004", "winrm": "T1021.006", "wmi": "T1047",
    "task": "T1053.005",
}  # fmt: skip
"""The technique that an arrival itself is, by its protocol."""


class Teller(Protocol):
    """Takes records and leases addresses and terminals."""

    def tell(self, stream: int, record: Record) -> None:
        """A record for a stream."""

    def lease(self, gateway: str, moment: int) -> str:
        """An address that is free at this moment."""

    def release(self, gateway: str, address: str, moment: int) -> None:
        """The address is free again from this moment on."""


@dataclass(slots=True)
class Foothold:
    """Where somebody acts from: an address, and a session where it is a host of the estate."""

    name: str
    ip: str
    seen: str
    client: str
    hop: int
    host: Host | None = None
    account: Account | None = None
    session: Session | None = None
    shell: int = 0
    terminal: int = 0
    since: int = 0
    """When the shell began; 0: with the visit."""


@dataclass(slots=True)
class Tunnel:
    """A VPN session that is open."""

    gateway: str
    told: gateways.Tunnel
    start: int
    hop: TrueHop


@dataclass(slots=True)
class Desktop:
    """A remote desktop that is open."""

    host: Host
    account: Account
    tokens: tuple[Session, Session]
    hop: TrueHop
    uid: int
    port: int
    start: int
    source: Foothold
    inside: Foothold
    client: int = 0
    """The process that shows it, where that is on a host of the estate."""
    prompt: int = 0
    """The window with a prompt that is open in it."""

    @property
    def seat(self) -> Seat:
        """Where what is done at this desktop is done."""
        return Seat(self.host, self.account, self.tokens[0], self.hop)


@dataclass(frozen=True, slots=True)
class Seat:
    """A session on a host in which something is done, and the hop by which it was reached."""

    host: Host
    account: Account
    session: Session
    hop: TrueHop


@dataclass(frozen=True, slots=True)
class Arrival:
    """A logon over the network with its connection (uid, source port, time), from where and to which port."""

    source: Foothold
    seat: Seat
    flow: tuple[int, int, int]
    port: int
