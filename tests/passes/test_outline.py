"""outlining: what becomes a function, what must not, and what it costs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import check_module, module_of, unchanged_module
from wasmopt.decode import decode
from wasmopt.encode import encode
from wasmopt.errors import UsageError
from wasmopt.features import used_features
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES
from wasmopt.verdict import Proved
from wasmopt.verify import Prover, prove_module

COLD = Options(outline="cold")
ALL = Options(outline="all")
I32_PAIR = "(type (func (param i32 i32)))"


def functions(*bodies: str, types: str = I32_PAIR, more: str = "(memory 1)") -> str:
    """The fields of a module that exports a function of type 0 for each body."""
    exports = [f'(export "{number}" (func {number}))' for number in range(len(bodies))]
    code = [f"(func (type 0) {body})" for body in bodies]
    return f"{types} {more} {' '.join(exports)} {' '.join(code)}"


# A value in, a value out, and a local in between.
HASH = "i32.const 1540483477 i32.mul local.tee {0} i32.const 24 i32.shr_u local.get {0} i32.xor"
# A value in, a value out.
STEP = "i32.const 1000000 i32.add i32.const 7654321 i32.xor"
SUM = "local.get {0} i64.const 123456789012 i64.add local.get {0} i64.mul i64.store offset=8"
DIVIDE = "i64.trunc_f64_s i64.const 1000000 i64.div_s f64.convert_i64_s f64.div"
BLOCK = """block local.get {0} i32.const 65536 i32.lt_u br_if 0
           i32.const 70000 local.get {0} i32.store end"""
CHOICE = """if (result i32) i32.const 1000000 local.tee {0} i32.const 77777 i32.xor local.get {0}
            i32.and else i32.const 7654321 end"""

CHANGED = {
    "a value in, a value out, a local of its own": (
        functions(
            f"local.get 0 {HASH.format(1)} drop",
            f"local.get 1 {HASH.format(0)} i32.eqz drop",
            f"i32.const 5 {HASH.format(0)} drop",
        ),
        functions(
            *("local.get 0 call 3 drop", "local.get 1 call 3 i32.eqz drop"),
            "i32.const 5 call 3 drop",
            types=f"{I32_PAIR} (type (func (param i32) (result i32)))",
        )
        + f"(func (type 1) (local i32) local.get 0 {HASH.format(1)})",
    ),
    "an i64 that it reads, whatever local it is in": (
        functions(
            *[f"local.get 0 {SUM.format(n)}" for n in (1, 2, 1)],
            types="(type (func (param i32 i64 i64)))",
        ),
        functions(
            *[f"local.get 0 local.get {n} call 3" for n in (1, 2, 1)],
            types="(type (func (param i32 i64 i64))) (type (func (param i32 i64)))",
        )
        + f"(func (type 1) local.get 0 {SUM.format(1)})",
    ),
    "a local that it writes and that is read behind it": (
        functions(
            *[
                f"""local.get {n} {STEP} local.set {n} i32.const 0 i32.const 77777 i32.store
                    i32.const 1 {op} drop local.get {n} drop"""
                for n, op in ((0, "i32.clz"), (1, "i32.ctz"), (0, "i32.eqz"))
            ]
        ),
        functions(
            *[
                f"local.get {n} call 3 local.set {n} i32.const 1 {op} drop local.get {n} drop"
                for n, op in ((0, "i32.clz"), (1, "i32.ctz"), (0, "i32.eqz"))
            ],
            types=f"{I32_PAIR} (type (func (param i32) (result i32)))",
        )
        + f"""(func (type 1) local.get 0 {STEP} local.set 0 i32.const 0 i32.const 77777 i32.store
              local.get 0)""",
    ),
    "a local that it writes, if at all, before it reads it": (
        functions(*[f"local.get {1 - n} {CHOICE.format(n)} drop" for n in (0, 1, 0)]),
        functions(
            *[f"local.get {1 - n} call 3" for n in (0, 1, 0)],
            types=f"{I32_PAIR} (type (func (param i32)))",
        )
        + f"(func (type 1) (local i32) local.get 0 {CHOICE.format(1)} drop)",
    ),
    "constants that differ": (
        functions(
            *[
                f"""i32.const {n} local.get 0 i32.const 123456 i32.add i32.store offset=400
                    i32.const 77777 i32.const {n * 3} i32.store offset=800"""
                for n in (100, 1000, 200)
            ]
        ),
        functions(
            *[f"i32.const {n} local.get 0 i32.const {n * 3} call 3" for n in (100, 1000, 200)],
            types=f"{I32_PAIR} (type (func (param i32 i32 i32)))",
        )
        + """(func (type 1) local.get 0 local.get 1 i32.const 123456 i32.add i32.store offset=400
             i32.const 77777 local.get 2 i32.store offset=800)""",
    ),
    "whole constructs with branches inside": (
        functions(
            *[
                f"{BLOCK.format(n)} local.get 0 {op} drop"
                for n, op in ((0, "i32.clz"), (1, "i32.ctz"), (1, "i32.eqz"))
            ]
        ),
        functions(
            *[
                f"local.get {n} call 3 local.get 0 {op} drop"
                for n, op in ((0, "i32.clz"), (1, "i32.ctz"), (1, "i32.eqz"))
            ],
            types=f"{I32_PAIR} (type (func (param i32)))",
        )
        + f"(func (type 1) {BLOCK.format(0)})",
    ),
    "traps, and two f64": (
        functions(
            *[f"local.get {n} local.get 0 {DIVIDE} drop" for n in (0, 1, 0)],
            types="(type (func (param f64 f64)))",
        ),
        functions(
            *[f"local.get {n} local.get 0 call 3" for n in (0, 1, 0)],
            types="(type (func (param f64 f64)))",
        )
        + f"(func (type 0) local.get 0 local.get 1 {DIVIDE} drop)",
    ),
    "a call of the function itself": (
        functions(*[f"local.get {n} {STEP} local.get 0 call 0" for n in (1, 0, 1)]),
        functions(*[f"local.get {n} local.get 0 call 3" for n in (1, 0, 1)])
        + f"(func (type 0) local.get 0 {STEP} local.get 1 call 0)",
    ),
    "what stands before a way out": (
        functions(
            *[
                f"block local.get {n} {STEP} local.get 0 i32.store br {way} end"
                for n, way in ((0, 0), (1, 1), (0, 1), (1, 0))
            ]
        ),
        functions(
            *[
                f"block local.get {n} local.get 0 call 4 br {way} end"
                for n, way in ((0, 0), (1, 1), (0, 1), (1, 0))
            ]
        )
        + f"(func (type 0) local.get 0 {STEP} local.get 1 i32.store)",
    ),
    "occurrences that overlap": (
        functions("local.get 0 " + f"{STEP} " * 7 + "drop"),
        functions(
            "local.get 0 " + "call 1 " * 7 + "drop",
            types=f"{I32_PAIR} (type (func (param i32) (result i32)))",
        )
        + f"(func (type 1) local.get 0 {STEP})",
    ),
}


@pytest.mark.parametrize("example", CHANGED)
def test_repeated_code_becomes_a_function(example: str) -> None:
    check_module("outlining", *CHANGED[example], COLD)


LOOPS = functions(
    *[f"loop local.get 0 {HASH.format(1)} br_if 0 local.get 0 {op} drop end" for op in
      ("i32.clz", "i32.ctz", "i32.eqz")]
)  # fmt: skip
SHORT = functions(
    *[
        f"local.get 0 {STEP} {op} drop"
        for op in (
            "i32.clz",
            "i32.ctz",
            "i32.eqz",
            "i32.popcnt",
            "i32.extend8_s",
            "f32.reinterpret_i32",
        )
    ]
)


@pytest.mark.parametrize(
    ("fields", "options", "pays"),
    [
        (LOOPS, Options(level="3"), False),
        (LOOPS, COLD, False),
        (LOOPS, ALL, True),
        (LOOPS, Options(level="z", outline="all"), True),
        (LOOPS, Options(level="z", outline="none"), False),
        (SHORT, Options(), False),
        (SHORT, Options(level="2"), False),
        (SHORT, COLD, True),
        (SHORT, Options(outline="cold"), True),
        (SHORT, Options(outline="none"), False),
    ],
)
def test_levels_and_options_say_where(fields: str, options: Options, pays: bool) -> None:
    """Loops are for `all` alone; runs of less than 16 bytes are not worth a call by default."""
    assert (MODULE_PASSES["outlining"].run(module_of(fields), options) is not None) == pays


def test_an_unknown_place_to_outline_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown outline 'hot', known: all cold none"):
        Options(outline="hot")


UNCHANGED = {
    "too few": functions(*[f"local.get {n} {STEP} drop" for n in (0, 1)]),
    "a way out in the middle": functions(
        *[
            f"""block local.get {n} i32.const 10000 i32.lt_u br_if {way}
                local.get 0 i32.const 70000 i32.store end"""
            for n, way in ((0, 1), (1, 1), (0, 1))
        ]
    ),
    "a return in the middle": functions(
        *[
            f"local.get {n} if i32.const 1000 call 0 return end i32.const 2000 call 0"
            for n in (0, 0, 0)
        ],
        types="(type (func (param i32)))",
    ),
    "two locals that are read behind it": functions(
        *[
            f"""i32.const 1000000 local.set 0 i32.const 1000001 local.set 1
                local.get 0 local.get 1 {op} drop"""
            for op in ("i32.add", "i32.sub", "i32.mul", "i32.and")
        ]
    ),
    "references on the stack": functions(
        *[
            f"{value} i32.const 1000000 i32.const 1000001 call 0"
            for value in ("local.get 0", "ref.null extern", "i32.const 0 table.get 0", "call 4")
        ],
        types="(type (func (param externref i32 i32))) (type (func (result externref)))",
        more="(table 1 externref)",
    )
    + "(func (type 1) ref.null extern)",
    "calls under a handler": functions(
        *[
            f"""block try_table (catch_all 0) i32.const 1000000 local.set 0 i32.const 1000001
                i32.const 1000002 call 0 end end local.get 0 {op} drop"""
            for op in ("i32.clz", "i32.ctz", "i32.eqz", "i32.popcnt")
        ]
    ),
    "code that is never reached": functions(*[f"unreachable {STEP} drop" for _ in range(9)]),
    "functions with legacy exceptions": functions(
        *[f"try local.get {n} {STEP} drop {op} catch_all end" for n in (0, 1) for op in ("", "nop")]
        * 3
    ),
}


@pytest.mark.parametrize("example", UNCHANGED)
def test_what_cannot_move_or_saves_nothing_stays(example: str) -> None:
    if "legacy" in example:
        module = module_of(UNCHANGED[example])
        assert MODULE_PASSES["outlining"].run(module, ALL) is None
    else:
        unchanged_module("outlining", UNCHANGED[example], ALL)


@pytest.mark.parametrize(
    "path", sorted(Path("corpus/built").glob("*.wasm")), ids=lambda path: path.stem
)
def test_real_modules_get_smaller_and_need_no_new_feature(path: Path) -> None:
    module = decode(path.read_bytes())
    features = used_features(module)
    result = MODULE_PASSES["outlining"].run(module, ALL)
    if result is not None:
        after, claim = result
        assert used_features(decode(encode(after))) <= features
        assert len(encode(after)) < len(encode(module))
        assert claim.outlined
        assert isinstance(prove_module(module, after, claim, Prover()), Proved)
