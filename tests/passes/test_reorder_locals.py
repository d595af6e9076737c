"""Reorder locals finds the cheapest numbers and declarations."""

from __future__ import annotations

from itertools import permutations, product

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import check, unchanged
from wasmopt.context import Context
from wasmopt.function import Function, group_locals, locals_size
from wasmopt.instr import InstrPool
from wasmopt.module import Module
from wasmopt.passes.reorder_locals import best_order, reorder_locals
from wasmopt.types import F64, I32, I64, V128, FuncType, RecGroup, SubType, ValType

WIDE = ValType(b"\x63\x01")
FAR = 1 << 20


def reads(*indices: int) -> str:
    return " ".join(f"local.get {index} drop" for index in indices)


def becomes(before: str, after: str) -> None:
    check("reorder-locals", before, after)


def stays(wat: str) -> None:
    unchanged("reorder-locals", wat)


def test_declarations_of_one_type_become_one() -> None:
    becomes(
        f"(func (param i32) (local i32 i64 i32 f32) {reads(0, 1, 2, 3, 4)})",
        f"(func (param i32) (local i32 i32 i64 f32) {reads(0, 1, 3, 2, 4)})",
    )


def test_references_and_vectors_move_like_the_rest() -> None:
    becomes(
        "(func (param (ref func)) (local (ref func) v128 (ref func))"
        " local.get 0 local.set 1 local.get 0 local.set 3 local.get 3 drop local.get 2 drop)",
        "(func (param (ref func)) (local (ref func) (ref func) v128)"
        " local.get 0 local.set 1 local.get 0 local.set 2 local.get 2 drop local.get 3 drop)",
    )


def test_a_local_used_often_gets_an_index_of_one_byte() -> None:
    locals_ = f"(local {'i32 ' * 129})"
    becomes(
        f"(func {locals_} {reads(*range(1, 128))} {reads(128, 128)})",
        f"(func {locals_} {reads(*range(127))} {reads(127, 127)})",
    )
    stays(f"(func {locals_} {reads(*range(127), 127, 127, 128)})")


def test_parameters_keep_their_numbers() -> None:
    stays(f"(func (param {'i32 ' * 129}) {reads(128, 128)})")
    params = "i32 " * 127
    becomes(
        f"(func (param {params}) (local i32 i64) {reads(127, 128, 128)})",
        f"(func (param {params}) (local i64 i32) {reads(128, 127, 127)})",
    )


def test_a_move_that_costs_as_much_as_it_saves_is_not_made() -> None:
    stays(f"(func (param {'i32 ' * 127}) (local i32 i64) {reads(127, 128)})")
    stays(f"(func (param {'i32 ' * 126}) (local i32 i32 i64 i64) {reads(126, 127, 128, 128)})")


def test_a_type_is_split_where_its_hot_local_pays_for_a_declaration() -> None:
    params = "i32 " * 126
    becomes(
        f"(func (param {params}) (local i32 i32 i64 i64)"
        f" {reads(*[126] * 5, 127, *[128] * 5, 129)})",
        f"(func (param {params}) (local i64 i32 i32 i64)"
        f" {reads(*[127] * 5, 128, *[126] * 5, 129)})",
    )


def test_nothing_to_gain() -> None:
    stays("(func)")
    stays("(func (param i32 i64))")
    stays(f"(func (local i32 i64 f32) {reads(2, 2, 2, 1)})")
    stays(f"(func (local {'i32 ' * 200}) {reads(*range(200))})")


def size_of(types: list[ValType], counts: list[int], params: int, borders: tuple[int, int]) -> int:
    """Bytes of declarations, and of indices beyond their first."""
    index_bytes = sum(
        count * sum(params + place >= border for border in borders)
        for place, count in enumerate(counts)
    )
    return locals_size(group_locals(types)) + index_bytes


def size_in_order(
    order: list[int] | tuple[int, ...],
    types: list[ValType],
    counts: list[int],
    params: int,
    borders: tuple[int, int],
) -> int:
    assert sorted(order) == list(range(len(types)))
    return size_of(
        [types[local] for local in order], [counts[local] for local in order], params, borders
    )


LOCALS = st.lists(
    st.tuples(st.sampled_from([I32, I64, WIDE]), st.integers(0, 6)), min_size=1, max_size=6
)


@given(locals_=LOCALS, params=st.integers(0, 4), border=st.integers(1, 6))
@settings(max_examples=150, deadline=None)
def test_no_order_is_shorter(locals_: list[tuple[ValType, int]], params: int, border: int) -> None:
    types, counts = [each[0] for each in locals_], [each[1] for each in locals_]
    borders = (border, FAR)
    order = best_order(types, counts, params, borders)
    least = min(
        size_in_order(other, types, counts, params, borders)
        for other in permutations(range(len(types)))
    )
    assert size_in_order(order, types, counts, params, borders) == least


@given(locals_=LOCALS, params=st.integers(0, 2))
@settings(max_examples=150, deadline=None)
def test_behind_a_second_border_the_order_is_within_its_declarations_of_the_best(
    locals_: list[tuple[ValType, int]], params: int
) -> None:
    types, counts = [each[0] for each in locals_], [each[1] for each in locals_]
    borders = (3, 5)
    order = best_order(types, counts, params, borders)
    least = min(
        size_in_order(other, types, counts, params, borders)
        for other in permutations(range(len(types)))
    )
    slack = sum(1 + len(each) for each in set(types))
    assert size_in_order(order, types, counts, params, borders) <= least + slack


@given(
    sizes=st.tuples(st.integers(1, 150), st.integers(1, 150)),
    params=st.integers(0, 3),
    data=st.data(),
)
@settings(max_examples=20, deadline=None)
def test_no_split_of_two_types_across_the_real_border_is_shorter(
    sizes: tuple[int, int], params: int, data: st.DataObject
) -> None:
    """Here declarations of 128 locals and more occur, whose count takes two bytes."""
    types = [I64] * sizes[0] + [V128] * sizes[1]
    total = len(types)
    counts = data.draw(st.lists(st.integers(0, 3), min_size=total, max_size=total))
    hottest = sorted(range(total), key=lambda local: -counts[local])
    families = [[local for local in hottest if types[local] == each] for each in (I64, V128)]
    capacity = min(128 - params, total)
    least = FAR
    for taken in range(max(0, capacity - sizes[1]), min(sizes[0], capacity) + 1):
        hot = [families[0][:taken], families[1][: capacity - taken]]
        cold = [families[0][taken:], families[1][capacity - taken :]]
        for left, right in product((hot, hot[::-1]), (cold, cold[::-1])):
            order = [local for part in (*left, *right) for local in part]
            least = min(least, size_in_order(order, types, counts, params, (128, FAR)))
    order = best_order(types, counts, params, (128, FAR))
    assert size_in_order(order, types, counts, params, (128, FAR)) == least


def test_among_equal_sizes_the_one_with_fewer_declarations_wins() -> None:
    """The 128th declaration makes their count a byte longer."""
    singles = [ValType(b"\x63" + bytes([index])) for index in range(64)]
    singles += [ValType(b"\x64" + bytes([index])) for index in range(60)]
    types = [I32, I32, I32, I64, F64, F64, *singles]
    counts = [3, 1, 2, 5, 0, 6] + [0] * len(singles)
    order = best_order(types, counts, 0, (4, FAR))
    assert len(group_locals([types[local] for local in order])) == 127


def test_a_type_may_run_on_through_a_whole_region() -> None:
    types, counts = [I64, I32, I32, I32, I32, I64], [9, 8, 7, 6, 5, 0]
    order = best_order(types, counts, 0, (2, 4))
    groups = group_locals([types[local] for local in order])
    assert groups == ((1, I64), (4, I32), (1, I64))


def test_many_types_and_thousands_of_locals() -> None:
    """Two bytes of declarations count, three-byte numbers: it still ends, and gains."""
    pool = InstrPool()
    kinds = [ValType(b"\x63" + bytes([index])) for index in range(60)] + [I32, F64]
    types = [kinds[place * 7 % len(kinds)] for place in range(17_000)]
    body = [pool.make("local.get", place) for place in range(16_900, 17_000) for _ in range(9)]
    body += [pool.make("unreachable"), pool.make("end")]
    before = Function(0, group_locals(types), tuple(body))
    context = Context(Module(pool, types=(RecGroup((SubType(FuncType()),)),)))
    after = reorder_locals(before, context)
    assert len(after.locals) <= 3 * len(kinds)
    assert sorted(after.local_types()) == sorted(types)
    assert all(instr.size == 2 for instr in after.body[:900])
    assert reorder_locals(after, context) is after
