"""`python -m wasmopt` is the `wasmopt` command."""

from wasmopt.cli import run_as_program

if __name__ == "__main__":  # worker processes import it under another name
    run_as_program()
