from __future__ import annotations

import pyarrow as pa

from countersign.model import schema
from countersign.rules.indicators import Kind
from countersign.rules.indicators.places import ENDS, FIELDS, SILENT, places


def test_every_place_is_a_column_of_events_or_a_key_of_the_rest() -> None:
    columns = {*schema.OCSF_COLUMNS, *schema.source_columns().values()}
    for place in places():
        assert place.column in columns or (
            place.column == "unmapped" and place.key == place.key.casefold() != ""
        )


def test_every_column_whose_name_says_a_kind_is_looked_at_or_left_out_for_a_reason() -> None:
    looked_at = {place.column for place in places()}
    for column in schema.OCSF_COLUMNS:
        if column.rpartition(".")[2] in ENDS:
            assert (column in looked_at) != (column in SILENT)
    assert all(reason for reason in SILENT.values())
    assert set(SILENT) <= set(schema.OCSF_COLUMNS)


def test_every_kind_has_a_place() -> None:
    assert {kind for place in places() for kind in place.kinds} == set(Kind)


def test_places_hold_texts_or_ports() -> None:
    for place in places():
        if place.column in schema.OCSF_COLUMNS:
            expected = pa.int32() if place.kinds == {Kind.PORT} else pa.string()
            assert schema.OCSF_COLUMNS[place.column] == expected


def test_no_field_is_named_twice_for_one_shape_and_kinds() -> None:
    named = [(shape, kinds, name) for shape, kinds, _, names in FIELDS for name in names.split()]
    assert len(named) == len(set(named))
