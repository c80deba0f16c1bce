from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from countersign.sources import HEAD_BYTES, recognise
from unit.sources.source_lines import event, events, parse, within

HEAD = 'date=2026-11-20 time=11:00:00 devname="fw" devid="FG1" eventtime=1795168800123456789 tz="+0100" '
VPN = 'logid="0101039947" type="event" subtype="vpn" level="information" vd="root" '


def vpn(rest: str) -> dict[str, Any]:
    return event("fortigate", HEAD + VPN + rest)


def test_a_tunnel_gives_an_address_and_ends_by_its_number() -> None:
    up = vpn(
        'action="tunnel-up" tunneltype="ssl-tunnel" tunnelid=7 remip=198.51.100.7 tunnelip=10.9.0.4 user="CORP\\\\jane"'
    )
    assert within(
        up, class_uid=4014, activity_id=1, status_id=1, tunnel_interface__ip="10.9.0.4", session__uid="fortigate:FG1:7",
        src_endpoint__ip="198.51.100.7", user__name="jane", user__domain="CORP", is_mfa=None,
    )  # fmt: skip
    down = vpn(
        'action="tunnel-down" tunneltype="ssl-tunnel" tunnelid=7 remip=198.51.100.7 tunnelip=(null) user="jane" duration=90'
    )
    assert within(
        down, activity_id=2, session__uid=up["session.uid"], tunnel_interface__ip=None, duration=90_000
    )


def test_web_mode_has_no_address_and_dial_up_its_own_user() -> None:
    web = vpn(
        'action="tunnel-up" tunneltype="ssl-web" tunnelid=8 remip=198.51.100.7 user="jane@x.example" group="SAML"'
    )
    assert within(
        web,
        tunnel_interface__ip=None,
        user__email_addr="jane@x.example",
        user__domain="x.example",
        tunnel_type="ssl-web",
    )
    ipsec = vpn(
        'action="tunnel-up" user="CN=gw" xauthuser="tom" assignip=10.9.0.5 tunnelip=N/A tunnelid=9 tunneltype="ipsec"'
    )
    assert within(ipsec, user__name="tom", tunnel_interface__ip="10.9.0.5")


def test_a_failed_login_has_no_session() -> None:
    found = vpn(
        'action="ssl-login-fail" tunnelid=0 remip=198.51.100.7 user="root" reason="sslvpn_login_unknown_user"'
    )
    assert within(
        found,
        class_uid=3002,
        status_id=2,
        session__uid=None,
        user__name="root",
        status_detail="sslvpn_login_unknown_user",
    )


@pytest.mark.parametrize(
    ("stamp", "moment"),
    [
        ("eventtime=1795168800", "2026-11-20T10:00:00"),
        ("eventtime=1795168800123456789", "2026-11-20T10:00:00.123456"),
        ('tz="-0700"', "2026-11-20T18:00:00"),
        ("", "2026-11-20T11:00:00"),
    ],
)
def test_times(stamp: str, moment: str) -> None:
    found = event("fortigate", f'date=2026-11-20 time=11:00:00 {stamp} devid="F" {VPN}')
    assert found["time"].isoformat() == moment + "+00:00"
    assert found["time_basis"] == ("stated" if stamp else "zone")


def test_a_message_is_one_event_however_it_came() -> None:
    line = HEAD + VPN + 'action="tunnel-up" tunnelid=7'
    ids = {row["id"] for row in events("fortigate", line, f"<189>{line}", f"Nov 20 11:00:01 relay {line}")}
    ids |= {
        row["id"]
        for row in events("syslog", f"<189>Nov 20 11:00:01 relay {line}", "Nov 20 10:00:00 a b: c")
        if row["class_uid"]
    }
    assert len(ids) == 1


def test_changes_of_the_configuration() -> None:
    text = (
        HEAD
        + 'logid="0100044547" type="event" subtype="system" vd="root" user="msp" action="{}" cfgpath="{}" cfgobj="x" cfgattr="a[b]"'
    )
    assert within(
        event("fortigate", text.format("Add", "system.admin")),
        class_uid=3001,
        activity_id=1,
        user__name="x",
        actor__user__name="msp",
    )
    assert within(
        event("fortigate", text.format("Delete", "firewall.policy")),
        class_uid=3004,
        activity_id=4,
        resources__type="firewall.policy",
    )


def test_reads_the_shared_logs(shared_data: Path) -> None:
    raw = (shared_data / "syslog/crowdsec/fortinet-vpn-bf/fortinet-vpn-bf.log").read_bytes()
    family = recognise(raw[:HEAD_BYTES])
    assert family is not None
    assert family.name == "fortigate"
    parsed = parse("fortigate", raw.split(b"\n"))
    assert parsed.rejected.num_rows == 0
    assert set(parsed.events["status_id"].to_pylist()) == {2}
    assert parsed.events["time"].null_count == 0
