"""`make fuzz-decoder`: bytes made by coverage-guided mutation (atheris, libFuzzer), decoded.

Whatever the bytes are, they are a module or are refused by an `InputError` of one line.  Starts
from random modules; arguments go to libFuzzer: `ARGS="-max_total_time=600"`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["wasmopt"]):
    from tests.fuzz.choices import Choices
    from tests.fuzz.damage import read_or_refuse
    from tests.fuzz.generate import random_module
    from wasmopt.encode import encode

SEEDS = range(200)


def _look_at(data: bytes) -> None:
    read_or_refuse(data)


def main() -> None:
    """Fuzz until libFuzzer is told to stop; it ends the process."""
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            data = encode(random_module(Choices.of_seed(seed)))
            (Path(folder) / str(seed)).write_bytes(data)
        atheris.Setup([*sys.argv, folder], _look_at)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
