from __future__ import annotations

import hashlib
import re
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from countersign.agreements import load_agreement
from countersign.range.spec import DirtSpec
from range_made import Made, digests, reference, small, text

CLEAN = DirtSpec(
    lost=0,
    late=0,
    doubled=0,
    logoffs=0,
    zero_guids=0,
    empty_addresses=0,
    empty_winrm=0,
    empty_machines=0,
    clocks=0,
    silent=0,
    sysmon=1,
    audit=1,
    wrong_zones=0,
)


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return small(tmp_path_factory.mktemp("small") / "dirty")


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return small(tmp_path_factory.mktemp("small") / "clean", dirt=CLEAN, days=2)


def test_same_seed_same_bytes_in_any_number_of_processes(estate: Made, tmp_path: Path) -> None:
    again = small(tmp_path / "again", processes=2)
    assert digests(again.root) == digests(estate.root)
    assert again.summary == estate.summary


def test_other_seed_other_bytes(clean: Made, tmp_path: Path) -> None:
    other = small(tmp_path / "other", seed=6, dirt=CLEAN, days=2)
    mine, theirs = digests(clean.root), digests(other.root)
    same = {
        name for name in mine.keys() & theirs.keys() if mine[name] == theirs[name] and "/Made" not in name
    }
    assert not {name for name in same if not name.startswith(("truth", "agreements"))}


def test_every_kind_of_log_is_there(estate: Made) -> None:
    assert set(estate.summary.records) == {
        "agents",
        "bastion",
        "vault",
        "okta",
        "radius",
        "support",
        "windows",
        "linux",
        "zeek",
        "gateways",
        "entra",
        "m365",
        "cloudtrail",
    }
    assert set(estate.summary.visits) == {"northgate", "medisoft", "skyline", "lakeside"}
    assert {row["shape"] for row in estate.windows} == {"nested", "ecs", "flat"}
    assert sum(1 for _ in estate.lines("windows/**/*.jsonl*")) == estate.summary.records["windows"]
    for name in ("northgate", "medisoft", "skyline", "lakeside"):
        assert load_agreement(estate.root / "agreements" / f"{name}.yaml").provider.id == name


def test_truth_names_records_that_are_there_and_none_that_were_lost(estate: Made) -> None:
    kept = lost = 0
    for visit in [*estate.truth(), *estate.truth("staff")]:
        for hop in visit["hops"]:
            for record in hop["records"]:
                assert reference(record) in estate.references, (hop["protocol"], record)
                kept += 1
            for record in hop["lost"]:
                # a connection's uid stands in other lines too, of the same log even
                assert record["log"] == "zeek" or reference(record) not in estate.references
                lost += 1
    assert 0.003 < lost / (lost + kept) < 0.03


def test_visits_have_the_schema_of_the_json_contract(estate: Made) -> None:
    for visit in estate.truth():
        ids = [hop["id"] for hop in visit["hops"]]
        assert visit["entry"] == visit["id"] == ids[0]
        assert len(set(ids)) == len(ids)
        assert visit["start"] <= visit["end"]
        for hop in visit["hops"]:
            assert {
                "id", "parent", "account", "source", "source_ip", "target", "protocol", "start", "end", "link", "seen_by",
                "expected_by", "credential_switch", "session", "mfa", "gateway", "records", "actions",
            } <= hop.keys()  # fmt: skip
            assert (hop["parent"] is None) == (hop["id"] == ids[0])
            assert hop["parent"] is None or ids.index(hop["parent"]) < ids.index(hop["id"])
            assert visit["start"] <= hop["start"] <= hop["end"] <= visit["end"]
            assert set(hop["seen_by"]) <= set(hop["expected_by"])
    assert len(estate.truth("hops")) == sum(len(visit["hops"]) for visit in estate.truth())
    assert estate.summary.hops == len(estate.truth("hops"))


def test_a_windows_hop_is_told_with_its_account_and_source(clean: Made) -> None:
    rows = {f"{r['computer']}/{r['channel']}/{r['record']}": r for r in clean.windows}
    seen = 0
    for hop in clean.truth("hops"):
        logons = [rows[reference(r)] for r in hop["records"] if r["log"] == "windows"]
        logons = [row for row in logons if row["event"] == 4624 and row["computer"].startswith(hop["target"])]
        if hop["protocol"] == "ssh" or not logons:
            continue
        assert {row["data"]["TargetUserName"] for row in logons} == {hop["account"].split("\\")[1]}
        assert {row["data"]["IpAddress"] for row in logons} == {hop["source_ip"]}
        seen += 1
    assert seen > 60


def test_record_ids_rise_by_one_and_time_with_them_where_nothing_is_lost(clean: Made) -> None:
    last: dict[tuple[str, str], tuple[int, str]] = {}
    for row in clean.windows:
        key = row["computer"], row["channel"]
        if key in last:
            assert row["record"] == last[key][0] + 1
            assert row["time"] >= last[key][1]
        last[key] = row["record"], row["time"]
    assert len(last) > 200


def test_logon_ids_are_given_once_and_used_between_logon_and_logoff(clean: Made) -> None:
    open_: dict[tuple[str, str], str] = {}
    for row in clean.windows:
        data, host = row["data"], row["computer"]
        if row["event"] == 4624 and data["TargetLogonId"] != "0x3e7":
            assert (host, data["TargetLogonId"]) not in open_
            open_[host, data["TargetLogonId"]] = data["TargetUserName"]
        elif row["event"] in {4634, 4647}:
            assert open_[host, data["TargetLogonId"]] == data["TargetUserName"]


def test_the_sensor_and_the_target_agree_on_ports(clean: Made) -> None:
    flows = set()
    for path in sorted(clean.root.glob("zeek/*/conn.*")):
        for line in text(path).splitlines():
            if line[:1] != b"#":
                flows.add(tuple(line.decode().split("\t")[2:4]))
    logons = [
        (row["data"]["IpAddress"], str(row["data"]["IpPort"]))
        for row in clean.windows
        if row["event"] == 4624 and str(row["data"]["LogonType"]) == "3" and row["computer"].startswith(("APP", "FILE"))
        and row["data"]["IpPort"] != "0"
    ]  # fmt: skip
    assert len(logons) > 100
    # what goes on within a site that is not the sensor's it does not see
    assert sum(logon in flows for logon in logons) / len(logons) > 0.9


def test_zeek_files_follow_their_own_headers(estate: Made) -> None:
    paths = set()
    for file in sorted(estate.root.glob("zeek/*/*.log.gz")):
        lines = text(file).decode().split("\n")
        assert lines[0] == "#separator \\x09"
        assert lines[4] == f"#path\t{file.name.partition('.')[0]}"
        names, types = lines[6].split("\t")[1:], lines[7].split("\t")[1:]
        assert len(names) == len(types)
        assert {len(line.split("\t")) for line in lines[8:-2]} == {len(names)}, file
        assert lines[-2].startswith("#close\t")
        paths.add(lines[4])
    assert len(paths) == 8


def test_dirt_is_there_in_its_measure(estate: Made) -> None:
    # doubled and late records
    counted = Counter((r["computer"], r["channel"], r["record"]) for r in estate.windows)
    doubled = sum(1 for count in counted.values() if count > 1) / len(counted)
    assert 0.003 < doubled < 0.008
    order: dict[tuple[str, str], int] = {}
    late = 0
    for row in estate.windows:
        key = row["computer"], row["channel"]
        late += row["record"] < order.get(key, 0)
        order[key] = max(order.get(key, 0), row["record"])
    assert 0.03 < late / len(estate.windows) < 0.08
    lost = sum(
        max(records) - min(records) + 1 - len(set(records))
        for records in _by_channel(estate).values()
    )  # fmt: skip
    assert 0.005 < lost / len(counted) < 0.02
    logons = {(r["computer"], r["data"]["TargetLogonId"]) for r in estate.windows if r["event"] == 4624}
    ended = {(r["computer"], r["data"]["TargetLogonId"]) for r in estate.windows if r["event"] == 4634}
    network = {one for one in logons if one[1] != "0x3e7"}
    assert 0.12 < len(network - ended) / len(network) < 0.3


def _by_channel(estate: Made) -> dict[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], list[int]] = {}
    for row in estate.windows:
        found.setdefault((row["computer"], row["channel"]), []).append(row["record"])
    return found


def test_some_hosts_are_silent_and_some_clocks_wrong(estate: Made) -> None:
    from countersign.range.building import build_estate

    made = build_estate(estate.spec, estate.seed)
    silent = [host for host in made.hosts if host.silent]
    assert 0.03 < len(silent) / len(made.hosts) < 0.2
    heard = {row["computer"] for row in estate.windows}
    assert not {host.fqdn for host in silent} & heard
    assert any(abs(host.offset) > 60_000_000 for host in made.hosts)


def test_five_people_and_a_shared_account_meet_on_the_jump_host(estate: Made) -> None:
    visits = [
        visit for visit in estate.truth() if visit["provider"] == "northgate" and visit["kind"] == "person"
    ]
    assert any("shared account" in visit["tags"] for visit in visits)
    spans = [
        (hop["start"], hop["end"]) for visit in visits for hop in visit["hops"] if hop["target"] == "JUMP01"
    ]
    most = max(sum(1 for start, end in spans if start <= moment <= end) for moment, _ in spans)
    assert most >= 3


def test_people_keep_their_hours_in_their_own_zone(estate: Made) -> None:
    from zoneinfo import ZoneInfo

    for visit in estate.truth():
        if visit["kind"] == "person" and not visit["tags"] and visit["provider"] == "skyline":
            begin = datetime.fromisoformat(visit["start"]).astimezone(ZoneInfo("Asia/Kolkata"))
            assert 9 <= begin.hour < 18


def test_cloudtrail_lies_as_s3_has_it(estate: Made) -> None:
    files = sorted(
        estate.root.glob(
            "cloud/aws/AWSLogs/*/CloudTrail/eu-west-2/2026/03/*/*_CloudTrail_eu-west-2_*.json.gz"
        )
    )
    assert files
    for file in files:
        account = file.name.partition("_")[0]
        records: list[dict[str, Any]] = orjson.loads(text(file))["Records"]
        assert {record["recipientAccountId"] for record in records} == {account}
        assert len({record["eventTime"][:13] for record in records}) == 1


def of(visit: dict[str, Any], protocol: str) -> list[dict[str, Any]]:
    return [hop for hop in visit["hops"] if hop["protocol"] == protocol]


def logs(hop: dict[str, Any]) -> set[str]:
    return {record.get("host", record["log"]) for record in hop["records"]}


def test_gateways_have_their_users_vouched_for(clean: Made) -> None:
    vouched = {
        "asa01": {"asa01", "NPS01"},
        "vpn02": {"vpn02"},
        "fgt03": {"fgt03", "entra"},
        "asa04": {"asa04", "okta"},
    }
    found = [hop for visit in clean.truth() for hop in of(visit, "vpn")]
    assert {hop["target"] for hop in found} == set(vouched)
    for hop in found:
        assert logs(hop) == vouched[hop["target"]]
        assert ("identity provider" in hop["seen_by"]) == (hop["target"] != "vpn02")


def test_the_bastion_and_the_host_tell_of_the_same_session(estate: Made) -> None:
    lent = [
        (visit, hop) for visit in estate.truth() if of(visit, "bastion") for hop in visit["hops"][1:] if hop["gateway"]
    ]  # fmt: skip
    assert lent
    for visit, hop in lent:
        assert visit["hops"][0]["protocol"] == "bastion"
        assert hop["parent"] == visit["entry"]
        vault = visit["provider"] == "lakeside"
        assert hop["source"] == ("PSM01" if vault else "bastion01")
        told = logs(hop) | {record.get("host", record["log"]) for record in hop["lost"]}
        assert ("VAULT01" if vault else "bastion") in told
    assert {visit["provider"] for visit, _ in lent} >= {"lakeside", "northgate"}


def test_a_session_through_the_vault_is_the_one_that_the_host_has(clean: Made) -> None:
    lines = [line.decode() for line in clean.lines("vault/*")]
    opened = [line for line in lines if "|300|" in line]
    closed = {field(line, "externalId") for line in lines if "|302|" in line}
    assert opened
    assert {field(line, "externalId") for line in opened} == closed
    for line in opened:
        assert field(line, "shost").startswith("203.0.113.")
        assert field(line, "dhost").endswith(".meridian.example")


def field(line: str, name: str) -> str:
    return line.partition(f" {name}=")[2].partition(" ")[0]


def named(line: str) -> list[str]:
    """The names of a CEF record's values, in their order."""
    return [word.partition("=")[0] for word in line.split("|", 7)[7].split() if "=" in word]


def keys(value: object, path: str = "") -> set[str]:
    """The paths of a document's fields; what is empty has none below it."""
    if isinstance(value, dict):
        return {path}.union(*(keys(inner, f"{path}.{name}") for name, inner in value.items()))
    return {path}.union(*(keys(inner, path) for inner in value)) if isinstance(value, list) else {path}


def test_okta_and_the_vault_write_the_fields_that_the_products_do(estate: Made) -> None:
    golden = Path(__file__).parents[2] / "golden"
    real = set[str]().union(*map(keys, orjson.loads((golden / "okta" / "api.raw").read_bytes())))
    made = [orjson.loads(line) for line in estate.lines("okta/*")]
    assert {event["eventType"] for event in made} >= {"user.session.start", "user.authentication.sso"}
    for event in made:
        assert keys(event) - {".target", ".device"} <= real
    first = (golden / "cyberark" / "vault.raw").read_text().splitlines()[0]
    names = named(first)
    for line in estate.lines("vault/*"):
        told = line.decode()
        assert named(told) == names, told


def test_agents_go_round_in_one_visit_and_run_as_the_system(clean: Made) -> None:
    rounds = [visit for visit in clean.truth() if of(visit, "ninjaone")]
    assert len(rounds) == clean.spec.days
    rows = {f"{r['computer']}/{r['channel']}/{r['record']}": r for r in clean.windows}
    for visit in rounds:
        assert visit["kind"] == "service"
        assert len({hop["target"] for hop in visit["hops"]}) == len(visit["hops"]) == 2
        events = [
            rows[reference(r)] for hop in visit["hops"] for r in hop["records"] if r["log"] == "windows"
        ]
        started = [row["data"] for row in events if row["event"] == 4688]
        assert all(data["SubjectLogonId"] == "0x3e7" for data in started)
        assert started


def test_remote_support_tells_both_ends_of_a_connection(estate: Made) -> None:
    found = [hop for visit in estate.truth() for hop in of(visit, "screenconnect")]
    assert found
    rows = [orjson.loads(line) for line in estate.lines("support/*")]
    for hop in found:
        mine = [row for row in rows if row["SessionName"] == hop["target"] and hop["account"] in row.values()]
        assert {row.get("EventType", "connection") for row in mine} & {"Connected", "connection"}
        for row in mine:
            if "DurationSeconds" in row:
                assert row["ConnectedTime"] < row["DisconnectedTime"]


def test_nobody_is_in_two_visits_and_who_is_back_within_half_an_hour_has_not_left(estate: Made) -> None:
    stays: dict[tuple[str, str], list[tuple[datetime, datetime]]] = {}
    for visit in [*estate.truth(), *estate.truth("staff")]:
        if visit["kind"] == "person":
            begun, ended = (datetime.fromisoformat(visit[key]) for key in ("start", "end"))
            stays.setdefault((visit["provider"], visit["person"]), []).append((begun, ended))
    assert sum(len(those) > 1 for those in stays.values()) > 5
    for those in stays.values():
        for (_, ended), (begun, _) in pairwise(sorted(those)):
            assert begun - ended > timedelta(minutes=30)


def test_sysmon_names_the_process_that_connects_after_it_was_started(clean: Made) -> None:
    started: dict[tuple[str, str], dict[str, Any]] = {}
    rows = [row for row in clean.windows if row["channel"].startswith("Microsoft-Windows-Sysmon")]
    own, kernel = 0, 0
    for row in sorted(rows, key=lambda row: (row["computer"], row["record"])):
        data, host = row["data"], row["computer"]
        if row["event"] == 1:
            started[host, data["ProcessGuid"]] = data
        if row["event"] != 3:
            continue
        if data["DestinationPort"] == "445":
            assert (data["Image"], data["ProcessId"], data["User"]) == ("System", "4", "NT AUTHORITY\\SYSTEM")
            kernel += 1
        elif data["Image"].endswith(("mstsc.exe", "ssh.exe", "powershell.exe", "WMIC.exe", "mmc.exe")):
            begun = started[host, data["ProcessGuid"]]
            assert (begun["Image"], begun["ProcessId"], begun["User"]) == (
                data["Image"],
                data["ProcessId"],
                data["User"],
            )
            own += 1
    assert own > 20
    assert kernel > 20
    kernels = {
        (row["computer"], row["data"]["ProcessGuid"]) for row in rows if row["data"].get("ProcessId") == "4"
    }
    assert len(kernels) == len({computer for computer, _ in kernels})


def test_a_shell_is_one_sessions(clean: Made) -> None:
    shells: dict[tuple[str, str], set[str]] = {}
    jumps = 0
    for row in clean.windows:
        if row["channel"].startswith("Microsoft-Windows-Sysmon") and row["event"] == 1:
            data = row["data"]
            if row["computer"].startswith("JUMP") and data["ParentImage"].endswith("explorer.exe"):
                shells.setdefault((row["computer"], data["ParentProcessGuid"]), set()).add(data["LogonId"])
                jumps += 1
    assert jumps > 10
    assert len(shells) > 5
    assert all(len(sessions) == 1 for sessions in shells.values())


def test_a_shell_as_another_account_is_a_hop_on_the_same_host_with_its_own_lines(clean: Made) -> None:
    lines = {
        hashlib.sha256(line).hexdigest()[:32]: line.decode() for line in clean.lines("linux/**/auth.log*")
    }
    shells = [
        (hop, visit)
        for visit in [*clean.truth(), *clean.truth("staff")]
        for hop in [*of(visit, "su"), *of(visit, "sudo")]
    ]
    assert len(shells) > 5
    for hop, visit in shells:
        (parent,) = (one for one in visit["hops"] if one["id"] == hop["parent"])
        assert hop["source"] == hop["target"] == parent["target"]
        assert (hop["source_ip"], hop["credential_switch"], hop["seen_by"]) == (None, True, ["target host"])
        told = [lines[reference(record)] for record in hop["records"]]
        assert all(re.search(r" (su|sudo)(\[\d+\])?: ", line) for line in told)
        opened = [line for line in told if f"session opened for user {hop['account']}(uid=" in line]
        assert len(opened) == len([line for line in told if f"closed for user {hop['account']}" in line]) > 0
    numbered = {line.split()[3] for line in lines.values() if re.search(r" sudo\[\d+\]: ", line)}
    plain = {line.split()[3] for line in lines.values() if " sudo: " in line}
    assert not numbered & plain


def test_no_two_logins_have_one_terminal_at_a_time(clean: Made) -> None:
    lines = {
        hashlib.sha256(line).hexdigest()[:32]: line.decode() for line in clean.lines("linux/**/auth.log*")
    }
    used: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for visit in [*clean.truth(), *clean.truth("staff")]:
        for hop in of(visit, "ssh"):
            told = [lines.get(reference(record), "") for record in hop["records"]]
            for terminal in {found[1] for line in told if (found := re.search(r"TTY=(\S+) ", line))}:
                used.setdefault((hop["target"], terminal), []).append((hop["start"], hop["end"]))
    assert len({terminal for _, terminal in used}) > 1
    for spans in used.values():
        spans.sort()
        assert all(before[1] < after[0] for before, after in pairwise(spans))
