"""The context model knows what it has counted, and forgets what was taken out."""

from __future__ import annotations

from wasmopt.passes.context_model import FIRST_OTHER, KINDS, ContextModel

LOAD, ADD = FIRST_OTHER, FIRST_OTHER + 1
GET, SET = KINDS["local.get"], KINDS["local.set"]


def code(number: int) -> list[int]:
    """Something is loaded, put into a local, and read from it."""
    return [LOAD, 3 * number + SET, 3 * number + GET, ADD]


def test_a_number_seen_in_a_context_is_expected_there() -> None:
    model = ContextModel(100)
    for number in (5, 5, 5, 2):
        model.count(code(number), 1)
    found = list(model.savings(code(1), [0] * 8))
    first = {number: bits for position, number, bits in found if position == 1}
    assert first.keys() == {5, 2}
    assert first[5] > first[2] > 0
    assert model.plain_bits(SET, 5) < model.plain_bits(SET, 2) < model.plain_bits(SET, 7)


def test_what_was_taken_out_counts_no_more() -> None:
    model, bare = ContextModel(100), ContextModel(100)
    for each in (model, bare):
        each.count(code(5), 1)
    model.count(code(3), 1)
    assert list(model.savings(code(1), [0] * 8)) != list(bare.savings(code(1), [0] * 8))
    model.count(code(3), -1)
    assert list(model.savings(code(1), [0] * 8)) == list(bare.savings(code(1), [0] * 8))


def test_numbers_of_other_families_are_not_considered() -> None:
    model = ContextModel(100)
    for number in (5, 2):
        model.count(code(number), 1)
    families = [None, 0, 1, None, None, 0, None, None]
    found = {number for _, number, _ in model.savings(code(1), families)}
    assert found == {5}
    assert not list(model.savings(code(0), families))
