"""Visits and findings survive being written as JSON and read again; OCSF gets what it asks for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.app.documents import (
    finding_document,
    finding_from,
    moment,
    ocsf,
    stamp,
    visit_document,
    visit_from,
)
from countersign.model.visit import (
    SEVERITIES,
    Action,
    Finding,
    Hop,
    Link,
    LinkKind,
    Reference,
    Revision,
    Verdict,
    VerdictKind,
    Visit,
)

TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # Hypothesis wants bounds without a zone
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
"""Whatever a log may hold that was decoded: no lone surrogates, but control characters and all planes."""
IDS = st.text("0123456789abcdef", min_size=32, max_size=32)
REFERENCES = st.builds(
    Reference,
    IDS,
    IDS.map(lambda half: half + half),
    st.integers(0, 2**31),
    st.none() | st.integers(0, 2**31),
)


def some(of: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """None to two of a kind."""
    return st.lists(of, max_size=2).map(tuple)


LINKS = st.builds(Link, st.sampled_from(get_args(LinkKind)), TEXTS, some(IDS))
ACTIONS = st.builds(Action, TIMES, TEXTS, TEXTS, REFERENCES)
HOPS = st.builds(
    Hop,
    id=IDS,
    parent=st.none() | IDS,
    account=TEXTS,
    source=TEXTS,
    target=TEXTS,
    protocol=TEXTS,
    start=st.none() | TIMES,
    end=st.none() | TIMES,
    link=LINKS,
    seen_by=some(TEXTS),
    expected_by=some(TEXTS),
    records=some(REFERENCES),
    actions=some(ACTIONS),
    credential_switch=st.booleans(),
    source_ip=TEXTS,
    session=TEXTS,
    mfa=st.none() | st.booleans(),
    gateway=TEXTS,
)
VERDICTS = st.builds(
    Verdict, TEXTS, st.sampled_from(get_args(VerdictKind)), TEXTS, some(REFERENCES), TEXTS, some(IDS)
)
VISITS = st.builds(
    Visit,
    id=IDS,
    provider=TEXTS,
    person=TEXTS,
    kind=st.sampled_from(["person", "service"]),
    start=st.none() | TIMES,
    end=st.none() | TIMES,
    entry=IDS,
    hops=some(HOPS),
    verdicts=some(VERDICTS),
    findings=some(IDS),
    aliases=some(IDS),
    revisions=some(st.builds(Revision, TIMES, TEXTS, IDS, TEXTS)),
)
FINDINGS = st.builds(
    Finding,
    id=IDS,
    time=st.none() | TIMES,
    title=TEXTS,
    severity=st.sampled_from(SEVERITIES),
    kind=st.sampled_from(["clause", "rule", "hop", "source"]),
    class_uid=st.sampled_from([2003, 2004]),
    rule_id=TEXTS,
    provider=TEXTS,
    visit=st.none() | IDS,
    hosts=some(TEXTS),
    techniques=some(TEXTS),
    cites=some(TEXTS),
    why=TEXTS,
    evidence=some(REFERENCES),
    aliases=some(IDS),
)


@given(VISITS)
def test_a_visit_comes_back_from_its_document(visit: Visit) -> None:
    assert visit_from(orjson.loads(orjson.dumps(visit_document(visit)))) == visit


@given(FINDINGS)
def test_a_finding_comes_back_from_its_document(finding: Finding) -> None:
    assert finding_from(orjson.loads(orjson.dumps(finding_document(finding)))) == finding


def test_times_are_utc_and_as_exact_as_they_were() -> None:
    vienna = timezone(timedelta(hours=1))
    assert stamp(datetime(2026, 3, 5, 23, 41, 7, tzinfo=vienna)) == "2026-03-05T22:41:07Z"
    assert stamp(datetime(2026, 3, 5, 22, 41, 7, 1, tzinfo=UTC)) == "2026-03-05T22:41:07.000001Z"
    assert moment("2026-03-05T22:41:07Z") == datetime(2026, 3, 5, 22, 41, 7, tzinfo=UTC)
    assert (stamp(None), moment(None)) == (None, None)


REFERENCE = Reference("e" * 32, "a" * 64, 3, 5)
BROKEN = Finding(
    id="f" * 32,
    time=datetime(2026, 3, 5, 22, 41, 7, 250_000, tzinfo=UTC),
    title="Came from an origin that was not agreed",
    severity="high",
    kind="clause",
    class_uid=2003,
    rule_id="origin",
    provider="acme",
    visit="1" * 32,
    hosts=("lnx01",),
    techniques=("T1133",),
    cites=("TA18-276A/ENG-11",),
    why="198.51.100.4 is none of the origins of acme",
    evidence=(REFERENCE,),
)


def test_a_broken_clause_as_an_ocsf_compliance_finding() -> None:
    body = ocsf(BROKEN)
    assert (body["class_uid"], body["category_uid"], body["type_uid"]) == (2003, 2, 200_301)
    assert (body["severity_id"], body["severity"]) == (4, "High")
    assert body["time"] == 1_772_750_467_250
    assert body["compliance"]["control"] == "origin"
    assert body["finding_info"]["uid"] == BROKEN.id
    assert body["evidences"] == [
        {"data": {"event": "e" * 32, "record": 3, "segment": "a" * 64, "leaf": 5}},
    ]


@pytest.mark.parametrize(("level", "number"), list(zip(SEVERITIES, range(1, 6), strict=True)))
def test_severities_have_the_numbers_of_ocsf(level: str, number: int) -> None:
    body = ocsf(replace(BROKEN, severity=level, class_uid=2004))  # type: ignore[arg-type]  # one of SEVERITIES
    assert (body["severity_id"], body["class_name"]) == (number, "Detection Finding")
    assert "compliance" not in body


def test_our_own_keys_win_over_those_of_ocsf() -> None:
    document, event = finding_document(BROKEN), ocsf(BROKEN)
    assert (document["time"], document["severity"]) == ("2026-03-05T22:41:07.250000Z", "high")
    assert (event["time"], event["severity"]) != (document["time"], document["severity"])
    assert document["finding_info"] == event["finding_info"]
