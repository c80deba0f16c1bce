from __future__ import annotations

from pathlib import Path

import pytest

from countersign.sources import HEAD_BYTES, recognise
from unit.sources.source_lines import context, event, events, parse, within

GATEWAY = "1,2026/07/01 12:00:00,0128,GLOBALPROTECT,0,2562,2026/07/01 12:00:00,vsys1,"
CLIENT = r"connected,,IPSec,example\jane,DE,PC,203.0.113.9,0.0.0.0,10.8.0.2,0.0.0.0,host-1,S1,6.2,Windows,11,1,,,,success,,60,,0,gw,1,0x0"


def test_a_lease_is_closed_under_the_key_that_opened_it() -> None:
    opened, closed = events(
        "paloalto", GATEWAY + "gateway-connected," + CLIENT, GATEWAY + "gateway-logout," + CLIENT
    )
    assert within(
        opened, class_uid=4014, activity_id=1, tunnel_interface__ip="10.8.0.2", duration=None, is_mfa=None
    )
    assert within(closed, activity_id=2, session__uid=opened["session.uid"], duration=60_000)


def test_the_clock_is_the_firewalls_unless_it_states_an_offset() -> None:
    berlin = context(zone="Europe/Berlin")
    assert event("paloalto", GATEWAY + "gateway-logout," + CLIENT, berlin)["time"].hour == 10
    stated = event("paloalto", GATEWAY + "gateway-logout," + CLIENT + ",2026-07-01T12:00:00.5-05:00", berlin)
    assert (stated["time"].hour, stated["time_basis"]) == (17, "stated")


def test_the_same_message_with_a_header_is_the_same_event() -> None:
    line = GATEWAY + "gateway-logout," + CLIENT
    assert event("paloalto", line)["id"] == event("paloalto", "<14>Jul  1 12:00:01 fw " + line)["id"]
    assert event("syslog", "<14>Jul  1 12:00:01 fw " + line)["source"] == "paloalto"


@pytest.mark.parametrize(
    ("factor", "result", "expected"),
    [("2", "success", True), ("1", "success", None), ("2", "failure", None), ("x", "success", None)],
)
def test_only_a_second_factor_that_succeeded_proves_one(
    factor: str, result: str, expected: bool | None
) -> None:
    line = f"1,2026/07/01 12:00:00,0128,AUTHENTICATION,auth,1,2026/07/01 12:00:00,vsys1,10.0.0.1,jane,jane,o,p,1,7,V,l,s,d,c,{result},{factor},1,0x0"
    assert within(event("paloalto", line), class_uid=3002, is_mfa=expected)


def test_a_sentence_cannot_name_another_user() -> None:
    line = "1,2026/07/01 12:00:00,0128,SYSTEM,auth,0,2026/07/01 12:00:00,,auth-fail,,0,0,general,medium,\"failed authentication for user 'x' for user 'root'. From: 198.51.100.7.\",1,0x0"
    assert within(event("paloalto", line), user__name="x", src_endpoint__ip="198.51.100.7", status_id=2)


def test_other_kinds_and_later_fields_are_kept() -> None:
    found = event("paloalto", "1,2026/07/01 12:00:00,0128,DECRYPTION,0,1,2026/07/01 12:00:00,a,b")
    assert within(found, class_uid=0, metadata__log_name="DECRYPTION")
    assert found["unmapped"]["field_9"] == "b"


def test_what_is_no_message_of_it_is_rejected() -> None:
    parsed = parse("paloalto", ["1,2026/07/01,0128,NOTHING,a,b,c,d", "1,20", "hello", ""])
    assert (parsed.events.num_rows, parsed.rejected.num_rows) == (0, 3)


def test_real_lines(shared_data: Path) -> None:
    raw = (shared_data / "syslog/crowdsec/palo-alto-threat/palo-alto-threat.log").read_bytes()
    family = recognise(raw[:HEAD_BYTES])
    assert family is not None
    assert family.name == "paloalto"
    parsed = parse("paloalto", raw.splitlines())
    assert (parsed.events.num_rows, parsed.rejected.num_rows) == (2, 0)
    assert set(parsed.events["time_basis"].to_pylist()) == {"stated"}
