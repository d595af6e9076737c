;; Garbage-collected data: an ordered tree of recursive struct types, a growing array of 31-bit
;; references, shapes with a virtual area in a subtype hierarchy, and lists under casts.
(module
  (rec
    (type $tree (struct
      (field $key i32)
      (field $value (mut i64))
      (field $left (mut (ref null $tree)))
      (field $right (mut (ref null $tree)))))
    (type $forest (array (mut (ref null $tree)))))

  (rec
    (type $shape (sub (struct (field $area (ref $area)))))
    (type $area (func (param (ref $shape)) (result f64))))
  (type $circle (sub final $shape (struct (field (ref $area)) (field $radius f64))))
  (type $box (sub $shape (struct (field (ref $area)) (field $width f64) (field $height f64))))
  (type $cube (sub final $box
    (struct (field (ref $area)) (field f64) (field f64) (field $depth f32))))

  (type $any_array (array (mut anyref)))
  (type $bytes (array (mut i8)))

  (data $text "structures and arrays")
  (elem declare func $circle_area $box_area $cube_area)

  (global $forest (ref $forest) (array.new_default $forest (i32.const 4)))
  (global $origin (ref $shape) (struct.new $circle (ref.func $circle_area) (f64.const 0)))

  (func $insert (param $at (ref null $tree)) (param $key i32) (param $value i64)
        (result (ref $tree))
    (local $node (ref $tree))
    (block $exists (result (ref $tree))
      (br_on_non_null $exists (local.get $at))
      (return
        (struct.new $tree
          (local.get $key)
          (local.get $value)
          (ref.null $tree)
          (ref.null $tree))))
    (local.set $node)
    (if (i32.eq (local.get $key) (struct.get $tree $key (local.get $node)))
      (then
        (struct.set $tree $value
          (local.get $node)
          (i64.add (struct.get $tree $value (local.get $node)) (local.get $value))))
      (else
        (if (i32.lt_s (local.get $key) (struct.get $tree $key (local.get $node)))
          (then
            (struct.set $tree $left
              (local.get $node)
              (call $insert
                (struct.get $tree $left (local.get $node))
                (local.get $key)
                (local.get $value))))
          (else
            (struct.set $tree $right
              (local.get $node)
              (call $insert
                (struct.get $tree $right (local.get $node))
                (local.get $key)
                (local.get $value)))))))
    (local.get $node))

  ;; Puts a value at a key of one tree; keys that meet again add up.
  (func (export "insert") (param $tree i32) (param $key i32) (param $value i64)
    (array.set $forest
      (global.get $forest)
      (local.get $tree)
      (call $insert
        (array.get $forest (global.get $forest) (local.get $tree))
        (local.get $key)
        (local.get $value))))

  (func (export "find") (param $tree i32) (param $key i32) (result i64)
    (local $node (ref null $tree))
    (local.set $node (array.get $forest (global.get $forest) (local.get $tree)))
    (loop $down (result i64)
      (block $missing
        (br_on_null $missing (local.get $node))
        (drop)
        (if (i32.eq (local.get $key) (struct.get $tree $key (local.get $node)))
          (then (return (struct.get $tree $value (local.get $node)))))
        (local.set $node
          (select (result (ref null $tree))
            (struct.get $tree $left (local.get $node))
            (struct.get $tree $right (local.get $node))
            (i32.lt_s (local.get $key) (struct.get $tree $key (local.get $node)))))
        (br $down))
      (i64.const -1)))

  (func $depth (param $node (ref null $tree)) (result i32)
    (local $left i32) (local $right i32)
    (if (ref.is_null (local.get $node)) (then (return (i32.const 0))))
    (local.set $left (call $depth (struct.get $tree $left (local.get $node))))
    (local.set $right (call $depth (struct.get $tree $right (local.get $node))))
    (i32.add
      (i32.const 1)
      (select
        (local.get $left)
        (local.get $right)
        (i32.gt_s (local.get $left) (local.get $right)))))

  (func (export "depth") (param $tree i32) (result i32)
    (call $depth (array.get $forest (global.get $forest) (local.get $tree))))

  (func (export "same_tree") (param $left i32) (param $right i32) (result i32)
    (ref.eq
      (array.get $forest (global.get $forest) (local.get $left))
      (array.get $forest (global.get $forest) (local.get $right))))

  (func (export "move_trees") (param $from i32) (param $to i32) (param $count i32)
    (array.copy $forest $forest
      (global.get $forest)
      (local.get $to)
      (global.get $forest)
      (local.get $from)
      (local.get $count)))

  (func $circle_area (type $area)
    (f64.mul
      (f64.const 3.25)
      (f64.mul
        (struct.get $circle $radius (ref.cast (ref $circle) (local.get 0)))
        (struct.get $circle $radius (ref.cast (ref $circle) (local.get 0))))))

  (func $box_area (type $area)
    (local $box (ref $box))
    (local.set $box (ref.cast (ref $box) (local.get 0)))
    (f64.mul
      (struct.get $box $width (local.get $box))
      (struct.get $box $height (local.get $box))))

  (func $cube_area (type $area)
    (f64.add
      (call $box_area (local.get 0))
      (f64.promote_f32 (struct.get $cube $depth (ref.cast (ref $cube) (local.get 0))))))

  (func $make (param $kind i32) (param $size f64) (result (ref $shape))
    (block $cube
      (block $box
        (block $circle
          (block $origin
            (br_table $origin $circle $box $cube (local.get $kind)))
          (return (global.get $origin)))
        (return (struct.new $circle (ref.func $circle_area) (local.get $size))))
      (return
        (struct.new $box (ref.func $box_area) (local.get $size) (f64.const 2))))
    (struct.new $cube
      (ref.func $cube_area)
      (local.get $size)
      (local.get $size)
      (f32.demote_f64 (local.get $size))))

  (func (export "area") (param $kind i32) (param $size f64) (result f64)
    (local $shape (ref $shape))
    (local.set $shape (call $make (local.get $kind) (local.get $size)))
    (call_ref $area (local.get $shape) (struct.get $shape $area (local.get $shape))))

  ;; 4 for a cube, 2 for another box, 1 for a circle, told by casts that branch.
  (func (export "kind") (param $kind i32) (result i32)
    (block $is_box (result (ref $box))
      (block $neither (result (ref $shape))
        (br_on_cast $is_box (ref $shape) (ref $box)
          (call $make (local.get $kind) (f64.const 1)))
        (br_on_cast_fail $neither (ref $shape) (ref $circle))
        (drop)
        (return (i32.const 1)))
      (drop)
      (unreachable))
    (i32.add (i32.mul (ref.test (ref $cube)) (i32.const 2)) (i32.const 2)))

  ;; Mixed references in one array: small numbers as i31, large ones boxed; the checked sum.
  (func (export "mixed_sum") (param $count i32) (param $step i32) (result i64)
    (local $items (ref $any_array)) (local $index i32) (local $number i32) (local $sum i64)
    (local.set $items (array.new $any_array (ref.null none) (local.get $count)))
    (loop $fill
      (if (i32.lt_u (local.get $index) (local.get $count))
        (then
          (local.set $number (i32.mul (local.get $index) (local.get $step)))
          (array.set $any_array
            (local.get $items)
            (local.get $index)
            (if (result anyref) (i32.and (local.get $index) (i32.const 1))
              (then (ref.i31 (local.get $number)))
              (else
                (struct.new $tree
                  (local.get $number)
                  (i64.extend_i32_s (local.get $number))
                  (ref.null $tree)
                  (ref.null $tree)))))
          (local.set $index (i32.add (local.get $index) (i32.const 1)))
          (br $fill))))
    (local.set $index (array.len (local.get $items)))
    (loop $next
      (if (local.get $index)
        (then
          (local.set $index (i32.sub (local.get $index) (i32.const 1)))
          (block $small (result (ref i31))
            (br_on_cast $small anyref (ref i31)
              (array.get $any_array (local.get $items) (local.get $index)))
            (local.set $sum
              (i64.add
                (struct.get $tree $value (ref.cast (ref $tree)))
                (local.get $sum)))
            (br $next))
          (local.set $sum
            (i64.add (i64.extend_i32_s (i31.get_s)) (local.get $sum)))
          (br $next))))
    (local.get $sum))

  ;; A piece of the passive text as an array: the sum of its bytes, signed and unsigned.
  (func (export "text_sum") (param $from i32) (param $size i32) (result i32)
    (local $bytes (ref $bytes)) (local $sum i32)
    (local.set $bytes (array.new_data $bytes $text (local.get $from) (local.get $size)))
    (array.fill $bytes (local.get $bytes) (i32.const 0) (i32.const 0xf0) (i32.const 1))
    (loop $next
      (if (local.get $size)
        (then
          (local.set $size (i32.sub (local.get $size) (i32.const 1)))
          (local.set $sum
            (i32.add
              (i32.mul (local.get $sum) (i32.const 3))
              (i32.add
                (array.get_s $bytes (local.get $bytes) (local.get $size))
                (array.get_u $bytes (local.get $bytes) (local.get $size)))))
          (br $next))))
    (local.get $sum))

  (func (export "through_extern") (param $number i32) (result i32)
    (i31.get_u
      (ref.cast (ref i31)
        (any.convert_extern (extern.convert_any (ref.i31 (local.get $number))))))))
