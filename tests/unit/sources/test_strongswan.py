from __future__ import annotations

from unit.sources.source_lines import syslog, within

ENDS = "between 198.51.100.1[vpn.example.com]...203.0.113.9[jane@example.com]"


def test_one_key_from_the_address_to_the_end() -> None:
    given = syslog("09[IKE] <rw|7> assigning virtual IP 10.9.0.4 to peer 'jane'", "charon[1]")
    assert within(
        given,
        class_uid=4014,
        activity_id=1,
        tunnel_interface__ip="10.9.0.4",
        user__name="jane",
        session__uid="ipsec:rw[7]",
    )
    ended = syslog(f"deleting IKE_SA rw[7] {ENDS}", "charon[1]")
    assert within(
        ended,
        activity_id=2,
        session__uid="ipsec:rw[7]",
        src_endpoint__ip="203.0.113.9",
        dst_endpoint__ip="198.51.100.1",
    )


def test_a_tunnel_is_no_logon() -> None:
    found = syslog(f"05[IKE] IKE_SA site[2] established {ENDS}", "charon")
    assert within(found, class_uid=4014, activity_id=99, user__name=None)


def test_failed_authentication() -> None:
    assert within(
        syslog("12[IKE] <8> EAP method EAP_MSCHAPV2 of 'root' failed", "charon"),
        class_uid=3002,
        status_id=2,
        user__name="root",
    )
    assert within(
        syslog("12[IKE] no trusted RSA public key found for 'x'", "charon"), class_uid=3002, status_id=2
    )


def test_nonsense_is_kept() -> None:
    for text in (
        "",
        "99[XXX]",
        "<|> assigning virtual IP x to peer 'y'",
        "assigning virtual IP 999.1.1.1 to peer 'y'",
        "(" * 4000,
    ):
        assert within(syslog("." + text, "charon"), class_uid=0)
