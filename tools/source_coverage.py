"""What the golden files of each log family fill of what visits need, and how sure each of their records is.

Beside `<case>.raw` stands `<case>.cites`: a line each of records (`0-3,7` or `*`), how they are known (`seen` in a real log,
`documented` by the vendor, `believed`), and where. docs/sources/coverage.md is made from both.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from countersign.sources import Source, sources

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
LEVELS = ("seen", "documented", "believed")
NEEDS: dict[str, tuple[str, ...]] = {
    "account": ("user.name", "actor.user.name"),
    "id": ("user.uid", "user.email_addr", "actor.user.uid", "actor.user.email_addr"),
    "source": ("src_endpoint.ip", "src_endpoint.hostname"),
    "target": ("dst_endpoint.ip", "dst_endpoint.hostname", "dst_endpoint.uid", "device.hostname", "resources.uid", "resources.name",
               "cloud.account.uid"),
    "session": ("session.uid", "actor.session.uid", "session.uuid", "connection_info.uid"),
    "method": ("auth_protocol", "auth_factors", "logon_type_id"),
    "MFA": ("is_mfa", "actor.session.is_mfa"),
    "device": ("src_endpoint.uid", "src_endpoint.name", "src_endpoint.mac", "src_endpoint.os.name"),
    "client": ("http_request.user_agent", "src_endpoint.agent.name", "src_endpoint.agent.version"),
    "bytes": ("traffic.bytes_in", "traffic.bytes_out"),
    "given address": ("tunnel_interface.ip",),
    "result": ("status_id",),
}  # fmt: skip
"""What a visit is made of, and the columns that say it."""


@dataclass(slots=True)
class Covered:
    """One family's golden records: `filled` counts events by need, `levels` records by how they are known."""

    source: Source
    events: int = 0
    filled: Counter[str] = field(default_factory=Counter)
    levels: Counter[str] = field(default_factory=Counter)
    classes: set[int] = field(default_factory=set)


def cases(name: str) -> list[Path]:
    """The raw golden files of a family."""
    return sorted((GOLDEN / name).glob("*.raw"))


def outcomes(raw: Path) -> list[dict[str, Any]]:
    """The outcome of a raw file, a record each."""
    text = raw.with_suffix(".events.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def cited(raw: Path) -> dict[int | str, tuple[str, str]]:
    """Record number, or `*` for all others, to how it is known and where. Raises ValueError for what is no citation."""
    known: dict[int | str, tuple[str, str]] = {}
    for line in raw.with_suffix(".cites").read_text("utf-8").splitlines():
        records, level, where = (*line.split(" ", 2), "", "")[:3]
        if level not in LEVELS or not where:
            raise ValueError(f"{raw.stem}.cites: {line!r} is no citation")
        for part in records.split(","):
            first, _, last = part.partition("-")
            numbers = ["*"] if part == "*" else range(int(first), int(last or first) + 1)
            known.update(dict.fromkeys(numbers, (level, where)))
    return known


def covered(source: Source) -> Covered:
    """What a family's golden files show."""
    found = Covered(source)
    for raw in cases(source.name):
        known = cited(raw)
        for row in outcomes(raw):
            found.levels[known.get(row["record"], known.get("*", ("", "")))[0]] += 1
            if "rejected" in row:
                continue
            found.events += 1
            found.classes.add(row.get("class_uid", 0))
            found.filled.update(
                need for need, columns in NEEDS.items() if any(column in row for column in columns)
            )
    return found


def page() -> str:
    """docs/sources/coverage.md."""
    lines = [
        "# Coverage",
        "",
        "Made by `make docs` from the golden files, and true of them: in how many of a family's golden events the log says what a visit",
        "needs. A blank means that none of them does. The last columns count the golden records by how they are known: **seen** in a real",
        "log, **documented** by the vendor, or **believed**. [Writing a log family](writing.md) says how they are made.",
        "",
        f"| family | classes | events | {' | '.join(NEEDS)} | seen | documented | believed |",
        f"|---|---|---:|{'---:|' * (len(NEEDS) + len(LEVELS))}",
    ]
    for source in sources():
        found = covered(source)
        cells = [str(found.filled[need] or "") for need in NEEDS]
        cells += [str(found.levels[level] or "") for level in LEVELS]
        classes = ", ".join(str(uid) for uid in sorted(found.classes))
        title = f"[{source.title}]({source.page}.md) `{source.name}`"
        lines.append(f"| {title} | {classes} | {found.events} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def status() -> str:
    """content/sources/status.json: golden records of each family by how they are known."""
    known = {source.name: covered(source).levels for source in sources()}
    counted = {
        name: {level: levels[level] for level in LEVELS if levels[level]} for name, levels in known.items()
    }
    return json.dumps(counted, indent=2) + "\n"
