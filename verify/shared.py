"""Accesses to shared memory, and atomic ones: events, like calls, in the order they are made in.

Other threads may read and write a shared memory between any two accesses, so nothing is known of
what a load finds, of the size, or of what becomes of a store: an access is an event that is named
by its instruction, its operands and everything that happened before, and what it gives back is a
function of that event.  Two versions that make the same accesses with the same operands in the
same order allow the same executions, whatever the memory model says about each; an access that is
added, taken away, changed or moved past another, or past any other effect, makes them differ.

Source: WebAssembly threads proposal, "Memory model": executions are defined over the events of
each thread in program order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wasmopt.instr import Instr, MemArg
from wasmopt.opcodes import Effect
from wasmopt.verify.state import Layout
from wasmopt.verify.terms import STATE, constant_bits, is_constant

if TYPE_CHECKING:
    from wasmopt.verify.execute import Execution

_WRITTEN_BITS: Final = {
    "i32.store8": 0xFF,
    "i32.store16": 0xFFFF,
    "i64.store8": 0xFF,
    "i64.store16": 0xFFFF,
    "i64.store32": 0xFFFF_FFFF,
}
"""The bits of its operand that a narrow store writes."""


def is_shared_access(layout: Layout, instr: Instr) -> bool:
    """Whether other threads may take part in what the instruction does."""
    return bool(instr.effects & Effect.ATOMIC) or any(
        layout.memory(memory).shared for memory in _memories(instr)
    )


def access(x: Execution, instr: Instr) -> None:
    """Execute an access that is one of `is_shared_access`."""
    taken, left = x.arities[instr]
    operands = x.pop_many(taken)
    payload = (instr.name, *[_place(each) for each in instr.immediates])
    if instr.immediates and isinstance(instr.immediates[0], MemArg):
        if is_constant(operands[0]):
            # Address and offset are added without wrapping: it does not matter which is which.
            offset = instr.immediates[0].offset + constant_bits(operands[0])
            payload = (instr.name, (offset, instr.immediates[0].memory), *payload[2:])
            operands[0] = x.arena.constant(operands[0].sort, 0)
        bits = _WRITTEN_BITS.get(instr.name)
        if bits is not None:
            sort = operands[1].sort
            operands[1] = x.apply(f"{sort}.and", operands[1], x.arena.constant(sort, bits))
    event = x.event("access", operands, payload)
    if instr.effects & Effect.TRAP:
        x.trap_if(x.diagrams.condition(x.predicate("access traps", (event,), ())))
    for component in (*map(x.layout.contents, _memories(instr)), x.layout.world):
        x.set_state(component, x.make("after", STATE, (event,), component))
    if left:
        x.stack.append(x.make("result", _result_sort(x.layout, instr), (event,), 0))


def _memories(instr: Instr) -> list[int]:
    """The memories that an instruction names."""
    return [
        value.memory if kind == "memarg" else value
        for kind, value in zip(instr.op.immediates, instr.immediates, strict=True)
        if kind in ("memarg", "memory")
    ]


def _place(immediate: object) -> object:
    """An immediate without what does not matter: the alignment is a hint."""
    if isinstance(immediate, MemArg):
        return immediate.offset, immediate.memory
    return immediate


def _result_sort(layout: Layout, instr: Instr) -> str:
    if instr.name in ("memory.size", "memory.grow"):
        return layout.sorts[layout.size(instr.immediates[0])]
    return (instr.op.results or ("",))[0]
