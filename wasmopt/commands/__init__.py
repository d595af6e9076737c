"""The commands: what `wasmopt`, `wasmopt report`, `wasmopt size`,
`wasmopt verify`, `wasmopt recheck` and `wasmopt replay` take and do.

Each module named like a command has `build_parser()`, which makes the parser of its arguments, and
`run(settings)`, which does the work and returns the exit code.  `settings.subject` is the file at
hand, which errors name.
"""

from __future__ import annotations

from typing import Final

COMMANDS: Final = {
    "report": "show the report of a run, or two of them side by side",
    "size": "show where the bytes of modules are",
    "verify": "prove or refute that two modules are the same program",
    "recheck": "ask another solver what wasmopt asked Z3",
    "replay": "run a counterexample of verify again",
}
"""The commands besides optimizing, which has no name."""

EXIT_CODES: Final = (
    "exit codes: 0 fine, 1 a file that is read or written is at fault, 2 the command line is, "
    "3 over a size budget, 4 two modules are refuted to be the same program, 5 they are not proved "
    "to be"
)
