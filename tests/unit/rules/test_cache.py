from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from countersign.errors import RuleError
from countersign.rules import RuleSet, cache, load_logsources, load_rules
from countersign.rules.cache import load_compiled

RULE = """title: {title}
id: {title}
level: high
tags: [attack.t1021.002]
cites: [X/1]
logsource: {{product: windows, category: process_creation}}
detection: {{s: {{Image|endswith: {value}, User: null}}, k: [word], condition: s or k}}
tests: {{fires: [{{log: a, event: 1, fields: {{Image: x}}}}]}}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "a.yml").write_text(RULE.format(title="a", value="x"), "utf-8")
    (folder / "b.yml").write_text("title: broken\nlogsource: {}\n", "utf-8")
    return folder


class _Loads:
    """Counts how often rules are read."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, paths: Sequence[Path]) -> RuleSet:
        self.count += 1
        return load_rules(paths)


def test_there_and_back(rules: Path, tmp_path: Path, events: Callable[..., pa.Table]) -> None:
    loads = _Loads()
    table = events([{"Image": "x"}, {"Image": "y", "Other": "a word"}, {"Image": "y"}])
    cold, read = load_compiled([rules], tmp_path / "cache", load=loads)
    warm, known = load_compiled([rules], tmp_path / "cache", load=loads)
    assert loads.count == 1
    assert (known.rules, known.problems, known.digests) == (read.rules, read.problems, read.digests)
    assert (warm.rules, warm.status, warm.fingerprints) == (cold.rules, cold.status, cold.fingerprints)
    assert [route.body for route in warm.routes] == [route.body for route in cold.routes]
    assert warm.needed_columns() == cold.needed_columns()
    assert warm.match(table) == cold.match(table)
    assert warm.match(table)["row"].to_pylist() == [0, 1]
    assert warm.explain(0, table, 0) == cold.explain(0, table, 0) != ()


@pytest.mark.parametrize("change", ["rule", "new", "placeholders", "code", "log sources"])
def test_whatever_changes_is_compiled_anew(
    rules: Path, tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = _Loads()
    load_compiled([rules], tmp_path / "cache", load=loads)
    lists = None
    table = None
    if change == "rule":
        (rules / "a.yml").write_text(RULE.format(title="a", value="z"), "utf-8")
    elif change == "new":
        with zipfile.ZipFile(rules / "more.zip", "w") as archive:
            archive.writestr("c.yml", RULE.format(title="c", value="c"))
    elif change == "placeholders":
        lists = {"admins": ("x",)}
    elif change == "log sources":
        table = load_logsources("[product.windows]\nsource = ['windows']\n")
    else:
        monkeypatch.setattr(cache, "_code", lambda: "other")
    changed, _ = load_compiled([rules], tmp_path / "cache", load=loads, placeholders=lists, logsources=table)
    assert loads.count == 2
    assert len(changed.rules) == (3 if change == "new" else 2)


@pytest.mark.parametrize("harm", [b"", b"{}", b"\x00\xff", b"cut", b"flip", b"form"])
def test_a_broken_cache_is_made_anew(rules: Path, tmp_path: Path, harm: bytes) -> None:
    loads = _Loads()
    folder = tmp_path / "cache"
    cold, _ = load_compiled([rules], folder, load=loads)
    (file,) = folder.iterdir()
    good = file.read_bytes()
    bad = {
        b"cut": good[:-1],
        b"flip": good[:-9] + b"X" + good[-8:],
        b"form": good.replace(b"rules 1", b"rules 0", 1),
    }
    file.write_bytes(bad.get(harm, harm))
    again, _ = load_compiled([rules], folder, load=loads)
    assert loads.count == 2
    assert again.rules == cold.rules
    assert file.read_bytes() == good


def test_a_cache_that_cannot_be_written_stops_nothing(rules: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x", "utf-8")
    made, _ = load_compiled([rules], blocked / "cache")
    assert made.status[0].state == "active"


def test_old_sets_go(rules: Path, tmp_path: Path) -> None:
    for value in "abcdef":
        (rules / "a.yml").write_text(RULE.format(title="a", value=value), "utf-8")
        load_compiled([rules], tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == cache.KEPT


def test_what_no_file_can_hold_is_not_cached(rules: Path, tmp_path: Path) -> None:
    odd = rules / "\udcff.yml"  # a name that is not UTF-8
    (rules / "a.yml").rename(odd)
    for _ in range(2):
        made, _ = load_compiled([rules], tmp_path / "cache")
        assert str(odd) in [rule.path for rule in made.rules]
    assert not (tmp_path / "cache").exists()


def test_a_missing_path_is_said(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="no such file"):
        load_compiled([tmp_path / "none"], tmp_path / "cache")


def test_a_warm_start_imports_no_parser(rules: Path, tmp_path: Path) -> None:
    load_compiled([rules], tmp_path / "cache")
    script = (
        "import sys; from pathlib import Path; from countersign.rules.cache import load_compiled;"
        "load_compiled([Path(sys.argv[1])], Path(sys.argv[2]));"
        "print([name for name in ('sigma', 'yaml', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(rules), str(tmp_path / "cache")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]"
