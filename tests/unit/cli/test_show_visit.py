"""One visit in a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from countersign.cli.show_visit import visit_tree


def hop(number: int) -> dict[str, Any]:
    at = "2026-03-02T09:00:00Z"
    texts = {"source": "db1", "target": "db1", "source_ip": "", "protocol": "su", "account": f"u{number}"}
    lists = {"seen_by": ["target host"], "expected_by": ["target host"], "actions": []}
    rest = {
        "start": at,
        "end": at,
        "credential_switch": False,
        "mfa": None,
        "clock_ahead": 0.0,
        "end_reason": "",
    }
    link = {"kind": "inferred", "reason": "one open session", "between": []}
    parent = None if number == 0 else f"h{number - 1}"
    sizes = dict.fromkeys(("bytes_in", "bytes_out", "bytes_left"))
    return {"id": f"h{number}", "parent": parent, "link": link, **texts, **lists, **rest, **sizes}


def test_a_chain_of_very_many_hops_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    body = {
        "id": "v",
        "kind": "person",
        "person": "Eva Meyer",
        "provider": "acme",
        "start": "2026-03-02T09:00:00Z",
        "end": None,
        "aliases": [],
        "hops": [hop(number) for number in range(3000)],
        "revisions": [],
        "verdicts": [],
    }
    visit_tree(body, [])
    lines = capsys.readouterr().out.splitlines()
    shown = [line.strip() for line in lines if line.strip().startswith("as u")]
    assert shown == [f"as u{number}" for number in range(3000)]
    assert max(len(line) - len(line.lstrip()) for line in lines) < 60
