"""Everything that fires on the logs of a machine on which nothing bad happened: all rules of SigmaHQ and our own.

    python bench/benign.py [LOGS.zip [RULES...]]

Prints the table of docs/rules.md. The logs are EVTX files in a zip, the rules files, folders or zips; without arguments those of
../shared/data. A test holds how long the table may get, and that the documentation has it.
"""

from __future__ import annotations

import io
import sys
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from evtx import PyEvtxParser

from countersign.model.batch import ParseContext
from countersign.rules import RuleSet, compile_rules, correlations, load_rules
from countersign.rules.hits import base_hits
from countersign.sources import evtx

DATA = Path(__file__).parents[2] / "shared" / "data"
LOGS = DATA / "evtx" / "win10-workstation-benign.zip"
SIGMA = DATA / "sigma" / "sigma-rules.zip"
OWN = Path(__file__).parents[1] / "src" / "countersign" / "content" / "rules"
LEVELS = ("critical", "high", "medium", "low", "informational")
WHAT: Mapping[str, str] = {
    "0badd08f-c6a3-4630-90d3-6875cca440be": "the user, and the system's display accounts, log off",
    "289dfa9e-e378-4a56-a9d4-7ed5ee218029": "Windows and its store install and update the apps they bring",
    "bafd07c6-3ea5-454a-b4be-058fbb073de7": "the session manager (smss.exe) starts a copy of itself for each session",
    "66b6be3d-55d0-4f47-9855-d69df21740ea": "setting up Windows makes its own accounts and the first user's",
    "c43c26be-2e87-46c7-8661-284588c5a53e": "each of these accounts is put into the group None, as every local account is",
    "02c39d30-02b5-45d2-b435-8aebfe5a8629": "the account of the setup is deleted, and leaves that group",
    "acfa2210-0d71-4eeb-b477-afab494d596c": "the network list service ended with an error, once",
}
"""What the hits on `LOGS` are, by rule; who runs this on other logs finds out for himself."""


def read(path: Path) -> pa.Table:
    """The events of all EVTX files in a zip."""
    now = datetime.now(UTC)
    context = ParseContext("0" * 64, now, now)
    tables = []
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if name.lower().endswith(".evtx"):
                parser = PyEvtxParser(io.BytesIO(archive.read(name)))
                records = [one["data"].encode() for one in parser.records_json() if one is not None]
                tables.append(evtx.parse(records, context).events)
    return pa.concat_tables(tables, promote_options="default")


def fired(rules: RuleSet, events: pa.Table) -> tuple[int, list[tuple[str, str, int, str]]]:
    """How many rules ran; and level, title, number of hits, and what they are, of each rule and correlation that says
    something, the gravest first."""
    compiled = compile_rules(rules)
    hits = base_hits(compiled, events)
    active = {
        rule.id
        for rule, status in zip(compiled.rules, compiled.status, strict=True)
        if status.state == "active"
    }
    unspoken = correlations.silent(rules, active)
    counted = Counter(hits["rule_id"].to_pylist())
    counted.update(correlations.correlate(hits, rules)["rule_id"].to_pylist())
    rows = [
        (rule.level, rule.title, counted[rule.id], WHAT.get(rule.id, ""))
        for rule in rules.rules
        if counted[rule.id] and rule.id not in unspoken
    ]
    rows.sort(key=lambda row: (LEVELS.index(row[0]) if row[0] in LEVELS else 0, -row[2], row[1]))
    return len(active), rows


def page(events: int, rows: Sequence[tuple[str, str, int, str]]) -> str:
    """The table, as the documentation has it."""
    lines = [
        f"{events:,} events, {len(rows)} rules fire.",
        "",
        "| level | rule | hits | what it is |",
        "|---|---|---|---|",
        *(f"| {level} | {title} | {count:,} | {what} |" for level, title, count, what in rows),
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    logs = Path(arguments[0]) if arguments else LOGS
    paths = [Path(name) for name in arguments[1:]] or [SIGMA]
    missing = [path for path in (logs, *paths) if not path.exists()]
    if missing:
        print(f"skipped: needs {', '.join(map(str, missing))}")
        return 0
    rules = load_rules([*paths, OWN])
    events = read(logs)
    active, rows = fired(rules, events)
    print(f"{active:,} rules ran.\n")
    print(page(events.num_rows, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
