"""Frames: `_syslog.py`, `_address.py` and `_programs.py`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.sources._address import account, address, endpoint, port
from countersign.sources._programs import LONGEST, understand
from countersign.sources._syslog import Frame, Framer, peer
from unit.sources.source_lines import context


def frame(line: str, zone: str = "UTC") -> Frame:
    found = Framer(context(zone=zone)).frame(line)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("line", "host", "program", "pid", "message"),
    [
        ("Nov 20 10:00:00 web1 sshd[812]: hello: you", "web1", "sshd", "812", "hello: you"),
        ("Nov  2 10:00:00 web1 kernel: [8.1] x", "web1", "kernel", None, "[8.1] x"),
        ("Nov 2 15:40:14 web1 sshd[1]: x", "web1", "sshd", "1", "x"),
        ("<34>Nov 20 10:00:00 web1 sshd[812]: x", "web1", "sshd", "812", "x"),
        ("Nov 20 10:00:00 sshd[812]: no host", None, "sshd", "812", "no host"),
        ("Nov 20 10:00:00 web1 last message repeated 2 times", "web1", None, None, "last message repeated 2 times"),
        ("Nov 20 10:00:00 fe80::1 sshd[1]: x", "fe80::1", "sshd", "1", "x"),
        ("Nov 20 10:00:00 web1 sshd[1]:", "web1", "sshd", "1", ""),
        ("2026-11-20T10:00:00.123456+01:00 web1 sshd[812]: x", "web1", "sshd", "812", "x"),
        ("2026-11-20T10:00:00+0100 web1 sshd[812]: x", "web1", "sshd", "812", "x"),
        ("2026-11-20 10:00:00.1+0100  mac sshd[812]: x", "mac", "sshd", "812", "x"),
        ("2026-11-20T10:00:00Z pan.example 1,2026/11/20 10:00:00,THREAT: y", "pan.example", None, None, "1,2026/11/20 10:00:00,THREAT: y"),
        ("<38>1 2026-11-20T10:00:00Z web1 sshd 812 - - x", "web1", "sshd", "812", "x"),
        ("<38>1 - - - - - -", None, None, None, ""),
        ('9 <38>1 2026-11-20T10:00:00Z web1 app - - [a@1 b="c \\"] d"][e] \ufeffx', "web1", "app", None, "x"),
        ("Fri Nov 20 10:00:00 2026 authpriv.info dropbear[9]: x", None, "dropbear", "9", "x"),
        ("Nov 20 10:00:00 <auth.info> fw sshd[1]: x", "fw", "sshd", "1", "x"),
        ("Nov 20 10:00:00 fw <auth.info> sshd[1]: x", "fw", "sshd", "1", "x"),
        ("Nov 20 10:00:00 sun sshd[8]: [ID 800047 auth.info] x", "sun", "sshd", "8", "x"),
        ("Nov 20 10:00:00 mac com.apple.launchd[1] (com.foo[12]): x", "mac", "com.apple.launchd", "1", "x"),
        ("Nov 20 10:00:00 old sshd(pam_unix)[8]: x", "old", "sshd(pam_unix)", "8", "x"),
        ("<13>cron: no time", None, "cron", None, "no time"),
        ("<13>no time", None, None, None, "no time"),
        ("2026-11-20 10:00:00 1.2.3.4:5555 TLS: x", None, "openvpn", None, "1.2.3.4:5555 TLS: x"),
        ("Fri Nov 20 10:00:00 2026 us=12 jane/1.2.3.4:5555 x", None, "openvpn", None, "jane/1.2.3.4:5555 x"),
        ("1.2.3.4:5555 TLS: x", None, "openvpn", None, "1.2.3.4:5555 TLS: x"),
        ("2026-11-20 10:00:00 Something of its own", None, None, None, "Something of its own"),
        ("2026-11-20 10:00:00 web1 app[7]: x", "web1", "app", "7", "x"),
        ("Nov 20 2026 10:00:00: x", None, None, None, ": x"),
        ("Nov 20 2026 10:00:00: %ASA-6-113004: x", None, "ASA", None, "%ASA-6-113004: x"),
        ("Nov 20 2026 10:00:00 asa1 : %ASA-6-113004: x", "asa1", "ASA", None, "%ASA-6-113004: x"),
        ("<166>:Nov 20 10:00:00 UTC: %FTD-6-113004: x", None, "FTD", None, "%FTD-6-113004: x"),
        ("<166>2026-11-20T10:00:00Z asa1 : %ASA-6-113004: x", "asa1", "ASA", None, "%ASA-6-113004: x"),
        ("<166>1 2026-11-20T10:00:00Z asa1 - - - - %ASA-6-113004: x", "asa1", "ASA", None, "%ASA-6-113004: x"),
        ("%ASA-6-113004: x", None, "ASA", None, "%ASA-6-113004: x"),
        ("<189>29: r1: *Mar  1 00:00:29.123: %SYS-5-CONFIG_I: x", "r1", "SYS", None, "%SYS-5-CONFIG_I: x"),
        ('date=2026-11-20 time=10:00:00 devname="fg1" tz="-0700" msg="a: b"', "fg1", "fortigate", None, None),
    ],
)  # fmt: skip
def test_frames(
    line: str, host: str | None, program: str | None, pid: str | None, message: str | None
) -> None:
    found = frame(line)
    assert (found.host, found.program, found.pid) == (host, program, pid)
    assert found.message == (line if message is None else message)


@pytest.mark.parametrize("line", ["", "plain words", "<9999>x", "{}", "type=SYSCALL msg=audit(1.2:3): a", "<Event>", "\x7fELF", "%", "2026-11-20", "Nov", "Marvellous"])  # fmt: skip
def test_no_frame(line: str) -> None:
    assert Framer(context()).frame(line) is None


def test_structured_data_and_priority_are_fields() -> None:
    found = frame('<38>1 2026-11-20T10:00:00Z h app - - [a@1 b="c \\"\\]" d="\\\\"][e] x')
    assert found.fields == {"a@1.b": 'c "]', "a@1.d": "\\", "facility": 4, "severity": 6}
    assert frame("<38>1 2026-11-20T10:00:00Z h app - - [no data").message == "[no data"


def test_basis_says_how_the_time_was_understood() -> None:
    assert frame("Nov 20 10:00:00 h a: x").basis == "year"
    assert frame("Nov 20 2026 10:00:00 h a: x").basis == "zone"
    assert frame("2026-11-20T10:00:00Z h a: x").basis == "stated"
    assert frame("2026-11-20T10:00:00 h a: x").basis == "zone"
    assert frame("<13>x").basis == "undated"
    assert frame("<38>1 - h a - - - x").basis == "undated"


def test_a_relay_that_states_its_zone_beats_the_devices_clock() -> None:
    nested = frame("2026-11-20T10:00:01+01:00 relay Nov 20 2026 10:00:00 asa1 : %ASA-6-113004: x")
    assert (nested.basis, nested.time_text, nested.host) == ("stated", "2026-11-20T10:00:01+01:00", "asa1")
    yearless = frame("Nov 20 10:00:01 relay Nov 20 2026 10:00:00 asa1 : %ASA-6-113004: x")
    assert (yearless.basis, yearless.time_text) == ("zone", "Nov 20 2026 10:00:00")


def test_a_programs_message_is_never_taken_for_a_devices() -> None:
    found = frame("Nov 20 10:00:00 web1 bob: %ASA-4-113019: Group = g, Username = u, IP = 1.2.3.4, x")
    assert found.program == "bob"
    assert frame("Nov 20 10:00:00 web1 sshd[1]: %ASA-4-113019: x").program == "sshd"


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("1.2.3.4:5555", ("", "1.2.3.4", "5555")),
        ("jane/1.2.3.4:5555", ("jane", "1.2.3.4", "5555")),
        ("1.2.3.4:5555/jane", ("jane", "1.2.3.4", "5555")),
        ("[AF_INET]1.2.3.4:5", ("", "1.2.3.4", "5")),
        ("[AF_INET6]2001:db8::1:5", ("", "2001:db8::1", "5")),
        ("jane/udp4:1.2.3.4:5", ("jane", "1.2.3.4", "5")),
        ("jane/::ffff:1.2.3.4:5", ("jane", "1.2.3.4", "5")),
        ("jane", None),
        ("1.2.3.4:99999", None),
        ("1.2.3:5", None),
        ("a:b", None),
    ],
)
def test_openvpn_peers(token: str, expected: tuple[str, str, str] | None) -> None:
    assert peer(token) == expected


def test_addresses_have_one_form() -> None:
    assert address("::ffff:192.168.1.1") == "192.168.1.1"
    assert address("[2001:DB8::1]") == "2001:db8::1"
    assert address("fe80::1%eth0") == "fe80::1"
    assert address("1.2.3") is None
    assert address("x" * 100) is None
    assert port("65536") is None
    assert port("٣") is None
    assert endpoint("src_endpoint", "gate.example", "22") == {
        "src_endpoint.hostname": "gate.example",
        "src_endpoint.port": 22,
    }
    assert account("ACME\\jane") == {"user.domain": "ACME", "user.name": "jane"}
    assert account("") == {}


def test_registry_knows_programs_by_name_path_and_instance() -> None:
    accepted = "Accepted password for jane from 10.0.0.1 port 5 ssh2"
    assert understand("/usr/sbin/sshd", "1", accepted) is not None
    assert understand("sshd-session", "1", accepted) is not None
    assert understand("ovpn-server", None, "1.2.3.4:5 TLS: x") is not None
    assert understand("nginx", None, accepted) is None
    assert understand(None, None, accepted) is None
    assert understand("sudo", None, "a : COMMAND=" + "x" * LONGEST) is None


@given(st.text(alphabet=st.sampled_from('Nov 20:1<>[]%-"\\=. ASA/abcT\0ü')))
def test_any_text_is_framed_or_not(text: str) -> None:
    found = Framer(context()).frame(text)
    assert found is None or found.message in text or text.startswith("date=") or "\\" in text
