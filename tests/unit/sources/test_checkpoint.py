from __future__ import annotations

from typing import Any

from unit.sources.source_lines import context, event, parse, within


def said(**fields: str) -> dict[str, Any]:
    pairs = "; ".join(f'{name}:"{value}"' for name, value in fields.items())
    return event("checkpoint", f"[{pairs}]")


LOGIN = {
    "action": "Log In",
    "product": "VPN",
    "origin": "10.9.0.1",
    "time": "1795168800",
    "src": "203.0.113.9",
    "user": "Jane Roe (jane)",
}


def test_a_login_with_an_address_opens_and_its_end_closes() -> None:
    opened = said(**LOGIN, office_mode_ip="10.10.10.7")
    assert within(
        opened,
        class_uid=4014,
        activity_id=1,
        tunnel_interface__ip="10.10.10.7",
        user__name="jane",
        user__full_name="Jane Roe",
    )
    closed = said(**{**LOGIN, "action": "Log Out"})
    assert within(closed, class_uid=4014, activity_id=2, session__uid=opened["session.uid"])
    assert within(said(**LOGIN), class_uid=3002, activity_id=1, status_id=1)
    assert within(said(**LOGIN, status="Failure"), class_uid=3002, status_id=2)


def test_a_second_method_proves_a_second_factor() -> None:
    assert within(said(**LOGIN, auth_method="Password"), is_mfa=None)
    assert within(
        said(**LOGIN, auth_method="Password", auth_method2="RADIUS"),
        is_mfa=True,
        auth_factors="Password, RADIUS",
    )


def test_a_quoted_value_cannot_end_early() -> None:
    found = said(**{**LOGIN, "user": 'x\\"; src:\\"192.0.2.1'})
    assert within(found, src_endpoint__ip="203.0.113.9", user__name='x"; src:"192.0.2.1')


def test_local_time_of_lea() -> None:
    line = "time=1Jul2026 12:00:00|action=drop|orig=10.9.0.1|product=VPN-1 & FireWall-1|src=192.0.2.1|s_port=1|dst=192.0.2.2|service=22|proto=tcp"
    found = event("checkpoint", line, context(zone="Europe/Berlin"))
    assert within(found, class_uid=4001, activity_id=5, dst_endpoint__port=22, time_basis="zone")
    assert found["time"].hour == 10


def test_its_cef_is_its_own_and_nothing_else_is() -> None:
    line = "CEF:0|Check Point|SmartDefense|Check Point|Log|x|Unknown|act=Prevent rt=1795168802000 origin=10.9.0.1 product=SmartDefense"
    assert within(event("syslog", "Nov 20 10:00:00 cp " + line), source="checkpoint", class_uid=2004)
    assert parse("cef", [line]).rejected.num_rows == 1
    assert parse("checkpoint", ["time=1|a=b", "[action:]", "loc=1|product=x"]).rejected.num_rows == 3
