from __future__ import annotations

from typing import Any

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.sources import recognise
from countersign.sources._framing import frame
from countersign.visits import with_details
from story import whole
from unit.sources.source_lines import context

SIGN_INS = (
    "Date (UTC),Request ID,User ID,Username,User type,Cross tenant access type,Application,IP address,Status,Sign-in error code,Failure reason,"
    "Client app,Authentication requirement,Token issuer type"
)
DETAILS = "Request ID,Date (UTC),Authentication method,Authentication method detail,Succeeded,Result detail,Requirement"


def sign_in(request: str, status: str = "Success", requirement: str = "Single-factor authentication") -> str:
    code = "" if status == "Success" else "50126"
    return f"2026-11-20T09:00:00Z,{request},u1,jo@x.example,Member,none,Azure Portal,203.0.113.9,{status},{code},Other.,Browser,{requirement},Azure AD"


def step(
    request: str,
    method: str = "Password",
    done: str = "true",
    detail: str = "",
    need: str = "Primary authentication",
) -> str:
    return f"{request},2026-11-20T09:00:00Z,{method},,{done},{detail},{need}"


def told(sign_ins: list[str], steps: list[str]) -> dict[str, dict[str, Any]]:
    """The sign-ins by their request, with the details, read as files."""
    tables = []
    for name, header, rows in (
        ("entra.signin_csv", SIGN_INS, sign_ins),
        ("entra.signin_details", DETAILS, steps),
    ):
        raw = "\n".join([header, *rows]).encode() + b"\n"
        family = recognise(raw)
        assert family is not None
        assert family.name == name
        if rows:
            tables.append(whole(family.parse(frame("csv", raw), context()).events))
    connection = ibis.duckdb.connect()
    connection.create_table("events", tables[0])
    for more in tables[1:]:
        connection.insert("events", more)
    events = connection.table("events")
    found = with_details(events)
    assert found.columns == events.columns
    rows = found.filter(found.source == "entra.signin_csv").to_pyarrow().to_pylist()
    assert found.count().to_pyarrow().as_py() == events.count().to_pyarrow().as_py()
    return {row["api"]["request"]["uid"]: row for row in rows}


def test_the_second_step_proves_what_the_sign_in_left_open() -> None:
    found = told(
        [sign_in("r1"), sign_in("r2"), sign_in("r3", "Failure")],
        [
            step("r1"), step("r1", "Mobile app notification", detail="MFA completed in Azure AD", need="Multifactor authentication"), step("r2"),
            step("r3"), step("r3", "Mobile app notification", need="Multifactor authentication"),
        ],
    )  # fmt: skip
    assert (found["r1"]["is_mfa"], found["r1"]["auth_factors"]) == (True, "Mobile app notification, Password")
    assert (found["r2"]["is_mfa"], found["r2"]["auth_factors"]) == (False, "Password")
    assert (found["r3"]["is_mfa"], found["r3"]["auth_factors"]) == (None, None)


@pytest.mark.parametrize(
    ("method", "done", "detail", "need", "proven"),
    [
        ("Passkey (device-bound)", "true", "", "Primary authentication", True),
        ("Previously satisfied", "true", "MFA requirement satisfied by claim in the token", "", True),
        (
            "Previously satisfied",
            "true",
            "First factor requirement satisfied by claim in the token",
            "",
            False,
        ),
        (
            "Mobile app notification",
            "false",
            "MFA denied; user declined",
            "Multifactor authentication",
            False,
        ),
        ("Password", "true", "Correct password", "Primary authentication", False),
    ],
)
def test_which_steps_are_a_second_factor(
    method: str, done: str, detail: str, need: str, proven: bool
) -> None:
    found = told([sign_in("r1")], [step("r1", method, done, detail, need)])
    assert found["r1"]["is_mfa"] is proven


def test_details_take_nothing_away_and_are_nobody_elses() -> None:
    found = told(
        [sign_in("r1", requirement="Multifactor authentication"), sign_in("r2")],
        [step("r1"), step("rX", need="Multifactor authentication")],
    )
    assert (found["r1"]["is_mfa"], found["r2"]["is_mfa"]) == (True, False)


def test_without_details_the_table_is_the_same() -> None:
    connection = ibis.duckdb.connect()
    raw = f"{SIGN_INS}\n{sign_in('r1')}\n".encode()
    family = recognise(raw)
    assert family is not None
    events = connection.create_table("events", whole(family.parse(frame("csv", raw), context()).events))
    assert with_details(events) is events


@given(
    st.permutations(
        [
            step("r1"),
            step("r1", "Text message", need="Multifactor authentication"),
            step("r2"),
            step("r2"),
            step("r2", "Password", "false"),
        ]
    )
)
@settings(max_examples=15, deadline=None)
def test_the_order_of_the_steps_changes_nothing(steps: list[str]) -> None:
    found = told([sign_in("r1"), sign_in("r2")], steps)
    assert [(found[one]["is_mfa"], found[one]["auth_factors"]) for one in ("r1", "r2")] == [
        (True, "Password, Text message"),
        (False, "Password"),
    ]
