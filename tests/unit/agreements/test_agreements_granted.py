from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agreement_cases import JANE, MONDAY, VPN, agreement, entry, hop, inner, verdicts, visit
from countersign.agreements import Agreement, Coverage
from countersign.model.visit import Link, Verdict, Visit

JOHN: dict[str, Any] = {"name": "John Roe", "accounts": ["ACME\\jroe"]}
CARE: dict[str, Any] = {
    "name": "care",
    "who": "Jane Doe",
    "to": ["fs*"],
    "by": ["rdp"],
    "via": "provider vpn",
    "when": "mon-fri 08:00-18:00",
}
NIGHT = MONDAY + timedelta(hours=18)


def held(*grants: dict[str, Any], **terms: Any) -> Agreement:
    return agreement(**{"identities": [JANE, JOHN], "gateways": [VPN], "grants": list(grants)} | terms)


def broken(found: dict[str, Verdict]) -> set[str]:
    return {clause for clause, verdict in found.items() if verdict.verdict == "broken"}


def open_(found: dict[str, Verdict]) -> set[str]:
    return {clause for clause, verdict in found.items() if verdict.verdict == "not observed"}


def test_an_ordinary_visit_keeps_every_aspect() -> None:
    found = verdicts(held(CARE | {"mfa": "required", "until": "2026-03-02"}), visit(entry(), inner()))
    assert {clause: verdict.verdict for clause, verdict in found.items()} == dict.fromkeys(found, "kept")
    assert {
        "grant.who",
        "grant.to",
        "grant.by",
        "grant.via",
        "grant.as",
        "grant.when",
        "grant.until",
        "grant.mfa",
    } <= set(found)


@pytest.mark.parametrize(
    ("changes", "aspects"),
    [
        ({"target": "DC01"}, {"grant.to"}),
        ({"protocol": "smb"}, {"grant.by"}),
        ({"start": NIGHT}, {"grant.when"}),
        ({"start": NIGHT, "protocol": "ssh"}, {"grant.by", "grant.when"}),
        ({"target": "DC01", "start": NIGHT}, {"grant.to", "grant.when"}),
        ({"account": "CORP\\Administrator"}, {"grant.as"}),
    ],
)
def test_the_aspect_that_broke_is_named(changes: dict[str, Any], aspects: set[str]) -> None:
    assert broken(verdicts(held(CARE), visit(entry(), inner(**changes)))) == aspects


def test_the_reason_names_host_protocol_time_and_hours() -> None:
    late = inner(start=MONDAY - timedelta(hours=5, minutes=48))
    why = verdicts(held(CARE, zone="Europe/London"), visit(entry(), late))["grant.when"].why
    assert (
        why
        == "to FS01 by rdp at 03:12 on mon 2026-03-02 Europe/London: outside mon-fri 08:00-18:00 Europe/London"
    )


def test_a_grant_of_somebody_else_does_not_count() -> None:
    found = verdicts(held(CARE | {"who": "John Roe"}), visit(entry(), inner()))
    assert broken(found) == {"grant.who"}
    assert "Jane Doe" in found["grant.who"].why


def test_the_owner_of_the_account_counts_not_who_entered() -> None:
    other = inner(account="ACME\\jroe")
    assert broken(verdicts(held(CARE), visit(entry(), other))) == {"grant.who"}
    assert not broken(verdicts(held(CARE | {"who": ["Jane Doe", "John Roe"]}), visit(entry(), other)))


def test_a_hop_is_held_to_the_grant_that_comes_nearest() -> None:
    files = {"name": "files", "who": "*", "to": "fs01", "by": "smb"}
    grants = held(CARE, files)
    assert broken(verdicts(grants, visit(entry(), inner(protocol="smb", start=NIGHT)))) == set()
    assert broken(verdicts(grants, visit(entry(), inner(start=NIGHT)))) == {"grant.when"}


def test_a_wrong_host_is_not_called_late_when_another_grant_has_that_hour() -> None:
    night = {"name": "night", "who": "Jane Doe", "to": "app01", "when": "00:00-24:00"}
    assert broken(verdicts(held(CARE, night), visit(entry(), inner(target="DC01", start=NIGHT)))) == {
        "grant.to"
    }


def test_switching_accounts_needs_leave() -> None:
    sudo = inner("h2", parent="h1", protocol="sudo", account="root", source="FS01")
    assert broken(verdicts(held(CARE), visit(entry(), inner(), sudo))) == {"grant.as"}
    assert not broken(verdicts(held(CARE | {"as": "root"}), visit(entry(), inner(), sudo)))
    system = inner("h2", parent="h1", protocol="service", account="NT AUTHORITY\\SYSTEM", source="FS01")
    assert not broken(verdicts(held(CARE), visit(entry(), inner(), system)))


class TestVia:
    def test_a_hop_over_another_host_still_came_through_the_gateway(self) -> None:
        on = inner("h2", parent="h1", source="FS01", source_ip="10.1.0.9", target="fs02")
        assert verdicts(held(CARE), visit(entry(), inner(), on))["grant.via"].verdict == "kept"

    def test_straight_in_is_broken(self) -> None:
        found = verdicts(held(CARE), visit(hop()))
        assert broken(found) == {"gateway", "grant.via"}

    def test_the_wrong_gateway_is_broken(self) -> None:
        jump = {"name": "jump host", "hosts": ["jump01"], "protocol": "rdp"}
        found = verdicts(held(CARE | {"via": "jump host"}, gateways=[VPN, jump]), visit(entry(), inner()))
        assert broken(found) == {"grant.via"}

    def test_a_visit_whose_beginning_is_lost_is_not_observed(self) -> None:
        lost = inner(parent="not in the logs", source_ip="10.1.2.3", source="WS7")
        assert verdicts(held(CARE), visit(lost))["grant.via"].verdict == "not observed"


class TestUncertain:
    def test_a_session_from_before_the_logs_has_no_hour(self) -> None:
        found = verdicts(held(CARE | {"until": "2026-03-01"}), visit(entry(start=None), inner(start=None)))
        assert {"grant.when", "grant.until"} <= open_(found)
        assert "reach back" in found["grant.when"].missing

    def test_a_session_that_ended_in_time_was_in_time(self) -> None:
        found = verdicts(held(CARE | {"until": "2026-03-02"}), visit(entry(), inner(start=None)))
        assert found["grant.until"].verdict == "kept"

    def test_a_hop_that_may_be_another_visits_breaks_nothing(self) -> None:
        doubtful = inner(target="DC01", start=NIGHT, link=Link("ambiguous", "two", ("entry", "other")))
        beyond = inner("h2", parent="h1", target="DC02", protocol="smb")
        found = verdicts(held(CARE), visit(entry(), doubtful, beyond))
        assert not broken(found)
        assert {"grant.to", "grant.when"} <= open_(found)
        assert "ties the hop to this visit" in found["grant.to"].missing

    def test_a_network_logon_may_be_what_was_granted(self) -> None:
        found = verdicts(held(CARE), visit(entry(), inner(protocol="network")))
        assert found["grant.by"].verdict == "not observed"
        assert "network sensor" in found["grant.by"].missing
        assert broken(verdicts(held(CARE | {"by": "ssh"}), visit(entry(), inner(protocol="network")))) == {
            "grant.by"
        }

    def test_an_unknown_protocol_breaks_nothing(self) -> None:
        found = verdicts(held(CARE), visit(entry(), inner(protocol="unknown")))
        assert found["grant.by"].verdict == "not observed"

    def test_explicit_credentials_elsewhere_have_no_known_protocol(self) -> None:
        away = inner(protocol="explicit", source="WS7")
        assert verdicts(held(CARE), visit(entry(), away))["grant.by"].verdict == "not observed"
        here = inner(protocol="explicit", source="FS01")
        assert verdicts(held(CARE), visit(entry(), here))["grant.by"].verdict == "kept"

    def test_an_address_without_a_name_may_be_a_granted_host(self) -> None:
        came = visit(entry(), inner(target="10.1.0.9"))
        assert verdicts(held(CARE), came)["grant.to"].verdict == "not observed"
        learned = Coverage(aliases={"10.1.0.9": ("fs01",)})
        assert verdicts(held(CARE), came, learned)["grant.to"].verdict == "kept"

    def test_no_grant_for_an_unnamed_account_is_not_observed(self) -> None:
        assert (
            verdicts(held(CARE), visit(entry(account="-"), person=""))["grant.who"].verdict == "not observed"
        )


class TestSecondFactor:
    HELD = held(CARE | {"mfa": "required"})

    @pytest.mark.parametrize(("mfa", "verdict"), [(True, "kept"), (False, "broken"), (None, "not observed")])
    def test_the_entry_decides(self, mfa: bool | None, verdict: str) -> None:
        found = verdicts(self.HELD, visit(entry(mfa=mfa), inner()))["grant.mfa"]
        assert found.verdict == verdict
        assert found.missing == ("VPN gateway log with MFA result" if verdict == "not observed" else "")

    def test_a_factor_at_the_hop_itself_counts(self) -> None:
        found = verdicts(self.HELD, visit(inner(mfa=True, parent=None, link=Link("entry", ""))))
        assert found["grant.mfa"].verdict == "kept"


def test_tickets_are_not_observed_until_they_are_read() -> None:
    found = verdicts(held(CARE | {"ticket": "required"}), visit(entry(), inner()))
    assert open_(found) == {"grant.ticket"}
    assert found["grant.ticket"].missing == "ticket or change records"
    free = {"name": "free", "who": "*", "to": "fs01"}
    assert not open_(
        verdicts(held(CARE | {"ticket": "required"}, free), visit(inner(parent=None), person="Jane Doe"))
    )


def test_entering_a_gateway_needs_no_grant_to_it_but_its_hours() -> None:
    alone: Visit = visit(entry(start=NIGHT, end=None))
    assert broken(verdicts(held(CARE), alone)) == {"grant.when"}
    by_ssh = visit(entry(protocol="ssh"))
    assert broken(verdicts(held(CARE), by_ssh)) >= {"gateway", "grant.to"}
