from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from countersign.agreements.hosts import HostPattern, HostSet, is_private, parse_address


@pytest.mark.parametrize(
    ("patterns", "known_as", "value"),
    [
        (["fs01"], ["FS01"], "yes"),
        (["fs01"], ["fs01.corp.example"], "yes"),
        (["fs01.corp.example"], ["FS01"], "yes"),
        (["fs01.corp.example"], ["fs01.other.example"], "no"),
        (["fs*"], ["fs02.corp.example."], "yes"),
        (["*.corp.example"], ["fs02.corp.example"], "yes"),
        (["*.corp.example"], ["fs02"], "unknown"),
        (["fs*.corp.example"], ["dc01"], "no"),
        (["*"], ["10.0.0.1"], "yes"),
        (["fs01"], ["10.0.0.1"], "unknown"),
        (["fs01"], ["10.0.0.1", "fs01"], "yes"),
        (["10.0.0.0/8"], ["fs01"], "unknown"),
        (["10.0.0.0/8"], ["fs01", "10.2.3.4"], "yes"),
        (["10.0.0.0/8"], ["::ffff:10.2.3.4"], "yes"),
        (["10.0.0.0/8"], ["192.0.2.1"], "no"),
        (["2001:db8::/32"], ["2001:db8::7%eth0"], "yes"),
        (["2001:db8::/32"], ["10.0.0.1"], "no"),
        (["dc01", "10.0.0.0/8"], ["fs01"], "unknown"),
        (["fs01"], [], "unknown"),
        (["fs01"], ["-"], "unknown"),
        ([], ["fs01"], "no"),
    ],
)
def test_a_host_is_meant_or_not_or_cannot_be_told(
    patterns: list[str], known_as: list[str], value: str
) -> None:
    assert HostSet.of(patterns).holds(known_as).value == value


def test_what_is_unknown_says_what_is_missing() -> None:
    assert "address" in HostSet.of(["10.0.0.0/8"]).holds(["fs01"]).missing
    assert "full name" in HostSet.of(["*.corp.example"]).holds(["fs01"]).missing


@pytest.mark.parametrize(
    "text", ["", "a b", "10.0.0.1/8", "300.1.2.3", "10.0.0.0/33", "fs01\\x", "1.2.3", "a:b", "fe80::/200"]
)
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        HostPattern.parse(text)


def test_an_application_is_written_with_stars_for_its_blanks() -> None:
    with pytest.raises(PydanticCustomError) as told:
        HostPattern.parse("Azure Portal")
    assert "`Azure*Portal`" in str(told.value.context)
    assert HostSet.of(["Azure*Portal"]).holds(("Azure Portal",)).value == "yes"


@pytest.mark.parametrize(
    "text", ["fs01", "2fa", "web-1.corp.example", "10-0-0-1", "_x", "192.0.2.0/24", "::1", "FS01$"]
)
def test_what_is_a_host_is_read(text: str) -> None:
    assert HostPattern.parse(text).text == text


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_none(text: str) -> None:
    found = parse_address(text)
    assert found is None or parse_address(str(found)) == found


@given(
    st.lists(st.sampled_from(["fs01", "fs*", "10.0.0.0/8", "*.corp.example"])),
    st.permutations(["fs01", "10.1.1.1"]),
)
def test_order_of_patterns_and_names_does_not_matter(patterns: list[str], known_as: list[str]) -> None:
    assert (
        HostSet.of(patterns).holds(known_as).value
        == HostSet.of(reversed(patterns)).holds(known_as[::-1]).value
    )


def test_documentation_addresses_count_as_public() -> None:
    assert not is_private(ipaddress.ip_address("203.0.113.5"))
    assert all(
        is_private(ipaddress.ip_address(text)) for text in ("10.0.0.1", "100.64.0.1", "::1", "fd00::1")
    )
