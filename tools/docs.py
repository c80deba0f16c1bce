"""Writes the documents that are taken from the code: docs/cli.md and docs/schema.md. A test holds them to it."""

from __future__ import annotations

from pathlib import Path

import click

from countersign.cli.commands import program
from countersign.model import schema

DOCS = Path(__file__).parents[1] / "docs"
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


def pages() -> dict[Path, str]:
    """Path and content of each generated document."""
    return {DOCS / "cli.md": cli_page(), DOCS / "schema.md": schema_page()}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, "utf-8")
        print(f"wrote {path.name}")
