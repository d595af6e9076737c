"""Versions walked together from fork to fork: other control is proved, other behaviour is not."""

from __future__ import annotations

import pytest

from tests.support import module_of
from tests.verify.pairs import DIFFERENT, MODULE
from tests.verify.test_lockstep import OTHER_CONTROL, SAME_CONTROL
from wasmopt.context import Context
from wasmopt.verify.joint import DifferentError
from wasmopt.verify.product import Product
from wasmopt.verify.unsupported import UnsupportedError

_TAIL = "(global.set $b (i32.add (local.get 1) (i32.const 3))) (call $f (local.get 1)) (return)"
_CASES = [f"(local.set 1 (i32.mul (local.get 0) (i32.const {n})))" for n in range(12)]
_OPEN = "(block " * 12 + "(br_table 0 1 2 3 4 5 6 7 8 9 10 11 (local.get 0))"

OTHER_SHAPE = {
    "a tail that twelve cases share": (
        f"(param i32) (local i32) {_OPEN}{''.join([f'){case}{_TAIL}' for case in _CASES])}",
        f"(param i32) (local i32) (block $tail {_OPEN}"
        f"{''.join([f'){case} (br $tail)' for case in _CASES])}) {_TAIL}",
    ),
    "arms that change places with their condition": (
        """(param i32) (if (local.get 0) (then (call $f (i32.const 1)))
             (else (call $f (i32.const 2))))""",
        """(param i32) (if (i32.eqz (local.get 0)) (then (call $f (i32.const 2)))
             (else (call $f (i32.const 1))))""",
    ),
    "an if that becomes a branch": (
        """(param i32 i32) (result i32) (if (local.get 0) (then (call $f (local.get 1))))
           (local.get 1)""",
        """(param i32 i32) (result i32) (block (br_if 0 (i32.eqz (local.get 0)))
             (call $f (local.get 1))) (local.get 1)""",
    ),
    "two branches that become one": (
        """(param i32 i32) (block (br_if 0 (i32.eqz (local.get 0)))
             (br_if 0 (i32.eqz (local.get 1))) (call $f (i32.const 1)))""",
        """(param i32 i32) (block (br_if 0 (i32.or (i32.eqz (local.get 0))
             (i32.eqz (local.get 1)))) (call $f (i32.const 1)))""",
    ),
    "a branch to a branch in a loop": (
        """(param i32) (local i32) (loop $l (block $on (block (br_if 0 (local.get 0)) (br $on))
             (call $f (local.get 1))) (local.set 1 (i32.add (local.get 1) (i32.const 1)))
             (br_if $l (i32.lt_u (local.get 1) (i32.const 9))))""",
        """(param i32) (local i32) (loop $l (if (local.get 0) (then (call $f (local.get 1))))
             (local.set 1 (i32.add (local.get 1) (i32.const 1)))
             (br_if $l (i32.lt_u (local.get 1) (i32.const 9))))""",
    ),
    "a loop whose tail is shared with what is behind it": (
        """(param i32) (local i32) (loop $l (if (i32.eq (call $g) (i32.const 7))
             (then (call $f (local.get 1)) (return)))
             (local.set 1 (i32.add (local.get 1) (local.get 0)))
             (br_if $l (call $g))) (call $f (local.get 1))""",
        """(param i32) (local i32) (block (loop $l (br_if 1 (i32.eq (call $g) (i32.const 7)))
             (local.set 1 (i32.add (local.get 1) (local.get 0)))
             (br_if $l (call $g)))) (call $f (local.get 1))""",
    ),
    "three tests in a row that become one, with a test behind them": (
        """(param i32 i32) (block $out (block $on (br_if $on (i32.lt_u (local.get 0) (i32.const 8)))
             (br_if $on (i32.eq (local.get 0) (i32.const 32)))
             (br_if $out (i32.ne (local.get 0) (i32.const 9))))
             (br_if $out (i32.eq (local.get 1) (i32.const 5))) (call $f (i32.const 1)))""",
        """(param i32 i32) (block $out (br_if $out (i32.and (i32.and
             (i32.ge_u (local.get 0) (i32.const 8)) (i32.ne (local.get 0) (i32.const 32)))
             (i32.ne (local.get 0) (i32.const 9))))
             (br_if $out (i32.eq (local.get 1) (i32.const 5))) (call $f (i32.const 1)))""",
    ),
    "two branches behind a table that become one, in a loop": (
        """(param i32) (local i32 i32) (loop $l (block $out (block $on
             (block (br_table 0 1 0 1 0 (local.tee 2 (call $g))))
             (br_if $out (i32.eq (local.get 1) (local.get 0)))
             (br_if $out (i32.lt_u (local.get 2) (i32.const 7))) (call $f (local.get 1)))
             (local.set 1 (i32.add (local.get 1) (i32.const 1))) (br $l)))""",
        """(param i32) (local i32 i32) (loop $l (block $out (block $on
             (block (br_table 0 1 0 1 0 (local.tee 2 (call $g))))
             (br_if $out (i32.or (i32.lt_u (local.get 2) (i32.const 7))
               (i32.eq (local.get 1) (local.get 0)))) (call $f (local.get 1)))
             (local.set 1 (i32.add (local.get 1) (i32.const 1))) (br $l)))""",
    ),
    "a table without its first entries": (
        """(param i32) (block $a (block $b (block $c
             (br_table $c $c $a $b $a $c (i32.add (local.get 0) (i32.const 5))))
             (call $f (i32.const 1)) (return)) (call $f (i32.const 2)) (return))
           (call $f (i32.const 3))""",
        """(param i32) (block $a (block $b (block $c
             (br_table $a $b $a $c (i32.add (local.get 0) (i32.const 3))))
             (call $f (i32.const 1)) (return)) (call $f (i32.const 2)) (return))
           (call $f (i32.const 3))""",
    ),
    "a known condition": (
        "(param i32) (if (i32.const 1) (then (call $f (i32.const 1))) (else unreachable))",
        "(param i32) (call $f (i32.const 1))",
    ),
}

OTHER_FORKS = {
    "tests that become one before something is done": (
        """(param i32) (result i32) (block $on
             (br_if $on (i32.lt_u (local.get 0) (i32.const 18)))
             (br_if $on (i32.eq (local.get 0) (i32.const 32)))
             (br_if $on (i32.gt_s (local.get 0) (i32.const 99)))
             (call $f (i32.const 1)) (return (i32.const 1)))
           (global.set $b (local.get 0)) (i32.const 2)""",
        """(param i32) (result i32) (block $on
             (br_if $on (i32.or (i32.or (i32.lt_u (local.get 0) (i32.const 18))
               (i32.eq (local.get 0) (i32.const 32))) (i32.gt_s (local.get 0) (i32.const 99))))
             (call $f (i32.const 1)) (return (i32.const 1)))
           (global.set $b (local.get 0)) (i32.const 2)""",
    ),
    "a choice instead of a fork": (
        """(param i32 i32) (result i32) (if (result i32) (local.get 0) (then (i32.const 3))
             (else (local.get 1)))""",
        """(param i32 i32) (result i32)
           (select (i32.const 3) (local.get 1) (local.get 0))""",
    ),
    "a choice instead of a fork before another fork": (
        """(param i32 i32) (local i32) (if (i32.lt_u (local.get 0) (i32.const 9))
             (then (local.set 2 (i32.const 1))))
           (if (local.get 1) (then (call $f (local.get 2))))""",
        """(param i32 i32) (local i32) (local.set 2 (i32.lt_u (local.get 0) (i32.const 9)))
           (if (local.get 1) (then (call $f (local.get 2))))""",
    ),
    "tests that change places": (
        """(param i32 i32) (block (br_if 0 (local.get 0)) (br_if 0 (local.get 1))
             (call $f (i32.const 1)))""",
        """(param i32 i32) (block (br_if 0 (local.get 1)) (br_if 0 (local.get 0))
             (call $f (i32.const 1)))""",
    ),
}

OTHER_BEHAVIOUR = {
    "a shared tail with the value of another case": (
        """(param i32) (local i32) (if (local.get 0) (then (local.set 1 (i32.const 1))
             (call $f (local.get 1)))
             (else (local.set 1 (i32.const 2)) (call $f (local.get 1))))""",
        """(param i32) (local i32) (if (local.get 0) (then (local.set 1 (i32.const 1)))
             (else (local.set 1 (i32.const 1)))) (call $f (local.get 1))""",
    ),
    "one of two branches is forgotten": (
        """(param i32 i32) (block (br_if 0 (local.get 0)) (br_if 0 (local.get 1))
             (call $f (i32.const 1)))""",
        "(param i32 i32) (block (br_if 0 (local.get 0)) (call $f (i32.const 1)))",
    ),
    "a condition of the first iteration": (
        """(param i32) (loop $l (if (local.get 0) (then (call $f (i32.const 1))))
             (if (local.get 0) (then (call $f (i32.const 2))))
             (local.set 0 (call $g)) (br_if $l (call $g)))""",
        """(param i32) (local i32) (local.set 1 (local.get 0))
             (loop $l (if (local.get 0) (then (call $f (i32.const 1))))
             (if (local.get 1) (then (call $f (i32.const 2))))
             (local.set 0 (call $g)) (br_if $l (call $g)))""",
    ),
    "a condition that held on one of two ways alone": (
        """(param i32 i32) (block $out (block $on (br_if $on (local.get 1))
             (br_if $out (local.get 0))) (if (local.get 0) (then (call $f (i32.const 1)))))""",
        """(param i32 i32) (block $out (block $on (br_if $on (local.get 1))
             (br_if $out (local.get 0))))""",
    ),
    "a test of the iteration before instead of this one": (
        """(param i32) (local i32) (loop $l (local.set 1 (call $g))
             (if (local.get 1) (then (call $f (i32.const 1))))
             (local.set 1 (call $g)) (if (local.get 1) (then (call $f (i32.const 2)))) (br $l))""",
        """(param i32) (local i32 i32) (loop $l (local.set 1 (call $g))
             (if (local.get 1) (then (call $f (i32.const 1))))
             (local.set 2 (call $g)) (if (local.get 1) (then (call $f (i32.const 2)))) (br $l))""",
    ),
    "a table shifted by one entry too many": (
        """(param i32) (block $a (block $b (block $c
             (br_table $c $c $a $b $a $c (i32.add (local.get 0) (i32.const 5))))
             (call $f (i32.const 1)) (return)) (call $f (i32.const 2)) (return))
           (call $f (i32.const 3))""",
        """(param i32) (block $a (block $b (block $c
             (br_table $a $b $a $c (i32.add (local.get 0) (i32.const 2))))
             (call $f (i32.const 1)) (return)) (call $f (i32.const 2)) (return))
           (call $f (i32.const 3))""",
    ),
    "a table with another first entry": (
        """(param i32) (block $a (block $b (block $c
             (br_table $c $b $a $b $a $c (i32.add (local.get 0) (i32.const 5))))
             (call $f (i32.const 1)) (return)) (call $f (i32.const 2)) (return))
           (call $f (i32.const 3))""",
        """(param i32) (block $a (block $b (block $c
             (br_table $a $b $a $c (i32.add (local.get 0) (i32.const 3))))
             (call $f (i32.const 1)) (return)) (call $f (i32.const 2)) (return))
           (call $f (i32.const 3))""",
    ),
    "an endless loop where the other version is done": (
        """(param i32) (result i32) (if (local.get 0) (then (loop $l (br $l)))) (i32.const 1)""",
        "(param i32) (result i32) (i32.const 1)",
    ),
    "a loop that may be endless where the other version is done": (
        """(param i32 i32) (result i32) (if (local.get 0) (then (loop $l (br_if $l (local.get 1)))))
           (i32.const 1)""",
        "(param i32 i32) (result i32) (i32.const 1)",
    ),
    "a loop around a test that the other version does once": (
        """(param i32 i32) (loop $l (br_if $l (local.get 0)) (br_if $l (local.get 1)))""",
        """(param i32 i32) (block (br_if 0 (local.get 0)) (br_if 0 (local.get 1)))""",
    ),
    "a choice with its values swapped": (
        """(param i32 i32) (result i32) (if (result i32) (local.get 0) (then (i32.const 3))
             (else (local.get 1)))""",
        """(param i32 i32) (result i32)
           (select (local.get 1) (i32.const 3) (local.get 0))""",
    ),
    "a choice of something that may trap": (
        """(param i32 i32) (result i32) (if (result i32) (local.get 0)
             (then (i32.load (local.get 1))) (else (local.get 1)))""",
        """(param i32 i32) (result i32)
           (select (i32.load (local.get 1)) (local.get 1) (local.get 0))""",
    ),
    "one of several tests is negated": (
        """(param i32) (result i32) (block $on
             (br_if $on (i32.lt_u (local.get 0) (i32.const 18)))
             (br_if $on (i32.eq (local.get 0) (i32.const 32)))
             (call $f (i32.const 1)) (return (i32.const 1)))
           (global.set $b (local.get 0)) (i32.const 2)""",
        """(param i32) (result i32) (block $on
             (br_if $on (i32.or (i32.lt_u (local.get 0) (i32.const 18))
               (i32.ne (local.get 0) (i32.const 32))))
             (call $f (i32.const 1)) (return (i32.const 1)))
           (global.set $b (local.get 0)) (i32.const 2)""",
    ),
    "something done before the last of several tests": (
        """(param i32) (block $on
             (br_if $on (i32.lt_u (local.get 0) (i32.const 18))) (global.set $b (i32.const 3))
             (br_if $on (i32.eq (local.get 0) (i32.const 32)))
             (call $f (i32.const 1)))""",
        """(param i32) (block $on
             (br_if $on (i32.or (i32.lt_u (local.get 0) (i32.const 18))
               (i32.eq (local.get 0) (i32.const 32)))) (global.set $b (i32.const 3))
             (call $f (i32.const 1)))""",
    ),
    "a value of the iteration before": (
        """(param i32) (local i32 i32) (loop $l (local.set 1 (call $g)) (call $f (local.get 2))
             (local.set 2 (local.get 1)) (br_if $l (local.get 1)))""",
        """(param i32) (local i32 i32) (loop $l (local.set 1 (call $g)) (call $f (local.get 1))
             (local.set 2 (local.get 1)) (br_if $l (local.get 1)))""",
    ),
    "a value of the iteration before, behind a fork": (
        """(param i32) (local i32 i32) (loop $l (local.set 1 (call $g))
             (if (local.get 0) (then (call $f (local.get 2))))
             (local.set 2 (local.get 1)) (br_if $l (call $g)))""",
        """(param i32) (local i32 i32) (loop $l (local.set 1 (call $g))
             (if (local.get 0) (then (call $f (local.get 1))))
             (local.set 2 (local.get 1)) (br_if $l (call $g)))""",
    ),
    "locals that part in the third iteration": (
        """(param i32) (local i32 i32 i32) (loop $l (call $f (local.get 1))
             (local.set 1 (local.get 2)) (local.set 2 (local.get 3)) (local.set 3 (i32.const 7))
             (br_if $l (call $g)))""",
        """(param i32) (local i32 i32 i32) (loop $l (call $f (i32.const 0))
             (local.set 1 (local.get 2)) (local.set 2 (local.get 3)) (local.set 3 (i32.const 7))
             (br_if $l (call $g)))""",
    ),
    "one more iteration": (
        """(param i32) (local i32) (loop $l (call $f (local.get 1))
             (local.set 1 (i32.add (local.get 1) (i32.const 1)))
             (br_if $l (i32.lt_u (local.get 1) (local.get 0))))""",
        """(param i32) (local i32) (loop $l (call $f (local.get 1))
             (local.set 1 (i32.add (local.get 1) (i32.const 1)))
             (br_if $l (i32.le_u (local.get 1) (local.get 0))))""",
    ),
    "an endless loop that is gone": ("(loop (br 0))", ""),
    "an endless loop in one arm": (
        "(param i32) (if (local.get 0) (then (loop (br 0))))",
        "(param i32)",
    ),
    "a check of the iteration before": (
        """(param i32) (loop $l (drop (i32.load (local.get 0))) (local.set 0 (call $g))
             (br_if $l (local.get 0)))""",
        """(param i32) (drop (i32.load (local.get 0))) (loop $l (local.set 0 (call $g))
             (br_if $l (local.get 0)))""",
    ),
    "bits that a loop adds": (
        """(param i32) (result i32) (local i32) (loop $l
             (local.set 1 (i32.add (i32.shl (local.get 1) (i32.const 1)) (i32.const 8)))
             (br_if $l (call $g))) (i32.and (local.get 1) (i32.const 255))""",
        """(param i32) (result i32) (local i32) (loop $l
             (local.set 1 (i32.add (i32.shl (local.get 1) (i32.const 1)) (i32.const 8)))
             (br_if $l (call $g))) (local.get 1)""",
    ),
    "an effect moved past a fork": (
        """(param i32) (global.set $b (i32.const 1))
           (if (local.get 0) (then (call $f (i32.const 1))))""",
        """(param i32) (if (local.get 0) (then (call $f (i32.const 1))))
           (global.set $b (i32.const 1))""",
    ),
}


def is_proved(before: str, after: str, *, one_sided: bool) -> bool:
    """Whether the product proves the two equal, by itself."""
    module = module_of(MODULE.replace("{}", before))
    changed = module_of(MODULE.replace("{}", after), module.pool)
    functions = module.functions[-1], changed.functions[-1]
    try:
        Product(*functions, Context(module), one_sided=one_sided).check()
    except (DifferentError, UnsupportedError):
        return False
    return True


@pytest.mark.parametrize("one_sided", [False, True])
@pytest.mark.parametrize("name", [*OTHER_SHAPE, *SAME_CONTROL])
def test_the_same_behaviour_is_proved(name: str, one_sided: bool) -> None:
    before, after = {**OTHER_SHAPE, **SAME_CONTROL}[name]
    assert is_proved(before, after, one_sided=one_sided)
    assert is_proved(after, before, one_sided=one_sided)


@pytest.mark.parametrize("name", OTHER_FORKS)
def test_forks_of_one_version_alone_are_proved(name: str) -> None:
    before, after = OTHER_FORKS[name]
    assert is_proved(before, after, one_sided=True)
    assert is_proved(after, before, one_sided=True)


WRONG = {**DIFFERENT, **OTHER_CONTROL, **OTHER_BEHAVIOUR}


@pytest.mark.parametrize("one_sided", [False, True])
@pytest.mark.parametrize("name", WRONG)
def test_other_behaviour_is_not_proved(name: str, one_sided: bool) -> None:
    before, after = WRONG[name]
    assert not is_proved(before, after, one_sided=one_sided)
    assert not is_proved(after, before, one_sided=one_sided)
