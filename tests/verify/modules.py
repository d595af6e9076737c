"""Helpers for tests of changes of a whole module: two modules in text, and what is claimed."""

from __future__ import annotations

from tests.support import module_of
from wasmopt.instr import Instr, InstrPool
from wasmopt.module import Kind
from wasmopt.module_change import Correspondence, Fate, Map, Shape
from wasmopt.validate import validate
from wasmopt.verdict import Proved, Unproved
from wasmopt.verify import Prover, prove_module


def claim(
    *,
    functions: Map | None = None,
    tables: Map | None = None,
    memories: Map | None = None,
    globals: Map | None = None,
    tags: Map | None = None,
    types: Map | None = None,
    data: Map | None = None,
    elements: Map | None = None,
    inlined: tuple[int, ...] = (),
    outlined: tuple[int, ...] = (),
) -> Correspondence:
    maps = {
        Kind.FUNCTION: functions,
        Kind.TABLE: tables,
        Kind.MEMORY: memories,
        Kind.GLOBAL: globals,
        Kind.TAG: tags,
    }
    given = {kind: indices for kind, indices in maps.items() if indices is not None}
    return Correspondence(given, types, data, elements, frozenset(inlined), frozenset(outlined))


def shape(pool: InstrPool, params: str, results: str = "") -> Shape:
    """A shape, its parts separated by commas: "kept, unused, i32.const 7"."""
    return Shape(_fates(pool, params), _fates(pool, results))


def _fates(pool: InstrPool, text: str) -> tuple[Fate | Instr, ...]:
    fates: list[Fate | Instr] = []
    for part in filter(None, text.split(", ")):
        name, _, value = part.partition(" ")
        fates.append(pool.make(name, int(value)) if value else Fate(name))
    return tuple(fates)


def verdict(before: str, after: str, said: Correspondence) -> Proved | Unproved:
    pool = InstrPool()
    old, new = module_of(before, pool), module_of(after, pool)
    validate(old)
    return prove_module(old, new, said, Prover(replay=False))


def assert_proved(before: str, after: str, said: Correspondence) -> None:
    result = verdict(before, after, said)
    assert isinstance(result, Proved), result


def assert_refused(before: str, after: str, said: Correspondence, why: str) -> None:
    result = verdict(before, after, said)
    assert isinstance(result, Unproved)
    assert why in result.reason
