from __future__ import annotations

from unit.sources.source_lines import context, events, within

HEADER = "ID,Date,Time,Description,IP Address,Host Name,MAC Address,User Name, TransactionID"


def test_local_time_month_first_in_summer_and_winter() -> None:
    rows = [
        "10,07/01/26,12:00:00,Assign,10.0.0.1,a,005300112233,,1",
        "10,11/20/26,12:00:00,Assign,10.0.0.1,a,005300112233,,2",
    ]
    summer, winter = events("windows_dhcp", HEADER, *rows, where=context(zone="Europe/Berlin"))
    assert (summer["time"].month, summer["time"].hour, summer["time_basis"]) == (7, 10, "zone")
    assert (winter["time"].month, winter["time"].hour) == (11, 11)


def test_what_a_client_says_of_itself() -> None:
    (found,) = events(
        "windows_dhcp", HEADER, "11,11/20/26,12:00:00,Renew,10.0.0.1,evil.example.com.,0053001122334455,,0"
    )
    assert within(
        found,
        class_uid=4004,
        activity_id=5,
        src_endpoint__hostname="evil.example.com",
        src_endpoint__mac="0053001122334455",
    )
    assert within(found, metadata__correlation_uid=None)


def test_rows_without_an_address_and_with_odd_dates() -> None:
    started, odd = events(
        "windows_dhcp", HEADER, "00,11/20/26,12:00:00,Started,,,,,0", "10,99/99/26,x,Assign,300.1.1.1,,,,"
    )
    assert within(started, class_uid=4004, activity_id=99, src_endpoint__ip=None)
    assert within(odd, time=None, src_endpoint__ip=None)


def test_the_sixth_version() -> None:
    header = "ID,Date,Time,Description,IPv6 Address,Host Name,Error Code, Duid Length, Duid Bytes(Hex),User Name,Dhcid,Subnet Prefix."
    (found,) = events(
        "windows_dhcp", header, "11010,11/20/26,12:00:00,DHCPV6 Renew,2001:db8::30,pc7,,14,0001000112,,,"
    )
    assert within(found, activity_id=5, src_endpoint__ip="2001:db8::30", src_endpoint__uid="0001000112")
