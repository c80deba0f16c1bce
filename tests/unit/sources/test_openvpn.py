from __future__ import annotations

import pytest

from unit.sources.source_lines import event, syslog, within

PLACE = {
    "src_endpoint__ip": "203.0.113.9",
    "src_endpoint__port": 5555,
    "session__uid": "openvpn:203.0.113.9:5555",
}
OPEN = {
    "class_uid": 4014,
    "activity_id": 1,
    "status_id": 1,
    "tunnel_interface__ip": "10.8.0.6",
    "user__name": "jane",
}
CLOSE = {"class_uid": 4014, "activity_id": 2, "user__name": "jane"}
MESSAGES = [
    ("jane/203.0.113.9:5555 MULTI: Learn: 10.8.0.6 -> jane/203.0.113.9:5555", {**OPEN, **PLACE}),
    ("MULTI: Learn: 10.8.0.6 -> jane/203.0.113.9:5555", {**OPEN, **PLACE}),
    ("jane/203.0.113.9:5555 MULTI: primary virtual IP for jane/203.0.113.9:5555: 10.8.0.6", {**OPEN, **PLACE}),
    ("jane/203.0.113.9:5555 MULTI: Learn: 192.168.5.0/24 -> jane/203.0.113.9:5555", {"class_uid": 0, **PLACE}),
    ("jane/203.0.113.9:5555 MULTI_sva: pool returned IPv4=10.8.0.6, IPv6=(Not enabled)",
     {"class_uid": 4014, "activity_id": 0, "tunnel_interface__ip": "10.8.0.6", **PLACE}),
    ("jane/203.0.113.9:5555 SIGTERM[soft,remote-exit] received, client-instance exiting",
     {**CLOSE, "status_code": "soft,remote-exit", **PLACE}),
    ("jane/203.0.113.9:5555 SIGUSR1[soft,ping-restart] received, client-instance restarting", {**CLOSE, **PLACE}),
    ("203.0.113.9:5555 [jane] Inactivity timeout (--ping-restart), restarting", {**CLOSE, **PLACE}),
    ("jane/203.0.113.9:5555 Connection reset, restarting [0]", {**CLOSE, **PLACE}),
    ("203.0.113.9:5555 VERIFY OK: depth=0, C=DE, O=ACME, CN=jane",
     {"class_uid": 3002, "activity_id": 6, "status_id": 1, "user__name": "jane", "auth_protocol": "certificate", **PLACE}),
    ("203.0.113.9:5555 VERIFY OK: depth=1, CN=ACME CA", {"class_uid": 0, "user__name": None, **PLACE}),
    ("203.0.113.9:5555 VERIFY ERROR: depth=0, error=certificate revoked: CN=jane",
     {"class_uid": 3002, "activity_id": 1, "status_id": 2, "status_code": "certificate revoked", "user__name": "jane"}),
    ("203.0.113.9:5555 TLS: Username/Password authentication succeeded for username 'jane' [CN SET]",
     {"class_uid": 3002, "activity_id": 1, "status_id": 1, "user__name": "jane", "auth_protocol": "password", **PLACE}),
    ("203.0.113.9:5555 [jane] Peer Connection Initiated with [AF_INET]203.0.113.9:5555",
     {"class_uid": 3002, "activity_id": 6, "user__name": "jane", **PLACE}),
    ("203.0.113.9:5555 [UNDEF] Peer Connection Initiated with [AF_INET]203.0.113.9:5555",
     {"class_uid": 4001, "user__name": None, "session__uid": None, "src_endpoint__ip": "203.0.113.9"}),
    ("TCP connection established with [AF_INET]203.0.113.9:5555",
     {"class_uid": 4001, "activity_id": 1, "session__uid": None, "src_endpoint__port": 5555}),
    ("jane/203.0.113.9:5555 SENT CONTROL [jane]: 'AUTH_FAILED' (status=1)",
     {"class_uid": 3002, "status_id": 2, "status_code": "AUTH_FAILED", "user__name": "jane", **PLACE}),
    ("jane/203.0.113.9:5555 SENT CONTROL [jane]: 'PUSH_REPLY,ifconfig 10.8.0.6 255.255.255.0' (status=1)",
     {"class_uid": 0, "user__name": "jane", **PLACE}),
    ("jane/203.0.113.9:5555 AUTH: Received control message: AUTH_FAILED", {"class_uid": 3002, "status_id": 2, **PLACE}),
    ("203.0.113.9:5555 TLS Auth Error: Auth Username/Password verification failed for peer",
     {"class_uid": 3002, "status_id": 2, **PLACE}),
    ("203.0.113.9:5555 TLS Error: TLS handshake failed",
     {"class_uid": 4014, "activity_id": 1, "status_id": 2, "status_code": "TLS handshake failed", **PLACE}),
    ("203.0.113.9:5555 peer info: IV_PLAT=win", {"class_uid": 0, "metadata__product": "OpenVPN", **PLACE}),
    ("Initialization Sequence Completed", {"class_uid": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("message", "expected"), MESSAGES)
@pytest.mark.parametrize("program", ["openvpn[3]", "ovpn-server[3]"])
def test_messages_in_syslog(message: str, expected: dict[str, object], program: str) -> None:
    assert within(syslog(message, program), **expected)


@pytest.mark.parametrize(
    "stamp", ["2026-11-20 10:00:00 ", "Fri Nov 20 10:00:00 2026 ", "Fri Nov 20 10:00:00 2026 us=5 ", ""]
)
@pytest.mark.parametrize(("message", "expected"), MESSAGES)
def test_messages_in_its_own_file(stamp: str, message: str, expected: dict[str, object]) -> None:
    found = event("syslog", stamp + message)
    assert within(found, metadata__log_name="openvpn", **expected)
    assert found["time_basis"] == ("zone" if stamp else "undated")


def test_ipv6_clients() -> None:
    found = syslog("jane/2001:db8::9:5555 MULTI: Learn: fd00::6 -> jane/2001:db8::9:5555", "openvpn[3]")
    assert within(
        found, tunnel_interface__ip="fd00::6", src_endpoint__ip="2001:db8::9", src_endpoint__port=5555
    )
