;; Control: blocks and loops with several parameters and results, tail calls of all three kinds,
;; and a UTF-8 decoder whose automaton is one br_table over nested blocks.
(module
  (type $pair (func (param i64 i64) (result i64 i64)))
  (type $step (func (param i32 i32) (result i32)))

  (import "host" "emit" (func $emit (param i32)))

  (memory 1)
  (data (i32.const 0) "a\c3\a9\e2\82\ac\f0\9f\a6\80z")
  (data (i32.const 32) "ok\c0\afbad")
  (data (i32.const 64) "\e2\82")
  (data (i32.const 96) "\ed\a0\80surrogate")

  (table 4 4 funcref)
  (elem (i32.const 0) func $even $odd $collatz $count_down)

  (func $divide (export "divide") (param $n i64) (param $d i64) (result i64 i64)
    (i64.div_s (local.get $n) (local.get $d))
    (i64.rem_s (local.get $n) (local.get $d)))

  (func $ordered (type $pair)
    (local.get 0)
    (local.get 1)
    (if (type $pair) (i64.gt_s (local.get 0) (local.get 1))
      (then (drop) (drop) (local.get 1) (local.get 0))
      (else)))

  (func (export "ordered") (param i64 i64) (result i64 i64)
    (call $ordered (local.get 0) (local.get 1)))

  ;; Both Bezout factors and the divisor, carried through a loop with parameters.
  (func (export "bezout") (param $a i64) (param $b i64) (result i64 i64 i64)
    (local $quotient i64) (local $s i64) (local $t i64)
    (local $next_s i64) (local $next_t i64)
    (local.set $s (i64.const 1))
    (local.set $next_t (i64.const 1))
    (local.get $a)
    (local.get $b)
    (block $done (param i64 i64) (result i64)
      (loop $again (param i64 i64) (result i64)
        (local.set $b)
        (local.set $a)
        (br_if $done (local.get $a) (i64.eqz (local.get $b)))
        (drop)
        (local.set $quotient (i64.div_s (local.get $a) (local.get $b)))
        (local.get $next_s)
        (i64.sub (local.get $s) (i64.mul (local.get $quotient) (local.get $next_s)))
        (local.set $next_s)
        (local.set $s)
        (local.get $next_t)
        (i64.sub (local.get $t) (i64.mul (local.get $quotient) (local.get $next_t)))
        (local.set $next_t)
        (local.set $t)
        (local.get $b)
        (i64.rem_s (local.get $a) (local.get $b))
        (br $again)))
    (local.get $s)
    (local.get $t))

  (func $even (type $step)
    (if (result i32) (i32.eqz (local.get 0))
      (then (i32.const 1))
      (else
        (return_call $odd (i32.sub (local.get 0) (i32.const 1)) (local.get 1)))))

  (func $odd (type $step)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
    (return_call_indirect (type $step)
      (i32.sub (local.get 0) (i32.const 1))
      (local.get 1)
      (i32.const 0)))

  (func $collatz (type $step)
    (if (i32.le_s (local.get 0) (i32.const 1)) (then (return (local.get 1))))
    (return_call $collatz
      (select
        (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.const 1))
        (i32.shr_u (local.get 0) (i32.const 1))
        (i32.and (local.get 0) (i32.const 1)))
      (i32.add (local.get 1) (i32.const 1))))

  (func $count_down (type $step)
    (call $emit (local.get 0))
    (if (i32.le_s (local.get 0) (local.get 1)) (then (return (local.get 0))))
    (return_call_ref $step
      (i32.sub (local.get 0) (i32.const 1))
      (local.get 1)
      (ref.func $count_down)))

  (func (export "step") (param $which i32) (param $a i32) (param $b i32) (result i32)
    (return_call_indirect (type $step) (local.get $a) (local.get $b) (local.get $which)))

  ;; The class of a byte: 0 ASCII, 1 continuation, 2 to 4 a lead of that many bytes, 5 never.
  (func $class (param $byte i32) (result i32)
    (block $never
      (block $four
        (block $three
          (block $two
            (block $continuation
              (block $ascii
                (br_table $ascii $ascii $ascii $ascii $ascii $ascii $ascii $ascii
                          $continuation $continuation $continuation $continuation
                          $two $two $three $four $never
                  (i32.shr_u (local.get $byte) (i32.const 4))))
              (return (i32.const 0)))
            (return (i32.const 1)))
          (br_if $never (i32.lt_u (local.get $byte) (i32.const 0xc2)))
          (return (i32.const 2)))
        (return (i32.const 3)))
      (br_if $never (i32.gt_u (local.get $byte) (i32.const 0xf4)))
      (return (i32.const 4)))
    (i32.const 5))

  ;; Decodes the text at `at` and emits every code point: how many, or minus the faulty place.
  (func (export "decode") (param $at i32) (result i32)
    (local $byte i32) (local $class i32) (local $point i32)
    (local $missing i32) (local $least i32) (local $count i32)
    (loop $next
      (local.set $byte (i32.load8_u (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $class (call $class (local.get $byte)))
      (block $fault
        (block $complete
          ;; A lead byte leaves its mask, what is missing, and the least point of that length.
          (block $lead (result i32 i32 i32)
            (block $four
              (block $three
                (block $two
                  (block $continuation
                    (block $ascii
                      (br_if $fault
                        (i32.ne
                          (i32.ne (local.get $missing) (i32.const 0))
                          (i32.eq (local.get $class) (i32.const 1))))
                      (br_table $ascii $continuation $two $three $four $fault (local.get $class)))
                    (if (i32.eqz (local.get $byte)) (then (return (local.get $count))))
                    (local.set $point (local.get $byte))
                    (br $complete))
                  (local.set $point
                    (i32.or
                      (i32.shl (local.get $point) (i32.const 6))
                      (i32.and (local.get $byte) (i32.const 0x3f))))
                  (br_if $next
                    (local.tee $missing (i32.sub (local.get $missing) (i32.const 1))))
                  (br_if $fault (i32.lt_u (local.get $point) (local.get $least)))
                  (br_if $fault
                    (i32.eq (i32.and (local.get $point) (i32.const 0x1ff800)) (i32.const 0xd800)))
                  (br $complete))
                (br $lead (i32.const 0x1f) (i32.const 1) (i32.const 0x80)))
              (br $lead (i32.const 0x0f) (i32.const 2) (i32.const 0x800)))
            (i32.const 0x07)
            (i32.const 3)
            (i32.const 0x10000))
          (local.set $least)
          (local.set $missing)
          (local.set $point (i32.and (local.get $byte)))
          (br $next))
        (call $emit (local.get $point))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.sub (i32.const 0) (local.get $at)))

  (func $horner (param $x f64) (param $k f64) (param $sum f64) (result f64)
    (f64.add
      (f64.const 1)
      (f64.mul (f64.div (local.get $x) (local.get $k)) (local.get $sum))))

  ;; The sum of x^k / k! for k up to `degree`, at most 16, by jumping into an unrolled Horner
  ;; scheme: one nested block and one step a degree.
  (func (export "exponential") (param $x f64) (param $degree i32) (result f64)
    (local $sum f64)
    (local.set $sum (f64.const 1))
    (block $0 (block $1 (block $2 (block $3 (block $4 (block $5 (block $6 (block $7
    (block $8 (block $9 (block $10 (block $11 (block $12 (block $13 (block $14 (block $15
    (block $16 (block $too_high
      (br_table $0 $1 $2 $3 $4 $5 $6 $7 $8 $9 $10 $11 $12 $13 $14 $15 $16 $too_high
        (local.get $degree)))
      (unreachable))
      (local.set $sum (call $horner (local.get $x) (f64.const 16) (local.get $sum))))
      (local.set $sum (call $horner (local.get $x) (f64.const 15) (local.get $sum))))
      (local.set $sum (call $horner (local.get $x) (f64.const 14) (local.get $sum))))
      (local.set $sum (call $horner (local.get $x) (f64.const 13) (local.get $sum))))
      (local.set $sum (call $horner (local.get $x) (f64.const 12) (local.get $sum))))
      (local.set $sum (call $horner (local.get $x) (f64.const 11) (local.get $sum))))
      (local.set $sum (call $horner (local.get $x) (f64.const 10) (local.get $sum))))
      (local.set $sum (call $horner (local.get $x) (f64.const 9) (local.get $sum))))
      (local.set $sum (call $horner (local.get $x) (f64.const 8) (local.get $sum))))
      (local.set $sum (call $horner (local.get $x) (f64.const 7) (local.get $sum))))
      (local.set $sum (call $horner (local.get $x) (f64.const 6) (local.get $sum))))
      (local.set $sum (call $horner (local.get $x) (f64.const 5) (local.get $sum))))
      (local.set $sum (call $horner (local.get $x) (f64.const 4) (local.get $sum))))
      (local.set $sum (call $horner (local.get $x) (f64.const 3) (local.get $sum))))
      (local.set $sum (call $horner (local.get $x) (f64.const 2) (local.get $sum))))
      (local.set $sum (call $horner (local.get $x) (f64.const 1) (local.get $sum))))
    (local.get $sum)))
