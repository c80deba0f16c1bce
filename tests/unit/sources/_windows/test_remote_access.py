from __future__ import annotations

from typing import Any

import orjson
import pytest

from unit.sources.source_lines import event, within

KEY = "7b4cdca1-2d1e-4c8e-9b0a-0a1b2c3d4e5f"
NOBODY = "{00000000-0000-0000-0000-000000000000}"
SENTENCE = (
    f"RoutingDomainID- {NOBODY}: CoID= {{{KEY.upper()}}}: The user EXAMPLE\\jane connected on port VPN3-127 on 11/20/2026 at 09:00 AM and "
    "disconnected on 11/20/2026 at 09:30 AM. The user was active for 30 minutes 12 seconds.  1234 bytes were sent and 5678 bytes "
    "were received. The reason for disconnecting was idle timeout. The tunnel used was WAN Miniport (SSTP). The quarantine state was ."
)
PARTS = ["EXAMPLE\\jane", "VPN3-127", "20.11.2026", "09:00", "20.11.2026", "09:30", "30", "12", "1234", "5678", "idle timeout", "WAN Miniport (SSTP)", ""]  # fmt: skip


def rras(
    code: int, *parts: str, provider: str = "RemoteAccess", channel: str = "System", **more: object
) -> dict[str, Any]:
    data = {"Data": {"#text": list(parts)}} if parts else {}
    system = {
        "Provider": {"#attributes": {"Name": provider}}, "EventID": code, "Channel": channel, "Computer": "vpn01", "EventRecordID": 5,
        "TimeCreated": {"#attributes": {"SystemTime": "2026-11-20T08:30:14.000Z"}},
    }  # fmt: skip
    return event("windows.json", orjson.dumps({"Event": {"System": system, "EventData": data, **more}}))


@pytest.mark.parametrize(
    "leads",
    [[NOBODY, f"{{{KEY}}}"], [f"RoutingDomainID- {NOBODY}", f"CoID={{{KEY}}}"], [f"CoId= {{{KEY.upper()}}}"]],
)
def test_the_end_of_a_session_in_any_language_of_the_ids(leads: list[str]) -> None:
    assert within(
        rras(20272, *leads, *PARTS), class_uid=4014, activity_id=2, status_id=1, session__uid=f"rras:{KEY}", user__name="jane",
        user__domain="EXAMPLE", duration=1_812_000, traffic__bytes_in=1234, traffic__bytes_out=5678, status_detail="idle timeout",
        tunnel_type="WAN Miniport (SSTP)", session__terminal="VPN3-127",
    )  # fmt: skip


def test_the_sentence_says_the_same_as_the_parts() -> None:
    flat = {
        "EventID": 20272,
        "Channel": "System",
        "SourceName": "RemoteAccess",
        "Hostname": "vpn01",
        "Message": SENTENCE,
    }
    found = event(
        "windows.json", orjson.dumps({**flat, "@timestamp": "2026-11-20T08:30:14Z", "RecordNumber": 5})
    )
    parts = rras(20272, NOBODY, f"{{{KEY}}}", *PARTS)
    same = [
        name
        for name in parts
        if name.startswith(("user.", "session.", "traffic.", "duration", "status", "tunnel", "class"))
    ]
    assert len(same) >= 11
    assert {name: found.get(name) for name in same} == {name: parts[name] for name in same}


def test_winlogbeat_numbers_its_parts() -> None:
    params = {
        f"param{number}": part
        for number, part in enumerate([NOBODY, f"{{{KEY}}}", "EXAMPLE\\jane", "VPN3-1", "10.8.0.5"], 1)
    }
    winlog = {"event_id": "20274", "channel": "System", "provider_name": "RemoteAccess", "computer_name": "vpn01", "record_id": 4, "event_data": params}  # fmt: skip
    found = event("windows.json", orjson.dumps({"@timestamp": "2026-11-20T08:00:02Z", "winlog": winlog}))
    assert within(
        found,
        class_uid=4014,
        activity_id=1,
        tunnel_interface__ip="10.8.0.5",
        user__name="jane",
        session__uid=f"rras:{KEY}",
    )


def test_no_id_is_no_session() -> None:
    assert within(rras(20274, NOBODY, "NA", "jane", "VPN3-1", "10.8.0.5"), session__uid=None)
    assert within(
        rras(20274, NOBODY, "{NA}", "jane", "VPN3-1", "10.8.0.5"), session__uid=None, user__name="jane"
    )


@pytest.mark.parametrize("number", ["-1", "x", "", "99999999999999999999", "\u0663"])
def test_numbers_that_are_none(number: str) -> None:
    parts = [*PARTS[:6], number, number, number, number, *PARTS[10:]]
    assert within(
        rras(20272, f"{{{KEY}}}", *parts), duration=None, traffic__bytes_in=None, traffic__bytes_out=None
    )


def test_it_holds_for_its_provider_and_channel_only() -> None:
    assert within(
        rras(20274, f"{{{KEY}}}", "jane", "VPN3-1", "10.8.0.5", provider="Other"),
        class_uid=0,
        user__name=None,
    )
    assert within(rras(20225, f"{{{KEY}}}", "jo", "VPN", provider="RasClient", channel="System"), class_uid=0)


@pytest.mark.parametrize(
    "text", ["The user ", "The user connected ", "\n" * 500, "{" * 5000, "CoID=", "The user x" * 3000]
)
@pytest.mark.parametrize("code", [20250, 20271, 20272, 20274, 20275])
def test_odd_texts_raise_nothing(code: int, text: str) -> None:
    assert within(rras(code, text), traffic__bytes_in=None, tunnel_interface__ip=None)


def test_dialling_out_is_no_vpn_session_of_this_machine() -> None:
    found = rras(20225, f"CoId={{{KEY}}}", "PC\\jo", "Vendor", "\nTunnelIpAddress = 10.9.0.2\nDial-in User = .", provider="RasClient", channel="Application")  # fmt: skip
    assert within(
        found,
        class_uid=4001,
        connection_info__direction_id=2,
        tunnel_interface__ip="10.9.0.2",
        dst_endpoint__name="Vendor",
    )
    assert within(rras(20225, f"CoId={{{KEY}}}", "PC\\jo", "Vendor", "\nTunnelIpAddress = ", provider="RasClient", channel="Application"),
                  tunnel_interface__ip=None)  # fmt: skip
