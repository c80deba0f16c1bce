from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agreement_cases import VPN, agreement
from countersign.agreements import Match, Resolver
from countersign.agreements import resolve as resolve_module
from countersign.errors import AgreementError

ACME = agreement(
    identities=[
        {"name": "Jane Doe", "accounts": ["ACME\\jdoe", "acme-jdoe"]},
        {"name": "anybody of ACME", "accounts": ["acme-*"], "shared": True},
        {"name": "Backup", "kind": "service", "accounts": ["CORP\\svc-acme-*", "S-1-5-21-1-2-3-1104"]},
    ],
    origins=["203.0.113.0/24", "gw.acme.example"],
    gateways=[VPN],
)
OTHER = agreement(
    provider={"id": "other", "name": "Other"},
    identities=[{"name": "Eve", "accounts": ["OTHER\\eve"]}],
    origins=["203.0.113.128/25"],
)


def test_the_most_exact_claim_of_an_agreement_wins() -> None:
    resolver = Resolver([OTHER, ACME])
    assert resolver.who("acme-jdoe") == Match("acme", "Jane Doe", "person")
    assert resolver.who("ACME-John") == Match("acme", "anybody of ACME", "person", shared=True)
    assert resolver.who("svc-acme-1", "corp.example") == Match("acme", "Backup", "service")
    assert resolver.who("x", "y", "s-1-5-21-1-2-3-1104") == Match("acme", "Backup", "service")
    assert resolver.who("eve", "other") == Match("other", "Eve", "person")
    assert resolver.who("eve") is None
    assert resolver.who(None) is None


def test_origins_and_gateways() -> None:
    resolver = Resolver([ACME, OTHER])
    assert resolver.origin("203.0.113.7") == "acme"
    assert resolver.origin("::ffff:203.0.113.200") == "other"  # the narrower network
    assert resolver.origin("GW.acme.example.") == "acme"
    assert resolver.origin("10.0.0.1") is None
    assert resolver.origin("") is None
    assert resolver.gateway("VPN1.corp.example") == ("provider vpn",)
    assert resolver.gateway("10.99.0.200") == ("provider vpn",)
    assert resolver.gateway("fs01") == ()


def test_two_agreements_cannot_claim_one_account() -> None:
    thief = agreement(
        provider={"id": "thief", "name": "Thief"},
        identities=[{"name": "x", "accounts": ["acme.example\\JDOE"]}],
    )
    with pytest.raises(AgreementError, match="same account"):
        Resolver([ACME, thief])


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve_module, "REMEMBERED", 10)
    resolver = Resolver([ACME])
    for number in range(100):
        assert resolver.who(f"name{number}") is None
        assert resolver.origin(f"198.51.100.{number}") is None
        assert resolver.gateway(f"host{number}") == ()
    assert max(len(resolver._logins), len(resolver._origins), len(resolver._doors)) <= 10


NAMES = st.none() | st.sampled_from(
    ["jdoe", "acme-jdoe", "acme-x", "eve", "nobody", "svc-acme-1", "ACME\\jdoe"]
)
DOMAINS = st.none() | st.sampled_from(["ACME", "CORP", "OTHER", "acme.example", "-"])
UIDS = st.none() | st.sampled_from(["S-1-5-21-1-2-3-1104", "S-1-5-18", "jdoe@acme.example"])


@given(st.lists(st.tuples(NAMES, DOMAINS, UIDS), max_size=40))
def test_columns_are_answered_as_single_accounts_are(
    rows: list[tuple[str | None, str | None, str | None]],
) -> None:
    resolver = Resolver([ACME, OTHER])
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)] or [
        pa.array([], pa.string())
    ] * 3
    found = resolver.matches(*columns).to_pylist()
    expected = [resolver.who(*row) for row in rows]
    assert [row["provider"] for row in found] == [match and match.provider for match in expected]
    assert [row["identity"] for row in found] == [match and match.identity for match in expected]
    assert [row["kind"] for row in found] == [match and match.kind for match in expected]
    assert [row["shared"] for row in found] == [None if match is None else match.shared for match in expected]


def test_chunked_and_dictionary_columns_are_read() -> None:
    names = pa.chunked_array([["jdoe"], ["jdoe", None]], pa.string())
    domains = pa.array(["ACME", None, "ACME"]).dictionary_encode()
    found = Resolver([ACME]).matches(names, domains, pa.nulls(3, pa.string()))
    assert found["identity"].to_pylist() == ["Jane Doe", None, None]
