"""All benchmarks at sizes that take some minutes on two cores: `make bench`. Each also runs by itself, at any size."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
RUNS = (
    ("collect.py", ()),
    ("lake.py", ("--rows", "1000000", "--appends", "100")),
    ("rules.py", ()),
)


def start_up(repeats: int = 5) -> None:
    """How long the command line takes to answer."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "countersign", "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - begun)
    print(f"countersign --help: {min(times):.2f} s (best of {repeats}; at most 0.3 s)")


def main() -> None:
    start_up()
    for name, arguments in RUNS:
        print(f"\n== bench/{name} {' '.join(arguments)}".rstrip(), flush=True)
        subprocess.run([sys.executable, str(HERE / name), *arguments], check=False)


if __name__ == "__main__":
    main()
