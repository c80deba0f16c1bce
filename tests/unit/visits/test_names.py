from __future__ import annotations

from countersign.visits.names import AddressBook, Claim, Domains, settled

NOW = 1_000_000_000
HOUR = 3_600_000_000


def host(claims: list[Claim], shared: set[str] | None = None, at: int = NOW) -> str | None:
    return AddressBook(settled(claims, shared or set())).host("10.0.0.5", at)


def claim(
    name: str, address: str = "10.0.0.5", *, own: bool = False, first: int = NOW, last: int = NOW
) -> Claim:
    return Claim(address, name, first - 10, last + 10, own)


def test_a_host_behind_translation_does_not_claim_the_address_it_has_there() -> None:
    clinic = [claim("WARD7", own=True), claim("WARD7", "192.0.2.1")]
    assert host([claim("JUMP01"), *clinic]) == "JUMP01"
    assert host([claim("JUMP01", own=True), *clinic]) == "JUMP01"


def test_a_host_seen_behind_a_shared_address_has_no_word_on_its_own() -> None:
    clinic = [claim("WARD7", own=True), claim("WARD7", "192.0.2.1")]
    assert host(clinic, {"192.0.2.1"}) is None
    assert host([*clinic, claim("WARD7")], {"192.0.2.1"}) == "WARD7"  # it was here as well


def test_an_own_word_is_taken_where_nothing_speaks_against_it() -> None:
    assert host([claim("WARD7", own=True)]) == "WARD7"
    assert host([claim("WARD7", own=True), claim("WARD7", "192.0.2.1")]) == "WARD7"  # moved a moment ago


def test_of_two_at_the_same_time_the_one_that_others_saw_is_taken_and_else_none() -> None:
    assert host([claim("JUMP01"), claim("WARD7", own=True)]) == "JUMP01"
    assert host([claim("JUMP01", own=True), claim("WARD7", own=True)]) is None
    assert host([claim("JUMP01"), claim("WARD7")]) is None


def test_an_address_that_passed_on_is_the_nearest_holders() -> None:
    both = [claim("WS1", last=NOW + HOUR), claim("WS2", first=NOW + 3 * HOUR, last=NOW + 4 * HOUR)]
    assert [host(both, at=NOW + hours * HOUR) for hours in (0, 3, 9)] == ["WS1", "WS2", "WS2"]
    assert host(both, at=NOW + 2 * HOUR) is None  # as near to the one as to the other


def test_a_shared_address_is_nobodys() -> None:
    assert host([claim("WS1")], {"10.0.0.5"}) is None


def test_the_two_names_of_a_domain_are_one_by_the_sids_of_its_accounts() -> None:
    one, other = "S-1-5-21-1-2-3", "S-1-5-21-4-5-6"
    domains = Domains(
        [
            ("ann", "HALDEN", f"{one}-1001"),
            ("bob", "CORP.HALDEN.EXAMPLE", f"{one}-1002"),
            ("cat", "SRV1", f"{other}-500"),
            ("dan", "", f"{one}-1003"),
        ]
    )
    assert domains.named("corp.halden.example") == "HALDEN"
    assert domains.named("HALDEN") == "HALDEN"
    assert domains.named("SRV1") == "SRV1"
    assert domains.named("other.example") == "other.example"


def test_a_domain_of_which_several_short_names_are_told_keeps_what_is_written() -> None:
    sid = "S-1-5-21-1-2-3-1001"
    domains = Domains([("ann", "OLD", sid), ("ann", "NEW", sid), ("ann", "corp.example", sid)])
    assert domains.named("corp.example") == "corp.example"
