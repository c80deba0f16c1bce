"""A poorer copy that gives way leaves nothing behind in what a review made of it."""

from __future__ import annotations

from pathlib import Path

import orjson

from collecting import Ward
from countersign.app import copies
from countersign.app.review import review
from countersign.app.workspace import Workspace
from detecting import lay

REQUEST = "10000000-0000-4000-8000-{:012}"
HEADER = "Date (UTC),Request ID,Username,Application,IP address,Status,Sign-in error code,User agent\n"
AGENT = "AADInternals"
RULE = f"""\
title: Sign-in by a tool
id: 00000000-0000-4000-8000-000000000001
logsource: {{product: azure, service: signinlogs}}
detection:
  selection:
    properties.userAgent|contains: '{AGENT}'
  condition: selection
level: high
"""


def portal() -> bytes:
    rows = (
        f"2026-11-20T09:00:{n:02}Z,{REQUEST.format(n)},ann@hospital.example,Portal,198.51.100.20,Success,0,{AGENT}\n"
        for n in range(5)
    )
    return (HEADER + "".join(rows)).encode()


def graph() -> bytes:
    return b"".join(
        orjson.dumps(
            {
                "id": REQUEST.format(n),
                "createdDateTime": f"2026-11-20T09:00:{n:02}.25Z",
                "userPrincipalName": "ann@hospital.example",
                "appId": "app",
                "ipAddress": "198.51.100.20",
                "status": {"errorCode": 0},
                "userAgent": AGENT,
            }
        )
        + b"\n"
        for n in range(5)
    )


def made(workspace: Workspace) -> dict[str, list[str]]:
    with workspace.reading() as lake:
        return {name: sorted(lake.read(name)["id"].to_pylist()) for name in ("hits", "visits", "findings")}


def test_a_review_forgets_what_it_made_of_the_poorer_copy(ward: Ward, logs: Path, tmp_path: Path) -> None:
    lay(ward.workspace, "tool.yml", RULE)
    (logs / "portal.csv").write_bytes(portal())
    ward.collect(logs)
    review(ward.workspace)
    before = made(ward.workspace)
    (logs / "graph.json").write_bytes(graph())
    ward.collect(logs)
    review(ward.workspace)
    ward.sound()
    other = Ward(Workspace.create(tmp_path / "other"))
    lay(other.workspace, "tool.yml", RULE)
    other.collect(logs / "graph.json")
    review(other.workspace)
    assert made(ward.workspace) == made(other.workspace)
    assert ward.ids() == other.ids()
    assert before["hits"]
    assert set(before["hits"]).isdisjoint(made(ward.workspace)["hits"])


def test_where_nothing_gives_way_nothing_is_touched(ward: Ward, logs: Path) -> None:
    (logs / "portal.csv").write_bytes(portal())
    ward.collect(logs)
    with ward.workspace.writing() as lake:
        assert copies.settle(ward.workspace, lake) == 0
    assert len(ward.ids()) == 5
