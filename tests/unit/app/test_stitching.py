"""A day that is left out, as measuring wants it, is a day that has not come yet; answers kept without it serve with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from collecting import Ward, syslog
from countersign.app.agreements import load
from countersign.app.remembering import FOLDER
from countersign.app.results import Results
from countersign.app.stitching import days_of, visits_of
from countersign.app.workspace import Workspace
from countersign.model.visit import Visit

AGREEMENT = "version: 1\nprovider: {id: acme, name: ACME}\nidentities:\n  - {name: Anna, accounts: [anna]}\n"
FIRST, LAST = syslog(range(3)), syslog(range(90_000, 90_003))  # on 1 and 2 March 2026


def made(folder: Path, *logs: bytes) -> Workspace:
    folder.mkdir()
    ward = Ward(Workspace.create(folder / "ward"))
    (ward.workspace.agreements / "acme.yaml").write_text(AGREEMENT, "utf-8")
    for number, log in enumerate(logs):
        (folder / f"{number}.log").write_bytes(log)
        ward.collect(folder / f"{number}.log")
    return ward.workspace


def stitched(workspace: Workspace, state: Path, without: str | None = None) -> list[tuple[str, int]]:
    """Ids of visits, and how many hops each has."""
    agreed, _ = load(workspace)
    with workspace.reading() as lake:
        leaves = Results(workspace, lake).leaves()
        found: tuple[Visit, ...] = visits_of(days_of(lake, state, without), agreed, leaves)
    return [(visit.id, len(visit.hops)) for visit in found]


def test_a_day_that_is_left_out_has_not_come_yet(tmp_path: Path) -> None:
    whole, state = made(tmp_path / "whole", FIRST, LAST), tmp_path / "state"
    first = stitched(made(tmp_path / "first", FIRST), tmp_path / "other")
    assert stitched(whole, state, "2026-03-02") == first
    assert [day.name for day in (state / FOLDER).iterdir()] == ["2026-03-01"]
    kept = {path: path.stat().st_mtime_ns for path in (state / FOLDER / "2026-03-01").iterdir()}
    both = stitched(whole, state)
    assert both == stitched(whole, tmp_path / "anew")
    assert set(first) < set(both)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


SIGN_INS = (
    "Date (UTC),Request ID,User ID,Username,User type,Cross tenant access type,Application,IP address,Status,Sign-in error code,Failure reason,"
    "Client app,Authentication requirement,Token issuer type"
)
DETAILS = "Request ID,Date (UTC),Authentication method,Authentication method detail,Succeeded,Result detail,Requirement"


def sign_in(day: int) -> str:
    return (
        f"2026-03-0{day}T09:00:00Z,r{day},u1,anna@x.example,Member,none,Azure Portal,203.0.113.9,Success,,Other.,Browser,"
        "Single-factor authentication,Azure AD"
    )


def table(*lines: str) -> bytes:
    return "\n".join(lines).encode() + b"\n"


@pytest.mark.parametrize("of", [1, 2])
def test_late_details_of_a_sign_in_make_its_own_day_be_asked_again_and_no_other(
    tmp_path: Path, of: int
) -> None:
    log = table(SIGN_INS, sign_in(1), sign_in(2))
    details = [
        f"r{day},2026-03-0{day}T09:00:00Z,Password,,true,Correct password,Primary authentication"
        for day in (1, 2)
    ]
    whole, state = made(tmp_path / "whole", log, table(DETAILS, *details)), tmp_path / "state"
    before = stitched(whole, state)
    folders = [state / FOLDER / f"2026-03-0{day}" for day in (1, 2)]
    asked = [{path: path.stat().st_mtime_ns for path in folder.iterdir()} for folder in folders]
    # a second factor is told, in a file that came after that day's: of a day on which nothing else is new
    second = f"r{of},2026-03-03T09:00:00Z,Mobile app notification,,true,MFA completed in Azure AD,Multifactor authentication"
    late = tmp_path / "late.csv"
    late.write_bytes(table(DETAILS, second))
    Ward(whole).collect(late)
    after = stitched(whole, state)
    assert after == stitched(whole, tmp_path / "anew")
    assert len(before) == len(after)
    again = [{path: path.stat().st_mtime_ns for path in folder.iterdir()} for folder in folders]
    assert [then == now for then, now in zip(asked, again, strict=True)] == [of != 1, of != 2]
