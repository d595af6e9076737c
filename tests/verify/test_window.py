"""The part of a function that a change is in: how far it reaches, and that it is enough."""

import pytest

from wasmopt.context import Context
from wasmopt.decode import decode
from wasmopt.text import read_text
from wasmopt.verify.window import Code, find_window

HEAD = '(module (import "e" "f" (func $f (param i32))) (memory 1) (func (param i32 i32) {}))'


def windows(before: str, after: str) -> tuple[Code, Code] | None:
    module = decode(read_text(HEAD.format(before)))
    changed = decode(read_text(HEAD.format(after)), module.pool)
    return find_window(module.functions[0], changed.functions[0], Context(module))


def names(code: Code) -> list[str]:
    return [instr.name for instr in code.body]


CALL = "(call $f (local.get 0))"


def test_a_window_is_whole_statements() -> None:
    change = "(local.set 1 (i32.add (local.get 0) (i32.const {})))"
    found = windows(CALL + change.format(1) + CALL, CALL + change.format(2) + CALL)
    assert found is not None
    assert names(found[0]) == ["local.get", "i32.const", "end"]
    assert found[0].enclosing[0][0] == "function"


def test_a_window_stays_in_its_block() -> None:
    change = "(block (block {} (br_if 1 (local.get 0)) {} ) {})"
    body = change.format(CALL, "(local.set 1 (i32.const {}))", CALL)
    found = windows(body.format(1), body.format(2))
    assert found is not None
    assert [kind for kind, _ in found[0].enclosing] == ["function", "block", "block", "window"]


def test_a_window_grows_over_the_structures_that_the_change_opens_or_closes() -> None:
    before = f"{CALL} (block (br_if 0 (local.get 0)) {CALL}) {CALL}"
    after = f"{CALL} (if (i32.eqz (local.get 0)) (then {CALL})) {CALL}"
    found = windows(before, after)
    assert found is not None
    for code in found:
        openers = sum(name in ("block", "if") for name in names(code))
        assert names(code).count("end") == openers + 1


def test_a_window_never_spans_both_arms_of_an_if() -> None:
    body = """(if (local.get 0)
      (then (local.set 1 (i32.const {}))) (else (local.set 1 (i32.const {}))))"""
    found = windows(CALL + body.format(1, 2), CALL + body.format(3, 4))
    assert found is not None
    for code in found:
        assert names(code).count("if") == names(code).count("else")


def test_only_locals_read_outside_are_compared() -> None:
    change = "(local.set 1 (i32.const {}))"
    unread = windows(CALL + change.format(1) + CALL, CALL + change.format(2) + CALL)
    assert unread is not None
    assert unread[0].live == {0}


def test_in_a_loop_what_the_window_reads_is_compared_too() -> None:
    body = "(loop {} (i32.store (local.get 1) (i32.const {})) (br_if 0 (local.get 0)))"
    found = windows(body.format(CALL, 1), body.format(CALL, 2))
    assert found is not None
    assert found[0].live == {0, 1}


@pytest.mark.parametrize("position", [0, 50, 99])
def test_the_cost_follows_the_change(position: int) -> None:
    calls = [CALL] * 100
    changed = list(calls)
    changed[position] = "(call $f (i32.const 1))"
    found = windows("".join(calls), "".join(changed))
    assert found is not None
    assert all(len(code.body) <= 3 for code in found)


def test_code_behind_a_branch_has_no_statements_to_start_at() -> None:
    body = "(block (br 0) (drop (i32.add (i32.const {}))))"
    found = windows(CALL + body.format(1), CALL + body.format(2))
    assert found is None or found[0].body[0].name in ("block", "br")
