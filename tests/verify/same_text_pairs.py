"""Pairs for the structural tier: (fields of the version before, fields of the version after).

The fields share a signature unless they say so; `HOST` is what surrounds both.
"""

from __future__ import annotations

from typing import Final

HOST: Final = """
(import "m" "make" (func $make (result i32)))
(import "m" "take" (func $take (param i32)))
(import "m" "pair" (func $pair (result i32 i32)))
(memory 1) (global $g (mut i32) (i32.const 5)) (global $c i64 (i64.const 5))
(table $t 2 funcref) (elem declare func $make)
(tag $tag (param i32)) (tag $other (param i32)) (type $struct (struct (field i32)))
"""

Pairs = dict[str, tuple[str, str]]

EQUAL: Final[Pairs] = {
    "hints at alignment": (
        "(i32.store offset=4 align=1 (i32.const 8) (i32.load align=4 (i32.const 0)))",
        "(i32.store offset=4 align=4 (i32.const 8) (i32.load align=2 (i32.const 0)))",
    ),
    "nops": ("nop (call $take (i32.const 1)) nop", "(call $take (i32.const 1))"),
    "code behind br": (
        "(block (br 0) (call $take (i32.const 1))) (call $take (i32.const 2))",
        "(call $take (i32.const 2))",
    ),
    "code behind return": ("return (call $take (i32.const 1))", ""),
    "code behind unreachable": ("unreachable (call $take (i32.const 1))", "unreachable"),
    "code behind br_table": (
        "(block (br_table 0 1 (call $make)) (drop (call $make))) (call $take (i32.const 1))",
        "(block (br_table 0 1 (call $make))) (call $take (i32.const 1))",
    ),
    "code behind a tail call": (
        "(return_call $take (call $make)) (call $take (i32.const 1))",
        "(return_call $take (call $make))",
    ),
    "code behind throw": ("(throw $tag (call $make)) return", "(throw $tag (call $make))"),
    "code behind a block that never completes": (
        "(result i32) (block (result i32) (return (call $make))) (i32.const 1) i32.add",
        "(result i32) (call $make)",
    ),
    "code behind an if that never completes": (
        "(if (call $make) (then unreachable) (else return)) (call $take (i32.const 1))",
        "(if (call $make) (then unreachable) (else return))",
    ),
    "code behind an infinite loop": (
        "(loop (call $take (i32.const 1)) (br 0)) (call $take (i32.const 2))",
        "(loop (call $take (i32.const 1)) (br 0))",
    ),
    "results of a loop that never completes": (
        "(result i32) (loop (result i32) (call $take (i32.const 1)) (br 0))",
        "(result i32) (loop (call $take (i32.const 1)) (br 0)) unreachable",
    ),
    "block without branches": (
        "(block (block (call $take (i32.const 1))))",
        "(call $take (i32.const 1))",
    ),
    "loop without branches": ("(loop (call $take (i32.const 1)))", "(call $take (i32.const 1))"),
    "loop that only dead code branches to": (
        "(loop (call $take (i32.const 1)) return (br 0))",
        "(call $take (i32.const 1))",
    ),
    "block that only dead code branches to": (
        "(block unreachable (br_if 0 (i32.const 1)))",
        "unreachable",
    ),
    "block with parameters and results": (
        "(result i32) (call $pair) (block (param i32 i32) (result i32) i32.sub)",
        "(result i32) (call $pair) i32.sub",
    ),
    "handler of nothing": (
        "(try_table (call $take (i32.const 1)))",
        "(call $take (i32.const 1))",
    ),
    "labels over blocks that are gone": (
        "(block (block (block (block (br_table 1 3 (call $make)))) (call $take (i32.const 1))))",
        "(block (block (br_table 0 1 (call $make))) (call $take (i32.const 1)))",
    ),
    "catch labels over blocks that are gone": (
        """(block $out (result i32) (block (block
             (try_table (catch $tag $out) (call $take (i32.const 1)))
             (br_if 0 (call $make)) (call $take (i32.const 2)))) (i32.const 3)) (call $take)""",
        """(block $out (result i32) (block
             (try_table (catch $tag $out) (call $take (i32.const 1)))
             (br_if 0 (call $make)) (call $take (i32.const 2))) (i32.const 3)) (call $take)""",
    ),
    "br to the function": (
        "(result i32) (block (br_if 0 (call $make)) (br 1 (i32.const 1))) (i32.const 2)",
        "(result i32) (block (br_if 0 (call $make)) (return (i32.const 1))) (i32.const 2)",
    ),
    "final return": ("(result i32) (return (call $make))", "(result i32) (call $make)"),
    "return at the end of both arms": (
        "(result i32) (if (result i32) (call $make) (then (return (call $make)))"
        " (else (i32.const 1)))",
        "(result i32) (if (result i32) (call $make) (then (call $make)) (else (i32.const 1)))",
    ),
    "return from the last block": (
        "(block (br_if 0 (call $make)) (call $take (i32.const 1)))",
        "(block (br_if 1 (call $make)) (call $take (i32.const 1)))",
    ),
    "blocks that end together": (
        "(block (block (br_if 0 (call $make)) (br_if 1 (call $make))"
        " (call $take (i32.const 1)))) (call $take (i32.const 2))",
        "(block (br_if 0 (call $make)) (br_if 0 (call $make))"
        " (call $take (i32.const 1))) (call $take (i32.const 2))",
    ),
    "br at the end of its block": (
        "(block (br_if 0 (call $make)) (call $take (i32.const 1)) (br 0))"
        " (call $take (i32.const 2))",
        "(block (br_if 0 (call $make)) (call $take (i32.const 1))) (call $take (i32.const 2))",
    ),
    "br at the end of an arm": (
        "(block (if (call $make) (then (call $take (i32.const 1)) (br 1))"
        " (else (call $take (i32.const 2))))) (call $take (i32.const 3))",
        "(if (call $make) (then (call $take (i32.const 1)))"
        " (else (call $take (i32.const 2)))) (call $take (i32.const 3))",
    ),
    "fall out of a loop": (
        "(block (loop (br_if 0 (call $make)) (br 1))) (call $take (i32.const 1))",
        "(loop (br_if 0 (call $make))) (call $take (i32.const 1))",
    ),
    "local that nobody reads": (
        "(local i32 i32) (local.set 0 (call $make)) (local.set 1 (call $make))"
        " (call $take (local.get 1))",
        "(local i32) (drop (call $make)) (local.set 0 (call $make)) (call $take (local.get 0))",
    ),
    "local that only dead code reads": (
        "(local i32) (local.set 0 (call $make)) return (call $take (local.get 0))",
        "(drop (call $make))",
    ),
    "locals that only feed each other": (
        "(local i32 i32) (local.set 0 (i32.const 1)) (local.set 1 (local.get 0))"
        " (local.set 1 (i32.add (local.get 1) (local.tee 0 (i32.const 4))))",
        "(local i32 i32) (local.set 0 (i32.const 1)) (local.set 0 (local.get 1))"
        " (local.set 1 (local.get 0))",
    ),
    "local.tee that nobody reads": (
        "(local i32) (call $take (local.tee 0 (call $make)))",
        "(call $take (call $make))",
    ),
    "parameter that is only written": (
        "(param i32) (local.set 0 (call $make)) (local.set 0 (i32.const 1))",
        "(param i32) (drop (call $make))",
    ),
    "reference that is never null": (
        "(param (ref func) (ref func)) (local i32 (ref func))"
        " (local.set 3 (local.get 1)) (drop (local.get 3))",
        "(param (ref func) (ref func)) (local (ref func)) (local.set 2 (local.get 0))",
    ),
    "dropped arithmetic": (
        "(drop (i32.add (call $make) (i32.mul (i32.const 2) (global.get $g))))",
        "(drop (call $make))",
    ),
    "dropped select": (
        "(drop (select (call $make) (i32.const 0) (call $make))) (call $take (i32.const 1))",
        "(drop (call $make)) (drop (call $make)) (call $take (i32.const 1))",
    ),
    "dropped vectors and floats": (
        "(drop (i8x16.add (v128.const i64x2 1 2) (i32x4.splat (call $make))))"
        " (drop (f64.div (f64.const 1) (f64.const 0)))",
        "(drop (call $make))",
    ),
    "dropped references": (
        "(drop (ref.is_null (ref.func $make))) (drop (ref.null extern)) (drop (memory.size))"
        " (drop (table.size $t)) (drop (global.get $c))",
        "",
    ),
    "dropped tee": (
        "(local i32) (drop (local.tee 0 (call $make))) (call $take (local.get 0))",
        "(local i32) (local.set 0 (call $make)) (call $take (local.get 0))",
    ),
    "drop moved to where the value is made": (
        "(call $make) (call $take (i32.const 1)) (if (call $make) (then return)) drop",
        "(drop (call $make)) (call $take (i32.const 1)) (if (call $make) (then return))",
    ),
    "value thrown away by unwinding": (
        "(result i32) (call $make) (call $make) (call $make) return",
        "(result i32) (drop (call $make)) (drop (call $make)) (call $make)",
    ),
    "value thrown away by a trap": ("(call $make) unreachable", "(drop (call $make)) unreachable"),
    "value thrown away on both ways of a branch": (
        "(block (call $make) (br_if 0 (call $make)) drop (call $take (i32.const 1)))",
        "(block (drop (call $make)) (br_if 0 (call $make)) (call $take (i32.const 1)))",
    ),
    "deeper of two results dropped": (
        "(result i32) (local i32) (call $pair) (local.set 0) drop (local.get 0)",
        "(result i32) (local i32 i32) (call $pair) (local.set 1) (local.set 0) (local.get 1)",
    ),
    "get and set of one local": (
        "(param i32) (local.set 0 (local.get 0)) (call $take (local.get 0))",
        "(param i32) (call $take (local.get 0))",
    ),
    "set and get": (
        "(param i32) (local.set 0 (call $make)) (call $take (local.get 0))"
        " (call $take (local.get 0))",
        "(param i32) (call $take (local.tee 0 (call $make))) (call $take (local.get 0))",
    ),
    "set and the only get": (
        "(local i32) (local.set 0 (call $make)) (call $take (local.get 0))",
        "(call $take (call $make))",
    ),
    "tees of one local": (
        "(param i32) (local.set 0 (local.tee 0 (local.tee 0 (call $make))))"
        " (call $take (local.get 0))",
        "(param i32) (call $take (local.tee 0 (call $make)))",
    ),
    "empty else": (
        "(if (call $make) (then (call $take (i32.const 1))) (else))",
        "(if (call $make) (then (call $take (i32.const 1))))",
    ),
    "empty arms": (
        "(if (call $make) (then nop) (else (drop (i32.const 1))))",
        "(drop (call $make))",
    ),
    "arms that become empty": (
        "(local i32) (if (call $make) (then (local.set 0 (i32.const 1))))",
        "(drop (call $make))",
    ),
    "result dropped into the arms": (
        "(drop (if (result i32) (call $make) (then (call $make)) (else (i32.const 1))))",
        "(if (call $make) (then (drop (call $make))))",
    ),
    "result dropped into the branches of a block": (
        "(block (result i32) (if (call $make) (then (br 1 (call $make)))) (i32.const 2)) drop"
        " (call $take (i32.const 1))",
        "(block (if (call $make) (then (drop (call $make)) (br 1)))) (call $take (i32.const 1))",
    ),
    "one of two results of a block dropped": (
        "(block (result i32 i32) (if (call $make) (then (br 1 (call $pair)))) (call $make)"
        " (i32.const 2)) drop (call $take)",
        "(block (result i32) (if (call $make) (then (br 1 (call $pair) drop))) (call $make))"
        " (call $take)",
    ),
    "locals renumbered": (
        "(param i32) (local i64 i32 f32) (local.set 2 (call $make)) (call $take (local.get 2))"
        " (call $take (local.get 2)) (drop (i64.add (local.get 1) (i64.const 1)))",
        "(param i32) (local i32) (local.set 1 (call $make)) (call $take (local.get 1))"
        " (call $take (local.get 1))",
    ),
    "local exchanged with another": (
        "(local i32 i32) (local.set 0 (call $make))"
        " (call $take (i32.sub (local.get 0) (local.get 1))) (call $take (local.get 0))",
        "(local i32 i32) (local.set 1 (call $make))"
        " (call $take (i32.sub (local.get 1) (local.get 0))) (call $take (local.get 1))",
    ),
}
"""Must be accepted."""

DIFFERENT: Final[Pairs] = {
    "offset, whatever the hint": (
        "(i32.store offset=4 align=1 (i32.const 8) (i32.const 1))",
        "(i32.store offset=8 align=1 (i32.const 8) (i32.const 1))",
    ),
    "width, whatever the hint": (
        "(i32.store8 align=1 (i32.const 8) (i32.const 257))",
        "(i32.store16 align=1 (i32.const 8) (i32.const 257))",
    ),
    "dropped load": ("(drop (i32.load (call $make)))", "(drop (call $make))"),
    "dropped division": (
        "(drop (i32.div_u (i32.const 1) (call $make)))",
        "(drop (call $make))",
    ),
    "dropped truncation": (
        "(drop (i32.trunc_f32_s (f32.mul (f32.convert_i32_s (call $make)) (f32.const 1e8))))",
        "(drop (call $make))",
    ),
    "dropped cast": (
        "(drop (ref.as_non_null (table.get $t (i32.const 0))))",
        "(drop (table.get $t (i32.const 0)))",
    ),
    "dropped table access": ("(drop (table.get $t (call $make)))", "(drop (call $make))"),
    "dropped growth": ("(drop (memory.grow (i32.const 1)))", ""),
    "dropped call": ("(drop (call $make))", ""),
    "local that a loop reads": (
        "(local i32) (loop (call $take (local.get 0)) (local.set 0 (call $make))"
        " (br_if 0 (call $make)))",
        "(local i32) (loop (call $take (local.get 0)) (drop (call $make)) (br_if 0 (call $make)))",
    ),
    "locals merged": (
        "(local i32 i32) (local.set 0 (call $make)) (local.set 1 (call $make))"
        " (call $take (local.get 0)) (call $take (local.get 1))",
        "(local i32) (local.set 0 (call $make)) (local.set 0 (call $make))"
        " (call $take (local.get 0)) (call $take (local.get 0))",
    ),
    "local split": (
        "(local i32) (local.set 0 (call $make)) (call $take (local.get 0))"
        " (call $take (local.get 0))",
        "(local i32 i32) (local.set 0 (call $make)) (call $take (local.get 0))"
        " (call $take (local.get 1))",
    ),
    "parameters exchanged": (
        "(param i32 i32) (result i32) (i32.sub (local.get 0) (local.get 1))",
        "(param i32 i32) (result i32) (i32.sub (local.get 1) (local.get 0))",
    ),
    "parameter for a local": (
        "(param i32) (result i32) (local i32) (local.get 0)",
        "(param i32) (result i32) (local i32) (local.get 1)",
    ),
    "the other of two results dropped": (
        "(result i32) (local i32) (call $pair) drop",
        "(result i32) (local i32) (call $pair) (local.set 0) drop (local.get 0)",
    ),
    "the other value dropped": (
        "(call $make) (call $make) drop (call $take)",
        "(call $make) drop (call $take (call $make))",
    ),
    "block for loop": (
        "(block (br_if 0 (call $make)) (call $take (i32.const 1)))",
        "(loop (br_if 0 (call $make)) (call $take (i32.const 1)))",
    ),
    "loop dissolved": (
        "(loop (call $take (i32.const 1)) (br_if 0 (call $make)))",
        "(call $take (i32.const 1)) (drop (call $make))",
    ),
    "labels exchanged behind blocks that are gone": (
        "(block (block (block (br_table 0 2 (call $make)))) (call $take (i32.const 1)))",
        "(block (block (br_table 1 0 (call $make))) (call $take (i32.const 1)))",
    ),
    "return for br": (
        "(block (block (br_if 0 (call $make)) return)) (call $take (i32.const 1))",
        "(block (block (br_if 0 (call $make)) (br 1))) (call $take (i32.const 1))",
    ),
    "br to the inner block": (
        "(block (block (br_if 1 (call $make))) (call $take (i32.const 1)))",
        "(block (block (br_if 0 (call $make))) (call $take (i32.const 1)))",
    ),
    "empty arm exchanged": (
        "(if (call $make) (then (call $take (i32.const 1))) (else))",
        "(if (call $make) (then) (else (call $take (i32.const 1))))",
    ),
    "br at the end of an arm with code behind": (
        "(block (if (call $make) (then (br 1)) (else (call $take (i32.const 2))))"
        " (call $take (i32.const 1)))",
        "(block (if (call $make) (then) (else (call $take (i32.const 2))))"
        " (call $take (i32.const 1)))",
    ),
    "fall out of a loop with code behind": (
        "(block (loop (br_if 0 (call $make)) (br 1)) (call $take (i32.const 1)))",
        "(block (loop (br_if 0 (call $make))) (call $take (i32.const 1)))",
    ),
    "neighbours that are none": (
        "(param i32) (local.get 0) (local.set 0 (call $make)) (local.set 0)"
        " (call $take (local.get 0))",
        "(param i32) (local.set 0 (call $make)) (call $take (local.get 0))",
    ),
    "set and get of two locals": (
        "(local i32 i32) (local.set 0 (call $make)) (call $take (local.get 1))"
        " (call $take (local.get 0))",
        "(local i32 i32) (call $take (local.tee 0 (call $make))) (call $take (local.get 0))",
    ),
    "set before a loop, get in it": (
        "(local i32) (local.set 0 (i32.const 7)) (loop (call $take (local.get 0))"
        " (local.set 0 (i32.const 8)) (br_if 0 (call $make)))",
        "(local i32) (loop (call $take (i32.const 7)) (br_if 0 (call $make)))",
    ),
    "set in an arm, get behind it": (
        "(local i32) (if (call $make) (then (local.set 0 (i32.const 1))))"
        " (call $take (local.get 0))",
        "(local i32) (drop (call $make)) (local.set 0 (i32.const 1)) (call $take (local.get 0))",
    ),
    "operand of a branch that is dropped where it falls through": (
        "(result i32) (block (result i32) (call $make) (br_if 0 (call $make)) drop (i32.const 1))",
        "(result i32) (block (result i32) (drop (call $make)) (i32.const 0)"
        " (br_if 0 (call $make)) drop (i32.const 1))",
    ),
    "operand unwound instead of passed": (
        "(result i32) (block (result i32) (call $make) (call $make) (br 0))",
        "(result i32) (call $make) (call $make) drop",
    ),
    "parameter of a loop": (
        "(i32.const 3) (loop (param i32) (call $take) (i32.const 1) (br_if 0 (call $make)) drop)",
        "(i32.const 4) (loop (param i32) (call $take) (i32.const 1) (br_if 0 (call $make)) drop)",
    ),
    "arm that leaves its parameter": (
        "(result i32) (call $make) (if (param i32) (result i32) (call $make)"
        " (then drop (i32.const 1)))",
        "(result i32) (call $make) (if (param i32) (result i32) (call $make)"
        " (then) (else drop (i32.const 1)))",
    ),
    "block that completes": (
        "(block (br_if 0 (call $make)) return) (call $take (i32.const 1))",
        "(block (br_if 0 (call $make)) return)",
    ),
    "handler removed": (
        "(block (result i32) (try_table (catch $tag 0) (throw $tag (call $make))) (i32.const 1))"
        " (call $take)",
        "(throw $tag (call $make))",
    ),
    "another tag": (
        "(block (result i32) (try_table (catch $tag 0) (throw $tag (call $make))) (i32.const 1))"
        " (call $take)",
        "(block (result i32) (try_table (catch $other 0) (throw $tag (call $make))) (i32.const 1))"
        " (call $take)",
    ),
    "call moved out of its handler": (
        "(block (result i32) (try_table (catch $tag 0) (throw $tag (i32.const 2))) unreachable)"
        " (call $take)",
        "(block (result i32) (try_table (catch $tag 0)) (throw $tag (i32.const 2))) (call $take)",
    ),
    "order of effects": (
        "(global.set $g (i32.const 1)) (i32.store (i32.const 0) (i32.const 1))"
        " (call $take (i32.const 1))",
        "(i32.store (i32.const 0) (i32.const 1)) (call $take (i32.const 1))"
        " (global.set $g (i32.const 1))",
    ),
    "offset": (
        "(i32.store offset=4 (i32.const 0) (i32.const 1))",
        "(i32.store offset=5 (i32.const 0) (i32.const 1))",
    ),
}
"""Must be refused, and really differ."""

UNTOLD: Final[Pairs] = {
    "another type with the same default": (
        "(local externref) (drop (ref.as_non_null (local.get 0)))",
        "(local funcref) (drop (ref.as_non_null (local.get 0)))",
    ),
    "allocation": ("(drop (struct.new $struct (i32.const 1)))", ""),
    "commuted operands": (
        "(call $take (i32.add (call $make) (i32.const 1)))",
        "(call $take (i32.add (i32.const 1) (call $make)))",
    ),
}
"""Do the same, but this tier must not say so: it has no argument for them."""
