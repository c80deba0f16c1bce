from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.model.visible import nested, program, volume_words


@pytest.mark.parametrize(
    ("volumes", "words"),
    [
        ((None, None, None), ""),
        ((10, 2_500_000, None), "10 B in, 2.5 MB out"),
        ((None, None, 0), "0 B from SRV1 to outside of the estate"),
        ((0, 1, 3_000), "0 B in, 1 B out; 3.0 KB from SRV1 to outside of the estate"),
    ],
)
def test_volumes_in_words(volumes: tuple[int | None, int | None, int | None], words: str) -> None:
    assert volume_words("SRV1", *volumes) == words


def test_what_was_started_comes_after_what_started_it() -> None:
    above = [None, "a", None, "b", "gone"]
    assert nested(["a", "b", "c", "d", "e"], above) == [(0, 0), (1, 1), (3, 2), (2, 0), (4, 0)]


@given(st.lists(st.one_of(st.none(), st.integers(0, 9).map(str)), max_size=10))
def test_every_item_comes_once_whatever_stands_above_it(above: list[str | None]) -> None:
    keys = [str(number) for number in range(len(above))]
    assert sorted(index for index, _ in nested(keys, above)) == list(range(len(above)))


@pytest.mark.parametrize(("path", "name"), [(r"C:\\w\\cmd.exe", "cmd.exe"), ("/bin/sh", "sh"), ("", "")])
def test_programs_by_their_file_name(path: str, name: str) -> None:
    assert program(path) == name
