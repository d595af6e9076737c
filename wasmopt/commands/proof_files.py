"""`--proofs`, `--dump-smt2` and `--attestation`: flags, and the files that they name."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final

from wasmopt.api import Result
from wasmopt.component_api import ComponentResult
from wasmopt.decode import decode
from wasmopt.errors import UsageError
from wasmopt.files import STANDARD_STREAM, write_output
from wasmopt.module import Module
from wasmopt.options import Options
from wasmopt.reporting.attestation import attestation
from wasmopt.reporting.names import known_names
from wasmopt.reporting.obligations import MANIFEST, ObligationFolder, check_place
from wasmopt.reporting.proof_lines import (
    parts_of,
    proof_lines,
    verification_entries,
    write_lines,
)
from wasmopt.verify import TwoModules

PROOF_FLAGS: Final = ("--proofs", "--dump-smt2", "--attestation")


def add_proof_files(group: argparse._ArgumentGroup | argparse.ArgumentParser) -> None:
    """Add the flags that all commands have which prove anything."""
    group.add_argument(
        "--proofs", metavar="FILE", help="write a line of JSON for each proof, kept or not"
    )
    group.add_argument(
        "--dump-smt2",
        metavar="DIR",
        help="write what Z3 is asked as SMT-LIB 2, for wasmopt recheck; verdicts of other runs are "
        "neither used nor kept then",
    )


def check_proof_files(settings: argparse.Namespace, written: Sequence[str | None]) -> None:
    """Tell what can be wrong with the flags before the work begins.

    Args:
        settings: what was given.
        written: what else is written.

    Raises:
        UsageError: they make no sense.
        OutputError: the folder is one of something else.
    """
    files = [*written, settings.proofs]
    if hasattr(settings, "attestation"):
        files.append(settings.attestation)
        if settings.attestation is not None and settings.output is None:
            raise UsageError("--attestation is about the output, name one with -o")
    if files.count(STANDARD_STREAM) > 1:
        raise UsageError("only one file can be written to standard output")
    if settings.dump_smt2 is not None:
        if settings.solver == "none":
            raise UsageError("with --solver none there is nothing that a solver is asked")
        settings.subject = settings.dump_smt2
        check_place(settings.dump_smt2)


def write_proof_files(
    settings: argparse.Namespace,
    options: Options,
    result: Result | ComponentResult,
    *,
    symbols: Module | None,
    source: bytes,
    output: bytes,
) -> None:
    """Write what the flags ask for, of a run that optimized.

    Args:
        settings: what was given.
        options: of the run.
        result: of the run.
        symbols: the input with names.
        source: contents of the input file.
        output: contents of the output file.
    """
    lines = []
    folder = ObligationFolder()
    for name, part in parts_of(result) if settings.proofs or settings.dump_smt2 else ():
        names = known_names(decode(part.source), symbols)
        lines += proof_lines(part.proofs, names, name)
        folder.add(part.proofs, names, name)
    others = {}
    if settings.proofs is not None:
        log = write_lines(lines)
        others["proofs"] = (settings.proofs, log)
        settings.subject = settings.proofs
        write_output(settings.proofs, log)
    if settings.dump_smt2 is not None:
        others["obligations"] = (MANIFEST, folder.manifest())
        settings.subject = settings.dump_smt2
        folder.write(settings.dump_smt2)
    if settings.attestation is not None:
        files = ((settings.input, source), (settings.output, output))
        settings.subject = settings.attestation
        write_output(settings.attestation, attestation(result, options, *files, others))


def write_verification_files(
    settings: argparse.Namespace,
    found: TwoModules,
    before: tuple[bytes, Module],
    after: tuple[bytes, Module],
) -> None:
    """Write what the flags ask for, of two modules that were compared."""
    if settings.proofs is None and settings.dump_smt2 is None:
        return
    entries = verification_entries(found, before, after)
    names = known_names(before[1])
    if settings.proofs is not None:
        settings.subject = settings.proofs
        write_output(settings.proofs, write_lines(proof_lines(entries, names)))
    if settings.dump_smt2 is not None:
        folder = ObligationFolder()
        folder.add(entries, names)
        settings.subject = settings.dump_smt2
        folder.write(settings.dump_smt2)
