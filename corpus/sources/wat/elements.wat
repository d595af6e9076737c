;; Tables and references: an element segment in each of its eight binary forms (the flag is noted
;; at each), and a dispatcher that fills, copies, grows, drops and calls through tables.
(module
  (type $unary (func (param i32) (result i32)))

  (table $operations 12 funcref)
  (table $spare 6 funcref)
  (table $hosted 4 externref)
  (table $fixed (export "fixed") 3 3 funcref)

  (func $double (type $unary) (i32.shl (local.get 0) (i32.const 1)))
  (func $square (type $unary) (i32.mul (local.get 0) (local.get 0)))
  (func $negate (type $unary) (i32.sub (i32.const 0) (local.get 0)))
  (func $bits (type $unary) (i32.popcnt (local.get 0)))
  (func $zeros (type $unary) (i32.clz (local.get 0)))
  (func $swap (type $unary)
    (i32.or
      (i32.rotl (i32.and (local.get 0) (i32.const 0x00ff00ff)) (i32.const 24))
      (i32.rotl (i32.and (local.get 0) (i32.const 0xff00ff00)) (i32.const 8))))
  (func $wrong (param i64) (result i64) (local.get 0))

  ;; 0: active, table 0, function indices
  (elem (i32.const 0) func $double $square $negate)
  ;; 1: passive, function indices
  (elem $later func $bits $zeros $swap)
  ;; 2: active, explicit table, function indices
  (elem (table $spare) (i32.const 1) func $square $wrong)
  ;; 3: declared, function indices; lets ref.func name $swap
  (elem declare func $swap)
  ;; 4: active, table 0, expressions
  (elem (i32.const 3) funcref (ref.func $bits) (ref.null func))
  ;; 5: passive, expressions
  (elem $mixed funcref (ref.func $negate) (ref.null func) (ref.func $double))
  ;; 6: active, explicit table, expressions
  (elem (table $fixed) (i32.const 0) funcref (ref.func $zeros) (item ref.func $swap))
  ;; 7: declared, expressions
  (elem declare funcref (ref.func $wrong))

  (func (export "apply") (param $slot i32) (param $value i32) (result i32)
    (call_indirect $operations (type $unary) (local.get $value) (local.get $slot)))

  (func (export "apply_spare") (param $slot i32) (param $value i32) (result i32)
    (call_indirect $spare (type $unary) (local.get $value) (local.get $slot)))

  ;; Places `count` functions of the passive segment from `source` on at `slot`.
  (func (export "place") (param $slot i32) (param $source i32) (param $count i32)
    (table.init $operations $later (local.get $slot) (local.get $source) (local.get $count)))

  (func (export "place_mixed") (param $slot i32)
    (table.init $operations $mixed (local.get $slot) (i32.const 0) (i32.const 3)))

  (func (export "forget") (elem.drop $later) (elem.drop $mixed))

  (func (export "lend") (param $slot i32) (param $count i32)
    (table.copy $spare $operations (i32.const 0) (local.get $slot) (local.get $count)))

  ;; A map of which slots are filled, one bit a slot.
  (func (export "filled") (result i32)
    (local $slot i32) (local $map i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $slot) (table.size $operations)))
        (local.set $map
          (i32.or
            (local.get $map)
            (i32.shl
              (i32.eqz (ref.is_null (table.get $operations (local.get $slot))))
              (local.get $slot))))
        (local.set $slot (i32.add (local.get $slot) (i32.const 1)))
        (br $next)))
    (local.get $map))

  ;; Composes all filled slots, in order, on one value.
  (func (export "compose") (param $value i32) (result i32)
    (local $slot i32) (local $entry funcref)
    (loop $next (result i32)
      (local.set $entry (table.get $operations (local.get $slot)))
      (if (ref.is_null (local.get $entry))
        (then)
        (else
          (local.set $value
            (call_indirect $operations (type $unary) (local.get $value) (local.get $slot)))))
      (local.set $slot (i32.add (local.get $slot) (i32.const 1)))
      (br_if $next
        (local.get $value)
        (i32.lt_u (local.get $slot) (table.size $operations)))
      (return)))

  (func (export "put_swap") (param $slot i32)
    (table.set $operations (local.get $slot) (ref.func $swap)))

  (func (export "put_either") (param $slot i32) (param $first i32)
    (table.set $operations
      (local.get $slot)
      (select (result funcref) (ref.func $wrong) (ref.func $double) (local.get $first))))

  ;; Grows the spare table by `count` copies of a function: the old size, or -1.
  (func (export "grow") (param $count i32) (result i32)
    (table.grow $spare (ref.func $square) (local.get $count)))

  (func (export "clear") (param $from i32) (param $count i32)
    (table.fill $operations (local.get $from) (ref.null func) (local.get $count)))

  ;; A reference of the host kept in a table and given back: whether it was null all the way.
  (func (export "keep_null") (param $slot i32) (result i32)
    (local $held externref)
    (table.set $hosted (local.get $slot) (local.get $held))
    (i32.add
      (ref.is_null (table.get $hosted (local.get $slot)))
      (table.grow $hosted (local.get $held) (i32.const 2)))))
