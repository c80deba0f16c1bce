from __future__ import annotations

from pathlib import Path

import pytest

from countersign.errors import InputError
from countersign.range import RangeSpec, load_spec
from countersign.range.building import build_estate
from range_made import CONTENT

SMALL = CONTENT / "ranges" / "small.yaml"


@pytest.mark.parametrize("name", ["small", "office", "hospital"])
def test_what_ships_is_valid_and_has_the_size_it_says(name: str) -> None:
    spec = load_spec(CONTENT / "ranges" / f"{name}.yaml")
    assert isinstance(spec, RangeSpec)
    estate = build_estate(spec, 1)
    assert len(estate.hosts) == spec.hosts
    assert len({host.name for host in estate.hosts}) == spec.hosts
    for site in range(len(spec.sites)):
        inside = [host.ip for host in estate.hosts if host.site == site]
        assert len(set(inside)) == len(inside)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("days: 3", "days: 3\ndayz: 4", 8, "did you mean 'days'"),
        ("hosts: 120", "hosts: 20", 8, "at least 50"),
        ("gateway: asa01", "gateway: asa1", 25, "asa01?"),
        ("zone: Europe/London", "zone: Europe/Londn", 5, "no IANA time zone"),
        ("aws_accounts: 2", "aws_accounts: 0", 31, "comes by AWS"),
        ("nat: true", "nat: false", 14, "two sites without `nat`"),
        ("name: medisoft", "name: northgate", 28, "two of the providers"),
        ("origins: [203.0.113.64/29]", "origins: [203.0.113.24/29]", 28, "is an origin of northgate too"),
        ("tenant: meridian.example", "", 27, "comes by Entra"),
        ("services: 2, busy", "services: 0, busy", 26, "no service account"),
        ("people: 3", "people: many", 28, "whole number"),
    ],
)
def test_a_wrong_specification_is_one_error_with_its_place(
    tmp_path: Path, old: str, new: str, line: int | None, words: str
) -> None:
    text = SMALL.read_text("utf-8")
    assert old in text
    file = tmp_path / "wrong.yaml"
    file.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(InputError) as caught:
        load_spec(file)
    assert words in caught.value.diagnostics()
    assert caught.value.remedy
    assert caught.value.line == line


def test_merged_forests_have_equal_account_names_and_equal_addresses() -> None:
    spec = load_spec(CONTENT / "ranges" / "hospital.yaml")
    assert isinstance(spec, RangeSpec)
    estate = build_estate(spec, 1)
    by_forest = [{host.user.name for host in estate.hosts if host.user and host.domain == n} for n in (0, 1)]
    assert len(by_forest[0] & by_forest[1]) > 50
    by_site = [{host.ip for host in estate.hosts if host.site == n} for n in (0, 1)]
    assert len(by_site[0] & by_site[1]) > 100
    outside = {host.seen for host in estate.hosts if host.site == 1}
    assert len(outside) == 1
    assert not any(host.sysmon or host.commands for host in estate.hosts)
    assert {host.silent for host in estate.hosts if host.role == "device"} == {True}
    controllers = {host.index: host.domain for host in estate.hosts if host.role == "controller"}
    assert all(controllers[host.controller] == host.domain for host in estate.hosts)


def test_a_share_of_addresses_goes_to_another_host_each_day() -> None:
    spec = load_spec(SMALL)
    assert isinstance(spec, RangeSpec)
    estate = build_estate(spec, 1)
    days = [estate.addresses(day) for day in range(3)]
    moved = [i for i in range(spec.hosts) if len({day[i] for day in days}) > 1]
    assert 3 <= len(moved) <= spec.hosts * spec.dirt.reused_addresses
    for day in days:
        assert sorted(day) == sorted(days[0])
