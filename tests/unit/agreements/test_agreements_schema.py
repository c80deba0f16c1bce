from __future__ import annotations

import json
from importlib import resources

from countersign.agreements import Agreement, load_agreement, read_agreement, schema_text, starter_files
from countersign.agreements.schema import EXAMPLE_FILE, SCHEMA_FILE


def test_the_exported_schema_is_that_of_the_terms() -> None:
    folder = resources.files("countersign") / "content" / "agreements"
    assert (folder / SCHEMA_FILE).read_text("utf-8") == schema_text(), (
        "the terms changed: write schema_text() to content/agreements/agreement.schema.json"
    )


def test_the_schema_knows_every_term_and_refuses_others() -> None:
    schema = json.loads(schema_text())
    assert set(schema["properties"]) == set(Agreement.model_fields)
    assert schema["additionalProperties"] is False
    assert "as" in schema["$defs"]["Grant"]["properties"]


def test_the_example_is_a_good_draft_that_names_its_schema() -> None:
    text = starter_files()[EXAMPLE_FILE]
    assert text.startswith(f"# yaml-language-server: $schema={SCHEMA_FILE}\n")
    found, errors = read_agreement(text.encode(), EXAMPLE_FILE)
    assert errors == ()
    assert found is not None
    assert found.draft
    shown = found.model_dump()
    assert all(shown[term] for term in Agreement.model_fields), "the example shows every term"


def test_the_example_can_be_read_from_its_folder() -> None:
    folder = resources.files("countersign") / "content" / "agreements"
    with resources.as_file(folder / EXAMPLE_FILE) as path:
        assert load_agreement(path).provider.id == "acme"
