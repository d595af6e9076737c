"""Small random function bodies, dense in what the structural tier rewrites.

Blocks with parameters and results, branches with operands, values thrown away by drops and by
unwinding, code that cannot be reached, locals that nobody reads: all of i32, valid by construction.
"""

from __future__ import annotations

from random import Random

import wasmtime

from wasmopt.decode import decode
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.module import Module
from wasmopt.types import I32

HOST = """(module
  (type $none (func)) (type $one (func (result i32))) (type $two (func (result i32 i32)))
  (type $in_one (func (param i32) (result i32))) (type $in (func (param i32)))
  (type $in_two (func (param i32 i32) (result i32 i32)))
  (import "host" "make" (func $make (type $one)))
  (import "host" "take" (func $take (type $in)))
  (import "host" "pair" (func $pair (type $two)))
  (memory 1)
  (global $g (mut i32) (i32.const 5))
  (func (param i32 i32) (result i32) i32.const 0)
  (func (param i32 i32))
  (func (param i32) (result i32 i32) i32.const 0 i32.const 0))"""

NONE, ONE, TWO, IN_ONE, IN, IN_TWO = range(6)
ARITIES = {NONE: (0, 0), ONE: (0, 1), TWO: (0, 2), IN_ONE: (1, 1), IN: (1, 0), IN_TWO: (2, 2)}
LOCALS = 3
"""Declared locals; two of the functions have two parameters, one has one."""


def host() -> Module:
    """The module whose functions get random bodies."""
    return decode(bytes(wasmtime.wat2wasm(HOST)))


class Writer:
    """Writes one body.

    Attributes:
        labels: how many operands a branch to each open label takes, the innermost last.
        budget: instructions, about, that may still be written.
    """

    def __init__(self, module: Module, position: int, random: Random, budget: int) -> None:
        self.make = module.pool.make
        self.random = random
        self.function = module.functions[position]
        self.results = (1, 0, 2)[position]
        self.accessible = (2, 2, 1)[position] + LOCALS
        self.labels = [self.results]
        self.budget = budget

    def write(self) -> Function:
        """The function with a new body."""
        body = [*self.statements(), *self.values(self.results), self.make("end")]
        return Function(self.function.type_index, ((LOCALS, I32),), tuple(body))

    def statements(self) -> list[Instr]:
        """Code that leaves nothing."""
        written: list[Instr] = []
        for _ in range(self.random.choice([0, 1, 1, 2, 3])):
            if self.budget > 0:
                self.budget -= 1
                written += self.random.choice(self.STATEMENTS)(self)
        return written

    def values(self, count: int) -> list[Instr]:
        """Code that leaves so many values."""
        if count == 2 and self.budget > 0 and self.random.random() < 0.4:
            self.budget -= 2
            return self.random.choice([self.pair, self.construct_of_two])()
        return [instr for _ in range(count) for instr in self.value()]

    def value(self) -> list[Instr]:
        """Code that leaves one value."""
        self.budget -= 1
        if self.budget < 0:
            return self.leaf()
        return self.random.choice(self.VALUES)(self)

    def leaf(self) -> list[Instr]:
        if self.random.random() < 0.4:
            return [self.make("i32.const", self.random.randrange(3))]
        return [self.make("local.get", self.local())]

    def local(self) -> int:
        return self.random.randrange(self.accessible)

    def sum(self) -> list[Instr]:
        return [*self.values(2), self.make(self.random.choice(["i32.add", "i32.sub", "i32.div_u"]))]

    def test(self) -> list[Instr]:
        return [*self.value(), self.make("i32.eqz")]

    def choice(self) -> list[Instr]:
        return [*self.value(), *self.value(), *self.value(), self.make("select")]

    def load(self) -> list[Instr]:
        return [*self.value(), self.make("i32.load8_u", (0, 0, 0, False))]

    def read(self) -> list[Instr]:
        return [self.make(*self.random.choice([("global.get", 0), ("call", 0)]))]

    def tee(self) -> list[Instr]:
        return [*self.value(), self.make("local.tee", self.local())]

    def pair(self) -> list[Instr]:
        return [self.make("call", 2)]

    def first_of_two(self) -> list[Instr]:
        return [*self.values(2), self.make("drop")]

    def write_local(self) -> list[Instr]:
        return [*self.value(), self.make("local.set", self.local())]

    def copy(self) -> list[Instr]:
        local = self.local()
        return [self.make("local.get", local), self.make("local.set", local)]

    def dropped(self) -> list[Instr]:
        return [*self.value(), self.make("drop")]

    def dropped_later(self) -> list[Instr]:
        return [*self.value(), *self.statements(), self.make("drop")]

    def both_dropped(self) -> list[Instr]:
        return [*self.values(2), self.make("drop"), *self.statements(), self.make("drop")]

    def effect(self) -> list[Instr]:
        if self.random.random() < 0.5:
            return [*self.value(), self.make("call", 1)]
        return [*self.value(), self.make("global.set", 0)]

    def nop(self) -> list[Instr]:
        return [self.make("nop")]

    def construct(self, kind: int) -> list[Instr]:
        """A block, loop or if of that type, its parameters included."""
        params, results = ARITIES[kind]
        name = self.random.choice(["block", "block", "loop", "if", "if"])
        before = self.values(params)
        if name == "if":
            before += self.value()
        self.labels.append(params if name == "loop" else results)
        arms = [self.arm(params, results)]
        if name == "if" and (params != results or self.random.random() < 0.7):
            arms.append(self.arm(params, results))
        self.labels.pop()
        code = [*before, self.make(name, kind), *arms[0]]
        for arm in arms[1:]:
            code += [self.make("else"), *arm]
        return [*code, self.make("end")]

    def arm(self, params: int, results: int) -> list[Instr]:
        if params == results and self.random.random() < 0.3:
            return self.statements()
        kept = self.random.randrange(min(params, results) + 1)
        drops = [self.make("drop")] * (params - kept)
        return [*self.statements(), *drops, *self.statements(), *self.values(results - kept)]

    def construct_of_none(self) -> list[Instr]:
        return self.construct(self.random.choice([NONE, NONE, IN]))

    def construct_of_one(self) -> list[Instr]:
        return self.construct(self.random.choice([ONE, IN_ONE]))

    def construct_of_two(self) -> list[Instr]:
        return self.construct(self.random.choice([TWO, IN_TWO]))

    def label(self) -> tuple[int, int]:
        label = self.random.randrange(len(self.labels))
        return label, self.labels[-1 - label]

    def branch(self) -> list[Instr]:
        """An unconditional branch, with junk below its operands, and dead code behind it."""
        label, operands = self.label()
        junk = self.value() if self.random.random() < 0.3 else []
        leave = self.make("br", label)
        kind = self.random.random()
        if label == len(self.labels) - 1 and kind < 0.5:
            leave = self.make("return")
        elif kind < 0.1:
            return [*junk, self.make("unreachable")]
        dead = self.dropped() if self.random.random() < 0.4 else []
        return [*junk, *self.values(operands), leave, *dead]

    def conditional(self) -> list[Instr]:
        label, operands = self.label()
        code = [*self.values(operands), *self.value(), self.make("br_if", label)]
        return code + [self.make("drop")] * operands

    def table(self) -> list[Instr]:
        label, operands = self.label()
        same = [i for i, each in enumerate(reversed(self.labels)) if each == operands]
        labels = (self.random.choice(same), self.random.choice(same), label)
        return [*self.values(operands), *self.value(), self.make("br_table", labels)]

    VALUES = (leaf, leaf, sum, test, choice, load, read, tee, first_of_two, construct_of_one)
    STATEMENTS = (
        write_local,
        write_local,
        copy,
        dropped,
        dropped_later,
        both_dropped,
        effect,
        effect,
        nop,
        construct_of_none,
        construct_of_none,
        branch,
        conditional,
        conditional,
        table,
    )
