from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agreement_cases import LATER, MONDAY, VPN, WATCHED, action, agreement, entry, hop, inner, verdicts, visit
from countersign.agreements import Coverage, clauses, judge
from countersign.model.visit import Link

OFFICE: dict[str, Any] = {"origins": [{"address": "203.0.113.0/24", "label": "office"}]}


def test_only_stated_clauses_are_judged() -> None:
    assert clauses(agreement()) == ("identity.known",)
    (only,) = judge(visit(hop()), agreement(), WATCHED, LATER)
    assert (only.clause, only.verdict) == ("identity.known", "kept")


class TestContract:
    HELD = agreement(contract={"start": "2026-01-01", "end": "2026-03-02"}, zone="Pacific/Auckland")

    @pytest.mark.parametrize(
        ("changes", "verdict"),
        [
            ({"start": MONDAY - timedelta(hours=2), "end": MONDAY}, "kept"),
            ({}, "kept"),  # ends 10:00 UTC, 23:00 in Auckland
            ({"end": MONDAY + timedelta(hours=3)}, "broken"),  # past midnight in Auckland
            ({"start": MONDAY - timedelta(days=90)}, "broken"),
            ({"start": None}, "not observed"),
            ({"start": None, "end": MONDAY + timedelta(days=3)}, "broken"),
            ({"end": None}, "not observed"),
        ],
    )
    def test_every_known_moment_must_be_inside(self, changes: dict[str, Any], verdict: str) -> None:
        assert verdicts(self.HELD, visit(hop(**changes)))["contract.dates"].verdict == verdict

    def test_an_open_visit_is_inside_as_long_as_the_contract_lasts(self) -> None:
        came = visit(hop(end=None))
        assert (
            verdicts(self.HELD, came, as_of=MONDAY + timedelta(hours=1))["contract.dates"].verdict == "kept"
        )
        found = verdicts(self.HELD, came)["contract.dates"]
        assert (found.verdict, found.missing) == (
            "not observed",
            "a logoff or disconnect record of the visit's last sessions",
        )

    def test_a_hop_that_may_be_another_visits_breaks_nothing(self) -> None:
        late = inner(start=MONDAY + timedelta(days=9), end=None, link=Link("ambiguous", "two candidates"))
        came = visit(entry(), late, end=MONDAY + timedelta(hours=1))
        assert verdicts(self.HELD, came)["contract.dates"].verdict == "kept"


class TestIdentity:
    @pytest.mark.parametrize(
        ("account", "person", "verdict"),
        [
            ("ACME\\jdoe", "Jane Doe", "kept"),
            ("corp.example\\ADM-acme-jdoe", "", "kept"),
            ("4711", "Jane Doe", "kept"),  # recognised by something that the hop does not show
            ("CORP\\stranger", "", "broken"),
            ("", "", "not observed"),
            ("-", "", "not observed"),
        ],
    )
    def test_the_entry_must_be_by_a_declared_account(self, account: str, person: str, verdict: str) -> None:
        assert (
            verdicts(agreement(), visit(hop(account=account), person=person))["identity.known"].verdict
            == verdict
        )

    def test_an_agreement_with_sids_cannot_rule_out_a_name(self) -> None:
        held = agreement(identities=[{"name": "Jane Doe", "accounts": ["S-1-5-21-1-2-3-1104"]}])
        found = verdicts(held, visit(hop(account="CORP\\stranger"), person=""))["identity.known"]
        assert found.verdict == "not observed"
        assert "SID" in found.missing

    def test_a_shared_account_is_named_as_such(self) -> None:
        held = agreement(identities=[{"name": "Night", "accounts": ["ACME\\jdoe"], "shared": True}])
        assert "several people share" in verdicts(held, visit(hop()))["identity.known"].why


class TestOrigin:
    HELD = agreement(**OFFICE, gateways=[VPN])

    @pytest.mark.parametrize(
        ("changes", "verdict", "missing"),
        [
            ({}, "kept", ""),
            ({"source_ip": "::ffff:203.0.113.5"}, "kept", ""),
            ({"source_ip": "198.51.100.9"}, "broken", ""),
            ({"source_ip": ""}, "not observed", "source address"),
            ({"source_ip": "192.168.1.9"}, "not observed", "gateway or firewall"),
            (
                {"source_ip": "10.99.0.7", "target": "fs01", "protocol": "rdp"},
                "not observed",
                "log of gateway provider vpn",
            ),
            ({"source_ip": "", "source": "LAPTOP7"}, "not observed", "address of LAPTOP7"),
            ({"protocol": "console", "source_ip": "127.0.0.1"}, "not observed", "source address"),
        ],
    )
    def test_the_entry_must_come_from_an_agreed_origin(
        self, changes: dict[str, Any], verdict: str, missing: str
    ) -> None:
        found = verdicts(self.HELD, visit(entry(**changes)))["origin"]
        assert found.verdict == verdict
        assert missing in found.missing
        assert bool(found.missing) == (verdict == "not observed")

    def test_a_private_origin_counts_where_it_is_declared(self) -> None:
        held = agreement(origins=["192.168.1.0/24"])
        assert verdicts(held, visit(entry(source_ip="192.168.1.9")))["origin"].verdict == "kept"

    def test_an_origin_by_name_cannot_be_ruled_out_by_an_address(self) -> None:
        held = agreement(origins=["gw.acme.example"])
        found = verdicts(held, visit(entry(source_ip="198.51.100.9")))["origin"]
        assert (found.verdict, found.missing) == (
            "not observed",
            "what gw.acme.example resolved to at that time (DNS)",
        )
        learned = Coverage(aliases={"198.51.100.9": ("gw.acme.example",)})
        assert verdicts(held, visit(entry(source_ip="198.51.100.9")), learned)["origin"].verdict == "kept"


class TestGateway:
    HELD = agreement(gateways=[VPN, {"name": "jump host", "hosts": ["jump01"], "protocol": "rdp"}])

    @pytest.mark.parametrize(
        ("changes", "verdict"),
        [
            ({"target": "VPN1", "protocol": "vpn"}, "kept"),
            ({"target": "192.0.2.10", "protocol": "vpn"}, "kept"),
            ({"gateway": "Provider VPN"}, "kept"),
            ({"source_ip": "10.99.0.8"}, "kept"),
            ({"source": "jump01.corp.example"}, "kept"),
            ({"target": "jump01"}, "kept"),
            ({"target": "jump01", "protocol": "ssh"}, "broken"),
            ({"target": "jump01", "protocol": "network"}, "not observed"),
            ({"source": "LAPTOP7", "source_ip": "10.1.2.3"}, "broken"),
            ({"source_ip": "203.0.113.5"}, "broken"),
            ({"protocol": "console", "source_ip": ""}, "broken"),
            ({"source_ip": ""}, "not observed"),
            ({"source_ip": "10.1.2.3"}, "not observed"),  # a VPN may translate to an address nobody learned
        ],
    )
    def test_the_entry_must_be_through_an_agreed_gateway(self, changes: dict[str, Any], verdict: str) -> None:
        found = verdicts(self.HELD, visit(hop(**changes)))["gateway"]
        assert found.verdict == verdict
        assert bool(found.missing) == (verdict == "not observed")

    @pytest.mark.parametrize(
        ("protocol", "grants", "verdict"),
        [
            ("aws", [], "not observed"),  # no gateway of a network leads there
            ("aws", [{"by": "aws", "to": "111111111111"}], "kept"),
            ("aws", [{"by": "aws", "to": "222222222222"}], "not observed"),
            ("aws", [{"by": "aws", "to": "111111111111", "via": "jump host"}], "not observed"),
            ("screenconnect", [], "broken"),
            ("screenconnect", [{"to": "111111111111"}], "broken"),  # any way is not this way
            ("screenconnect", [{"by": "screenconnect", "to": "111111111111"}], "kept"),
        ],
    )
    def test_a_way_that_needs_no_gateway_is_one_that_a_grant_names(
        self, protocol: str, grants: list[dict[str, Any]], verdict: str
    ) -> None:
        held = agreement(
            gateways=[VPN, {"name": "jump host", "hosts": ["jump01", "10.20.0.14"], "protocol": "rdp"}],
            grants=[{"name": f"g{number}", "who": "*", **grant} for number, grant in enumerate(grants)],
        )
        came = hop(protocol=protocol, target="111111111111", source_ip="203.0.113.5", source="203.0.113.5")
        found = verdicts(held, visit(came))["gateway"]
        assert found.verdict == verdict
        assert "jump host" not in found.why  # nobody entered it

    def test_a_cloud_account_is_at_no_address(self) -> None:
        held = agreement(grants=[{"name": "net", "who": "*", "to": "10.0.0.0/8"}])
        there = visit(hop(protocol="aws", target="111111111111"))
        assert verdicts(held, there)["grant.to"].verdict == "broken"

    def test_an_address_whose_name_was_learned_is_held_to_the_names(self) -> None:
        learned = Coverage(aliases={"10.1.2.3": ("laptop7",)})
        assert verdicts(self.HELD, visit(hop(source_ip="10.1.2.3")), learned)["gateway"].verdict == "broken"


class TestLimits:
    HELD = agreement(limits={"max_visit_hours": 8, "max_concurrent_visits": 2})

    @pytest.mark.parametrize(
        ("changes", "verdict"),
        [
            ({}, "kept"),
            ({"end": MONDAY + timedelta(hours=8)}, "kept"),
            ({"end": MONDAY + timedelta(hours=8, minutes=1)}, "broken"),
            ({"end": None}, "not observed"),
            ({"end": None, "actions": (action("process", "x"),)}, "not observed"),
            ({"start": None}, "not observed"),
        ],
    )
    def test_a_visit_may_not_last_longer(self, changes: dict[str, Any], verdict: str) -> None:
        assert verdicts(self.HELD, visit(hop(**changes)))["limits.max_visit_hours"].verdict == verdict

    def test_an_open_visit_is_within_its_limit_until_it_passes(self) -> None:
        found = verdicts(self.HELD, visit(hop(end=None)), as_of=MONDAY + timedelta(hours=2))
        assert found["limits.max_visit_hours"].verdict == "kept"

    @pytest.mark.parametrize(("count", "verdict"), [(None, "not observed"), (2, "kept"), (3, "broken")])
    def test_visits_at_one_time_are_counted_by_the_caller(self, count: int | None, verdict: str) -> None:
        assert (
            verdicts(self.HELD, visit(hop()), concurrent=count)["limits.max_concurrent_visits"].verdict
            == verdict
        )


def test_verdicts_carry_the_evidence_of_their_hops() -> None:
    held = agreement(grants=[{"name": "care", "who": "*", "to": "fs01"}], gateways=[VPN])
    found = verdicts(held, visit(entry(), inner("h1"), inner("h2", target="DC01")))
    assert found["grant.to"].hops == ("h2",)
    assert [one.event for one in found["grant.to"].records] == ["event of h2"]
    assert set(found["grant.who"].hops) == {"entry", "h1", "h2"}
    assert found["gateway"].hops == ("entry",)


def test_a_visit_without_hops_is_not_observed() -> None:
    held = agreement(
        **OFFICE,
        gateways=[VPN],
        contract={"start": "2026-01-01"},
        grants=[{"name": "g", "who": "*", "to": "*"}],
    )
    found = judge(visit(), held, WATCHED, LATER)
    assert {verdict.verdict for verdict in found} == {"not observed"}
    assert all(verdict.missing and verdict.why for verdict in found)
