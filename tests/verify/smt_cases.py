"""Terms to ask the solver about."""

from __future__ import annotations

from wasmopt.opcodes import BY_MNEMONIC
from wasmopt.verify.smt import Answer, Budget, Equal, Model, Solver
from wasmopt.verify.terms import BOOL, STATE, Arena, Term

NO_SAMPLES = Budget(sampled=-1)


class Terms:
    """Makes terms as they stand: without a normaliser nothing is equal before Z3 says so."""

    def __init__(self) -> None:
        self.arena = Arena()
        self.true = self.arena.node("true", BOOL)
        self.false = self.arena.node("false", BOOL)
        self.x, self.y, self.z = [self.arena.symbol("i32", name) for name in "xyz"]
        self.a, self.b, self.c = [self.arena.symbol("i64", name) for name in "abc"]
        self.f, self.g = [self.arena.symbol("f64", name) for name in "fg"]
        self.v, self.w = [self.arena.symbol("v128", name) for name in "vw"]
        self.memory = self.arena.symbol(STATE, "memory")

    def __call__(self, mnemonic: str, *args: Term | int) -> Term:
        """An instruction; numbers become constants of the sort that it takes there."""
        row = BY_MNEMONIC[mnemonic]
        assert row.operands is not None
        assert row.results is not None
        operands = [
            self.number(arg, sort) if isinstance(arg, int) else arg
            for arg, sort in zip(args, row.operands, strict=True)
        ]
        return self.arena.node(mnemonic, row.results[0], tuple(operands))

    def number(self, value: int, sort: str = "i32") -> Term:
        return self.arena.constant(sort, value)

    def unknown(self, op: str, sort: str, *args: Term, ones: int | None = None) -> Term:
        term = self.arena.node(op, sort, args, "payload")
        if ones is not None:
            term.ones = ones
        return term

    def ite(self, atom: Term, high: Term, low: Term) -> Term:
        return self.arena.node("ite", high.sort, (atom, high, low))

    def holds(self, atom: Term) -> Term:
        return self.ite(atom, self.true, self.false)

    def ask(self, first: Term, second: Term, under: Term | None = None) -> Answer:
        """The answer of Z3, which samples only get ahead of."""
        answer = Solver(self.arena, NO_SAMPLES).equal(first, second, under)
        early = Solver(self.arena, Budget()).equal(first, second, under)
        if isinstance(answer, Equal | Model):
            assert type(early) is type(answer)
        return answer


def equalities(t: Terms) -> dict[str, tuple[Term, Term]]:
    """Pairs that no sum or mask shows to be equal."""
    x, y, z, a, b, c = t.x, t.y, t.z, t.a, t.b, t.c
    return {
        "or plus and": (t("i32.add", t("i32.or", x, y), t("i32.and", x, y)), t("i32.add", x, y)),
        "or plus and, 64": (
            t("i64.add", t("i64.or", a, b), t("i64.and", a, b)),
            t("i64.add", a, b),
        ),
        "xor as or minus and": (
            t("i64.sub", t("i64.or", a, b), t("i64.and", a, b)),
            t("i64.xor", a, b),
        ),
        "bit 1 of a square": (t("i32.and", t("i32.mul", x, x), 2), t.number(0)),
        "bit 1 of a square, 64": (t("i64.and", t("i64.mul", a, a), 2), t.number(0, "i64")),
        "distribution": (
            t("i64.mul", a, t("i64.add", b, c)),
            t("i64.add", t("i64.mul", a, b), t("i64.mul", a, c)),
        ),
        "rotation as two shifts": (
            t("i64.rotl", a, 13),
            t("i64.or", t("i64.shl", a, 13), t("i64.shr_u", a, 51)),
        ),
        "rotation left as right": (
            t("i32.rotl", x, y),
            t("i32.rotr", x, t("i32.sub", 0, y)),
        ),
        "shift counts are modulo 64": (
            t("i64.shl", a, t("i64.add", b, 64)),
            t("i64.shl", a, b),
        ),
        "signed division by 8": (
            t("i32.div_s", x, 8),
            t("i32.shr_s", t("i32.add", x, t("i32.shr_u", t("i32.shr_s", x, 31), 29)), 3),
        ),
        "trailing zeros counted": (
            t("i64.ctz", a),
            t("i64.popcnt", t("i64.and", t("i64.sub", a, 1), t("i64.xor", a, (1 << 64) - 1))),
        ),
        "half of a product of halves": (
            t("i32.wrap_i64", t("i64.mul", a, b)),
            t("i32.mul", t("i32.wrap_i64", a), t("i32.wrap_i64", b)),
        ),
        "min by arithmetic": (
            t.ite(t("i32.lt_s", x, y), x, y),
            t(
                "i32.xor",
                y,
                t("i32.and", t("i32.xor", x, y), t("i32.sub", 0, t("i32.lt_s", x, y))),
            ),
        ),
        "sum node": (
            t.arena.node("i32.sum", "i32", (x, y, z), (7, (4, 0xFFFF_FFFF, 1))),
            t("i32.add", t("i32.sub", t("i32.shl", x, 2), y), t("i32.add", z, 7)),
        ),
        "float comparison turned": (t("f64.lt", t.f, t.g), t("f64.gt", t.g, t.f)),
        "sign of a float": (
            t("i64.reinterpret_f64", t("f64.neg", t.f)),
            t("i64.xor", t("i64.reinterpret_f64", t.f), 1 << 63),
        ),
        "float arithmetic on equal operands": (
            t("f64.add", t.f, t("f64.neg", t("f64.neg", t.g))),
            t("f64.add", t.f, t.g),
        ),
        "vector arithmetic on equal operands": (
            t("i8x16.add", t("i8x16.splat", t("i32.or", x, x)), t.v),
            t("i8x16.add", t("i8x16.splat", x), t.v),
        ),
    }


def inequalities(t: Terms) -> dict[str, tuple[Term, Term]]:
    """Pairs with meanings throughout, so that any model of them is a counterexample."""
    x, y, a, b = t.x, t.y, t.a, t.b
    return {
        "swapped operands": (t("i32.sub", x, y), t("i32.sub", y, x)),
        "off by one": (t("i64.add", a, b), t("i64.add", t("i64.add", a, 1), b)),
        "only at the least number": (
            t("i32.lt_s", t("i32.sub", x, y), 0),
            t("i32.lt_s", x, y),
        ),
        "only above 2**32": (
            t("i64.extend_i32_u", t("i32.wrap_i64", a)),
            a,
        ),
        "sign of an extension": (t("i64.extend_i32_s", x), t("i64.extend_i32_u", x)),
        "shift count of 32": (
            t("i32.wrap_i64", t("i64.shl", t("i64.extend_i32_u", x), t("i64.extend_i32_u", y))),
            t("i32.shl", x, y),
        ),
        "one pattern of 2**64": (t("i64.eq", a, 0x1234_5678_9ABC_DEF0), t.number(0)),
        "NaN": (t("i32.eqz", t("f64.lt", t.f, t.g)), t("f64.ge", t.f, t.g)),
        "minus zero": (
            t("f64.eq", t.f, t.g),
            t("i64.eq", t("i64.reinterpret_f64", t.f), t("i64.reinterpret_f64", t.g)),
        ),
        "a constant for a symbol": (x, t.number(7)),
    }


def chain(t: Terms, length: int) -> Term:
    """A term that is costly to spell out."""
    term = t.x
    for number in range(length):
        term = t("i32.xor", t("i32.mul", term, 2 * number + 3), t.y)
    return term


def hard(t: Terms) -> tuple[Term, Term]:
    """Equal, but not shown to be by any means that is at hand: x / 10 by a multiplication."""
    wide = t("i64.mul", t("i64.extend_i32_u", t.x), 0xCCCC_CCCD)
    return t("i32.div_u", t.x, 10), t("i32.wrap_i64", t("i64.shr_u", wide, 35))
