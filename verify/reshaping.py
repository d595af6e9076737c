"""Functions with other parameters and results: compared as if they had the old ones.

    old   a b c  call f     →   a 0 c  call e                       b is not used
    new   a  call g         →   a 0 7  call e  drop                 c is always 7

Both versions are rewritten to call one function *e*, which stands for both and has the old
parameters and results.  Its calls get zero for a parameter that is not used, on both sides; on the
new side, the constant for one that is always the same; the new side drops results that the new
function does not have, and on the old side a result that is always the same becomes the constant.

Claim: a function that is named by nothing but calls may stand for another under a `Shape` if

* for all arguments, its old body, constants in their parameters, does what the new one does
  without them, but for unused results: `Reshaped.old_whole`, `Reshaped.new_whole`;
* all callers are equal as above.

By induction over the depth of nested calls: the callers show that each call passes the constant,
for an equal call of e has equal arguments; that no caller makes use of an unused result, for
nothing is known of the results of e; and that callers do alike what they do with the rest.  Since
only calls name the function, there are no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function, group_locals
from wasmopt.instr import Instr
from wasmopt.module import Kind, Module
from wasmopt.module_change import Fate, Shape
from wasmopt.types import F32, F64, I32, I64, V128, FuncType, ValType
from wasmopt.verify.inlining import zero
from wasmopt.verify.module_parts import RefusedError, expressions, require

_TYPES: Final = {
    "i32.const": I32,
    "i64.const": I64,
    "f32.const": F32,
    "f64.const": F64,
    "v128.const": V128,
}


@dataclass(frozen=True, slots=True)
class Reshaped:
    """One function with other parameters and results.

    Attributes:
        old_call, new_call: bodies to be put in place of the calls in the old and new version.
        old_whole, new_whole: functions of the old type that call the old and the new version.
    """

    old_call: Function
    new_call: Function
    old_whole: Function
    new_whole: Function


def reshape(
    versions: tuple[Function, Function], shape: Shape, index: int, event: int, context: Context
) -> Reshaped:
    """The bodies by which calls of a function are replaced.

    Args:
        versions: the old and the new one.
        shape: what is claimed of them.
        index: of the function, by which both call it.
        event: index of the function *e*, which has the old type.
        context: around both.

    Raises:
        RefusedError: the types of the versions are not what the shape says.
    """
    reshaper = _Reshaper(versions, shape, context)
    return reshaper.run(context.pool.make("call", index), context.pool.make("call", event))


class _Reshaper:
    def __init__(self, versions: tuple[Function, Function], shape: Shape, context: Context) -> None:
        self._old: Final = versions[0]
        self._new: Final = versions[1]
        self._shape: Final = shape
        self._context: Final = context
        self._pool: Final = context.pool
        self._type: Final = context.signatures.func_type(self._old.type_index)
        self._check(context.signatures.func_type(self._new.type_index))

    def _check(self, new: FuncType) -> None:
        """Check that the types are what the shape says."""
        sides = (
            (self._type.params, self._shape.params, new.params),
            (self._type.results, self._shape.results, new.results),
        )
        problem = "a function has another type than was said"
        for types, fates, kept in sides:
            require(len(types) == len(fates), problem)
            pairs = list(zip(types, fates, strict=True))
            require(tuple([each for each, fate in pairs if fate is Fate.KEPT]) == kept, problem)
            for value_type, fate in pairs:
                if isinstance(fate, Instr):
                    require(_TYPES.get(fate.name) == value_type, problem)
                    require(self._pool.get(fate.data) is fate, problem)
                else:
                    require(fate in (Fate.KEPT, Fate.UNUSED), problem)

    def run(self, call: Instr, event: Instr) -> Reshaped:
        """All four, for a function that is called by `call`, both versions by `event`."""
        params, results = self._shape.params, self._shape.results
        old = self._chosen(params, range(len(params)), unused_is_zero=True, constants=False)
        from_new = self._chosen(params, _ranks(params), unused_is_zero=True, constants=True)
        fixed = self._chosen(params, range(len(params)), unused_is_zero=False, constants=True)
        passed = [fixed[place] for place, fate in enumerate(params) if fate is Fate.KEPT]
        every = list(range(len(results)))
        kept = [place for place in every if results[place] is Fate.KEPT]
        known: list[int | Instr] = [
            fate if isinstance(fate, Instr) else place for place, fate in enumerate(results)
        ]
        seen: list[int | Instr] = [
            self._zero(self._type.results[place]) if fate is Fate.UNUSED else place
            for place, fate in enumerate(results)
        ]
        given = [
            fate if isinstance(fate, Instr) else seen[place] for place, fate in enumerate(results)
        ]
        return Reshaped(
            old_call=self._function(self._old, old, event, every, known),
            new_call=self._function(self._new, from_new, event, every, list(kept)),
            old_whole=self._function(self._old, fixed, call, every, seen),
            new_whole=self._function(self._old, passed, call, kept, given),
        )

    def _chosen(
        self,
        fates: Sequence[Fate | Instr],
        locals_: Sequence[int],
        *,
        unused_is_zero: bool,
        constants: bool,
    ) -> list[Instr]:
        """What pushes each old parameter, those that are given being in some locals."""
        chosen: list[Instr] = []
        for fate, local, value_type in zip(fates, locals_, self._type.params, strict=True):
            if fate is Fate.UNUSED and unused_is_zero:
                chosen.append(self._zero(value_type))
            elif isinstance(fate, Instr) and constants:
                chosen.append(fate)
            else:
                chosen.append(self._pool.make("local.get", local))
        return chosen

    def _zero(self, value_type: ValType) -> Instr:
        found = zero(value_type, self._pool)
        if found is None:
            raise RefusedError("a parameter or result of a type without a first value")
        return found

    def _function(
        self,
        version: Function,
        args: Sequence[Instr],
        call: Instr,
        popped: Sequence[int],
        pushed: Sequence[int | Instr],
    ) -> Function:
        """A function that makes one call.

        Args:
            version: whose type and parameters it has.
            args: what it passes on.
            call: the call.
            popped: the old results that this gives.
            pushed: what is returned: old results, or constants.
        """
        make = self._pool.make
        first = len(self._context.param_types(version))
        results: list[Instr] = []
        if pushed != popped:
            results = [make("local.set", first + place) for place in reversed(popped)]
            results += [
                make("local.get", first + each) if isinstance(each, int) else each
                for each in pushed
            ]
        temporaries = group_locals(self._type.results) if results else ()
        return Function(version.type_index, temporaries, (*args, call, *results, make("end")))


def _ranks(fates: Sequence[Fate | Instr]) -> list[int]:
    """For each old parameter how many before it the new function has."""
    ranks: list[int] = []
    count = 0
    for fate in fates:
        ranks.append(count)
        count += fate is Fate.KEPT
    return ranks


def named_otherwise(module: Module) -> set[int]:
    """The functions that something names which is no plain call in code."""
    found = {export.index for export in module.exports if export.kind is Kind.FUNCTION}
    found.update([] if module.start is None else [module.start])
    for segment in module.elements:
        found.update([item for item in segment.items if isinstance(item, int)])
    instrs: set[Instr] = set().union(*[function.body for function in module.functions])
    instrs.update(*expressions(module))
    for instr in instrs:
        if instr.name != "call":
            named = zip(instr.op.immediates, instr.immediates, strict=True)
            found.update([value for kind, value in named if kind == "func"])
    return found
