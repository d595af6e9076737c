"""The state a function can change, as a tuple of terms, and how instructions read and write it.

One component for each memory's contents and size and each mutable global; tables, segments and
aggregates are one component each; `world` stands for all that calls have done, and `order` for
how often anything has changed, so that no two moments of one path look alike even if a change is
undone later.  `order` is no part of what the outside can see: it only keeps traps in their place.
"""

from __future__ import annotations

from typing import Final

from wasmopt.instr import Instr
from wasmopt.module import Kind, Limits, Module, Signatures
from wasmopt.opcodes import Effect, Opcode
from wasmopt.types import NUMBER_NAMES, ValType
from wasmopt.verify.table_facts import TableFacts
from wasmopt.verify.terms import REFERENCE, STATE, Arena, Term

State = tuple[Term, ...]

_DEFAULT_PAGE_LOG2: Final = 16


def sort_of(value_type: ValType) -> str:
    """The sort of values of that type."""
    return NUMBER_NAMES.get(value_type, REFERENCE)


class Layout:
    """Where the components of a module's state are in a `State`.

    Attributes:
        names: one for each component; the order of the tuple.
        sorts: sort of each component.
        has_shared_memory: whether any is.
        imported_tags: how many of the first tags are, and may be one tag.
        observable: how many of the first components the outside can see (all but `order`).
        table_facts: what is known of tables whatever the state.
    """

    def __init__(self, module: Module, signatures: Signatures, table_facts: TableFacts) -> None:
        self.signatures: Final = signatures
        self.table_facts: Final = table_facts
        self.names: list[str] = []
        self.sorts: list[str] = []
        for index, limits in enumerate(signatures.memories):
            self._add(f"memory {index}", STATE)
            self._add(f"size {index}", "i64" if limits.address64 else "i32")
        self._globals: dict[int, int] = {}
        for index, entry in enumerate(signatures.globals):
            if entry.mutable:
                self._globals[index] = len(self.names)
                self._add(f"global {index}", sort_of(entry.value))
        self.tables: Final = self._add("tables", STATE)
        self.segments: Final = self._add("segments", STATE)
        self.aggregates: Final = self._add("aggregates", STATE)
        self.world: Final = self._add("world", STATE)
        self.observable: Final = len(self.names)
        self.order: Final = self._add("order", STATE)
        self.has_shared_memory: Final = any(limits.shared for limits in signatures.memories)
        self.imported_tags: Final = len(module.imported(Kind.TAG))
        imported = len(signatures.globals) - len(module.globals)
        self._constant_globals: dict[int, Instr] = {
            imported + index: entry.init[0]
            for index, entry in enumerate(module.globals)
            if not entry.type.mutable and len(entry.init) == 2
        }

    def _add(self, name: str, sort: str) -> int:
        self.names.append(name)
        self.sorts.append(sort)
        return len(self.names) - 1

    def initial(self, arena: Arena) -> State:
        """A state of which nothing is known."""
        return tuple(
            [
                arena.symbol(sort, ("initial", name))
                for name, sort in zip(self.names, self.sorts, strict=True)
            ]
        )

    def contents(self, memory: int) -> int:
        """The component with the contents of that memory."""
        return 2 * memory

    def size(self, memory: int) -> int:
        """The component with the size of that memory, in pages."""
        return 2 * memory + 1

    def mutable_global(self, index: int) -> int | None:
        """The component of a mutable global, None for an immutable one."""
        return self._globals.get(index)

    def constant_global(self, index: int) -> Instr | None:
        """The one instruction that initialises an immutable global defined here."""
        return self._constant_globals.get(index)

    def memory(self, index: int) -> Limits:
        """Limits of a memory."""
        return self.signatures.memories[index]

    def least_bytes(self, memory: int) -> int:
        """Bytes that the memory has at any time: memories never shrink."""
        return least_bytes(self.signatures.memories[memory])


def least_bytes(limits: Limits) -> int:
    """Bytes that a memory with these limits has at any time."""
    page = limits.page_size_log2
    return limits.minimum << (_DEFAULT_PAGE_LOG2 if page is None else page)


def changed_components(layout: Layout, instrs: set[Instr]) -> list[int]:
    """Components that any of `instrs` may change, `order` included; a superset is sound."""
    changed = {layout.order}
    everything = range(layout.order)
    for instr in instrs:
        effects = instr.effects
        if effects & (Effect.CALL | Effect.ATOMIC) or instr.name == "memory.grow":
            changed.update(everything)
        if effects & (Effect.READ_MEMORY | Effect.WRITE_MEMORY) and layout.has_shared_memory:
            changed.update(everything)  # an access to a shared memory is an event
        if effects & Effect.WRITE_MEMORY:
            changed.update(index for index in everything if layout.names[index][:6] == "memory")
        if effects & Effect.WRITE_GLOBAL:
            component = layout.mutable_global(instr.immediates[0])
            changed.add(layout.order if component is None else component)
        if effects & Effect.WRITE_TABLE:
            changed.update((layout.tables, layout.world))
        if effects & Effect.WRITE_SEGMENT:
            changed.add(layout.segments)
        if effects & (Effect.WRITE_HEAP | Effect.ALLOCATE):
            changed.add(layout.aggregates)
    return sorted(changed)


def access_bytes(op: Opcode) -> int:
    """Bytes that a memory access reads or writes."""
    if op.natural_alignment is None:
        raise ValueError(f"{op.mnemonic} does not access memory")
    return 1 << op.natural_alignment
