"""The rewrite rules of the normaliser, as data; `notation.py` explains the notation.

Each is proved by Z3 for all values at its exact widths, and shown to fire, when the tests run.
What they aim at: constants and masks outermost, shifts innermost, one constant an operation;
all tests as eq, eqz, lt_s, lt_u with constants to the right; 0/1 values as tests; of i64 what
fits in 32 bits as i64.extend_i32_u of an i32 computation.  Of two rules the first one wins.
"""

from __future__ import annotations

from typing import Final

RULES: Final = """\
# And
and-self: (iN.and x x) -> x
and-0: (iN.and x 0) -> 0
and-needless: (iN.and x c) -> x if (iN.eq (iN.or ones.x c) c)
and-least: (iN.and x c) -> (iN.and x (iN.and c ones.x)) if (iN.ne c (iN.and c ones.x))
and-extended: (i64.and (i64.extend_i32_u x) y) -> (i64.extend_i32_u (i32.and x (i32.wrap_i64 y)))
and-sign-extended: (i64.and (i64.extend_i32_s x) (i64.extend_i32_s y))
    -> (i64.extend_i32_s (i32.and x y))
and-and: (iN.and (iN.and x c1) c2) -> (iN.and x (iN.and c1 c2))
and-again: (iN.and x (iN.and x y)) -> (iN.and x y)
and-outward: (iN.and (iN.and x c) y) -> (iN.and (iN.and x y) c)
and-absorbs: (iN.and x (iN.or x y)) -> x
and-not: (iN.and x (iN.xor x -1)) -> 0
and-is-zero: (i32.and x (i32.eqz x)) -> 0
and-or: (iN.and (iN.or x c1) c2)
    -> (iN.add (iN.and x (iN.and c2 (iN.xor c1 -1))) (iN.and c1 c2))
and-xor: (iN.and (iN.xor x c1) c2) -> (iN.xor (iN.and x c2) (iN.and c1 c2))
and-shl: (iN.and (iN.shl x k) c) -> (iN.shl (iN.and x (iN.shr_u c k)) k)
and-aligned: (iN.and (iN.add x c1) c2) -> (iN.add (iN.and x c2) c1)
    if (iN.eq (iN.and c1 c2) c1), (iN.eq (iN.popcnt (iN.sub 0 c2)) 1)
and-narrow: (i64.and x c) -> (i64.extend_i32_u (i32.and (i32.wrap_i64 x) (i32.wrap_i64 c)))
    if (i64.lt_u c 0x100000000)

# Or
or-self: (iN.or x x) -> x
or-all: (iN.or x c) -> c if (iN.eq (iN.or ones.x c) c)
or-extended: (i64.or (i64.extend_i32_u x) (i64.extend_i32_u y)) -> (i64.extend_i32_u (i32.or x y))
or-extended-constant: (i64.or (i64.extend_i32_u x) c)
    -> (i64.extend_i32_u (i32.or x (i32.wrap_i64 c))) if (i64.lt_u c 0x100000000)
or-sign-extended: (i64.or (i64.extend_i32_s x) (i64.extend_i32_s y))
    -> (i64.extend_i32_s (i32.or x y))
or-disjoint: (iN.or x y) -> (iN.add x y) if (iN.eqz (iN.and ones.x ones.y))
or-or: (iN.or (iN.or x c1) c2) -> (iN.or x (iN.or c1 c2))
or-again: (iN.or x (iN.or x y)) -> (iN.or x y)
or-outward: (iN.or (iN.or x c) y) -> (iN.or (iN.or x y) c)
or-absorbs: (iN.or x (iN.and x y)) -> x
or-not: (iN.or x (iN.xor x -1)) -> -1
or-is-zero: (i32.or x (i32.eqz x)) -> 1 if (i32.eq ones.x 1)
or-mask: (iN.or (iN.and x c1) c2) -> (iN.or x c2)
    if (iN.eqz (iN.and ones.x (iN.xor (iN.or c1 c2) -1)))
or-part: (iN.or (iN.and x c1) c2) -> (iN.add (iN.and x (iN.and c1 (iN.xor c2 -1))) c2)

# Exclusive or
xor-self: (iN.xor x x) -> 0
xor-extended: (i64.xor (i64.extend_i32_u x) (i64.extend_i32_u y))
    -> (i64.extend_i32_u (i32.xor x y))
xor-extended-constant: (i64.xor (i64.extend_i32_u x) c)
    -> (i64.extend_i32_u (i32.xor x (i32.wrap_i64 c))) if (i64.lt_u c 0x100000000)
xor-sign-extended: (i64.xor (i64.extend_i32_s x) (i64.extend_i32_s y))
    -> (i64.extend_i32_s (i32.xor x y))
xor-xor: (iN.xor (iN.xor x c1) c2) -> (iN.xor x (iN.xor c1 c2))
xor-disjoint: (iN.xor x y) -> (iN.add x y) if (iN.eqz (iN.and ones.x ones.y))
xor-within: (iN.xor x c) -> (iN.sub c x) if (iN.eq (iN.or ones.x c) c)
xor-sign: (iN.xor x LEAST) -> (iN.add x LEAST)
xor-again: (iN.xor x (iN.xor x y)) -> y
xor-outward: (iN.xor (iN.xor x c) y) -> (iN.xor (iN.xor x y) c)

# Shifts and rotations; counts are below N already, and shl by a constant is a sum
shr_u-0: (iN.shr_u x 0) -> x
shr_s-0: (iN.shr_s x 0) -> x
shr_s-ones: (iN.shr_s -1 y) -> -1
shr_s-positive: (iN.shr_s x y) -> (iN.shr_u x y) if (iN.lt_u ones.x LEAST)
shr_u-shr_u: (iN.shr_u (iN.shr_u x c1) c2) -> (iN.shr_u x (iN.add c1 c2))
    if (iN.lt_u c1 N), (iN.lt_u c2 N), (iN.lt_u (iN.add c1 c2) N)
shr_s-shr_s: (iN.shr_s (iN.shr_s x c1) c2) -> (iN.shr_s x (iN.add c1 c2))
    if (iN.lt_u c1 N), (iN.lt_u c2 N), (iN.lt_u (iN.add c1 c2) N)
shr_s-far: (iN.shr_s (iN.shr_s x c1) c2) -> (iN.shr_s x LAST)
    if (iN.lt_u c1 N), (iN.lt_u c2 N), (iN.ge_u (iN.add c1 c2) N)
shr_u-shl: (iN.shr_u (iN.shl x k) c) -> (iN.and (iN.shr_u x (iN.sub c k)) (iN.shr_u -1 c))
    if (iN.lt_u c N), (iN.le_u k c)
shr_u-shl-back: (iN.shr_u (iN.shl x k) c) -> (iN.and (iN.shl x (iN.sub k c)) (iN.shr_u -1 c))
    if (iN.lt_u c k), (iN.lt_u k N)
shr_u-sign/32: (i32.shr_u x 31) -> (i32.lt_s x 0)
shr_u-sign/64: (i64.shr_u x 63) -> (i64.extend_i32_u (i64.lt_s x 0))
shr_u-and: (iN.shr_u (iN.and x c1) c2) -> (iN.and (iN.shr_u x c2) (iN.shr_u c1 c2))
shr_u-or: (iN.shr_u (iN.or x c1) c2) -> (iN.or (iN.shr_u x c2) (iN.shr_u c1 c2))
shr_u-xor: (iN.shr_u (iN.xor x c1) c2) -> (iN.xor (iN.shr_u x c2) (iN.shr_u c1 c2))
shr_u-extended: (i64.shr_u (i64.extend_i32_u x) c)
    -> (i64.extend_i32_u (i32.shr_u x (i32.wrap_i64 c))) if (i64.lt_u c 32)
shr_s-extended: (i64.shr_s (i64.extend_i32_s x) c)
    -> (i64.extend_i32_s (i32.shr_s x (i32.wrap_i64 c))) if (i64.lt_u c 32)
shr_s-extended-far: (i64.shr_s (i64.extend_i32_s x) c) -> (i64.extend_i32_s (i32.shr_s x 31))
    if (i64.ge_u c 32), (i64.lt_u c 64)
shr_s-and: (iN.shr_s (iN.and x c1) c2) -> (iN.shr_s x c2)
    if (iN.eqz (iN.shr_u (iN.xor c1 -1) c2))
shr_s-shl-and: (iN.shr_s (iN.shl (iN.and x c1) k) c2) -> (iN.shr_s (iN.shl x k) c2)
    if (iN.eqz (iN.shr_u (iN.shl (iN.xor c1 -1) k) c2))
shr_s-shl-wide: (i64.shr_s (i64.shl x k) c)
    -> (i64.extend_i32_s (i32.shr_s (i32.wrap_i64 (i64.shl x (i64.sub k 32)))
                                    (i32.wrap_i64 (i64.sub c 32))))
    if (i64.ge_u k 32), (i64.lt_u k 64), (i64.ge_u c 32), (i64.lt_u c 64)
rotr: (iN.rotr x y) -> (iN.rotl x (iN.sub 0 y))
rotl-0: (iN.rotl x 0) -> x
rotl-ones: (iN.rotl -1 x) -> -1
rotl-rotl: (iN.rotl (iN.rotl x y) z) -> (iN.rotl x (iN.add y z))
rotl-hole: (iN.rotl -2 x) -> (iN.xor (iN.shl 1 x) -1)

# Counted bits
popcnt-bit: (iN.popcnt (iN.and x c)) -> (iN.shr_u (iN.and x c) (iN.ctz c))
    if (iN.eq (iN.popcnt c) 1)

# Products and quotients; by zero they have the value that SMT-LIB gives them
mul-truths: (i32.mul x y) -> (i32.and x y) if (i32.eq ones.x 1), (i32.eq ones.y 1)
div_u-power: (iN.div_u x c) -> (iN.shr_u x (iN.ctz c)) if (iN.eq (iN.popcnt c) 1)
rem_u-power: (iN.rem_u x c) -> (iN.and x (iN.sub c 1)) if (iN.eq (iN.popcnt c) 1)
rem_u-small: (iN.rem_u x c) -> x if (iN.lt_u ones.x c)
div_s-positive: (iN.div_s x y) -> (iN.div_u x y) if (iN.lt_u ones.x LEAST), (iN.lt_u ones.y LEAST)
rem_s-positive: (iN.rem_s x y) -> (iN.rem_u x y) if (iN.lt_u ones.x LEAST), (iN.lt_u ones.y LEAST)
div_s-1: (iN.div_s x 1) -> x
div_s-minus-1: (iN.div_s x -1) -> (iN.sub 0 x)
rem_s-1: (iN.rem_s x 1) -> 0
rem_s-minus-1: (iN.rem_s x -1) -> 0
eqz-rem_s: (iN.eqz (iN.rem_s x c)) -> (iN.eqz (iN.and x (iN.sub c 1)))
    if (iN.eq (iN.popcnt c) 1)
eqz-rem_s-negative: (iN.eqz (iN.rem_s x c)) -> (iN.eqz (iN.and x (iN.sub -1 c)))
    if (iN.eq (iN.popcnt (iN.sub 0 c)) 1)

# Tests for equality
ne: (iN.ne x y) -> (i32.eqz (iN.eq x y))
eqz-eqz: (i32.eqz (i32.eqz x)) -> x if (i32.eq ones.x 1)
eqz-xor: (iN.eqz (iN.xor x y)) -> (iN.eq x y) if (iN.ne (iN.or ones.x ones.y) 1)
eqz-wrap: (i32.eqz (i32.wrap_i64 x)) -> (i64.eqz x) if (i64.lt_u ones.x 0x100000000)
eqz-extended: (i64.eqz (i64.extend_i32_u x)) -> (i32.eqz x)
eqz-sign-extended: (i64.eqz (i64.extend_i32_s x)) -> (i32.eqz x)
eqz-and-not: (i32.eqz (i32.and (i32.eqz x) y)) -> (i32.or x (i32.eqz y))
    if (i32.eq ones.x 1), (i32.eq ones.y 1)
eqz-clz: (iN.eqz (iN.clz x)) -> (iN.lt_s x 0)
eqz-ctz/32: (i32.eqz (i32.ctz x)) -> (i32.and x 1)
eqz-ctz/64: (i64.eqz (i64.ctz x)) -> (i32.wrap_i64 (i64.and x 1))
eqz-shr_u: (iN.eqz (iN.shr_u x c)) -> (iN.lt_u x (iN.shl 1 c))
eqz-and-shr_u: (iN.eqz (iN.and (iN.shr_u x c1) c2)) -> (iN.eqz (iN.and x (iN.shl c2 c1)))
eqz-high-bits: (iN.eqz (iN.and x c)) -> (iN.lt_u x (iN.sub 0 (iN.or c (iN.xor ones.x -1))))
    if (iN.eq (iN.popcnt (iN.sub 0 (iN.or c (iN.xor ones.x -1)))) 1)
eqz-shr_s: (iN.eqz (iN.shr_s x c)) -> (iN.eqz (iN.shr_u x c))
eq-shr_s: (iN.eq (iN.shr_s x c1) c2) -> (iN.eq (iN.shr_u x c1) (iN.and c2 (iN.shr_u -1 c1)))
    if (iN.eq (iN.shr_s (iN.shl c2 c1) c1) c2)
eq-truths: (i32.eq x y) -> (i32.eqz (i32.xor x y)) if (i32.eq ones.x 1), (i32.eq ones.y 1)
eq-never: (iN.eq x c) -> 0 if (iN.ne (iN.or ones.x c) ones.x)
eq-one-bit: (iN.eq x c) -> (i32.eqz (iN.eqz x)) if (iN.eq ones.x c), (iN.eq (iN.popcnt c) 1)
eq-xor: (iN.eq (iN.xor x c1) c2) -> (iN.eq x (iN.xor c1 c2))
eq-extended: (i64.eq (i64.extend_i32_u x) (i64.extend_i32_u y)) -> (i32.eq x y)
eq-extended-constant: (i64.eq (i64.extend_i32_u x) c) -> (i32.eq x (i32.wrap_i64 c))
    if (i64.lt_u c 0x100000000)
eq-sign-extended: (i64.eq (i64.extend_i32_s x) (i64.extend_i32_s y)) -> (i32.eq x y)
eq-sign-extended-constant: (i64.eq (i64.extend_i32_s x) c) -> (i32.eq x (i32.wrap_i64 c))
    if (i64.eq (i64.extend_i32_s (i32.wrap_i64 c)) c)
eq-sign-extended-never: (i64.eq (i64.extend_i32_s x) c) -> 0
    if (i64.ne (i64.extend_i32_s (i32.wrap_i64 c)) c)

# Tests for order
gt_s: (iN.gt_s x y) -> (iN.lt_s y x)
gt_u: (iN.gt_u x y) -> (iN.lt_u y x)
le_s: (iN.le_s x y) -> (i32.eqz (iN.lt_s y x))
le_u: (iN.le_u x y) -> (i32.eqz (iN.lt_u y x))
ge_s: (iN.ge_s x y) -> (i32.eqz (iN.lt_s x y))
ge_u: (iN.ge_u x y) -> (i32.eqz (iN.lt_u x y))
lt_s-self: (iN.lt_s x x) -> 0
lt_u-self: (iN.lt_u x x) -> 0
lt_s-below: (iN.lt_s MOST x) -> 0
lt_u-below: (iN.lt_u -1 x) -> 0
lt_s-turned: (iN.lt_s c x) -> (i32.eqz (iN.lt_s x (iN.add c 1))) if (iN.ne c MOST)
lt_u-turned: (iN.lt_u c x) -> (i32.eqz (iN.lt_u x (iN.add c 1))) if (iN.ne c -1)
lt_u-0: (iN.lt_u x 0) -> 0
lt_u-1: (iN.lt_u x 1) -> (iN.eqz x)
lt_u-most: (iN.lt_u x c) -> (i32.eqz (iN.eq x c)) if (iN.eq ones.x c)
lt_u-always: (iN.lt_u x c) -> 1 if (iN.lt_u ones.x c)
lt_s-least: (iN.lt_s x LEAST) -> 0
lt_s-least-1: (iN.lt_s x LEAST+1) -> (iN.eq x LEAST)
lt_s-most: (iN.lt_s x MOST) -> (i32.eqz (iN.eq x MOST))
lt_s-never: (iN.lt_s x c) -> 0 if (iN.lt_u ones.x LEAST), (iN.le_s c 0)
lt_s-low-bits: (i32.lt_s (i32.shr_s (i32.shl x k) c1) c2)
    -> (i32.eq (i32.and x (i32.and (i32.sub 0 (i32.add c2 (i32.shl 1 (i32.sub 31 k))))
                                   (i32.shr_u -1 k)))
               (i32.shl 1 (i32.sub 31 k)))
    if (i32.eq c1 k), (i32.lt_s c2 0),
       (i32.eq (i32.popcnt (i32.add c2 (i32.shl 1 (i32.sub 31 k)))) 1)
lt_s-positive: (iN.lt_s x y) -> (iN.lt_u x y) if (iN.lt_u ones.x LEAST), (iN.lt_u ones.y LEAST)
lt_s-sign-shr_s: (iN.lt_s (iN.shr_s x y) 0) -> (iN.lt_s x 0)
lt_s-sign-and: (iN.lt_s (iN.and x c) 0) -> (iN.lt_s x 0) if (iN.lt_s c 0)
lt_s-sign-xor: (iN.lt_s (iN.xor x c) 0) -> (i32.eqz (iN.lt_s x 0)) if (iN.lt_s c 0)
lt_s-sign-shl: (iN.lt_s (iN.shl x k) 0)
    -> (i32.eqz (iN.eqz (iN.and x (iN.shl 1 (iN.sub LAST k)))))
lt_u-shr_s: (iN.lt_u (iN.shr_s x c1) c2) -> (iN.lt_u (iN.shr_u x c1) c2)
    if (iN.le_u c2 (iN.shl 1 (iN.sub LAST c1)))
lt_u-doubled: (iN.lt_u (iN.shl x k) c)
    -> (iN.lt_u (iN.and x MOST) (iN.add (iN.shr_u c 1) (iN.and c 1))) if (iN.eq k 1)
lt_u-ctz: (iN.lt_u (iN.ctz x) c) -> (i32.eqz (iN.eqz (iN.and x (iN.sub (iN.shl 1 c) 1))))
    if (iN.lt_u c N)
lt_u-truth: (i32.lt_u x y) -> (i32.and (i32.eqz x) y) if (i32.eq ones.y 1)
lt_u-extended: (i64.lt_u (i64.extend_i32_u x) (i64.extend_i32_u y)) -> (i32.lt_u x y)
lt_u-extended-constant: (i64.lt_u (i64.extend_i32_u x) c) -> (i32.lt_u x (i32.wrap_i64 c))
    if (i64.lt_u c 0x100000000)
lt_u-sign-extended: (i64.lt_u (i64.extend_i32_s x) (i64.extend_i32_s y)) -> (i32.lt_u x y)
lt_s-sign-extended: (i64.lt_s (i64.extend_i32_s x) (i64.extend_i32_s y)) -> (i32.lt_s x y)
lt_s-sign-extended-constant: (i64.lt_s (i64.extend_i32_s x) c) -> (i32.lt_s x (i32.wrap_i64 c))
    if (i64.eq (i64.extend_i32_s (i32.wrap_i64 c)) c)

# Widening and narrowing
wrap-extended: (i32.wrap_i64 (i64.extend_i32_u x)) -> x
wrap-sign-extended: (i32.wrap_i64 (i64.extend_i32_s x)) -> x
wrap-shr_s: (i32.wrap_i64 (i64.shr_s x c)) -> (i32.wrap_i64 (i64.shr_u x c)) if (i64.le_u c 32)
extend-wrap: (i64.extend_i32_u (i32.wrap_i64 x)) -> x if (i64.lt_u ones.x 0x100000000)
extend_s-positive: (i64.extend_i32_s x) -> (i64.extend_i32_u x) if (i32.lt_u ones.x LEAST)
extend_s-wrap-shr_s: (i64.extend_i32_s (i32.wrap_i64 (i64.shr_s x c))) -> (i64.shr_s x c)
    if (i64.ge_u c 32), (i64.lt_u c 64)
extend_s-wrap-shr_u: (i64.extend_i32_s (i32.wrap_i64 (i64.shr_u x 32))) -> (i64.shr_s x 32)
extend8_s/32: (i32.extend8_s x) -> (i32.shr_s (i32.shl x 24) 24)
extend16_s/32: (i32.extend16_s x) -> (i32.shr_s (i32.shl x 16) 16)
extend8_s/64: (i64.extend8_s x) -> (i64.extend_i32_s (i32.extend8_s (i32.wrap_i64 x)))
extend16_s/64: (i64.extend16_s x) -> (i64.extend_i32_s (i32.extend16_s (i32.wrap_i64 x)))
extend32_s: (i64.extend32_s x) -> (i64.extend_i32_s (i32.wrap_i64 x))

# Floats, as far as they are bits
neg-neg: (fN.neg (fN.neg x)) -> x
abs-abs: (fN.abs (fN.abs x)) -> (fN.abs x)
abs-neg: (fN.abs (fN.neg x)) -> (fN.abs x)
abs-copysign: (fN.abs (fN.copysign x y)) -> (fN.abs x)
copysign-self: (fN.copysign x x) -> x
copysign-neg: (fN.copysign (fN.neg x) y) -> (fN.copysign x y)
copysign-abs: (fN.copysign (fN.abs x) y) -> (fN.copysign x y)
copysign-copysign: (fN.copysign (fN.copysign x y) z) -> (fN.copysign x z)
copysign-of-copysign: (fN.copysign x (fN.copysign y z)) -> (fN.copysign x z)
copysign-positive: (fN.copysign x c) -> (fN.abs x)
    if (iN.ge_s (iN.reinterpret_fN c) 0)
copysign-negative: (fN.copysign x c) -> (fN.neg (fN.abs x))
    if (iN.lt_s (iN.reinterpret_fN c) 0)
copysign-of-abs: (fN.copysign x (fN.abs y)) -> (fN.abs x)
reinterpret-integer: (fN.reinterpret_iN (iN.reinterpret_fN x)) -> x
reinterpret-float: (iN.reinterpret_fN (fN.reinterpret_iN x)) -> x
float-ne: (fN.ne x y) -> (i32.eqz (fN.eq x y))
float-gt: (fN.gt x y) -> (fN.lt y x)
float-ge: (fN.ge x y) -> (fN.le y x)
"""
