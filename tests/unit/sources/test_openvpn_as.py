from __future__ import annotations

from unit.sources.source_lines import event, parse, within

HEAD = "2026-07-01T12:00:00+0200 [stdout#info] "


def test_the_stamp_states_its_offset_and_the_process_has_the_lease() -> None:
    found = event(
        "openvpn_as",
        HEAD
        + "[OVPN 0] OUT: 'Wed Jul  1 10:00:00 2026 jane/203.0.113.9:50100 MULTI: Learn: 172.27.232.2 -> jane/203.0.113.9:50100'",
    )
    assert within(
        found,
        class_uid=4014,
        activity_id=1,
        tunnel_interface__ip="172.27.232.2",
        session__uid="openvpn:203.0.113.9:50100",
    )
    assert (found["time"].hour, found["time_basis"]) == (10, "stated")


def test_logins() -> None:
    good = event(
        "openvpn_as",
        HEAD + "AUTH SUCCESS {'status': 0, 'user': 'jane', 'reason': 'PAM auth succeeded'} cli='win'/'3'/'x'",
    )
    assert within(
        good, class_uid=3002, activity_id=1, status_id=1, user__name="jane", is_mfa=None, auth_protocol="PAM"
    )
    bad = event("openvpn_as", HEAD + "AUTH FAILED {'status': 1, 'user': \"o'neil\", 'reason': 'bad'}")
    assert within(bad, status_id=2, user__name="o'neil", status_detail="bad")


def test_a_name_cannot_bring_another_name() -> None:
    line = HEAD + r"AUTH FAILED {'status': 1, 'user': 'x\', \'user\': \'root', 'reason': 'r'}"
    assert within(event("openvpn_as", line), user__name="x', 'user': 'root")
    domain = HEAD + r"AUTH SUCCESS {'user': 'EXAMPLE\\jane'}"
    assert within(event("openvpn_as", domain), user__name="jane", user__domain="EXAMPLE")


def test_other_programs_of_twisted_are_not_it() -> None:
    assert (
        parse("openvpn_as", ["2026-07-01 12:00:00+0200 [-] Log opened.", "2026", ""]).rejected.num_rows == 2
    )
