"""The module around the functions that tests of passes are about."""

from __future__ import annotations


def function(code: str, signature: str = "(param i32 i32) (result i32) (local i32 i32)") -> str:
    """A module whose last function has this code, and what code may want to use.

    `$value` and `$use` stand for code that must neither go nor move.
    """
    return f"""(module
        (import "e" "value" (func $value (result i32)))
        (import "e" "use" (func $use (param i32)))
        (import "e" "pair" (func $pair (result i32 i32)))
        (import "e" "wide" (func $wide (result i64)))
        (import "e" "use_wide" (func $use_wide (param i64)))
        (import "e" "float" (func $float (result f64)))
        (import "e" "use_float" (func $use_float (param f64)))
        (memory 1)
        (table $t 4 funcref)
        (global $g (mut i32) (i32.const 0))
        (global $fixed i32 (i32.const 7))
        (func {signature} {code}))"""
