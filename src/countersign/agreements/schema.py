"""The JSON Schema of agreements, for editors, and the example that `countersign init` writes."""

from __future__ import annotations

import json
from importlib import resources

from countersign.agreements.terms import Agreement

SCHEMA_FILE = "agreement.schema.json"
EXAMPLE_FILE = "example.yaml"


def schema_text() -> str:
    """The JSON Schema (draft 2020-12) of an agreement file, made from the terms."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Agreement.model_json_schema(by_alias=True),
        "title": "Countersign agreement",
    }
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def starter_files() -> dict[str, str]:
    """File name to text of what a new workspace's `agreements/` begins with: the example and the schema."""
    folder = resources.files("countersign") / "content" / "agreements"
    return {name: (folder / name).read_text("utf-8") for name in (EXAMPLE_FILE, SCHEMA_FILE)}
