from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.rules.indicators.addresses import NetworkTable, numbers, packed

v4 = st.integers(0, 2**32 - 1).map(ip_address).map(str)
v6 = st.integers(0, 2**128 - 1).map(lambda number: str(IPv6Address(number)))
near = st.sampled_from(["198.51.100.7", "198.51.100.200", "2001:db8::7", "2001:db8:0:1::7"])
addresses = near | v4 | v6
networks = st.builds(
    lambda text, length: str(ip_network((text, min(length, ip_address(text).max_prefixlen)), strict=False)),
    addresses,
    st.integers(0, 128),
)


def wide(text: str) -> IPv6Address:
    found = ip_address(text)
    return found if isinstance(found, IPv6Address) else IPv6Address(f"::ffff:{found}")


def holds(network: str, address: str) -> bool:
    parsed = ip_network(network)
    length = parsed.prefixlen + (96 if parsed.version == 4 else 0)
    base, found = int(wide(str(parsed.network_address))), int(wide(address))
    return base >> (128 - length) == found >> (128 - length)


@given(
    st.lists(networks, min_size=1, max_size=12, unique=True), st.lists(addresses, max_size=12, unique=True)
)
def test_every_network_that_holds_an_address_is_found(wanted: list[str], values: list[str]) -> None:
    first, second = NetworkTable(pa.array(wanted)).find(pa.array(values, pa.string()))
    pairs = set(zip(first.tolist(), second.tolist(), strict=True))
    assert pairs == {
        (i, j) for i, value in enumerate(values) for j, one in enumerate(wanted) if holds(one, value)
    }


@given(addresses)
def test_packed_is_the_address(text: str) -> None:
    assert packed(text) == wide(text).packed


@pytest.mark.parametrize(
    "text", ["", "-", "1.2.3", "1.2.3.04", "1.2.3.4 ", "::gg", "1" * 5000, "host", "1.2.3.4\0", "ü"]
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert packed(text) is None
    assert not len(numbers(pa.array([text]))[0])


def test_a_zone_is_left_out() -> None:
    assert packed("fe80::1%eth0") == packed("fe80::1")
