"""Other solvers that can answer a question in SMT-LIB 2: by their Python package, or by a program.

Budgets count steps of the solver, never seconds, so that the answers do not depend on the machine.
A program of Bitwuzla has no such budget.
"""

from __future__ import annotations

import importlib
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from typing import Any, Final, Literal

from wasmopt.errors import UsageError

Answer = Literal["unsat", "sat", "unknown"]
Ask = Callable[[str, int], Answer]
"""Called with a question and a budget in Z3's resource units."""

CVC5_UNIT: Final = 20
"""Resource units of Z3 for one of cvc5's `rlimit`: so that both give up after about as long."""
BITWUZLA_UNIT: Final = 200
"""The same for one time that Bitwuzla asks whether to go on."""


class QuestionError(Exception):
    """A solver cannot read a question; the message is one line."""


def ask_solver(name: str, question: str, resources: int) -> Answer:
    """What a solver says; for processes of its own, which can be ended and may crash.

    Args:
        name: one of `SOLVERS`.
        question: in SMT-LIB 2.
        resources: what it may spend on it, in Z3's resource units.

    Raises:
        UsageError: it is not installed.
        QuestionError: it cannot read the question.
    """
    return find_solver(name)[1](question, resources)


@cache
def find_solver(name: str) -> tuple[str, Ask]:
    """Name with version of a solver, and what asks it.

    Args:
        name: one of `SOLVERS`.

    Raises:
        UsageError: it is not installed.
    """
    try:
        package: Any = importlib.import_module(name)
    except ImportError:
        program = shutil.which(name)
        if program is None:
            extra = "z3-solver" if name == "z3" else "'wasmopt[recheck]'"
            raise UsageError(
                f"{name} is not installed: pip install {extra}, or put {name} on the PATH"
            ) from None
        return _program(name, program)
    return SOLVERS[name](package)


def _z3(package: Any) -> tuple[str, Ask]:
    def ask(question: str, resources: int) -> Answer:
        solver = package.SimpleSolver(ctx=package.Context())
        solver.set(rlimit=resources, random_seed=0, ctrl_c=False)
        try:
            solver.from_string(question)
            return _answer(repr(solver.check()))
        except package.Z3Exception as error:
            raise QuestionError(_first_line(error.args[0] if error.args else error)) from None

    return f"z3 {package.get_version_string()}", ask


def _bitwuzla(package: Any) -> tuple[str, Ask]:
    def ask(question: str, resources: int) -> Answer:
        parser = package.Parser(package.TermManager(), package.Options())
        try:
            parser.parse(question, True, False)  # no answers on standard output, no file
        except package.BitwuzlaException as error:
            raise QuestionError(_first_line(error)) from None
        left = resources // BITWUZLA_UNIT

        def is_enough() -> bool:
            nonlocal left
            left -= 1
            return left < 0

        solver = parser.bitwuzla()
        solver.configure_terminator(is_enough)
        return _answer(str(solver.check_sat()))

    return f"bitwuzla {package.version()}", ask


def _cvc5(package: Any) -> tuple[str, Ask]:
    def ask(question: str, resources: int) -> Answer:
        terms = package.TermManager()
        solver = package.Solver(terms)
        solver.setOption("rlimit", str(resources // CVC5_UNIT))
        symbols = package.SymbolManager(terms)
        parser = package.InputParser(solver, symbols)
        parser.setStringInput(package.InputLanguage.SMT_LIB_2_6, question, "question")
        said = ""
        try:
            while not (command := parser.nextCommand()).isNull():
                said = command.invoke(solver, symbols) or said
        except RuntimeError as error:
            raise QuestionError(_first_line(error)) from None
        return _answer(said)

    return f"cvc5 {package.__version__}", ask


def _program(name: str, path: str) -> tuple[str, Ask]:
    def ask(question: str, resources: int) -> Answer:
        budget = {
            "z3": ["-in", f"rlimit={resources}"],
            "cvc5": ["--lang=smt2", f"--rlimit={resources // CVC5_UNIT}", "-"],
        }
        command = [path, *budget.get(name, [])]
        done = subprocess.run(command, input=question.encode(), capture_output=True, check=False)
        said = done.stdout.decode(errors="replace")
        if done.returncode and not said.strip():
            said = done.stderr.decode(errors="replace")
        return _answer(said)

    done = subprocess.run([path, "--version"], capture_output=True, check=False)
    return f"{name} ({_first_line(done.stdout)})", ask


def _answer(said: str) -> Answer:
    """The answer in what a solver says.

    Raises:
        QuestionError: it says something else.
    """
    words = said.split()
    answer = _ANSWERS.get(words[0]) if words else None
    if answer is None:
        raise QuestionError(_first_line(said) or "it ends without an answer")
    return answer


_ANSWERS: Final[dict[str, Answer]] = {"unsat": "unsat", "sat": "sat", "unknown": "unknown"}


def _first_line(said: object) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return text.strip().partition("\n")[0]


SOLVERS: Final[dict[str, Callable[[Any], tuple[str, Ask]]]] = {
    "z3": _z3,
    "bitwuzla": _bitwuzla,
    "cvc5": _cvc5,
}
"""By the name of their package and program."""
