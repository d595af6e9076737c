"""Writes the body of one random function: valid by construction, and its loops come to an end.

What it writes depends on the types that are wanted, from the outside in.  A loop has a counter
that no other code touches, and every way back to its head is bounded by that.  Functions call
only those before them, except through tables and tail calls, where fuel has to do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.fuzz.operations import CONSUMERS, NUMBERS, PRODUCERS
from tests.fuzz.plan import (
    ARRAY,
    ARRAY_REF,
    EQREF,
    EXNREF,
    STRUCT,
    STRUCT_REF,
    STRUCT_TYPE,
    Plan,
)
from wasmopt.function import Function, group_locals
from wasmopt.instr import Catch, Immediate, Instr, MemArg
from wasmopt.opcodes import Opcode
from wasmopt.types import EXTERNREF, F32, F64, FUNCREF, I32, I64, V128, FuncType, ValType

Types = tuple[ValType, ...]

CONSTANTS: Final = (0, 1, -1, 2, 5, 8, 31, 32, 64, 127, 128, 255, 1000, 65535, 70000, 0x12345678)
ADDRESSES: Final = (0, 4, 8, 16, 17, 20, 24, 32, 0, 4, 8, 16, 100, 1000, 60000, 65532)
EDGES: Final = {
    I32: (0x7FFFFFFF, -0x80000000),
    I64: (0x7FFFFFFF, 0xFFFFFFFF, 1 << 32, (1 << 63) - 1, -(1 << 63)),
}
FLOATS: Final = {
    F32: (0, 0x3F800000, 0xBF800000, 1 << 31, 0x7F800000, 0x7FC00000, 0x7FA00001, 0x4F000000, 1),
    F64: (
        0,
        0x3FF << 52,
        0xBFF << 52,
        1 << 63,
        0x7FF << 52,
        0x7FF8 << 48,
        (0x7FF4 << 48) + 1,
        0x41E << 52,
        1,
    ),
}
HEAP: Final[dict[ValType, int | bytes]] = {
    FUNCREF: b"\x70",
    EXTERNREF: b"\x6f",
    EQREF: b"\x6d",
    EXNREF: b"\x69",
    STRUCT_REF: STRUCT,
    ARRAY_REF: ARRAY,
}
FAMILIES: Final = {
    "integers": 12,
    "memory": 5,
    "tables": 1,
    "floats": 4,
    "vectors": 4,
    "threads": 4,
}
"""How often instructions of a family are written that the module has."""
ROLES: Final = {
    "memory.fill": ("addr", "i32", "size"),
    "memory.init": ("addr", "few", "few"),
    "table.init": ("slot", "few", "few"),
    "table.copy": ("slot", "slot", "few"),
}
"""Where the stack type does not say what an operand is for."""
STORES: Final = {
    I32: "i32.store",
    I64: "i64.store",
    F32: "f32.store",
    F64: "f64.store",
    V128: "v128.store",
}
SHOWN_AT: Final = 2048
"""Address behind those that code uses otherwise."""
DEEPEST: Final = 9
LONGEST_REPEAT: Final = 12
_CONTROL: Final = frozenset(["block", "loop", "if", "else", "end", "try_table"])


@dataclass
class _Label:
    """A branch target: what it takes; for a loop its counter and how often it may go round."""

    types: Types
    counter: int | None = None
    limit: int = 0


@dataclass
class Writer:
    """One function while it is written.

    Attributes:
        locals: types of all locals, parameters first.
        free: locals that any code may set: no counters.
        labels: enclosing branch targets, innermost last.
        repeats: code without control, by the type that it leaves (None for nothing).
        budget: values and statements that may still be written.
    """

    plan: Plan
    signature: FuncType
    budget: int = 60
    locals: list[ValType] = field(default_factory=list)
    free: list[int] = field(default_factory=list)
    labels: list[_Label] = field(default_factory=list)
    out: list[Instr] = field(default_factory=list)
    repeats: dict[ValType | None, list[tuple[Instr, ...]]] = field(default_factory=dict)
    depth: int = 0

    def function(self) -> Function:
        """The function, from declarations to its end."""
        choices = self.plan.choices
        self.locals = list(self.signature.params)
        self.locals += [choices.pick(self.plan.values) for _ in range(choices.below(7))]
        self.free = list(range(len(self.locals)))
        self.labels = [_Label(self.signature.results)]
        self.statements(6)
        if choices.chance(750):
            self.show_locals()
        self.values(self.signature.results)
        self.emit("end")
        declared = self.locals[len(self.signature.params) :]
        index = self.plan.type_index(self.signature)
        return Function(index, group_locals(declared), tuple(self.out))

    def driver(self, index: int) -> Function:
        """A function that only calls another one and shows its results."""
        callee = self.plan.signatures[index]
        self.budget = 0
        self.values(callee.params)
        self.emit("call", index)
        self.locals = list(callee.results)
        self.free = list(range(len(self.locals)))
        for place in reversed(self.free):
            self.emit("local.set", place)
        self.show_locals()
        self.emit("end")
        type_index = self.plan.type_index(self.signature)
        return Function(type_index, group_locals(self.locals), tuple(self.out))

    def show_locals(self) -> None:
        """Have the host see what has become of the locals."""
        for index in self.free:
            store = STORES.get(self.locals[index])
            if store is not None:
                self.emit("i64.const" if self.plan.wide[0] else "i32.const", SHOWN_AT + 16 * index)
                self.emit("local.get", index)
                self.emit(store, MemArg(0, 0))

    # What everything is made of.

    def emit(self, name: str, *immediates: Immediate) -> None:
        self.out.append(self.plan.pool.make(name, *immediates))

    def constant(self, value: int) -> None:
        self.emit("i32.const", value)

    def locals_of(self, value_type: ValType) -> list[int]:
        return [index for index in self.free if self.locals[index] == value_type]

    def globals_of(self, value_type: ValType, mutable: bool) -> list[int]:
        return [
            index
            for index, each in enumerate(self.plan.globals)
            if each.value == value_type and each.mutable >= mutable
        ]

    def block_type(self, params: Types, results: Types) -> int | ValType | None:
        if not params and len(results) < 2:
            return results[0] if results else None
        return self.plan.type_index(FuncType(params, results))

    def inside(self, label: _Label, write: Callable[[], None]) -> None:
        self.labels.append(label)
        self.depth += 1
        write()
        self.depth -= 1
        self.labels.pop()

    def remember(self, value_type: ValType | None, start: int) -> None:
        code = tuple(self.out[start:])
        if len(code) <= LONGEST_REPEAT and not any(_is_control(each) for each in code):
            self.repeats.setdefault(value_type, []).append(code)

    def repeat(self, value_type: ValType | None) -> bool:
        """Write something again that was written before, perhaps with another constant."""
        known = self.repeats.get(value_type)
        if not known:
            return False
        code = list(self.plan.choices.pick(known))
        constants = [i for i, each in enumerate(code) if each.name == "i32.const"]
        if constants and self.plan.choices.chance(250):
            value = self.plan.choices.pick(CONSTANTS)
            code[constants[0]] = self.plan.pool.make("i32.const", value)
        self.out += code
        return True

    # Values.

    def values(self, types: Sequence[ValType]) -> None:
        for each in types:
            self.value(each)

    def value(self, value_type: ValType) -> None:
        """Code that leaves one value of the type."""
        self.budget -= 1
        if self.budget <= 0 or self.depth > DEEPEST:
            self.leaf(value_type)
            return
        start = len(self.out)
        self.depth += 1
        self.plan.choices.weighted(_VALUES)(self, value_type)
        self.depth -= 1
        self.remember(value_type, start)

    def leaf(self, value_type: ValType) -> None:
        choices = self.plan.choices
        known = self.locals_of(value_type)
        if known and choices.chance(650):
            self.emit("local.get", choices.pick(known))
            return
        shared = self.globals_of(value_type, mutable=False)
        if shared and choices.chance(300):
            self.emit("global.get", choices.pick(shared))
        elif value_type in (I32, I64):
            options = CONSTANTS if choices.chance(850) else EDGES[value_type]
            self.emit("i32.const" if value_type == I32 else "i64.const", choices.pick(options))
        elif value_type in FLOATS:
            name = "f32.const" if value_type == F32 else "f64.const"
            self.emit(name, choices.pick(FLOATS[value_type]))
        elif value_type == V128:
            self.emit("v128.const", bytes([choices.below(256) for _ in range(2)]) * 8)
        elif value_type == FUNCREF and choices.chance(600):
            self.emit("ref.func", choices.pick(self.plan.declared))
        else:
            self.emit("ref.null", HEAP[value_type])

    def operation(self, value_type: ValType) -> None:
        if value_type not in PRODUCERS:
            self.reference(value_type)
        elif value_type == I32 and self.plan.choices.chance(120):
            self.observation()
        else:
            op = self.drawn_op(PRODUCERS[value_type])
            self.apply(op)

    def drawn_op(self, families: dict[str, tuple[Opcode, ...]]) -> Opcode:
        known = [
            (FAMILIES[name], ops)
            for name, ops in families.items()
            if name in ("integers", "memory", "tables") or name in self.plan.features
        ]
        return self.plan.choices.pick(self.plan.choices.weighted(known))

    def apply(self, op: Opcode) -> None:
        """The operands of an instruction with a fixed stack type, then the instruction."""
        plan = self.plan
        if "data" in op.immediates and not plan.data:
            return
        memories = [plan.choices.below(len(plan.wide)) for _ in range(2)]
        wide = [plan.wide[each] for each in memories]
        assert op.operands is not None
        for role in ROLES.get(op.mnemonic, op.operands):
            if role == "addr":
                self.address(wide[0])
            elif role == "addr2":
                self.address(wide[1])
            elif role == "size":
                self.size(wide[0])
            elif role == "len":
                self.size(all(wide))
            elif role == "slot":
                self.slot()
            elif role == "few":
                self.constant(plan.choices.pick((0, 1, 1, 2, 2, 3, 4, 40)))
            else:
                self.value(NUMBERS[role])
        self.emit(op.mnemonic, *self.immediates(op, memories))

    def immediates(self, op: Opcode, memories: list[int]) -> list[Immediate]:
        choices = self.plan.choices
        made: list[Immediate] = []
        left = iter(memories)
        for kind in op.immediates:
            if kind == "memarg":
                align = op.natural_alignment or 0
                if op.prefix != 0xFE:
                    align = choices.below(align + 1)
                made.append(
                    MemArg(
                        align,
                        choices.pick((0, 0, 0, 0, 0, 0, 1, 2, 4, 4, 8, 8, 16, 32, 100, 65528)),
                        next(left),
                    )
                )
            elif kind == "memory":
                made.append(next(left))
            elif kind == "lane":
                made.append(choices.below(_lanes(op)))
            elif kind == "lanes":
                made.append(bytes([choices.below(32) for _ in range(16)]))
            elif kind == "data":
                made.append(choices.below(self.plan.data))
            elif kind == "elem":
                made.append(choices.below(self.plan.elements))
            else:
                made.append(0)
        return made

    def address(self, wide: bool) -> None:
        """Where something is in a memory, seldom outside of it."""
        choices = self.plan.choices
        value_type, prefix = (I64, "i64") if wide else (I32, "i32")
        kind = choices.below(40)
        if kind < 20:
            self.emit(f"{prefix}.const", choices.pick(ADDRESSES))
        elif kind < 39:
            self.value(value_type)
            self.emit(f"{prefix}.const", choices.pick((255, 124, 1023)))
            self.emit(f"{prefix}.and")
        else:
            self.value(value_type)

    def size(self, wide: bool) -> None:
        """How many bytes, seldom too many."""
        self.emit(
            "i64.const" if wide else "i32.const",
            self.plan.choices.pick((0, 1, 8, 40, 0, 1, 8, 40, 70000)),
        )

    def slot(self) -> None:
        """A place in the table, seldom outside of it."""
        if self.plan.choices.chance(300):
            self.value(I32)
            self.constant(7)
            self.emit("i32.and")
        else:
            self.constant(self.plan.choices.pick((0, 1, 2, 3, 5, 6, 7, 0, 1, 2, 3, 9)))

    def reference(self, value_type: ValType) -> None:
        """A reference that is not just read from a variable."""
        choices = self.plan.choices
        if value_type == FUNCREF:
            self.slot()
            self.emit("table.get", 0)
        elif value_type == STRUCT_REF:
            if choices.chance(700):
                self.values((I32, I64, I32))
                self.emit("struct.new", STRUCT)
            elif choices.chance(500):
                self.emit("struct.new_default", STRUCT)
            else:
                self.value(EQREF)
                self.emit("ref.cast_null", STRUCT)
        elif value_type == ARRAY_REF:
            if choices.chance(500):
                self.values((I32, I32))
                self.emit("array.new_fixed", ARRAY, 2)
            else:
                self.constant(choices.below(5))
                self.emit("array.new_default", ARRAY)
        elif value_type == EQREF:
            kind = choices.pick((I32, STRUCT_REF, ARRAY_REF))
            self.value(kind)
            if kind == I32:
                self.emit("ref.i31")
        else:
            self.leaf(value_type)

    def observation(self) -> None:
        """An i32 that says something about a table or a reference."""
        choices = self.plan.choices
        kinds: list[Callable[[], None]] = [
            lambda: self.emit("table.size", 0),
            lambda: self.emit("memory.size", 0) if not self.plan.wide[0] else self.leaf(I32),
            self._grown_memory,
        ]
        references = [each for each in self.plan.values if each in HEAP]
        if references:
            kinds += [self._null_test, self._grown_table]
        if "objects" in self.plan.features:
            kinds += [
                self._field,
                self._element,
                self._length,
                self._same,
                self._type_test,
                self._small,
            ]
        choices.pick(kinds)()

    def _grown_memory(self) -> None:
        self.constant(self.plan.choices.pick((0, 1, 2)))
        self.emit("memory.grow", 0)

    def _grown_table(self) -> None:
        self.value(FUNCREF) if FUNCREF in self.plan.values else self.emit("ref.null", b"\x70")
        self.constant(self.plan.choices.pick((0, 1, 2)))
        self.emit("table.grow", 0)

    def _null_test(self) -> None:
        self.value(self.plan.choices.pick([each for each in self.plan.values if each in HEAP]))
        self.emit("ref.is_null")

    def _field(self) -> None:
        self.value(STRUCT_REF)
        kind = self.plan.choices.below(3)
        self.emit(
            *(("struct.get", STRUCT, 0), ("struct.get_s", STRUCT, 2), ("struct.get_u", STRUCT, 2))[
                kind
            ]
        )

    def _element(self) -> None:
        self.value(ARRAY_REF)
        self.constant(self.plan.choices.below(4))
        self.emit("array.get", ARRAY)

    def _length(self) -> None:
        self.value(ARRAY_REF)
        self.emit("array.len")

    def _same(self) -> None:
        self.values((EQREF, EQREF))
        self.emit("ref.eq")

    def _type_test(self) -> None:
        self.value(EQREF)
        self.emit(self.plan.choices.pick(("ref.test", "ref.test_null")), STRUCT)

    def _small(self) -> None:
        self.value(EQREF)
        self.emit("ref.cast_null", b"\x6c")
        self.emit(self.plan.choices.pick(("i31.get_s", "i31.get_u")))

    def tee(self, value_type: ValType) -> None:
        self.value(value_type)
        known = self.locals_of(value_type)
        if known:
            self.emit("local.tee", self.plan.choices.pick(known))

    def again(self, value_type: ValType) -> None:
        if not self.repeat(value_type):
            self.leaf(value_type)

    def select(self, value_type: ValType) -> None:
        self.values((value_type, value_type, I32))
        if value_type in HEAP or self.plan.choices.chance(100):
            self.emit("select_t", (value_type,))
        else:
            self.emit("select")

    def block_value(self, value_type: ValType) -> None:
        self.block((value_type,))

    def if_value(self, value_type: ValType) -> None:
        self.value(I32)
        self.two_arms((value_type,))

    def loop_value(self, value_type: ValType) -> None:
        self.loop((value_type,))

    def call_value(self, value_type: ValType) -> None:
        callees = self.callees((value_type,))
        if callees:
            self.call(self.plan.choices.pick(callees))
        else:
            self.leaf(value_type)

    def branch_value(self, value_type: ValType) -> None:
        labels = [each for each in self.forward() if self.label(each).types == (value_type,)]
        self.value(value_type)
        if labels:
            self.value(I32)
            self.emit("br_if", self.plan.choices.pick(labels))

    # Structures.

    def block(self, results: Types) -> None:
        params: Types = ()
        if self.plan.choices.chance(200):
            params = (self.plan.choices.pick(self.plan.values),)
            self.values(params)
        self.emit("block", self.block_type(params, results))

        def write() -> None:
            for each in params:
                self.sink(each)
            self.statements(3)
            self.values(results)

        self.inside(_Label(results), write)
        self.emit("end")

    def two_arms(self, results: Types) -> None:
        def write() -> None:
            self.statements(2)
            self.values(results)

        self.emit("if", self.block_type((), results))
        self.inside(_Label(results), write)
        if results or self.plan.choices.chance(500):
            self.emit("else")
            self.inside(_Label(results), write)
        self.emit("end")

    def loop(self, results: Types) -> None:
        choices = self.plan.choices
        counter = len(self.locals)
        self.locals.append(I32)
        if choices.chance(200) and not results:
            self.loop_with_test(counter)
            return
        self.constant(0)
        self.emit("local.set", counter)
        params: Types = (choices.pick(self.plan.values),) if choices.chance(250) else ()
        self.values(params)
        self.emit("loop", self.block_type(params, results))

        def write() -> None:
            for each in params:
                self.sink(each)
            self.statements(4)
            self.go_round(0)
            self.values(results)

        self.inside(_Label(params, counter, 1 + choices.below(4)), write)
        self.emit("end")

    def loop_with_test(self, counter: int) -> None:
        """The test at the top, and a branch back at the bottom."""
        limit = 1 + self.plan.choices.below(4)
        self.constant(0)
        self.emit("local.set", counter)
        self.emit("block", None)
        self.emit("loop", None)

        def write() -> None:
            self.count(counter, limit)
            self.emit("i32.eqz")
            self.emit("br_if", 1)
            self.statements(4)
            self.emit("br", 0)

        around = _Label(())
        self.labels.append(around)
        self.inside(_Label((), counter, limit), write)
        self.labels.pop()
        self.emit("end")
        self.emit("end")

    def count(self, counter: int, limit: int) -> None:
        self.emit("local.get", counter)
        self.constant(1)
        self.emit("i32.add")
        self.emit("local.tee", counter)
        self.constant(limit)
        self.emit("i32.lt_s")

    def go_round(self, depth: int) -> None:
        """Back to the head of the loop at that depth, if its counter allows."""
        label = self.label(depth)
        assert label.counter is not None
        self.values(label.types)
        self.count(label.counter, label.limit)
        if self.plan.choices.chance(300):
            self.value(I32)
            self.emit("i32.and")
        self.emit("br_if", depth)
        for each in reversed(label.types):
            self.sink(each)

    # Statements.

    def statements(self, most: int) -> None:
        for _ in range(self.plan.choices.below(most + 1)):
            if self.budget > 0:
                self.statement()

    def statement(self) -> None:
        """Code that leaves nothing."""
        self.budget -= 1
        start = len(self.out)
        self.depth += 1
        if self.depth > DEEPEST:
            self.emit("nop")
        else:
            self.plan.choices.weighted(_STATEMENTS)(self)
        self.depth -= 1
        self.remember(None, start)

    def sink(self, value_type: ValType) -> None:
        """Use up the topmost value."""
        known, shared = self.locals_of(value_type), self.globals_of(value_type, mutable=True)
        if known and self.plan.choices.chance(850):
            self.emit("local.set", self.plan.choices.pick(known))
        elif shared and self.plan.choices.chance(400):
            self.emit("global.set", self.plan.choices.pick(shared))
        else:
            self.emit("drop")

    def assign(self) -> None:
        value_type = self.plan.choices.pick(self.plan.values)
        self.value(value_type)
        self.sink(value_type)

    def effect(self) -> None:
        op = self.drawn_op(CONSUMERS)
        self.apply(op)

    def call_statement(self) -> None:
        callees = self.callees(None)
        if callees:
            index = self.plan.choices.pick(callees)
            self.call(index)
            for each in reversed(self.plan.signatures[index].results):
                self.sink(each)

    def callees(self, results: Types | None) -> list[int]:
        return [
            index
            for index, signature in enumerate(self.plan.signatures[: self.plan.callable])
            if results is None or signature.results == results
        ]

    def call(self, index: int, tail: str = "") -> None:
        """Call a function by index, by reference or through the table."""
        signature = self.plan.signatures[index]
        self.values(signature.params)
        kind = self.plan.choices.below(10)
        type_index = self.plan.type_index(signature)
        if kind == 8:
            self.slot()
            self.emit(f"{tail}call_indirect", type_index, 0)
        elif kind == 9 and index in self.plan.declared:
            self.emit("ref.func", index)
            self.emit(f"{tail}call_ref", type_index)
        else:
            self.emit(f"{tail}call", index)

    def tail_call(self) -> None:
        callees = self.callees(self.signature.results)
        if callees and not self.at_top and "tails" in self.plan.features:
            self.call(self.plan.choices.pick(callees), "return_")

    def again_statement(self) -> None:
        self.repeat(None)

    def nop(self) -> None:
        self.emit("nop")

    def plain_block(self) -> None:
        self.block(())

    def conditional(self) -> None:
        self.value(I32)
        self.two_arms(())

    def bounded_loop(self) -> None:
        self.loop(())

    def label(self, depth: int) -> _Label:
        return self.labels[-1 - depth]

    def forward(self) -> list[int]:
        """Depths of what may be left at any time: everything but loops."""
        return [depth for depth in range(len(self.labels)) if self.label(depth).counter is None]

    @property
    def at_top(self) -> bool:
        """Whether code behind a jump would never run, however the function is called."""
        return len(self.labels) == 1

    def branch(self) -> None:
        depth = self.plan.choices.pick(self.forward())
        types = self.label(depth).types
        self.values(types)
        if self.at_top or self.plan.choices.chance(700):
            self.value(I32)
            self.emit("br_if", depth)
            for each in reversed(types):
                self.sink(each)
        else:
            self.emit("br", depth)

    def switch(self) -> None:
        if self.at_top:
            self.block(())
            return
        forward = self.forward()
        types = self.label(self.plan.choices.pick(forward)).types
        depths = [depth for depth in forward if self.label(depth).types == types]
        self.values(types)
        self.value(I32)
        targets = [self.plan.choices.pick(depths) for _ in range(1 + self.plan.choices.below(4))]
        self.emit("br_table", tuple(targets))

    def go_on(self) -> None:
        loops = [d for d in range(len(self.labels)) if self.label(d).counter is not None]
        if loops:
            self.go_round(self.plan.choices.pick(loops))

    def leave(self) -> None:
        self.value(I32)
        self.emit("if", None)
        if self.plan.choices.chance(700):
            self.labels.append(_Label(()))
            self.values(self.signature.results)
            self.labels.pop()
            self.emit("return")
        else:
            self.emit("unreachable")
        self.emit("end")

    def exception(self) -> None:
        if not self.plan.tags:
            return
        if self.plan.choices.chance(400):
            tag = self.plan.choices.below(len(self.plan.tags))
            self.value(I32)
            self.emit("if", None)
            self.labels.append(_Label(()))
            self.values(self.plan.tags[tag].params)
            self.labels.pop()
            self.emit("throw", tag)
            self.emit("end")
        else:
            self.handler()

    def handler(self) -> None:
        """A try_table whose clauses lead behind it, and what is done with the exception."""
        kind = self.plan.choices.below(4)
        tag = self.plan.choices.below(len(self.plan.tags)) if kind < 2 else None
        caught: Types = self.plan.tags[tag].params if tag is not None else ()
        caught += (EXNREF,) if kind in (1, 3) else ()
        self.emit("block", None)
        self.emit("block", self.block_type((), caught))
        self.emit("try_table", None, (Catch(kind, tag, 0),))

        def write() -> None:
            self.statements(4)

        self.labels += [_Label(()), _Label(caught)]
        self.inside(_Label(()), write)
        self.labels.pop()
        self.emit("end")
        self.emit("br", 1)
        self.emit("end")
        if kind in (1, 3) and self.plan.choices.chance(400):
            self.emit("throw_ref")
        else:
            for each in reversed(caught):
                self.sink(each)
        self.labels.pop()
        self.emit("end")

    def object_change(self) -> None:
        if "objects" not in self.plan.features:
            return
        if self.plan.choices.chance(500):
            self.value(ARRAY_REF)
            self.constant(self.plan.choices.below(4))
            self.value(I32)
            self.emit("array.set", ARRAY)
        else:
            number = self.plan.choices.below(len(STRUCT_TYPE.fields))
            self.value(STRUCT_REF)
            self.value((I32, I64, I32)[number])
            self.emit("struct.set", STRUCT, number)

    def null_branch(self) -> None:
        depths = [depth for depth in self.forward() if not self.label(depth).types]
        references = [each for each in self.plan.values if each in HEAP]
        if depths and references:
            self.value(self.plan.choices.pick(references))
            self.emit("br_on_null", self.plan.choices.pick(depths))
            self.emit("drop")

    def table_change(self) -> None:
        if FUNCREF not in self.plan.values:
            return
        self.slot()
        self.value(FUNCREF)
        if self.plan.choices.chance(300):
            self.constant(self.plan.choices.below(4))
            self.emit("table.fill", 0)
        else:
            self.emit("table.set", 0)


def _is_control(instr: Instr) -> bool:
    return instr.name in _CONTROL or any(
        kind in ("label", "labels") for kind in instr.op.immediates
    )


def _lanes(op: Opcode) -> int:
    """How many lanes the instruction chooses from."""
    if op.natural_alignment is not None:
        return 16 >> op.natural_alignment
    return int(op.mnemonic.partition(".")[0].partition("x")[2])


_VALUES: Final = (
    (30, Writer.leaf),
    (38, Writer.operation),
    (6, Writer.tee),
    (8, Writer.again),
    (4, Writer.select),
    (4, Writer.block_value),
    (4, Writer.if_value),
    (2, Writer.loop_value),
    (5, Writer.call_value),
    (3, Writer.branch_value),
)
_STATEMENTS: Final = (
    (2, Writer.nop),
    (30, Writer.assign),
    (18, Writer.effect),
    (8, Writer.again_statement),
    (8, Writer.call_statement),
    (5, Writer.plain_block),
    (7, Writer.conditional),
    (5, Writer.bounded_loop),
    (6, Writer.branch),
    (2, Writer.switch),
    (3, Writer.go_on),
    (2, Writer.leave),
    (8, Writer.exception),
    (2, Writer.tail_call),
    (3, Writer.object_change),
    (2, Writer.null_branch),
    (2, Writer.table_change),
)
