"""The text format: what is printed reads back as the same module."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.core.binaries import BUILT, HEADER, module_of
from tests.core.instructions import SHORTEST_VALUE_TYPES, instructions, samples
from tests.core.snippets import SNIPPETS
from wasmopt.decode import decode
from wasmopt.encode import encode
from wasmopt.errors import InputError
from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool
from wasmopt.module import CustomSection, DataSegment, Limits, Module
from wasmopt.reader import unsigned_leb
from wasmopt.text import function_text, module_text, read_text
from wasmopt.text_instr import float_text
from wasmopt.types import FuncType, RecGroup, SubType

POOL = InstrPool()
END = POOL.make("end")


def bare(module: Module) -> Module:
    """The module without custom sections."""
    layout = [part for part in module.layout if not isinstance(part, CustomSection)]
    return replace(module, layout=tuple(layout))


def of_instructions(*body: Instr) -> Module:
    """A module of one function without a result."""
    types = (RecGroup((SubType(FuncType()),)),)
    return Module(POOL, types=types, functions=(Function(0, (), (*body, END)),))


def named(names: dict[int, str], *functions: str) -> Module:
    """A module of these functions, in text, with a name section."""
    entries = [
        unsigned_leb(index) + unsigned_leb(len(name.encode())) + name.encode()
        for index, name in names.items()
    ]
    content = unsigned_leb(len(entries)) + b"".join(entries)
    section = CustomSection("name", b"\x01" + unsigned_leb(len(content)) + content)
    module = decode(read_text(f"(module {' '.join(functions)})"))
    return replace(module, layout=(*bare(module).layout, section))


def check_round_trip(module: Module) -> None:
    assert read_text(module_text(module)) == encode(bare(module))


@pytest.mark.parametrize("name", SNIPPETS)
def test_text_of_every_feature_reads_back_as_the_same_binary(name: str) -> None:
    check_round_trip(decode(read_text(f"(module {SNIPPETS[name]})")))


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_text_of_built_modules_reads_back_as_the_same_binary(path: Path) -> None:
    module = bare(decode(path.read_bytes()))
    again = decode(read_text(module_text(module)))
    # AssemblyScript writes a data count section without need, for which there is no text.
    assert encode(replace(again, data_count=module.data_count)) == encode(module)


def test_every_instruction_reads_back() -> None:
    """The text format knows no stack types, so each can stand alone."""
    for instr in samples(POOL):
        again = decode(read_text(module_text(of_instructions(instr))), POOL)
        assert again.functions[0].body == (instr, END)


@settings(max_examples=300, deadline=None)
@given(st.lists(instructions(POOL, SHORTEST_VALUE_TYPES), max_size=20))
def test_any_instructions_read_back(body: list[Instr]) -> None:
    again = decode(read_text(module_text(of_instructions(*body))), POOL)
    assert again.functions[0].body == (*body, END)


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_floats_are_printed_exactly(single: int, double: int) -> None:
    body = POOL.make("f32.const", single), POOL.make("f64.const", double)
    again = decode(read_text(module_text(of_instructions(*body))), POOL)
    assert again.functions[0].body == (*body, END)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "0x1p+0 (;=1;)"),
        (-0.0, "-0x0p+0 (;=-0;)"),
        (0.1, "0x1.99999ap-4 (;=0.100000001;)"),
        (float("-inf"), "-inf"),
    ],
)
def test_floats_tell_their_decimal_value(value: float, text: str) -> None:
    assert float_text(struct.unpack("<I", struct.pack("<f", value))[0], 32) == text


@settings(max_examples=200, deadline=None)
@given(st.text(), st.binary(max_size=200))
def test_any_name_and_any_data_read_back(name: str, data: bytes) -> None:
    function = read_text('(module (func (export "e")))')
    module = decode(function)
    export = replace(module.exports[0], name=name)
    check_round_trip(replace(module, exports=(export,), data=(DataSegment(1, data),)))


@settings(max_examples=200, deadline=None)
@given(st.text())
@example("(")
@example(";) (func (; (;")
def test_any_function_name_stays_inside_its_comment(name: str) -> None:
    check_round_trip(named({0: name, 1: name}, "(func call 0)", "(func)"))


INEXPRESSIBLE = {
    "data count without need": HEADER + b"\x0c\1\1\x0b\3\1\1\0",
    "empty sections": HEADER + b"\1\1\0\2\1\0\3\1\0\4\1\0\5\1\0\6\1\0\7\1\0\x0a\1\0\x0b\1\0",
    "sub final without supertype": HEADER + b"\1\6\1\x4f\0\x60\0\0",
    "two-byte abstract reference": HEADER + b"\6\7\1\x63\x70\0\xd0\x70\x0b",
    "memory 0 named by data": HEADER + b"\5\3\1\0\1\x0b\7\1\2\0\x41\0\x0b\0",
    "memory 0 named by an access": module_of(b"\x41\0\x28\x42\0\0\x1a\x0b"),
    "locals in several groups": module_of(b"\x0b", b"\2\1\x7f\2\x7f"),
    "locals in a group of none": module_of(b"\x0b", b"\2\0\x7e\2\x7f"),
}


@pytest.mark.parametrize("name", INEXPRESSIBLE)
def test_forms_without_text_read_back_as_the_same_text(name: str) -> None:
    module = decode(INEXPRESSIBLE[name])
    assert encode(module) == INEXPRESSIBLE[name]
    text = module_text(module)
    again = read_text(text)
    assert again != INEXPRESSIBLE[name]
    assert module_text(decode(again)) == text


def test_modules_that_do_not_validate_are_printed_too() -> None:
    """Types out of range, or of another kind; more `end` than blocks; indices of nothing."""
    body = [POOL.make(name) for name in ("end", "else", "catch_all", "drop")] * 30
    module = of_instructions(*body, POOL.make("call", 9), POOL.make("local.get", 7))
    wrong = [Function(type_index, (), (END,)) for type_index in (1, 2, 2**32 - 1)]
    structure = decode(read_text("(module (type (struct)))")).types[0]
    check_round_trip(
        replace(
            module,
            types=(*module.types, structure),
            functions=(*module.functions, *wrong),
            start=77,
            memories=(Limits(5, 1, page_size_log2=31),),
        )
    )


PRINTED = r"""(module
  (type (;0;) (func (param i32)))
  (type (;1;) (func (param i32 f64) (result i32)))
  (rec
    (type (;2;) (sub (struct (field (mut i8)))))
  )
  (type (;3;) (func))
  (import "env" "f" (func (;0 log "quoted";) (type 0) (param i32)))
  (import "env" "m" (memory (;0;) 1))
  (memory (;1;) i64 1 2)
  (export "g" (func 1))
  (start 2) (;main;)
  (elem (;0;) declare func 1)
  (func (;1 g\3b);) (type 1) (param i32 f64) (result i32)
    (local (;2;) i32 i32)
    (local (;4;) funcref)
    block (result i32)
      local.get 0
      if
        local.get 0
        call 0 (;log "quoted";)
      else
        i32.const 8
        i64.load 1 offset=16 align=1
        drop
      end
      f64.const 0x1.8p+1 (;=3.0;)
      i32.trunc_f64_s
    end
  )
  (func (;2 main;) (type 3)
  )
)
"""


def test_module_text_looks_like_this() -> None:
    module = named(
        {0: 'log "quoted"', 1: "g;)", 2: "main"},
        '(import "env" "f" (func (type 0))) (import "env" "m" (memory 1))',
        "(type (func (param i32))) (type (func (param i32 f64) (result i32)))",
        "(rec (type (sub (struct (field (mut i8)))))) (type (func)) (memory i64 1 2)",
        """(func (export "g") (type 1) (local i32 i32 funcref) block (result i32) local.get 0
        if local.get 0 call 0 else i32.const 8 i64.load 1 offset=16 align=1 drop end
        f64.const 3 i32.trunc_f64_s end) (func) (start 2) (elem declare func 1)""",
    )
    assert module_text(module) == PRINTED


def test_function_text_is_one_function() -> None:
    module = named({1: "f"}, '(import "a" "b" (func (param i64)))', "(func (local f32) nop)")
    assert function_text(module, 1) == ("(func (;1 f;) (type 1)\n  (local (;0;) f32)\n  nop\n)\n")
    assert function_text(module, 0) == '(import "a" "b" (func (;0;) (type 0) (param i64)))\n'


def test_function_text_prints_another_version() -> None:
    module = decode(read_text("(module (func nop))"))
    shorter = module.functions[0].with_body([END])
    assert function_text(module, 0, shorter) == "(func (;0;) (type 0)\n)\n"


@pytest.mark.parametrize("index", [-1, 2])
def test_function_text_of_nothing_is_an_error(index: int) -> None:
    module = decode(read_text('(module (import "a" "b" (func)) (func))'))
    with pytest.raises(IndexError):
        function_text(module, index)


def test_a_malformed_name_section_gives_no_names() -> None:
    module = decode(read_text("(module (func) (func))"))
    names = CustomSection("name", b"\1\7\2\0\1a\1\x09b")
    text = module_text(replace(module, layout=(*module.layout, names)))
    assert "(;0 a;)" in text
    assert "(;1;)" in text


def test_indentation_shows_the_nesting() -> None:
    lines = """
  block
    loop
      if
        nop
      else
        nop
      end
    end
    try
      nop
    catch 0
      nop
    catch_all
      nop
    end
    try
      nop
    delegate 0
    try_table (catch_all 0)
      nop
    end
  end
  nop
"""
    module = decode(read_text(f"(module (tag) (func {lines}))"))
    assert function_text(module, 0) == f"(func (;0;) (type 0){lines})\n"


def test_deep_nesting_is_linear_and_not_indented_for_ever() -> None:
    depth = 50_000
    body = [POOL.make("block", None)] * depth + [END] * depth
    module = of_instructions(*body)
    text = module_text(module)
    assert len(text) < 2 * depth * 64
    assert read_text(text) == encode(module)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(module\n  (func foo))", "line 2, column 9: unknown operator or unexpected token"),
        ("(module", "line 1, column 8: expected `)`"),
        ("", "line 1, column 1: expected at least one module field"),
        (b"\xff(module)", "input was not valid utf-8"),
        ('(module (export "\ud800" (func 0)))', "input was not valid utf-8"),
        ("(module (func i32.const 4294967296))", "line 1, column 25: invalid i32 number: "),
        ("(module (func br $x))", "line 1, column 18: unknown label: failed to find name `$x`"),
    ],
)
def test_text_errors_are_one_line_with_the_place(text: str | bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_text(text)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
