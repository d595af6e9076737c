"""`wasmopt recheck`: does another solver say the same?"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import BrokenExecutor, Executor
from typing import Final

from wasmopt.commands import EXIT_CODES
from wasmopt.commands.console import say
from wasmopt.commands.parser import Parser
from wasmopt.errors import InputError, UsageError
from wasmopt.files import STANDARD_STREAM, write_standard_output
from wasmopt.parallel import processes
from wasmopt.reporting.obligations import Manifest, ObligationRow, read_folder
from wasmopt.solvers import SOLVERS, Answer, QuestionError, ask_solver, find_solver

EFFORT: Final = 4
AGREE: Final = "agree"
DISAGREE: Final = "disagree"
UNKNOWN: Final = "unknown"
OPEN: Final = "open"


def build_parser() -> Parser:
    """The parser."""
    parser = Parser(
        "wasmopt recheck",
        "[options] DIR",
        "Puts what wasmopt asked Z3, as --dump-smt2 DIR wrote it, to another solver.",
        f"{EXIT_CODES}; here 4 says that the solvers disagree, and 5 that the other one does not "
        "know of a question whose answer a proof may need",
    )
    parser.add_argument("folder", metavar="DIR", help="what --dump-smt2 wrote")
    parser.add_argument(
        "--solver",
        choices=SOLVERS,
        default="cvc5",
        help="which one, cvc5 unless given; its Python package (pip install 'wasmopt[recheck]') or "
        "its program on the PATH",
    )
    parser.add_argument(
        "--effort",
        type=int,
        default=EFFORT,
        metavar="N",
        help="how many times as long as Z3 it may take for a question, in steps and not in "
        f"seconds; {EFFORT} unless given",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="nothing but errors")
    return parser


def run(settings: argparse.Namespace) -> int:
    """Ask it everything; the exit code."""
    if settings.effort < 1:
        raise UsageError(f"--effort is {settings.effort}, it is a number from 1 on")
    settings.subject = settings.folder
    manifest, texts = read_folder(settings.folder)
    solver, _ = find_solver(settings.solver)
    with processes(1) as pool:
        answers = _answers(pool, manifest, texts, settings, solver)
    counts: Counter[str] = Counter()
    missing = False
    for row in manifest.obligations:
        answer = answers[row.file]
        outcome = _compared(row, answer)
        counts[outcome] += 1
        missing |= outcome == UNKNOWN and row.expected == "unsat"
        if outcome in (DISAGREE, UNKNOWN) and not settings.quiet:
            say(f"{outcome}: {answer}, expected {row.expected}: {_about(row)}: {row.file}")
    if not settings.quiet:
        settings.subject = STANDARD_STREAM
        text = _summary(settings.folder, manifest, solver, counts)
        write_standard_output(text.encode("utf-8", "backslashreplace"))
    if counts[DISAGREE]:
        return 4
    return 5 if missing else 0


def _answers(
    pool: Executor,
    manifest: Manifest,
    texts: Mapping[str, str],
    settings: argparse.Namespace,
    solver: str,
) -> dict[str, Answer]:
    """What the solver says of each file, in a process that can be ended and may crash.

    Raises:
        InputError: it cannot read one of them.
    """
    answers: dict[str, Answer] = {}
    for row in manifest.obligations:
        if row.file in answers:
            continue
        budget = row.resources * settings.effort
        asked = pool.submit(ask_solver, settings.solver, texts[row.file], budget)
        try:
            answers[row.file] = asked.result()
        except QuestionError as error:
            raise InputError(f"{solver} cannot read {row.file}: {error}") from None
        except BrokenExecutor:
            raise InputError(f"{solver} crashed on {row.file}") from None
    return answers


def _compared(row: ObligationRow, answer: Answer) -> str:
    """What an answer is next to the one that was given; where none was, any will do."""
    if row.expected == "unknown":
        return OPEN
    if answer == "unknown":
        return UNKNOWN
    return AGREE if answer == row.expected else DISAGREE


def _about(row: ObligationRow) -> str:
    parts = [row.module, None if row.function is None else f"function {row.function}"]
    parts += [row.name, row.pass_name, f"question {row.number}"]
    return ", ".join([each for each in parts if each is not None])


def _summary(folder: str, manifest: Manifest, solver: str, counts: Counter[str]) -> str:
    total = len(manifest.obligations)
    proofs = sum([row.expected == "unsat" for row in manifest.obligations])
    line = f"{folder}: {total} obligations, {proofs} of them unsat, asked {solver}: "
    line += ", ".join([f"{counts[each]} {each}" for each in (AGREE, DISAGREE, UNKNOWN)])
    if counts[OPEN]:
        line += f"; {counts[OPEN]} that {manifest.solver} left open"
    return line + "\n"
