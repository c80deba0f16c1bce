from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.sources._windows import values
from countersign.sources._windows.values import Scalar


@pytest.mark.parametrize(
    ("convert", "value", "expected"),
    [
        (values.text, " a\0", "a"),
        (values.text, "-", None),
        (values.text, 5, "5"),
        (values.logon_id, "0x00000000000003E7", "0x3e7"),
        (values.logon_id, "999", "0x3e7"),
        (values.logon_id, 999, "0x3e7"),
        (values.logon_id, "0x0", None),
        (values.logon_id, "-", None),
        (values.logon_id, "1_0", None),
        (values.logon_id, True, None),
        (values.logon_id, "9" * 5000, None),
        (values.guid, "{F22407C6-EC99-A7C9-F99D-A3632CEA0F80}", "f22407c6-ec99-a7c9-f99d-a3632cea0f80"),
        (values.guid, "{00000000-0000-0000-0000-000000000000}", None),
        (values.sid, "S-1-0-0", None),
        (values.pid, "0x11d4", 0x11D4),
        (values.pid, 2**40, None),
        (values.port, "0", None),
        (values.port, "-", None),
        (values.port, "65536", None),
        (values.port, "3389", 3389),
        (values.address, "::ffff:10.0.0.5", "10.0.0.5"),
        (values.address, "::1", "::1"),
        (values.address, "127.0.0.1", "127.0.0.1"),
        (values.address, "LOCAL", None),
        (values.address, "fe80::1%12", "fe80::1"),
        (values.address_of_pair, "[fe80::1%12]:3389", "fe80::1"),
        (values.address_of_pair, "10.0.0.5:52342", "10.0.0.5"),
        (values.address_of_pair, "10.0.0.5", "10.0.0.5"),
        (values.port_of_pair, "10.0.0.5:52342", 52342),
        (values.host, "\\\\WS1", "WS1"),
        (values.connection_host, "ws6/wsman?PSVersion=5.1", "ws6"),
        (
            values.digest,
            "UmTGMgTFbA35+PSgMOoZ2ToPpAK+awC010ZOYWQQIfc=-",
            "UmTGMgTFbA35+PSgMOoZ2ToPpAK+awC010ZOYWQQIfc=",
        ),
        (values.digest, "-", None),
        (values.terminal_session, "3", "ts:3"),
        (values.outcome, "0x0", 1),
        (values.outcome, "0xC000006D", 2),
        (values.outcome, "-", None),
        (values.host_application, "x\n        Host Application = powershell -c x\r\n y", "powershell -c x"),
        (values.context_user_name, "   User = EX\\bob\n", "bob"),
        (values.context_user_domain, "   User = EX\\bob\n", "EX"),
    ],
)
def test_values(convert: Callable[[Scalar], object], value: Scalar, expected: object) -> None:
    assert convert(value) == expected


@pytest.mark.parametrize(
    ("name", "domain", "expected"),
    [
        ("bob", "EX", ("bob", "EX")),
        ("EX\\bob", None, ("bob", "EX")),
        ("EX\\bob", "-", ("bob", "EX")),
        ("bob@EX.ORG", "EX.ORG", ("bob", "EX.ORG")),
        ("bob@ex.org", "", ("bob", "ex.org")),
        ("@x", None, ("@x", None)),
        ("x\\", None, ("x\\", None)),
        ("-", "-", (None, None)),
        (None, "EX", (None, "EX")),
    ],
)
def test_accounts(name: str | None, domain: str | None, expected: tuple[str | None, str | None]) -> None:
    assert values.account(name, domain) == expected


SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)


@given(SCALAR)
def test_any_scalar_has_a_value_or_none(value: Scalar) -> None:
    for convert in (*values.CONVERSIONS.values(), values.text, values.outcome, values.connection_host, values.host_application):  # fmt: skip
        convert(value)


@given(st.floats(-5, 5) | st.booleans())
def test_what_the_memory_takes_for_one_key_gives_one_result(value: float) -> None:
    for convert in values.CONVERSIONS.values():
        assert convert(value) is None
