"""What the logs at hand could have shown, so that silence is only called good where something would have spoken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from countersign.agreements.hosts import parse_address

SOURCES = MappingProxyType(
    {
        "process": "process records with command lines (Security 4688, Sysmon 1, auditd)",
        "share": "share access records (Security 5140 or 5145), or a network sensor",
        "service": "service installation records (System 7045, Security 4697)",
        "task": "scheduled task records (Security 4698)",
        "log": "the Security log (1102) and System log (104)",
        "account": "account management records (Security 4720 to 4767)",
        "credential": "explicit credential records (Security 4648)",
        "logon": "logon records (Security 4624, sshd)",
    }
)
"""What would show each kind of action, in words for a person."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which vantage points exist, by host.

    Hosts are names or addresses as visits name them; letter case does not matter, and a short name stands for
    its full names. `process_hosts` record programs, `logon_hosts` logons and the rest of the Security log (or
    its like), `share_hosts` access to shares, `service_hosts` new services and tasks, `audit_hosts` cleared logs, account changes and
    explicit credentials (None: those that record logons do). `aliases` holds, for a
    host, the other names and the addresses that it is known by.
    """

    logon_hosts: frozenset[str] = frozenset()
    process_hosts: frozenset[str] = frozenset()
    share_hosts: frozenset[str] = frozenset()
    service_hosts: frozenset[str] = frozenset()
    network_sensor: bool = False
    audit_hosts: frozenset[str] | None = None
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("logon_hosts", "process_hosts", "share_hosts", "service_hosts"):
            object.__setattr__(self, name, _folded(getattr(self, name)))
        if self.audit_hosts is not None:
            object.__setattr__(self, "audit_hosts", _folded(self.audit_hosts))
        folded: dict[str, tuple[str, ...]] = {}
        for host, others in self.aliases.items():
            for key in _names(host):
                folded[key] = (*folded.get(key, ()), *others)
        object.__setattr__(self, "aliases", MappingProxyType(folded))

    def known_as(self, host: str) -> tuple[str, ...]:
        """Everything that a host is called, itself first."""
        others = {other for key in _names(host) for other in self.aliases.get(key, ())}
        return (host, *sorted(others - {host}))

    def sees(self, kind: str, host: str) -> bool:
        """Whether an action of this kind (`model.visit.Action.kind`, or `logon`) on a host would be in the logs."""
        audit = self.logon_hosts if self.audit_hosts is None else self.audit_hosts
        hosts = {
            "log": audit,
            "account": audit,
            "credential": audit,
            "process": self.process_hosts,
            "share": self.share_hosts,
            "service": self.service_hosts,
            "task": self.service_hosts,
        }.get(kind, self.logon_hosts)
        if kind == "share" and self.network_sensor:
            return True
        return any(name in hosts for known in self.known_as(host) for name in _names(known))


def _names(host: str) -> tuple[str, ...]:
    name = host.strip().casefold().rstrip(".")
    if not name:
        return ()
    short = name.partition(".")[0]
    return (name,) if short == name or parse_address(name) is not None else (name, short)


def _folded(hosts: Iterable[str]) -> frozenset[str]:
    return frozenset(name for host in hosts for name in _names(host))
