"""Writes the documents that are taken from the code: docs/cli.md, docs/rules-pack.md, docs/schema.md and
docs/sources/coverage.md, and the status of each log family that the program ships. A test holds them to it."""

from __future__ import annotations

from pathlib import Path

import click
import source_coverage

from countersign.cli.commands import program
from countersign.model import schema
from countersign.rules import Rule, load_logsources, own_rules
from countersign.rules.correlations import silent

DOCS = Path(__file__).parents[1] / "docs"
SHIPPED = Path(__file__).parents[1] / "src" / "countersign" / "content"
WIDTH = 90


def cli_page() -> str:
    """Every command's help."""
    parts = ["# Commands\n", "Taken from the program by `make docs`.\n"]
    parts.extend(_help(program, "countersign", None))
    return "\n".join(parts)


def _help(command: click.Command, path: str, parent: click.Context | None) -> list[str]:
    context = click.Context(
        command,
        info_name=path.rsplit(" ", 1)[-1],
        parent=parent,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    context.terminal_width = WIDTH
    out = [f"## `{path}`\n", f"```\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            out.extend(_help(command.commands[name], f"{path} {name}", context))
    return out


def schema_page() -> str:
    """The columns of the events table."""
    lines = [
        "# Columns of the events table",
        "",
        (
            f"Taken from `src/countersign/model/schema.py` by `make docs`. OCSF version {schema.OCSF_VERSION}, schema version "
            f"{schema.SCHEMA_VERSION}."
        ),
        "",
        "| column | type |",
        "|---|---|",
    ]
    lines += [f"| `{name}` | {type_} |" for name, type_ in schema.CORE_COLUMNS.items()]
    lines += [f"| `{name}` | {type_} |" for name, type_ in schema.OCSF_COLUMNS.items()]
    lines += [
        "",
        f"And {len(set(schema.source_columns().values()))} columns `src_*` for source fields that rules name:",
        "",
    ]
    lines.append(", ".join(f"`{column}`" for column in sorted(set(schema.source_columns().values()))) + ".")
    lines += ["", "Every other source field is in the map `unmapped`.", ""]
    return "\n".join(lines)


PARTS = (
    ("Windows", {"windows"}),
    ("Linux", {"linux"}),
    ("Network", {"zeek", "cisco"}),
    ("Identity and cloud", {"azure", "m365", "okta", "aws"}),
    ("Several events together", {""}),
)
"""Headings of the page of our rules, and the products below each; a correlation has none."""


def rules_page() -> str:
    """Our own rules: what each looks for, which items it answers, what else it may be, what to do."""
    loaded = own_rules()
    unspoken = silent(loaded, {rule.id for rule in loaded.rules if rule.kind == "correlation"})
    rules = [rule for rule in loaded.rules if rule.id not in unspoken]
    waiting = load_logsources().waiting
    waits = sum(rule.product in waiting for rule in rules)
    lines = [
        "# Our own rules",
        "",
        "Taken from `src/countersign/content/rules` by `make docs`.",
        "",
        f"{len(rules)} rules on the misuse of a provider's access. The items are those of the alert register. {waits} rules, marked",
        "with a star, are ready and wait for a source: nothing here reads such logs yet. Below each table stands what else a",
        "hit may be, and what to do.",
        "",
    ]
    for heading, products in PARTS:
        lines += _rules_of(heading, [rule for rule in rules if rule.product in products], waiting)
    return "\n".join(lines)


def _rules_of(heading: str, rules: list[Rule], waiting: frozenset[str]) -> list[str]:
    lines = [f"## {heading}", "", "| rule | level | logs | ATT&CK | items |", "|---|---|---|---|---|"]
    for rule in rules:
        logs = " ".join(filter(None, (rule.product, rule.category, rule.service))) or "correlation"
        star = "*" if rule.product in waiting else ""
        cells = (f"{rule.title}{star}", rule.level, logs, ", ".join(rule.techniques), ", ".join(rule.cites))
        lines.append(f"| {' | '.join(cells)} |")
    for rule in rules:
        causes = ". ".join(cause.rstrip(".") for cause in rule.falsepositives)
        lines += ["", f"**{rule.title}.** {_line(rule.description)}", ""]
        lines += [f"- May also be: {causes}.", f"- What to do: {_line(rule.runbook)}"]
    return [*lines, ""]


def _line(text: str) -> str:
    return " ".join(text.split())


def pages() -> dict[Path, str]:
    """Path and content of each generated document."""
    return {
        DOCS / "cli.md": cli_page(),
        DOCS / "rules-pack.md": rules_page(),
        DOCS / "schema.md": schema_page(),
        DOCS / "sources" / "coverage.md": source_coverage.page(),
        SHIPPED / "sources" / "status.json": source_coverage.status(),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, "utf-8")
        print(f"wrote {path.name}")
