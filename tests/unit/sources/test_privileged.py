from __future__ import annotations

from typing import Any

import pytest

from countersign.sources._programs import understand
from unit.sources.source_lines import context, event, events, parse, within

FRAME = "<38>1 2026-11-20T08:00:00+01:00 bastion1 rdpproxy 900 - - "


def wallix(message: str) -> dict[str, Any]:
    return event("wallix", FRAME + message)


@pytest.mark.parametrize(
    ("account", "name", "domain", "host"),
    [
        ("Administrator", "Administrator", None, None),
        (r"CORP\\adm", "adm", "CORP", None),
        ("adm@corp.example", "adm", "corp.example", None),
        ("adm@local@hist01", "adm", None, "hist01"),
        ("adm@corp@hist01@x", "adm", "corp", "hist01@x"),
    ],
)
def test_a_target_account_of_the_bastion(
    account: str, name: str, domain: str | None, host: str | None
) -> None:
    found = wallix(
        f'[Vault Activity] action="checkout" user="jo" account="{account}" result="Checkout successful"'
    )
    assert within(
        found, user__name=name, user__domain=domain, dst_endpoint__hostname=host, actor__user__name="jo"
    )


@pytest.mark.parametrize(
    ("lasted", "milliseconds"),
    [("0:00:07", 7000), ("157:45:59", 567_959_000), ("7", None), ("x:00:00", None)],
)
def test_how_long_a_bastion_session_was(lasted: str, milliseconds: int | None) -> None:
    assert within(
        wallix(f'[SSH Session] type="SESSION_DISCONNECTION" session_id="s" duration="{lasted}"'),
        duration=milliseconds,
    )


def test_what_is_typed_cannot_pass_for_a_field() -> None:
    data = r"x\" session_id=\"other\" user=\"admin"
    found = wallix(f'[RDP Session] type="KBD_INPUT" data="{data}" session_id="s" user="jo"')
    assert within(found, actor__session__uid="s", actor__user__name="jo")


def test_the_same_login_an_hour_later_is_another() -> None:
    message = '[wabauth] action="authentify" user="jo" client_ip="198.51.100.7" status="success" infos="x"'
    lines = [f"Nov 20 0{hour}:00:00 bastion1 wabengine: {message}" for hour in (8, 9)]
    assert len({one["id"] for one in events("wallix", *lines)}) == 2
    mixed = events("syslog", *lines, "Nov 20 09:00:00 host sshd[1]: hello")
    assert [one["class_uid"] for one in mixed] == [3002, 3002, 0]


BG = "Nov 20 08:00:00 pra1 BG[1]: 1427:01:01:"


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("Jane Doe(jane)", {"user__name": "jane", "user__full_name": "Jane Doe", "auth_protocol": None}),
        ("J D (j@x.example) using saml", {"user__email_addr": "j@x.example", "auth_protocol": "saml"}),
        ("jane", {"user__name": "jane", "user__full_name": None}),
        ("((((", {"user__full_name": None}),
    ],
)
def test_who_logged_in_to_pra(who: str, expected: dict[str, Any]) -> None:
    assert within(
        event("beyondtrust", f"{BG}event=login;who={who};who_ip=198.51.100.7;status=success"),
        class_uid=3002,
        **expected,
    )


def test_escaped_separators_are_part_of_the_value() -> None:
    found = event("beyondtrust", BG + r"event=user_added;new_username=a\;who\=root\\x;who=Jane(jane)")
    assert within(found, user__name=r"a;who=root\x", actor__user__name="jane")


def test_pra_in_a_mixed_file_is_the_same_event() -> None:
    line = BG + "event=login;who=jane;who_ip=198.51.100.7;status=success;when=1795158010"
    own, mixed = event("beyondtrust", line), events("syslog", line, "Nov 20 09:00:00 host sshd[1]: hello")[0]
    assert own["id"] == mixed["id"]
    assert str(own["time"]).startswith("2026-11-20 07:00:10")


VAULT = "<5>1 2026-11-20T08:00:00Z VAULT1 CEF:0|Cyber-Ark|Vault|14.2|{}|x|5|"


def test_backslashes_of_the_vault_are_no_line_ends() -> None:
    found = event(
        "cyberark",
        VAULT.format(295)
        + r'act="Retrieve password" suser=CORP\nina fname=Root\network-x shost=198.51.100.7',
    )
    assert within(
        found,
        resources__name=r"Root\network-x",
        actor__user__name="nina",
        actor__user__domain="CORP",
        device__hostname="VAULT1",
    )


def test_the_vault_in_a_mixed_file() -> None:
    line = VAULT.format(7) + 'act="Logon" suser=jo shost=198.51.100.7'
    found = events("syslog", line, "Nov 20 09:00:00 host sshd[1]: hello")
    assert within(found[0], class_uid=3002, user__name="jo", time_text="2026-11-20T08:00:00Z")


@pytest.mark.parametrize(("zone", "hour"), [("Europe/Berlin", "06"), ("UTC", "08")])
def test_secret_server_writes_local_time(zone: str, hour: str) -> None:
    line = r"CEF:0|Thycotic Software|Secret Server|11|10004|SECRET - VIEW|2|suser=corp\new rt=Jul 01 2026 08:00:00 fname=a\new"
    found = event("delinea", line, context(zone=zone))
    assert str(found["time"])[11:13] == hour
    assert within(found, actor__user__name="new", resources__name=r"a\new")


@pytest.mark.parametrize(
    ("program", "message", "expected"),
    [
        ("tomcat9", '03:16:01.955 [http-nio-8080-exec-3] INFO  o.a.g.r.auth.AuthenticationService - User "jo" successfully authenticated from [198.51.100.7, 127.0.0.1].', {"class_uid": 3002, "status_id": 1, "user.name": "jo", "src_endpoint.ip": "198.51.100.7"}),
        ("guacamole", 'WARN  o.a.g.r.auth.AuthenticationService - Authentication attempt from 203.0.113.5 for user "root" failed.', {"status_id": 2, "user.name": "root", "src_endpoint.ip": "203.0.113.5"}),
        ("guacamole", 'INFO  o.a.g.tunnel.TunnelRequestService - User "jo" disconnected from connection "1". Duration: 32990 milliseconds', {"activity_id": 2, "duration": 32990, "actor.user.name": "jo"}),
        ("guacd", 'User "@cd78fae2" joined connection "$2a5e6978" (2 users now present)', {"connection_info.uid": "$2a5e6978"}),
        ("guacd", 'INFO:\tLast user of connection "$2a5e6978" disconnected', {"activity_id": 2}),
    ],
)  # fmt: skip
def test_what_guacamole_says(program: str, message: str, expected: dict[str, Any]) -> None:
    found = understand(program, "1", message)
    assert found is not None
    assert {name: found[0].get(name) for name in expected} == expected


def test_a_name_cannot_pass_for_a_login() -> None:
    message = 'INFO  x - Authentication attempt from 203.0.113.5 for user "a" successfully authenticated from [1.2.3.4]" failed.'
    found = understand("guacamole", "1", message)
    assert found is None or found[0]["status_id"] == 2
    assert understand("guacd", "1", "Connection ID is x") is None


def test_a_session_without_an_end_stays_in_the_history() -> None:
    lines = [
        '"Username","Start time","Duration","Connection name","Remote host"',
        '"jo","2026-11-20 09:00:00","","app01",""',
    ]
    found = parse("guacamole.history", lines).events
    assert found.num_rows == 1
