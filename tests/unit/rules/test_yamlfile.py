from __future__ import annotations

import pytest

from countersign.errors import RuleError
from countersign.rules.yamlfile import entry, entry_lines, read_mapping, read_values, refuse_depth


def test_each_document_with_its_line() -> None:
    found = [(value, line) for value, line, _ in read_values(b"a: 1\n---\n# x\nb: [2]\n", "f", "r")]
    assert found == [({"a": 1}, 1), ({"b": [2]}, 4)]


def test_lines_of_entries() -> None:
    ((_, _, node),) = read_values(b"a: 1\nb:\n- x\n-\n  y\n", "f", "r")
    assert entry_lines(node) == {"a": 1, "b": 2}
    inner = entry(node, "b")
    assert inner is not None
    assert entry_lines(inner) == {"0": 3, "1": 5}
    assert entry(node, "c") is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a: [\n", "f:2: no YAML"),
        (b"a: 1\na: 2", "f:2: no YAML: the name `a` stands twice"),
        (b"\xff", "f:1: is not UTF-8"),
        (b"- a", "is not one mapping"),
        (b"a: 1\n---\nb: 2", "is not one mapping"),
        (b"a: " + b"{b: " * 150, "nested more than 100 deep"),
        (b"? [a]\n: b", "f:1: no YAML: a name is no text"),
        (b"a: !!python/name:os.system", "no YAML"),
        (b"a: \x00", "no YAML"),
    ],
)
def test_bad_files_are_one_error_with_place_and_remedy(data: bytes, words: str) -> None:
    with pytest.raises(RuleError) as caught:
        read_mapping(data, "f", "write it so")
    assert words in caught.value.diagnostics()
    assert "remedy" in caught.value.diagnostics()


def test_an_empty_file_is_an_empty_mapping() -> None:
    assert read_mapping(b"# nothing yet\n", "f", "r") == {}


def test_depth_is_counted_not_guessed() -> None:
    refuse_depth("a: " + "[x, " * 90 + "]" * 90)
    refuse_depth("\n".join("- [a]" for _ in range(500)))
    with pytest.raises(ValueError, match="deep"):
        refuse_depth("- " * 200 + "a")
