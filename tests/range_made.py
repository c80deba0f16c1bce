"""A generated estate, read back by means that share nothing with the generator."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

import countersign
from countersign.range import RangeSpec, Summary, generate, load_spec

CONTENT = Path(countersign.__file__).parent / "content"


def text(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def digests(root: Path) -> dict[str, str]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class Made:
    def __init__(self, root: Path, spec: RangeSpec, seed: int, **more: int) -> None:
        self.root, self.spec, self.seed = root, spec, seed
        summary = generate(spec, root, seed, **more)
        assert isinstance(summary, Summary)
        self.summary = summary

    def lines(self, pattern: str) -> Iterator[bytes]:
        for path in sorted(self.root.glob(pattern)):
            yield from text(path).splitlines()

    def truth(self, name: str = "visits") -> list[dict[str, Any]]:
        return [
            orjson.loads(line) for line in (self.root / "truth" / f"{name}.jsonl").read_bytes().splitlines()
        ]

    @cached_property
    def windows(self) -> list[dict[str, Any]]:
        """Every record: computer, channel, record, time, event id, data; whatever the shape."""
        return [plain(orjson.loads(line)) for line in self.lines("windows/**/*.jsonl*")]

    @cached_property
    def references(self) -> set[str]:
        """All records, each as truth refers to it."""
        found = {f"{r['computer']}/{r['channel']}/{r['record']}" for r in self.windows}
        for pattern in ("gateways/*", "linux/**/auth.log*", "support/*", "radius/**/*.jsonl*", "vault/*"):
            found |= {hashlib.sha256(line).hexdigest()[:32] for line in self.lines(pattern)}
        for path in sorted(self.root.glob("zeek/**/*.log.gz")):
            name = path.name.partition(".")[0]
            found |= {
                f"{name}/{row.split(b'	')[1].decode()}"
                for row in text(path).splitlines()
                if row[:1] != b"#"
            }
        found |= {orjson.loads(line)["uid"] for line in self.lines("bastion/*")}
        found |= {str(orjson.loads(line)["id"]) for line in self.lines("agents/*")}
        found |= {orjson.loads(line)["uuid"] for line in self.lines("okta/*")}
        for line in self.lines("cloud/entra/*"):
            found.add(orjson.loads(line)["properties"]["id"])
        for line in self.lines("cloud/m365/*"):
            found.add(orjson.loads(line)["Id"])
        for line in self.lines("cloud/aws/**/*.json.gz"):
            found |= {record["eventID"] for record in orjson.loads(line)["Records"]}
        return found


def plain(row: dict[str, Any]) -> dict[str, Any]:
    if "Event" in row:
        system = row["Event"]["System"]
        data = row["Event"].get("EventData") or next(iter(row["Event"]["UserData"].values()))
        return _row(
            system["Computer"], system["Channel"], system["EventRecordID"],
            system["TimeCreated"]["#attributes"]["SystemTime"], system["EventID"], data, "nested",
        )  # fmt: skip
    if "winlog" in row:
        log = row["winlog"]
        data = log.get("event_data") or log["user_data"]
        return _row(
            log["computer_name"],
            log["channel"],
            log["record_id"],
            row["@timestamp"],
            int(log["event_id"]),
            data,
            "ecs",
        )
    return _row(
        row["Hostname"], row["Channel"], row["RecordNumber"], row["EventTime"], row["EventID"], row, "flat"
    )


def _row(
    computer: str, channel: str, record: int, time: str, event: int, data: dict[str, Any], shape: str
) -> dict[str, Any]:
    return {
        "computer": computer,
        "channel": channel,
        "record": record,
        "time": time,
        "event": event,
        "data": data,
        "shape": shape,
    }


def reference(record: dict[str, Any]) -> str:
    if record["log"] == "windows":
        return f"{record['computer']}/{record['channel']}/{record['record']}"
    if record["log"] == "zeek":
        return f"{record['path']}/{record['uid']}"
    return str(record.get("sha256") or record["id"])


def small(root: Path, seed: int = 5, **more: Any) -> Made:
    spec = load_spec(CONTENT / "ranges" / "small.yaml")
    assert isinstance(spec, RangeSpec)
    processes = more.pop("processes", 1)
    return Made(root, spec.model_copy(update=more), seed, processes=processes)
