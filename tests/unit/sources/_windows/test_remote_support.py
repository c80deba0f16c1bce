from __future__ import annotations

from typing import Any

import orjson
import pytest

from unit.sources.source_lines import event, within

CLIENT = "ScreenConnect Client (0f1e2d3c)"


def said(text: str, code: int = 0, provider: str = CLIENT, channel: str = "Application") -> dict[str, Any]:
    record = {"EventID": code, "Channel": channel, "SourceName": provider, "Hostname": "pc", "Data": text, "@timestamp": "2026-11-20T08:00:00Z", "RecordNumber": 1}  # fmt: skip
    return event("windows.json", orjson.dumps(record))


@pytest.mark.parametrize("code", [0, 1, 100, 101])
def test_the_text_decides_not_the_number(code: int) -> None:
    assert within(
        said("jo Connected", code),
        class_uid=3002,
        activity_id=1,
        status_id=1,
        user__name="jo",
        session__uid="screenconnect:jo",
    )
    assert within(said("jo Disconnected\r\nVersion: 23.9.8.8811", code), activity_id=2, session__uid="screenconnect:jo",
                  src_endpoint__agent__version="23.9.8.8811")  # fmt: skip


@pytest.mark.parametrize(
    ("provider", "channel"),
    [("ScreenConnect Clients (x)", "Application"), ("Other (x)", "Application"), (CLIENT, "Security"), ("ScreenConnect Client (x", "Application")],
)  # fmt: skip
def test_it_holds_for_this_provider_in_this_channel_only(provider: str, channel: str) -> None:
    assert within(said("jo Connected", 100, provider, channel), class_uid=0, user__name=None)


def test_files_and_commands() -> None:
    assert within(
        said("Transferred files with action 'RunFiles': a.exe, b.txt", 201),
        class_uid=1001,
        file__name="a.exe, b.txt",
        api__operation="RunFiles",
        user__name=None,
    )
    assert within(said("Executed command of length: 12", 200), class_uid=6003, api__operation="command")


@pytest.mark.parametrize("text", ["", "Connected", " Connected", "x" * 9000 + " Connected", "Executed\x00"])
def test_odd_texts_say_nothing(text: str) -> None:
    assert within(said(text, 100), user__name=None, class_uid=0)
