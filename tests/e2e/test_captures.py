"""What the product is for, on real logs: the captures of others, with one of their accounts declared a provider's."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from countersign.app.collect import collect
from countersign.app.evidence import verify
from countersign.app.results import Results
from countersign.app.review import review
from countersign.app.workspace import Workspace

AGREEMENT = """\
version: 1
provider: {{id: shire, name: The Shire}}
identities:
  - name: P. Gustavo
    accounts: ['{account}']
"""


@pytest.fixture
def ward(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ward")


def declare(ward: Workspace, account: str) -> None:
    (ward.agreements / "shire.yaml").write_text(AGREEMENT.format(account=account), "utf-8")


def one(shared_data: Path, pattern: str) -> Path:
    (found,) = shared_data.joinpath("windows-json").glob(pattern)
    return found


def stay(ward: Workspace, path: Path, account: str, target: str) -> dict[str, Any]:
    """The one visit that has a hop to `target`."""
    declare(ward, account)
    collect(ward, [path], workers=1)
    review(ward)
    (visit,) = [
        visit
        for visit in Results.open(ward).visits()
        if any(hop["target"].startswith(target) and hop["source"] for hop in visit["hops"])
    ]
    return visit


@pytest.mark.parametrize(
    ("pattern", "protocol", "kind"),
    [
        ("covenant_sharpsc_create*.zip", "scm", "proven"),
        ("empire_smbexec*.zip", "scm", "proven"),  # as PsExec does: a service made over the pipe svcctl
        ("covenant_sharpwmi*.zip", "wmi", "proven"),
        ("empire_wmic*.zip", "wmi", "proven"),
        ("empire_psremoting*.zip", "winrm", "inferred"),
        ("covenant_dcom_registerxll.zip", "dcom", "proven"),
        ("schtask_modification.zip", "task", "proven"),
        ("covenant_copy_smb*.zip", "smb", "proven"),
    ],
)
def test_lateral_movement_is_one_visit_with_the_right_hop(
    ward: Workspace, shared_data: Path, pattern: str, protocol: str, kind: str
) -> None:
    visit = stay(ward, one(shared_data, pattern), r"THESHIRE\pgustavo", "WORKSTATION6")
    (hop,) = [hop for hop in visit["hops"] if hop["target"] == "WORKSTATION6"]
    assert (hop["source"], hop["protocol"], hop["link"]["kind"]) == ("WORKSTATION5", protocol, kind)
    assert "WORKSTATION5" in hop["link"]["reason"] or "172.18.39.5" in hop["link"]["reason"]
    assert hop["account"] == r"THESHIRE\pgustavo"
    root = next(found for found in visit["hops"] if found["id"] == hop["parent"])
    assert (root["target"], root["start"]) == ("WORKSTATION5", None)
    assert all(reference["leaf"] is not None for reference in hop["records"])


def test_remoting_is_found_in_another_domain_too(ward: Workspace, shared_data: Path) -> None:
    visit = stay(ward, one(shared_data, "covenant_psremoting*.zip"), r"SHIRE\pgustavo", "HR001")
    (hop,) = [hop for hop in visit["hops"] if hop["target"] == "HR001"]
    assert (hop["protocol"], hop["link"]["kind"]) == ("winrm", "inferred")


def test_an_ordinary_workstation_raises_nothing_high(ward: Workspace, shared_data: Path) -> None:
    path = shared_data / "evtx" / "win10-workstation-benign.zip"
    declare(ward, interactive_user(ward, path))
    collect(ward, [path])
    review(ward, everything=True)
    results = Results.open(ward)
    assert results.visits(), "the declared user was there"
    loud = [body["title"] for body in results.findings() if body["severity"] in {"high", "critical"}]
    assert loud == []


def interactive_user(ward: Workspace, path: Path) -> str:
    """Whoever logs on at the console most."""
    collect(ward, [path])
    events = Results.open(ward).lake.table("events")
    logons = events.filter((events.metadata.event_code == "4624") & events.logon_type_id.isin([2, 7, 11]))
    users = logons.select(user=logons["user"]).to_pyarrow().column("user").to_pylist()
    names = [{"name": user["name"], "domain": user["domain"]} for user in users]
    people = [
        row for row in names if row["domain"] not in {"Window Manager", "Font Driver Host", "NT AUTHORITY"}
    ]
    best = max(people, key=people.count)
    return f"{best['domain']}\\{best['name']}"


def test_everything_shared_is_read_and_a_second_run_adds_nothing(ward: Workspace, shared_data: Path) -> None:
    paths = [shared_data / name for name in ("zeek", "syslog")]
    paths += [one(shared_data, "covenant_copy_smb*.zip"), shared_data / "evtx" / "evtx-to-mitre-attack.zip"]
    first = collect(ward, paths)
    assert first.records > 15_000
    assert first.rejected <= first.records / 1000
    again = collect(ward, paths)
    assert (again.records, again.new_events, again.segments) == (0, 0, 0)


def test_any_changed_byte_is_found_and_its_segment_named(ward: Workspace, shared_data: Path) -> None:
    collect(ward, [one(shared_data, "covenant_copy_smb*.zip")], workers=1)
    assert verify(ward).sound
    (file,) = list(ward.archive.rglob("*.zst"))
    whole = file.read_bytes()
    for place in (0, 5, 41, len(whole) // 2, len(whole) - 1):
        changed = bytearray(whole)
        changed[place] ^= 0x10
        file.chmod(0o600)
        file.write_bytes(bytes(changed))
        outcome = verify(ward)
        assert not outcome.sound
        assert any(file.name.removesuffix(".zst") in problem for problem in outcome.problems)
    file.write_bytes(whole)
    assert verify(ward).sound


def test_order_and_splitting_of_files_change_no_id(tmp_path: Path, shared_data: Path) -> None:
    with zipfile.ZipFile(one(shared_data, "covenant_sharpsc_create*.zip")) as archive:
        lines = archive.read(archive.namelist()[0]).splitlines(keepends=True)
    whole = tmp_path / "whole.json"
    whole.write_bytes(b"".join(lines))
    parts = []
    for number, start in enumerate(range(0, len(lines), 700)):
        part = tmp_path / f"part{9 - number}.json"
        part.write_bytes(b"".join(lines[start : start + 700]))
        parts.append(part)

    def ids(name: str, batches: list[list[Path]]) -> tuple[list[str], list[str], list[str]]:
        ward = Workspace.create(tmp_path / name)
        declare(ward, r"THESHIRE\pgustavo")
        for batch in batches:
            collect(ward, batch, workers=1)
            review(ward)
        results = Results.open(ward)
        events = results.lake.table("events").id.to_pyarrow().to_pylist()
        visits = [visit["id"] for visit in results.visits()]
        hops = [hop["id"] for visit in results.visits() for hop in visit["hops"]]
        return sorted(events), sorted(visits + hops), sorted(body["id"] for body in results.findings())

    expected = ids("a", [[whole]])
    assert ids("b", [parts]) == expected
    assert ids("c", [[part] for part in reversed(parts)]) == expected
