"""Which locals are read again, against a plain fixpoint over single instructions."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.programs import observe, programs
from tests.support import last_function, module_of
from wasmopt.context import Context
from wasmopt.decode import decode
from wasmopt.encode import encode
from wasmopt.flow import Flow, flow
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.liveness import Liveness, liveness
from wasmopt.opcodes import Effect
from wasmopt.structure import BODY, structure

BUILT = sorted((Path(__file__).resolve().parents[2] / "corpus" / "built").glob("*.wasm"))


def live(wat: str) -> Liveness:
    function, context = last_function(wat)
    return context.analysis(liveness, function)


def dead_sets(code: str) -> list[int]:
    """Dead sets of code in a function of one parameter and three locals."""
    return live(f"""
        (tag $t)
        (func $f)
        (func (param i32) (local i32 i32 i32) {code})
    """).dead_sets()


@pytest.mark.parametrize(
    ("code", "dead"),
    [
        ("i32.const 1 local.set 1 i32.const 2 local.set 1 local.get 1 drop", [1]),
        ("i32.const 1 local.set 1", [1]),
        ("i32.const 1 local.tee 1 drop", [1]),
        ("i32.const 1 local.set 1 local.get 0 if local.get 1 drop end", []),
        ("i32.const 1 local.set 1 local.get 0 if i32.const 2 local.set 1 end", [1, 5]),
        ("i32.const 1 local.set 1 block local.get 0 br_if 0 return end local.get 1 drop", []),
        ("i32.const 1 local.set 1 block local.get 0 br_if 0 end", [1]),
        ("loop local.get 1 drop i32.const 1 local.set 1 local.get 0 br_if 0 end", []),
        ("loop i32.const 1 local.set 1 local.get 1 drop local.get 0 br_if 0 end", []),
        ("loop local.get 1 drop i32.const 1 local.set 1 end", [4]),
        (
            "block block i32.const 1 local.set 1 local.get 0 br_table 0 1 end local.get 1 drop end",
            [],
        ),
        ("i32.const 1 local.set 1 unreachable local.get 1 drop", [1]),
        ("i32.const 1 local.set 1 br 0 local.get 1 drop", [1]),
    ],
)
def test_dead_writes(code: str, dead: list[int]) -> None:
    assert dead_sets(code) == dead


@pytest.mark.parametrize(
    ("code", "dead", "why"),
    [
        (
            "block try_table (catch_all 0) i32.const 1 local.set 1 call $f"
            " i32.const 2 local.set 1 end return end local.get 1 drop",
            [6],
            "the call may throw to the handler, which reads what was written before it",
        ),
        (
            "block try_table (catch_all 0) i32.const 1 local.set 1 throw $t end return end",
            [3],
            "the handler does not read",
        ),
        (
            "block try_table (catch_all 0) try_table (catch $t 2) i32.const 1 local.set 1 call $f"
            " end end return end local.get 1 drop",
            [],
            "what the inner clauses do not catch goes to the outer one",
        ),
        (
            "block try_table (catch $t 0) try_table (catch_all 2) i32.const 1 local.set 1 call $f"
            " end end return end local.get 1 drop",
            [4],
            "the inner catch_all lets nothing through and leaves the function",
        ),
        (
            "try i32.const 1 local.set 1 call $f catch $t local.get 1 drop end",
            [],
            "a legacy handler reads it",
        ),
        (
            "try try i32.const 1 local.set 1 call $f delegate 0 catch_all local.get 1 drop end",
            [],
            "a legacy delegate hands it to the outer handler",
        ),
        (
            "try try i32.const 1 local.set 1 call $f delegate 1 catch_all local.get 1 drop end",
            [3],
            "a legacy delegate passes the outer handler by",
        ),
        (
            "block try_table (catch_all 0) i32.const 1 local.set 1 return_call $f end return end"
            " local.get 1 drop",
            [3],
            "a tail call has left the function when it throws",
        ),
        (
            "try call $f catch_all local.get 1 drop i32.const 1 local.set 1 call $f"
            " i32.const 2 local.set 1 end local.get 1 drop",
            [6],
            "a call in a handler is not caught by its own try",
        ),
        (
            "try call $f catch_all i32.const 1 local.set 1 rethrow 0 end local.get 1 drop",
            [4],
            "rethrow names a try but does not go to its end",
        ),
        (
            "try i32.const 1 local.set 1 nop delegate 0 loop local.get 1 drop end",
            [],
            "control falls through a delegate",
        ),
    ],
)
def test_exceptions_are_edges_too(code: str, dead: list[int], why: str) -> None:
    assert dead_sets(code) == dead, why


def test_live_after_an_instruction() -> None:
    facts = live("""
        (func (param i32) (local i32 i32)
          local.get 0    ;; 0
          local.set 1    ;; 1
          local.get 1    ;; 2
          if             ;; 3
            local.get 2  ;; 4
            drop         ;; 5
          end)
    """)
    assert [facts.live_after(index) for index in range(6)] == [
        {2}, {1, 2}, {2}, {2}, set(), set(),
    ]  # fmt: skip


def plain_liveness(function: Function, context: Context) -> list[set[int]]:
    """Live-after sets by iterating over single instructions until nothing changes."""
    body, shape = function.body, context.analysis(structure, function)
    size = len(body)

    def label(opener: int) -> int:
        return opener if opener != BODY and body[opener].name == "loop" else shape.ends[opener]

    successors: list[list[int]] = []
    for index, instr in enumerate(body):
        following = [label(target) for target in shape.targets.get(index, ())]
        if instr.name == "if":
            arms = shape.dividers.get(index)
            following.append(arms[0] + 1 if arms else shape.ends[index])
        if instr.name == "else":
            following.append(shape.ends[shape.parents[index]])
        elif not instr.effects & Effect.UNREACHABLE_AFTER and index + 1 < size:
            following.append(index + 1)
        successors.append(following)
    before: list[set[int]] = [set() for _ in body]
    changed = True
    while changed:
        changed = False
        for index in range(size - 1, -1, -1):
            after = set().union(*[before[following] for following in successors[index]])
            instr = body[index]
            if instr.name == "local.get":
                after.add(instr.immediates[0])
            elif instr.name in ("local.set", "local.tee"):
                after.discard(instr.immediates[0])
            if after != before[index]:
                before[index], changed = after, True
    return [set().union(*[before[each] for each in following]) for following in successors]


@given(program=programs())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_agrees_with_a_plain_fixpoint(program: str) -> None:
    module = module_of(program)
    function, context = module.functions[-1], Context(module)
    expected = plain_liveness(function, context)
    facts = context.analysis(liveness, function)
    for index, instr in enumerate(function.body):
        if instr.name in ("local.set", "local.tee", "br_if", "end"):
            assert facts.live_after(index) == expected[index]
    assert facts.dead_sets() == [
        index
        for index, instr in enumerate(function.body)
        if instr.name in ("local.set", "local.tee") and instr.immediates[0] not in expected[index]
    ]


@given(program=programs())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nobody_can_tell_when_dead_writes_go(program: str) -> None:
    module = module_of(program)
    function, context = module.functions[-1], Context(module)
    body: list[Instr | None] = [*function.body]
    for index in context.analysis(liveness, function).dead_sets():
        is_set = function.body[index].name == "local.set"
        body[index] = module.pool.make("drop") if is_set else None
    without = function.with_body(instr for instr in body if instr is not None)
    changed = replace(module, functions=(*module.functions[:-1], without))
    assert observe(encode(changed)) == observe(encode(module))


def check_partition(graph: Flow, function: Function) -> None:
    assert graph.starts[0] == 0
    assert graph.starts[-1] == len(function.body)
    assert graph.starts == sorted(set(graph.starts))
    for node, following in enumerate(graph.successors):
        assert len(set(following)) == len(following)
        for successor in following:
            assert node in graph.predecessors()[successor]


def test_blocks_partition_the_body_and_edges_have_two_ends() -> None:
    function, context = last_function("""
        (func $f) (tag $t)
        (func (param i32)
          block try_table (catch $t 0) call $f local.get 0 br_if 0 end end
          loop local.get 0 br_table 0 1 end)
    """)
    check_partition(context.analysis(flow, function), function)


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_every_built_module_has_a_flow_graph(path: Path) -> None:
    module = decode(path.read_bytes())
    context = Context(module)
    for function in module.functions:
        graph = context.analysis(flow, function)
        assert graph.starts[-1] == len(function.body)
        context.analysis(liveness, function).dead_sets()


LEVELS = 4000
SECONDS = 4
"""Far above what the next tests take (0.3 s), and far below the 14 s of backward sweeps alone."""


def test_deep_loops_that_each_branch_to_the_one_around_them_are_quick() -> None:
    """A plain sweep over all blocks would need as many sweeps as there are levels."""
    body = " ".join(
        f"loop local.get {level} drop local.get 0 br_if 1" for level in range(1, LEVELS)
    )
    start = time.process_time()
    facts = live(
        f"(func (param i32) (local {'i32 ' * LEVELS}) loop {body} {'end ' * (LEVELS - 1)} end)"
    )
    assert facts.live_after(1) == set(range(LEVELS))
    assert time.process_time() - start < SECONDS


def test_thousands_of_locals_over_deep_blocks_are_quick() -> None:
    opening = "block " * LEVELS
    closing = " ".join(f"end local.get {level} local.set 0" for level in range(1, LEVELS + 1))
    table = " ".join(map(str, range(LEVELS)))
    start = time.process_time()
    facts = live(
        f"(func (param i32) (local {'i32 ' * LEVELS})"
        f" {opening} local.get 0 br_table {table} {closing})"
    )
    assert len(facts.dead_sets()) == LEVELS
    assert time.process_time() - start < SECONDS
