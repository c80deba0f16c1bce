from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

import countersign
from countersign.range import RangeSpec, Summary, generate, load_spec

DEMO = Path(countersign.__file__).parent / "content" / "ranges" / "demo.yaml"


class Estate:
    """A generated demo, read back by means that share nothing with the generator."""

    def __init__(self, root: Path, spec: RangeSpec, summary: Summary) -> None:
        self.root = root
        self.spec = spec
        self.summary = summary
        self.visits = [orjson.loads(line) for line in (root / "truth/visits.jsonl").read_bytes().splitlines()]

    def lines(self, name: str) -> list[str]:
        return (self.root / name).read_text("utf-8").split("\n")[:-1]

    def line(self, place: dict[str, object]) -> str:
        return self.lines(str(place["file"]))[int(str(place["line"])) - 1]

    def windows(self, host: str) -> list[dict[str, object]]:
        return [orjson.loads(line)["Event"] for line in self.lines(f"windows/{host}.jsonl")]

    def zeek(self, path: str) -> Iterator[dict[str, str]]:
        for file in sorted((self.root / "zeek").glob(f"*/{path}.log")):
            names: list[str] = []
            for line in file.read_text("utf-8").splitlines():
                if line.startswith("#fields\t"):
                    names = line.split("\t")[1:]
                elif not line.startswith("#"):
                    yield dict(zip(names, line.split("\t"), strict=True))


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    spec = load_spec(DEMO)
    root = tmp_path_factory.mktemp("range") / "demo"
    return Estate(root, spec, generate(spec, root, seed=7))
