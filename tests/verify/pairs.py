"""Pairs of functions: those that must be proved equal, and those that must never be."""

from __future__ import annotations

from typing import Final

from tests.support import module_of
from wasmopt.context import Context
from wasmopt.verdict import Proved, Verdict
from wasmopt.verify.joint import Comparison, DifferentError
from wasmopt.verify.prover import Prover
from wasmopt.verify.unsupported import UnsupportedError
from wasmopt.verify.window import whole_function

MODULE: Final = """(module
  (import "e" "f" (func $f (param i32)))
  (import "e" "g" (func $g (result i32)))
  (tag $a (param i32)) (tag $c (param i32))
  (memory 1) (table $t 4 funcref)
  (global $sp (export "sp") (mut i32) (i32.const 0))
  (global $b (export "b") (mut i32) (i32.const 0))
  (global $k i32 (i32.const 7))
  (func (export "x") {})
)"""


def verdict(before: str, after: str) -> Verdict:
    """What the whole prover says of two functions, given as their fields in `MODULE`."""
    module = module_of(MODULE.format(before))
    changed = module_of(MODULE.format(after), module.pool)
    assert module.types == changed.types, "both versions must have the same types"
    return Prover()(module.functions[0], changed.functions[0], Context(module))


def summaries_equal(before: str, after: str) -> bool:
    """Whether running both versions side by side proves them equal, no other tier involved."""
    module = module_of(MODULE.format(before))
    changed = module_of(MODULE.format(after), module.pool)
    context = Context(module)
    codes = [whole_function(each.functions[0], context) for each in (module, changed)]
    for by_index in (True, False):
        try:
            Comparison(codes[0], codes[1], context, by_index=by_index).check()
        except (DifferentError, UnsupportedError):
            continue
        return True
    return False


def is_proved(before: str, after: str) -> bool:
    """Whether the prover accepts the change."""
    return isinstance(verdict(before, after), Proved)


EQUAL: Final = {
    "eight bytes copied at once": (
        "(param i32 i32) (memory.copy (local.get 0) (local.get 1) (i32.const 8))",
        "(param i32 i32) (i64.store (local.get 0) (i64.load (local.get 1)))",
    ),
    "four bytes filled at once": (
        "(param i32) (memory.fill (local.get 0) (i32.const 0x181) (i32.const 4))",
        "(param i32) (i32.store (local.get 0) (i32.const 0x81818181))",
    ),
    "one byte filled": (
        "(param i32 i32) (memory.fill (local.get 0) (local.get 1) (i32.const 1))",
        "(param i32 i32) (i32.store8 (local.get 0) (local.get 1))",
    ),
    "a local that holds the same value": (
        "(param i32) (result i32) (local i32) (local.set 1 (local.get 0)) (local.get 1)",
        "(param i32) (result i32) (local i32) (local.get 0)",
    ),
    "if and select": (
        """(param i32 i32 i32) (result i32)
           (if (result i32) (local.get 0) (then (local.get 1)) (else (local.get 2)))""",
        """(param i32 i32 i32) (result i32)
           (select (local.get 1) (local.get 2) (local.get 0))""",
    ),
    "eqz flips the arms": (
        """(param i32) (result i32)
           (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1)) (else (i32.const 2)))""",
        """(param i32) (result i32)
           (if (result i32) (local.get 0) (then (i32.const 2)) (else (i32.const 1)))""",
    ),
    "br_if out of a block and if": (
        """(param i32)
           (block (br_if 0 (local.get 0)) (call $f (i32.const 1)))""",
        """(param i32)
           (if (i32.eqz (local.get 0)) (then (call $f (i32.const 1))))""",
    ),
    "a value set in both arms": (
        """(param i32) (result i32) (local i32)
           (if (local.get 0) (then (local.set 1 (i32.const 5))) (else (local.set 1 (i32.const 6))))
           (local.get 1)""",
        """(param i32) (result i32) (local i32)
           (if (result i32) (local.get 0) (then (i32.const 5)) (else (i32.const 6)))""",
    ),
    "a loop with its locals renumbered": (
        """(param i32) (result i32) (local i32 i32)
           (loop
             (local.set 1 (i32.add (local.get 1) (i32.const 1)))
             (local.set 2 (i32.add (local.get 2) (local.get 1)))
             (br_if 0 (i32.lt_u (local.get 1) (local.get 0))))
           (local.get 2)""",
        """(param i32) (result i32) (local i32 i32)
           (loop
             (local.set 2 (i32.add (local.get 2) (i32.const 1)))
             (local.set 1 (i32.add (local.get 1) (local.get 2)))
             (br_if 0 (i32.lt_u (local.get 2) (local.get 0))))
           (local.get 1)""",
    ),
    "a local that only one version keeps in the loop": (
        """(param i32) (result i32) (local i32)
           (local.set 1 (local.get 0))
           (loop
             (local.set 1 (local.get 0))
             (br_if 0 (call $g)))
           (local.get 1)""",
        """(param i32) (result i32) (local i32)
           (loop (br_if 0 (call $g)))
           (local.get 0)""",
    ),
    "nested loops": (
        """(param i32) (result i32) (local i32 i32)
           (loop
             (local.set 2 (i32.const 0))
             (loop
               (local.set 2 (i32.add (local.get 2) (i32.const 1)))
               (br_if 0 (i32.lt_u (local.get 2) (local.get 1))))
             (local.set 1 (i32.add (local.get 1) (local.get 2)))
             (br_if 0 (i32.lt_u (local.get 1) (local.get 0))))
           (local.get 1)""",
        """(param i32) (result i32) (local i32 i32)
           (loop
             (local.set 1 (i32.const 0))
             (loop
               (local.set 1 (i32.add (local.get 1) (i32.const 1)))
               (br_if 0 (i32.lt_u (local.get 1) (local.get 2))))
             (local.set 2 (i32.add (local.get 2) (local.get 1)))
             (br_if 0 (i32.lt_u (local.get 2) (local.get 0))))
           (local.get 2)""",
    ),
    "a load seen again": (
        """(param i32) (result i32)
           (i32.add (i32.load (local.get 0)) (i32.load (local.get 0)))""",
        """(param i32) (result i32) (local i32)
           (i32.add (local.tee 1 (i32.load (local.get 0))) (local.get 1))""",
    ),
    "a stored value read back": (
        """(param i32 i32) (result i32)
           (i32.store (local.get 0) (local.get 1)) (i32.load (local.get 0))""",
        """(param i32 i32) (result i32)
           (i32.store (local.get 0) (local.get 1)) (local.get 1)""",
    ),
    "two loads in the other order": (
        """(param i32 i32) (result i32)
           (i32.add (i32.load (local.get 0)) (i32.load (local.get 1)))""",
        """(param i32 i32) (result i32)
           (i32.add (i32.load (local.get 1)) (i32.load (local.get 0)))""",
    ),
    "a branch table and tests": (
        """(param i32) (result i32)
           (block (block (br_table 0 1 (local.get 0))) (return (i32.const 5)))
           (i32.const 6)""",
        """(param i32) (result i32)
           (if (i32.eq (local.get 0) (i32.const 0)) (then (return (i32.const 5))))
           (i32.const 6)""",
    ),
    "an immutable global": (
        "(result i32) (global.get $k)",
        "(result i32) (i32.const 7)",
    ),
    "a tail of code that cannot run": (
        "(param i32) (br_if 0 (i32.const 1)) (call $f (local.get 0))",
        "(param i32)",
    ),
}

_CATCH: Final = """(param i32) (result i32) (local i32)
    (block $none
      (block $caught (result i32)
        (try_table (catch {tag} $caught) (catch_all $none) {body})
        (br $none))
      (return))
    (local.get {result})"""

EQUAL["around a call that may throw"] = (
    _CATCH.format(
        tag="$a",
        body="(local.set 1 (i32.add (local.get 0) (local.get 0))) (call $f (local.get 1))",
        result="1",
    ),
    _CATCH.format(
        tag="$a",
        body="(call $f (local.tee 1 (i32.shl (local.get 0) (i32.const 1))))",
        result="1",
    ),
)
EQUAL["a throw that is caught in the function"] = (
    _CATCH.format(tag="$a", body="(throw $a (i32.add (local.get 0) (i32.const 0)))", result="0"),
    "(param i32) (result i32) (local i32) (local.get 0)",
)
EQUAL["a throw past a clause of another tag"] = (
    _CATCH.format(tag="$c", body="(throw $a (local.get 0))", result="0"),
    "(param i32) (result i32) (local i32) (local.get 0)",
)
EQUAL["an exception thrown again"] = (
    """(param i32)
       (block $caught (result exnref)
         (try_table (catch_all_ref $caught) (call $f (local.get 0)))
         (return))
       (throw_ref)""",
    """(param i32)
       (block $caught (result exnref)
         (try_table (catch_all_ref $caught)
           (call $f (i32.add (local.get 0) (i32.const 0))))
         (return))
       (throw_ref)""",
)
EQUAL["a constant address and an offset"] = (
    "(result i32) (i32.store offset=4 (i32.const 8) (i32.const 5)) (i32.load (i32.const 12))",
    "(result i32) (i32.store (i32.const 12) (i32.const 5)) (i32.const 5)",
)
DIFFERENT: Final = {
    "two bytes copied, four read": (
        "(memory.copy (i32.const 0) (i32.const 65534) (i32.const 2))",
        "(i32.store16 (i32.const 0) (i32.load (i32.const 65534)))",
    ),
    "eight bytes copied over themselves four by four": (
        """(param i32) (i32.store (i32.const 8) (local.get 0))
           (memory.copy (i32.const 12) (i32.const 8) (i32.const 8))""",
        """(param i32) (i32.store (i32.const 8) (local.get 0))
           (i32.store (i32.const 12) (i32.load (i32.const 8)))
           (i32.store (i32.const 16) (i32.load (i32.const 12)))""",
    ),
    "the low byte of what fills stored": (
        "(param i32 i32) (memory.fill (local.get 0) (local.get 1) (i32.const 4))",
        "(param i32 i32) (i32.store (local.get 0) (local.get 1))",
    ),
    "filled with a byte less": (
        "(param i32) (memory.fill (local.get 0) (i32.const 7) (i32.const 4))",
        "(param i32) (i32.store (local.get 0) (i32.const 0x070707))",
    ),
    "a handler taken away": (
        _CATCH.format(tag="$a", body="(call $f (local.get 0))", result="0"),
        "(param i32) (result i32) (local i32) (call $f (local.get 0)) (local.get 0)",
    ),
    "another tag caught": (
        _CATCH.format(tag="$a", body="(call $f (local.get 0))", result="0"),
        _CATCH.format(tag="$c", body="(call $f (local.get 0))", result="0"),
    ),
    "a local set before the call that throws": (
        _CATCH.format(
            tag="$a", body="(call $f (local.get 0)) (local.set 1 (i32.const 1))", result="1"
        ),
        _CATCH.format(
            tag="$a", body="(local.set 1 (i32.const 1)) (call $f (local.get 0))", result="1"
        ),
    ),
    "a call moved out of reach of the handler": (
        _CATCH.format(tag="$a", body="(call $f (local.get 0))", result="0"),
        "(param i32) (result i32) (local i32) (call $f (local.get 0))"
        + _CATCH.format(tag="$a", body="", result="0")[
            len("(param i32) (result i32) (local i32)") :
        ],
    ),
    "another value thrown": (
        _CATCH.format(tag="$a", body="(throw $a (local.get 0))", result="0"),
        _CATCH.format(tag="$a", body="(throw $a (i32.const 1))", result="0"),
    ),
    "a tail call is not caught": (
        _CATCH.format(tag="$a", body="(return (call $g))", result="0"),
        _CATCH.format(tag="$a", body="(return_call $g)", result="0"),
    ),
    "a constant address that does not wrap": (
        "(result i32) (i32.load offset=8 (i32.const -8))",
        "(result i32) (i32.load (i32.const 0))",
    ),
    "traps in another state, though the global comes back": (
        # before: traps before the global changes; after: while it is changed
        """(param i32 i32) (local i32)
           (drop (i32.div_u (i32.const 1) (local.get 0)))
           (local.set 2 (global.get $sp))
           (global.set $sp (i32.const 9))
           (drop (i32.div_u (i32.const 1) (local.get 1)))
           (global.set $sp (local.get 2))""",
        """(param i32 i32) (local i32)
           (local.set 2 (global.get $sp))
           (global.set $sp (i32.const 9))
           (drop (i32.div_u (i32.const 1) (local.get 1)))
           (global.set $sp (local.get 2))
           (drop (i32.div_u (i32.const 1) (local.get 0)))""",
    ),
    "a trap moved behind an endless loop": (
        "(param i32) (drop (i32.div_u (i32.const 1) (local.get 0))) (loop (br_if 0 (local.get 0)))",
        "(param i32) (loop (br_if 0 (local.get 0))) (drop (i32.div_u (i32.const 1) (local.get 0)))",
    ),
    "a trap moved out of a loop": (
        """(param i32) (loop (call $f (i32.const 1))
             (drop (i32.div_u (i32.const 1) (local.get 0))) (br_if 0 (call $g)))""",
        """(param i32) (drop (i32.div_u (i32.const 1) (local.get 0)))
           (loop (call $f (i32.const 1)) (br_if 0 (call $g)))""",
    ),
    "a trap moved across a call": (
        "(param i32) (call $f (i32.const 1)) (drop (i32.load (local.get 0)))",
        "(param i32) (drop (i32.load (local.get 0))) (call $f (i32.const 1))",
    ),
    "a trap moved across a store": (
        """(param i32) (i32.store (i32.const 0) (i32.const 1))
           (drop (i32.div_u (i32.const 1) (local.get 0)))""",
        """(param i32) (drop (i32.div_u (i32.const 1) (local.get 0)))
           (i32.store (i32.const 0) (i32.const 1))""",
    ),
    "a dropped load": ("(param i32) (drop (i32.load (local.get 0)))", "(param i32)"),
    "a weaker bounds check": (
        "(param i32) (drop (i64.load (local.get 0)))",
        "(param i32) (drop (i32.load (local.get 0)))",
    ),
    "a loop that runs once less": (
        """(param i32) (result i32) (local i32)
           (loop (local.set 1 (i32.add (local.get 1) (i32.const 1)))
             (br_if 0 (i32.lt_u (local.get 1) (local.get 0)))) (local.get 1)""",
        """(param i32) (result i32) (local i32)
           (loop (local.set 1 (i32.add (local.get 1) (i32.const 1)))
             (br_if 0 (i32.le_u (local.get 1) (local.get 0)))) (local.get 1)""",
    ),
    "two counters that start alike and go apart": (
        """(param i32) (result i32) (local i32 i32)
           (loop (local.set 1 (i32.add (local.get 1) (i32.const 1)))
                 (local.set 2 (i32.add (local.get 2) (i32.const 2)))
             (br_if 0 (i32.lt_u (local.get 1) (local.get 0)))) (local.get 1)""",
        """(param i32) (result i32) (local i32 i32)
           (loop (local.set 1 (i32.add (local.get 1) (i32.const 1)))
                 (local.set 2 (i32.add (local.get 2) (i32.const 2)))
             (br_if 0 (i32.lt_u (local.get 1) (local.get 0)))) (local.get 2)""",
    ),
    "a value that changes in the third iteration": (
        """(param i32) (result i32) (local i32 i32 i32)
           (loop
             (local.set 3 (local.get 2)) (local.set 2 (local.get 1)) (local.set 1 (i32.const 1))
             (br_if 0 (call $g)))
           (local.get 3)""",
        """(param i32) (result i32) (local i32 i32 i32)
           (loop
             (local.set 3 (local.get 2)) (local.set 2 (local.get 1)) (local.set 1 (i32.const 1))
             (br_if 0 (call $g)))
           (i32.const 0)""",
    ),
    "a difference in a loop, before a loop within it that is run again": (
        """(param i32) (local i32 i32 i32)
           (loop
             (drop (i32.div_u (i32.const 1) (local.get 0)))
             (local.set 1 (i32.const 0)) (local.set 2 (i32.const 0))
             (loop
               (local.set 3 (local.get 2)) (local.set 2 (local.get 1))
               (local.set 1 (i32.const 1))
               (br_if 0 (call $g)))
             (br_if 0 (call $g)))""",
        """(param i32) (local i32 i32 i32)
           (loop
             (local.set 1 (i32.const 0)) (local.set 2 (i32.const 0))
             (loop
               (local.set 3 (local.get 2)) (local.set 2 (local.get 1))
               (local.set 1 (i32.const 1))
               (br_if 0 (call $g)))
             (br_if 0 (call $g)))""",
    ),
    "a loop within a loop is entered under another condition": (
        """(param i32) (local i32 i32 i32)
           (loop
             (if (local.get 0) (then
               (loop
                 (local.set 3 (local.get 2)) (local.set 2 (local.get 1))
                 (local.set 1 (i32.const 1)) (br_if 0 (call $g)))))
             (br_if 0 (call $g)))""",
        """(param i32) (local i32 i32 i32)
           (loop
             (if (i32.eqz (local.get 0)) (then
               (loop
                 (local.set 3 (local.get 2)) (local.set 2 (local.get 1))
                 (local.set 1 (i32.const 1)) (br_if 0 (call $g)))))
             (br_if 0 (call $g)))""",
    ),
    "a branch out of the changed part goes where it did": (
        """(param i32) (call $f (i32.const 1))
           (block (block (br_if 0 (local.get 0)) (return)) (unreachable))
           (call $f (i32.const 2))""",
        """(param i32) (call $f (i32.const 1))
           (block (block (drop (local.get 0)) (return)) (unreachable))
           (call $f (i32.const 2))""",
    ),
    "a branch out of the changed part to another label": (
        """(param i32)
           (block (block (call $f (i32.const 1)) (br_if 0 (local.get 0)) (return))
             (call $f (i32.const 3)))
           (call $f (i32.const 2))""",
        """(param i32)
           (block (block (call $f (i32.const 1)) (br_if 1 (local.get 0)) (return))
             (call $f (i32.const 3)))
           (call $f (i32.const 2))""",
    ),
    "an endless loop removed": ("(loop (br 0))", ""),
    "a loop that may be endless removed": (
        "(param i32) (loop (br_if 0 (i32.load (local.get 0))))",
        "(param i32) (drop (i32.load (local.get 0)))",
    ),
    "a call dropped": ("(call $f (i32.const 1))", ""),
    "two calls in the other order": (
        "(call $f (i32.const 1)) (call $f (i32.const 2))",
        "(call $f (i32.const 2)) (call $f (i32.const 1))",
    ),
    "a call under another condition": (
        "(param i32) (if (local.get 0) (then (call $f (i32.const 1))))",
        "(param i32) (if (i32.eqz (local.get 0)) (then (call $f (i32.const 1))))",
    ),
    "a load moved across a store that may alias": (
        """(param i32 i32) (result i32) (local i32)
           (local.set 2 (i32.load (local.get 0))) (i32.store (local.get 1) (i32.const 1))
           (local.get 2)""",
        """(param i32 i32) (result i32) (local i32)
           (i32.store (local.get 1) (i32.const 1)) (local.set 2 (i32.load (local.get 0)))
           (local.get 2)""",
    ),
    "a load moved across a store that overlaps": (
        """(param i32) (result i32) (local i32)
           (local.set 1 (i32.load (local.get 0)))
           (i32.store offset=3 (local.get 0) (i32.const 1)) (local.get 1)""",
        """(param i32) (result i32) (local i32)
           (i32.store offset=3 (local.get 0) (i32.const 1))
           (local.set 1 (i32.load (local.get 0))) (local.get 1)""",
    ),
    "a narrow store read back whole": (
        """(param i32 i32) (result i32)
           (i32.store8 (local.get 0) (local.get 1)) (i32.load8_u (local.get 0))""",
        """(param i32 i32) (result i32)
           (i32.store8 (local.get 0) (local.get 1)) (local.get 1)""",
    ),
    "a global read after a call": (
        "(result i32) (local i32) (local.set 0 (global.get $sp)) (drop (call $g)) (local.get 0)",
        "(result i32) (local i32) (drop (call $g)) (global.get $sp)",
    ),
    "memory.size after a call": (
        "(result i32) (local i32) (local.set 0 (memory.size)) (drop (call $g)) (local.get 0)",
        "(result i32) (local i32) (drop (call $g)) (memory.size)",
    ),
    "one grow for two": (
        "(result i32) (i32.add (memory.grow (i32.const 1)) (memory.grow (i32.const 1)))",
        """(result i32) (local i32)
           (i32.add (local.tee 0 (memory.grow (i32.const 1))) (local.get 0))""",
    ),
    "a wrong branch table entry": (
        """(param i32) (result i32)
           (block (block (br_table 0 1 0 (local.get 0))) (return (i32.const 5)))
           (i32.const 6)""",
        """(param i32) (result i32)
           (block (block (br_table 0 0 1 (local.get 0))) (return (i32.const 5)))
           (i32.const 6)""",
    ),
    "signed for unsigned": (
        "(param i32) (result i32) (i32.shr_s (local.get 0) (i32.const 1))",
        "(param i32) (result i32) (i32.shr_u (local.get 0) (i32.const 1))",
    ),
    "extended with the wrong sign": (
        "(param i32) (result i64) (i64.extend_i32_s (local.get 0))",
        "(param i32) (result i64) (i64.extend_i32_u (local.get 0))",
    ),
    "a float sum in the other order": (
        """(param f64 f64 f64) (result f64)
           (f64.add (f64.add (local.get 0) (local.get 1)) (local.get 2))""",
        """(param f64 f64 f64) (result f64)
           (f64.add (local.get 0) (f64.add (local.get 1) (local.get 2)))""",
    ),
    "results swapped": (
        "(param i32 i32) (result i32 i32) (local.get 0) (local.get 1)",
        "(param i32 i32) (result i32 i32) (local.get 1) (local.get 0)",
    ),
    "overflow of a signed division": (
        "(param i32) (drop (i32.div_s (local.get 0) (i32.const -1)))",
        "(param i32)",
    ),
    "unreachable removed": ("(param i32) (if (local.get 0) (then (unreachable)))", "(param i32)"),
    "a table entry written later": (
        "(param i32) (table.set $t (local.get 0) (ref.null func)) (call $f (i32.const 1))",
        "(param i32) (call $f (i32.const 1)) (table.set $t (local.get 0) (ref.null func))",
    ),
}
