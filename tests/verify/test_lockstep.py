"""Versions with the same control are proved quickly, and only if control is the same."""

from __future__ import annotations

import pytest

from tests.support import module_of
from tests.verify.pairs import DIFFERENT, EQUAL, MODULE
from wasmopt.context import Context
from wasmopt.verdict import Proved, Verdict
from wasmopt.verify import Prover
from wasmopt.verify.joint import Comparison, DifferentError
from wasmopt.verify.unsupported import UnsupportedError
from wasmopt.verify.window import whole_function

SAME_CONTROL = {
    "a value shared by both arms": (
        """(param i32 i32) (result i32)
           (if (result i32) (local.get 0)
             (then (i32.add (i32.mul (local.get 1) (local.get 1)) (i32.const 1)))
             (else (i32.sub (i32.mul (local.get 1) (local.get 1)) (i32.const 1))))""",
        """(param i32 i32) (result i32) (local i32)
           (local.set 2 (i32.mul (local.get 1) (local.get 1)))
           (if (result i32) (local.get 0)
             (then (i32.add (local.get 2) (i32.const 1)))
             (else (i32.sub (local.get 2) (i32.const 1))))""",
    ),
    "a result for a local set in both arms": (
        """(param i32) (result i32) (local i32)
           (if (local.get 0) (then (local.set 1 (i32.const 5))) (else (local.set 1 (i32.const 6))))
           (local.get 1)""",
        """(param i32) (result i32) (local i32)
           (if (result i32) (local.get 0) (then (i32.const 5)) (else (i32.const 6)))""",
    ),
    "an empty arm": (
        "(param i32) (if (local.get 0) (then (call $f (i32.const 1))))",
        "(param i32) (if (local.get 0) (then (call $f (i32.const 1))) (else))",
    ),
    "another number for a local of a loop": (
        """(param i32) (local i32 i32)
           (loop (local.set 1 (i32.add (local.get 1) (i32.const 1)))
             (call $f (local.get 1)) (br_if 0 (i32.lt_u (local.get 1) (local.get 0))))""",
        """(param i32) (local i32 i32)
           (loop (local.set 2 (i32.add (local.get 2) (i32.const 1)))
             (call $f (local.get 2)) (br_if 0 (i32.lt_u (local.get 2) (local.get 0))))""",
    ),
    "blocks and loops without branches": (
        "(param i32) (block (loop (block (br_if 2 (local.get 0)) (call $f (local.get 0)))))",
        "(param i32) (block (br_if 0 (local.get 0)) (call $f (local.get 0)))",
    ),
    "a load looked at before the paths part": (
        """(param i32 i32) (drop (i32.load (local.get 0)))
           (if (local.get 1) (then (drop (i32.load8_u (local.get 0)))))""",
        """(param i32 i32) (drop (i32.load (local.get 0)))
           (if (local.get 1) (then))""",
    ),
}

OTHER_CONTROL = {
    "a trap in the other arm": (
        """(param i32 i32) (if (local.get 0)
             (then (drop (i32.load (local.get 1)))) (else))""",
        """(param i32 i32) (if (local.get 0)
             (then) (else (drop (i32.load (local.get 1)))))""",
    ),
    "a load looked at in one arm only": (
        """(param i32 i32) (if (local.get 0) (then (drop (i32.load (local.get 1)))))
           (drop (i32.load (local.get 1)))""",
        "(param i32 i32) (if (local.get 0) (then (drop (i32.load (local.get 1)))))",
    ),
    "a load looked at behind a branch out": (
        """(param i32 i32) (block (br_if 0 (local.get 0)) (drop (i32.load (local.get 1))))
           (drop (i32.load (local.get 1)))""",
        "(param i32 i32) (block (br_if 0 (local.get 0)) (drop (i32.load (local.get 1))))",
    ),
    "a trap moved across a branch": (
        """(param i32 i32) (block (drop (i32.load (local.get 1))) (br_if 0 (local.get 0))
             (call $f (i32.const 1)))""",
        """(param i32 i32) (block (br_if 0 (local.get 0)) (drop (i32.load (local.get 1)))
             (call $f (i32.const 1)))""",
    ),
    "another target": (
        """(param i32) (block (block (br_if 0 (local.get 0)) (br_if 1 (i32.eqz (local.get 0))))
             (call $f (i32.const 1)))""",
        """(param i32) (block (block (br_if 1 (local.get 0)) (br_if 0 (i32.eqz (local.get 0))))
             (call $f (i32.const 1)))""",
    ),
    "another target in the second run of a loop body": (
        """(param i32) (local i32 i32)
           (loop (block (block (br_if 0 (i32.and (local.get 1) (i32.const 2)))
               (br_if 1 (local.get 0))) (call $f (local.get 1)))
             (local.set 1 (i32.add (local.get 2) (i32.const 1)))
             (local.set 2 (i32.add (local.get 2) (i32.const 1)))
             (br_if 0 (i32.lt_u (local.get 1) (local.get 0))))""",
        """(param i32) (local i32 i32)
           (loop (block (block (br_if 1 (i32.and (local.get 1) (i32.const 2)))
               (br_if 0 (local.get 0))) (call $f (local.get 1)))
             (local.set 1 (i32.add (local.get 2) (i32.const 1)))
             (local.set 2 (i32.add (local.get 2) (i32.const 1)))
             (br_if 0 (i32.lt_u (local.get 1) (local.get 0))))""",
    ),
    "arms that change places": (
        """(param i32) (result i32)
           (if (result i32) (local.get 0) (then (i32.const 1)) (else (i32.const 2)))""",
        """(param i32) (result i32)
           (if (result i32) (local.get 0) (then (i32.const 2)) (else (i32.const 1)))""",
    ),
    "entries of a table that change places": (
        """(param i32) (block (block (block (br_table 0 1 2 (local.get 0)))
             (call $f (i32.const 1))) (call $f (i32.const 2)))""",
        """(param i32) (block (block (block (br_table 1 0 2 (local.get 0)))
             (call $f (i32.const 1))) (call $f (i32.const 2)))""",
    ),
    "a store moved into an arm": (
        """(param i32) (i32.store (i32.const 0) (i32.const 7))
           (if (local.get 0) (then (i32.store (i32.const 4) (i32.const 8))))""",
        """(param i32) (if (local.get 0) (then (i32.store (i32.const 0) (i32.const 7))
             (i32.store (i32.const 4) (i32.const 8))))""",
    ),
    "one more way to come back": (
        """(param i32) (local i32)
           (loop (local.set 1 (i32.add (local.get 1) (i32.const 1)))
             (br_if 0 (i32.lt_u (local.get 1) (local.get 0))) (call $f (local.get 1)))""",
        """(param i32) (local i32)
           (loop (local.set 1 (i32.add (local.get 1) (i32.const 1)))
             (br_if 0 (i32.lt_u (local.get 1) (local.get 0))) (call $f (local.get 1))
             (br_if 0 (i32.const 0)) (br_if 0 (local.get 0)))""",
    ),
    "a trap at the end of a loop body": (
        """(param i32 i32) (loop (call $f (i32.const 1)) (br_if 0 (local.get 0))
             (drop (i32.load (local.get 1))))""",
        "(param i32 i32) (loop (call $f (i32.const 1)) (br_if 0 (local.get 0)))",
    ),
    "a trap before the end": (
        "(param i32 i32) (block (br_if 0 (local.get 0))) (drop (i32.load (local.get 1)))",
        "(param i32 i32) (block (br_if 0 (local.get 0)))",
    ),
}


def in_lockstep(before: str, after: str) -> bool:
    """Whether the run in lockstep proves the two equal, by itself."""
    module = module_of(MODULE.replace("{}", before))
    changed = module_of(MODULE.replace("{}", after), module.pool)
    context = Context(module)
    codes = [whole_function(each.functions[-1], context) for each in (module, changed)]
    for by_index in (True, False):
        try:
            Comparison(codes[0], codes[1], context, by_index=by_index, lockstep=True).check()
        except (DifferentError, UnsupportedError):
            continue
        return True
    return False


def judge(before: str, after: str) -> Verdict:
    module = module_of(MODULE.replace("{}", before))
    changed = module_of(MODULE.replace("{}", after), module.pool)
    return Prover()(module.functions[-1], changed.functions[-1], Context(module))


@pytest.mark.parametrize("name", SAME_CONTROL)
def test_the_same_control_is_proved_in_lockstep(name: str) -> None:
    before, after = SAME_CONTROL[name]
    assert in_lockstep(before, after)
    assert in_lockstep(after, before)


@pytest.mark.parametrize("name", OTHER_CONTROL)
def test_other_control_is_not_proved_at_all(name: str) -> None:
    before, after = OTHER_CONTROL[name]
    assert not in_lockstep(before, after)
    assert not in_lockstep(after, before)
    assert not isinstance(judge(before, after), Proved)


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_is_not_proved_in_lockstep(name: str) -> None:
    before, after = DIFFERENT[name]
    assert not in_lockstep(before, after)
    assert not in_lockstep(after, before)


@pytest.mark.parametrize("name", [*EQUAL, *DIFFERENT])
def test_a_version_is_in_step_with_itself(name: str) -> None:
    for version in {**EQUAL, **DIFFERENT}[name]:
        if not any(word in version for word in ("try_table", "(i32.const 1))) (unreachable)")):
            assert in_lockstep(version, version)
