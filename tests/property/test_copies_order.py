"""Of a sign-in that the portal's CSV and a richer form tell, the richer one is what is left, whichever was collected first."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from collecting import Ward
from countersign.app.workspace import Workspace

HEADER = "Date (UTC),Request ID,User,Username,Application,IP address,Status,Sign-in error code\n"
MOMENT = "2026-11-20T09:{:02}:12"
Told = dict[str, tuple[str, str | None]]
"""By request: the form that tells of it, and the device."""


def request(number: int) -> str:
    return f"10000000-0000-4000-8000-{number:012}"


def portal(numbers: Sequence[int]) -> bytes:
    rows = (
        f"{MOMENT.format(number)}Z,{request(number)},Alice Ward,alice@hospital.example,Azure Portal,198.51.100.20,Success,0\n"
        for number in numbers
    )
    return (HEADER + "".join(rows)).encode()


def graph(numbers: Sequence[int]) -> bytes:
    return b"".join(
        orjson.dumps(
            {
                "id": request(number),
                "createdDateTime": f"{MOMENT.format(number)}.3456789Z",
                "userPrincipalName": "alice@hospital.example",
                "appId": "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
                "ipAddress": "198.51.100.20",
                "status": {"errorCode": 0},
                "deviceDetail": {"deviceId": "d1", "displayName": "WARD-LT-07"},
            }
        )
        + b"\n"
        for number in numbers
    )


def told(runs: Sequence[Sequence[bytes]]) -> Told:
    """What a fresh lake tells after collecting these files, run by run."""
    with tempfile.TemporaryDirectory() as folder:
        ward = Ward(Workspace.create(Path(folder) / "ward"))
        for number, files in enumerate(runs):
            logs = Path(folder) / f"logs{number}"
            logs.mkdir()
            for index, content in enumerate(files):
                (logs / f"{index}.log").write_bytes(content)
            ward.collect(logs)
        ward.sound()
        rows = ward.events("source", "api.request.uid", "src_endpoint.name").to_pylist()
        found = {row["api.request.uid"]: (row["source"], row["src_endpoint.name"]) for row in rows}
        assert len(found) == len(rows)
        return found


numbers = st.lists(st.integers(0, 9), min_size=1, max_size=6, unique=True)


@settings(max_examples=12, deadline=None)
@given(poor=st.lists(numbers, min_size=1, max_size=2), rich=numbers, data=st.data())
def test_the_richer_form_is_left_in_any_order(
    poor: list[list[int]], rich: list[int], data: st.DataObject
) -> None:
    files = data.draw(st.permutations([*map(portal, poor), graph(rich)]))
    split = data.draw(st.integers(0, len(files)))
    expected: Told = {request(number): ("entra.signin_csv", None) for part in poor for number in part}
    expected |= {request(number): ("entra.signin", "WARD-LT-07") for number in rich}
    assert told([run for run in (files[:split], files[split:]) if run]) == expected


def test_the_poorer_form_first_and_last() -> None:
    expected = {request(n): ("entra.signin", "WARD-LT-07") for n in (1, 2)}
    expected_all = expected | {request(3): ("entra.signin_csv", None)}
    assert told([[portal([1, 2, 3])], [graph([1, 2])]]) == expected_all
    assert told([[graph([1, 2])], [portal([1, 2, 3])]]) == expected_all
    assert told([[graph([1, 2]), portal([1, 2])]]) == expected
