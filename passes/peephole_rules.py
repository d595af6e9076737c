"""The rules of peepholes, as data.

    swap-and-shr_u: iN.const c, iN.and, iN.const k, iN.shr_u
        -> iN.const k, iN.shr_u, iN.const [c k iN.shr_u], iN.and

`name: pattern -> replacement`, then `where` and conditions.  Both sides are instructions one behind
the other, as in a body: WebAssembly is postfix, so what they work on is whatever lies on the stack
before them.  With `N` it is two rules, for 32 and 64 bits.  In a rule:

    c, d, k          any constant of the type of its `const`
    [c k iN.shr_u]   a constant computed by instructions; conditions are of this form and hold
                     where they give something else than 0
    m                the immediates of a load, store or branch, the same on both sides
    {test}           an integer or float comparison or `eqz`, the same on both sides
    {fork}           what only asks whether a number is 0: `br_if`, `if` or `select`

A rule is applied where that makes the code shorter.  Of two rules the first one wins.  Each is
proved by Z3 for all operands and constants, and shown to fire, when the tests run.  What each saves
in real modules is in docs/peepholes.md; `make mine` searches for more.
"""

from __future__ import annotations

from typing import Final

RULES: Final = """\
# What does nothing
add-0: iN.const 0, iN.add ->
sub-0: iN.const 0, iN.sub ->
or-0: iN.const 0, iN.or ->
xor-0: iN.const 0, iN.xor ->
shl-0: iN.const 0, iN.shl ->
shr_u-0: iN.const 0, iN.shr_u ->
shr_s-0: iN.const 0, iN.shr_s ->
rotl-0: iN.const 0, iN.rotl ->
and-all: iN.const -1, iN.and ->
mul-1: iN.const 1, iN.mul ->
neg-neg: fN.neg, fN.neg ->
not-not: iN.const -1, iN.xor, iN.const -1, iN.xor ->
wrap-extend_u: i64.extend_i32_u, i32.wrap_i64 ->
wrap-extend_s: i64.extend_i32_s, i32.wrap_i64 ->
reinterpret-int: iN.reinterpret_fN, fN.reinterpret_iN ->
reinterpret-float: fN.reinterpret_iN, iN.reinterpret_fN ->

# Tests
eq-0: iN.const 0, iN.eq -> iN.eqz
eqz-ne-0: iN.const 0, iN.ne, i32.eqz -> iN.eqz
eqz-sub: iN.sub, iN.eqz -> iN.eq
eqz-xor: iN.xor, iN.eqz -> iN.eq
ne-sub: iN.sub, iN.const 0, iN.ne -> iN.ne
ne-xor: iN.xor, iN.const 0, iN.ne -> iN.ne
eqz-eq: iN.eq, i32.eqz -> iN.ne
eqz-ne: iN.ne, i32.eqz -> iN.eq
eqz-lt_s: iN.lt_s, i32.eqz -> iN.ge_s
eqz-lt_u: iN.lt_u, i32.eqz -> iN.ge_u
eqz-gt_s: iN.gt_s, i32.eqz -> iN.le_s
eqz-gt_u: iN.gt_u, i32.eqz -> iN.le_u
eqz-le_s: iN.le_s, i32.eqz -> iN.gt_s
eqz-le_u: iN.le_u, i32.eqz -> iN.gt_u
eqz-ge_s: iN.ge_s, i32.eqz -> iN.lt_s
eqz-ge_u: iN.ge_u, i32.eqz -> iN.lt_u
eqz-float-eq: fN.eq, i32.eqz -> fN.ne
eqz-float-ne: fN.ne, i32.eqz -> fN.eq
eqz-eqz-test: {test}, i32.eqz, i32.eqz -> {test}
ne-0-test: {test}, i32.const 0, i32.ne -> {test}
eq-1-test: {test}, i32.const 1, i32.eq -> {test}
and-1-test: {test}, i32.const 1, i32.and -> {test}
xor-1-test: {test}, i32.const 1, i32.xor -> {test}, i32.eqz
ne-1-test: {test}, i32.const 1, i32.ne -> {test}, i32.eqz
sign-not: iN.const -1, iN.xor, iN.const 0, iN.lt_s -> iN.const -1, iN.gt_s
shr_u-not: i32.const -1, i32.xor, i32.const 31, i32.shr_u -> i32.const -1, i32.gt_s
eqz-extend_u: i64.extend_i32_u, i64.eqz -> i32.eqz
eqz-extend_s: i64.extend_i32_s, i64.eqz -> i32.eqz
eq-extend_u: i64.extend_i32_u, i64.const c, i64.eq -> i32.const [c i32.wrap_i64], i32.eq
    where c 0x100000000 i64.lt_u
ne-extend_u: i64.extend_i32_u, i64.const c, i64.ne -> i32.const [c i32.wrap_i64], i32.ne
    where c 0x100000000 i64.lt_u
lt_u-extend_u: i64.extend_i32_u, i64.const c, i64.lt_u -> i32.const [c i32.wrap_i64], i32.lt_u
    where c 0x100000000 i64.lt_u
gt_u-extend_u: i64.extend_i32_u, i64.const c, i64.gt_u -> i32.const [c i32.wrap_i64], i32.gt_u
    where c 0x100000000 i64.lt_u
eq-masked-bit: iN.const c, iN.and, iN.const c, iN.eq -> iN.const c, iN.and, iN.eqz, i32.eqz
    where c iN.popcnt 1 iN.eq
ne-masked-bit: iN.const c, iN.and, iN.const c, iN.ne -> iN.const c, iN.and, iN.eqz
    where c iN.popcnt 1 iN.eq
lt_u-1: iN.const 1, iN.lt_u -> iN.eqz
le_u-0: iN.const 0, iN.le_u -> iN.eqz
gt_u-0: iN.const 0, iN.gt_u, i32.eqz -> iN.eqz

# Where only zero or not matters
fork-ne-0: i32.const 0, i32.ne, {fork} -> {fork}
fork-gt_u-0: i32.const 0, i32.gt_u, {fork} -> {fork}
fork-eqz-eqz: i32.eqz, i32.eqz, {fork} -> {fork}
fork-ne-0-or: i32.const 0, i32.ne, i32.or, {fork} -> i32.or, {fork}
fork-ge_u: i32.const c, i32.ge_u, {fork} -> i32.const [c i32.ctz], i32.shr_u, {fork}
    where c i32.popcnt 1 i32.eq
fork-gt_u: i32.const c, i32.gt_u, {fork} -> i32.const [c i32.popcnt], i32.shr_u, {fork}
    where c 1 i32.add i32.popcnt 1 i32.eq
eqz-eqz-eqz: i32.eqz, i32.eqz, i32.eqz -> i32.eqz

# Two constants
add-add: iN.const c, iN.add, iN.const d, iN.add -> iN.const [c d iN.add], iN.add
add-sub: iN.const c, iN.add, iN.const d, iN.sub -> iN.const [c d iN.sub], iN.add
sub-add: iN.const c, iN.sub, iN.const d, iN.add -> iN.const [d c iN.sub], iN.add
sub-sub: iN.const c, iN.sub, iN.const d, iN.sub -> iN.const [c d iN.add], iN.sub
and-and: iN.const c, iN.and, iN.const d, iN.and -> iN.const [c d iN.and], iN.and
or-or: iN.const c, iN.or, iN.const d, iN.or -> iN.const [c d iN.or], iN.or
xor-xor: iN.const c, iN.xor, iN.const d, iN.xor -> iN.const [c d iN.xor], iN.xor
mul-mul: iN.const c, iN.mul, iN.const d, iN.mul -> iN.const [c d iN.mul], iN.mul
add-shl-add: iN.const c, iN.add, iN.const k, iN.shl, iN.const d, iN.add
    -> iN.const k, iN.shl, iN.const [d c k iN.shl iN.add], iN.add
add-shl-sub: iN.const c, iN.add, iN.const k, iN.shl, iN.const d, iN.sub
    -> iN.const k, iN.shl, iN.const [d c k iN.shl iN.sub], iN.sub
sub-shl-add: iN.const c, iN.sub, iN.const k, iN.shl, iN.const d, iN.add
    -> iN.const k, iN.shl, iN.const [d c k iN.shl iN.sub], iN.add
sub-shl-sub: iN.const c, iN.sub, iN.const k, iN.shl, iN.const d, iN.sub
    -> iN.const k, iN.shl, iN.const [d c k iN.shl iN.add], iN.sub

# Shorter constants
add-negative: iN.const c, iN.add -> iN.const [0 c iN.sub], iN.sub
sub-negative: iN.const c, iN.sub -> iN.const [0 c iN.sub], iN.add
mul-power: iN.const c, iN.mul -> iN.const [c iN.ctz], iN.shl where c iN.popcnt 1 iN.eq
swap-and-shr_u: iN.const c, iN.and, iN.const k, iN.shr_u
    -> iN.const k, iN.shr_u, iN.const [c k iN.shr_u], iN.and
swap-and-shl: iN.const c, iN.and, iN.const k, iN.shl
    -> iN.const k, iN.shl, iN.const [c k iN.shl], iN.and
swap-shr_u-and: iN.const k, iN.shr_u, iN.const c, iN.and
    -> iN.const [c k iN.shl], iN.and, iN.const k, iN.shr_u
    where c k iN.shl k iN.shr_u c iN.eq
mask-shr_u: iN.const k, iN.shr_u, iN.const c, iN.and
    -> iN.const k, iN.shr_u, iN.const [c -1 k iN.shr_u -1 iN.xor iN.or], iN.and
swap-shl-and: iN.const k, iN.shl, iN.const c, iN.and
    -> iN.const [c k iN.shr_u], iN.and, iN.const k, iN.shl
mask-shl: iN.const k, iN.shl, iN.const c, iN.and
    -> iN.const k, iN.shl, iN.const [c 1 k iN.shl 1 iN.sub iN.or], iN.and
mask-word: i64.const 0xffffffff, i64.and -> i32.wrap_i64, i64.extend_i32_u
swap-shl-shr_u: iN.const k, iN.shl, iN.const k, iN.shr_u
    -> iN.const [-1 k iN.shr_u], iN.and

lt_s-less: iN.const c, iN.lt_s -> iN.const [c 1 iN.sub], iN.le_s where c 1 iN.sub c iN.lt_s
lt_u-less: iN.const c, iN.lt_u -> iN.const [c 1 iN.sub], iN.le_u where c 1 iN.sub c iN.lt_u
ge_s-less: iN.const c, iN.ge_s -> iN.const [c 1 iN.sub], iN.gt_s where c 1 iN.sub c iN.lt_s
ge_u-less: iN.const c, iN.ge_u -> iN.const [c 1 iN.sub], iN.gt_u where c 1 iN.sub c iN.lt_u
le_s-more: iN.const c, iN.le_s -> iN.const [c 1 iN.add], iN.lt_s where c c 1 iN.add iN.lt_s
le_u-more: iN.const c, iN.le_u -> iN.const [c 1 iN.add], iN.lt_u where c c 1 iN.add iN.lt_u
gt_s-more: iN.const c, iN.gt_s -> iN.const [c 1 iN.add], iN.ge_s where c c 1 iN.add iN.lt_s
gt_u-more: iN.const c, iN.gt_u -> iN.const [c 1 iN.add], iN.ge_u where c c 1 iN.add iN.lt_u

field: iN.const k, iN.shr_u, iN.const c, iN.and
    -> iN.const [c iN.clz k iN.sub], iN.shl, iN.const [c iN.clz], iN.shr_u
    where c 1 iN.add iN.popcnt 1 iN.eq k c iN.clz iN.le_u i32.and c 0 iN.ne i32.and
field-shl: iN.const c, iN.and, iN.const k, iN.shl
    -> iN.const [c iN.clz], iN.shl, iN.const [c iN.clz k iN.sub], iN.shr_u
    where c 1 iN.add iN.popcnt 1 iN.eq k c iN.clz iN.le_u i32.and c 0 iN.ne i32.and
magnitude-lt_u: iN.const c, iN.and, iN.const d, iN.lt_u
    -> iN.const 1, iN.shl, iN.const [d 1 iN.shl], iN.lt_u
    where c -1 1 iN.shr_u iN.eq d 0 iN.ge_s i32.and
magnitude-le_u: iN.const c, iN.and, iN.const d, iN.le_u
    -> iN.const 1, iN.shl, iN.const [d 1 iN.shl], iN.le_u
    where c -1 1 iN.shr_u iN.eq d 0 iN.ge_s i32.and
magnitude-gt_u: iN.const c, iN.and, iN.const d, iN.gt_u
    -> iN.const 1, iN.shl, iN.const [d 1 iN.shl], iN.gt_u
    where c -1 1 iN.shr_u iN.eq d 0 iN.ge_s i32.and
magnitude-ge_u: iN.const c, iN.and, iN.const d, iN.ge_u
    -> iN.const 1, iN.shl, iN.const [d 1 iN.shl], iN.ge_u
    where c -1 1 iN.shr_u iN.eq d 0 iN.ge_s i32.and

# Widths
wrap-and: i64.const c, i64.and, i32.wrap_i64 -> i32.wrap_i64, i32.const [c i32.wrap_i64], i32.and
wrap-or: i64.const c, i64.or, i32.wrap_i64 -> i32.wrap_i64, i32.const [c i32.wrap_i64], i32.or
wrap-xor: i64.const c, i64.xor, i32.wrap_i64 -> i32.wrap_i64, i32.const [c i32.wrap_i64], i32.xor
wrap-add: i64.const c, i64.add, i32.wrap_i64 -> i32.wrap_i64, i32.const [c i32.wrap_i64], i32.add
wrap-mul: i64.const c, i64.mul, i32.wrap_i64 -> i32.wrap_i64, i32.const [c i32.wrap_i64], i32.mul
extend_u-shr_u-wrap: i64.extend_i32_u, i64.const k, i64.shr_u, i32.wrap_i64
    -> i32.const [k i32.wrap_i64], i32.shr_u where k 32 i64.lt_u
extend_u-and: i64.extend_i32_u, i64.const c, i64.and
    -> i32.const [c i32.wrap_i64], i32.and, i64.extend_i32_u
extend_u-extend_s: i64.extend_i32_u, i64.const 32, i64.shl, i64.const 32, i64.shr_s
    -> i64.extend_i32_s
extend_u-again: i64.extend_i32_u, i64.const 0xffffffff, i64.and -> i64.extend_i32_u

# Memory
load8_u-and: i32.load8_u m, i32.const 255, i32.and -> i32.load8_u m
load16_u-and: i32.load16_u m, i32.const 65535, i32.and -> i32.load16_u m
load8_u-and-1: i32.load8_s m, i32.const 255, i32.and -> i32.load8_u m
load16_s-and: i32.load16_s m, i32.const 65535, i32.and -> i32.load16_u m
load8_u-mask: iN.load8_u m, iN.const c, iN.and
    -> iN.load8_u m, iN.const [c iN.extend8_s], iN.and where c 256 iN.lt_u
load16_u-mask: iN.load16_u m, iN.const c, iN.and
    -> iN.load16_u m, iN.const [c iN.extend16_s], iN.and where c 65536 iN.lt_u
load32_u-mask: i64.load32_u m, i64.const c, i64.and
    -> i64.load32_u m, i64.const [c i64.extend32_s], i64.and where c 0x100000000 i64.lt_u
load8-bit: iN.load8_u m, iN.const 128, iN.and, iN.eqz
    -> iN.load8_s m, iN.const 0, iN.ge_s
load8-sign: i32.load8_u m, i32.const 24, i32.shl, i32.const 24, i32.shr_s -> i32.load8_s m
load16-sign: i32.load16_u m, i32.const 16, i32.shl, i32.const 16, i32.shr_s -> i32.load16_s m
load8-extend: i32.load8_u m, i32.extend8_s -> i32.load8_s m
load16-extend: i32.load16_u m, i32.extend16_s -> i32.load16_s m
load-extend_u: i32.load m, i64.extend_i32_u -> i64.load32_u m
load-extend_s: i32.load m, i64.extend_i32_s -> i64.load32_s m
load8-extend_u: i32.load8_u m, i64.extend_i32_u -> i64.load8_u m
load16-extend_u: i32.load16_u m, i64.extend_i32_u -> i64.load16_u m
load8-extend_s: i32.load8_s m, i64.extend_i32_s -> i64.load8_s m
load16-extend_s: i32.load16_s m, i64.extend_i32_s -> i64.load16_s m
load32_u-wrap: i64.load32_u m, i32.wrap_i64 -> i32.load m
load32_s-wrap: i64.load32_s m, i32.wrap_i64 -> i32.load m
load8_u-wrap: i64.load8_u m, i32.wrap_i64 -> i32.load8_u m
load16_u-wrap: i64.load16_u m, i32.wrap_i64 -> i32.load16_u m
load8_s-wrap: i64.load8_s m, i32.wrap_i64 -> i32.load8_s m
load16_s-wrap: i64.load16_s m, i32.wrap_i64 -> i32.load16_s m
load32-and: i64.load32_s m, i64.const 0xffffffff, i64.and -> i64.load32_u m
load-float: i32.load m, f32.reinterpret_i32 -> f32.load m
load-double: i64.load m, f64.reinterpret_i64 -> f64.load m
load-bits: f32.load m, i32.reinterpret_f32 -> i32.load m
load-bits-64: f64.load m, i64.reinterpret_f64 -> i64.load m
store8-and: i32.const 255, i32.and, i32.store8 m -> i32.store8 m
store16-and: i32.const 65535, i32.and, i32.store16 m -> i32.store16 m
store8-const: iN.const c, iN.store8 m -> iN.const [c iN.extend8_s], iN.store8 m
store16-const: iN.const c, iN.store16 m -> iN.const [c iN.extend16_s], iN.store16 m
store32-const: i64.const c, i64.store32 m -> i64.const [c i64.extend32_s], i64.store32 m
store8-mask: iN.const c, iN.and, iN.store8 m -> iN.const [c iN.extend8_s], iN.and, iN.store8 m
store16-mask: iN.const c, iN.and, iN.store16 m -> iN.const [c iN.extend16_s], iN.and, iN.store16 m
store8-or: iN.const c, iN.or, iN.store8 m -> iN.const [c iN.extend8_s], iN.or, iN.store8 m
store16-or: iN.const c, iN.or, iN.store16 m -> iN.const [c iN.extend16_s], iN.or, iN.store16 m
store8-xor: iN.const c, iN.xor, iN.store8 m -> iN.const [c iN.extend8_s], iN.xor, iN.store8 m
store16-xor: iN.const c, iN.xor, iN.store16 m -> iN.const [c iN.extend16_s], iN.xor, iN.store16 m
store8-add: iN.const c, iN.add, iN.store8 m -> iN.const [c iN.extend8_s], iN.add, iN.store8 m
store16-add: iN.const c, iN.add, iN.store16 m -> iN.const [c iN.extend16_s], iN.add, iN.store16 m
store8-extend: i32.extend8_s, i32.store8 m -> i32.store8 m
store16-extend: i32.extend16_s, i32.store16 m -> i32.store16 m
store-wrap: i32.wrap_i64, i32.store m -> i64.store32 m
store8-wrap: i32.wrap_i64, i32.store8 m -> i64.store8 m
store16-wrap: i32.wrap_i64, i32.store16 m -> i64.store16 m
store8-extend_u: i64.extend_i32_u, i64.store8 m -> i32.store8 m
store16-extend_u: i64.extend_i32_u, i64.store16 m -> i32.store16 m
store32-extend_u: i64.extend_i32_u, i64.store32 m -> i32.store m
store-reinterpret: i32.reinterpret_f32, i32.store m -> f32.store m
store-reinterpret-64: i64.reinterpret_f64, i64.store m -> f64.store m
store-float: f32.reinterpret_i32, f32.store m -> i32.store m
store-double: f64.reinterpret_i64, f64.store m -> i64.store m

# Sign extension, where the module has it already
extend8-shifts: i32.const 24, i32.shl, i32.const 24, i32.shr_s -> i32.extend8_s
extend16-shifts: i32.const 16, i32.shl, i32.const 16, i32.shr_s -> i32.extend16_s
extend8-shifts-64: i64.const 56, i64.shl, i64.const 56, i64.shr_s -> i64.extend8_s
extend16-shifts-64: i64.const 48, i64.shl, i64.const 48, i64.shr_s -> i64.extend16_s
extend32-shifts: i64.const 32, i64.shl, i64.const 32, i64.shr_s -> i64.extend32_s
extend8-eqz: iN.const 255, iN.and, iN.eqz -> iN.extend8_s, iN.eqz
extend16-eqz: iN.const 65535, iN.and, iN.eqz -> iN.extend16_s, iN.eqz
extend8-eq: iN.const 255, iN.and, iN.const c, iN.eq
    -> iN.extend8_s, iN.const [c iN.extend8_s], iN.eq
    where c 256 iN.lt_u
extend8-ne: iN.const 255, iN.and, iN.const c, iN.ne
    -> iN.extend8_s, iN.const [c iN.extend8_s], iN.ne
    where c 256 iN.lt_u
extend16-eq: iN.const 65535, iN.and, iN.const c, iN.eq
    -> iN.extend16_s, iN.const [c iN.extend16_s], iN.eq where c 65536 iN.lt_u
extend16-ne: iN.const 65535, iN.and, iN.const c, iN.ne
    -> iN.extend16_s, iN.const [c iN.extend16_s], iN.ne where c 65536 iN.lt_u
extend8-lt_u: i32.const 255, i32.and, i32.const c, i32.lt_u
    -> i32.extend8_s, i32.const c, i32.lt_u where c 129 i32.lt_u
extend8-le_u: i32.const 255, i32.and, i32.const c, i32.le_u
    -> i32.extend8_s, i32.const c, i32.le_u where c 128 i32.lt_u
extend8-gt_u: i32.const 255, i32.and, i32.const c, i32.gt_u
    -> i32.extend8_s, i32.const c, i32.gt_u where c 128 i32.lt_u
extend8-ge_u: i32.const 255, i32.and, i32.const c, i32.ge_u
    -> i32.extend8_s, i32.const c, i32.ge_u where c 129 i32.lt_u
extend16-lt_u: i32.const 65535, i32.and, i32.const c, i32.lt_u
    -> i32.extend16_s, i32.const c, i32.lt_u where c 32769 i32.lt_u
extend16-le_u: i32.const 65535, i32.and, i32.const c, i32.le_u
    -> i32.extend16_s, i32.const c, i32.le_u where c 32768 i32.lt_u
extend16-gt_u: i32.const 65535, i32.and, i32.const c, i32.gt_u
    -> i32.extend16_s, i32.const c, i32.gt_u where c 32768 i32.lt_u
extend16-ge_u: i32.const 65535, i32.and, i32.const c, i32.ge_u
    -> i32.extend16_s, i32.const c, i32.ge_u where c 32769 i32.lt_u
fork-extend8: i32.const 255, i32.and, {fork} -> i32.extend8_s, {fork}
fork-extend16: i32.const 65535, i32.and, {fork} -> i32.extend16_s, {fork}
extend8-utf8: i32.const 192, i32.and, i32.const 128, i32.eq
    -> i32.extend8_s, i32.const -64, i32.lt_s
extend8-not-utf8: i32.const 192, i32.and, i32.const 128, i32.ne
    -> i32.extend8_s, i32.const -65, i32.gt_s
extend8-bit: i32.const 128, i32.and, i32.eqz -> i32.extend8_s, i32.const -1, i32.gt_s
extend32: i32.wrap_i64, i64.extend_i32_s -> i64.extend32_s
"""

DENSE_RULES: Final = """\
# Signs
ne-0: iN.const 0, iN.ne -> iN.eqz, i32.eqz
lt_s-0: iN.const 0, iN.lt_s -> iN.clz, iN.eqz
shr_u-sign: i32.const 31, i32.shr_u -> i32.clz, i32.eqz
fork-ge_s-0: i32.const 0, i32.ge_s, {fork} -> i32.clz, {fork}
fork-gt_s: i32.const -1, i32.gt_s, {fork} -> i32.clz, {fork}
fork-ge_s-0-wide: i64.const 0, i64.ge_s, {fork} -> i64.clz, i32.wrap_i64, {fork}
fork-gt_s-wide: i64.const -1, i64.gt_s, {fork} -> i64.clz, i32.wrap_i64, {fork}

# Low bits
shr_u-and-1: iN.const k, iN.shr_u, iN.const 1, iN.and -> iN.const [1 k iN.shl], iN.and, iN.popcnt
ne-low: iN.const c, iN.and, iN.eqz, i32.eqz -> iN.ctz, iN.const [c iN.popcnt], iN.lt_u
    where c 1 iN.add iN.popcnt 1 iN.eq
and-1: i32.const 1, i32.and -> i32.ctz, i32.eqz
eqz-and-1: i64.const 1, i64.and, i64.eqz -> i64.ctz, i64.eqz, i32.eqz
fork-ctz: i64.ctz, i64.eqz, i32.eqz, {fork} -> i64.ctz, i32.wrap_i64, {fork}
eqz-low: iN.const c, iN.and, iN.eqz -> iN.ctz, iN.const [c iN.popcnt], iN.ge_u
    where c 1 iN.add iN.popcnt 1 iN.eq
fork-low: i32.const c, i32.and, {fork} -> i32.ctz, i32.const [c i32.popcnt], i32.lt_u, {fork}
    where c 1 i32.add i32.popcnt 1 i32.eq

# One bit
fork-eqz-bit: i32.const c, i32.and, i32.eqz, {fork}
    -> i32.const [c i32.ctz], i32.shr_u, i32.ctz, {fork} where c i32.popcnt 1 i32.eq
fork-bit: i32.const c, i32.and, {fork}
    -> i32.const [c i32.ctz], i32.shr_u, i32.ctz, i32.eqz, {fork} where c i32.popcnt 1 i32.eq

# High bits
lt_u-power: iN.const c, iN.lt_u -> iN.const [c iN.ctz], iN.shr_u, iN.eqz
    where c iN.popcnt 1 iN.eq
le_u-mask: iN.const c, iN.le_u -> iN.const [c iN.popcnt], iN.shr_u, iN.eqz
    where c 1 iN.add iN.popcnt 1 iN.eq
ge_u-power: iN.const c, iN.ge_u -> iN.const [c iN.ctz], iN.shr_u, iN.eqz, i32.eqz
    where c iN.popcnt 1 iN.eq
gt_u-mask: iN.const c, iN.gt_u -> iN.const [c iN.popcnt], iN.shr_u, iN.eqz, i32.eqz
    where c 1 iN.add iN.popcnt 1 iN.eq

# A truth or a number
fork-or-not: iN.eqz, i32.eqz, i32.or, {fork} -> iN.eqz, i32.ge_u, {fork}
"""
"""Rules that make code shorter and a little slower: an instruction more, or counted bits."""
