"""The opcode table against a second opinion: wasmtime's text parser and validator."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from itertools import product

import pytest
import wasmtime

from wasmopt.decode import decode
from wasmopt.encode import encode
from wasmopt.instr import Catch, Immediate, MemArg
from wasmopt.module import Module
from wasmopt.opcodes import BY_CODE, BY_MNEMONIC, IMMEDIATE_KINDS, OPCODES, Effect, Opcode, opcode
from wasmopt.reader import unsigned_leb

FEATURES = (
    "bulk_memory",
    "exceptions",
    "function_references",
    "gc",
    "memory64",
    "multi_memory",
    "multi_value",
    "reference_types",
    "relaxed_simd",
    "simd",
    "tail_call",
    "threads",
)
"""The parts of WebAssembly 3.0 that wasmtime can switch."""

SAMPLES: dict[str, list[tuple[str, Immediate]]] = {
    "block": [("(type 3)", 3)],
    "label": [("1", 1)],
    "labels": [("1 0 2", (1, 0, 2))],
    "catches": [
        (
            "(catch 1 0) (catch_ref 0 2) (catch_all 3) (catch_all_ref 4)",
            (Catch(0, 1, 0), Catch(1, 0, 2), Catch(2, None, 3), Catch(3, None, 4)),
        )
    ],
    "func": [("5", 5)],
    "type": [("3", 3), ("2", 2)],
    "table": [("2", 2), ("4", 4)],
    "local": [("200", 200)],
    "global": [("6", 6)],
    "memory": [("2", 2), ("3", 3)],
    "tag": [("1", 1)],
    "data": [("1", 1)],
    "elem": [("1", 1)],
    "field": [("7", 7)],
    "count": [("9", 9)],
    "i32": [("0x80000001", -0x7FFFFFFF)],
    "i64": [("0xc000000000000000", -(1 << 62))],
    "f32": [("nan:0x200001", 0x7FA0_0001)],
    "f64": [("-nan:0x4000000000001", 0xFFF4_0000_0000_0001)],
    "v128": [("i8x16 " + " ".join(map(str, range(16))), bytes(range(16)))],
    "lane": [("1", 1)],
    "lanes": [(" ".join(map(str, range(31, 15, -1))), bytes(range(31, 15, -1)))],
    "heaptype": [("2", 2), ("i31", b"\x6c")],
    "valtypes": [("(result i32 f64)", (b"\x7f", b"\x7c"))],
    "castflags": [("", 1)],
    "zero": [("", 0)],
}
"""Kind of immediate: text and value of its first and second occurrence in an instruction."""

TEXT = {
    "block": "block {0} end",
    "loop": "loop {0} end",
    "if": "if {0} end",
    "else": "if else end",
    "end": "block end",
    "try": "try {0} end",
    "catch": "try catch {0} end",
    "catch_all": "try catch_all end",
    "delegate": "try delegate {0}",
    "try_table": "try_table {0} {1} end",
    "call_indirect": "call_indirect {1} (type {0})",
    "return_call_indirect": "return_call_indirect {1} (type {0})",
    "select_t": "select {0}",
    "memory.init": "memory.init {1} {0}",
    "table.init": "table.init {1} {0}",
    "ref.test": "ref.test (ref {0})",
    "ref.test_null": "ref.test (ref null {0})",
    "ref.cast": "ref.cast (ref {0})",
    "ref.cast_null": "ref.cast (ref null {0})",
    "br_on_cast": "br_on_cast {1} (ref null {2}) (ref {3})",
    "br_on_cast_fail": "br_on_cast_fail {1} (ref null {2}) (ref {3})",
}
"""Instructions whose text is not the mnemonic and the immediates in binary order."""

EACH_ROW = pytest.mark.parametrize("op", OPCODES, ids=lambda op: op.mnemonic)
MEMORY_ACCESSES = [op for op in OPCODES if op.natural_alignment is not None]
EACH_ACCESS = pytest.mark.parametrize("op", MEMORY_ACCESSES, ids=lambda op: op.mnemonic)


@pytest.fixture(scope="module")
def engine() -> wasmtime.Engine:
    """wasmtime with the instructions of WebAssembly 3.0 and of no later proposal."""
    config = wasmtime.Config()
    for feature in FEATURES:
        setattr(config, f"wasm_{feature}", True)
    config.wasm_wide_arithmetic = False
    return wasmtime.Engine(config)


def sample(op: Opcode) -> list[tuple[str, Immediate]]:
    """Text and value of each immediate; a memarg's alignment is left to the text parser."""
    if op.natural_alignment is not None:
        memarg = ("2 offset=77", MemArg(op.natural_alignment, 77, 2))
        return [memarg, *SAMPLES["lane"]][: len(op.immediates)]
    return [SAMPLES[kind][op.immediates[:i].count(kind)] for i, kind in enumerate(op.immediates)]


def instruction_text(op: Opcode, immediates: list[str]) -> str:
    default = " ".join([op.mnemonic, *filter(None, immediates)])
    return TEXT.get(op.mnemonic, default).format(*immediates)


@pytest.fixture(scope="module")
def assembled() -> tuple[bytes, Module]:
    """A module in which function i is the sample of row i, assembled by wasmtime."""
    bodies = [instruction_text(op, [text for text, _ in sample(op)]) for op in OPCODES]
    functions = "\n".join(f"(func {body})" for body in bodies)
    binary = wasmtime.wat2wasm(f"(module {'(type (func))' * 4} {functions})")
    return bytes(binary), decode(bytes(binary))


def test_rows_are_unique_and_use_known_kinds_and_types() -> None:
    assert len(BY_CODE) == len(BY_MNEMONIC) == len(OPCODES)
    assert {kind for op in OPCODES for kind in op.immediates} <= set(IMMEDIATE_KINDS)
    types = {name for op in OPCODES for name in (*(op.operands or ()), *(op.results or ()))}
    numbers = {"i32", "i64", "f32", "f64", "v128"}
    assert types == numbers | {"addr", "addr2", "len", "taddr", "taddr2"}


@EACH_ROW
def test_wasmtime_assembles_what_the_table_decodes(
    op: Opcode, assembled: tuple[bytes, Module]
) -> None:
    body = assembled[1].functions[OPCODES.index(op)].body
    expected = (op.mnemonic, tuple(value for _, value in sample(op)))
    assert expected in [(instr.name, instr.immediates) for instr in body]


def test_every_row_is_encoded_as_wasmtime_does(assembled: tuple[bytes, Module]) -> None:
    binary, module = assembled
    assert encode(module) == binary


def complaint(engine: wasmtime.Engine, code: bytes) -> str:
    """What wasmtime says of a function that starts with these bytes."""
    body = b"\0" + code + bytes(16)
    code_section = b"\1" + unsigned_leb(len(body)) + body
    binary = (
        b"\0asm\1\0\0\0"
        + (b"\1\4\1\x60\0\0" + b"\3\2\1\0")
        + (b"\x0a" + unsigned_leb(len(code_section)) + code_section)
    )
    with pytest.raises(wasmtime.WasmtimeError) as error:  # no closing `end`, so never valid
        wasmtime.Module.validate(engine, binary)
    return str(error.value)


def all_codes() -> Iterator[tuple[int | None, int]]:
    prefixes = {op.prefix for op in OPCODES} - {None}
    yield from ((None, code) for code in range(256) if code not in prefixes)
    yield from product(prefixes, range(600))


def test_the_table_has_every_instruction_of_3_0_and_no_other(engine: wasmtime.Engine) -> None:
    unknown, proposed = set(), set()
    for prefix, code in all_codes():
        encoded = bytes([code]) if prefix is None else bytes([prefix]) + unsigned_leb(code)
        message = complaint(engine, encoded)
        if "illegal opcode" in message or "unknown 0x" in message:
            unknown.add((prefix, code))
        elif "support is not enabled" in message:
            proposed.add((prefix, code))
    assert not unknown & set(BY_CODE)
    assert not set(all_codes()) - unknown - proposed - set(BY_CODE)


def validate(
    engine: wasmtime.Engine, instruction: str, params: list[str], results: list[str]
) -> None:
    """Let wasmtime validate a function that takes the operands and returns the results.

    Memory and table 0 have i32 addresses, memory and table 1 i64 addresses.
    """
    operands = " ".join(f"local.get {i}" for i in range(len(params)))
    binary = wasmtime.wat2wasm(
        f"""(module
          (memory 1) (memory i64 1) (data "") (data "")
          (table 1 funcref) (table i64 1 funcref) (elem func) (elem func)
          (func (param {" ".join(params)}) (result {" ".join(results)})
            {operands} {instruction}))"""
    )
    wasmtime.Module.validate(engine, binary)


def address_types(indices: list[int]) -> dict[str, str]:
    """What the table's names for address types mean when memories or tables are those."""
    first, second = [("i32", "i64")[index] for index in (indices * 2)[:2]] or ("", "")
    length = "i64" if first == second == "i64" else "i32"
    return {"addr": first, "addr2": second, "len": length, "taddr": first, "taddr2": second}


@pytest.mark.parametrize(
    "op", [op for op in OPCODES if op.operands is not None], ids=lambda op: op.mnemonic
)
def test_wasmtime_agrees_with_the_stack_type(op: Opcode, engine: wasmtime.Engine) -> None:
    assert op.operands is not None
    assert op.results is not None
    spaces = [i for i, kind in enumerate(op.immediates) if kind in ("memarg", "memory", "table")]
    for indices in product((0, 1), repeat=len(spaces)):
        texts = [text for text, _ in sample(op)]
        for place, index in zip(spaces, indices, strict=True):
            texts[place] = str(index)
        types = address_types(list(indices)) if indices else {}
        params = [types.get(name, name) for name in op.operands]
        results = [types.get(name, name) for name in op.results]
        validate(engine, instruction_text(op, texts), params, results)


@EACH_ACCESS
def test_natural_alignment_is_the_greatest_that_wasmtime_accepts(
    op: Opcode, engine: wasmtime.Engine
) -> None:
    assert op.operands is not None
    assert op.results is not None
    assert op.natural_alignment is not None
    params = ["i32" if name == "addr" else name for name in op.operands]

    def validate_with(alignment: int) -> None:
        texts = [f"align={1 << alignment}", *[text for text, _ in sample(op)[1:]]]
        validate(engine, instruction_text(op, texts), params, list(op.results or ()))

    validate_with(op.natural_alignment)
    with pytest.raises(wasmtime.WasmtimeError, match="alignment"):
        validate_with(op.natural_alignment + 1)


@EACH_ACCESS
def test_memory_accesses_have_the_effects_their_names_say(op: Opcode) -> None:
    read_and_write = Effect.READ_MEMORY | Effect.WRITE_MEMORY
    access = op.mnemonic.partition(".")[2].removeprefix("atomic.")
    if access.startswith("load"):
        expected = Effect.READ_MEMORY
    elif access.startswith("store"):
        expected = Effect.WRITE_MEMORY
    else:
        expected = read_and_write
    assert op.effects & read_and_write == expected
    assert op.effects & Effect.TRAP
    assert bool(op.effects & Effect.ATOMIC) == ("atomic" in op.mnemonic)


def test_a_row_stays_the_same_object_across_processes() -> None:
    add = opcode("i32.add")
    assert pickle.loads(pickle.dumps(add)) is add
