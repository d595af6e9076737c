"""The functions that no code ever calls, though a table holds them.

Claim: a function runs never, whatever the host does, if

* nothing names it but active element segments of tables that the module defines and does not
  export, and of which no instruction but a call reads or writes anything (such a table is
  *private*): so nobody outside gets at it, and no reference to it goes anywhere else;
* no call through these tables asks for its type.  A call through a table traps unless the type of
  the callee is what is asked for, or a subtype of it (spec 3.0 §4.6.12); functions whose type has
  supertypes are left out.

Optimizers give such functions the body `unreachable`.  Whether that is equal does not matter, as
long as everything that does run is: then the new version never calls it either.
"""

from __future__ import annotations

from wasmopt.instr import Instr
from wasmopt.module import Kind, Module, Signatures
from wasmopt.verify.module_parts import expressions, private_tables, type_identities

_INDIRECT = frozenset(["call_indirect", "return_call_indirect"])


def uncalled(module: Module) -> set[int]:
    """The functions, by index, that are surely never called."""
    instrs: set[Instr] = set().union(*[function.body for function in module.functions])
    named = {export.index for export in module.exports if export.kind is Kind.FUNCTION}
    named.update([] if module.start is None else [module.start])
    for instr in instrs.union(*expressions(module)):
        pairs = zip(instr.op.immediates, instr.immediates, strict=True)
        named.update([value for kind, value in pairs if kind == "func"])
    private = private_tables(module)
    held: dict[int, set[int]] = {}
    for segment in module.elements:
        for item in segment.items:
            if not isinstance(item, int) or segment.offset is None or segment.table not in private:
                named.update([item] if isinstance(item, int) else [])
            else:
                held.setdefault(item, set()).add(segment.table)
    (identities,) = type_identities(module)
    asked = {
        (dict(zip(instr.op.immediates, instr.immediates, strict=True)).get("table", 0), identity)
        for instr in instrs
        if instr.name in _INDIRECT
        for identity in [identities[_type_of(instr)]]
    }
    signatures = Signatures(module)
    found = set()
    for index, tables in held.items():
        type_index = signatures.functions[index]
        plain = not signatures.types[type_index].supertypes
        calls = any((table, identities[type_index]) in asked for table in tables)
        if index not in named and plain and not calls:
            found.add(index)
    return found


def _type_of(instr: Instr) -> int:
    pairs = zip(instr.op.immediates, instr.immediates, strict=True)
    (index,) = [int(value) for kind, value in pairs if kind == "type"]
    return index
