from __future__ import annotations

import pytest

from unit.sources.source_lines import event, within

SESSION = {"session__uid": "asa:jane|203.0.113.9", "src_endpoint__ip": "203.0.113.9", "user__name": "jane"}
WHO = "Group <Vendors> User <jane> IP <203.0.113.9>"
MESSAGES = [
    ("4-722051", f"{WHO} IPv4 Address <10.10.10.5> IPv6 address <::> assigned to session",
     {"class_uid": 4014, "activity_id": 1, "status_id": 1, "tunnel_interface__ip": "10.10.10.5", **SESSION}),
    ("4-722051", f"{WHO} IPv4 Address <0.0.0.0> IPv6 address <fd00::5> assigned to session", {"tunnel_interface__ip": "fd00::5"}),
    ("4-113019", ("Group = Office, Username = jane, IP = 203.0.113.9, Session disconnected. Session Type: SSL, "
     "Duration: 1d 1h:34m:20s, Bytes xmt: 1234, Bytes rcv: 5678, Reason: User Requested"),
     {"class_uid": 4014, "activity_id": 2, "duration": 92_060_000, "traffic__bytes_in": 1234, "traffic__bytes_out": 5678,
      "status_code": "User Requested", **SESSION}),
    ("6-113039", f"{WHO} AnyConnect parent session started.", {"class_uid": 3002, "activity_id": 1, "status_id": 1, **SESSION}),
    ("6-716002", f"{WHO} WebVPN session terminated: User Requested.", {"class_uid": 3002, "activity_id": 2, **SESSION}),
    ("6-716039", f"{WHO} Authentication: rejected, Session Type: WebVPN.", {"class_uid": 3002, "status_id": 2}),
    ("6-722022", f"{WHO} TCP SVC connection established without compression", {"class_uid": 4014, "activity_id": 0, **SESSION}),
    ("6-722055", f"{WHO} Client Type: Cisco AnyConnect VPN Agent for Windows 4.10", {"class_uid": 0, **SESSION}),
    ("6-113004", "AAA user authentication Successful : server =  10.1.1.1 : user = jane",
     {"class_uid": 3002, "status_id": 1, "user__name": "jane", "is_mfa": None}),
    ("6-113012", "AAA user authentication Successful : local database : user = jane", {"status_id": 1, "user__name": "jane"}),
    ("6-113005", ("AAA user authentication Rejected : reason = AAA failure : server = 10.1.1.1 : user = x : user IP = 6.6.6.6 "
     ": user IP = 203.0.113.9"),
     {"status_id": 2, "status_code": "AAA failure", "src_endpoint__ip": "203.0.113.9", "user__name": "x : user IP = 6.6.6.6"}),
    ("6-113015", "AAA user authentication Rejected : reason = Invalid password : local database : user = jane: user IP = 203.0.113.9",
     {"status_id": 2, "status_code": "Invalid password", "user__name": "jane", "src_endpoint__ip": "203.0.113.9"}),
    ("5-713228", "Group = Office, Username = jane, IP = 203.0.113.9, Assigned private IP address 10.10.10.5 to remote user",
     {"class_uid": 4014, "activity_id": 1, "tunnel_interface__ip": "10.10.10.5", **SESSION}),
    ("5-751025", ("Local:198.51.100.1:4500 Remote:203.0.113.9:62000 Username:jane IKEv2 Group:Office IPv4 Address=10.10.10.5 "
     "IPv6 address=:: assigned to session"),
     {"class_uid": 4014, "activity_id": 1, "tunnel_interface__ip": "10.10.10.5", "src_endpoint__port": 62000,
      "dst_endpoint__ip": "198.51.100.1", **SESSION}),
    ("5-750007", "Local:198.51.100.1:4500 Remote:203.0.113.9:62000 Username:jane IKEv2 SA DOWN. Reason: peer request",
     {"class_uid": 4014, "activity_id": 2, "status_code": "peer request", **SESSION}),
    ("5-750006", "Local:1.1.1.1:500 Remote:2.2.2.2:500 Username:Unknown IKEv2 SA UP. Reason: New Connection Established",
     {"user__name": None, "session__uid": None, "src_endpoint__ip": "2.2.2.2"}),
    ("6-611101", "User authentication succeeded: IP address: 10.1.1.2, Uname: admin",
     {"class_uid": 3002, "status_id": 1, "user__name": "admin", "src_endpoint__ip": "10.1.1.2"}),
    ("6-611102", "User authentication failed: Uname: admin", {"status_id": 2, "user__name": "admin"}),
    ("5-611103", "User logged out: Uname: admin", {"activity_id": 2, "user__name": "admin"}),
    ("6-605005", 'Login permitted from 10.1.1.2/51000 to inside:10.1.1.1/ssh for user "admin"',
     {"class_uid": 3002, "status_id": 1, "user__name": "admin", "src_endpoint__port": 51000, "dst_endpoint__ip": "10.1.1.1"}),
    ("6-605004", 'Login denied from 10.1.1.2/51000 to inside:10.1.1.1/ssh for user "a"', {"status_id": 2}),
    ("6-109005", "Authentication succeeded for user 'jane' from 203.0.113.9/5555 to 10.0.0.5/22 on interface outside",
     {"class_uid": 3002, "status_id": 1, "user__name": "jane", "dst_endpoint__port": 22}),
    ("6-302013", ("Built inbound TCP connection 12345 for outside:203.0.113.9/5555 (203.0.113.9/5555) to inside:10.0.0.5/22 "
     "(198.51.100.5/22) (jane)"),
     {"class_uid": 4001, "activity_id": 1, "src_endpoint__ip": "203.0.113.9", "dst_endpoint__port": 22, "user__name": "jane",
      "connection_info__uid": "asa:12345", "connection_info__protocol_name": "tcp"}),
    ("6-302013", ("Built outbound TCP connection 12346 for outside:198.51.100.77/443 (198.51.100.77/443)(LOCAL\\jane) to "
     "inside:10.0.0.5/52200 (203.0.113.1/52200)"),
     {"src_endpoint__ip": "10.0.0.5", "dst_endpoint__ip": "198.51.100.77", "dst_endpoint__port": 443}),
    ("6-302016", "Teardown UDP connection 12347 for outside:198.51.100.77/53 to inside:10.0.0.5/52201 duration 1:00:30 bytes 1234",
     {"class_uid": 4001, "activity_id": 2, "duration": 3_630_000, "connection_info__uid": "asa:12347", "src_endpoint__ip": None}),
    ("7-734003", "DAP: User jane, Addr 203.0.113.9: Session Attribute aaa.cisco.username2 = jane.otp",
     {"class_uid": 3002, "activity_id": 6, "is_mfa": True, **SESSION}),
    ("6-734001", "DAP: User jane, Addr 203.0.113.9, Connection AnyConnect: The following DAP records were selected: D",
     {"class_uid": 0, "is_mfa": None, **SESSION}),
    ("4-106023", 'Deny tcp src outside:1.1.1.1/5 dst inside:2.2.2.2/22 by access-group "OUT" [0x0, 0x0]',
     {"class_uid": 4001, "activity_id": 5, "status_id": 2, "src_endpoint__port": 5, "dst_endpoint__port": 22, "policy__name": "OUT"}),
    ("6-106100", "access-list VPN permitted tcp outside/203.0.113.9(5555) -> inside/10.0.0.5(3389) hit-cnt 1 first hit [0x1, 0x0]",
     {"class_uid": 4001, "activity_id": 1, "policy__name": "VPN", "dst_endpoint__port": 3389, "action_id": 1}),
    ("6-302020", "Built inbound ICMP connection for faddr 203.0.113.9/1 gaddr 198.51.100.5/0 laddr 10.0.0.5/0 type 8 code 0",
     {"class_uid": 4001, "activity_id": 1, "src_endpoint__ip": "203.0.113.9", "dst_endpoint__ip": "10.0.0.5", "connection_info__protocol_name": "icmp"}),
    ("6-302021", "Teardown ICMP connection for faddr 203.0.113.9/1 gaddr 198.51.100.5/0 laddr 10.0.0.5/0", {"activity_id": 2, "src_endpoint__ip": None}),
    ("6-302017", "Built inbound GRE connection 77 from outside:203.0.113.9 (203.0.113.9) to inside:10.0.0.5/0 (10.0.0.5/0)",
     {"activity_id": 1, "src_endpoint__ip": "203.0.113.9", "connection_info__uid": "asa:77"}),
    ("6-716003", f"{WHO} WebVPN access GRANTED: https://intranet.example.com/", {"class_uid": 4002, "action_id": 1, "url": "https://intranet.example.com/"}),
    ("4-722030", f"{WHO} SVC Session Termination: In: 5678 (+10) bytes, 12 (+1) packets, 0 drops.", {"traffic__bytes_out": 5678, **SESSION}),
    ("6-722055", f"{WHO} Client Type: Cisco AnyConnect VPN Agent for Windows 4.10", {"src_endpoint__agent__name": "Cisco AnyConnect VPN Agent for Windows 4.10"}),
    ("7-734003", 'DAP: User jane, Addr 203.0.113.9: Session Attribute endpoint.device.hostname="ACME-7"', {"src_endpoint__name": "ACME-7"}),
    ("6-734002", "DAP: User jane, Addr 203.0.113.9: Connection terminated by the following DAP records: Old", {"class_uid": 3002, "status_id": 2}),
    ("5-111010", "User 'admin', running 'CLI' from IP 10.1.1.2, executed 'no logging host inside 10.1.1.9'",
     {"class_uid": 6003, "actor__user__name": "admin", "api__operation": "no logging host inside 10.1.1.9", "src_endpoint__ip": "10.1.1.2"}),
    ("5-111008", "User 'admin' executed the 'write memory' command.", {"actor__user__name": "admin", "api__operation": "write memory"}),
    ("5-502101", "New user added to local dbase: Uname: eve Priv: 15 Encpass: ****", {"class_uid": 3001, "activity_id": 1, "user__name": "eve", "privileges": "15"}),
    ("5-502103", "User priv level changed: Uname: eve From: 1 To: 15", {"class_uid": 3001, "activity_id": 99, "privileges": "15"}),
    ("6-113006", "User jane locked out on exceeding 3 successive failed authentication attempts", {"class_uid": 3001, "activity_id": 9, "user__name": "jane"}),
    ("6-737026", "IPAA: Session=0x0001f000, Client assigned 10.10.10.5 from local pool VPN", {"class_uid": 4014, "tunnel_interface__ip": "10.10.10.5"}),
    ("6-746012", "user-identity: Add IP-User mapping 10.10.10.5 - LOCAL\\jane Succeeded - VPN user", {"tunnel_interface__ip": "10.10.10.5", "user__domain": "LOCAL"}),
    ("4-113019", "words of another version", {"class_uid": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("number", "text", "expected"), MESSAGES)
@pytest.mark.parametrize("frame", ["Nov 20 2026 10:00:00 asa1 : ", "<166>Nov 20 10:00:00 asa1 "])
def test_messages(frame: str, number: str, text: str, expected: dict[str, object]) -> None:
    found = event("syslog", f"{frame}%ASA-{number}: {text}")
    assert within(found, metadata__event_code=number[2:], metadata__product="Cisco ASA", **expected)
    assert within(found, metadata__log_name="ASA", device__hostname="asa1")
    assert found["message"] == f"%ASA-{number}: {text}"


def test_open_and_close_share_their_session_though_their_groups_differ() -> None:
    opened = event(
        "syslog", f"%ASA-4-722051: {WHO} IPv4 Address <10.10.10.5> IPv6 address <::> assigned to session"
    )
    closed = event(
        "syslog", "%ASA-4-113019: Group = Office, Username = 'jane', IP = 203.0.113.9, Session disconnected."
    )
    assert opened["session.uid"] == closed["session.uid"]
    assert (opened["group.name"], closed["group.name"]) == ("Vendors", "Office")


def test_times_with_and_without_a_year() -> None:
    assert event("syslog", "<166>Nov 20 2026 10:00:00: %ASA-6-113004: x")["time_basis"] == "zone"
    assert event("syslog", "<166>Nov 20 10:00:00: %ASA-6-113004: x")["time_basis"] == "year"
    assert event("syslog", "<166>Nov 20 2026 10:00:00 UTC: %ASA-6-113004: x")["time_basis"] == "stated"


def test_firepower_speaks_the_same() -> None:
    assert within(
        event("syslog", "%FTD-6-113004: x"), metadata__product="Cisco FTD", metadata__event_code="113004"
    )


FTD = (
    "EventPriority: Low, DeviceUUID: d697c8ca, InstanceID: 4, FirstPacketSecond: 2026-11-20T10:00:03Z, ConnectionID: 36584, "
    "AccessControlRuleAction: Allow, SrcIP: 10.10.10.5, DstIP: 10.0.1.20, SrcPort: 56799, DstPort: 3389, Protocol: tcp, "
    "IngressZone: VPN, EgressZone: Servers, ACPolicy: Main, AccessControlRuleName: VPN to servers, Prefilter Policy: Default, "
    "User: jane, Client: RDP, ApplicationProtocol: RDP, ConnectionDuration: 60, InitiatorPackets: 3, ResponderPackets: 1, "
    "InitiatorBytes: 459, ResponderBytes: 78, URL: https://a.example.com/?x=1, y: 2"
)


def test_connection_of_ftd_begins_and_ends_under_one_key() -> None:
    begun = event("syslog", f"<166>2026-11-20T10:00:03Z ftd1 : %FTD-6-430002: {FTD}")
    ended = event("syslog", f"<166>2026-11-20T10:01:03Z ftd1 : %FTD-6-430003: {FTD}")
    assert within(
        begun, class_uid=4001, activity_id=1, user__name="jane", src_endpoint__ip="10.10.10.5", dst_endpoint__port=3389,
        policy__name="VPN to servers", traffic__bytes_out=459, traffic__bytes_in=78, duration=60_000,
        url="https://a.example.com/?x=1, y: 2", metadata__product="Cisco FTD",
    )  # fmt: skip
    assert within(ended, activity_id=2, connection_info__uid=begun["connection_info.uid"])
    refused = event(
        "syslog",
        "%FTD-1-430002: AccessControlRuleAction: Block, SrcIP: 192.0.2.12, DstIP: 192.0.2.118, User: No Authentication Required",
    )
    assert within(refused, activity_id=5, status_id=2, action_id=2, user__name=None)
