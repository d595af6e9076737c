;; Threads: a shared memory with a ticket lock, counters of every width, a lock-free stack and the
;; two waiting instructions. One thread is enough to run it.
(module
  (memory (export "memory") 1 1 shared)

  (global $tickets i32 (i32.const 0))
  (global $serving i32 (i32.const 4))
  (global $counter i32 (i32.const 8))
  (global $top i32 (i32.const 16))
  (global $nodes i32 (i32.const 64))

  ;; Takes the lock: the ticket that was drawn. Traps instead of waiting for ever.
  (func $lock (export "lock") (result i32)
    (local $ticket i32) (local $tries i32)
    (local.set $ticket (i32.atomic.rmw.add (global.get $tickets) (i32.const 1)))
    (loop $spin
      (if (i32.ne (i32.atomic.load (global.get $serving)) (local.get $ticket))
        (then
          (local.set $tries (i32.add (local.get $tries) (i32.const 1)))
          (br_if $spin (i32.lt_u (local.get $tries) (i32.const 100)))
          (unreachable))))
    (local.get $ticket))

  (func $unlock (export "unlock") (result i32)
    (drop (i32.atomic.rmw.add (global.get $serving) (i32.const 1)))
    (memory.atomic.notify (global.get $serving) (i32.const 1)))

  ;; Adds under the lock, the plain way.
  (func (export "add_locked") (param $amount i64) (result i64)
    (local $sum i64)
    (drop (call $lock))
    (local.set $sum (i64.add (i64.load (global.get $counter)) (local.get $amount)))
    (i64.store (global.get $counter) (local.get $sum))
    (drop (call $unlock))
    (local.get $sum))

  ;; The same by compare and exchange.
  (func (export "add_exchanged") (param $amount i64) (result i64)
    (local $seen i64)
    (loop $again
      (local.set $seen (i64.atomic.load (global.get $counter)))
      (br_if $again
        (i64.ne
          (i64.atomic.rmw.cmpxchg
            (global.get $counter)
            (local.get $seen)
            (i64.add (local.get $seen) (local.get $amount)))
          (local.get $seen))))
    (i64.atomic.load (global.get $counter)))

  ;; Pushes a value on a linked stack whose top is swapped in atomically.
  (func (export "push") (param $index i32) (param $value i32)
    (local $node i32) (local $below i32)
    (local.set $node
      (i32.add (global.get $nodes) (i32.shl (local.get $index) (i32.const 3))))
    (i32.atomic.store offset=4 (local.get $node) (local.get $value))
    (loop $again
      (local.set $below (i32.atomic.load (global.get $top)))
      (i32.atomic.store (local.get $node) (local.get $below))
      (br_if $again
        (i32.ne
          (i32.atomic.rmw.cmpxchg (global.get $top) (local.get $below) (local.get $node))
          (local.get $below))))
    (atomic.fence))

  ;; Takes the whole stack: its values as the digits of a number.
  (func (export "drain") (result i64)
    (local $node i32) (local $digits i64)
    (local.set $node (i32.atomic.rmw.xchg (global.get $top) (i32.const 0)))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $node)))
        (local.set $digits
          (i64.add
            (i64.mul (local.get $digits) (i64.const 10))
            (i64.atomic.load32_u offset=4 (local.get $node))))
        (local.set $node (i32.atomic.load (local.get $node)))
        (br $next)))
    (local.get $digits))

  ;; Narrow read-modify-write instructions on one cell: what they saw, and what they left.
  (func (export "narrow") (param $at i32) (param $value i32) (result i64)
    (i64.or
      (i64.shl
        (i64.extend_i32_u
          (i32.add
            (i32.atomic.rmw8.add_u (local.get $at) (local.get $value))
            (i32.add
              (i32.atomic.rmw16.or_u (local.get $at) (local.get $value))
              (i32.add
                (i32.atomic.rmw8.sub_u (local.get $at) (i32.const 3))
                (i32.atomic.rmw16.xor_u (local.get $at) (i32.const 0x0ff0))))))
        (i64.const 32))
      (i64.atomic.rmw32.and_u (local.get $at) (i64.const 0xffffff))))

  ;; Waits for a word to change, for no time at all: 1 when it was not as expected, else 2.
  (func (export "wait") (param $at i32) (param $expected i32) (result i32)
    (memory.atomic.wait32 (local.get $at) (local.get $expected) (i64.const 0))))
