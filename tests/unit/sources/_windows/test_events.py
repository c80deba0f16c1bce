from __future__ import annotations

import re
from pathlib import Path

import pytest

from countersign.sources._windows.events import FAMILIES, plan_for

DOCS = Path(__file__).parents[4] / "docs" / "sources" / "windows.md"


def test_every_event_of_the_table_is_documented() -> None:
    text = DOCS.read_text("utf-8")
    table = text[text.index("| events | class |") :]
    named = set(map(int, re.findall(r"\b\d+\b", table)))
    for first, last in re.findall(r"(\d{4}) to (\d{4})", table):
        named |= set(range(int(first), int(last) + 1))
    missing = {code for plans in FAMILIES.values() for code in plans} - named
    assert not missing


@pytest.mark.parametrize(
    ("channel", "provider", "code", "class_uid"),
    [
        ("Security", "Microsoft-Windows-Security-Auditing", 4624, 3002),
        ("SECURITY", "microsoft-windows-security-auditing", 4624, 3002),
        ("security", "", 4624, 3002),
        ("security", "", 1102, 1008),
        ("System", "Microsoft-Windows-Eventlog", 1102, 0),
        ("Application", "Microsoft-Windows-Security-Auditing", 4624, 0),
        ("", "", 4624, 0),
        ("Security", "Microsoft-Windows-Security-Auditing", None, 0),
    ],
)
def test_a_plan_needs_the_real_channel_and_provider(
    channel: str, provider: str, code: int | None, class_uid: int
) -> None:
    assert plan_for(channel, provider, code).base["class_uid"] == class_uid
