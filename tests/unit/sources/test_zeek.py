from __future__ import annotations

import json
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.sources import recognise
from countersign.sources._base import HEAD_BYTES
from countersign.sources.zeek import detect, preamble
from unit.sources.source_lines import event, events, parse, within

ENDS = {"id.orig_h": "10.1.1.5", "id.orig_p": 50123, "id.resp_h": "10.1.1.9", "id.resp_p": 22}
ROW: dict[str, Any] = {"ts": 1795168800.123456, "uid": "CabcD1", **ENDS}
CONN = {**ROW, "proto": "tcp", "service": "ssh", "duration": 1.5, "orig_bytes": 10, "resp_bytes": 20, "conn_state": "SF", "history": "ShAD"}  # fmt: skip
KINDS = {"ts": "time", "id.orig_p": "port", "id.resp_p": "port", "duration": "interval", "auth_success": "bool",
         "resumed": "bool", "established": "bool"}  # fmt: skip


def table(path: str, *rows: dict[str, Any], separator: str = "\t") -> list[str]:
    """Rows as Zeek writes them in TSV."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [
        "#separator " + "".join(f"\\x{ord(sign):02x}" for sign in separator),
        separator.join(["#set_separator", ","]),
        separator.join(["#empty_field", "(empty)"]),
        separator.join(["#unset_field", "-"]),
        separator.join(["#path", path]),
        separator.join(["#open", "2026-11-20-10-00-00"]),
        separator.join(["#fields", *names]),
        separator.join(["#types", *(KINDS.get(name, "string") for name in names)]),
    ]
    cells = [[_cell(name, row.get(name)) for name in names] for row in rows]
    return [*lines, *map(separator.join, cells), separator.join(["#close", "2026-11-20-11-00-00"])]


def _cell(name: str, value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, list):
        return ",".join(value) or "(empty)"
    return f"{value:.6f}" if KINDS.get(name) in {"time", "interval"} else str(value)


PATHS: dict[str, tuple[dict[str, Any], dict[str, object]]] = {
    "conn": (CONN, {
        "class_uid": 4001, "activity_id": 2, "connection_info__protocol_name": "tcp", "traffic__bytes_out": 10,
        "traffic__bytes_in": 20, "duration": 1500,
    }),
    "ssh": ({**ROW, "auth_success": True, "auth_attempts": 1, "client": "SSH-2.0-x"}, {"class_uid": 4007, "status_id": 1}),
    "rdp": ({**ROW, "cookie": "jane", "result": "encrypted", "security_protocol": "HYBRID", "client_name": "PC1"}, {
        "class_uid": 4005, "status_id": 0, "status_code": "encrypted", "auth_protocol": "HYBRID",
        "src_endpoint__hostname": "PC1", "user__name": None,
    }),
    "ssl": ({**ROW, "version": "TLSv13", "server_name": "a.example", "resumed": False, "established": True}, {
        "class_uid": 4001, "status_id": 1, "dst_endpoint__hostname": None,
    }),
    "kerberos": ({**ROW, "request_type": "AS", "client": "jane/ACME.LAN", "service": "krbtgt/ACME.LAN", "success": False,
                  "error_msg": "KDC_ERR_PREAUTH_FAILED"}, {
        "class_uid": 3002, "activity_id": 3, "status_id": 2, "status_code": "KDC_ERR_PREAUTH_FAILED", "user__name": "jane",
        "user__domain": "ACME.LAN", "service__name": "krbtgt/ACME.LAN", "auth_protocol": "Kerberos",
    }),
    "ntlm": ({**ROW, "username": "jane", "hostname": "PC1", "domainname": "ACME", "server_nb_computer_name": "DC1",
              "server_dns_computer_name": "dc1.acme.lan", "success": True}, {
        "class_uid": 3002, "activity_id": 1, "status_id": 1, "user__name": "jane", "user__domain": "ACME",
        "src_endpoint__hostname": "PC1", "dst_endpoint__hostname": "dc1.acme.lan", "auth_protocol": "NTLM",
    }),
    "smb_mapping": ({**ROW, "path": r"\\dc1\C$", "share_type": "DISK"}, {"class_uid": 4006, "share": r"\\dc1\C$"}),
    "smb_files": ({**ROW, "action": "SMB::FILE_OPEN", "path": r"\\dc1\C$", "name": r"a\b.zip", "size": 5}, {
        "class_uid": 4006, "activity_id": 2, "file__path": r"\\dc1\C$\a\b.zip", "share": r"\\dc1\C$",
    }),
    "dce_rpc": ({**ROW, "rtt": 0.1, "named_pipe": "svcctl", "endpoint": "svcctl", "operation": "CreateServiceW"}, {
        "class_uid": 4001, "src_operation": "CreateServiceW", "service__name": None,
    }),
    "http": ({**ROW, "trans_depth": 1, "method": "POST", "host": "a.example", "uri": "/x", "status_code": 404,
              "request_body_len": 7, "response_body_len": 9}, {
        "class_uid": 4002, "activity_id": 6, "status_id": 2, "status_code": "404", "url": "http://a.example/x",
        "traffic__bytes_out": 7, "traffic__bytes_in": 9,
    }),
    "dns": ({**ROW, "proto": "udp", "trans_id": 5, "query": "a.example", "qtype_name": "A", "rcode_name": "NXDOMAIN"}, {
        "class_uid": 4003, "status_id": 2, "status_code": "NXDOMAIN", "query__hostname": "a.example",
    }),
    "ftp": ({**ROW, "command": "RETR", "reply_code": 226}, {"class_uid": 4008, "activity_id": 2, "status_id": 1}),
    "smtp": (
        {**ROW, "helo": "x", "mailfrom": "a@b.example", "community_id": "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
        {"class_uid": 4009, "email__from": "a@b.example", "metadata__correlation_uid": "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
    ),
    "snmp": ({**ROW, "community": "x", "get_requests": 4}, {"class_uid": 0}),
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_tsv_and_json_say_the_same(path: str) -> None:
    row, expected = PATHS[path]
    (tsv,) = events("zeek", *table(path, row))
    plain = event("zeek", json.dumps(row))  # the log is known by its keys
    named = event("zeek", json.dumps({"_path": path, **row}))
    nested = event(
        "zeek",
        json.dumps(
            {
                "_path": path,
                "id": {name[3:]: row[name] for name in ENDS},
                **{name: value for name, value in row.items() if name not in ENDS},
            }
        ),
    )
    underscored = event("zeek", json.dumps({"@stream": path, **{name.replace("id.", "id_"): value for name, value in row.items()}}))  # fmt: skip
    for found in (tsv, plain, named, nested, underscored):
        assert within(
            found,
            metadata__log_name=path,
            metadata__product="Zeek",
            connection_info__uid="CabcD1",
            src_endpoint__ip="10.1.1.5",
            src_endpoint__port=50123,
            dst_endpoint__ip="10.1.1.9",
            device__hostname=None,
            time=datetime(2026, 11, 20, 10, 0, 0, 123456, tzinfo=UTC),
            time_basis="stated",
            **expected,
        )
    keyed = path in {"conn", "ssh", "rdp", "ssl"}
    assert {found["keyed"] for found in (tsv, plain, named, nested, underscored)} == {keyed}
    if keyed:
        assert len({found["id"] for found in (tsv, plain, named, nested, underscored)}) == 1


def test_different_rows_of_one_connection_are_different_events() -> None:
    rows = [{**ROW, "trans_depth": depth, "method": "GET", "host": "a"} for depth in (1, 2)]
    assert len(events("zeek", *table("http", *rows))) == 2
    assert len({found["id"] for found in events("zeek", *map(json.dumps, rows))}) == 2
    assert (
        event("zeek", json.dumps(CONN))["id"]
        != event("zeek", json.dumps({**CONN, "ts": 1795168800.123457}))["id"]
    )
    assert event("zeek", json.dumps(CONN))["id"] != event("zeek", json.dumps({**CONN, "uid": "C2"}))["id"]
    assert event("zeek", json.dumps({**CONN, "ts": None}))["keyed"] is False


def test_truth_values_sets_and_unset_cells() -> None:
    row = {
        **ROW,
        "established": True,
        "resumed": False,
        "cert_chain_fuids": ["F1", "F2"],
        "client_cert_chain_fuids": [],
        "curve": None,
    }
    (tsv,) = events("zeek", *table("ssl", row))
    found = event("zeek", json.dumps(row))
    for one in (tsv, found):
        assert one["unmapped"]["established"] == "true"
        assert one["unmapped"]["resumed"] == "false"
        assert one["unmapped"]["cert_chain_fuids"] == "F1,F2"
        assert not {"curve", "client_cert_chain_fuids"} & one["unmapped"].keys()


def test_a_header_in_the_middle_changes_the_columns() -> None:
    lines = [
        *table("conn", CONN),
        *table("dns", PATHS["dns"][0]),
        *table("ssh", PATHS["ssh"][0], separator="|"),
    ]
    parsed = parse("zeek", lines)
    assert parsed.rejected.num_rows == 0
    logs = [row["log_name"] for row in parsed.events["metadata"].to_pylist()]
    assert logs == ["conn", "dns", "ssh"]


def test_rows_that_do_not_fit_are_rejected() -> None:
    lines = table("conn", CONN)
    parsed = parse(
        "zeek",
        ["row before any header", *lines[:-1], lines[-2] + "\tmore", "", "{", "{}", '{"a": 1}', "[" * 9],
    )
    assert parsed.events.num_rows == 1
    reasons = [row["reason"] for row in parsed.rejected.to_pylist()]
    assert reasons[0] == "the row has no Zeek header (#fields) before it"
    assert reasons[1] == "the row has 14 fields, its header 13"
    assert len(reasons) == 6


def test_a_preamble_makes_every_part_readable_alone() -> None:
    lines = table("conn", *({**CONN, "uid": f"C{index}"} for index in range(20)))
    data = "\n".join(lines).encode()
    length = preamble(data)
    assert data[:length].decode().splitlines() == lines[:8]
    whole = {row["uid"] for row in parse("zeek", lines).events["connection_info"].to_pylist()}
    head = data[:length].split(b"\n")[:-1]
    parts = [
        parse("zeek", [*head, *(line.encode() for line in lines[8:15])]),
        parse("zeek", [*head, *(line.encode() for line in lines[15:])]),
    ]
    found = [row["uid"] for part in parts for row in part.events["connection_info"].to_pylist()]
    assert sorted(found) == sorted(whole)
    assert preamble(json.dumps(CONN).encode()) == 0
    assert preamble(b"#fields\tts") == 0
    assert preamble(b"\xef\xbb\xbf#path\tconn\nrow") == 14


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        (1795168800.123456, 123456),
        (1795168800123, 123000),
        (1795168800123.4, 123400),
        ("1795168800.123456", 123456),
        ("2026-11-20T10:00:00.123456Z", 123456),
    ],
)
def test_ways_of_writing_times(stamp: object, expected: int) -> None:
    assert event("zeek", json.dumps({**CONN, "ts": stamp}))["time"] == datetime(2026, 11, 20, 10, 0, 0, expected, tzinfo=UTC)  # fmt: skip


@pytest.mark.parametrize("stamp", [-1, 0, 1e300, "x", True, [], {"a": 1}, 2**70])
def test_absurd_times_are_undated(stamp: object) -> None:
    assert within(event("zeek", json.dumps({**CONN, "ts": stamp})), time=None, time_basis="undated")


def test_wrong_types_leave_columns_empty() -> None:
    found = event("zeek", json.dumps({**CONN, "id.orig_p": 70_000, "orig_bytes": -1, "resp_bytes": 2**63, "duration": "x", "uid": 5}))  # fmt: skip
    assert within(
        found,
        src_endpoint__port=None,
        traffic__bytes_out=None,
        traffic__bytes_in=None,
        duration=None,
        connection_info__uid=None,
        keyed=False,
    )
    assert found["unmapped"]["id.orig_p"] == "70000"


def test_bare_rows_and_scripts() -> None:
    assert within(
        event("zeek", json.dumps(ROW)), class_uid=0, metadata__log_name=None, connection_info__uid="CabcD1"
    )
    found = event("zeek", '{"name": "/usr/share/zeek/base/init-bare.zeek"}')
    assert within(found, metadata__log_name="loaded_scripts", time_basis="undated")


@pytest.mark.parametrize(
    "head",
    [
        "\n".join(table("conn", CONN)).encode(),
        b"\xef\xbb\xbf" + "\r\n".join(table("x", ROW)).encode(),
        json.dumps(CONN).encode(),
        b"\n" + json.dumps(ROW).encode() + b"\nrest",
        json.dumps({**CONN, "history": "x" * HEAD_BYTES}).replace(": ", ":").encode()[:HEAD_BYTES],
    ],
)
def test_detects(head: bytes) -> None:
    assert detect(head)
    found = recognise(head)
    assert found is not None
    assert found.name == "zeek"


@pytest.mark.parametrize(
    "head",
    [b"", b"# a comment\n#fields\n", b"{}", b'{"ts": 1, "a": 2}', b'{"name": "x"}', b'{"ts": 1', b"[1]", b"#path\tx\n", b'{"_path": "x"}', b'{"conn_state": "SF"}'],
)  # fmt: skip
def test_does_not_detect(head: bytes) -> None:
    assert not detect(head)


def test_deep_and_long_input_is_cheap() -> None:
    began = time.process_time()
    deep = '{"ts":1,"uid":"C","id.orig_h":' + '{"a":' * 10_000 + "1" + "}" * 10_001
    shallow = json.dumps({**ROW, "a": {"b": {"c": {"d": {"e": {"f": [{"g": 1}]}}}}}})
    parsed = parse(
        "zeek", [deep, shallow, "{" * 1_000_000, "#fields" + "\ta" * 100_000, "1" + "\t1" * 99_999]
    )
    assert parsed.events.num_rows == 2
    assert time.process_time() - began < 5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["orig_h", "orig_p", "a"]), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = sorted({*ROW, "_path", "@stream", "id", "name", *(name for row, _ in PATHS.values() for name in row)})


@given(
    st.lists(st.dictionaries(st.sampled_from(KEYS), JSON), max_size=4),
    st.lists(st.binary(max_size=60), max_size=3),
)
def test_only_events_and_rejected_come_out_of_json(rows: list[dict[str, object]], noise: list[bytes]) -> None:
    noise = [
        record
        for record in noise
        if (line := record.removeprefix(b"\xef\xbb\xbf").strip()) and line[:1] != b"#"
    ]
    records = [json.dumps(row).encode() for row in rows] + noise
    parsed = parse("zeek", records)
    assert parsed.events.num_rows + parsed.duplicates + parsed.rejected.num_rows == len(records)


@given(
    st.lists(st.sampled_from(["#separator \\x09", "#separator \\x7c", "#separator", "#fields\tts\tuid", "#types\ttime\tbool",
                              "#types", "#path\tconn", "#path", "#unset_field\t", "#empty_field\tx", "#set_separator\t|",
                              "1795168800.1\tC1", "x\ty\tz", "#", "#\x00", "1|2"]), max_size=12),
)  # fmt: skip
def test_only_events_and_rejected_come_out_of_tsv(lines: list[str]) -> None:
    parsed = parse("zeek", lines)
    rows = sum(not line.startswith("#") for line in lines)
    assert parsed.events.num_rows + parsed.duplicates + parsed.rejected.num_rows == rows


def test_reads_the_shared_logs(shared_data: Path) -> None:
    logs: Counter[str] = Counter()
    for path in sorted((shared_data / "zeek").rglob("*.log")):
        data = path.read_bytes()
        assert detect(data[:HEAD_BYTES]), path
        parsed = parse("zeek", data.split(b"\n"))
        assert parsed.rejected.num_rows == 0, path
        if parsed.events.num_rows:
            logs.update(row["log_name"] for row in parsed.events["metadata"].to_pylist())
    assert {"conn", "dns", "kerberos", "smb_files", "dce_rpc", "ssl", "http", "x509"} <= logs.keys()
    assert not detect((shared_data / "zeek" / "misc" / "http.log.corrupt.gz").read_bytes()[:HEAD_BYTES])


def test_no_two_shared_rows_share_a_key(shared_data: Path) -> None:
    for path in sorted((shared_data / "zeek" / "apt29").glob("day*/*.log")):
        lines = path.read_bytes().split(b"\n")
        distinct = {line for line in lines if line}
        assert parse("zeek", lines).events.num_rows == len(distinct), path
