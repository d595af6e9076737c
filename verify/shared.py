"""Accesses to shared memory, and atomic ones.

Other threads may read and write a shared memory between any two accesses.  A store, an atomic
access, a bulk operation or a question for the size is an event, like a call, named by its
instruction, its operands and everything that happened before; what it gives back is a function of
that event.  A plain load is a value of its own: nobody knows which, so two loads are never the
same, but loads between two other effects may change places, and a load may go when its value is
not used, as long as it still traps.  Plain loads are not ordered by anything but program order,
and exchanging two of them leaves the happens-before relation to all other events as it was.

What a load finds is for the other threads to decide, so a new version need not do more than the old
one might do.  Where it loads once and the old one loaded twice, from one place with no event in
between, the old one might have read the same write both times, and found the memory as large.  The
product uses that (`stops._LoadsOf`); a load more than the old version had is never taken for one
of them.

Source: WebAssembly threads proposal, "Relaxed Memory Model".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import TYPE_CHECKING, Final

from wasmopt.instr import Instr, MemArg
from wasmopt.opcodes import BY_MNEMONIC, Effect
from wasmopt.verify.accesses import LOADS, STORE_MASKS, STORES
from wasmopt.verify.state import Layout, access_bytes
from wasmopt.verify.terms import STATE, Term, constant_bits, is_constant

if TYPE_CHECKING:
    from wasmopt.verify.execute import Execution

_ORDERED: Final = Effect.WRITE_MEMORY | Effect.ATOMIC


class SharedLoads:
    """Numbers loads of one place in one state, so that no two are the same.

    Args:
        first: the number of the first one.
    """

    def __init__(self, first: int = 0) -> None:
        self._first: Final = first
        self._counts: Final[Counter[Hashable]] = Counter()

    def number(self, load: Hashable) -> int:
        """The number of one more load."""
        number = self._first + self._counts[load]
        self._counts[load] += 1
        return number

    def last(self, load: Hashable) -> int | None:
        """The number of the last one, None if there was none."""
        count = self._counts.get(load)
        return None if count is None else self._first + count - 1


def is_shared_access(layout: Layout, instr: Instr) -> bool:
    """Whether other threads may take part in what the instruction does."""
    return bool(instr.effects & Effect.ATOMIC) or any(
        layout.memory(memory).shared for memory in _memories(instr)
    )


def access(x: Execution, instr: Instr) -> None:
    """Execute an access that is one of `is_shared_access`."""
    loads = instr.op.natural_alignment is not None and not instr.effects & _ORDERED
    if loads:
        _load(x, instr)
    else:
        _event(x, instr)


def _load(x: Execution, instr: Instr) -> None:
    """A plain load: a new value, and a new chance to be out of bounds."""
    name, *conversions = LOADS.get(instr.name, (instr.name,))
    op, memarg = BY_MNEMONIC[name], instr.immediates[0]
    address, *rest = x.pop_many(len(op.operands or ()))
    address, offset = _apart(x, address, memarg)
    key = (name, offset, memarg.memory, *instr.immediates[1:])
    moment = x.state[-1]
    number = x.shared_loads.number((moment, address, key))
    traps = x.predicate("access traps", (moment, address), (*key, number))
    x.trap_if(x.diagrams.condition(traps))
    sort = (op.results or ("",))[0]
    value = x.arena.node("shared load", sort, (moment, address, *rest), (*key, number))
    if name.endswith("_u"):
        value.ones = (1 << 8 * access_bytes(op)) - 1
    for conversion in conversions:
        value = x.apply(conversion, value)
    x.stack.append(value)


def _apart(x: Execution, address: Term, memarg: MemArg) -> tuple[Term, int]:
    """Address and offset; of a constant address all is offset, since adding does not wrap."""
    if not is_constant(address):
        return address, memarg.offset
    return x.arena.constant(address.sort, 0), memarg.offset + constant_bits(address)


def _event(x: Execution, instr: Instr) -> None:
    taken, left = x.arities[instr]
    operands = x.pop_many(taken)
    name, immediates = instr.name, instr.immediates
    if immediates and isinstance(immediates[0], MemArg):
        operands[0], offset = _apart(x, operands[0], immediates[0])
        immediates = (offset, immediates[0].memory, *immediates[1:])
        if name in STORES:
            name, conversion = STORES[name]
            operands[1] = x.apply(conversion, operands[1])
        if name in STORE_MASKS:
            mask = x.arena.constant("i32", STORE_MASKS[name])
            operands[1] = x.apply("i32.and", operands[1], mask)
    event = x.event("access", operands, (name, *immediates))
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


def _result_sort(layout: Layout, instr: Instr) -> str:
    if instr.name in ("memory.size", "memory.grow"):
        return layout.sorts[layout.size(instr.immediates[0])]
    return (instr.op.results or ("",))[0]
