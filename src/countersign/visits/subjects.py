"""What stitching must be told about who is who: a seam, filled by the agreements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Claimed:
    """An account or address that an agreement claims: for which provider, person and kind of identity."""

    provider: str
    person: str
    kind: str = "person"


class Subjects(Protocol):
    """Tells providers' identities and origins from everybody else's."""

    def who(self, name: str, domain: str, uid: str) -> Claimed | None:
        """The identity that an account belongs to, None if no agreement claims it."""

    def origin(self, address: str) -> str | None:
        """The provider whose declared origin `address` is, None if nobody's."""
