from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.agreements.references import dangling

KEYS = st.sampled_from(
    ["identities", "gateways", "grants", "never", "groups", "name", "who", "to", "via", "accounts", "x"]
)
PLAIN = st.recursive(
    st.none() | st.text("ab*", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)


@given(PLAIN)
def test_data_of_any_shape_has_problems_with_places_and_words(data: object) -> None:
    for problem in dangling(data):
        assert problem.message
        assert problem.remedy


@pytest.mark.parametrize(
    ("data", "place", "remedy"),
    [
        (
            {"grants": [{"via": ["vnp"]}], "gateways": [{"name": "vpn"}]},
            ("grants", 0, "via", 0),
            "did you mean `vpn`?",
        ),
        ({"grants": [{"who": "Jo"}]}, ("grants", 0, "who"), "add it to `identities`"),
        (
            {"never": [{"to": "sevrers"}], "groups": {"servers": ["a"]}},
            ("never", 0, "to"),
            "did you mean `servers`?",
        ),
    ],
)
def test_a_name_that_points_nowhere_is_told(
    data: dict[str, Any], place: tuple[object, ...], remedy: str
) -> None:
    found = {problem.place: problem.remedy for problem in dangling(data | {"origins": ["x"]})}
    assert found[place].startswith(remedy)  # type: ignore[index]  # places are tuples of keys and positions


def test_a_full_host_name_is_no_mistyped_group() -> None:
    assert not dangling(
        {"origins": ["x"], "never": [{"to": "server.corp.example"}], "groups": {"server.corp.exampl": ["a"]}}
    )
