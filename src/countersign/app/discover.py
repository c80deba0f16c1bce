"""Who came from outside: for the first look, before there is an agreement."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from countersign.app.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Outsider:
    """An account that came from outside; times are RFC 3339 in UTC."""

    account: str
    source: str
    target: str
    protocol: str
    times: int
    first: str
    last: str
    provider: str = ""  # whose the account or address is, by the agreements in force

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def discover(workspace: Workspace) -> list[Outsider]:
    """Accounts that came in from public addresses or through a VPN, most frequent first."""
    from countersign.agreements import Resolver
    from countersign.app.agreements import load
    from countersign.visits import outside

    resolver = Resolver(load(workspace)[0])

    def provider(name: str, domain: str, address: str) -> str:
        match = resolver.who(name or None, domain or None)
        return match.provider if match else resolver.origin(address) or ""

    with workspace.reading() as lake:
        return [
            Outsider(
                item.account,
                item.source,
                item.target,
                item.protocol,
                item.times,
                _stamp(item.first),
                _stamp(item.last),
                provider(item.name, item.domain, item.source),
            )
            for item in outside(lake.table("events"))
        ]


def _stamp(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat().replace("+00:00", "Z")
