"""Every step of an attack, played without being written: its techniques are the documented ones, its records are there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from countersign.range import RangeSpec, load_spec
from countersign.range.attacks.overlay import planned
from countersign.range.attacks.scenario import Scenario
from countersign.range.attacks.steps import STEPS
from countersign.range.building import build_estate
from countersign.range.plan.everyday import Everyday
from countersign.range.plan.places import BY_WAY
from countersign.range.plan.visits import Planner
from countersign.range.spec import DirtSpec
from countersign.range.truth import Found, TrueVisit, written
from range_made import CONTENT

AT_A_DESKTOP = [
    "look_around", "work_as_usual", "psexec", "wmi", "winrm", "ssh", "schedule_task", "create_service", "map_admin_share",
    "dump_credentials", "kerberoast", "dcsync", "dump_directory", "add_account", "stage_archive", "copy_out", "beacon",
    "forward_port", "install_remote_tool", "stop_sensor", "remove_backups", "encrypt", "clear_log", "wait",
]  # fmt: skip
CAMPAIGNS = {
    "host": ["login_vpn", "rdp", *AT_A_DESKTOP, "switch_credential"],
    "again": ["login_vpn", "rdp", "switch_credential", "return_after_cleanup", "rdp", "look_around", "switch_credential"],
    "tenant": [
        "login_partner", "consent_app", "add_credential", "reset_mfa", "register_device", "add_role", "add_federation",
        "mailbox_rule", "read_mail",
    ],
    "account": ["assume_role", "create_access_key", "share_snapshot", "stop_trail", "read_secrets"],
    "lent": ["login_bastion", "look_around"],
    "support": ["login_support", "look_around"],
}  # fmt: skip
SEEN = DirtSpec(silent=0, sysmon=1, audit=1, lost=0, late=0, doubled=0)
UNSEEN = {"copy_out"}
"""With the highest care a file goes over the desktop's own connection, which says so nowhere."""
Action = dict[str, Any]


def played(care: int, number: int, dirt: DirtSpec) -> Iterator[Action]:
    spec = load_spec(CONTENT / "ranges" / "small.yaml")
    assert isinstance(spec, RangeSpec)
    estate = build_estate(spec.model_copy(update={"dirt": dirt, "hosts": 60}), 5)
    known = {host.fqdn: host.name for host in estate.hosts}
    for name, steps in CAMPAIGNS.items():
        scenario = Scenario(
            version=1, name=name, title=name, reports=("none",), objective="none",
            steps=tuple({"do": step} for step in steps),
        )  # fmt: skip
        more, _, _, _ = planned(estate, scenario, care, number)
        planner = Planner(estate, Everyday(estate).layout)
        found: Found = defaultdict(list)
        visits: list[TrueVisit] = []
        # what began late in the evening is told of on the next day
        for day in range(min(more), estate.spec.days):
            told, begun = planner.day(estate.calendar.day(day), more.get(day))
            visits += [visit for visit in begun if visit.malicious]
            for stream, records in told.items():
                for count, record in enumerate(records):
                    if record.ref is not None:
                        reference = {"log": "line", "host": "here", "sha256": f"{day}-{stream}-{count}"}
                        found[record.ref.visit, record.ref.hop].append((record.ref.step, True, reference))
        for visit in visits:
            hops = written(visit, found, known)["hops"]
            yield from (action for hop in hops for action in hop["actions"] if action["step"])


@pytest.fixture(scope="module")
def actions() -> dict[int, list[Action]]:
    return {care: [a for number in range(3) for a in played(care, number, SEEN)] for care in range(4)}


def test_what_is_documented_is_what_is_written(actions: dict[int, list[Action]]) -> None:
    written_by: dict[str, set[str]] = defaultdict(set)
    for care, of_care in actions.items():
        for action in of_care:
            assert action["technique"] == action["techniques"][0]
            # on the way to another host the way is a technique too; with the highest care it is all there is
            more = set(action["techniques"]) - set(STEPS[action["step"]].techniques)
            assert more <= set(BY_WAY.values()), (care, action)
            written_by[action["step"]] |= set(action["techniques"])
    for name, step in STEPS.items():
        missing = set(step.techniques) - written_by[name]
        assert not missing, (name, missing)


def test_every_step_has_its_records(actions: dict[int, list[Action]]) -> None:
    bare = {
        (care, action["step"], action["text"])
        for care, of_care in actions.items()
        for action in of_care
        if not action["records"] and not (care == 3 and action["step"] in UNSEEN)
    }
    assert not bare


def test_a_step_has_records_where_its_host_tells_little() -> None:
    """Without Sysmon and 4688 the logon, the tunnel or the connection still tells of what came by it."""
    little = SEEN.model_copy(update={"sysmon": 0, "audit": 0})
    ways = {"wmi", "winrm", "psexec", "remove_backups", "rdp", "login_vpn", "login_partner", "login_support"}
    for care in (0, 1):
        of_ways = [action for action in played(care, 0, little) if action["step"] in ways]
        assert {action["step"] for action in of_ways} == ways
        assert all(action["records"] for action in of_ways)
