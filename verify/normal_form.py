"""The normal form of one body: what is left when everything that cannot matter is taken out.

The form of a version is made from that version alone, by steps each of which keeps its meaning.
So two versions with the same form, up to the names of locals, do the same (`same_text`).

A body is read as a list of *items*: reachable instructions with the values they take.  WebAssembly
fixes, by validation, which instruction pushed each value and which one takes it, so the operand
stack is only a notation for those edges, and so are `drop`, `nop`, the order in which values
are thrown away, and the brackets of constructs that nothing branches to.  The steps:

Unreachable code is not read (`live_code`): no execution gets there.  The results of a construct
    that never completes are forgotten: no value ever passes its end.
Constructs that nobody branches to are dissolved: brackets without a label do nothing.  Their
    parameters and results are the same values inside and outside.  A branch that falls, see
    `live_code`, is nothing: control and values arrive where they would without it.
Labels become the number of constructs, dissolved ones not counted, between the branch and the
    place it goes to (`live_code`); `return` is a branch to the function body.
A dropped value is marked where it is made.  `A drop` and `A B drop'`, where B is any code in
    between and the drop' takes the value of A, are the same: B cannot see a value below its
    operands.  If B branches out, the value is thrown away by unwinding instead.  Were it passed
    on by the branch, it would be an operand of that branch, and the branch, not A, would have
    pushed the value that is dropped.  What lies on the stack when control leaves for good
    (`br`, `return`, `unreachable`, ...) and is no operand of the leaving is dropped as well.
A dropped value whose instruction has no effect and cannot trap (`REMOVABLE`) is not computed,
    and its operands are dropped.  A dropped `local.get` is nothing; a dropped `local.tee` is a
    `local.set`.  A dropped result of a construct is not a result any more, and each value that
    would have become it is dropped, if all ways to the end are unconditional (a conditional
    branch keeps a copy of its operands).
A local that no reachable code reads: `local.set` drops its operand, `local.tee` is nothing.
Neighbours: `get x set x` is nothing, `get x tee x` is `get x`, `set x get x` is `tee x`,
    `tee x set x` is `set x`, `tee x tee x` is `tee x`: between them nothing can write x.
`if` without `else` has an empty one.  An `if` with two empty arms drops its condition.

Every step only takes items out, so a few rounds of all of them reach an end or are cut short; a
form that is not as short as it could be is still a form.

Sources: WebAssembly 3.0, Validation (appendix A.3, for the edges) and Execution, Instructions.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.opcodes import OPCODES, Effect
from wasmopt.verify.items import GET, SET, TEE, Frame, Items, items

MAX_ROUNDS: Final = 8

_HARMLESS: Final = Effect.READ_MEMORY | Effect.READ_GLOBAL | Effect.READ_TABLE
"""Effects of an instruction that can be left out when nobody wants its value."""
REMOVABLE: Final = frozenset(
    [op.mnemonic for op in OPCODES if op.results and not op.effects & ~_HARMLESS]
    + ["select", "select_t", "global.get", "ref.null", "ref.is_null", "ref.func", "ref.eq"]
    + ["ref.i31", "ref.test", "ref.test_null", "any.convert_extern", "extern.convert_any"]
)
"""Instructions with one result, which cannot trap and change nothing.  Those whose stack type the
opcode table leaves open are named, so that a new row is not taken for one of them."""


@dataclass(frozen=True, slots=True, eq=False)
class NormalForm:
    """What is left of one body.

    Attributes:
        text: instructions, descriptions of control, and `GET`, `SET`, `TEE`.
        locals: for each local access in `text`, in order, which local.
    """

    text: list[object]
    locals: list[int]

    def effects(self) -> list[object]:
        """The instructions that cannot be left out, in order; the same for both kinds of form."""
        bare = [
            each[1] if type(each) is tuple and each[0] == "drop" else each for each in self.text
        ]
        return [each for each in bare if type(each) is Instr and each.name not in REMOVABLE]


def normal_form(function: Function, context: Context, *, join_ends: bool) -> NormalForm:
    """The normal form of a function's body, one of two.

    Joined ends make more versions equal, but code that is taken out here may stand between two
    ends in one version and have been removed in the other.

    Args:
        function: whose body it is.
        context: the module around it.
        join_ends: whether ends next to each other are one place (`live_code`).

    Raises:
        NotCoveredError: legacy exceptions, or the body is not valid.
    """
    return _Reduction(items(function, context, join_ends=join_ends)).form()


class _Reduction:
    """Takes out items until nothing more can go.

    Attributes:
        order: the items that may be left, in order.
        same: value -> the value that it is a copy of.
        reads: access -> how often it is left.
        writes: local -> the items that write it.
        dropped, unread: values and locals that nothing takes any more, not yet followed up.
    """

    def __init__(self, read: Items) -> None:
        self.tokens: Final = read.tokens
        self.operands: Final = read.operands
        self.origins: Final = read.origins
        self.dropped: Final = read.dropped
        self.order = list(range(len(self.tokens)))
        self.same: Final[dict[int, int]] = {}
        accesses = [(item, token) for item, token in enumerate(self.tokens) if type(token) is int]
        self.reads: Final = Counter([token for _, token in accesses])
        self.writes: Final[dict[int, list[int]]] = {}
        for item, access in accesses:
            if access & 3 != GET:
                self.writes.setdefault(access >> 2, []).append(item)
        self.unread: Final = [local for local in self.writes if not self.reads[4 * local + GET]]

    def form(self) -> NormalForm:
        """What is left at the end."""
        for _ in range(MAX_ROUNDS):
            self._follow_up()
            self._sweep()
            if not self.dropped and not self.unread:
                break
        self._follow_up()
        text: list[object] = []
        accessed: list[int] = []
        for item in self.order:
            token = self.tokens[item]
            if type(token) is int:
                text.append(token & 3)
                accessed.append(token >> 2)
            elif type(token) is Frame:
                text.append(token.description())
            elif token is not None:
                text.append(token)
        return NormalForm(text, accessed)

    def _follow_up(self) -> None:
        """Take out what makes dropped values, and what writes unread locals."""
        while self.dropped or self.unread:
            while self.dropped:
                self._drop(self._value(self.dropped.pop()))
            if self.unread:
                for item in self.writes.get(self.unread.pop(), ()):
                    self._remove_write(item)

    def _value(self, value: int) -> int:
        """The value that this one is a copy of in the end."""
        same = self.same
        while value in same:
            further = same[value]
            if further in same:
                same[value] = same[further]
            value = further
        return value

    def _drop(self, value: int) -> None:
        """Nothing takes this value."""
        tokens, token = self.tokens, self.tokens[value]
        if token is None:
            frame, place = self.origins[value]
            if frame is None or frame.conditional:
                tokens[value] = ("drop", place)
            else:
                frame.kept[place] = False
                self.dropped.extend([edge[place] for edge in frame.edges])
        elif type(token) is int:
            if token & 3 == TEE:
                tokens[value] = token - TEE + SET
            else:
                tokens[value] = None
                self._unread(token >> 2)
        elif isinstance(token, Instr) and token.name in REMOVABLE:
            tokens[value] = None
            operands = self.operands[value]
            if isinstance(operands, int):
                self.dropped.append(operands)
            elif operands is not None:
                self.dropped.extend(operands)
        else:
            tokens[value] = ("drop", token)

    def _unread(self, local: int) -> None:
        """One read of the local is gone."""
        access = 4 * local + GET
        self.reads[access] -= 1
        if not self.reads[access]:
            self.unread.append(local)

    def _remove_write(self, item: int) -> None:
        """Take out a write to a local that nothing reads, if it is still there."""
        token, operand = self.tokens[item], self.operands[item]
        if type(token) is not int or not isinstance(operand, int):
            return
        self.tokens[item] = None
        if token & 3 == SET:
            self.dropped.append(operand)
        else:
            self.same[item] = operand

    def _sweep(self) -> None:
        """Take out neighbours that cancel, and empty arms."""
        tokens = self.tokens
        left: list[int] = []
        for item in self.order:
            token = tokens[item]
            if token is None:
                continue
            if left:
                last = tokens[left[-1]]
                if type(token) is int:
                    if type(last) is int and last >> 2 == token >> 2:
                        self._meet(left, item, last & 3, token & 3)
                        continue
                elif token == "end" and last == "else" and self._is_empty(left):
                    tokens[left.pop()] = tokens[item] = None
                    opener = left.pop()
                    tokens[opener] = None
                    condition = self.operands[opener]
                    if isinstance(condition, int):
                        self.dropped.append(condition)
                    continue
            left.append(item)
        self.order = left

    def _is_empty(self, left: list[int]) -> bool:
        """Whether the `else` at the end of `left` stands right behind an `if` without values."""
        opener = self.tokens[left[-2]]
        return type(opener) is Frame and not opener.construct.type.params and not any(opener.kept)

    def _meet(self, left: list[int], item: int, first: int, second: int) -> None:
        """Two accesses to the same local, the first one at the end of `left`."""
        tokens, operands = self.tokens, self.operands
        previous = left[-1]
        access = tokens[previous]
        if first == SET and second == GET and isinstance(access, int):
            tokens[previous] = access - SET + TEE
            tokens[item] = None
            self.same[item] = previous
            self._unread(access >> 2)
        elif second == TEE and first != SET:
            tokens[item] = None
            self.same[item] = previous
        elif second == SET and first == GET and isinstance(access, int):
            left.pop()
            tokens[previous] = tokens[item] = None
            self._unread(access >> 2)
        elif second == SET and first == TEE:
            left.pop()
            tokens[previous] = None
            operands[item] = operands[previous]
            left.append(item)
        else:
            left.append(item)
