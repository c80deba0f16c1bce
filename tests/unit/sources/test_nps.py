from __future__ import annotations

from unit.sources.source_lines import context, event, parse, within

IAS = "10.0.0.7,EXAMPLE\\jane,07/01/2026,12:00:00,IAS,NPS1,4,10.0.0.7,31,203.0.113.9,"


def test_a_request_is_no_logon() -> None:
    assert within(
        event("nps", IAS + "4136,1"), class_uid=3002, activity_id=6, status_id=None, user__name="jane"
    )
    assert within(event("nps", IAS + "4136,2,4142,0"), activity_id=1, status_id=1, is_mfa=None)
    assert within(
        event("nps", IAS + "4136,3,4142,16"), activity_id=1, status_id=2, status_detail="wrong credentials"
    )


def test_accounting_is_a_tunnel_only_of_virtual_ports() -> None:
    begun = event("nps", IAS + "4136,4,40,1,44,A1,61,5,8,10.9.0.4")
    ended = event("nps", IAS + "4136,4,40,2,44,A1,61,5,42,10,43,20,46,60")
    assert within(
        begun, class_uid=4014, activity_id=1, tunnel_interface__ip="10.9.0.4", src_endpoint__ip="203.0.113.9"
    )
    assert within(
        ended,
        activity_id=2,
        session__uid=begun["session.uid"],
        traffic__bytes_out=10,
        traffic__bytes_in=20,
        duration=60_000,
    )
    assert within(event("nps", IAS + "4136,4,40,1,44,A1,61,19"), class_uid=4001)


def test_local_time() -> None:
    found = event("nps", IAS + "4136,2", context(zone="Europe/Berlin"))
    assert (found["time"].month, found["time"].hour, found["time_basis"]) == (7, 10, "zone")


def test_xml_is_not_expanded() -> None:
    line = (
        '<Event><Timestamp data_type="4">07/01/2026 12:00:00.5</Timestamp><Event-Source data_type="1">IAS</Event-Source>'
        '<User-Name data_type="1">&lt;a&gt;&x;</User-Name><Packet-Type data_type="0">2</Packet-Type></Event>'
    )
    assert within(event("nps", line), user__name="<a>&x;", class_uid=3002)


def test_odd_lines() -> None:
    lines = [
        '"NPS1","XYZ",07/01/2026,12:00:00,1,a,b',
        "a,b,c,d,IAS,e,f",
        "<Event><Timestamp",
        '"',
        IAS + "4136",
    ]
    parsed = parse("nps", lines)
    assert (parsed.events.num_rows, parsed.rejected.num_rows) == (0, 5)
