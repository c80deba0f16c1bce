"""The command line: parses, calls `app`, renders. Heavy libraries are imported by the commands that need them."""

from __future__ import annotations

import os
import sys

from countersign.cli.commands import program
from countersign.errors import Error

__all__ = ["main"]

INTERRUPTED = 130
"""128 + SIGINT, as shells count it."""


def main() -> None:
    """Entry point: runs a command and turns errors into one clear message and an exit code."""
    import click

    from countersign.model.lean import without_pandas

    without_pandas()
    try:
        code = program(standalone_mode=False)
    except click.exceptions.Abort:
        _complain("interrupted: what was sealed stays sealed, run the command again to go on")
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except Error as error:
        _complain(error.diagnostics())
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _complain("interrupted: what was sealed stays sealed, run the command again to go on")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # the reader of a pipe went away; Python would complain once more while it closes stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _complain(f"{error.filename or 'the system'}: {error.strerror or error}")
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)


def _complain(text: str) -> None:
    from countersign.model.visible import visible

    lines = [visible(line) for line in text.splitlines()]
    sys.stderr.write(
        "\n".join(["countersign: " + lines[0] if lines else "countersign: failed", *lines[1:]]) + "\n"
    )
