"""Reorder functions, globals and types: the most used ones get the indices that encode short.

    call 200 (2 bytes, 90 times)  call 3 (1 byte, once)   →   call 3  call 200

Needs: how often each index is written, in code, segments, exports and other declarations.  Keeps:
imports, which come first, and the order of everything that a border does not part, so that little
moves.  Globals stay where an initial value names another one, types where one names another: these
have an order of their own.  Costs: one count of the distinct instructions.

Only the borders matter (128, 16384, …; for types, which block types write signed, 64 as well):
whoever is below takes a byte less at each use, and the most used ones are.
"""

from __future__ import annotations

from wasmopt.module import Kind, Module, Signatures
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.passes.module_edits import by_use, follow
from wasmopt.passes.module_uses import Uses, count_uses

_TYPE_BORDERS = (1 << 6, 1 << 7, 1 << 13, 1 << 14, 1 << 32)


def reorder_functions(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Give the functions named most often the lowest indices."""
    return _reorder(module, Kind.FUNCTION, "func", len(Signatures(module).functions))


def reorder_globals(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Give the globals named most often the lowest indices."""
    if any(instr.name == "global.get" for entry in module.globals for instr in entry.init):
        return None
    return _reorder(module, Kind.GLOBAL, "global", len(Signatures(module).globals))


def _reorder(
    module: Module, kind: Kind, space: str, total: int
) -> tuple[Module, Correspondence] | None:
    counts = count_uses(module, space)
    indices = by_use([counts[index] for index in range(total)], len(module.imported(kind)))
    if indices == tuple(range(total)):
        return None
    claim = Correspondence({kind: indices})
    return follow(module, claim), claim


def reorder_types(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Give the types named most often the lowest indices."""
    uses = Uses(module)
    for group in module.types:
        if group.explicit:
            return None
        uses.sub_type(group.types[0])
    if uses.heard():
        return None
    counts = count_uses(module, "type")
    total = len(module.types)
    indices = by_use([counts[index] for index in range(total)], 0, _TYPE_BORDERS)
    if indices == tuple(range(total)):
        return None
    claim = Correspondence(types=indices)
    return follow(module, claim), claim


REORDER_FUNCTIONS = ModulePass(
    "reorder-functions", "give the most used functions the shortest indices", reorder_functions
)
REORDER_GLOBALS = ModulePass(
    "reorder-globals", "give the most used globals the shortest indices", reorder_globals
)
REORDER_TYPES = ModulePass(
    "reorder-types", "give the most used types the shortest indices", reorder_types
)
