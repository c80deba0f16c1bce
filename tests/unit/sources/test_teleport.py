from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from unit.sources.source_lines import event, events, within

BASE = {"code": "T1000I", "event": "user.login", "uid": "u1", "time": "2026-11-20T08:00:00Z", "user": "jo"}


def login(**more: Any) -> dict[str, Any]:
    return event("teleport", json.dumps({**BASE, **more}))


@pytest.mark.parametrize(
    ("more", "mfa"),
    [
        ({"success": True, "method": "local"}, False),
        ({"success": True, "method": "local", "mfa_device": {"mfa_device_type": "TOTP"}}, True),
        ({"success": True, "method": "oidc"}, None),
        ({"success": True}, None),
        ({"success": False, "method": "local"}, None),
        ({"success": "yes?", "method": ["local"]}, None),
    ],
)
def test_mfa_has_three_answers(more: dict[str, Any], mfa: bool | None) -> None:
    assert login(**more).get("is_mfa") is mfa


def test_a_time_without_offset_is_utc() -> None:
    assert within(login(time="2026-07-20 08:00:00"), time_basis="stated")


@pytest.mark.parametrize("start", [5, None, "yesterday", "2026-11-20T07:00:00"])
def test_a_session_without_a_usable_start_has_no_duration(start: object) -> None:
    found = login(event="session.end", session_start=start, session_stop="2026-11-20T08:00:00Z", sid="s")
    assert within(found, duration=None, session__uid="s", activity_id=2)


@pytest.mark.parametrize("argv", [None, "text", {"a": 1}, [None, 1, {"x": []}]])
def test_hostile_arguments_leave_the_command(argv: object) -> None:
    found = login(event="session.command", path="/bin/x", argv=argv, sid="s")
    assert found["process.path"] == "/bin/x"
    assert found["process.cmd_line"].startswith("/bin/x")


def test_real_events_are_read(shared_data: Path) -> None:
    lines = (
        (shared_data / "cloud" / "events" / "Gravitational.TeleportAudit.jsonl")
        .read_text("utf-8")
        .splitlines()
    )
    logs = [json.dumps(json.loads(line)["log"]) for line in lines]
    found = events("teleport", *dict.fromkeys(logs))
    assert len(found) == len({(json.loads(log)["uid"], json.loads(log)["time"]) for log in logs})
    assert {one["class_uid"] for one in found} >= {1007, 3001, 3002, 3004, 4001}
