"""The functions that no code ever calls, though a table may hold them.

Claim: a function runs never, whatever the host does, unless it is *reached*.  Reached is

* what the host gets at: exports, the start function, and whatever a reference is made to outside
  of code, but for active segments of tables that the module defines and does not export, and of
  which no instruction but a call reads or writes anything (such a table is *private*): so nobody
  outside gets at those, and no reference in them goes anywhere else;
* what a reached function names;
* what a private table holds, if a reached function calls through that table and asks for its type.
  A call through a table traps unless the type of the callee is what is asked for, or a subtype of
  it (spec 3.0 §4.6.12); functions whose type has supertypes count as reached.

For take the first moment at which a function runs that is not reached.  Nobody outside has called
it, so a reached function has, directly, by a reference that it made itself, or through a private
table: then it is reached.

Optimizers give such functions the body `unreachable`.  Whether that is equal does not matter, as
long as everything that does run is: then the new version never calls it either.
"""

from __future__ import annotations

from wasmopt.instr import Instr
from wasmopt.module import Kind, Module, Signatures
from wasmopt.verify.module_parts import expressions, private_tables, type_identities

_INDIRECT = frozenset(["call_indirect", "return_call_indirect"])


def uncalled(module: Module) -> set[int]:
    """The functions that the module defines, by index, that are surely never called."""
    signatures = Signatures(module)
    (identities,) = type_identities(module)
    imported = len(module.imported(Kind.FUNCTION))
    pending, held = _starting_points(module, signatures)
    waiting: dict[tuple[int, object], list[int]] = {}
    for table, index in held:
        waiting.setdefault((table, identities[signatures.functions[index]]), []).append(index)
    reached: set[int] = set()
    looked_at: set[Instr] = set()
    while pending:
        index = pending.pop()
        if index in reached:
            continue
        reached.add(index)
        if index < imported:
            continue
        instrs = set(module.functions[index - imported].body) - looked_at
        looked_at |= instrs
        for instr in instrs:
            named = list(zip(instr.op.immediates, instr.immediates, strict=True))
            pending += [value for kind, value in named if kind == "func"]
            if instr.name in _INDIRECT:
                asked = dict(named)
                pending += waiting.pop((asked["table"], identities[asked["type"]]), [])
    return set(range(imported, imported + len(module.functions))) - reached


def _starting_points(
    module: Module, signatures: Signatures
) -> tuple[list[int], list[tuple[int, int]]]:
    """The functions that are reached before any code runs; tables and what they alone hold."""
    found = [export.index for export in module.exports if export.kind is Kind.FUNCTION]
    found += [] if module.start is None else [module.start]
    for instr in set().union(*expressions(module)):
        pairs = zip(instr.op.immediates, instr.immediates, strict=True)
        found += [value for kind, value in pairs if kind == "func"]
    private = private_tables(module)
    held = []
    for segment in module.elements:
        indices = [item for item in segment.items if isinstance(item, int)]
        if segment.offset is None or segment.table not in private:
            found += indices
            continue
        for index in indices:
            if signatures.types[signatures.functions[index]].supertypes:
                found.append(index)
            else:
                held.append((segment.table, index))
    return found, held
