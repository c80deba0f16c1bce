from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from evtx import PyEvtxParser

from countersign.sources import recognise, source
from countersign.sources._framing import frame
from unit.sources.source_lines import context, event, events, parse, syslog, within

FAMILY = "windows.xml"
PLAIN = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
    "<Provider Name='Microsoft-Windows-Security-Auditing'/><EventID>4634</EventID><Level>0</Level><Task>1</Task><Opcode>0</Opcode>"
    "<Keywords>0x8020000000000000</Keywords><TimeCreated SystemTime='2026-11-20T10:00:00.0000000Z'/>"
    "<EventRecordID>7</EventRecordID><Channel>Security</Channel><Computer>DC1.example.com</Computer></System>"
    "<EventData>{}</EventData></Event>"
)


def data(**fields: str) -> str:
    return PLAIN.format("".join(f"<Data Name='{name}'>{text}</Data>" for name, text in fields.items()))


@pytest.mark.parametrize("start", ["", "\ufeff", "<?xml version='1.0'?>\r\n", "<Events>", "\n<Events>\n"])
def test_is_recognised_however_it_begins(start: str) -> None:
    assert recognise((start + data(TargetUserName="a")).encode()) is source(FAMILY)
    assert recognise((start + data(TargetUserName="a")).encode("utf-16")) is source(FAMILY)


def test_text_copied_out_of_a_viewer_is_the_same_event() -> None:
    folded = (
        data(TargetUserName="a").replace("<System>", "- <System>").replace("<EventData>", "- <EventData>")
    )
    raw = ("- " + folded).encode()
    assert recognise(raw) is source(FAMILY)
    assert event(FAMILY, frame("xml", raw)[0]) == event(FAMILY, data(TargetUserName="a").encode())


def test_other_xml_is_not() -> None:
    assert recognise(b"<Events><Event id='1'/></Events>") is None
    assert recognise(b"<html><Event><System>") is None


def test_utf_16_gives_the_same_events() -> None:
    text = f"<Events>{data(TargetUserName='ä')}{data(TargetUserName='b').replace('>7<', '>8<')}</Events>"
    both = [
        source(FAMILY).parse(frame("xml", raw), context()).events["id"].to_pylist()
        for raw in (text.encode(), text.encode("utf-16"))
    ]
    assert len(both[0]) == 2
    assert both[0] == both[1]


def test_has_the_id_of_the_record_in_json() -> None:
    line = (
        '{"Event":{"System":{"Provider":{"#attributes":{"Name":"Microsoft-Windows-Security-Auditing"}},"EventID":4634,'
        '"TimeCreated":{"#attributes":{"SystemTime":"2026-11-20T10:00:00.000000Z"}},"EventRecordID":7,"Channel":"Security",'
        '"Computer":"dc1.example.com"},"EventData":{"TargetUserName":"a"}}}'
    )
    assert event(FAMILY, data(TargetUserName="a"))["id"] == event("windows.json", line)["id"]


def test_what_xml_forbids_hides_no_record() -> None:
    found = event(FAMILY, data(TargetUserName="a\x01b&#x0;c&#31;d", TargetLogonId="0x5"))
    assert within(found, user__name="a\ufffdb\ufffdc\ufffdd", session__uid="0x5")
    assert (
        event(FAMILY, data(TargetUserName="x").encode().replace(b">x<", b">\xff<"))["user.name"] == "\ufffd"
    )


def test_a_document_type_is_refused() -> None:
    bomb = "<!DOCTYPE Event [<!ENTITY a 'aaaa'>]>" + data(TargetUserName="&a;")
    assert parse(FAMILY, [bomb]).rejected.num_rows == 1


@pytest.mark.parametrize(
    "raw", ["<Event>" * 5000, "<Event/>", "<Event><System/></Event>", data(a="b")[:-9], "<Event a='\x00'>"]
)
def test_what_is_no_event_is_rejected(raw: str) -> None:
    assert parse(FAMILY, [raw]).rejected.num_rows == 1


def test_deep_elements_do_no_harm() -> None:
    deep = PLAIN.format("<x>" * 50_000 + "</x>" * 50_000)
    assert parse(FAMILY, [deep]).events.num_rows == 1


def test_data_of_one_name_is_all_kept() -> None:
    found = event(
        FAMILY, PLAIN.format("<Data Name='a'>1</Data><Data Name='a'>2</Data><Data>x</Data><Data>y</Data>")
    )
    kept = {name.removeprefix("src_"): value for name, value in found.items()} | found["unmapped"]
    assert (kept["a"], kept["a_1"], kept["data"]) == ("1", "2", "x\ny")


def test_sysmon_for_linux_is_one_event_in_syslog_and_alone() -> None:
    line = data(ProcessId="12", Image="/bin/sh", LogonId="1000", User="root").replace(
        "Security<", "Linux-Sysmon/Operational<"
    )
    line = line.replace("Microsoft-Windows-Security-Auditing", "Linux-Sysmon").replace("4634", "1")
    line = line.replace(" xmlns='http://schemas.microsoft.com/win/2004/08/events/event'", "")
    alone, carried = event("linux.sysmon", line), syslog(line, "sysmon")
    assert alone["id"] == carried["id"]
    assert within(
        carried, class_uid=1007, process__pid=12, session__uid=None, user__name="root", message=None
    )


def test_no_program_but_sysmon_writes_its_events() -> None:
    assert "process.pid" not in syslog(data(ProcessId="12"), "sysmon")
    assert within(syslog("Sysmon v1.3.3 started", "sysmon"), class_uid=0, message="Sysmon v1.3.3 started")


def differences(xml: list[bytes], json: list[bytes]) -> list[Any]:
    """What differs but for line ends, which XML makes one, and the ids of records that have no key."""

    def rows(name: str, records: list[bytes]) -> dict[str, Any]:
        return {
            row["id"]: row
            for row in source(name).parse(records, context()).events.to_pylist()
            if row["keyed"]
        }

    ours, theirs = rows(FAMILY, xml), rows("windows.evtx", json)
    if ours.keys() != theirs.keys():
        return [ours.keys() ^ theirs.keys()]
    names = (
        "class_uid",
        "activity_id",
        "status_id",
        "user",
        "actor",
        "session",
        "src_endpoint",
        "dst_endpoint",
        "time",
        "metadata",
    )
    return [
        (name, ours[id_].get(name), theirs[id_].get(name))
        for id_ in ours
        for name in names
        if ours[id_].get(name) != theirs[id_].get(name)
    ]


def test_real_records_mean_the_same_in_xml_and_in_evtx(shared_data: Path) -> None:
    with zipfile.ZipFile(shared_data / "evtx" / "evtx-to-mitre-attack.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".evtx"))[::8]
        for name in names:
            raw = archive.read(name)
            xml = [
                row["data"].partition("?>")[2].strip().encode()
                for row in PyEvtxParser(BytesIO(raw)).records()
            ]
            json = [row["data"].encode() for row in PyEvtxParser(BytesIO(raw)).records_json()]
            assert differences(xml, json) == [], name


def test_hostile_numbers_in_new_plans() -> None:
    bits = data(bytesTransferred="18446744073709551615", hr="x", url="http://x").replace("4634", "60")
    bits = bits.replace("Security-Auditing", "Bits-Client").replace(
        ">Security<", ">Microsoft-Windows-Bits-Client/Operational<"
    )
    assert within(
        events(FAMILY, bits)[0], class_uid=4010, traffic__bytes_in=None, status_id=None, url="http://x"
    )
