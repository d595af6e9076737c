"""What a run did as an in-toto Statement, a file beside the output that can be signed.

It says which file came of which, by what, and how every change was proved.  Nothing in it depends
on the time, the machine or the number of processes.  SLSA's provenance is another predicate: it
tells which platform made a build, which this program does not know, and has no place for proofs.

Source: in-toto Attestation Framework, spec v1.1: Statement, ResourceDescriptor, DigestSet.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from hashlib import sha256
from pathlib import PurePath
from typing import Any, Final

from wasmopt.api import Result
from wasmopt.component_api import ComponentResult
from wasmopt.files import STANDARD_STREAM
from wasmopt.options import Options
from wasmopt.reporting.schema import ASSUMPTIONS
from wasmopt.verify import validator_version
from wasmopt.version import VERSION

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://github.com/OWNER/wasmopt/blob/main/docs/proofs.md#attestation-v1"
_UNNAMED: Final = "_"
"""Name of a subject whose name means nothing (Statement, `subject`)."""
_NO_MATTER: Final = frozenset(["cache", "jobs", "print_after", "proofs", "obligations"])
"""Options that the output does not depend on."""


def attestation(
    result: Result | ComponentResult,
    options: Options,
    source: tuple[str, bytes],
    output: tuple[str, bytes],
    others: Mapping[str, tuple[str, bytes]],
) -> bytes:
    """The statement, as JSON with a line feed at the end.

    Args:
        result: of the run.
        options: of the run.
        source: name and contents of the input file.
        output: the same of the output file.
        others: the same of files that were written besides: member of the predicate -> file.
    """
    proved: Counter[str] = Counter()
    put_back: Counter[str] = Counter()
    for each in result.report.passes:
        proved += each.proved
        put_back += each.reverted
    predicate = {
        "input": _descriptor(*source),
        "tool": {"name": "wasmopt", "version": VERSION, "validator": validator_version()},
        "options": {
            each.name: _plain(getattr(options, each.name))
            for each in fields(options)
            if each.name not in _NO_MATTER
        },
        "assumptions": ASSUMPTIONS,
        "functions": {"defined": result.report.functions, "changed": result.report.changed},
        "changes": {
            "kept": proved.total(),
            "proved": dict(sorted(proved.items())),
            "putBack": dict(sorted(put_back.items())),
        },
        **{member: _descriptor(*file) for member, file in others.items()},
    }
    statement = {
        "_type": STATEMENT,
        "subject": [_descriptor(*output)],
        "predicateType": PREDICATE,
        "predicate": predicate,
    }
    return (json.dumps(statement, indent=2) + "\n").encode()


def _descriptor(name: str, data: bytes) -> dict[str, Any]:
    """A ResourceDescriptor: the name without folders, which are those of one machine."""
    name = _UNNAMED if name == STANDARD_STREAM else PurePath(name).name or _UNNAMED
    return {"name": name, "digest": {"sha256": sha256(data).hexdigest()}}


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
