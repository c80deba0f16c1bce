"""How somebody came in, by each of the records that tell of it: alone, together, and in any order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from countersign.model.visit import Hop, Visit
from countersign.visits import stitch
from story import START, Claims, Story

ACME = Claims({"jdoe": "Jane Doe", "rroe": "Richard Roe"})
ORIGIN = "203.0.113.7"
FROM_ORIGIN = Claims(origins={ORIGIN: "acme"})
LSM = "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"
RCM = "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational"
CORE = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational"


def visits(story: Story, claims: Claims = ACME, order: list[int] | None = None) -> tuple[Visit, ...]:
    return stitch(story.table(order), claims, lambda _: 7)


def only_hop(story: Story, claims: Claims = ACME) -> Hop:
    (visit,) = visits(story, claims)
    (hop,) = visit.hops
    return hop


def life(hop: Hop) -> tuple[float | None, float | None]:
    """Start and end in seconds of the story."""
    start, end = ((m - START).total_seconds() if m is not None else None for m in (hop.start, hop.end))
    return start, end


def terminal(story: Story, at: float, code: int, host: str = "JUMP01", ip: str | None = ORIGIN) -> None:
    """LocalSessionManager's word of session 2 of jdoe."""
    activity = {21: 1, 23: 2}.get(code, 99)
    story.windows(
        at,
        host,
        code,
        3002,
        LSM,
        activity_id=activity,
        user__name="jdoe",
        user__domain="CORP",
        session__uid="ts:2",
        src_endpoint__ip=ip,
    )


def returning(story: Story, at: float, code: int, session: str = "0x10", ip: str = ORIGIN) -> None:
    """4778 (reconnected) or 4779 (disconnected)."""
    story.windows(
        at,
        "JUMP01",
        code,
        3002,
        activity_id=99,
        user__name="jdoe",
        user__domain="CORP",
        session__uid=session,
        src_endpoint__ip=ip,
        src_endpoint__hostname="LAPTOP",
    )


def zeek(story: Story, at: float, class_uid: int, src: str, dst: str, port: int, **more: Any) -> None:
    """A connection in rdp.log or ssh.log."""
    story.add(
        at,
        {
            "class_uid": class_uid,
            "metadata.product": "Zeek",
            "metadata.log_name": {4005: "rdp", 4007: "ssh"}[class_uid],
            "src_endpoint.ip": src,
            "src_endpoint.port": port,
            "dst_endpoint.ip": dst,
            "dst_endpoint.port": {4005: 3389, 4007: 22}[class_uid],
            "connection_info.uid": f"C{port}",
            **{name.replace("__", "."): value for name, value in more.items()},
        },
    )


def test_local_session_manager_alone_tells_a_desktop_from_logon_to_logoff() -> None:
    story = Story()
    for at, code in ((0, 21), (1, 22), (100, 24), (200, 25), (500, 23)):
        terminal(story, at, code)
    hop = only_hop(story)
    assert (hop.protocol, hop.account, hop.source, hop.target) == ("rdp", "CORP\\jdoe", ORIGIN, "JUMP01")
    assert life(hop) == (0, 500)
    assert len(hop.records) == 5
    assert hop.seen_by == ("target host",)


def test_a_disconnected_desktop_has_ended_until_somebody_returns() -> None:
    gone, back = Story(), Story()
    for story in (gone, back):
        terminal(story, 0, 21)
        terminal(story, 100, 24)
    terminal(back, 200, 25)
    assert life(only_hop(gone)) == (0, 100)
    assert life(only_hop(back)) == (0, None)


def test_a_number_that_is_given_out_again_is_another_desktop_though_its_logon_is_lost() -> None:
    story = Story()
    for at, code in ((0, 21), (500, 23), (501, 24), (90_000, 22), (90_400, 24), (90_401, 23)):
        terminal(story, at, code)
    first, second = (visit.hops[0] for visit in visits(story))
    assert life(first) == (0, 501)
    assert life(second) == (None, 90_401)


def test_local_session_manager_at_the_console_is_no_remote_desktop() -> None:
    story = Story()
    terminal(story, 0, 21, ip=None)
    terminal(story, 50, 23, ip=None)
    hop = only_hop(story)
    assert (hop.protocol, hop.source) == ("console", "")


def test_local_session_manager_and_the_logon_are_one_hop() -> None:
    story = Story()
    story.logon(0, "JUMP01.corp.example", "jdoe", "0x10", 10, ORIGIN)
    terminal(story, 3, 21)
    terminal(story, 900, 23)
    hop = only_hop(story)
    assert life(hop) == (0, 900)
    assert len(hop.records) == 3


def knock(story: Story, at: float) -> None:
    """1149, and RdpCoreTS 131 before it: somebody connected, and may yet fail to log on."""
    story.windows(
        at, "JUMP01", 131, 4005, CORE, src_endpoint__ip=ORIGIN, connection_info__protocol_name="TCP"
    )
    story.windows(
        at + 1,
        "JUMP01",
        1149,
        4005,
        RCM,
        activity_id=3,
        user__name="jdoe",
        user__domain="CORP",
        src_endpoint__ip=ORIGIN,
    )


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param(ACME, id="by account"),
        pytest.param(FROM_ORIGIN, id="by origin"),
    ],
)
def test_1149_alone_is_no_logon(claims: Claims) -> None:
    story = Story()
    knock(story, 0)
    assert visits(story, claims) == ()


@pytest.mark.parametrize("claims", [ACME, FROM_ORIGIN], ids=["by account", "by origin"])
def test_1149_before_a_logon_adds_no_hop(claims: Claims) -> None:
    story = Story()
    knock(story, 0)
    story.logon(4, "JUMP01", "jdoe", "0x10", 10, ORIGIN)
    assert life(only_hop(story, claims)) == (4, None)


def test_disconnect_and_reconnect_are_one_hop_which_ends_with_the_logoff() -> None:
    story = Story()
    story.logon(0, "JUMP01", "jdoe", "0x10", 10, ORIGIN)
    returning(story, 100, 4779)
    returning(story, 7200, 4778)
    assert life(only_hop(story)) == (0, None)
    returning(story, 7300, 4779)
    assert life(only_hop(story)) == (0, 7300)
    story.logoff(9000, "JUMP01", "jdoe", "0x10")
    assert life(only_hop(story)) == (0, 9000)


def test_a_reconnection_is_all_that_tells_where_an_older_session_is_used_from() -> None:
    story = Story()
    returning(story, 100, 4778)
    hop = only_hop(story)
    assert (hop.protocol, hop.source_ip, hop.start, hop.end) == ("rdp", ORIGIN, None, None)


@pytest.mark.parametrize("confirmed", [False, True])
def test_a_logoff_asked_for_ends_a_session_also_where_4634_never_comes(*, confirmed: bool) -> None:
    story = Story()
    story.logon(0, "JUMP01", "jdoe", "0x10", 10, ORIGIN)
    columns: dict[str, Any] = {"user__name": "jdoe", "user__domain": "CORP", "session__uid": "0x10"}
    story.windows(300, "JUMP01", 4647, 3002, activity_id=2, **columns)
    if confirmed:
        story.logoff(301, "JUMP01", "jdoe", "0x10")
    assert life(only_hop(story)) == (0, 301 if confirmed else 300)


def test_an_unlock_of_an_open_desktop_is_no_second_arrival() -> None:
    story = Story()
    story.logon(0, "JUMP01", "jdoe", "0x10", 10, ORIGIN)
    story.logon(600, "JUMP01", "jdoe", "0x20", 7, ORIGIN)
    story.logoff(601, "JUMP01", "jdoe", "0x20")
    story.logoff(900, "JUMP01", "jdoe", "0x10")
    hop = only_hop(story)
    assert (hop.protocol, life(hop)) == ("rdp", (0, 900))
    assert len(hop.records) == 4


def test_a_type_7_from_elsewhere_or_after_the_end_is_an_arrival_of_its_own() -> None:
    elsewhere, after = Story(), Story()
    for story in (elsewhere, after):
        story.logon(0, "JUMP01", "jdoe", "0x10", 10, ORIGIN)
    elsewhere.logon(600, "JUMP01", "jdoe", "0x20", 7, "198.51.100.1")
    after.logoff(300, "JUMP01", "jdoe", "0x10")
    after.logon(600, "JUMP01", "jdoe", "0x20", 7, ORIGIN)
    for story in (elsewhere, after):
        assert sum(len(visit.hops) for visit in visits(story)) == 2


@pytest.mark.parametrize("first", [3, 10])
@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
@pytest.mark.parametrize("keys", [("0x10", "0x20"), ("0x20", "0x10")])
def test_network_level_authentication_and_the_desktop_of_one_second_are_one_hop(
    first: int, order: list[int], keys: tuple[str, str]
) -> None:
    story = Story()
    for kind, key in zip((first, 13 - first), keys, strict=True):
        story.logon(0, "JUMP01", "jdoe", key, kind, ORIGIN)
    (visit,) = visits(story, order=order)
    (hop,) = visit.hops
    assert (hop.protocol, len(hop.records)) == ("rdp", 2)


@pytest.mark.parametrize(("class_uid", "protocol"), [(4005, "rdp"), (4007, "ssh")])
def test_what_only_the_sensor_saw_from_a_declared_origin_is_a_visit(class_uid: int, protocol: str) -> None:
    story = Story()
    zeek(story, 0, class_uid, ORIGIN, "10.0.0.5", 50_000, duration=60_000)
    (visit,) = visits(story, FROM_ORIGIN)
    (hop,) = visit.hops
    assert (visit.provider, visit.person) == ("acme", "not named in the logs")
    assert (hop.protocol, hop.source, hop.target, hop.seen_by) == (
        protocol,
        ORIGIN,
        "10.0.0.5",
        ("network sensor",),
    )
    assert life(hop) == (0, 60)


@pytest.mark.parametrize(("class_uid", "protocol"), [(4005, "rdp"), (4007, "ssh")])
def test_what_only_the_sensor_saw_from_a_leased_address_hangs_on_the_tunnel(
    class_uid: int, protocol: str
) -> None:
    story = Story()
    story.machine(-60, "LNX01", "10.0.0.5")
    story.tunnel(0, "jdoe", ORIGIN, "10.9.0.4", "asa:1")
    zeek(story, 60, class_uid, "10.9.0.4", "10.0.0.5", 50_000)
    story.tunnel(600, "jdoe", ORIGIN, "10.9.0.4", "asa:1", opens=False)
    zeek(story, 700, class_uid, "10.9.0.4", "10.0.0.5", 50_001)  # the next one's lease
    (visit,) = visits(story)
    vpn, hop = visit.hops
    assert (hop.parent, hop.protocol, hop.target, hop.account) == (vpn.id, protocol, "LNX01", vpn.account)
    assert "leased 10.9.0.4" in hop.link.reason


def test_a_failed_ssh_connection_is_none() -> None:
    story = Story()
    zeek(story, 0, 4007, ORIGIN, "10.0.0.5", 50_000, status_id=2)
    assert visits(story, FROM_ORIGIN) == ()


def test_what_host_and_sensor_saw_is_one_hop() -> None:
    story = Story()
    story.machine(-60, "JUMP01", "10.0.0.5")
    zeek(story, 0, 4005, ORIGIN, "10.0.0.5", 50_000)
    story.logon(3, "JUMP01", "jdoe", "0x10", 10, ORIGIN, src_endpoint__port=50_000)
    hop = only_hop(story, Claims(ACME.people, FROM_ORIGIN.origins))
    assert hop.seen_by == ("network sensor", "target host")


def test_an_address_is_the_host_that_had_it_then() -> None:
    story = Story()
    story.machine(-60, "WS1", "10.0.0.55")
    story.machine(5000, "WS2", "10.0.0.55")
    story.logon(0, "SRV1", "jdoe", "0x10", 3, "10.0.0.55")
    story.logon(5060, "SRV1", "jdoe", "0x20", 3, "10.0.0.55")
    sources = {life(hop)[0]: hop.source for visit in visits(story) for hop in visit.hops}
    assert sources == {0: "WS1", 5060: "WS2"}


def test_an_address_midway_between_two_hosts_stays_an_address() -> None:
    story = Story()
    story.machine(-60, "WS1", "10.0.0.55")
    story.machine(60, "WS2", "10.0.0.55")
    story.logon(0, "SRV1", "jdoe", "0x10", 3, "10.0.0.55")
    assert only_hop(story).source == "10.0.0.55"


def test_short_name_and_full_name_are_one_host() -> None:
    story = Story()
    story.logon(0, "jump01", "jdoe", "0x10", 10, ORIGIN)
    story.process(60, "JUMP01.corp.example", "jdoe", "0x10", "whoami")
    story.logoff(90, "Jump01.CORP.example", "jdoe", "0x10")
    hop = only_hop(story)
    assert hop.target.casefold() == "jump01"
    assert [action.text for action in hop.actions] == ["whoami"]
    assert life(hop) == (0, 90)


def test_two_full_names_with_one_short_name_are_two_hosts() -> None:
    story = Story()
    story.logon(0, "srv1.one.example", "jdoe", "0x10", 10, ORIGIN)
    story.logon(30, "srv1.two.example", "rroe", "0x10", 10, ORIGIN)
    story.process(60, "srv1.one.example", "jdoe", "0x10", "one")
    story.process(61, "srv1.two.example", "rroe", "0x10", "two")
    story.logoff(90, "srv1.one.example", "jdoe", "0x10")
    hops = {hop.target: hop for visit in visits(story) for hop in visit.hops}
    assert set(hops) == {"srv1.one.example", "srv1.two.example"}
    assert [[action.text for action in hops[name].actions] for name in sorted(hops)] == [["one"], ["two"]]
    assert [life(hops[name]) for name in sorted(hops)] == [(0, 90), (30, None)]


def test_one_account_on_two_hosts_of_one_short_name_is_two_arrivals() -> None:
    story = Story()
    story.logon(0, "srv1.one.example", "jdoe", "0x10", 3, ORIGIN)
    story.logon(30, "srv1.two.example", "jdoe", "0x10", 3, ORIGIN)
    (visit,) = visits(story)  # one stay
    assert sorted(hop.target for hop in visit.hops) == ["srv1.one.example", "srv1.two.example"]
    assert visit.start == START
    assert max(hop.start or START for hop in visit.hops) == START + timedelta(seconds=30)
