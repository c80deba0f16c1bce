from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from countersign.rules.indicators import Draft, Problem
from countersign.rules.indicators.misp import READERS, read_event


def attribute(kind: str = "domain", value: object = "evil.example", **changes: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "value": value,
        "to_ids": True,
        "uuid": f"u-{kind}",
        "category": "Network activity",
        "timestamp": "1772359200",
        "comment": "",
    } | changes


def event(*attributes: Any, **changes: Any) -> dict[str, Any]:
    return {"info": "Campaign", "Orgc": {"name": "CIRCL"}, "Attribute": list(attributes)} | changes


def read(item: dict[str, Any]) -> tuple[list[Draft], list[Problem]]:
    found = list(read_event(item, "x.json"))
    return [one for one in found if isinstance(one, Draft)], [
        one for one in found if isinstance(one, Problem)
    ]


def test_an_attribute_with_all_it_says() -> None:
    drafts, problems = read(
        event(
            attribute(comment="stage 2", Tag=[{"name": "tlp:amber"}]),
            Tag=[
                {"name": "tlp:green"},
                {"name": 'misp:confidence-level="fairly-confident"'},
                {"name": "apt"},
            ],
        )
    )
    assert not problems
    (one,) = drafts
    assert (one.key, one.title, one.author) == ("u-domain", "Campaign (stage 2)", "CIRCL")
    assert (one.tlp, one.confidence) == ("amber", 50)
    assert one.labels.startswith("Network activity, tlp:green")
    assert one.modified == datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "value", "terms"),
    [
        ("ip-dst", "198.51.100.0/24", [["address=198.51.100.0/24"]]),
        ("ip-dst|port", "198.51.100.7|443", [["address=198.51.100.7", "port=443"]] * 2),
        ("hostname|port", "evil.example|8080", [["domain=evil.example"]]),
        ("domain|ip", "evil.example|198.51.100.7", [["domain=evil.example"], ["address=198.51.100.7"]]),
        ("url", "hxxp://evil[.]example/x", [["url=evil.example/x"]]),
        ("filename", r"C:\T\Bad.exe", [["path=c:\\t\\bad.exe"]]),
        ("filename", "Bad.exe", [["file=bad.exe"]]),
        ("filename|sha256", "bad|name.exe|" + "a" * 64, [["sha256=" + "a" * 64]]),
        ("malware-sample", "bad.exe|" + "a" * 32, [["md5=" + "a" * 32]]),
        ("mutex", r"Global\Foo", [["mutex=Foo"]]),
        ("email-src", "eve@evil.example", [["email=eve@evil.example"]]),
        ("x509-fingerprint-sha1", "a" * 40, [["sha1=" + "a" * 40]]),
    ],
)
def test_types(kind: str, value: str, terms: list[list[str]]) -> None:
    drafts, problems = read(event(attribute(kind, value)))
    assert not problems
    assert [[f"{term.kind}={term.value}" for term in clause] for clause in drafts[0].clauses] == terms


def test_every_type_says_what_is_wrong_with_a_wrong_value() -> None:
    for kind in READERS:
        drafts, problems = read(event(attribute(kind, " ")))
        assert not drafts
        assert len(problems) == 1


def test_context_and_other_types_are_counted() -> None:
    drafts, problems = read(
        event(
            attribute(to_ids=False),
            attribute(deleted=True),
            attribute("yara", "rule"),
            attribute("yara", "rule"),
            attribute("md5", "nonsense"),
            7,
            Object=[{"Attribute": [attribute("sha1", "b" * 40, to_ids="1")]}, 7, {"Attribute": 7}],
        )
    )
    assert [one.key for one in drafts] == ["u-sha1"]
    reasons = sorted(problem.reason for problem in problems)
    assert [reason[:12] for reason in reasons] == [
        "2 attributes",
        "2 attributes",
        "an attribute",
        "md5 'nonsens",
    ]
    assert any("'yara'" in reason for reason in reasons)


def test_odd_types_stop_nothing() -> None:
    odd = attribute(
        uuid=5, comment=[], Tag=[5, {"name": 5}, {}], category=7, timestamp={}, value="evil.example"
    )
    drafts, problems = read(
        event(
            odd,
            attribute(value=5),
            attribute(type=[]),
            attribute(type="md5", value=None),
            Orgc=5,
            info=5,
            Tag=5,
            Object="x",
        )
    )
    assert [one.key for one in drafts] == ["domain:evil.example"]
    assert len(problems) == 3
