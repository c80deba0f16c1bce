from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from countersign.sources import recognise, source
from countersign.sources._clock import Clock
from countersign.sources._framing import frame
from countersign.sources._records import record_end
from countersign.sources._snapshot import utc
from countersign.sources.ad_directory import sid
from unit.sources.source_lines import context, events, parse, within

HEADER = "DistinguishedName,SamAccountName,objectClass,ObjectGUID,PasswordLastSet,pwdLastSet,accountExpires"


def users(
    *rows: str, zone: str = "UTC", received: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)
) -> list[dict[str, Any]]:
    return events(
        "ad.csv", HEADER, *[f'"CN=a,DC=x,DC=y",{row}' for row in rows], where=context(received, zone)
    )


def test_the_same_account_on_two_days_is_two_events() -> None:
    row = "a,user,g1,,,"
    first, again = users(row)[0], users(row)[0]
    later = users(row, received=datetime(2026, 11, 22, 12, tzinfo=UTC))[0]
    assert first["id"] == again["id"] != later["id"]
    assert within(first, time_basis="file", user__domain="x.y", user__name="a", class_uid=5003)
    assert later["time"].day == 22


@pytest.mark.parametrize(
    ("dates", "first"),
    [
        (("05/11/2026 08:00:00", "31/12/2026 08:00:00"), "2026-11-05T08:00:00Z"),
        (("05/11/2026 08:00:00", "12/31/2026 08:00:00"), "2026-05-11T08:00:00Z"),
        (("5/11/2026 8:00:00 PM", ""), "2026-05-11T20:00:00Z"),
        (("05.11.2026 08:00:00", ""), "2026-11-05T08:00:00Z"),
        (("2026-11-05 08:00:00", ""), "2026-11-05T08:00:00Z"),
        (("05/11/2026 08:00:00", "06/07/2026 08:00:00"), None),  # nothing shows it: not guessed
    ],
)
def test_dates_of_a_locale_by_the_evidence_of_all_rows(dates: tuple[str, str], first: str | None) -> None:
    found = users(*[f'a{n},user,g{n},"{date}",,' for n, date in enumerate(dates)])
    assert found[0]["unmapped"].get("password_last_set_utc") == first


def test_dates_of_a_locale_are_in_the_zone_of_the_workspace() -> None:
    found = users(
        'a,user,g,"31.07.2026 08:00:00",,', 'b,user,h,"31.01.2026 08:00:00",,', zone="Europe/Berlin"
    )
    assert [one["unmapped"]["password_last_set_utc"][11:16] for one in found] == ["06:00", "07:00"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("134144784000000000", "2026-02-02T04:00:00Z"),
        (134144784000000000, "2026-02-02T04:00:00Z"),
        ("9223372036854775807", "never"),
        ("0", "never"),
        ("", None),
        (None, None),
        ("20261105080000.0Z", "2026-11-05T08:00:00Z"),
        ("2026-11-05T08:00:00Z", "2026-11-05T08:00:00Z"),
        ("9223372036854775806", None),
        ("9" * 400, None),
        ("yesterday", None),
    ],
)
def test_dates(written: object, read: str | None) -> None:
    assert utc(written, None, Clock(context())) == read


def test_security_identifiers() -> None:
    assert (
        sid(bytes.fromhex("010500000000000515000000dcf4dc3b833d2b46828ba62800020000"))
        == "S-1-5-21-1004336348-1177238915-682003330-512"
    )
    assert sid(b"") is None
    assert sid(b"\x01\x09" + bytes(10)) is None


LDIF = "dn: CN=a,DC=x\nobjectClass: user\nsAMAccountName: a\nuserAccountControl: 66050\n\ndn: CN=b,DC=x\nobjectClass: group\nmember: CN=a,DC=x\nmember: CN=c,DC=x\n"


@pytest.mark.parametrize("raw", [LDIF.encode(), LDIF.replace("\n", "\r\n").encode(), LDIF.encode("utf-16")])
def test_ldif_in_all_its_line_ends(raw: bytes) -> None:
    assert recognise(raw) is source("ad.ldif")
    found = source("ad.ldif").parse(frame("ldif", raw), context()).events.to_pylist()
    assert [dict(one["unmapped"])["entry_kind"] for one in found] == ["person", "group"]
    assert dict(found[0]["unmapped"])["enabled"] == "false"
    assert dict(found[1]["unmapped"])["member"] == '["CN=a,DC=x","CN=c,DC=x"]'


def test_ldif_is_cut_between_entries() -> None:
    raw = LDIF.encode()
    assert raw[record_end("ldif", raw) :].startswith(b"dn: CN=b")


def test_a_member_of_two_groups_is_two_events() -> None:
    rows = [f'{group},"CN=a,DC=x",a,user,g1' for group in ("Admins", "Vendors")]
    found = events("ad.csv", "Group,distinguishedName,SamAccountName,objectClass,objectGUID", *rows)
    assert [one["group.name"] for one in found] == ["Admins", "Vendors"]


def test_hostile_values() -> None:
    assert (
        parse(
            "ad.ldif", [b"dn: x\nobjectSid:: !!!\npwdLastSet: " + b"9" * 5000 + b"\nobjectClass: user"]
        ).events.num_rows
        == 1
    )
    line = b'{"id":[1],"userPrincipalName":{"a":1},"accountEnabled":"x","signInActivity":7,"createdDateTime":1e99}'
    assert parse("entra.directory", [line]).events.num_rows == 1


def test_sign_ins_are_no_snapshot() -> None:
    line = b'{"id":"1","userPrincipalName":"a@b.c","appDisplayName":"x","userType":"Guest","createdDateTime":"2026-11-20T00:00:00Z"}'
    assert not source("entra.directory").detect(line)


TABLE = "  sAMAccountName    displayName    pwdLastSet            memberOf"


def test_a_table_keeps_blanks_and_gaps_in_their_columns() -> None:
    rows = events(
        "ad.table", TABLE, "  a                 A. B. Sea      134141040000000000    CN=g,DC=x;CN=h,DC=x;", "  b", "  c                                0",
        "", "dsquery succeeded",
    )  # fmt: skip
    assert [row["user.name"] for row in rows] == ["a", "b", "c"]
    assert within(rows[0], user__full_name="A. B. Sea", class_uid=5003, time_basis="file")
    assert rows[0]["unmapped"]["memberOf"] == '["CN=g,DC=x","CN=h,DC=x"]'
    assert rows[0]["unmapped"]["password_last_set_utc"] == "2026-01-28T20:00:00Z"
    assert rows[2]["unmapped"]["password_last_set_utc"] == "never"


def test_a_row_out_of_its_columns_and_one_before_any_are_rejected() -> None:
    assert parse("ad.table", [TABLE, "  a-name-that-is-longer-than-its-column  X"]).rejected.num_rows == 1
    assert parse("ad.table", ["  a                 A"]).rejected.num_rows == 1


@pytest.mark.parametrize(
    "text",
    [
        "sAMAccountName    pwdLastSet",
        "  sAMAccountName",
        "  sAMAccountName    sAMAccountName",
        "  cn    description",
        "  dn and some prose about it",
        "  samid    what    ever    else",
    ],
)
def test_what_is_no_header_of_a_table(text: str) -> None:
    assert not source("ad.table").detect(f"{text}\r\n  a                 b\r\n".encode())


def test_a_table_in_utf_16_and_cut_between_its_rows() -> None:
    text = f"{TABLE}\r\n  a                 A\r\n  b                 B\r\n"
    raw = text.encode("utf-16")
    found = recognise(raw)
    assert found is source("ad.table")
    rows = found.parse(frame("lines", raw), context()).events
    assert rows.num_rows == 2
    again = [row["user.name"] for row in events("ad.table", TABLE, "  b                 B")]
    assert again == ["b"]
    assert found.ends_at == (100,)
