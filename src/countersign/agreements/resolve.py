"""Whose account, address or host is this: names in logs to providers and identities.

Asked for every account of every event, so answers are remembered and whole columns are answered by their
distinct values. Names come from logs, which an attacker can fill with new ones, so the memory is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from countersign.agreements.accounts import AccountPattern, Login
from countersign.agreements.hosts import HostPattern, HostSet, Network, parse_address
from countersign.agreements.load import claimed_twice
from countersign.agreements.terms import Agreement
from countersign.errors import AgreementError

if TYPE_CHECKING:
    import pyarrow as pa

REMEMBERED = 200_000
"""Distinct questions whose answers are kept; then the memory starts afresh (about 60 MB)."""


@dataclass(frozen=True, slots=True)
class Match:
    """Whose an account is. `provider` is the provider's id, `identity` the name of the person or service."""

    provider: str
    identity: str
    kind: Literal["person", "service"]
    shared: bool = False


@dataclass(frozen=True, slots=True)
class _Claim:
    pattern: AccountPattern
    match: Match

    @property
    def order(self) -> tuple[tuple[int, int, int], str, str]:
        return (self.pattern.weight, self.match.provider, self.match.identity)


class Resolver:
    """Answers for a set of agreements.

    Raises:
        AgreementError: two of the agreements claim the same provider id, account or origin.

    """

    def __init__(self, agreements: Iterable[Agreement]) -> None:
        items = sorted(agreements, key=lambda item: item.provider.id)
        for index, item in enumerate(items):
            for other in items[:index]:
                for problem in claimed_twice(item, other):
                    raise AgreementError(problem.message, remedy=problem.remedy)
        self._exact: dict[str, list[_Claim]] = {}
        self._wild: list[_Claim] = []
        for item in items:
            self._take(item)
        self._networks: list[tuple[Network, str]] = sorted(
            (
                (pattern.network, item.provider.id)
                for item in items
                for origin in item.origins
                if (pattern := HostPattern.parse(origin.address)).network is not None
            ),
            key=lambda pair: -pair[0].prefixlen,
        )
        self._places = [
            (HostSet((pattern,)), item.provider.id)
            for item in items
            for origin in item.origins
            if (pattern := HostPattern.parse(origin.address)).network is None
        ]
        self._gateways = [
            (gateway.name, HostSet.of((*gateway.hosts, *gateway.leases)))
            for item in items
            for gateway in item.gateways
        ]
        self._logins: dict[tuple[str | None, str | None, str | None], Match | None] = {}
        self._origins: dict[str, str | None] = {}
        self._doors: dict[str, tuple[str, ...]] = {}

    def _take(self, agreement: Agreement) -> None:
        for identity in agreement.identities:
            match = Match(agreement.provider.id, identity.name, identity.kind, identity.shared)
            for text in identity.accounts:
                claim = _Claim(AccountPattern.parse(text), match)
                if "*" in claim.pattern.name:
                    self._wild.append(claim)
                else:
                    self._exact.setdefault(claim.pattern.name.casefold(), []).append(claim)

    def who(self, name: str | None, domain: str | None = None, uid: str | None = None) -> Match | None:
        r"""Whose account it is, None if no agreement claims it.

        `name` may itself be `DOMAIN\name` or `name@suffix`; `uid` a SID, a user principal name or a key
        fingerprint. The most exact claim wins where an agreement makes several.
        """
        asked = (name, domain, uid)
        try:
            return self._logins[asked]
        except KeyError:
            pass
        if len(self._logins) >= REMEMBERED:
            self._logins.clear()
        found = self._logins[asked] = self._who(Login.of(name, domain, uid))
        return found

    def _who(self, login: Login) -> Match | None:
        claims = list(self._wild)
        for key in {*(name for name, _ in login.names), *login.keys}:
            claims += self._exact.get(key, ())
        fitting = [claim for claim in claims if claim.pattern.fits(login)]
        return max(fitting, key=lambda claim: claim.order).match if fitting else None

    def origin(self, place: str) -> str | None:
        """The provider whose origin an address or host name is; of several networks the narrowest counts."""
        try:
            return self._origins[place]
        except KeyError:
            pass
        if len(self._origins) >= REMEMBERED:
            self._origins.clear()
        found = self._origins[place] = self._origin(place)
        return found

    def _origin(self, place: str) -> str | None:
        address = parse_address(place)
        if address is None:
            return next(
                (provider for hosts, provider in self._places if hosts.holds((place,)).value == "yes"), None
            )
        return next(
            (
                provider
                for network, provider in self._networks
                if network.version == address.version and address in network
            ),
            None,
        )

    def gateway(self, place: str) -> tuple[str, ...]:
        """Names of the gateways that a host or address is, or gave its address to; sorted."""
        try:
            return self._doors[place]
        except KeyError:
            pass
        if len(self._doors) >= REMEMBERED:
            self._doors.clear()
        found = tuple(
            sorted({name for name, hosts in self._gateways if hosts.holds((place,)).value == "yes"})
        )
        self._doors[place] = found
        return found

    def matches(self, names: pa.Array, domains: pa.Array, uids: pa.Array) -> pa.Table:
        """Whose accounts three text columns of equal length name, row by row.

        Columns `provider`, `identity`, `kind` (text) and `shared` (bool), null where nobody's. Each distinct
        triple is resolved once.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        columns = [_encoded(column) for column in (names, domains, uids)]
        codes = columns[0].indices.cast(pa.int64())
        for column in columns[1:]:
            wider = pc.add(pc.multiply(codes, len(column.dictionary)), column.indices.cast(pa.int64()))
            # numbered afresh, so that the product of three large dictionaries cannot overflow
            codes = wider.dictionary_encode().indices.cast(pa.int64())
        numbers = codes.dictionary_encode()
        firsts = _first_rows(numbers.indices, len(numbers.dictionary))
        triples = zip(*(column.take(firsts).cast(pa.string()).to_pylist() for column in columns), strict=True)
        found = [self.who(*triple) for triple in triples]
        distinct = pa.table(
            {
                "provider": pa.array([match and match.provider for match in found], pa.string()),
                "identity": pa.array([match and match.identity for match in found], pa.string()),
                "kind": pa.array([match and match.kind for match in found], pa.string()),
                "shared": pa.array([None if match is None else match.shared for match in found], pa.bool_()),
            }
        )
        return distinct.take(numbers.indices)


def _encoded(column: pa.Array) -> pa.DictionaryArray:
    import pyarrow as pa

    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return whole.cast(pa.string()).dictionary_encode(null_encoding="encode")


def _first_rows(numbers: pa.Array, count: int) -> pa.Array:
    """For each of the `count` numbers the first row that has it."""
    import pyarrow as pa

    rows = pa.table({"number": numbers, "row": pa.arange(0, len(numbers))})
    first = rows.group_by("number").aggregate([("row", "min")]).sort_by("number")
    if len(first) != count:
        raise RuntimeError("a dictionary has values that no row has")
    return first["row_min"].combine_chunks()
