"""`python -m wasmopt` is the `wasmopt` command."""

from wasmopt.cli import run_as_program

run_as_program()
