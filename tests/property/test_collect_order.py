"""Neither the order of files, nor how records are cut into files or runs, changes the id of any event."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from collecting import Ward, syslog
from countersign.app.workspace import Workspace

ZEEK = (
    b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    b"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n"
    b"#types\ttime\tstring\taddr\tport\taddr\tport\tenum\n"
)
ROWS = {
    "syslog": (b"", syslog(range(40)).splitlines(keepends=True)),
    "zeek": (
        ZEEK,
        [b"15%08d.5\tC%d\t10.0.0.1\t%d\t10.0.0.2\t22\ttcp\n" % (n, n, 1024 + n) for n in range(40)],
    ),
    "windows": (
        b"",
        [
            orjson.dumps(
                {
                    "Channel": "Security",
                    "EventID": 4624,
                    "EventRecordID": n,
                    "Hostname": "HOST-A",
                    "@timestamp": f"2026-03-02T10:00:{n:02}.000Z",
                    "EventTime": f"2026-03-02 10:00:{n:02}",
                    "TargetUserName": f"user{n % 5}",
                    "LogonType": 3,
                }
            )
            + b"\n"
            for n in range(40)
        ],
    ),
}
"""Header and records of each family; all records differ."""


def ids_of(runs: Sequence[Sequence[bytes]]) -> list[str]:
    """The ids in a fresh lake after collecting these files, run by run."""
    with tempfile.TemporaryDirectory() as folder:
        ward = Ward(Workspace.create(Path(folder) / "ward"))
        for number, files in enumerate(runs):
            logs = Path(folder) / f"logs{number}"
            logs.mkdir()
            for index, content in enumerate(files):
                (logs / f"{index:03}.log").write_bytes(content)
            ward.collect(logs)
        ward.sound()
        return ward.ids()


def cut(header: bytes, rows: Sequence[bytes], stops: Sequence[int]) -> list[bytes]:
    """`rows` cut into files at `stops`, the header repeated."""
    edges = [0, *sorted({stop for stop in stops if 0 < stop < len(rows)}), len(rows)]
    return [header + b"".join(rows[a:b]) for a, b in pairwise(edges) if b > a]


@settings(max_examples=12)
@given(
    family=st.sampled_from(sorted(ROWS)),
    picks=st.lists(st.integers(0, 39), min_size=1, max_size=60),
    stops=st.lists(st.integers(0, 60), max_size=5),
    data=st.data(),
)
def test_order_and_cutting_change_no_id(
    family: str, picks: list[int], stops: list[int], data: st.DataObject
) -> None:
    header, all_rows = ROWS[family]
    rows = [all_rows[pick] for pick in picks]
    whole = ids_of([[header + b"".join(rows)]])
    assert len(whole) == len(set(picks))
    files = data.draw(st.permutations(cut(header, rows, stops)))
    split = data.draw(st.integers(0, len(files)))
    runs = [run for run in (files[:split], files[split:]) if run]
    assert ids_of(runs) == whole
