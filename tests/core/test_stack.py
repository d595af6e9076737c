"""Who produces and consumes each value, and what control can reach."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.programs import programs
from tests.support import last_function, module_of
from wasmopt.context import Context
from wasmopt.decode import decode
from wasmopt.errors import ValidationError
from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool
from wasmopt.module import Module
from wasmopt.opcodes import OPCODES
from wasmopt.stack import NO_SPAN, Stack, stack
from wasmopt.structure import BODY, structure
from wasmopt.types import I32, FuncType, RecGroup, SubType

BUILT = sorted((Path(__file__).resolve().parents[2] / "corpus" / "built").glob("*.wasm"))
DEPTH = 5000
LEGACY = {"try", "catch", "catch_all", "delegate", "rethrow"}


def stack_of(wat: str) -> Stack:
    function, context = last_function(wat)
    return context.analysis(stack, function)


def operand_producers(facts: Stack, index: int) -> list[int]:
    return [facts.producers[value] for value in facts.operands(index)]


def test_operands_are_the_span_before_an_instruction() -> None:
    facts = stack_of("""
        (memory 1)
        (func (param i32 i32)
          nop            ;; 0
          local.get 0    ;; 1
          local.get 1    ;; 2
          i32.const 8    ;; 3
          i32.add        ;; 4
          i32.store)     ;; 5
    """)
    assert facts.starts == [0, 1, 2, 3, 2, 1, 0]
    assert operand_producers(facts, 4) == [2, 3]
    assert operand_producers(facts, 5) == [1, 4]
    assert [facts.consumers[value] for value in facts.results(4)] == [5]
    assert facts.heights == [0, 0, 1, 2, 3, 2, 0]


def test_a_statement_between_operands_belongs_to_the_span() -> None:
    facts = stack_of("(func $f) (func (result i32) i32.const 1 call $f i32.const 2 i32.add)")
    assert facts.starts[3] == 0


def test_results_of_one_call_have_one_producer_and_a_consumer_each() -> None:
    facts = stack_of("""
        (func $two (result i32 i64) i32.const 1 i64.const 2)
        (func (local i32)
          call $two     ;; 0
          drop          ;; 1
          local.set 0)  ;; 2
    """)
    assert [facts.consumers[value] for value in facts.results(0)] == [2, 1]
    assert facts.starts[1] == NO_SPAN, "the i64 alone has no code of its own"
    assert facts.starts[2] == 0


def test_a_block_is_one_operand_and_its_parameters_come_from_its_opener() -> None:
    facts = stack_of("""
        (func (result i32)
          i32.const 1                         ;; 0
          block (param i32) (result i32)      ;; 1
            i32.eqz                           ;; 2
          end                                 ;; 3
          i32.eqz)                            ;; 4
    """)
    assert operand_producers(facts, 1) == [0]
    assert operand_producers(facts, 2) == [1]
    assert facts.starts[2] == NO_SPAN
    assert operand_producers(facts, 4) == [3]
    assert facts.starts[4] == 0, "the span of the block includes its operand"


def test_branch_operands_and_values_that_a_branch_throws_away() -> None:
    facts = stack_of("""
        (func (result i32)
          block (result i32)   ;; 0
            i64.const 7        ;; 1
            i32.const 1        ;; 2
            br 0               ;; 3
          end)                 ;; 4
    """)
    assert operand_producers(facts, 3) == [2]
    (thrown_away,) = facts.results(1)
    assert facts.consumers[thrown_away] == -1
    assert list(facts.operands(4)) == []


def test_br_if_hands_its_values_on() -> None:
    facts = stack_of("""
        (func (param i32) (result i32)
          block (result i32)   ;; 0
            i32.const 1        ;; 1
            local.get 0        ;; 2
            br_if 0            ;; 3
            i32.eqz            ;; 4
          end)
    """)
    assert operand_producers(facts, 3) == [1, 2]
    assert operand_producers(facts, 4) == [3]


def test_code_behind_a_branch_is_polymorphic_and_has_no_producers() -> None:
    facts = stack_of("""
        (func (result i32)
          block          ;; 0
            br 0         ;; 1
            drop         ;; 2
            block        ;; 3
              nop        ;; 4
            end          ;; 5
          end            ;; 6
          i32.const 1)   ;; 7
    """)
    assert list(facts.polymorphic) == [0, 0, 1, 1, 1, 1, 0, 0, 0]
    assert list(facts.reachable) == [1, 1, 0, 0, 0, 0, 1, 1, 1]
    assert all(not facts.operands(index) for index in range(2, 6))
    assert facts.heights[2:6] == [-1] * 4


def test_code_behind_a_block_that_never_completes_is_typed_but_unreachable() -> None:
    facts = stack_of("""
        (func (result i32)
          block (result i32)   ;; 0
            i32.const 1        ;; 1
            return             ;; 2
          end                  ;; 3
          i32.eqz)             ;; 4
    """)
    assert list(facts.reachable) == [1, 1, 1, 0, 0, 0]
    assert list(facts.polymorphic) == [0] * 6
    assert operand_producers(facts, 4) == [3]


@pytest.mark.parametrize(
    ("code", "end_is_reached"),
    [
        ("block unreachable end", False),
        ("block br 0 end", True),
        ("block local.get 0 br_if 0 unreachable end", True),
        ("block local.get 0 br_table 0 1 end", True),
        ("block unreachable br 0 end", False),
        ("loop br 0 end", False),
        ("loop local.get 0 br_if 0 end", True),
        ("local.get 0 if unreachable end", True),
        ("local.get 0 if unreachable else return end", False),
        ("local.get 0 if unreachable else end", True),
        ("block loop br 1 end end", True),
        ("block try_table (catch_all 0) unreachable end unreachable end", True),
        ("block block br 1 end unreachable end", True),
        ("block block unreachable end br 0 end", False),
        ("block unreachable end local.get 0 if else end", False),
    ],
)
def test_which_ends_control_arrives_at(code: str, *, end_is_reached: bool) -> None:
    facts = stack_of(f"(func (param i32) {code})")
    assert bool(facts.reachable[-1]) is end_is_reached


def test_nesting_thousands_deep_takes_no_recursion() -> None:
    wat = "block (result i32) " * DEPTH + f"i32.const 1 br {DEPTH - 1} " + "end " * DEPTH
    facts = stack_of(f"(func (result i32) {wat})")
    assert facts.starts[2 * DEPTH + 1] == 0
    assert list(facts.reachable[DEPTH + 1 :]) == [1] + [0] * (DEPTH - 1) + [1, 1]


EVERY_INSTRUCTION = """
(module
  (rec (type $s (struct (field (mut i32)) (field i8))))
  (type $a (array (mut i32)))
  (type $b (array (mut i8)))
  (type $r (array (mut funcref)))
  (type $f (func (param i32) (result i32)))
  (tag $t (param i32 i64))
  (memory 1)
  (data $d "abcdefgh")
  (table $tab 3 funcref)
  (elem $e func $callee)
  (global $g (mut i32) (i32.const 0))
  (func $callee (type $f) local.get 0)
  (func $tails (param i32) (result i32)
    block (result i32)
      local.get 0
      if (result i32)
        local.get 0 return_call $callee
      else
        local.get 0 local.get 0 return_call_indirect (type $f)
      end
    end
    drop
    local.get 0 ref.func $callee return_call_ref $f)
  (func (param $x anyref) (param $c (ref null $f)) (param $n (ref null $s)) (local $l i32)
    i32.const 1 call $callee
    i32.const 0 call_indirect (type $f)
    local.get $c call_ref $f
    local.tee $l local.set $l
    i32.const 1 i32.const 2 local.get $l select global.set $g
    local.get $x local.get $x global.get $g select (result anyref) ref.is_null drop
    i32.const 0 i32.const 0 table.get $tab table.set $tab
    ref.null func i32.const 1 table.grow $tab drop
    i32.const 0 ref.func $callee i32.const 1 table.fill $tab
    i32.const 1 i32.const 2 struct.new $s
    struct.new_default $s ref.eq drop
    local.get $n struct.get $s 0 local.get $n struct.get_s $s 1 local.get $n struct.get_u $s 1
    drop drop drop
    local.get $n ref.as_non_null i32.const 5 struct.set $s 0
    i32.const 1 i32.const 2 array.new $a i32.const 0 i32.const 9 array.set $a
    i32.const 2 array.new_default $b i32.const 0 array.get_s $b drop
    i32.const 1 i32.const 2 i32.const 3 array.new_fixed $b 3 i32.const 0 array.get_u $b drop
    i32.const 0 i32.const 2 array.new_data $a $d i32.const 0 array.get $a drop
    i32.const 0 i32.const 1 array.new_elem $r $e array.len drop
    i32.const 2 array.new_default $a i32.const 0 i32.const 7 i32.const 1 array.fill $a
    i32.const 2 array.new_default $a i32.const 0 i32.const 2 array.new_default $a
    i32.const 0 i32.const 1 array.copy $a $a
    i32.const 2 array.new_default $a i32.const 0 i32.const 0 i32.const 1 array.init_data $a $d
    i32.const 2 array.new_default $r i32.const 0 i32.const 0 i32.const 1 array.init_elem $r $e
    local.get $x ref.test (ref $s) local.get $x ref.test (ref null $s) i32.add drop
    local.get $x ref.cast (ref null $s) ref.cast (ref $s) drop
    local.get $x extern.convert_any any.convert_extern drop
    i32.const 1 ref.i31 i31.get_s i32.const 1 ref.i31 i31.get_u i32.add drop
    block (result anyref)
      i32.const 1 ref.i31
      local.get $x br_on_null 0
      br_on_cast 0 (ref any) (ref i31)
      drop
    end
    drop
    block (result (ref any)) local.get $x br_on_non_null 0 return end
    drop
    block (result anyref) local.get $x br_on_cast_fail 0 anyref (ref i31) end
    drop
    loop (param) local.get $l br_if 0 end
    block local.get $l br_table 0 0 end
    block (result exnref)
      try_table (catch_all_ref 0) i32.const 1 i64.const 2 throw $t end
      return
    end
    throw_ref))
"""


def test_the_arity_of_every_instruction_whose_row_does_not_state_it() -> None:
    """A wrong number would leave values over, or take some that are not there."""
    module = module_of(EVERY_INSTRUCTION)
    used = {instr.name for function in module.functions for instr in function.body}
    unstated = {op.mnemonic for op in OPCODES if op.operands is None}
    assert unstated - LEGACY <= used | {"else", "br", "return", "unreachable", "drop"}
    context = Context(module)
    for function in module.functions:
        context.analysis(stack, function)


def test_legacy_handlers_start_with_what_they_catch() -> None:
    facts = stack_of("""
        (tag $t (param i32 i64))
        (func (result i32)
          try (result i32)     ;; 0
            i32.const 1        ;; 1
          catch $t             ;; 2
            drop               ;; 3
          catch_all            ;; 4
            rethrow 0          ;; 5
          end                  ;; 6
          try                  ;; 7
          delegate 0)          ;; 8
    """)
    assert operand_producers(facts, 3) == [2]
    assert list(facts.reachable) == [1] * 10


@pytest.mark.parametrize(
    ("instrs", "problem"),
    [
        ([("i32.const", 1), ("i32.add",)], "takes 2 operands"),
        ([("i32.const", 1)], "finds 1 values too many"),
        ([("block", None), ("drop",), ("end",)], "takes 1 operands"),
        ([("i32.const", 1), ("block", None), ("drop",), ("end",)], "takes 1 operands"),
        ([("block", 7), ("end",)], "names nothing that fits"),
        ([("call", 7)], "names nothing that fits"),
        ([("struct.new", 0)], "names nothing that fits"),
        ([("try", None), ("catch", 3), ("end",)], "names nothing that fits"),
    ],
)
def test_bodies_that_do_not_type_check_are_refused(
    instrs: list[tuple[str, int]], problem: str
) -> None:
    pool = InstrPool()
    body: list[Instr] = [pool.make(*each) for each in instrs]
    types = (RecGroup((SubType(FuncType()),)), RecGroup((SubType(FuncType((I32,))),)))
    function = Function(0, (), (*body, pool.make("end")))
    with pytest.raises(ValidationError, match=problem):
        stack(function, Context(Module(pool, types=types)))


def check_invariants(function: Function, context: Context) -> None:
    facts, shape = context.analysis(stack, function), context.analysis(structure, function)
    size = len(function.body)
    assert len(facts.starts) == len(facts.heights) == len(shape.parents) == size
    for index in range(size):
        for value in facts.operands(index):
            assert facts.consumers[value] == index
            assert facts.producers[value] < index
        for value in facts.results(index):
            assert facts.producers[value] == index
        start = facts.starts[index]
        if start != NO_SPAN and not facts.polymorphic[index]:
            assert start <= index
            opener = shape.parents[index]
            if index != size - 1 and shape.ends[opener] != index:
                assert shape.parents[start] == opener, "a span stays within its construct"
                grown = facts.heights[index] - len(facts.operands(index))
                assert facts.heights[start] == grown
    assert facts.heights[size - 1] == len(facts.operands(size - 1))
    assert shape.ends[BODY] == size - 1


@given(program=programs())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_spans_hold_together_in_random_programs(program: str) -> None:
    module = module_of(program)
    check_invariants(module.functions[-1], Context(module))


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_spans_hold_together_in_built_modules(path: Path) -> None:
    module = decode(path.read_bytes())
    context = Context(module)
    for function in module.functions:
        check_invariants(function, context)
