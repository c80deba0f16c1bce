from __future__ import annotations

from unit.sources.source_lines import event, parse, within

LINE = "1795168801.456     12 10.20.0.30 TCP_MISS/200 5120 GET {} jane HIER_DIRECT/192.0.2.80 text/html"


def test_an_address_is_taken_apart_for_rules() -> None:
    found = event("squid", LINE.format("http://files.example.com:8080/a/tool.exe?x=1"))
    assert within(
        found,
        class_uid=4002,
        activity_id=3,
        dst_endpoint__hostname="files.example.com",
        user__name="jane",
        duration=12,
    )
    assert found["src_c_uri_extension"] == "exe"
    assert found["src_c_uri_query"] == "x=1"
    assert found["time"].microsecond == 456_000


def test_hostile_addresses() -> None:
    for uri in (
        "http://[::1",
        "http://",
        "://",
        "x" * 5000,
        "error:invalid-request",
        "http://a/\ud800".encode("utf-8", "replace").decode(),
    ):
        assert within(event("squid", LINE.format(uri)), class_uid=4002, url=uri)


def test_through_syslog_it_is_the_same_event() -> None:
    line = LINE.format("http://a.example.com/")
    alone = event("squid", line)
    assert event("squid", "Nov 20 11:00:03 proxy (squid-1)[7]: " + line)["id"] == alone["id"]
    assert within(event("syslog", "Nov 20 11:00:03 proxy squid[7]: " + line), source="squid", id=alone["id"])


def test_a_web_server_is_no_proxy() -> None:
    line = '10.0.0.1 - - [20/Nov/2026:11:00:00 +0100] "GET /a HTTP/1.1" 200 5 "-" "curl"'
    assert parse("squid", [line, "", "1795168801.456 x"]).rejected.num_rows == 2
