from __future__ import annotations

import pytest

from unit.sources.source_lines import syslog, within

PLACE = {"src_endpoint__ip": "203.0.113.9", "src_endpoint__port": 55555}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "Accepted publickey for jane from 203.0.113.9 port 55555 ssh2: ED25519 SHA256:kzfjfps/WFgXAdNgzvHBLuI072Y",
            {"class_uid": 3002, "activity_id": 1, "status_id": 1, "user__name": "jane", "auth_protocol": "publickey",
             "session__uid": "sshd:812", "is_mfa": None, **PLACE},
        ),
        (
            "Accepted keyboard-interactive/pam for ACME\\jane from 203.0.113.9 port 55555 ssh2",
            {"user__name": "jane", "user__domain": "ACME", "auth_protocol": "keyboard-interactive/pam", "is_mfa": None},
        ),
        (
            "Partial publickey for jane from 203.0.113.9 port 55555 ssh2: RSA SHA256:kzfjfps/WFgXAdNgzvHBLuI072Y",
            {"activity_id": 6, "status_id": 0, "is_mfa": True, **PLACE},
        ),
        ("Postponed publickey for jane from 203.0.113.9 port 55555 ssh2 [preauth]", {"activity_id": 6, "status_id": 0}),
        (
            "Failed password for invalid user root from 1.1.1.1 port 22 ssh2 from 203.0.113.9 port 55555 ssh2",
            {"status_id": 2, "status_code": "invalid user", "user__name": "root from 1.1.1.1 port 22 ssh2", **PLACE},
        ),
        ("Failed none for invalid user  from 203.0.113.9 port 55555 ssh2", {"status_id": 2, "user__name": None, **PLACE}),
        ("Invalid user a b from 203.0.113.9 port 55555", {"class_uid": 3002, "status_id": 2, "user__name": "a b", **PLACE}),
        ("Invalid user jane from gate.example", {"src_endpoint__hostname": "gate.example", "src_endpoint__ip": None}),
        ("User root from 203.0.113.9 not allowed because not listed in AllowUsers",
         {"status_id": 2, "status_code": "not listed in AllowUsers", "src_endpoint__ip": "203.0.113.9"}),
        ("error: maximum authentication attempts exceeded for invalid user x from 203.0.113.9 port 55555 ssh2 [preauth]",
         {"class_uid": 3002, "status_id": 2, "user__name": "x", **PLACE}),
        ("Disconnected from user jane 203.0.113.9 port 55555",
         {"class_uid": 3002, "activity_id": 2, "status_id": 1, "user__name": "jane", **PLACE}),
        ("Disconnected from user user 203.0.113.9 port 55555", {"user__name": "user", "activity_id": 2}),
        ("Disconnected from authenticating user jane 203.0.113.9 port 55555 [preauth]",
         {"class_uid": 3002, "activity_id": 1, "status_id": 2, "user__name": "jane", **PLACE}),
        ("Connection closed by invalid user jane 203.0.113.9 port 55555 [preauth]", {"activity_id": 1, "status_id": 2}),
        ("Disconnecting invalid user x 203.0.113.9 port 55555: Too many authentication failures [preauth]",
         {"status_id": 2, "user__name": "x", **PLACE}),
        ("Received disconnect from 203.0.113.9 port 55555:11: disconnected by user",
         {"class_uid": 3002, "activity_id": 2, "status_code": "11", "session__uid": "sshd:812", **PLACE}),
        ("Received disconnect from 203.0.113.9 port 55555:11: Bye Bye [preauth]",
         {"class_uid": 4007, "activity_id": 2, "session__uid": None, **PLACE}),
        ("Close session: user jane from 203.0.113.9 port 55555 id 0",
         {"class_uid": 3002, "activity_id": 2, "user__name": "jane", **PLACE}),
        ("Starting session: shell on pts/0 for jane from 203.0.113.9 port 55555 id 0",
         {"class_uid": 4007, "activity_id": 6, "user__name": "jane", "session__uid": "sshd:812", **PLACE}),
        ('Connection from 203.0.113.9 port 55555 on 10.0.0.1 port 22 rdomain ""',
         {"class_uid": 4007, "activity_id": 1, "dst_endpoint__ip": "10.0.0.1", "dst_endpoint__port": 22,
          "session__uid": None, **PLACE}),
        ("Connection closed by 203.0.113.9 port 55555 [preauth]", {"class_uid": 4007, "activity_id": 2, **PLACE}),
        ("Unable to negotiate with 203.0.113.9 port 55555: no matching MAC found. Their offer: a,b [preauth]",
         {"class_uid": 4007, "activity_id": 4, "status_id": 2, "status_code": "no matching MAC found. Their offer: a,b", **PLACE}),
        ("fatal: Timeout before authentication for 203.0.113.9 port 55555",
         {"class_uid": 4007, "activity_id": 4, "status_code": "fatal: Timeout before authentication", **PLACE}),
        ("refused connect from _x_@::ffff:203.0.113.9 (::ffff:203.0.113.9)",
         {"class_uid": 4007, "activity_id": 5, "src_endpoint__ip": "203.0.113.9"}),
        ("Bad protocol version identification 'GET / HTTP/1.1' from 203.0.113.9 port 55555",
         {"class_uid": 4007, "activity_id": 4, **PLACE}),
        ("Accepted words that mean nothing", {"class_uid": 0}),
        ("Failed to generate curve25519 keys", {"class_uid": 0, "message": "Failed to generate curve25519 keys"}),
    ],
)  # fmt: skip
def test_messages(message: str, expected: dict[str, object]) -> None:
    expected = {
        name: value.replace("fatal: ", "") if isinstance(value, str) else value
        for name, value in expected.items()
    }
    found = syslog(message)
    assert within(found, **expected)
    assert found["message"] == message


def test_key_and_certificate_are_fields() -> None:
    found = syslog(
        "Accepted publickey for jane from 203.0.113.9 port 55555 ssh2: ED25519-CERT SHA256:aaaaaaaaaaaaaaaaaaaa "
        "ID jane@acme (serial 12) CA RSA SHA256:bbbbbbbbbbbbbbbbbbbb"
    )
    assert found["unmapped"] == {
        "key_algorithm": "ED25519-CERT",
        "key_certificate_id": "jane@acme",
        "key_certificate_serial": "12",
        "key_ca_algorithm": "RSA",
        "key_ca_fingerprint": "SHA256:bbbbbbbbbbbbbbbbbbbb",
    }
    assert found["user.credential_uid"] == "SHA256:aaaaaaaaaaaaaaaaaaaa"


def test_the_split_daemon_is_still_sshd() -> None:
    found = syslog("Accepted password for jane from 203.0.113.9 port 55555 ssh2", "sshd-session[99]")
    assert within(found, metadata__log_name="sshd", session__uid="sshd:99")
    assert found["unmapped"] == {"program": "sshd-session"}


def test_without_a_pid_there_is_no_session_key() -> None:
    found = syslog("Accepted password for jane from 203.0.113.9 port 55555 ssh2", "sshd")
    assert within(found, class_uid=3002, session__uid=None)
