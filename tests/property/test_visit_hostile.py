"""Whatever logs say, however they contradict themselves, a review ends and no two hops or visits have one id."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from countersign.app.documents import visit_document
from countersign.visits import stitch
from story import Claims, Story

ABSURD = 2**63 - 1
CLAIMS = Claims(
    {"jdoe": "Jane Doe", "svc-acme": "backup", "": "nobody", "o'neil\\\x00": "Odd Name"},
    {"203.0.113.7": "acme"},
    services=frozenset({"svc-acme"}),
)
_NAMES = st.sampled_from(
    ["jdoe", "jdoe", "jdoe", "svc-acme", "root", "JUMP01$", "o'neil\\\x00", "-", "", None]
)
_HOSTS = st.sampled_from(["JUMP01", "JUMP01.corp.example", "FILE01", "vpn01", ".", "10.0.0.5", "", None])
_PLACES = st.sampled_from(
    ["203.0.113.7", "10.9.0.4", "10.0.0.5", "10.0.0.9", "::1", "fe80::1%eth0", "no address", None]
)
_KEYS = st.sampled_from(
    ["0x100", "0x100", "0x200", "0x3e7", "sshd:1", "asa:1", "ASIA1", "ASIA2", "0", "|", "", None]
)
_PORTS = st.sampled_from([22, 3389, 445, 5985, 50000, 50001, 0, -1, 2**31 - 1, None])
_GUIDS = st.sampled_from(["5f1c0d6e-1111-2222-3333-444455556666", "x", None])
_PROGRAMS = st.sampled_from(
    ["C:\\ssh.exe", "mstsc.exe", "C:\\Windows\\PSEXESVC.exe", "services.exe", "\\", "", None]
)
_COMMANDS = st.sampled_from(["ssh root@FILE01", "mstsc /v:FILE01", "cmd /c " + '"' * 50, "", None])
_LENGTHS = st.sampled_from([0, 60_000, -60_000, ABSURD, -ABSURD, None])
_TIMES = st.sampled_from([0, 0, 1, 2, 5, 30, 61, 600, 3600, 7200, 90_000, 4_000_000])
"""Seconds after the start; the same ones come over and over."""

_PRODUCTS = (
    *(
        "Windows",
        "Windows",
        "Windows",
        "OpenSSH",
        "Cisco ASA",
        "Network Policy Server",
        "WireGuard",
        "FortiGate",
    ),
    *("Zeek", "Teleport", "Vault", "Guacamole", "AnyDesk", "VSA", "CloudTrail", "Entra ID", "Azure Monitor"),
    *("Microsoft 365", "AD FS", "Workspace", "Cloud Audit Logs", "PAN-OS", None),
)
_CODES = (
    *(
        "4624",
        "4624",
        "4624",
        "4634",
        "4648",
        "4768",
        "4769",
        "4776",
        "4778",
        "4779",
        "4625",
        "21",
        "23",
        "24",
    ),
    *("25", "7045", "4697", "1102", "113039", "722051", "1", "3", None),
)
_OPERATIONS = (
    "AssumeRole",
    "AssumeRoleWithSAML",
    "ConsoleLogin",
    "GetSessionToken",
    "google.login.x",
    "Do",
    None,
)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """The columns of one record, drawn from few values each, so that records meet, double and contradict each other."""
    product = draw(st.sampled_from(_PRODUCTS))
    classes = (
        3002,
        3002,
        3002,
        3003,
        4014,
        4001,
        4005,
        4006,
        4007,
        1001,
        1006,
        1007,
        201004,
        1008,
        3001,
        6003,
    )
    some = {
        "class_uid": draw(st.sampled_from(classes)),
        "activity_id": draw(st.sampled_from([1, 1, 2, 6, 99])),
        "status_id": draw(st.sampled_from([1, 1, 2, None])),
        "metadata.product": product,
        "metadata.log_name": draw(
            st.sampled_from(["Security", "x/LocalSessionManager", "dce_rpc", "sshd", None])
        ),
        "metadata.event_code": draw(st.sampled_from(_CODES)) if product == "Windows" else None,
        "device.hostname": draw(_HOSTS),
        "device.ip": draw(_PLACES),
        "auth_protocol": draw(st.sampled_from(["SAML", "Kerberos", "NTLM", "ssh", None])),
        "api.operation": draw(st.sampled_from(_OPERATIONS)),
        "cloud.account.uid": draw(st.sampled_from(["111", None])),
        "session.credential_uid": draw(_KEYS),
        "session.uuid": draw(_GUIDS),
        "session.uid_alt": draw(_KEYS),
        "connection_info.direction_id": draw(st.sampled_from([1, 2, None])),
        "duration": draw(_LENGTHS),
        "tunnel_interface.ip": draw(_PLACES),
        "logon_type_id": draw(st.sampled_from([0, 2, 3, 3, 5, 7, 9, 10, 10, 99, None])),
        "service.name": draw(st.sampled_from(["FILE01$", "$", None])),
        "service.path": draw(_PROGRAMS),
        "process.uid": draw(st.sampled_from(["p1", "p1", None])),
        "process.parent_process.uid": draw(st.sampled_from(["p1", None])),
        "process.path": draw(_PROGRAMS),
        "process.parent_process.path": draw(_PROGRAMS),
        "process.cmd_line": draw(_COMMANDS),
        "is_mfa": draw(st.sampled_from([True, False, None])),
        "file.path": draw(st.sampled_from(["svcctl", None])),
        "share": draw(st.sampled_from(["\\\\*\\IPC$", "\\", None])),
    }
    for who in ("user", "actor.user"):
        some[f"{who}.name"] = draw(_NAMES)
        some[f"{who}.domain"] = draw(st.sampled_from(["CORP", "corp.example", ".", None]))
        some[f"{who}.uid"] = draw(st.sampled_from(["S-1-5-21-1-2-3-1104", "S-1-5-21-", None]))
    for where in ("session.uid", "actor.session.uid"):
        some[where] = draw(_KEYS)
    for end in ("src_endpoint", "dst_endpoint"):
        some[f"{end}.ip"], some[f"{end}.port"] = draw(_PLACES), draw(_PORTS)
        some[f"{end}.hostname"] = draw(_HOSTS)
    return {name: value for name, value in some.items() if value is not None}


@st.composite
def stories(draw: st.DrawFn) -> Story:
    story = Story()
    for columns in draw(st.lists(records(), min_size=5, max_size=40)):
        for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
            # told again it is another record: it differs in what nothing asks for
            story.add(draw(_TIMES), {**columns, "message": str(len(story.rows))})
    return story


def stitched(story: Story) -> int:
    """How many hops come of a story, each of which has an id of its own and hangs on one that is there."""
    visits = stitch(story.table(), CLAIMS, lambda _: 7)
    ids = Counter(hop.id for visit in visits for hop in visit.hops)
    assert [id_ for id_, times in ids.items() if times > 1] == []
    assert len({visit.id for visit in visits}) == len(visits)
    for visit in visits:
        known = {hop.id for hop in visit.hops}
        assert visit.entry in known
        assert all(hop.parent is None or hop.parent in known for hop in visit.hops)
        visit_document(visit)
    return sum(ids.values())


@settings(max_examples=25, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(story=stories())
def test_contradictory_records_are_stitched_and_every_id_is_its_own(story: Story) -> None:
    stitched(story)


@pytest.mark.parametrize("length", [ABSURD, -ABSURD, 10**15, -(10**15)])
def test_a_length_that_cannot_be_is_none(length: int) -> None:
    story = Story()
    story.tunnel(0, "jdoe", "203.0.113.7", "10.9.0.4", "asa:1", opens=False, duration=length)
    story.add(
        5,
        {
            "class_uid": 3002,
            "activity_id": 1,
            "status_id": 1,
            "metadata.product": "AnyDesk",
            "user.name": "jdoe",
            "session.uid": "anydesk:1",
            "duration": length,
        },
    )
    assert stitched(story) == 2


def took(story: Story, at: float, used: str, given: str, **more: Any) -> None:
    """A role's session gives out the next one's key."""
    story.add(
        at,
        {
            "class_uid": 3002,
            "activity_id": 1,
            "status_id": 1,
            "metadata.product": "CloudTrail",
            "api.operation": "AssumeRole",
            "cloud.account.uid": "111",
            "src_endpoint.ip": "203.0.113.7",
            "actor.user.name": "jdoe",
            "actor.session.uid": used,
            "user.name": "jdoe",
            "session.uid": given,
            **more,
        },
    )


def test_a_role_that_takes_itself_over_and_over_is_followed_to_the_end() -> None:
    story = Story()
    for number in range(1_200):
        took(story, (1_200 - number) * 600, f"ASIA{number}", f"ASIA{number + 1}")
    assert stitched(story) > 1_200


def test_a_session_that_gave_out_the_key_it_was_made_with_is_followed_once() -> None:
    story = Story()
    story.add(
        0,
        {
            "class_uid": 3002,
            "activity_id": 1,
            "status_id": 1,
            "metadata.product": "Entra ID",
            "src_endpoint.ip": "203.0.113.7",
            "user.name": "jdoe",
            "session.uid": "ASIA1",
        },
    )
    took(story, 10, "ASIA2", "ASIA2", auth_protocol="SAML")
    took(story, 20, "ASIA2", "ASIA1")
    assert stitched(story) >= 2


def test_sessions_of_which_only_the_end_is_logged_are_each_their_own() -> None:
    story = Story()
    for at in (0, 100, 200):
        for later, code in enumerate((25, 24, 23)):
            story.windows(
                at + later, "JUMP01", code, 3002, "x/LocalSessionManager", user__name="jdoe", session__uid="3"
            )
    assert stitched(story) == 3


def test_two_accounts_by_one_connection_do_not_share_what_it_implies() -> None:
    story = Story()
    story.machine(-50, "JUMP01", "10.0.0.5")
    way = {"src_endpoint__ip": "10.0.0.5", "src_endpoint__port": 50_000}
    story.windows(0, "JUMP01", 3, 4001, connection_info__direction_id=2, dst_endpoint__port=3389, **way)
    story.logon(1, "FILE01", "jdoe", "0x100", 10, "10.0.0.5", src_endpoint__port=50_000)
    story.logon(2, "FILE01", "svc-acme", "0x200", 10, "10.0.0.5", src_endpoint__port=50_000)
    assert stitched(story) == 4
