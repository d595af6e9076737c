"""The pass manager: what gets through its gates, what does not, and what is counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.core.binaries import module_of as binary_of
from tests.support import module_of
from wasmopt.context import Context, Pass
from wasmopt.decode import decode
from wasmopt.encode import encode, function_bytes
from wasmopt.errors import ValidationError
from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool
from wasmopt.manager import MAX_VALIDATIONS, Manager
from wasmopt.module import Module
from wasmopt.options import MAX_ROUNDS, Options
from wasmopt.types import I32, I64, ValType
from wasmopt.validate import validate
from wasmopt.verdict import Proved, Refuted, Unproved, Verdict


def trust(_before: Function, _after: Function, _context: Context) -> Verdict:
    """A prover that accepts everything: here the manager is tested, not the validator."""
    return Proved("trusted by the test")


Run = Callable[[Function, Context], Function]


def manager(
    *passes: Pass,
    prover: Callable[[Function, Function, Context], Verdict] = trust,
    **options: Any,
) -> Manager:
    return Manager(passes, Options(**options), prover)


def once(run: Run, *, enabling: bool = False, name: str = "tried") -> tuple[Pass, list[Function]]:
    """A pass that rewrites each function the first time only; and what it was called with."""
    calls: list[Function] = []
    seen: set[int] = set()

    def first(function: Function, context: Context) -> Function:
        calls.append(function)
        if len(function.body) in seen:
            return function
        result = run(function, context)
        seen.add(len(result.body))
        return result

    return Pass(name, "for the test", first, enabling), calls


def remove_nop(function: Function, context: Context) -> Function:
    """Take out the first nop."""
    nop = context.pool.make("nop")
    if nop not in function.body:
        return function
    place = function.body.index(nop)
    return function.with_body(function.body[:place] + function.body[place + 1 :])


def replace_instr(old: tuple[Any, ...], new: tuple[Any, ...]) -> Run:
    """A rewrite of every instruction `old` to `new`, both given as for `InstrPool.make`."""

    def run(function: Function, context: Context) -> Function:
        before, after = context.pool.make(*old), context.pool.make(*new)
        if before not in function.body:
            return function
        return function.with_body([after if instr is before else instr for instr in function.body])

    return run


NOPS = Pass("nops", "remove a nop", remove_nop)


def nops(*counts: int) -> Module:
    """A module of functions with that many nops."""
    return module_of(" ".join(f"(func {'nop ' * count})" for count in counts))


def sizes(module: Module) -> list[int]:
    return [function.entry_size() for function in module.functions]


# --- the byte gate ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "enabling", "kept"),
    [
        (("i32.const", 63), ("i32.const", 64), False, False),  # one byte longer
        (("i32.const", 63), ("i32.const", 64), True, False),
        (("i32.const", 63), ("i32.const", 62), False, False),  # equal
        (("i32.const", 63), ("i32.const", 62), True, True),
        (("i32.const", 64), ("i32.const", 63), False, True),  # one byte shorter
        (("i32.const", 64), ("i32.const", 63), True, True),
    ],
)
def test_byte_gate(old: Any, new: Any, enabling: bool, kept: bool) -> None:
    module = module_of(f"(func i32.const {old[1]} drop)")
    each = Pass("consts", "", replace_instr(old, new), enabling)
    runs = manager(each)
    result = runs.run(module)
    report = runs.reports["consts"]
    assert (result is not module) == kept
    assert (report.attempts, report.kept, report.grown) == (1, int(kept), int(not kept))
    assert report.bytes_saved == len(encode(module)) - len(encode(result)) >= 0


@pytest.mark.parametrize("code_size", [126, 127, 128, 129, 16383, 16384, 16385])
def test_bytes_saved_count_the_length_prefix(code_size: int) -> None:
    module = nops(code_size - 2)  # a byte for no locals and one for `end`
    [function] = module.functions
    assert len(function_bytes(function)) == function.entry_size()
    each, _ = once(remove_nop)
    runs = manager(each)
    result = runs.run(module)
    saved = len(function_bytes(function)) - len(function_bytes(result.functions[0]))
    assert runs.reports["tried"].bytes_saved == saved == (2 if code_size in (128, 16384) else 1)


@pytest.mark.parametrize(("declared", "kept"), [((), True), (((1, I32),), False)])
def test_byte_gate_counts_local_declarations(
    declared: tuple[tuple[int, ValType], ...], kept: bool
) -> None:
    """A nop and a byte of a constant less against a declaration of two bytes more."""
    module = module_of("(func nop i32.const 64 drop)")

    def run(function: Function, context: Context) -> Function:
        shorter = replace_instr(("i32.const", 64), ("i32.const", 0))(function, context)
        return replace(remove_nop(shorter, context), locals=declared)

    each, _ = once(run)
    runs = manager(each)
    assert (runs.run(module) is not module) == kept
    assert runs.reports["tried"].grown == int(not kept)


# --- the proof gate -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [(Unproved("over budget"), "over budget"), (Refuted("f(1) gives 2, not 3"), "refuted")],
)
def test_what_is_not_proved_is_put_back(verdict: Verdict, reason: str) -> None:
    module = nops(1, 0, 2)
    runs = manager(NOPS, prover=lambda before, after, context: verdict)
    assert runs.run(module) is module
    report = runs.reports["nops"]
    assert report.attempts == 2
    assert report.kept == report.bytes_saved == report.proved.total() == 0
    assert report.reverted == {reason: 2}


def test_a_prover_that_fails_proves_nothing() -> None:
    def prover(before: Function, after: Function, context: Context) -> Verdict:
        raise RecursionError

    module = nops(1)
    runs = manager(NOPS, prover=prover)
    assert runs.run(module) is module
    assert runs.reports["nops"].reverted == {"the validator failed (RecursionError)": 1}


def test_every_change_goes_through_the_proof_gate() -> None:
    asked: list[tuple[Function, Function]] = []

    def prover(before: Function, after: Function, context: Context) -> Verdict:
        asked.append((before, after))
        return Proved("odd") if len(after.body) % 2 else Unproved("even")

    module = nops(3, 4, 0)
    shrink = Pass("all-nops", "", lambda f, c: f.with_body(f.body[-1:]) if len(f.body) > 1 else f)
    runs = manager(NOPS, shrink, prover=prover)
    result = runs.run(module)
    for old, new in zip(module.functions, result.functions, strict=True):
        # From the old function leads a chain of proved changes to the new one.
        reached = old
        while reached is not new:
            proved = [after for before, after in asked if before is reached and len(after.body) % 2]
            [reached] = proved
    assert [len(function.body) for function in result.functions] == [1, 1, 1]
    assert result.functions[2] is module.functions[2]
    assert len(asked) == sum(report.attempts for report in runs.reports.values())
    assert runs.reports["nops"].reverted == {"even": 1}


# --- passes that go wrong -----------------------------------------------------------------------


def raising(error: Exception) -> Run:
    def run(function: Function, context: Context) -> Function:
        raise error

    return run


def foreign(function: Function, context: Context) -> Function:
    return function.with_body([InstrPool().make("end")])


def returning(result: object) -> Run:
    return lambda function, context: result  # type: ignore[return-value]


def with_fields(**fields: Any) -> Run:
    return lambda function, context: replace(function, **fields)


def endless(function: Function, context: Context) -> Function:
    """Recurses until Python gives up."""
    return endless(function, context)


WRONG: dict[str, tuple[Run, str]] = {
    "raises": (raising(KeyError("x")), "KeyError"),
    "runs out of memory": (raising(MemoryError()), "MemoryError"),
    "recurses": (endless, "RecursionError"),
    "returns nothing": (returning(None), "returned NoneType, not a function"),
    "returns text": (returning("(func)"), "returned str, not a function"),
    "returns the module": (lambda f, c: cast(Any, c.module), "returned Module, not a function"),
    "returns a list": (with_fields(body=[]), "returned a body or locals that are not a tuple"),
    "returns bytes": (with_fields(body=b"\x0b"), "returned a body or locals that are not a tuple"),
    "other instructions": (foreign, "returned instructions that are not the module's"),
    "no instructions": (with_fields(body=(1,)), "returned instructions that are not the module's"),
    "unhashable": (with_fields(body=([],)), "TypeError"),
    "another signature": (with_fields(type_index=1), "returned another signature"),
    "negative locals": (with_fields(locals=((-1, I32),)), "returned malformed locals"),
    "too many locals": (with_fields(locals=((1 << 32, I32),)), "returned malformed locals"),
    "locals of no type": (with_fields(locals=((1, None),)), "returned malformed locals"),
    "locals of no form": (with_fields(locals=(1, 2)), "TypeError"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_pass_that_goes_wrong_is_named_and_the_others_work(name: str) -> None:
    run, problem = WRONG[name]
    module = module_of("(type (func)) (type (func (param i32))) (func (type 0) nop) (func)")
    runs = manager(Pass("wrong", "", run), NOPS)
    result = runs.run(module)
    assert sizes(result) == [3, 3]
    report = runs.reports["wrong"]
    assert report.attempts == report.kept == report.bytes_saved == 0
    assert set(report.failed) == {problem}
    assert runs.reports["nops"].kept == 1
    assert runs.notices() == [f"pass wrong was put back in function 0, 1: {problem}"]


def test_notices_are_short_however_much_goes_wrong() -> None:
    runs = manager(Pass("wrong", "", raising(ValueError())))
    runs.run(nops(*[0] * 1000))
    [notice] = runs.notices()
    assert notice == "pass wrong was put back in function 0, 1, 2, 3, 4 and 995 more: ValueError"


def test_indices_count_imported_functions() -> None:
    module = module_of('(import "a" "b" (func)) (func nop)')
    told: list[tuple[str, int, Function, Module]] = []
    runs = Manager([NOPS], Options(), trust, lambda *change: told.append(change))
    result = runs.run(module)
    assert told == [("nops", 1, result.functions[0], module)]


def breaking(*broken: int) -> Pass:
    """Makes every function shorter, and those with that many nops invalid."""

    def run(function: Function, context: Context) -> Function:
        count = len(function.body) - 1
        if count < 3:
            return function
        body = [context.pool.make("nop"), context.pool.make("end")]
        return function.with_body([context.pool.make("drop"), *body] if count in broken else body)

    return Pass("breaking", "", run)


@pytest.mark.parametrize("guilty", [(), (5,), (60,), (10, 11), (6, 30, 55)])
def test_functions_that_make_the_module_invalid_are_put_back_alone(guilty: tuple[int]) -> None:
    module = nops(*range(5, 61))
    runs = manager(NOPS, breaking(*[count - 1 for count in guilty]))
    result = runs.put_back_invalid(module, runs.run(module))
    validate(result)
    kept = [new is old for old, new in zip(module.functions, result.functions, strict=True)]
    assert kept == [count in guilty for count in range(5, 61)]
    saved = sum(report.bytes_saved for report in runs.reports.values())
    assert saved == len(encode(module)) - len(encode(result))
    for report in runs.reports.values():
        assert report.kept == report.proved.total()
        assert report.reverted.total() == len(guilty) * (2 if report.name == "nops" else 1)
    assert len(runs.notices()) == (2 if guilty else 0)


def test_too_many_guilty_functions_are_put_back_unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    import wasmopt.manager

    calls: list[Module] = []

    def counting(module: Module) -> None:
        calls.append(module)
        validate(module)

    monkeypatch.setattr(wasmopt.manager, "validate", counting)
    module = nops(*range(5, 300))
    runs = manager(breaking(*range(300)))
    result = runs.put_back_invalid(module, runs.run(module))
    assert all(map(lambda a, b: a is b, result.functions, module.functions))
    assert len(calls) <= MAX_VALIDATIONS
    report = runs.reports["breaking"]
    assert report.kept == report.bytes_saved == 0
    assert report.reverted == {"made the module invalid": 295}


# --- rounds -------------------------------------------------------------------------------------


def test_passes_run_until_nothing_changes() -> None:
    """What one pass does makes work for one before it."""
    drop_first = replace_instr(("i64.const", 1), ("i32.const", 1))

    def remove_pair(function: Function, context: Context) -> Function:
        pair = (context.pool.make("i32.const", 1), context.pool.make("drop"))
        places = [i for i in range(len(function.body)) if function.body[i : i + 2] == pair]
        if not places:
            return function
        return function.with_body(function.body[: places[0]] + function.body[places[0] + 2 :])

    module = module_of("(func i64.const 1 drop)")
    runs = manager(Pass("pairs", "", remove_pair), Pass("consts", "", drop_first, enabling=True))
    assert sizes(runs.run(module)) == [3]
    assert runs.rounds == 3


def test_a_pass_is_not_run_twice_on_the_same_body() -> None:
    calls: list[int] = []

    def watch(function: Function, context: Context) -> Function:
        calls.append(id(function.body))
        return function

    module = nops(4)
    runs = manager(Pass("watch", "", watch), NOPS, Pass("watch", "", watch))
    result = runs.run(module)
    assert sizes(result) == [3]
    assert len(calls) == len(set(calls)) == 5


def test_rounds_are_limited_unless_converging() -> None:
    count = 3 * MAX_ROUNDS
    limited, converging = manager(NOPS), manager(NOPS, converge=True)
    assert sizes(limited.run(nops(count))) == [3 + count - MAX_ROUNDS]
    assert limited.rounds == MAX_ROUNDS
    assert sizes(converging.run(nops(count))) == [3]
    assert converging.rounds == count + 1


@pytest.mark.parametrize("converge", [False, True])
def test_passes_that_undo_each_other_come_to_an_end(converge: bool) -> None:
    there = replace_instr(("i32.const", 1), ("i32.const", 2))
    back = replace_instr(("i32.const", 2), ("i32.const", 1))
    module = module_of("(func i32.const 1 drop)")
    for passes in ([there, back], [there]):
        runs = manager(
            *[Pass(f"p{n}", "", run, enabling=True) for n, run in enumerate(passes)],
            converge=converge,
        )
        assert sizes(runs.run(module)) == sizes(module)
        assert runs.rounds <= MAX_ROUNDS


# --- fuel ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fuel", range(9))
def test_fuel_stops_after_exactly_so_many_changes(fuel: int) -> None:
    module = nops(2, 3, 1)
    all_of_it = manager(NOPS).run(module)
    runs = manager(NOPS, fuel=fuel)
    result = runs.run(module)
    assert runs.reports["nops"].kept == min(fuel, 6)
    assert sum(sizes(module)) - sum(sizes(result)) == min(fuel, 6)
    assert fuel < 6 or sizes(result) == sizes(all_of_it)


def test_fuel_is_not_spent_on_what_is_put_back() -> None:
    def prover(before: Function, after: Function, context: Context) -> Verdict:
        return Proved("even") if len(before.body) % 2 else Unproved("odd")

    module = nops(1, 2, 3, 4)
    runs = manager(NOPS, prover=prover, fuel=1)
    result = runs.run(module)
    assert [new is old for old, new in zip(module.functions, result.functions, strict=True)] == [
        True,
        False,
        True,
        True,
    ]


# --- what is left alone -------------------------------------------------------------------------


def test_without_passes_nothing_is_looked_at() -> None:
    module = nops(1)
    assert manager().run(module) is module


def test_functions_with_legacy_exceptions_stay_as_they_are() -> None:
    legacy = decode(binary_of(b"\x01\x06\x40\x01\x19\x01\x0b\x0b"))  # nop try nop catch_all nop
    validate(legacy)
    assert manager(NOPS).run(legacy) is legacy


def test_functions_with_legacy_exceptions_name_only_what_is_there() -> None:
    """wasmtime does not look at them, and passes over the module follow what they name."""
    for code in (b"\x06\x40\x07\x09\x0b", b"\x06\x40\x10\x09\x0b", b"\x06\x09\x0b"):
        with pytest.raises(ValidationError, match=r"function 0, .* names something that is not"):
            validate(decode(binary_of(b"\x01" + code + b"\x0b")))


def test_progress_counts_every_function() -> None:
    seen: list[tuple[int, int]] = []
    runs = Manager([NOPS], Options(), trust, None, lambda *counts: seen.append(counts))
    runs.run(nops(0, 1, 0))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_the_prover_is_given_the_module_around() -> None:
    contexts: list[Context] = []

    def prover(before: Function, after: Function, context: Context) -> Verdict:
        contexts.append(context)
        return Unproved("")

    module = module_of("(func (param i64) (local i64) nop)")
    manager(NOPS, prover=prover).run(module)
    [context] = contexts
    assert context.module is module
    assert context.param_types(module.functions[0]) == (I64,)


def test_instructions_stay_interned() -> None:
    module = module_of("(func i32.const 64 drop)")
    result = manager(Pass("consts", "", replace_instr(("i32.const", 64), ("i32.const", 1)))).run(
        module
    )
    assert all(isinstance(i, Instr) and module.pool[i.data] is i for i in result.functions[0].body)
