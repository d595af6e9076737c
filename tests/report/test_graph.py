"""Who keeps whom: dominators, and every byte of a file at one part."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.binaries import BUILT, DENSE
from tests.support import module_of
from wasmopt import decode, encode
from wasmopt.encode import function_bytes
from wasmopt.reporting.dominators import UNREACHED, immediate_dominators, retained_sizes
from wasmopt.reporting.graph import CUSTOM, Part, analyse

GRAPHS = st.integers(1, 12).flatmap(
    lambda count: st.lists(
        st.lists(st.integers(0, count - 1), max_size=4), min_size=count, max_size=count
    )
)


def reached(successors: list[list[int]], without: int | None = None) -> set[int]:
    """The nodes that paths from node 0 lead to, if one node is taken away."""
    seen = {0} - {without}
    stack = list(seen)
    while stack:
        for node in successors[stack.pop()]:
            if node != without and node not in seen:
                seen.add(node)
                stack.append(node)
    return seen


@settings(max_examples=400)
@given(GRAPHS)
def test_dominators_are_those_whose_removal_cuts_off(successors: list[list[int]]) -> None:
    dominators = immediate_dominators(successors)
    everything = reached(successors)
    assert {node for node, keeper in enumerate(dominators) if keeper != UNREACHED} == everything
    assert dominators[0] == 0
    for node in everything - {0}:
        above = {d for d in everything - {node} if node not in reached(successors, d)}
        assert dominators[node] in above
        # The immediate one is dominated by all others.
        assert all(dominators[node] not in reached(successors, d) for d in above)


@settings(max_examples=200)
@given(GRAPHS, st.data())
def test_retained_is_what_goes_when_a_node_goes(
    successors: list[list[int]], data: st.DataObject
) -> None:
    count = len(successors)
    sizes = data.draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    retained = retained_sizes(sizes, successors, immediate_dominators(successors))
    everything = reached(successors)
    for node in range(count):
        gone = everything - reached(successors, node) if node in everything else set()
        assert retained[node] == sum(sizes[each] for each in gone)


def test_long_chains_and_wide_stars_are_quick() -> None:
    count = 50_000
    chain = [[node + 1, 0] for node in range(count - 1)] + [[0]]
    assert immediate_dominators(chain) == [0, *range(count - 1)]
    star = [list(range(1, count)), *[[node] for node in range(1, count)]]
    assert set(immediate_dominators(star)) == {0}
    assert retained_sizes([1] * count, chain, immediate_dominators(chain))[0] == count


# --- modules ------------------------------------------------------------------------------------


def parts_of(wat: str) -> dict[tuple[str, int], Part]:
    module = module_of(wat)
    data = encode(module)
    return {(part.kind, part.index): part for part in analyse(module, data)}


@pytest.mark.parametrize("data", [*map(Path.read_bytes, BUILT), DENSE, b"\0asm\1\0\0\0"])
def test_every_byte_is_at_one_part(data: bytes) -> None:
    parts = analyse(decode(data), data)
    assert sum(part.own for part in parts) == len(data)
    free = sum(part.own for part in parts if part.keeper is None)
    assert parts[0].retained + free == len(data)
    assert all(part.own >= 0 for part in parts)
    for part in parts[1:]:
        if part.keeper is None:
            assert part.retained == 0
        else:
            assert part.own <= part.retained <= parts[part.keeper].retained


def test_bytes_of_a_part_are_all_that_the_file_says_of_it() -> None:
    module = module_of('(func (export "run") (export "go") i32.const 1000 drop)')
    parts = {(part.kind, part.index): part for part in analyse(module, encode(module))}
    exports = len("run") + 3 + len("go") + 3
    signature = 1
    code = len(function_bytes(module.functions[0]))
    assert parts["function", 0].own == exports + signature + code


KEEPING = {
    "a call": ('(func (export "f") call 1) (func)', "function", 0, "function", 1),
    "a tail call": ('(func (export "f") return_call 1) (func)', "function", 0, "function", 1),
    "a reference": (
        '(func (export "f") (drop (ref.func 1))) (func) (elem declare func 1)',
        "function",
        0,
        "function",
        1,
    ),
    "a table": (
        "(func $f) (table 1 funcref) (elem (i32.const 0) func $f) "
        '(func (export "g") (call_indirect (i32.const 0)))',
        "element",
        0,
        "function",
        0,
    ),
    "a passive segment": (
        '(func $f) (table 1 funcref) (elem func $f) (func (export "g") '
        "(table.init 0 (i32.const 0) (i32.const 0) (i32.const 1)))",
        "element",
        0,
        "function",
        0,
    ),
    "data": (
        '(memory 1) (data "abc") (func (export "g") '
        "(memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1)))",
        "function",
        0,
        "data",
        0,
    ),
    "a global": (
        '(global i32 (i32.const 1000)) (func (export "g") (drop (global.get 0)))',
        "function",
        0,
        "global",
        0,
    ),
    "a global's value": (
        '(func $f) (global (export "g") funcref (ref.func $f))',
        "global",
        0,
        "function",
        0,
    ),
    "a memory": (
        '(memory 1) (func (export "g") (drop (i32.load (i32.const 0))))',
        "function",
        0,
        "memory",
        0,
    ),
    "an import": (
        '(import "a" "b" (func)) (func (export "g") call 0)',
        "function",
        1,
        "function",
        0,
    ),
    "a type": ('(func (export "g") (param i64) (local.get 0) (drop))', "function", 0, "type", 0),
    "a tag": (
        '(tag (param i64)) (func (export "g") (throw 0 (i64.const 1)))',
        "function",
        0,
        "tag",
        0,
    ),
    "a caught tag": (
        '(tag) (func (export "g") (block (try_table (catch 0 0))))',
        "function",
        0,
        "tag",
        0,
    ),
    "a type in a type": (
        "(type (struct)) (type (struct (field (ref null 0)))) "
        '(func (export "g") (local (ref null 1)))',
        "type",
        1,
        "type",
        0,
    ),
    "what is started": ("(func $f call 1) (func) (start $f)", "function", 0, "function", 1),
}


@pytest.mark.parametrize("name", KEEPING)
def test_what_keeps_what(name: str) -> None:
    wat, kind, index, kept_kind, kept_index = KEEPING[name]
    parts = parts_of(wat)
    keeper, kept = (kind, index), (kept_kind, kept_index)
    places = list(parts)
    assert parts[kept].keeper == places.index(keeper)
    assert parts[keeper].retained >= parts[keeper].own + parts[kept].own


def test_what_two_need_is_kept_by_neither() -> None:
    parts = parts_of('(func (export "f") call 2 call 3) (func (export "g") call 2) (func) (func)')
    assert parts["function", 2].keeper == 0
    own = parts["function", 0].own + parts["function", 3].own
    assert parts["function", 0].retained == own


def test_what_nothing_refers_to_could_go() -> None:
    parts = parts_of(
        '(import "a" "b" (func)) (func call 2) (func call 1) (global i32 (i32.const 1)) '
        '(func (export "f")) (elem func 1) (elem declare func 2) (memory 1)'
    )
    free = {key for key, part in parts.items() if part.keeper is None}
    assert free == {
        *[("function", index) for index in range(3)],
        *[("global", 0), ("element", 0), ("memory", 0)],
    }


def test_custom_sections_stay() -> None:
    data = encode(module_of("(func)")) + b"\0\2\1a" + b"\0\3\1a " + b"\0\2\1b"
    parts = {(p.kind, p.index): p for p in analyse(decode(data), data)}
    assert [parts[CUSTOM, index].own for index in range(2)] == [9, 4]
    assert parts[CUSTOM, 0].keeper == parts[CUSTOM, 1].keeper == 0
