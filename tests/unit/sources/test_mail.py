from __future__ import annotations

from typing import Any

import pytest

from unit.sources.source_lines import context, event, events, parse, syslog, within

FIELDS = "#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,event-id,message-id,recipient-address,total-bytes,message-subject,sender-address"
CSV = "Timestamp,EventId,MessageSubject,Sender,Recipients,ServerHostname"


def test_who_recorded_it_is_the_server_that_has_the_log() -> None:
    rows = [
        f"2026-11-20T14:00:00.1Z,10.0.0.1,ex1,10.0.0.2,mx,{kind},<i>,a@b.c,5,s,d@e.f"
        for kind in ("SEND", "RECEIVE")
    ]
    sent, taken = events("exchange.tracking", FIELDS, *rows)
    assert (sent["device.hostname"], taken["device.hostname"]) == ("ex1", "mx")


def test_subjects_with_commas_and_quotes() -> None:
    row = '2026-11-20T14:00:00.1Z,,,,,FAIL,<i>,a@b.c;x@y.z,5,"a, ""b""",D@e.f'
    assert within(
        events("exchange.tracking", FIELDS, row)[0],
        email__subject='a, "b"',
        email__to="a@b.c, x@y.z",
        status_id=2,
    )


@pytest.mark.parametrize(
    "row",
    ["x," * 30, '2026-11-20T14:00:00Z,,,,,FAIL,"', "2026-13-20T14:00:00Z,,,,,SEND,,,99999999999999999999,,"],
)
def test_hostile_rows_do_no_harm(row: str) -> None:
    found = parse("exchange.tracking", [FIELDS, row])
    assert found.events.num_rows + found.rejected.num_rows == 1


@pytest.mark.parametrize(
    ("written", "hour", "day"),
    [
        ("11/20/2026 3:00:00 PM", 14, 20),
        ("20/11/2026 15:00:00", 14, 20),
        ("20.11.2026 15:00:00", 14, 20),
        ("5/11/2026 3:00:00 PM", 13, 11),
        ("2026-11-20T15:00:00Z", 15, 20),
    ],
)
def test_dates_of_a_locale(written: str, hour: int, day: int) -> None:
    found = event_of(written)
    assert (found["time"].hour, found["time"].day) == (hour, day)


def event_of(written: str) -> dict[str, Any]:
    return events(
        "exchange.tracking_csv", CSV, f"{written},SEND,s,a@b.c,d@e.f,ex1", where=context(zone="Europe/Berlin")
    )[0]


def test_a_date_that_shows_no_order_is_not_guessed() -> None:
    assert within(
        event_of("05/11/2026 15:00:00"), time=None, time_basis="undated", time_text="05/11/2026 15:00:00"
    )


def test_an_account_that_hands_in_a_mail_is_a_logon() -> None:
    found = syslog(
        "4Zx1Ab2Cd3: client=h.example[192.0.2.5], sasl_method=LOGIN, sasl_username=ann@x.example",
        "postfix/smtps/smtpd[9]",
    )
    assert within(
        found,
        class_uid=3002,
        status_id=1,
        user__name="ann",
        user__email_addr="ann@x.example",
        src_endpoint__ip="192.0.2.5",
    )


def test_only_postfix_is_read_as_postfix() -> None:
    assert syslog("4Zx1Ab2Cd3: client=h[192.0.2.5]", "smtpd[9]")["class_uid"] == 0
    assert syslog("4Zx1Ab2Cd3: to=<a@b.c>, status=sent", "cleanup[9]")["class_uid"] == 0


@pytest.mark.parametrize(
    "message",
    ["4Zx1Ab2Cd3: ", "NOQUEUE: reject: ", "4Zx1Ab2Cd3: to=<" + "a" * 5000, "4Zx1Ab2Cd3: client=[::::]"],
)
def test_hostile_lines_do_no_harm(message: str) -> None:
    for daemon in ("smtpd", "smtp", "qmgr", "cleanup"):
        assert event("syslog", f"Nov 20 10:00:00 h postfix/{daemon}[1]: {message}")["device.hostname"] == "h"


def test_ports_and_sizes_out_of_range_are_none() -> None:
    found = syslog(
        "4Zx1Ab2Cd3: to=<a@b.c>, relay=m[192.0.2.9]:99999, dsn=4.0.0, status=deferred (x)", "postfix/smtp[1]"
    )
    assert within(found, dst_endpoint__port=None, dst_endpoint__ip="192.0.2.9", status_id=0)
    assert within(
        syslog("4Zx1Ab2Cd3: from=<a@b.c>, size=" + "9" * 18 + ", nrcpt=1", "postfix/qmgr[1]"),
        email__size=None,
    )
