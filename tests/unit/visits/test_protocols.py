"""By what a network logon came, as what was done in its session tells."""

from __future__ import annotations

import pytest

from countersign.visits import stitch
from story import Claims, Story

SVCHOST, EXCEL = r"C:\Windows\System32\svchost.exe", r"C:\Office16\EXCEL.EXE"
SHELL = r"C:\Windows\System32\wsmprovhost.exe"


def came_by(path: str, command: str, parent: str, *, logon: int = 3, share: bool = False) -> str:
    """The protocol of a visit's one hop, in whose session a process of `path` was started by `parent`."""
    story = Story()
    story.logon(10, "SRV1", "jdoe", "0x200", logon, "203.0.113.9")
    session = {"actor__session__uid": "0x200", "actor__user__name": "jdoe"}
    if share:
        story.windows(11, "SRV1", 5140, 4006, share=r"\\*\C$", **session)
    story.windows(
        12,
        "SRV1",
        4688,
        1007,
        process__path=path,
        process__cmd_line=command,
        process__parent_process__path=parent,
        **session,
    )
    (visit,) = stitch(story.table(), Claims({"jdoe": "Jane Doe"}), lambda _: 7)
    (hop,) = visit.hops
    return hop.protocol


@pytest.mark.parametrize(
    ("path", "command"),
    [
        (EXCEL, rf'"{EXCEL}" /automation -Embedding'),
        (EXCEL, ""),  # command lines are not logged
        (r"C:\Windows\System32\mmc.exe", "mmc.exe -Embedding"),
        (r"C:\Vendor\server.exe", "server.exe -embedding"),
    ],
)
def test_an_objects_server_that_a_svchost_starts_in_a_network_logon_tells_of_dcom(
    path: str, command: str
) -> None:
    assert came_by(path, command, SVCHOST) == "dcom"
    assert came_by(path, command, SVCHOST, share=True) == "dcom"


@pytest.mark.parametrize(
    ("path", "command", "parent", "protocol"),
    [
        (EXCEL, f"{EXCEL} -Embedding", r"C:\Windows\explorer.exe", "network"),
        (EXCEL, f"{EXCEL} book-embedding.xlsx", r"C:\Windows\explorer.exe", "network"),
        (r"C:\Windows\System32\cmd.exe", "cmd.exe /c x-embedding", SVCHOST, "network"),
        (SHELL, f"{SHELL} -Embedding", SVCHOST, "winrm"),
        (r"C:\Windows\System32\wbem\WmiPrvSE.exe", "wmiprvse.exe -Embedding", SVCHOST, "wmi"),
    ],
)
def test_what_is_no_object_made_from_afar_is_not_called_so(
    path: str, command: str, parent: str, protocol: str
) -> None:
    assert came_by(path, command, parent) == protocol


def test_an_object_that_somebody_at_a_desktop_makes_is_no_hop_by_dcom() -> None:
    assert came_by(EXCEL, f"{EXCEL} -Embedding", SVCHOST, logon=10) == "rdp"
