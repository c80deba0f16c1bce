"""Rules, logs and exceptions for tests of what is found by rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson

from countersign.app.collect import collect
from countersign.app.results import Results
from countersign.app.review import Reviewed, review
from countersign.app.workspace import Workspace

CHANNEL = "Microsoft-Windows-Sysmon/Operational"


def process(
    number: int, line: str, host: str = "SRV1", user: str = "CORP\\anna", minute: int | None = None
) -> dict[str, Any]:
    """A process as Sysmon tells of it."""
    at = number if minute is None else minute
    return {
        "Channel": CHANNEL,
        "EventID": 1,
        "EventRecordID": number,
        "Hostname": host,
        "@timestamp": f"2026-03-{2 + at // 1440:02d}T{at // 60 % 24:02d}:{at % 60:02d}:00.000Z",
        "Image": "C:\\Windows\\System32\\" + line.split(" ", 1)[0],
        "CommandLine": line,
        "User": user,
    }


def rule(number: int, word: str, title: str = "", level: str = "medium") -> str:
    """A Sigma rule on processes whose command line has a word."""
    return f"""\
title: {title or f"Rule {number}"}
id: 00000000-0000-4000-8000-{number:012d}
status: test
description: Looks for {word}.
logsource: {{product: windows, category: process_creation}}
detection:
  selection:
    CommandLine|contains: '{word}'
  condition: selection
level: {level}
"""


def rule_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def lay(ward: Workspace, name: str, text: str, folder: str = "rules") -> Path:
    """A file of rules or exceptions in the workspace."""
    path = ward.root / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def take(ward: Workspace, name: str, records: Iterable[dict[str, Any]]) -> None:
    """Collect some records."""
    path = ward.root.parent / name
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    collect(ward, [path], workers=1)


def found(ward: Workspace, rules: Sequence[int] | None = None) -> dict[tuple[str, str], dict[str, Any]]:
    """Findings by rule and first host; only of these rules if given."""
    ids = None if rules is None else {rule_id(number) for number in rules}
    return {
        (body["rule_id"], ",".join(body["hosts"])): body
        for body in Results.open(ward).findings()
        if ids is None or body["rule_id"] in ids
    }


def hits(ward: Workspace) -> list[tuple[Any, ...]]:
    """Every kept hit, in one order: a list, so that a double would show."""
    with ward.reading() as lake:
        rows = lake.read("hits").to_pylist()
    return sorted(
        (row["kind"], row["rule_id"], row["event"], row["id"], row["host"], row["account"] or "")
        for row in rows
    )


def reviewed(ward: Workspace, **options: Any) -> Reviewed:
    return review(ward, **options)
