from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from countersign.rules.indicators import Draft, Problem
from countersign.rules.indicators.stix import MARKINGS, read_objects

ID = "indicator--26ffb872-1dd9-446e-b6f5-d58527e5b5d2"
IDENTITY = "identity--f431f809-377b-45e0-aa1c-6a4751cae5ff"


def indicator(**changes: Any) -> dict[str, Any]:
    found = {
        "type": "indicator",
        "spec_version": "2.1",
        "id": ID,
        "created": "2026-03-01T10:00:00.000Z",
        "modified": "2026-03-02T10:00:00.123456Z",
        "name": "a loader",
        "pattern": "[domain-name:value = 'evil.example']",
        "pattern_type": "stix",
        "valid_from": "2026-03-01T10:00:00Z",
    } | changes
    return {name: value for name, value in found.items() if value is not None}


def read(*objects: Any) -> tuple[list[Draft], list[Problem]]:
    found = list(read_objects(objects, "x.json"))
    return [one for one in found if isinstance(one, Draft)], [
        one for one in found if isinstance(one, Problem)
    ]


def test_an_indicator_with_all_it_says() -> None:
    drafts, problems = read(
        indicator(
            created_by_ref=IDENTITY,
            confidence=80,
            valid_until="2026-04-01T00:00:00.5Z",
            indicator_types=["malicious-activity"],
            labels=["apt"],
            object_marking_refs=["marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"],
        ),
        {"type": "identity", "id": IDENTITY, "name": "CERT"},
        {"type": "malware", "id": "malware--1", "name": "PlugX"},
        {
            "type": "relationship",
            "relationship_type": "indicates",
            "source_ref": ID,
            "target_ref": "malware--1",
        },
    )
    assert not problems
    (one,) = drafts
    assert (one.key, one.title, one.author, one.confidence, one.tlp) == (ID, "a loader", "CERT", 80, "green")
    assert one.labels == "malicious-activity, apt, PlugX"
    assert one.valid_from == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert one.valid_until == datetime(2026, 4, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    assert one.modified == datetime(2026, 3, 2, 10, 0, 0, 123_456, tzinfo=UTC)


def test_markings_of_both_versions_and_the_strictest_of_several() -> None:
    own = {
        "type": "marking-definition", "id": "marking-definition--own",
        "extensions": {"extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d": {
            "extension_type": "property-extension", "tlp_2_0": "amber+strict"}},
    }  # fmt: skip
    old = {
        "type": "marking-definition",
        "id": "marking-definition--old",
        "definition_type": "tlp",
        "definition": {"tlp": "white"},
    }
    for references, word in (
        (["marking-definition--own", "marking-definition--old"], "amber+strict"),
        (["marking-definition--old"], "clear"),
        (["marking-definition--unknown"], ""),
        (list(MARKINGS), "red"),
        ("marking-definition--own", ""),
    ):
        drafts, _ = read(own, old, indicator(object_marking_refs=references))
        assert drafts[0].tlp == word


def test_revoked_and_2_0_indicators_are_read() -> None:
    drafts, problems = read(
        indicator(revoked=True), indicator(id=ID[:-1] + "3", pattern_type=None, spec_version=None)
    )
    assert not problems
    assert [one.revoked for one in drafts] == [True, False]


def test_what_cannot_be_used_is_told_by_its_id() -> None:
    wrong = [
        indicator(pattern_type="yara", pattern="rule x {}"),
        indicator(pattern=None),
        indicator(pattern=7),
        indicator(pattern="[nonsense"),
        indicator(pattern="[file:size = 5]"),
        indicator(confidence=101),
        indicator(confidence=True),
        indicator(confidence="high"),
        indicator(valid_from="yesterday"),
        indicator(valid_from="2026-03-01T10:00:00+01:00"),
        indicator(valid_until=5),
        indicator(valid_until="9999-99-99T00:00:00Z"),
    ]
    for item in wrong:
        drafts, problems = read(item)
        assert not drafts
        assert [(problem.path, problem.subject) for problem in problems] == [("x.json", ID)]
        assert problems[0].reason


def test_half_a_pattern_is_kept_and_the_other_half_told() -> None:
    drafts, problems = read(indicator(pattern="[file:name = 'a.exe' OR file:size = 5]"))
    assert len(drafts) == 1
    assert "part of it is left out" in problems[0].reason


def test_many_reasons_are_shortened() -> None:
    pattern = " OR ".join(f"x-a{number}:b = 'c'" for number in range(20))
    _, problems = read(indicator(pattern=f"[{pattern}]"))
    assert "and 15 more" in problems[0].reason


def test_odd_objects_stop_nothing() -> None:
    drafts, problems = read(
        7, None, [], "x", {}, {"type": 5}, {"type": "identity", "id": 5, "name": []},
        {"type": "marking-definition", "id": "m", "definition": 5, "extensions": {"a": 5, "b": {"tlp_2_0": 5}}},
        {"type": "marking-definition", "id": [], "extensions": []},
        {"type": "relationship", "relationship_type": "indicates", "source_ref": 5, "target_ref": {}},
        indicator(id=5), indicator(id="x"), indicator(id=["indicator--x"]),
        indicator(name=5, description=[], created_by_ref=5, labels=5, indicator_types=[5], object_marking_refs=[5, {}]),
    )  # fmt: skip
    assert [one.key for one in drafts] == [ID]
    assert len(problems) == 7


def test_a_bundle_without_indicators_says_so() -> None:
    _, problems = read({"type": "identity", "id": IDENTITY, "name": "CERT"})
    assert "none of its 1 STIX objects is an indicator" in problems[0].reason
