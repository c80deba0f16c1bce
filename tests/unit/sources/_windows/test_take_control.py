from __future__ import annotations

from typing import Any

import orjson
import pytest

from unit.sources.source_lines import event, within

PROVIDER = "SolarWinds MSP Anywhere Agent (N-Central)"


def said(
    text: str, code: int = 4102, provider: str = PROVIDER, channel: str = "Application"
) -> dict[str, Any]:
    record = {"EventID": code, "Channel": channel, "SourceName": provider, "Hostname": "pc", "Data": text, "@timestamp": "2026-11-20T08:00:00Z", "RecordNumber": 1}  # fmt: skip
    return event("windows.json", orjson.dumps(record))


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("MSP Support logged in from 203.0.113.77", "MSP Support", "203.0.113.77"),
        ("User: MSP Support. Logged in from 203.0.113.77.", "MSP Support", "203.0.113.77"),
        ("User: MSP Support (support@example.com) Logged. IP: 2001:db8::7", "MSP Support", "2001:db8::7"),
        ('Logged in: "J. Doe", 203.0.113.77', "J. Doe", "203.0.113.77"),
        ("Technician=jo\r\nLogged", "jo", None),
    ],
)
def test_somebody_logged_in(text: str, name: str, address: str | None) -> None:
    assert within(
        said(text), class_uid=3002, activity_id=1, status_id=1, user__name=name, src_endpoint__ip=address,
        session__uid=f"takecontrol:{name.casefold()}",
    )  # fmt: skip


def test_a_session_begins_and_ends() -> None:
    assert within(
        said("Session started. Technician: jo", 8192),
        class_uid=3002,
        activity_id=99,
        session__uid="takecontrol:jo",
    )
    assert within(said("Session ended. Technician: jo", 8193), activity_id=2, session__uid="takecontrol:jo")
    assert within(
        said("Session ended, session id: {AB-12}", 8193),
        activity_id=2,
        session__uid="takecontrol:ab-12",
        user__name=None,
    )
    assert within(said("Login failed: user jo not logged in"), activity_id=1, status_id=2)


@pytest.mark.parametrize(
    "provider", ["N-able Take Control Agent", "Take Control", "BASupSrvc", "SolarWinds Take Control"]
)
def test_all_its_names_are_one(provider: str) -> None:
    assert within(said("jo logged in", provider=provider), class_uid=3002, metadata__log_provider=provider)


@pytest.mark.parametrize(
    ("provider", "channel"), [("Microsoft-Windows-CAPI2", "Application"), (PROVIDER, "System")]
)
def test_it_holds_for_its_provider_in_this_channel_only(provider: str, channel: str) -> None:
    assert within(said("jo logged in", 4102, provider, channel), class_uid=0, user__name=None)


@pytest.mark.parametrize(
    "text", ["", "Update check finished", "session", "x" * 9000 + " logged", "logged" * 2000, "user:" * 2000]
)
def test_odd_texts_name_nobody(text: str) -> None:
    assert "user.name" not in said(text)
