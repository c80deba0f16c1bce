"""Programs that read our JSON rely on docs/json.md: what it names is there, of the stated type, in every command."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from countersign.app.workspace import Workspace
from countersign.cli.commands import program
from countersign.model.visit import ACTION_KINDS, PROTOCOLS

PAGE = (Path(__file__).parents[3] / "docs" / "json.md").read_text("utf-8")
AGREEMENT = """\
version: 1
provider: {id: acme, name: ACME}
zone: Europe/London
identities:
  - name: Jane Doe
    accounts: [jdoe]
origins: [203.0.113.0/24]
grants:
  - {name: linux, who: [Jane Doe], to: [lnx*], by: [ssh], when: 'mon-fri 08:00-18:00'}
"""
LOG = """\
2026-03-02T22:00:00+00:00 lnx01 sshd[1]: Accepted publickey for jdoe from 81.2.69.142 port 4001 ssh2
2026-03-02T22:01:00.250000+00:00 lnx01 sudo:     jdoe : TTY=pts/0 ; PWD=/home/jdoe ; USER=root ; COMMAND=/usr/bin/id
2026-03-02T22:10:00+00:00 lnx01 sshd[1]: Disconnected from user jdoe 81.2.69.142 port 4001
"""
BROKEN = """\
{"Channel":"Security","EventID":4624,"EventRecordID":1,"Hostname":"SRV1","@timestamp":"2026-03-04T10:00:00.000Z","TargetUserName":"anna","LogonType":3}
{"Channel":"Security","EventID":
"""
LATER = LOG.replace("03-02T", "03-06T").replace("sshd[1]", "sshd[2]").replace("4001", "4002")


SUDO = """\
title: Somebody asks who he is
id: 00000000-0000-4000-8000-000000000001
logsource: {product: linux, service: sudo}
detection:
  selection: [/usr/bin/id]
  condition: selection
level: low
"""
EXCEPTION = "except: {rule: Somebody asks who he is, until: 2999-01-01, reason: he may, by: me}"


def text(value: Any) -> None:
    assert isinstance(value, str)


def flag(value: Any) -> None:
    assert isinstance(value, bool)


def count(value: Any) -> None:
    assert type(value) is int
    assert value >= 0


def number(value: Any) -> None:
    assert type(value) in {int, float}


def id_(value: Any) -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", value)


def digest(value: Any) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", value)


def moment(value: Any) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", value)
    assert datetime.fromisoformat(value).utcoffset() is not None


def one_of(words: str, value: Any) -> None:
    assert str(value) in words.split()


def maybe(check: Check, value: Any) -> None:
    if value is not None:
        check(value)


def or_empty(check: Check, value: Any) -> None:
    if value != "":
        check(value)


def many(check: Check, value: Any) -> None:
    assert isinstance(value, list)
    for item in value:
        check(item)


def counts(value: Any) -> None:
    assert set(value) == {"informational", "low", "medium", "high", "critical"}
    many(count, list(value.values()))


def phases(value: Any) -> None:
    assert set(value) <= {"rules", "matching", "stitching"}
    many(number, list(value.values()))


def verdict(value: Any) -> None:
    assert value in {"kept", "broken", "not observed"}


def seconds(value: Any) -> None:
    assert isinstance(value, float)


def vantage(value: Any) -> None:
    points = {"target host", "source host", "gateway", "network sensor"}
    assert value in points | {"domain controller", "identity provider"}


def shape(keys: Mapping[str, Check], value: Any) -> None:
    """`value` has at least these keys, each as stated."""
    assert isinstance(value, dict)
    assert keys.keys() <= value.keys()
    for key, check in keys.items():
        try:
            check(value[key])
        except (AssertionError, TypeError) as error:
            raise AssertionError(f"{key} is {value[key]!r}") from error


Check = Callable[[Any], None]
IDS, TEXTS = partial(many, id_), partial(many, text)
REFERENCE: dict[str, Check] = {
    "event": id_,
    "record": count,
    "segment": digest,
    "leaf": partial(maybe, count),
}
ACTION: dict[str, Check] = {
    "time": moment,
    "kind": partial(one_of, " ".join(ACTION_KINDS)),
    "text": text,
    "parent": text,
    "under": partial(maybe, id_),
    **REFERENCE,
}
CANDIDATE: dict[str, Check] = {
    **dict.fromkeys(("hop", "visit"), id_),
    **dict.fromkeys(("person", "target", "account"), text),
    "start": partial(maybe, moment),
}
LINK: dict[str, Check] = {
    "kind": partial(one_of, "entry proven inferred ambiguous"),
    "reason": text,
    "candidates": IDS,
    "between": partial(many, partial(shape, CANDIDATE)),
}
REVISION: dict[str, Check] = {"time": moment, "kind": text, "hop": id_, "text": text}
ABOUT: dict[str, Check] = {
    "country": text,
    "asn": partial(maybe, number),
    "network": text,
    "name": text,
    "groups": partial(many, text),
}
HOP: dict[str, Check] = {
    "id": id_,
    "parent": partial(maybe, id_),
    "account": text,
    "account_uid": text,
    "source": text,
    "source_ip": text,
    "target": text,
    "protocol": partial(one_of, " ".join(PROTOCOLS)),
    "start": partial(maybe, moment),
    "end": partial(maybe, moment),
    "end_reason": text,
    "link": partial(shape, LINK),
    "seen_by": partial(many, vantage),
    "expected_by": partial(many, vantage),
    "credential_switch": flag,
    "session": text,
    "mfa": partial(maybe, flag),
    "gateway": text,
    "clock_ahead": seconds,
    "bytes_in": partial(maybe, count),
    "bytes_out": partial(maybe, count),
    "bytes_left": partial(maybe, count),
    "source_about": partial(maybe, partial(shape, ABOUT)),
    "target_about": partial(maybe, partial(shape, ABOUT)),
    "records": partial(many, partial(shape, REFERENCE)),
    "actions": partial(many, partial(shape, ACTION)),
}
VERDICT: dict[str, Check] = {
    "clause": text,
    "verdict": verdict,
    "why": text,
    "records": partial(many, partial(shape, REFERENCE)),
    "missing": text,
    "hops": IDS,
}
VISIT: dict[str, Check] = {
    "id": id_,
    "provider": text,
    "person": text,
    "kind": partial(one_of, "person service"),
    "start": partial(maybe, moment),
    "end": partial(maybe, moment),
    "entry": id_,
    "hops": partial(many, partial(shape, HOP)),
    "verdicts": partial(many, partial(shape, VERDICT)),
    "findings": IDS,
    "aliases": IDS,
    "revisions": partial(many, partial(shape, REVISION)),
}
MATCHED: dict[str, Check] = {"field": text, "value": partial(maybe, text), "test": text}
ALSO: dict[str, Check] = {
    "id": id_,
    "rule_id": text,
    "kind": partial(one_of, "rule indicator"),
    "title": text,
    "severity": partial(one_of, "informational low medium high critical"),
    "count": count,
    "time": partial(maybe, moment),
    "end": partial(maybe, moment),
    "techniques": TEXTS,
    "cites": TEXTS,
    "rule_version": text,
    "rule_sha256": partial(or_empty, digest),
}
FINDING: dict[str, Check] = {
    "id": id_,
    "time": partial(maybe, moment),
    "title": text,
    "severity": partial(one_of, "informational low medium high critical"),
    "kind": partial(one_of, "clause rule correlation indicator hop source"),
    "rule_id": text,
    "provider": text,
    "visit": partial(maybe, id_),
    "hosts": TEXTS,
    "techniques": TEXTS,
    "cites": TEXTS,
    "why": text,
    "evidence": partial(many, partial(shape, REFERENCE)),
    "aliases": IDS,
    "class_uid": partial(one_of, "2003 2004"),
    "scope": partial(one_of, "provider estate"),
    "count": count,
    "end": partial(maybe, moment),
    "matched": partial(many, partial(shape, MATCHED)),
    "rule_version": text,
    "rule_sha256": partial(or_empty, digest),
    "also": partial(many, partial(shape, ALSO)),
}
FILE: dict[str, Check] = {"path": text, "status": text, "reason": text}
COLLECT: dict[str, Check] = {
    **dict.fromkeys(
        ("records", "events", "rejected", "new_events", "unrecognised", "bytes", "duplicates"), count
    ),
    **dict.fromkeys(("segments", "recovered", "bytes_stored"), count),
    "seconds": number,
    "stopped": text,
    "files": partial(many, partial(shape, FILE)),
}
REVIEW: dict[str, Check] = {
    "visits": count,
    "findings": count,
    "severities": counts,
    "new_findings": IDS,
    "seconds": number,
    "notes": TEXTS,
    "left_out": count,
    "estate": counts,
    "held": count,
    "phases": phases,
    "revised": count,
    "gone": count,
}
HELD: dict[str, Check] = {
    **dict.fromkeys(("exception", "rule_id", "title", "host", "until", "reason", "by", "path"), text),
    **dict.fromkeys(("count", "line"), count),
    **dict.fromkeys(("first", "last"), partial(maybe, moment)),
}
CAUGHT: dict[str, Check] = {
    **dict.fromkeys(("rule_id", "title", "level", "host"), text),
    **dict.fromkeys(("count", "record"), count),
    **dict.fromkeys(("first", "last"), partial(maybe, moment)),
    "event": id_,
    "segment": digest,
    "matched": partial(many, partial(shape, MATCHED)),
}
PROBLEM: dict[str, Check] = {"segment": text, "leaf": partial(maybe, count), "what": text}
VERIFY: dict[str, Check] = {
    "sound": flag,
    **dict.fromkeys(("leaves", "segments", "records", "bytes", "could_not_tell", "imports"), count),
    "problems": partial(many, partial(shape, PROBLEM)),
}
OUTSIDER: dict[str, Check] = {
    **dict.fromkeys(("account", "source", "target", "protocol", "provider"), text),
    "times": count,
    "first": moment,
    "last": moment,
    "guest": flag,
    "house": flag,
}
RULE: dict[str, Check] = {
    **dict.fromkeys(("id", "title", "level", "state", "reason", "path"), text),
    "sha256": partial(or_empty, digest),
    **dict.fromkeys(("kind", "version", "source"), text),
    "line": partial(maybe, count),
}
CHANGED: dict[str, Check] = dict.fromkeys(("id", "title", "level", "version", "path"), text)
BROKEN_RULE: dict[str, Check] = {"path": text, "line": partial(maybe, count), "reason": text}
IMPORTED: dict[str, Check] = {
    **dict.fromkeys(("source", "origin"), text),
    **dict.fromkeys(("files", "rules", "passed_over"), count),
    "first": flag,
    **dict.fromkeys(("new", "gone"), partial(many, partial(shape, CHANGED))),
    "changed": partial(many, partial(shape, {**CHANGED, "old_version": text})),
    "broken": partial(many, partial(shape, BROKEN_RULE)),
}


def part(value: Any) -> None:
    shape(PART, value)


PART: dict[str, Check] = {
    "kind": partial(one_of, "and or not test"),
    "held": flag,
    "field": text,
    "test": text,
    "values": TEXTS,
    "parts": partial(many, part),
}
ALTERNATIVE: dict[str, Check] = {"where": text, "taken": flag, "condition": partial(maybe, part)}
TRIED: dict[str, Check] = {
    **dict.fromkeys(("rule_id", "title"), text),
    "record": count,
    "held": flag,
    "alternatives": partial(many, partial(shape, ALTERNATIVE)),
}
REJECTED: dict[str, Check] = {
    "source": text,
    "reason": text,
    "records": count,
    "segment": digest,
    "record": count,
}
DAILY: dict[str, Check] = {
    "collected": partial(shape, COLLECT),
    "reviewed": partial(shape, REVIEW),
    "new_findings": partial(many, partial(shape, FINDING)),
    "report": text,
    "lines": TEXTS,
}


def section(heading: str) -> str:
    (found,) = (part for part in re.split(r"(?m)^## ", PAGE) if heading in part.partition("\n")[0])
    return found


def braced(place: str, lead: str = "") -> set[str]:
    """The keys of the first `{...}` after `lead`; what a key holds in braces of its own is left out."""
    rest = place[place.index(lead) :]
    start, depth = rest.index("{"), 0
    for end in range(start, len(rest)):
        depth += {"{": 1, "}": -1}.get(rest[end], 0)
        if not depth:
            break
    inner = re.sub(r"\[\{[^}]*\}\]", "", rest[start + 1 : end])
    return {name.strip() for name in inner.split(",")}


def tabled(place: str) -> set[str]:
    """The keys in the first column of tables."""
    cells = re.findall(r"(?m)^\| (`[^|]*`) \|", place)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def promised() -> Iterator[tuple[str, set[str], Mapping[str, Check]]]:
    """What, the keys the page names, the keys held here."""
    yield "reference", braced(PAGE, "A **reference**"), REFERENCE
    collect = section("collect --json")
    more = re.search(r"and `([\w, ]+)`", collect.replace("\n", " "))
    assert more is not None
    yield "collect", braced(collect) | tabled(collect) | set(more[1].split(", ")), COLLECT
    yield "file of collect", braced(collect, "| `files`"), FILE
    visit, hops = section("Visit: ").split("Each of `hops`")
    hops, verdicts = hops.split("Each of `verdicts`")
    yield "visit", braced(visit) | tabled(visit), VISIT
    yield "hop", braced(hops) | tabled(hops), HOP
    yield "link", braced(hops, "| `link`"), LINK
    yield "about", braced(hops, "| `source_about`"), ABOUT
    yield "action", braced(hops, "| `actions`"), ACTION
    yield "verdict", braced(verdicts), VERDICT
    finding = section("Finding: ")
    yield "finding", braced(finding) | tabled(finding), FINDING
    yield "folded rule", braced(finding, "| `also`"), ALSO
    yield "test that held", braced(finding, "| `matched`"), MATCHED
    yield "review", braced(section("review --json")), REVIEW
    verify = section("ledger verify --json")
    yield "ledger verify", braced(verify), VERIFY
    yield "problem", braced(verify, "problems["), PROBLEM
    yield "outsider", braced(section("discover --json")), OUTSIDER
    yield "rule", braced(section("rules list --json")), RULE
    imported, tried = section("rules import --json"), section("rules test --json")
    yield "imported", braced(imported), IMPORTED
    yield "rule of an import", braced(imported, "`new` and `gone`"), CHANGED
    yield "broken rule", braced(imported, "`broken` are"), BROKEN_RULE
    yield "tried", braced(tried), TRIED
    yield "alternative", braced(tried, "as one log source"), ALTERNATIVE
    yield "part", braced(tried, "(`taken`), else"), PART
    yield "held", braced(section("findings --held --json")), HELD
    yield "caught", braced(section("rules hunt --json")), CAUGHT
    yield "reason", braced(section("rejected --json")), REJECTED
    yield "digest", braced(section("daily --json")), DAILY


@pytest.mark.parametrize(("what", "keys", "held"), list(promised()))
def test_the_page_names_what_is_held_here(what: str, keys: set[str], held: Mapping[str, Check]) -> None:
    assert keys == set(held), what


@dataclass(frozen=True)
class Run:
    """What `--json` printed, object by object, command by command."""

    printed: Mapping[str, list[dict[str, Any]]]

    def one(self, command: str) -> dict[str, Any]:
        (found,) = self.printed[command]
        return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every command on two nights of SSH, one of which comes in after the first review."""
    folder = tmp_path_factory.mktemp("contract")
    ward = Workspace.create(folder / "ward")
    (ward.agreements / "acme.yaml").write_text(AGREEMENT, "utf-8")
    (folder / "auth.log").write_text(LOG + "2026-03-02T22:11:00+00:00 lnx01 sshd[1]: \n", "utf-8")
    (folder / "inbox").mkdir()
    (folder / "inbox" / "broken.jsonl").write_text(BROKEN, "utf-8")
    (folder / "later.log").write_text(LATER, "utf-8")
    (folder / "photo.bin").write_bytes(bytes(range(256)) * 40)
    printed = {}

    def command(name: str, *words: str) -> None:
        printed[name] = lines_of(ward, *words)

    command("collect", "collect", *(str(folder / name) for name in ("auth.log", "photo.bin")))
    command("first review", "review")
    lines_of(ward, "collect", str(folder / "later.log"), str(folder / "inbox"))
    command("review", "review")
    command("visits", "visits")
    command("findings", "findings")
    command("visit", "visit", printed["visits"][0]["id"])
    command("finding", "finding", printed["findings"][0]["id"])
    command("ledger verify", "ledger", "verify")
    command("discover", "discover")
    command("rejected", "rejected")
    command("daily", "daily", str(folder / "inbox"))
    command("rules list", "rules", "list")
    (folder / "sudo.yml").write_text(SUDO, "utf-8")
    command("rules hunt", "rules", "hunt", "--rule", str(folder / "sudo.yml"))
    command("rules test", "rules", "test", str(folder / "sudo.yml"), str(folder / "auth.log"))
    command("rules import", "rules", "import", str(folder / "sudo.yml"))
    (ward.root / "exceptions").mkdir()
    (ward.root / "exceptions" / "one.yaml").write_text(EXCEPTION, "utf-8")
    command("review with rules", "review")
    command("findings --held", "findings", "--held")
    segment = next(path for path in sorted(ward.archive.rglob("*")) if path.is_file())
    segment.chmod(0o600)
    segment.write_bytes(segment.read_bytes()[:-1])
    command("broken", "ledger", "verify")
    return Run(printed)


def lines_of(ward: Workspace, *words: str) -> list[dict[str, Any]]:
    """Standard output of a command with `--json`: each line must be one JSON object, and end."""
    raw = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(raw, "utf-8")):
        program(["-C", str(ward.root), *words, "--json"], standalone_mode=False)
        out = raw.getvalue()
    assert out.endswith(b"\n")
    found = [orjson.loads(line) for line in out[:-1].split(b"\n")]
    assert all(isinstance(item, dict) for item in found)
    return found


def test_collect_prints_one_line(run: Run) -> None:
    body = run.one("collect")
    shape(COLLECT, body)
    assert {file["status"] for file in body["files"]} == {"read", "unrecognised"}
    assert body["records"] == body["events"] + body["rejected"] == 4


@pytest.mark.parametrize("command", ["visits", "visit"])
def test_visits_hops_verdicts_actions_and_references(run: Run, command: str) -> None:
    bodies = run.printed[command]
    assert len(bodies) == {"visits": 2, "visit": 1}[command]
    for body in bodies:
        shape(VISIT, body)
        (hop,) = body["hops"]
        assert hop["records"]
        assert hop["actions"][0]["text"] == "/usr/bin/id (sudo as root)"
        assert body["entry"] == body["id"] == hop["id"]
        assert {item["verdict"] for item in body["verdicts"]} >= {"kept", "broken"}
        assert body["findings"]


@pytest.mark.parametrize("command", ["findings", "finding"])
def test_findings(run: Run, command: str) -> None:
    assert run.printed[command]
    for body in run.printed[command]:
        shape(FINDING, body)
        assert 1 <= len(body["evidence"]) <= 50
        assert body["class_uid"] == (2003 if body["kind"] == "clause" else 2004)


def test_what_one_command_prints_another_prints_too(run: Run) -> None:
    assert run.one("visit") == run.printed["visits"][0]
    assert run.one("finding") == run.printed["findings"][0]
    visits = {body["id"]: body for body in run.printed["visits"]}
    for body in run.printed["findings"]:
        assert body["visit"] is None or body["id"] in visits[body["visit"]]["findings"]


def test_a_first_review_is_of_everything(run: Run) -> None:
    body = run.one("first review")
    shape(REVIEW, body)
    assert body["visits"] == 1
    assert body["findings"] == len(body["new_findings"]) == sum(body["severities"].values())


def test_a_later_review_counts_everything_and_names_what_is_new(run: Run) -> None:
    body = run.one("review")
    shape(REVIEW, body)
    assert set(body["new_findings"]) < {finding["id"] for finding in run.printed["findings"]}
    assert body["visits"] == len(run.printed["visits"]) == 2
    assert body["findings"] == len(run.printed["findings"])


def test_ledger_verify_sound_and_not(run: Run) -> None:
    shape(VERIFY, run.one("ledger verify"))
    assert run.one("ledger verify")["sound"]
    broken = run.one("broken")
    shape(VERIFY, broken)
    assert not broken["sound"]
    assert broken["problems"]


def test_discover_and_rules(run: Run) -> None:
    (outsider,) = run.printed["discover"]
    shape(OUTSIDER, outsider)
    assert (outsider["account"], outsider["times"]) == ("jdoe", 2)
    many(partial(shape, RULE), run.printed["rules list"])
    assert {row["state"] for row in run.printed["rules list"]} >= {"active"}


def test_rules_hunted_tried_imported_and_held_back(run: Run) -> None:
    many(partial(shape, CAUGHT), run.printed["rules hunt"])
    assert run.one("rules hunt")["count"] == 2
    many(partial(shape, TRIED), run.printed["rules test"])
    assert any(one["held"] for one in run.printed["rules test"])
    shape(IMPORTED, run.one("rules import"))
    shape(REVIEW, run.one("review with rules"))
    many(partial(shape, HELD), run.printed["findings --held"])
    assert run.one("findings --held")["count"] == run.one("review with rules")["held"] == 2


def test_rejected_records_and_the_digest(run: Run) -> None:
    many(partial(shape, REJECTED), run.printed["rejected"])
    assert [(row["source"], row["records"]) for row in run.printed["rejected"]] == [("windows.json", 1)]
    body = run.one("daily")
    shape(DAILY, body)
    assert body["new_findings"]
    assert 0 < len(body["lines"]) <= 10
    assert Path(body["report"]).is_file()
