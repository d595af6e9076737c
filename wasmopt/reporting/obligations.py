"""What the solver was asked, as a folder of SMT-LIB 2 files that any other solver can read.

    DIR/manifest.json          which files there are, and what each is about
    DIR/<sha256>.smt2          one question, named by the SHA-256 of the file

`wasmopt recheck DIR` asks another solver.  docs/proofs.md has the members in a table.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from wasmopt.errors import InputError, OutputError
from wasmopt.files import read_file, write_folder
from wasmopt.proof_log import ProofEntry
from wasmopt.reporting.codec import read_record, write_record
from wasmopt.verdict import Obligation
from wasmopt.verify import solver_version, validator_version
from wasmopt.version import VERSION

SCHEMA: Final = "wasmopt.obligations/1"
MANIFEST: Final = "manifest.json"
_NAME: Final = re.compile(r"[0-9a-f]{64}\.smt2")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObligationRow:
    """One question.

    Attributes:
        file: The file that has it; its name is the SHA-256 of what is in it.
        module: The core module of a component; null where the input is a module.
        function: Index of the function when the change was made, imported ones counted; in the old
            module where the change is one of the whole module.
        name: What it is called in the input; null where that is not known.
        pass_name: The pass that made the change; null for `wasmopt verify`.
        before: SHA-256 of the body, or of the module, before the change, as in the proof log.
        after: The same after it.
        number: Which question of the proof it is, from 1 on.
        expected: What the solver said; a proof needs `unsat`.
        resources: How much the solver had for it, in Z3's resource units.
    """

    file: str
    module: str | None
    function: int | None
    name: str | None
    pass_name: str | None
    before: str | None
    after: str | None
    number: int
    expected: Literal["unsat", "sat", "unknown"]
    resources: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The folder.

    Attributes:
        schema: Version of this format.
        tool: Version of wasmopt.
        validator: Version of the validator: of wasmopt, of its libraries and of its sources.
        solver: Name and version of the solver that gave the answers.
        obligations: The questions in the order of the proof log.
    """

    schema: str
    tool: str
    validator: str
    solver: str
    obligations: tuple[ObligationRow, ...]


class ObligationFolder:
    """The files of a run, one module after the other.

    Attributes:
        files: what is in them, by name; the manifest is not among them.
        rows: what the manifest says of them.
    """

    def __init__(self) -> None:
        self.files: Final[dict[str, bytes]] = {}
        self.rows: Final[list[ObligationRow]] = []

    def add(
        self, entries: Iterable[ProofEntry], names: Mapping[int, str], module: str | None = None
    ) -> None:
        """Add the questions of one module; the arguments are those of `proof_lines`."""
        for entry in entries:
            counts: dict[int | None, int] = {}
            for each in entry.obligations:
                function = entry.function if each.function is None else each.function
                source = entry.source if entry.function is not None else None
                if entry.change is None:
                    source = function  # both modules are as they were given
                name = None if source is None else names.get(source)
                number = counts[function] = counts.get(function, 0) + 1
                about = _about(module, function, name, entry.change)
                data = _file_text(each, f"{about}: question {number} of its proof").encode()
                row = ObligationRow(
                    file=f"{sha256(data).hexdigest()}.smt2",
                    module=module,
                    function=function,
                    name=name,
                    pass_name=entry.change,
                    before=entry.compared[0],
                    after=entry.compared[1],
                    number=number,
                    expected=each.answer,
                    resources=each.resources,
                )
                self.files[row.file] = data
                self.rows.append(row)

    def manifest(self) -> bytes:
        """The file that lists the others."""
        manifest = Manifest(
            schema=SCHEMA,
            tool=VERSION,
            validator=validator_version(),
            solver=solver_version(),
            obligations=tuple(self.rows),
        )
        return write_record(manifest).encode()

    def write(self, path: str) -> None:
        """Write the folder, all at once, in the place of one that was written before.

        Raises:
            OutputError: it cannot be written, or is a folder of something else.
        """
        check_place(path)
        write_folder(path, {**self.files, MANIFEST: self.manifest()})


def _about(
    module: str | None, function: int | None, name: str | None, pass_name: str | None
) -> str:
    """What a question is about, in a line: names are quoted, whatever is in them."""
    about = "the whole module" if function is None else f"function {function}"
    about += f" {json.dumps(name)}" if name is not None else ""
    about += f" of {json.dumps(module)}" if module is not None else ""
    return about + (f", {pass_name}" if pass_name is not None else ", wasmopt verify")


def _file_text(obligation: Obligation, about: str) -> str:
    """A file that stands by itself."""
    return (
        f"; {about}\n"
        "; unsat: two values are equal, before and after, wherever control comes there\n"
        "(set-info :smt-lib-version 2.6)\n"
        f"(set-info :status {obligation.answer})\n"
        f"(set-logic {obligation.logic})\n"
        f"{obligation.text}"
        "(check-sat)\n"
    )


def check_place(path: str) -> None:
    """Check that a folder can be written there without taking anything from anybody.

    Raises:
        OutputError: there is something else.
    """
    try:
        names = os.listdir(path)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise OutputError(f"cannot write: {(reason or str(error)).lower()}") from None
    foreign = [each for each in names if each != MANIFEST and not _NAME.fullmatch(each)]
    if foreign or (names and MANIFEST not in names):
        other = min(foreign or names)
        raise OutputError(f"cannot write: the folder has other files, {other} for instance")


def read_folder(path: str) -> tuple[Manifest, dict[str, str]]:
    """A folder that `ObligationFolder.write` made: its manifest, and the files by name.

    Raises:
        InputError: a file is missing, damaged or not what the manifest says.
    """
    folder = Path(path)
    manifest = read_record(Manifest, _read(folder / MANIFEST), SCHEMA, "a manifest of obligations")
    texts = {}
    for row in manifest.obligations:
        name = row.file
        if not _NAME.fullmatch(name):
            raise InputError(f"{MANIFEST}: {json.dumps(name)} is no name of an obligation")
        if name in texts:
            continue
        data = _read(folder / name)
        if f"{sha256(data).hexdigest()}.smt2" != name:
            raise InputError(f"{name} was changed: its contents do not have the hash in its name")
        texts[name] = data.decode("ascii", "replace")
    for row in manifest.obligations:
        if f"\n(set-info :status {row.expected})\n" not in texts[row.file]:
            raise InputError(f"{MANIFEST} expects {row.expected} of {row.file}, which does not")
        if row.resources < 0:
            raise InputError(f"{MANIFEST}: resources of {row.file} are less than none")
    return manifest, texts


def _read(path: Path) -> bytes:
    try:
        return read_file(path)
    except InputError as error:
        raise InputError(f"{path.name}: {error.problem}") from None
