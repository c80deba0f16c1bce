"""Run-as on Windows: a session of another account, or with another account's credentials for other hosts (logon type 9)."""

from __future__ import annotations

import pytest

from countersign.model.visit import Hop
from countersign.sources import source
from countersign.visits import stitch
from story import START, Claims, Story
from unit.sources.source_lines import context

JANE = Claims({"jdoe": "Jane Doe", "adm-jdoe": "Jane Doe"})


def hops(story: Story) -> list[Hop]:
    (visit,) = stitch(story.table(), JANE, lambda _: 7)
    return list(visit.hops)


def at_the_desk() -> Story:
    story = Story()
    story.machine(-10, "WS1", "10.0.0.9")
    story.logon(0, "WS1", "jdoe", "0x10", 10, "203.0.113.7")
    return story


@pytest.mark.parametrize("told", [True, False])
def test_a_session_of_type_9_is_whom_it_is_elsewhere(told: bool) -> None:
    story = at_the_desk()
    if told:
        given = {"session__credential_uid": "CORP\\da"}
    else:  # Windows before 10 leaves it out
        given = {}
        story.explicit(10, "WS1", "jdoe", "0x10", "da", "localhost")
    story.logon(10, "WS1", "jdoe", "0x20", 9, "::1", actor__session__uid="0x10", **given)
    story.process(11, "WS1", "jdoe", "0x20", "cmd.exe /c dir")
    story.logon(12, "SRV", "da", "0x77", 3, "10.0.0.9")
    desk, other, server = hops(story)
    assert (other.account, other.source, other.target, other.protocol) == (
        "CORP\\da",
        "WS1",
        "WS1",
        "explicit",
    )
    assert (other.parent, other.link.kind, other.credential_switch) == (desk.id, "proven", True)
    assert [action.text for action in other.actions] == ["cmd.exe /c dir"]
    assert (server.target, server.parent, server.credential_switch) == ("SRV", other.id, False)


def test_what_the_account_itself_does_on_that_host_is_not_done_in_it() -> None:
    story = at_the_desk()
    story.logon(
        10, "WS1", "jdoe", "0x20", 9, "::1", actor__session__uid="0x10", session__credential_uid="CORP\\da"
    )
    made = {
        "metadata.log_name": "Microsoft-Windows-Sysmon/Operational",
        "metadata.event_code": "11",
        "device.hostname": "WS1",
    }
    whose = {"user.name": "da", "user.domain": "CORP", "file.path": "C:\\x\\a.txt"}
    story.add(
        20,
        {"class_uid": 1001, "activity_id": 1, "status_id": 1, "metadata.product": "Sysmon", **made, **whose},
    )
    assert [hop.actions for hop in hops(story)] == [(), ()]


def test_an_own_other_account_is_no_switch_and_no_credentials_are_none() -> None:
    story = at_the_desk()
    story.logon(
        10,
        "WS1",
        "jdoe",
        "0x20",
        9,
        "::1",
        actor__session__uid="0x10",
        session__credential_uid="CORP\\adm-jdoe",
    )
    story.logon(20, "WS1", "jdoe", "0x30", 9, "::1", actor__session__uid="0x10")
    _, own, none = hops(story)
    assert [(hop.account, hop.credential_switch) for hop in (own, none)] == [
        ("CORP\\adm-jdoe", False),
        ("CORP\\jdoe", False),
    ]


def test_plain_runas_is_a_session_of_the_other_account() -> None:
    story = at_the_desk()
    story.explicit(9, "WS1", "jdoe", "0x10", "da", "localhost")
    story.logon(10, "WS1", "da", "0x20", 2, "::1", actor__session__uid="0x10", actor__user__name="jdoe")
    story.process(11, "WS1", "da", "0x20", "cmd.exe /c dir")
    story.logon(12, "SRV", "da", "0x77", 3, "10.0.0.9")
    desk, other, server = hops(story)
    assert (other.account, other.target, other.parent) == ("CORP\\da", "WS1", desk.id)
    assert (other.link.kind, other.credential_switch) == ("proven", True)
    assert [action.text for action in other.actions] == ["cmd.exe /c dir"]
    assert server.parent == other.id


def test_the_outbound_account_is_read() -> None:
    record = (
        b'{"Channel":"Security","SourceName":"Microsoft-Windows-Security-Auditing","EventID":4624,"Hostname":"WS1",'
        b'"@timestamp":"2026-03-02T09:00:10Z","TargetUserName":"jdoe","TargetDomainName":"CORP","TargetLogonId":"0x20",'
        b'"LogonType":"9","TargetOutboundUserName":"da","TargetOutboundDomainName":"CORP"}'
    )
    found = [
        source("windows.json").parse([one], context(START)).events.to_pylist()[0]["session"]["credential_uid"]
        for one in (record, record.replace(b'"da"', b'"-"').replace(b'Name":"CORP"}', b'Name":"-"}'))
    ]
    assert found == ["CORP\\da", None]
