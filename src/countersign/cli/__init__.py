"""The command line: parses, calls `app`, renders. Heavy libraries are imported by the commands that need them."""

from __future__ import annotations

import os
import sys

from countersign.cli.commands import program
from countersign.errors import Error

__all__ = ["main"]

INTERRUPTED, BROKEN_PIPE = 130, 141
"""128 + SIGINT, 128 + SIGPIPE, as shells count them."""


def main() -> None:
    """Entry point: runs a command and turns errors into one clear message and an exit code."""
    import click

    from countersign.model.lean import lean

    lean()
    if sys.stdout is None or sys.stderr is None:  # closed by the caller (`>&-`)
        sys.exit(2)
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
        sys.exit(BROKEN_PIPE)
    except OSError as error:
        _complain(f"{error.filename or 'the system'}: {error.strerror or error}")
        sys.exit(2)
    except Exception as error:  # the process's boundary: a person gets a sentence, not a traceback
        if os.environ.get("COUNTERSIGN_TRACEBACK"):
            raise
        _complain(
            f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no details'}"
        )
        _complain("this is a fault of the program or of a damaged file; COUNTERSIGN_TRACEBACK=1 shows where")
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)


def _complain(text: str) -> None:
    from countersign.model.visible import visible

    lines = [visible(line) for line in text.splitlines()]
    sys.stderr.write(
        "\n".join(["countersign: " + lines[0] if lines else "countersign: failed", *lines[1:]]) + "\n"
    )
