"""Every rule of SigmaHQ on every real event of ../shared/data, the engine held to the slow evaluator of the tests: the full
cross, some 24 million pairs in about 40 minutes. `--share 0.01` takes one in a hundred of the pairs that the engine left
out. The exit code is 1 if they disagree."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from countersign.rules import compile_rules, load_rules

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from real_events import events_of, members, together  # noqa: E402  # helpers of the tests
from rule_cross import cross, texts_of  # noqa: E402  # helpers of the tests

DATA = ROOT.parent / "shared" / "data"
INPUTS = (
    ("sigma/sigma-regression.zip", ".evtx"),
    ("evtx/*.zip", ".evtx"),
    ("windows-json/*.zip", ".json"),
    ("zeek", ".log"),
    ("syslog", ".log"),
)
LISTS = {"known_cdcs": ("dc1",)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0)
    share = parser.parse_args().share
    if not DATA.is_dir():
        print("skipped: needs ../shared/data")
        return 0
    zipped = DATA / "sigma" / "sigma-rules.zip"
    made = compile_rules(load_rules([zipped]), placeholders=LISTS)
    texts = texts_of(made, zipped)
    wrong = 0
    for pattern, suffix in INPUTS:
        for path in sorted(DATA.glob(pattern)):
            tables = [events_of(data) for _, data in members(path, suffix)]
            events = together([table for table in tables if table is not None and table.num_rows])
            begun = time.process_time()
            found = cross(made, texts, events, share=share, lists=LISTS)
            wrong += len(found.wrong)
            seconds = time.process_time() - begun
            print(
                f"{path.name:55} {events.num_rows:7,} events {found.hits:6,} hits {found.silent:10,} silent pairs "
                f"{len(found.wrong):3} disagree {seconds:8.1f} s",
                flush=True,
            )
            for title, row, said in found.wrong[:10]:
                print(f"  {title}: row {row}, the engine says {'hit' if said else 'none'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
