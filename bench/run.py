"""All benchmarks at sizes that take some minutes on two cores: `make bench`. Each also runs by itself, at any size.

The exit code is 1 if a benchmark fails. The command for the full size of each is printed at the end.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
RUNS = (
    ("collect.py", ()),
    ("lake.py", ("--rows", "1000000", "--appends", "100")),
    ("hunt.py", ("--rows", "1000000")),
    ("rules.py", ()),
    ("indicators.py", ()),
    ("benign.py", ()),
    ("correlations.py", ("--hits", "300000")),
    ("stitching.py", ("--hosts", "60", "120")),
)
FULL = (
    ("collect.py", ("--records", "2000000")),
    ("lake.py", ("--rows", "10000000", "--appends", "1000")),
    ("correlations.py", ()),
    ("hunt.py", ("--rows", "10000000")),
    ("stitching.py", ("--hosts", "200", "600", "2000", "--days", "30")),
)
"""The full sizes: for a machine with time and disk to spare."""


def start_up(repeats: int = 5) -> None:
    """How long the command line takes to answer."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "countersign", "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - begun)
    print(f"countersign --help: {min(times):.2f} s (best of {repeats}; at most 0.3 s)")


def command(name: str, arguments: tuple[str, ...]) -> str:
    """What to type to run one of them."""
    return " ".join(["python", f"bench/{name}", *arguments])


def main() -> int:
    start_up()
    failed = []
    for name, arguments in RUNS:
        print(f"\n== {command(name, arguments)}", flush=True)
        if subprocess.run([sys.executable, str(HERE / name), *arguments], check=False).returncode:
            failed.append(name)
    print("\nAt full size:")
    for name, arguments in FULL:
        print(f"  {command(name, arguments)}")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
