from __future__ import annotations

import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from countersign.range.writers.windows import CHANNELS, EVENTS
from range_made import Made, reference, small

ENOUGH = 20
"""Records of an event from which on its fields are compared."""
NEWER = {
    # Sysmon 13 and later add the account to these; the captures are older
    10: {"SourceUser", "TargetUser"},
    11: {"User"},
    5: {"User"},
}
SHIPPED = frozenset((
    "@timestamp", "@version", "Category", "Channel", "EventID", "EventReceivedTime", "EventTime", "EventType", "EventTypeOrignal",
    "ExecutionProcessID", "Hostname", "Keywords", "Level", "Message", "Opcode", "OpcodeValue", "Provider", "ProviderGuid",
    "RecordNumber", "Severity", "SeverityValue", "SourceModuleName", "SourceModuleType", "SourceName", "Task", "ThreadID",
    "TimeCreated", "UserID", "AccountName", "AccountType", "Domain", "Version", "host", "port", "tags",
))  # fmt: skip
"""What the captures' shippers (NXLog, Logstash, Winlogbeat) say of any event: the head of the record, not its data."""
NEAR = 0.08
"""How far a range's share of empty addresses may be from the captures'."""
Addresses = dict[tuple[str, str], list[str]]
"""Addresses of logons, by package and kind."""
NEARLY_ALL = 0.95
"""The share of an event's real records from which on a field belongs to it."""


def captured(shared_data: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each event of the captures, with its capture's name."""
    for path in sorted((shared_data / "windows-json").glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for line in archive.read(archive.namelist()[0]).splitlines():
                if line.strip():
                    yield path.stem, orjson.loads(line)


def test_events_have_the_fields_that_real_ones_have(shared_data: Path) -> None:
    seen: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    total: Counter[tuple[str, int]] = Counter()
    for _, row in captured(shared_data):
        key = str(row.get("Channel", "")).lower(), int(row.get("EventID", 0))
        total[key] += 1
        seen[key].update(row.keys())
    compared = 0
    for name, event in EVENTS.items():
        key = CHANNELS[event.channel].lower(), event.id
        if total[key] < ENOUGH:
            continue
        real = {field for field, count in seen[key].items() if count >= 0.05 * total[key]}
        ours = set(event.fields) - (NEWER.get(event.id, set()) if name.startswith("s") else set())
        assert ours <= real, (name, ours - real)
        always = {field for field, count in seen[key].items() if count >= NEARLY_ALL * total[key]}
        lacking = always - set(event.fields) - SHIPPED
        assert not lacking, (name, lacking)
        compared += 1
    assert compared >= 12


def kind_of(account: str) -> str:
    """Whose a logon is: a machine's, nobody's, or a person's."""
    return "machine" if account.endswith("$") else "nobody" if account == "ANONYMOUS LOGON" else "person"


def test_logons_carry_guids_as_real_ones_do(shared_data: Path) -> None:
    zero: Counter[tuple[str, bool]] = Counter()
    for _, row in captured(shared_data):
        if row.get("EventID") == 4624 and str(row.get("Channel", "")).lower() == "security":
            nothing = str(row["LogonGuid"]).strip("{}").startswith("00000000-0000")
            zero[row["AuthenticationPackageName"], nothing] += 1
    # what the writers take for granted: NTLM and local logons have none, Kerberos logons have one
    assert not zero["NTLM", False]
    assert zero["Kerberos", False] > 9 * zero["Kerberos", True]


def real_logons(shared_data: Path) -> Addresses:
    """The addresses of logons over the network, as the captures tell them. One capture mixes ways on."""
    found: Addresses = defaultdict(list)
    for capture, row in captured(shared_data):
        if row.get("EventID") == 4624 and str(row.get("LogonType")) == "3":
            kind = kind_of(str(row["TargetUserName"]))
            if kind == "person":
                kind = "mixed" if "playbook" in capture else "winrm" if "psremoting" in capture else "other"
            found[row["AuthenticationPackageName"], kind].append(row["IpAddress"])
    return found


def our_logons(made: Made) -> Addresses:
    """The same of a range; the truth tells which are WinRM."""
    hops = [hop for name in ("visits", "staff") for visit in made.truth(name) for hop in visit["hops"]]
    winrm = {reference(record) for hop in hops if hop["protocol"] == "winrm" for record in hop["records"]}
    found: Addresses = defaultdict(list)
    for row in made.windows:
        data = row["data"]
        if row["event"] == 4624 and int(data["LogonType"]) == 3:
            kind = kind_of(data["TargetUserName"])
            if kind == "person":
                named = f"{row['computer']}/{row['channel']}/{row['record']}"
                kind = "winrm" if named in winrm else "other"
            found[data["AuthenticationPackageName"], kind].append(data["IpAddress"])
    return found


def empty(addresses: list[str]) -> float:
    """The share of those that tell none."""
    assert len(addresses) > 2
    return sum(address == "-" for address in addresses) / len(addresses)


def test_logons_lack_addresses_as_often_as_real_ones_do(shared_data: Path, tmp_path: Path) -> None:
    """By package, whose account it is and, of people, whether it was WinRM."""
    real, ours = real_logons(shared_data), our_logons(small(tmp_path / "small"))
    people = [one for kind in ("winrm", "other", "mixed") for one in real["Kerberos", kind]]
    assert empty(people) == pytest.approx(18 / 49)
    assert empty(real["Kerberos", "winrm"]) == 1
    assert empty(real["Kerberos", "machine"]) == pytest.approx(64 / 187)
    for kind in ("winrm", "other", "machine"):
        assert empty(ours["Kerberos", kind]) == pytest.approx(empty(real["Kerberos", kind]), abs=NEAR), kind
    assert empty(real["NTLM", "other"]) == 0
    assert empty(ours["NTLM", "other"]) < NEAR
