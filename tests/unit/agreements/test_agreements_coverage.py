from __future__ import annotations

import pytest

from countersign.agreements import Coverage
from countersign.agreements.coverage import SOURCES


@pytest.mark.parametrize("host", ["fs01", "FS01", "fs01.corp.example", "10.1.0.9"])
def test_a_host_is_found_under_all_its_names(host: str) -> None:
    coverage = Coverage(process_hosts=frozenset({"FS01.corp.example"}), aliases={"10.1.0.9": ("FS01",)})
    assert coverage.sees("process", host)
    assert not coverage.sees("logon", host)


def test_addresses_are_not_shortened_like_names() -> None:
    coverage = Coverage(logon_hosts=frozenset({"10.1.0.9"}))
    assert coverage.sees("logon", "10.1.0.9")
    assert not coverage.sees("logon", "10.2.0.9")


def test_a_sensor_sees_shares_everywhere_and_nothing_else() -> None:
    coverage = Coverage(network_sensor=True)
    assert [kind for kind in SOURCES if coverage.sees(kind, "fs01")] == ["share"]


def test_a_host_is_known_by_itself_and_its_aliases() -> None:
    coverage = Coverage(aliases={"FS01": ("10.1.0.9",), "fs01.corp.example": ("fileserver",)})
    assert coverage.known_as("fs01") == ("fs01", "10.1.0.9", "fileserver")
    assert coverage.known_as("other") == ("other",)
    assert coverage.known_as("") == ("",)
