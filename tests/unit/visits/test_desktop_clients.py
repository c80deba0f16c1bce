from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any

import pytest

from countersign.model.visit import Hop
from countersign.visits import stitch
from countersign.visits.desktop_clients import digests_of, typed_account
from countersign.visits.names import Account
from story import Claims, Story

ACME = Claims({"jdoe": "Jane Doe", "adm-jdoe": "Jane Doe"})
LOG = "Microsoft-Windows-TerminalServices-RDPClient/Operational"
SID = "S-1-5-21-1-2-3-1104"


def client(story: Story, at: float, code: int, sid: str = SID, **more: Any) -> None:
    story.windows(at, "JUMP01.corp.example", code, 4005, log=LOG, actor__user__uid=sid, **more)


def at_jump_host() -> Story:
    story = Story()
    story.machine(-600, "JUMP01", "10.0.0.5")
    story.machine(-600, "APP01", "10.0.0.8")
    story.logon(0, "JUMP01.corp.example", "jdoe", "0x10", 10, "203.0.113.7", user__uid=SID)
    return story


def called(story: Story, at: float = 100, *, there: bool = True) -> None:
    client(story, at, 1024, dst_endpoint__hostname="app01.corp.example")
    if there:
        client(story, at + 2, 1102, dst_endpoint__ip="10.0.0.8")


def typed(name: str) -> str:
    return b64encode(hashlib.sha256(name.encode("utf-16-le")).digest()).decode()


def hops(story: Story, order: list[int] | None = None) -> list[Hop]:
    return [hop for visit in stitch(story.table(order), ACME, lambda _: 7) for hop in visit.hops]


def test_a_call_leads_to_the_desktop_even_with_another_account() -> None:
    story = at_jump_host()
    story.logon(110, "APP01", "adm-jdoe", "0x20", 10, "10.0.0.5")
    before = next(hop for hop in hops(story) if hop.target == "APP01")
    called(story)
    jump, app = hops(story)
    assert before.parent is None
    assert (app.parent, app.link.kind, app.account) == (jump.id, "inferred", "CORP\\adm-jdoe")
    assert app.link.reason == "CORP\\jdoe on JUMP01 called APP01 with the remote desktop client (1024)"
    assert set(app.seen_by) == {"source host", "target host"}
    whole = [(hop.id, hop.parent, hop.link) for hop in hops(story)]
    assert [(hop.id, hop.parent, hop.link) for hop in hops(story, [5, 4, 3, 2, 1, 0])] == whole


def test_beside_a_stronger_link_the_call_is_a_witness() -> None:
    story = at_jump_host()
    story.explicit(105, "JUMP01.corp.example", "jdoe", "0x10", "adm-jdoe", "TERMSRV/app01")
    story.logon(110, "APP01", "adm-jdoe", "0x20", 10, "10.0.0.5")
    called(story)
    _, app = hops(story)
    assert "4648" in app.link.reason
    assert len(app.records) == 3


def test_a_machine_that_tells_nothing_is_a_hop() -> None:
    story = at_jump_host()
    called(story)
    jump, app = hops(story)
    assert (app.parent, app.source, app.target, app.protocol) == (jump.id, "JUMP01", "APP01", "rdp")
    assert (app.seen_by, app.account) == (("source host",), "CORP\\jdoe")


def test_an_attempt_alone_is_none() -> None:
    story = at_jump_host()
    called(story, there=False)
    assert [hop.target for hop in hops(story)] == ["JUMP01"]


def test_credentials_for_the_same_machine_are_the_same_hop() -> None:
    story = at_jump_host()
    story.explicit(160, "JUMP01.corp.example", "jdoe", "0x10", "adm-jdoe", "TERMSRV/app01")
    called(story)
    assert [(hop.target, hop.account) for hop in hops(story)] == [
        ("JUMP01", "CORP\\jdoe"),
        ("APP01", "CORP\\adm-jdoe"),
    ]


def test_a_machine_that_logs_would_say_so_unless_the_name_is_known() -> None:
    story = at_jump_host()
    for day in (-3600, 3600):
        story.logon(day, "APP01", "somebody", f"0x{abs(day):x}{day > 0:d}", 3, "10.0.0.77")
    called(story)
    assert [hop.target for hop in hops(story)] == ["JUMP01"]
    client(story, 101, 1029, user__credential_uid=typed("JDOE"))
    app = next(hop for hop in hops(story) if hop.target == "APP01")
    assert app.account == "CORP\\jdoe"
    assert "target host" in set(app.expected_by) - set(app.seen_by)


def test_somebody_elses_call_is_nobodys() -> None:
    story = at_jump_host()
    client(story, 100, 1024, "S-1-5-21-1-2-3-9999", dst_endpoint__hostname="app01")
    client(story, 101, 1102, "S-1-5-21-1-2-3-9999", dst_endpoint__ip="10.0.0.8")
    assert [hop.target for hop in hops(story)] == ["JUMP01"]


def test_a_name_that_was_typed_with_its_domain_has_two_digests() -> None:
    story = at_jump_host()
    story.logon(-900, "DC01.corp.example", "adm-jdoe", "0x99", 3, "10.0.0.77")  # else nothing knows the name
    called(story)
    client(story, 101, 1029, user__credential_uid=f"{typed('CORP')}-{typed('adm-jdoe')}")
    assert next(hop.account for hop in hops(story) if hop.target == "APP01") == "CORP\\adm-jdoe"


@pytest.mark.parametrize(
    ("digest", "account"),
    [
        (typed("alice"), Account("CORP", "alice")),
        (f"{typed('alice')}-", Account("CORP", "alice")),
        (f"{typed('corp')}-{typed('alice')}", Account("CORP", "alice")),
        (f"{typed('corp.example')}-{typed('alice')}", Account("CORP", "alice")),
        (f"{typed('SRV9')}-{typed('ALICE')}", Account("", "alice")),
        (f"{typed('CORP')}-{typed('bob')}", Account("CORP", "bob")),
        (typed("carol"), None),
        ("", None),
        ("-", None),
    ],
)
def test_whose_name_a_digest_is(digest: str, account: Account | None) -> None:
    names = {one: name for name in ("alice", "bob") for one in digests_of(name)}
    found = typed_account(digest, Account("CORP", "alice"), ("CORP", "corp.example"), names)
    assert found == account


def test_a_published_digest_is_read() -> None:
    """Windows 10, `example\\alice`: https://port139.hatenablog.com/entry/2019/05/03/162705."""
    digest = "LZDrhy6nd9yShjFabAXdEq4o+LXDgDsQAAsbbZEr2/0=-37b1Qe+C6RABWfEqhOY11NzgSzEATQWYD8PK6fWhlzc="
    names = dict.fromkeys(digests_of("alice"), "alice")
    actor = Account("EXAMPLE", "bob")
    assert typed_account(digest, actor, ("EXAMPLE",), names) == Account("EXAMPLE", "alice")
