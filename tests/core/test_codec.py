"""Decoding and encoding: nothing is lost, and numbers become minimal."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.binaries import (
    BUILT,
    CHUNK,
    DENSE,
    HEADER,
    ONE_FUNCTION,
    VOID,
    custom,
    module_of,
    section,
    section_at,
    sized,
    vector,
)
from tests.core.instructions import Lengthener, instructions, samples
from wasmopt.decode import decode
from wasmopt.encode import encode, function_bytes
from wasmopt.function import Function
from wasmopt.instr import Catch, Instr, InstrPool, MemArg
from wasmopt.module import ORDER, Module, Section
from wasmopt.tokenizer import tokenize
from wasmopt.types import HEAP_NAMES, ValType

POOL = InstrPool()


ZERO = b"\x41\0\x0b"
REF_0 = b"\xd2\0\x0b"
FUNCREFS = section(4, vector(b"\x70\0\0"))

IDENTICAL = {
    "no sections": b"",
    **{
        f"empty section {section_.name.lower()}": section(section_, b"\0")
        for section_ in Section
        if section_ not in (Section.CUSTOM, Section.START)
    },
    "all sections empty": b"".join(
        [section(number, b"\0") for number in ORDER if number is not Section.START]
    ),
    "all sections empty, custom sections between": b"".join(
        [
            custom(b"c%d" % rank, b"\xff\0") + section(number, b"\0")
            for rank, number in enumerate(ORDER)
            if number is not Section.START
        ]
    )
    + custom(b"")
    + custom(b"c", b"x" * 200),
    "function types": section(1, vector(b"\x60\0\0", b"\x60\2\x7f\x7e\3\x7d\x7c\x7b")),
    "every abstract reference, both spellings": section(
        1,
        vector(
            *[
                b"\x60" + vector(bytes([code]), bytes([0x63, code]), bytes([0x64, code])) + b"\0"
                for code in HEAP_NAMES
            ]
        ),
    ),
    "references to types": section(
        1, vector(b"\x60\4\x63\0\x64\0\x63\x80\1\x64\xff\xff\xff\xff\x0f\0")
    ),
    "structures": section(1, vector(b"\x5f\0", b"\x5f\4\x78\0\x77\1\x7f\1\x63\0\0")),
    "arrays": section(1, vector(b"\x5e\x78\1", b"\x5e\x77\0", b"\x5e\x6e\1")),
    "recursion groups": section(
        1, vector(b"\x4e\0", b"\x4e\1\x60\0\0", b"\x4e\2\x60\0\0\x5e\x7f\0")
    ),
    "subtypes": section(
        1,
        vector(
            b"\x50\0\x5f\0",
            b"\x4f\0\x5f\0",
            b"\x50\1\0\x5f\0",
            b"\x4f\2\0\2\x5f\0",
            b"\x4e\1\x4f\0\x60\0\0",
        ),
    ),
    "imports": VOID
    + section(
        2,
        vector(
            b"\1a\1f\0\0",
            b"\0\0\1\x70\0\1",
            b"\1a\2\xc3\xa9\1\x64\0\1\1\2",
            b"\1a\1m\2\0\1",
            b"\1a\1m\2\7\1\2",
            b"\1a\1g\3\x7f\0",
            b"\1a\1g\3\x63\x70\1",
            b"\1a\1t\4\0\0",
        ),
    ),
    "tables": ONE_FUNCTION
    + section(
        4,
        vector(
            b"\x70\0\0",
            b"\x6f\1\1\2",
            b"\x70\2\1",
            b"\x70\3\1\2",
            b"\x70\4\1",
            b"\x70\5\1\x80\x80\x80\x80\x80\x20",
            b"\x40\0\x64\x70\0\1" + REF_0,
            b"\x40\0\x63\0\1\1\2\xd0\0\x0b",
        ),
    )
    + section(10, vector(b"\2\0\x0b")),
    "memories": section(
        5,
        vector(
            b"\0\0",
            b"\1\0\1",
            b"\3\1\1",
            b"\4\xff\xff\xff\xff\xff\xff\xff\xff\xff\1",
            b"\5\1\2",
            b"\7\1\2",
            b"\x08\1\0",
            b"\x09\1\2\x10",
            b"\x0f\1\2\0",
        ),
    ),
    "tags": VOID + section(13, vector(b"\0\0", b"\0\0")),
    "globals": section(
        6,
        vector(
            b"\x7f\0" + ZERO,
            b"\x7e\1\x42\x7f\x0b",
            b"\x7d\0\x43\1\0\xa0\x7f\x0b",
            b"\x7f\0\x23\0\x41\3\x6b\x0b",
            b"\x63\x70\0\xd0\x70\x0b",
        ),
    ),
    "exports": section(
        7, vector(b"\0\0\0", b"\1a\1\1", b"\1b\2\2", b"\1c\3\x80\1", b"\1d\4\0", b"\2\xc3\xa9\0\0")
    ),
    "start": section(8, b"\x80\1"),
    "element form 0": FUNCREFS + section(9, vector(b"\0" + ZERO + b"\2\0\1")),
    "element form 1": section(9, vector(b"\1\0\2\0\1")),
    "element form 2": FUNCREFS
    + section(9, vector(b"\2\0" + ZERO + b"\0\1\0", b"\2\5" + ZERO + b"\0\0")),
    "element form 3": section(9, vector(b"\3\0\1\0")),
    "element form 4": FUNCREFS + section(9, vector(b"\4" + ZERO + b"\1" + REF_0)),
    "element form 5": section(9, vector(b"\5\x70\1" + REF_0, b"\5\x63\x70\0", b"\5\x64\0\0")),
    "element form 6": FUNCREFS + section(9, vector(b"\6\0" + ZERO + b"\x70\1" + REF_0)),
    "element form 7": section(9, vector(b"\7\x6f\1\xd0\x6f\x0b")),
    "data count without data": section(12, b"\0"),
    "data": section(12, b"\4")
    + section(
        11, vector(b"\0" + ZERO + b"\1a", b"\1\0", b"\2\0" + ZERO + b"\1b", b"\2\1" + ZERO + b"\0")
    ),
    "locals in groups of none and of one type": ONE_FUNCTION
    + section(10, vector(sized(b"\4\0\x7f\1\x7f\1\x7f\0\x63\x70\x0b"))),
    "the most locals": ONE_FUNCTION + section(10, vector(sized(b"\2\xcf\x86\3\x7f\1\x7e\x0b"))),
    "memory 0 spelled out": module_of(b"\x41\0\x28\x42\0\4\x1a\x0b")[8:],
    "memory 0 not spelled out": module_of(b"\x41\0\x28\2\4\x1a\x0b")[8:],
    "memory 1": module_of(b"\x41\0\x28\x42\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\x1a\x0b")[8:],
    "block types": module_of(
        b"\2\x40\x0b\2\x7f\x0b\2\x70\x0b\2\x63\x70\x0b\2\x64\0\x0b\2\0\x0b\2\xc0\0\x0b\x0b"
    )[8:],
    "select": module_of(b"\x1b\x1c\0\x1c\1\x7f\x1c\2\x63\0\x64\x6e\x0b")[8:],
}


@pytest.mark.parametrize("name", IDENTICAL)
def test_minimal_input_comes_out_as_it_went_in(name: str) -> None:
    assert encode(decode(HEADER + IDENTICAL[name])) == HEADER + IDENTICAL[name]


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_encoding_is_stable_on_built_modules(path: Path) -> None:
    encoded = encode(decode(path.read_bytes()))
    assert len(encoded) <= path.stat().st_size
    assert encode(decode(encoded)) == encoded


def test_every_instruction_is_decoded() -> None:
    nop = POOL.make("nop")
    for instr in samples(POOL):
        check_decoded(nop.data + instr.data + nop.data, [nop, instr, nop])


def check_decoded(code: bytes, expected: list[Instr]) -> None:
    """With a pool of its own, so that every instruction is decoded from its bytes."""
    body = tokenize(code, 0, len(code), InstrPool())
    assert [(instr.op, instr.immediates, instr.data) for instr in body] == [
        (instr.op, instr.immediates, instr.data) for instr in expected
    ]


@settings(max_examples=300, deadline=None)
@given(st.lists(instructions(POOL), max_size=20))
def test_any_instructions_are_decoded(body: list[Instr]) -> None:
    check_decoded(b"".join([instr.data for instr in body]), body)


class Longer:
    """Writes a module anew with every number of its code, and every size, padded at random."""

    def __init__(self, seed: int) -> None:
        self.pad = Lengthener(Random(seed))

    def module(self, module: Module) -> bytes:
        """The module's sections in their order; custom sections as they are."""
        parts = [HEADER]
        minimal = encode(module)
        position = len(HEADER)
        while position < len(minimal):
            number, start, end = section_at(minimal, position)
            content = self.code(module) if number == Section.CODE else minimal[start:end]
            parts.append(bytes([number]) + self.pad.unsigned(len(content)) + content)
            position = end
        return b"".join(parts)

    def code(self, module: Module) -> bytes:
        entries = b"".join(map(self.function, module.functions))
        return self.pad.unsigned(len(module.functions)) + entries

    def function(self, function: Function) -> bytes:
        content = self.pad.unsigned(len(function.locals)) + b"".join(
            [self.pad.unsigned(count) + self.pad.value_type(of) for count, of in function.locals]
        )
        content += b"".join(map(self.pad.instruction, function.body))
        return self.pad.unsigned(len(content)) + content


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(BUILT), st.integers(0, 2**32))
def test_overlong_numbers_give_the_same_module(path: Path, seed: int) -> None:
    module = decode(path.read_bytes(), InstrPool())
    longer = decode(Longer(seed).module(module), module.pool)
    assert [function.body for function in longer.functions] == [
        function.body for function in module.functions
    ]
    assert encode(longer) == encode(module)


@settings(max_examples=300, deadline=None)
@given(st.lists(instructions(POOL), max_size=20), st.integers(0, 2**32))
def test_overlong_numbers_give_the_same_instructions(body: list[Instr], seed: int) -> None:
    pad = Lengthener(Random(seed))
    check_decoded(b"".join([pad.instruction(instr) for instr in body]), body)


def test_an_overlong_number_is_minimal_once_encoded() -> None:
    padded = module_of(b"\x41\x80\x80\x80\x80\0\x20\x81\x80\0\x42\xff\x7f\x0b")
    assert encode(decode(padded)) == module_of(b"\x41\0\x20\1\x42\x7f\x0b")


@pytest.mark.parametrize("entries", [0, 1, 126, 127, 128, 4000, 70_000])
def test_long_vectors(entries: int) -> None:
    numbers = tuple([number % 300 for number in range(entries)])
    catches = tuple([Catch(number % 2, number, 5) for number in numbers])
    types = (ValType(b"\x7f"), ValType(b"\x63\x70")) * (entries // 2)
    check_tokenized(
        POOL.make("br_table", (*numbers, 7)),
        POOL.make("try_table", None, catches),
        POOL.make("select_t", types),
        POOL.make("br_table", (*numbers, 7)),
    )


def check_tokenized(*body: Instr) -> None:
    code = b"".join([instr.data for instr in body])
    assert tokenize(code, 0, len(code), POOL) == list(body)


STRADDLERS = {
    "br_table": POOL.make("br_table", tuple(range(0, 400, 7))),
    "br_table by hand": POOL.make("br_table", tuple(range(200))),
    "try_table": POOL.make("try_table", 300, (Catch(0, 1, 2), Catch(3, None, 200)) * 9),
    "select": POOL.make("select_t", (ValType(b"\x63\xac\2"),) * 9),
    "memory access": POOL.make("v128.load8_lane", MemArg(0, 2**63, 300), 7),
    "constant": POOL.make("i64.const", -(2**63)),
    "vector": POOL.make("v128.const", b"\x80" * 16),
    "cast": POOL.make("br_on_cast", 3, 300, 300, b"\x6e"),
}


@pytest.mark.parametrize("name", STRADDLERS)
def test_instructions_straddle_the_chunk(name: str) -> None:
    """At every distance from its end, with code behind it that makes a second chunk."""
    nop, straddler = POOL.make("nop"), STRADDLERS[name]
    step = 1 + straddler.size // 8
    for before in range(CHUNK - straddler.size - 1, CHUNK + 2, step):
        check_tokenized(*[nop] * before, straddler, *[nop] * 9)


def test_every_chunk_end_meets_another_byte_of_an_instruction() -> None:
    """Bodies of several chunks of one long instruction, so that all phases occur."""
    for straddler in STRADDLERS.values():
        check_tokenized(*[straddler] * (3 * CHUNK // straddler.size))


def test_long_bodies_keep_every_instruction() -> None:
    few = [POOL.make("local.get", 0), POOL.make("i32.const", 70_000), POOL.make("drop")]
    body = (*few * 66_667, POOL.make("end"))
    assert len(body) > 200_000
    module = decode(module_of(b"".join([instr.data for instr in body])), POOL)
    assert module.functions[0].body == body
    assert function_bytes(module.functions[0]) == sized(
        b"\0" + b"".join([instr.data for instr in body])
    )


def test_equal_instructions_are_one_object() -> None:
    module = decode(module_of(b"\x41\1\x1a\x41\x81\0\x1a\x0b"))
    first, drop, second, other_drop, _ = module.functions[0].body
    assert first is second is module.pool.make("i32.const", 1)
    assert drop is other_drop


def test_modules_may_share_a_pool() -> None:
    pool = InstrPool()
    first, second = decode(DENSE, pool), decode(DENSE, pool)
    assert first.functions[0].body == second.functions[0].body
