from __future__ import annotations

from typing import Any

from unit.sources.source_lines import context, event, parse, within

WELF = 'id=firewall time="2026-07-01 12:00:00" pri=6 fw=10.0.0.9 vpn=ICS1 ivs=Default Network user={} realm="V" roles="" {} proto= src=203.0.113.9 msg="{}"'


def said(message: str, session: str = 'sessionID="5"', user: str = "jane") -> dict[str, Any]:
    return event("ivanti", WELF.format(user, session, message), context(zone="Europe/Berlin"))


def test_a_lease_has_one_key_with_or_without_a_number() -> None:
    for session in ('sessionID="5"', 'sessionID=""', ""):
        opened = said(
            "NWC23464: VPN Tunneling: Session started for user with IP 10.9.0.4, hostname PC", session
        )
        closed = said("NWC23465: VPN Tunneling: Session ended for user with IPv4 address 10.9.0.4", session)
        assert within(
            opened, class_uid=4014, activity_id=1, tunnel_interface__ip="10.9.0.4", src_endpoint__name="PC"
        )
        assert opened["session.uid"]
        assert within(closed, activity_id=2, session__uid=opened["session.uid"])


def test_only_a_secondary_server_proves_a_second_factor() -> None:
    words = "AUT32033: Session created for user: [j] with primary auth-server type: [LDAP Server], secondary auth-server type: [{0}], secondary auth-servername: [{0}], x"
    assert within(said(words.format("Radius")), is_mfa=True, auth_factors="LDAP Server, Radius")
    assert within(said(words.format("")), is_mfa=None, auth_factors="LDAP Server")


def test_names_with_blanks_and_local_time() -> None:
    found = said("AUT31504: Login succeeded", user="Jane Roe")
    assert within(found, user__name="Jane Roe", time_basis="zone", group__name="V")
    assert found["time"].hour == 10


def test_the_other_appliance_that_says_firewall() -> None:
    line = 'id=firewall sn=C0 time="2026-11-20 10:00:00 UTC" fw=1.1.1.1 pri=6 m=1 msg="x"'
    assert parse("ivanti", [line]).rejected.num_rows == 1
    assert parse("sonicwall", [WELF.format("j", "", "AUT31504: x")]).rejected.num_rows == 1
