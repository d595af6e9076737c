;; Several memories, one of them with 64-bit addresses: a ring buffer in one feeds a log in
;; another, and a sparse bit set lives in the third.
(module
  (memory $ring (export "ring") 1 1)
  (memory $log (export "log") i64 1 4)
  (memory $bits 1 2)

  (global $head (mut i32) (i32.const 0))
  (global $tail (mut i32) (i32.const 0))
  (global $logged (mut i64) (i64.const 0))
  (global $capacity i32 (i32.const 16))

  (data (memory $ring) (i32.const 128) "ring marker")
  (data (memory $log) (i64.const 65528) "log edge")
  (data $labels "newest\00oldest\00")

  (func $slot (param $index i32) (result i32)
    (i32.shl
      (i32.and (local.get $index) (i32.sub (global.get $capacity) (i32.const 1)))
      (i32.const 3)))

  (func $size (export "size") (result i32) (i32.sub (global.get $tail) (global.get $head)))

  ;; 1 when there was room.
  (func $push (export "push") (param $value i64) (result i32)
    (if (i32.ge_u (call $size) (global.get $capacity)) (then (return (i32.const 0))))
    (i64.store $ring (call $slot (global.get $tail)) (local.get $value))
    (global.set $tail (i32.add (global.get $tail) (i32.const 1)))
    (i32.const 1))

  (func $pop (export "pop") (result i64)
    (if (i32.eqz (call $size)) (then (unreachable)))
    (i64.load $ring (call $slot (global.get $head)))
    (global.set $head (i32.add (global.get $head) (i32.const 1))))

  ;; Moves all that is in the ring to the end of the log, which grows as needed.
  (func (export "flush") (result i64)
    (local $end i64)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (call $size)))
        (local.set $end
          (i64.shl (i64.add (global.get $logged) (i64.const 1)) (i64.const 3)))
        (if (i64.gt_u (local.get $end) (i64.shl (memory.size $log) (i64.const 16)))
          (then
            (br_if $done (i64.lt_s (memory.grow $log (i64.const 1)) (i64.const 0)))))
        (i64.store $log offset=0
          (i64.shl (global.get $logged) (i64.const 3))
          (call $pop))
        (global.set $logged (i64.add (global.get $logged) (i64.const 1)))
        (br $next)))
    (global.get $logged))

  (func (export "logged") (param $index i64) (result i64)
    (i64.load $log (i64.shl (local.get $index) (i64.const 3))))

  ;; A load far beyond 32 bits, which must trap, or the word at a small address.
  (func (export "far") (param $address i64) (result i32)
    (i32.load $log offset=0x100000000 (local.get $address)))

  (func (export "log_pages") (param $more i64) (result i64)
    (i64.add
      (i64.mul (memory.grow $log (local.get $more)) (i64.const 1000))
      (memory.size $log)))

  ;; Copies a piece of the ring's memory to the log's and back to the bits' memory.
  (func (export "relay") (param $from i32) (param $to i64) (param $size i32) (result i64)
    (memory.copy $log $ring (local.get $to) (local.get $from) (local.get $size))
    (memory.copy $bits $log (i32.const 1024) (local.get $to) (local.get $size))
    (i64.xor
      (i64.load $bits offset=1024 (i32.const 0))
      (i64.load8_u $log (local.get $to))))

  (func (export "label") (param $at i32) (param $from i32) (param $size i32) (result i32)
    (memory.init $bits $labels (local.get $at) (local.get $from) (local.get $size))
    (i32.load16_u $bits (local.get $at)))

  (func (export "wipe") (param $from i64) (param $size i64) (result i64)
    (memory.fill $log (local.get $from) (i32.const 0) (local.get $size))
    (i64.load $log (local.get $from)))

  ;; Sets a bit: whether it was set before.
  (func $mark (param $bit i32) (result i32)
    (local $at i32) (local $mask i32) (local $old i32)
    (local.set $at (i32.shr_u (local.get $bit) (i32.const 3)))
    (local.set $mask (i32.shl (i32.const 1) (i32.and (local.get $bit) (i32.const 7))))
    (local.set $old (i32.load8_u $bits offset=4096 (local.get $at)))
    (i32.store8 $bits offset=4096
      (local.get $at)
      (i32.or (local.get $old) (local.get $mask)))
    (i32.ne (i32.and (local.get $old) (local.get $mask)) (i32.const 0)))

  ;; How many steps x -> x * x + c takes modulo m until it comes to a number seen before.
  (func (export "cycle") (param $x i32) (param $c i32) (param $m i32) (result i32)
    (local $steps i32)
    (memory.fill $bits (i32.const 4096) (i32.const 0) (i32.const 8192))
    (if (i32.gt_u (local.get $m) (i32.const 65536)) (then (unreachable)))
    (loop $next (result i32)
      (if (result i32)
        (call $mark (local.tee $x (i32.rem_u (local.get $x) (local.get $m))))
        (then (local.get $steps))
        (else
          (local.set $x
            (i32.add (i32.mul (local.get $x) (local.get $x)) (local.get $c)))
          (local.set $steps (i32.add (local.get $steps) (i32.const 1)))
          (br $next))))))
