from __future__ import annotations

import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from countersign.range.writers.windows import CHANNELS, EVENTS

ENOUGH = 20
"""Records of an event from which on its fields are compared."""
NEWER = {
    # Sysmon 13 and later add the account to these; the captures are older
    10: {"SourceUser", "TargetUser"},
    11: {"User"},
    5: {"User"},
}


def captured(shared_data: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((shared_data / "windows-json").glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for line in archive.read(archive.namelist()[0]).splitlines():
                if line.strip():
                    yield orjson.loads(line)


def test_events_have_the_fields_that_real_ones_have(shared_data: Path) -> None:
    seen: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    total: Counter[tuple[str, int]] = Counter()
    for row in captured(shared_data):
        key = str(row.get("Channel", "")).lower(), row.get("EventID")
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
        compared += 1
    assert compared >= 12


def test_logons_carry_guids_and_addresses_as_real_ones_do(shared_data: Path) -> None:
    zero: Counter[tuple[str, bool]] = Counter()
    for row in captured(shared_data):
        if row.get("EventID") == 4624 and str(row.get("Channel", "")).lower() == "security":
            nothing = str(row["LogonGuid"]).strip("{}").startswith("00000000-0000")
            zero[row["AuthenticationPackageName"], nothing] += 1
    # what the writers take for granted: NTLM and local logons have none, Kerberos logons have one
    assert not zero["NTLM", False]
    assert zero["Kerberos", False] > 9 * zero["Kerberos", True]
