;; Exceptions: a checked calculator that throws tagged faults, handlers of all four catch kinds,
;; references to exceptions kept and thrown again, and clean-up code that always runs.
(module
  (import "host" "emit" (func $emit (param i32)))

  (type $operation (func (param i32 i32) (result i32)))
  (tag $overflow (param i64))
  (tag $division (param i32))
  (tag $empty)
  (tag $several (param i32 f64 i64))

  (table funcref (elem $add $multiply $divide $nothing $report))

  (func $narrow (param $wide i64) (result i32)
    (if (i64.ne (local.get $wide) (i64.extend32_s (local.get $wide)))
      (then (throw $overflow (local.get $wide))))
    (i32.wrap_i64 (local.get $wide)))

  (func $add (type $operation)
    (call $narrow
      (i64.add (i64.extend_i32_s (local.get 0)) (i64.extend_i32_s (local.get 1)))))

  (func $multiply (type $operation)
    (call $narrow
      (i64.mul (i64.extend_i32_s (local.get 0)) (i64.extend_i32_s (local.get 1)))))

  (func $divide (type $operation)
    (if (i32.eqz (local.get 1)) (then (throw $division (local.get 0))))
    (i32.div_s (local.get 0) (local.get 1)))

  (func $nothing (type $operation) (throw $empty))

  (func $report (type $operation)
    (throw $several
      (local.get 0)
      (f64.convert_i32_s (local.get 1))
      (i64.extend_i32_u (local.get 1))))

  (func $apply (param $which i32) (param $a i32) (param $b i32) (result i32)
    (call_indirect (type $operation) (local.get $a) (local.get $b) (local.get $which)))

  ;; A result, or for each fault a number of its own; a trap inside stays a trap.
  (func (export "calculate") (param $which i32) (param $a i32) (param $b i32) (result i64)
    (local $wide i64) (local $real f64)
    (block $other
      (block $several (result i32 f64 i64)
        (block $division (result i32)
          (block $overflow (result i64)
            (try_table (result i32)
                (catch $overflow $overflow)
                (catch $division $division)
                (catch $several $several)
                (catch_all $other)
              (call $apply (local.get $which) (local.get $a) (local.get $b)))
            (return (i64.extend_i32_s)))
          (return (i64.xor (i64.const -1))))
        (local.set $wide (i64.extend_i32_s))
        (return (i64.sub (i64.const -1000000) (local.get $wide))))
      (local.set $wide)
      (local.set $real)
      (return
        (i64.add
          (i64.add (i64.extend_i32_s) (local.get $wide))
          (i64.trunc_sat_f64_s (f64.mul (local.get $real) (f64.const 1000))))))
    (i64.const -999))

  ;; Emits one number before and one after, whatever the operation does, and passes on a fault.
  (func $guarded (param $which i32) (param $a i32) (param $b i32) (result i32)
    (local $fault exnref)
    (call $emit (local.get $a))
    (block $failed (result exnref)
      (try_table (result i32) (catch_all_ref $failed)
        (call $apply (local.get $which) (local.get $a) (local.get $b)))
      (call $emit (i32.const 1))
      (return))
    (local.set $fault)
    (call $emit (i32.const -1))
    (throw_ref (local.get $fault)))

  ;; Applies the operation again and again to its own result: the rounds until it overflows, with
  ;; the last good value above them, or -1 when another fault came first.
  (func (export "rounds") (param $which i32) (param $value i32) (param $by i32) (result i64)
    (local $count i64)
    (block $other
      (block $overflow (result i64 exnref)
        (try_table (catch_ref $overflow $overflow) (catch_all $other)
          (loop $next
            (local.set $value
              (call $guarded (local.get $which) (local.get $value) (local.get $by)))
            (local.set $count (i64.add (local.get $count) (i64.const 1)))
            (br_if $next (i64.lt_u (local.get $count) (i64.const 64)))))
        (return (local.get $count)))
      (drop)
      (drop)
      (return
        (i64.or
          (i64.shl (i64.extend_i32_s (local.get $value)) (i64.const 8))
          (local.get $count))))
    (i64.const -1))

  ;; Unwinds `depth` frames, each of which counts itself on the way up.
  (func $dive (param $depth i32)
    (if (i32.eqz (local.get $depth))
      (then (throw $several (i32.const 0) (f64.const 0.5) (i64.const 1))))
    (block $caught (result i32 f64 i64)
      (try_table (catch $several $caught)
        (call $dive (i32.sub (local.get $depth) (i32.const 1))))
      (return))
    (call $climb))

  (func $climb (param $frames i32) (param $half f64) (param $doubled i64)
    (throw $several
      (i32.add (local.get $frames) (i32.const 1))
      (f64.mul (local.get $half) (f64.const 0.5))
      (i64.shl (local.get $doubled) (i64.const 1))))

  (func (export "unwind") (param $depth i32) (result i32 f64 i64)
    (block $caught (result i32 f64 i64)
      (try_table (catch $several $caught) (call $dive (local.get $depth)))
      (unreachable)))

  ;; Not caught by anyone: the host sees it.
  (func (export "escape") (param $value i64) (throw $overflow (local.get $value))))
