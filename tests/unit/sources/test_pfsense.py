from __future__ import annotations

import pytest

from unit.sources.source_lines import event, syslog, within

RULE = "97,,,1747000001,ovpns1,match,{},in,4,0x0,,128,777,0,DF,6,tcp,52,10.8.0.6,10.20.0.11,50123,3389,0,S,99,,64240,,"


@pytest.mark.parametrize(
    ("action", "activity", "status"), [("pass", 1, 1), ("block", 5, 2), ("reject", 5, 2)]
)
def test_what_the_filter_did(action: str, activity: int, status: int) -> None:
    found = syslog(RULE.format(action), "filterlog[1]")
    assert within(
        found,
        class_uid=4001,
        activity_id=activity,
        status_id=status,
        dst_endpoint__port=3389,
        policy__uid="1747000001",
    )


@pytest.mark.parametrize(
    "message", ["1,2,3", RULE.format("dance"), "," * 400, "97,,,1,igb0,match,pass,in,9,0,0,0,0,0,0,0,0"]
)
def test_other_lines_are_kept_as_they_are(message: str) -> None:
    assert within(syslog(message, "filterlog[1]"), class_uid=0, message=message)


def test_a_name_cannot_move_the_address() -> None:
    found = syslog(
        "/index.php: webConfigurator authentication error for user 'x' from: 10.0.0.1 (a)' from: 198.51.100.7",
        "php-fpm[1]",
    )
    assert within(
        found,
        class_uid=3002,
        status_id=2,
        src_endpoint__ip="198.51.100.7",
        user__name="x' from: 10.0.0.1 (a)",
    )


def test_scripts_of_openvpn() -> None:
    came = event(
        "syslog",
        "Nov 20 10:00:00 fw openvpn[7]: openvpn server 'ovpns1' user 'jane' address '203.0.113.9:1194' - connected",
    )
    assert within(came, class_uid=4014, activity_id=99, src_endpoint__port=1194, user__name="jane")
    assert within(syslog("user 'jane' could not authenticate.", "openvpn[7]"), class_uid=3002, status_id=2)


def test_other_programs_of_these_names() -> None:
    assert within(syslog("NOTICE: ready to handle connections", "php-fpm[1]"), class_uid=0)
