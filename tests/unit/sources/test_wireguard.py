from __future__ import annotations

from pathlib import Path

from unit.sources.source_lines import event, parse, syslog, within

KEY, OTHER = "M" * 43 + "=", "N" * 43 + "="


def test_only_an_answered_handshake_opens() -> None:
    found = syslog(
        "[1.5] wireguard: wg0: Receiving handshake initiation from peer 1 (203.0.113.9:51820)", "kernel"
    )
    assert within(
        found,
        class_uid=4014,
        activity_id=1,
        status_id=1,
        src_endpoint__port=51820,
        session__uid="wireguard:wg0:1",
    )
    assert within(
        syslog("wireguard: wg0: Invalid MAC of handshake, dropping packet from 198.51.100.7:1", "kernel"),
        status_id=2,
    )
    assert within(syslog("[1.5] usb 1-1: new device", "kernel"), class_uid=0)


def test_a_dump_gives_no_secret_away() -> None:
    found = event("wireguard.dump", f"wg0\t{KEY}\t{OTHER}\t51820\toff")
    assert KEY not in str(found)
    peer = event(
        "wireguard.dump", f"wg0\t{KEY}\t{OTHER}\t203.0.113.9:1\t10.0.0.0/8,10.8.0.6/32\t1795168800\t1\t2\toff"
    )
    assert OTHER not in str(peer)
    assert within(
        peer,
        user__credential_uid=KEY,
        tunnel_interface__ip="10.8.0.6",
        time_basis="stated",
        traffic__bytes_out=1,
    )


def test_a_peer_never_seen_has_no_time() -> None:
    found = event("wireguard.dump", f"wg0\t{KEY}\t(none)\t(none)\t(none)\t0\t0\t0\toff")
    assert within(found, time=None, src_endpoint__ip=None, tunnel_interface__ip=None)
    assert parse("wireguard.dump", ["a\tb\tc\td\te", "x"]).rejected.num_rows == 2


def test_real_lines(shared_data: Path) -> None:
    for name in ("wireguard-logs", "wireguard-auth"):
        lines = (shared_data / f"syslog/crowdsec/{name}/{name}.log").read_text().splitlines()
        events = parse("syslog", lines).events
        assert events.num_rows
        assert 0 not in events["class_uid"].to_pylist()
