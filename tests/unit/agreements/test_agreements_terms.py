from __future__ import annotations

import pytest
from pydantic import ValidationError

from agreement_cases import JANE, VPN, agreement
from countersign import agreements
from countersign.agreements import Agreement


def test_an_agreement_in_its_dumped_form_is_the_same_agreement() -> None:
    held = agreement(
        origins="203.0.113.0/24",
        gateways=[VPN],
        grants=[
            {
                "name": "g",
                "who": "*",
                "to": "fs01",
                "as": "root",
                "when": "mon 08:00-09:00",
                "until": "2026-01-01",
            }
        ],
        never=[{"name": "n", "tools": "x*"}],
    )
    assert Agreement.model_validate(held.model_dump(by_alias=True)) == held
    assert Agreement.model_validate_json(held.model_dump_json(by_alias=True)) == held
    assert hash(held) == hash(agreement())


def test_an_agreement_that_exists_hangs_together() -> None:
    with pytest.raises(ValidationError, match="no gateway is called"):
        agreement(grants=[{"name": "g", "who": "*", "to": "*", "via": "nowhere"}])


def test_terms_never_change() -> None:
    with pytest.raises(ValidationError):
        agreement().zone = "Europe/London"


def test_groups_stand_for_what_they_hold() -> None:
    held = agreement(groups={"files": ["fs*", "10.0.0.0/8"]})
    assert held.hosts(("dc01", "files")) == ("dc01", "fs*", "10.0.0.0/8")


def test_who_is_named_must_be_an_identity() -> None:
    grant = {"name": "g", "who": [JANE["name"]], "to": "*"}
    assert agreement(grants=[grant]).grants[0].who == ("Jane Doe",)


def test_the_room_shows_what_it_shows() -> None:
    assert agreements.__all__ == [
        "Agreement",
        "AgreementFileError",
        "Agreements",
        "Coverage",
        "Match",
        "Resolver",
        "clause_cites",
        "clauses",
        "granted_switches",
        "judge",
        "load_agreement",
        "load_agreements",
        "read_agreement",
        "schema_text",
        "severity_of",
        "starter_files",
    ]
