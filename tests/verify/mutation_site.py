"""The function that is to be mutated, and what mutation rules want to know about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.opcodes import BY_MNEMONIC
from wasmopt.stack import NO_SPAN, stack
from wasmopt.structure import structure
from wasmopt.types import NUMBER_TYPES, ValType

Edit = tuple[int, int, list[Instr]] | None
"""Replace body[start:stop] by other instructions."""
Rule = Callable[["Site", int], Edit]


class Site:
    """The function to be mutated, and what rules want to know about it.

    Attributes:
        added: types of locals that the rule at work has asked for.
    """

    def __init__(self, function: Function, context: Context, random: Random) -> None:
        self.function, self.context, self.random = function, context, random
        self.body = function.body
        self.make = context.pool.make
        self.signatures = context.signatures
        self.type = self.signatures.func_type(function.type_index)
        self.params = len(self.type.params)
        self.local_types = [*self.type.params, *function.local_types()]
        self.stack = context.analysis(stack, function)
        self.shape = context.analysis(structure, function)
        self.added: list[ValType] = []
        self.statements: dict[int, int] = {}
        for index, start in enumerate(self.stack.starts[:-1]):
            if (
                start != NO_SPAN
                and not self.stack.results(index)
                and self.body[index].name != "end"
            ):
                self.statements.setdefault(start, index)

    def __getitem__(self, index: int) -> Instr:
        return self.body[index]

    def local(self, value_type: ValType) -> int:
        """A new local."""
        self.added.append(value_type)
        return len(self.local_types) + len(self.added) - 1

    def swapped(self, *types: ValType) -> list[Instr]:
        """Code that turns the values on top of the stack, of these types, around."""
        locals_ = [self.local(each) for each in types]
        stores = [self.make("local.set", each) for each in reversed(locals_)]
        return [*stores, *[self.make("local.get", each) for each in reversed(locals_)]]

    def other(self, kind: str, index: int) -> int | None:
        """Another index into an index space, for a thing of the same type."""
        spaces: dict[str, Sequence[object]] = {
            "local": self.local_types,
            "global": self.signatures.globals,
            "func": self.signatures.functions,
            "table": [table.element for table in self.signatures.tables],
            "memory": self.signatures.memories,
            "tag": self.signatures.tags,
            "data": self.context.module.data,
            "elem": self.context.module.elements,
        }
        space = spaces[kind]
        types = [type(each) if kind in ("data", "elem", "memory") else each for each in space]
        same = [i for i, each in enumerate(types) if i != index and each == types[index]]
        return self.random.choice(same) if same else None

    def default(self, value_type: ValType) -> list[Instr]:
        """Some constant."""
        for name, code in NUMBER_TYPES.items():
            if code == value_type:
                return [self.make(f"{name}.const", bytes(16) if name == "v128" else 7)]
        return [self.make("ref.null", bytes(value_type[-1:]))]

    def name(self, instr: Instr, mnemonic: str) -> Instr | None:
        """The same instruction by another name, if there is one with such immediates."""
        op = BY_MNEMONIC.get(mnemonic)
        if op is None or op is instr.op or op.immediates != instr.op.immediates:
            return None
        return self.context.pool.intern(op, instr.immediates)

    def immediate(self, index: int, place: int, value: object) -> Edit:
        """The instruction with another immediate."""
        instr = self.body[index]
        immediates = [*instr.immediates]
        immediates[place] = value
        return index, index + 1, [self.context.pool.intern(instr.op, tuple(immediates))]

    def statement_at(self, start: int) -> tuple[int, int] | None:
        """Where a statement (code without operands and results) starts and stops."""
        last = self.statements.get(start)
        return None if last is None else (start, last + 1)
