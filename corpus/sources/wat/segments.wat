;; Bulk memory and data segments: passive records unpacked on request, active segments at places
;; that extended constant expressions compute from globals, and a text search over what lies there.
(module
  (global $base i32 (i32.const 1024))
  (global $record_size (export "record_size") i32 (i32.const 12))
  (global $table_at i32
    (i32.add (global.get $base) (i32.mul (global.get $record_size) (i32.const 16))))
  (global $mask i64 (i64.sub (i64.const 0) (i64.mul (i64.const 4) (i64.const 2))))
  (global $unpacked (mut i32) (i32.const 0))

  (memory (export "memory") 1 3)

  (data (i32.const 8) "the memory of the machine is the memory of the program\00")
  (data (i32.add (global.get $base) (i32.const -16)) "sixteen bytes in")
  (data (global.get $table_at) "\01\02\04\08\10\20\40\80")
  (data $records
    "\01\00\00\00\00\00\00\00\00\00\f0\3f"
    "\02\00\00\00\00\00\00\00\00\00\04\c0"
    "\03\00\00\00\00\00\00\00\00\40\5f\40"
    "\ff\ff\ff\ff\00\00\00\00\00\00\d0\3f")
  (data $empty "")

  ;; Copies `count` records of the passive segment to the base: the key of the last one.
  (func (export "unpack") (param $first i32) (param $count i32) (result i32)
    (memory.init $records
      (global.get $base)
      (i32.mul (local.get $first) (global.get $record_size))
      (i32.mul (local.get $count) (global.get $record_size)))
    (memory.init $empty (i32.const 0) (i32.const 0) (i32.const 0))
    (global.set $unpacked (local.get $count))
    (i32.load
      (i32.add
        (global.get $base)
        (i32.mul (i32.sub (local.get $count) (i32.const 1)) (global.get $record_size)))))

  (func (export "forget") (data.drop $records))

  ;; The sum of the unpacked doubles, loaded unaligned.
  (func (export "total") (result f64)
    (local $at i32) (local $end i32) (local $sum f64)
    (local.set $at (global.get $base))
    (local.set $end
      (i32.add
        (global.get $base)
        (i32.mul (global.get $unpacked) (global.get $record_size))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $sum
          (f64.add (local.get $sum) (f64.load offset=4 align=4 (local.get $at))))
        (local.set $at (i32.add (local.get $at) (global.get $record_size)))
        (br $next)))
    (local.get $sum))

  ;; Moves a piece of the text with overlap and says what 64-bit word is there now.
  (func (export "shift") (param $from i32) (param $by i32) (param $size i32) (result i64)
    (memory.copy
      (i32.add (local.get $from) (local.get $by))
      (local.get $from)
      (local.get $size))
    (i64.load align=1 (i32.add (local.get $from) (local.get $by))))

  (func (export "paint") (param $from i32) (param $byte i32) (param $size i32) (result i64)
    (memory.fill (local.get $from) (local.get $byte) (local.get $size))
    (i64.and (i64.load32_u align=1 (local.get $from)) (global.get $mask)))

  (func $byte_at (param $at i32) (result i32) (i32.load8_u (local.get $at)))

  ;; How often the piece of `size` bytes at `pattern` occurs in the text at 8.
  (func (export "occurrences") (param $pattern i32) (param $size i32) (result i32)
    (local $at i32) (local $same i32) (local $count i32)
    (local.set $at (i32.const 8))
    (loop $scan
      (local.set $same (i32.const 0))
      (block $differs
        (loop $compare
          (br_if $differs
            (i32.ne
              (call $byte_at (i32.add (local.get $at) (local.get $same)))
              (call $byte_at (i32.add (local.get $pattern) (local.get $same)))))
          (br_if $compare
            (i32.lt_u
              (local.tee $same (i32.add (local.get $same) (i32.const 1)))
              (local.get $size))))
        (local.set $count (i32.add (local.get $count) (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $scan (call $byte_at (local.get $at))))
    (local.get $count))

  ;; All widths of loads and stores at one place, signed and not, folded together.
  (func (export "widths") (param $at i32) (param $value i64) (result i64)
    (i64.store (local.get $at) (local.get $value))
    (i64.store8 offset=8 (local.get $at) (local.get $value))
    (i64.store16 offset=9 align=1 (local.get $at) (local.get $value))
    (i64.store32 offset=11 align=1 (local.get $at) (local.get $value))
    (i32.store8 offset=15 (local.get $at) (i32.wrap_i64 (local.get $value)))
    (i32.store16 offset=16 (local.get $at) (i32.wrap_i64 (local.get $value)))
    (i64.xor
      (i64.add
        (i64.load8_s (local.get $at))
        (i64.mul (i64.load8_u offset=1 (local.get $at)) (i64.load16_s offset=8 (local.get $at))))
      (i64.add
        (i64.load16_u offset=9 align=1 (local.get $at))
        (i64.sub
          (i64.load32_s offset=11 align=1 (local.get $at))
          (i64.extend_i32_s
            (i32.add
              (i32.add (i32.load8_s offset=15 (local.get $at)) (i32.load8_u (local.get $at)))
              (i32.add
                (i32.load16_s offset=16 (local.get $at))
                (i32.load16_u offset=2 (local.get $at)))))))))

  (func (export "grow") (param $pages i32) (result i32)
    (i32.add
      (i32.mul (memory.grow (local.get $pages)) (i32.const 100))
      (memory.size)))

  (func (export "table_byte") (param $index i32) (result i32)
    (i32.load8_u (i32.add (global.get $table_at) (local.get $index)))))
