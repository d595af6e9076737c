"""What functions are called in reports."""

from __future__ import annotations

from wasmopt.errors import InputError
from wasmopt.module import Kind, Module, Signatures
from wasmopt.text import function_names


def function_labels(module: Module, symbols: Module | None = None) -> list[str]:
    """A name for each function, imported ones first; its number where none is known."""
    known = known_names(module, symbols)
    count = len(module.imported(Kind.FUNCTION)) + len(module.functions)
    return [known.get(index) or f"function {index}" for index in range(count)]


def known_names(module: Module, symbols: Module | None = None) -> dict[int, str]:
    """The names that functions have, by index; an empty one is none.

    A name is the name in the name section of `symbols` or of the module itself, else the name by
    which the function is exported or imported.

    Args:
        module: the module.
        symbols: the same module with names, see `check_twin`.
    """
    imports = module.imported(Kind.FUNCTION)
    labels = {index: f"{entry.module}.{entry.name}" for index, entry in enumerate(imports)}
    for entry in reversed(module.exports):  # the first export of a function is the one that counts
        if entry.kind is Kind.FUNCTION:
            labels[entry.index] = entry.name
    labels |= function_names(module)
    if symbols is not None:
        labels |= function_names(symbols)
    return {index: name for index, name in labels.items() if name}


def check_twin(module: Module, twin: Module) -> None:
    """Check that names of the twin's functions are names of the module's.

    Raises:
        InputError: it has other functions, or no names.
    """
    counts = [(len(each.imported(Kind.FUNCTION)), len(each.functions)) for each in (twin, module)]
    if counts[0] != counts[1]:
        (imported, defined), (module_imported, module_defined) = counts
        raise InputError(
            f"is no twin of the module: it imports {imported} functions and defines {defined}, "
            f"the module {module_imported} and {module_defined}"
        )
    signatures, others = Signatures(twin), Signatures(module)
    for index in range(sum(counts[0])):
        if signatures.function_type(index) != others.function_type(index):
            raise InputError(f"is no twin of the module: function {index} has another type")
    if not function_names(twin):
        raise InputError("has no names of functions")
