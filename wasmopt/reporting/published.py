"""The JSON Schemas beside this file: `python -m wasmopt.reporting.published` writes them anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from wasmopt.reporting import schema, verification
from wasmopt.reporting.codec import json_schema

PUBLISHED: Final[Mapping[str, tuple[type, str]]] = {
    "report.schema.json": (schema.Document, schema.SCHEMA),
    "batch.schema.json": (schema.Batch, schema.BATCH_SCHEMA),
    "verification.schema.json": (verification.Verification, verification.SCHEMA),
}
"""Each file with the class that it describes, and what the member `schema` of that says."""


def schema_texts() -> dict[str, str]:
    """What is to be in each file."""
    return {
        name: json.dumps(json_schema(kind, version), indent=2) + "\n"
        for name, (kind, version) in PUBLISHED.items()
    }


if __name__ == "__main__":
    for name, text in schema_texts().items():
        Path(__file__).with_name(name).write_text(text, encoding="utf-8")
