"""Nesting and branch targets as instruction indices."""

from __future__ import annotations

import pytest

from tests.support import last_function
from wasmopt.context import Context
from wasmopt.errors import ValidationError
from wasmopt.function import Function
from wasmopt.instr import Catch, Instr, InstrPool
from wasmopt.module import Module
from wasmopt.structure import BODY, Structure, labels, structure, with_labels

DEPTH = 5000
POOL = InstrPool()


def shape_of(wat: str) -> tuple[Function, Structure]:
    function, context = last_function(wat)
    return function, context.analysis(structure, function)


def shape_of_body(*body: Instr) -> Structure:
    return structure(Function(0, (), body), Context(Module(POOL)))


def test_blocks_arms_and_their_ends() -> None:
    _, shape = shape_of("""
        (func (param i32)
          block            ;; 0
            local.get 0    ;; 1
            if             ;; 2
              nop          ;; 3
            else           ;; 4
              loop         ;; 5
              end          ;; 6
            end            ;; 7
          end)             ;; 8, the function's end 9
    """)
    assert shape.ends == {0: 8, 2: 7, 5: 6, BODY: 9}
    assert shape.dividers == {2: [4]}
    assert shape.parents == [BODY, 0, 0, 2, 2, 2, 5, 2, 0, BODY]


def test_branches_know_their_targets_and_targets_their_branches() -> None:
    _, shape = shape_of("""
        (func (param i32)
          block                ;; 0
            loop               ;; 1
              local.get 0      ;; 2
              br_if 0          ;; 3
              local.get 0      ;; 4
              br_table 1 0 1 2 ;; 5
            end                ;; 6
          end)
    """)
    assert shape.targets == {3: (1,), 5: (0, 1, 0, BODY)}
    assert shape.branches == {1: [3, 5], 0: [5], BODY: [5]}


def test_catch_clauses_and_delegate_count_labels_from_outside() -> None:
    _, shape = shape_of("""
        (tag $t)
        (func
          block                                    ;; 0
            try_table (catch $t 0) (catch_all 1)   ;; 1
              br 0                                 ;; 2
            end
          end)
    """)
    assert shape.targets == {1: (0, BODY), 2: (1,)}
    _, shape = shape_of("(func block try nop delegate 0 end)")
    assert shape.targets == {3: (0,)}
    assert shape.ends[1] == 3


def test_legacy_handlers_are_dividers() -> None:
    _, shape = shape_of("(tag $t) (func try nop catch $t rethrow 0 catch_all end)")
    assert shape.dividers == {0: [2, 4]}
    assert shape.targets == {3: (0,)}


def test_nesting_thousands_deep_takes_no_recursion() -> None:
    wat = "block " * DEPTH + f"br {DEPTH - 1} " + "end " * DEPTH
    _, shape = shape_of(f"(func {wat})")
    assert shape.targets == {DEPTH: (0,)}
    assert shape.ends[0] == 2 * DEPTH
    assert shape.parents[DEPTH] == DEPTH - 1


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["block", "end"], "does not close"),
        (["else", "end"], "instruction 0, `else`, does not belong to an open `if`"),
        (["if", "else", "else", "end", "end"], "instruction 2, `else`"),
        (["block", "catch_all", "end", "end"], "does not belong to an open `try`"),
        (["try", "catch_all", "catch_all", "end", "end"], "instruction 2, `catch_all`"),
        (["block", "delegate", "end"], "does not close a `try`"),
        (["try", "catch_all", "delegate", "end"], "does not close a `try`"),
        (["delegate", "end"], "does not close a `try`"),
        (["end", "nop"], "does not close"),
        (["end", "end"], "stands behind the end of the function"),
    ],
)
def test_ill_formed_nesting_is_refused(names: list[str], problem: str) -> None:
    immediates: dict[str, tuple[int | None, ...]] = {
        "block": (None,),
        "if": (None,),
        "try": (None,),
        "delegate": (0,),
    }
    body = [POOL.make(name, *immediates.get(name, ())) for name in names]
    with pytest.raises(ValidationError, match=problem):
        shape_of_body(*body)


def test_a_label_that_names_no_construct_is_refused() -> None:
    with pytest.raises(ValidationError, match="names a label that does not exist"):
        shape_of_body(POOL.make("br", 1), POOL.make("end"))


@pytest.mark.parametrize(
    ("instr", "named"),
    [
        (POOL.make("br_if", 3), (3,)),
        (POOL.make("br_table", (1, 0, 2)), (1, 0, 2)),
        (POOL.make("br_on_cast", 1, 4, b"\x6e", b"\x6c"), (4,)),
        (POOL.make("try_table", None, (Catch(0, 5, 1), Catch(2, None, 7))), (1, 7)),
        (POOL.make("i32.add"), ()),
        (POOL.make("block", None), ()),
    ],
    ids=str,
)
def test_labels_are_read_and_replaced(instr: Instr, named: tuple[int, ...]) -> None:
    assert labels(instr) == named
    if named:
        more = tuple([label + 1 for label in named])
        assert labels(with_labels(instr, more, POOL)) == more
        assert with_labels(with_labels(instr, more, POOL), named, POOL) is instr
