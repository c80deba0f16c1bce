from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import click
import pytest

from countersign.cli.commands import program

HEAVY = ("ibis", "duckdb", "pyarrow", "sigma", "deltalake", "pandas", "numpy", "pydantic", "rich")
ROOT = Path(__file__).parents[3]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom countersign.cli.commands import program\n"
        "program(['--help'], standalone_mode=False)\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == "HEAVY []"


@pytest.mark.parametrize("page", ["cli.md", "rules-pack.md", "schema.md"])
def test_generated_documents_are_up_to_date(page: str) -> None:
    spec = importlib.util.spec_from_file_location("docs_tool", ROOT / "tools" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages = {path.name: text for path, text in module.pages().items()}
    assert (ROOT / "docs" / page).read_text("utf-8") == pages[page], "run `make docs`"


def test_every_command_and_option_says_what_it_is_for() -> None:
    def walk(command: click.Command, path: str) -> None:
        assert command.help, path
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.name not in {"output", "seed"}:
                assert parameter.help, f"{path} {parameter.name}"
        if isinstance(command, click.Group):
            for name, inner in command.commands.items():
                walk(inner, f"{path} {name}")

    walk(program, "countersign")
