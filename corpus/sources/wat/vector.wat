;; SIMD: a case-folding compare, a grey filter with a checksum by lanes, byte reversal, a four-wide
;; float kernel and the relaxed instructions; scalars go in and out.
(module
  (memory (export "memory") 1)
  (data (i32.const 0) "Vectors Of SIXTEEN bytes, folded TO one case AT A TIME..........")
  (data (i32.const 64) "vectors of sixteen BYTES, Folded to One case at a time..........")

  (func $folded (param $at i32) (result v128)
    (local $text v128) (local $upper v128)
    (local.set $text (v128.load (local.get $at)))
    (local.set $upper
      (v128.and
        (i8x16.ge_s (local.get $text) (i8x16.splat (i32.const 65)))
        (i8x16.le_s (local.get $text) (i8x16.splat (i32.const 90)))))
    (v128.bitselect
      (v128.or (local.get $text) (i8x16.splat (i32.const 32)))
      (local.get $text)
      (local.get $upper)))

  ;; A bit for each of the first 16 bytes at both places that are alike but for case.
  (func (export "same_letters") (param $left i32) (param $right i32) (result i32)
    (i8x16.bitmask
      (i8x16.eq (call $folded (local.get $left)) (call $folded (local.get $right)))))

  ;; The whole 64 bytes: how many differ in case or letter.
  (func (export "differences") (result i32)
    (local $at i32) (local $sum v128)
    (loop $next
      (local.set $sum
        (i8x16.add
          (local.get $sum)
          (i8x16.neg
            (i8x16.ne (v128.load (local.get $at)) (v128.load offset=64 (local.get $at))))))
      (br_if $next
        (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 16)))
          (i32.const 64))))
    (i32.add
      (i32x4.extract_lane 0 (call $sums (local.get $sum)))
      (i32.add
        (i32x4.extract_lane 1 (call $sums (local.get $sum)))
        (i32.add
          (i32x4.extract_lane 2 (call $sums (local.get $sum)))
          (i32x4.extract_lane 3 (call $sums (local.get $sum)))))))

  (func $sums (param $bytes v128) (result v128)
    (i32x4.extadd_pairwise_i16x8_u (i16x8.extadd_pairwise_i8x16_u (local.get $bytes))))

  ;; Fills 1024 bytes with pixels from a seed, greys them with 77, 150 and 29 parts of 256, and
  ;; folds the result to one word.
  (func (export "grey") (param $seed i32) (result i64)
    (local $at i32) (local $pixels v128) (local $hash v128)
    (local.set $pixels
      (i32x4.mul
        (i32x4.splat (local.get $seed))
        (v128.const i32x4 0x9e3779b1 0x85ebca77 0xc2b2ae3d 0x27d4eb2f)))
    (loop $next
      (local.set $pixels
        (v128.xor
          (i32x4.add (local.get $pixels) (i32x4.shl (local.get $pixels) (i32.const 5)))
          (i32x4.shr_u (local.get $pixels) (i32.const 7))))
      (v128.store offset=256 (local.get $at) (local.get $pixels))
      (v128.store offset=1280
        (local.get $at)
        (i32x4.shr_u
          (i32x4.add
            (i32x4.mul
              (v128.and (local.get $pixels) (i32x4.splat (i32.const 0xff)))
              (i32x4.splat (i32.const 77)))
            (i32x4.add
              (i32x4.mul
                (v128.and
                  (i32x4.shr_u (local.get $pixels) (i32.const 8))
                  (i32x4.splat (i32.const 0xff)))
                (i32x4.splat (i32.const 150)))
              (i32x4.mul
                (v128.andnot
                  (i32x4.shr_u (local.get $pixels) (i32.const 16))
                  (i32x4.splat (i32.const 0xffffff00)))
                (i32x4.splat (i32.const 29)))))
          (i32.const 8)))
      (local.set $hash
        (i64x2.add
          (i64x2.mul (local.get $hash) (i64x2.splat (i64.const 0x100000001b3)))
          (v128.load offset=1280 (local.get $at))))
      (br_if $next
        (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 16)))
          (i32.const 1024))))
    (i64.xor
      (i64x2.extract_lane 0 (local.get $hash))
      (i64x2.extract_lane 1 (local.get $hash))))

  ;; Byte reversal of both halves by a constant shuffle and by a swizzle: 1 when they agree.
  (func (export "reversals_agree") (param $low i64) (param $high i64) (result i32)
    (local $bytes v128)
    (local.set $bytes
      (i64x2.replace_lane 1 (i64x2.splat (local.get $low)) (local.get $high)))
    (i8x16.all_true
      (i8x16.eq
        (i8x16.shuffle 7 6 5 4 3 2 1 0 15 14 13 12 11 10 9 8
          (local.get $bytes) (local.get $bytes))
        (i8x16.swizzle
          (local.get $bytes)
          (v128.const i8x16 7 6 5 4 3 2 1 0 15 14 13 12 11 10 9 8)))))

  ;; Four Newton steps towards four square roots at once; the sum of the four.
  (func (export "roots") (param $from f32) (param $by f32) (result f32)
    (local $values v128) (local $roots v128) (local $steps i32)
    (local.set $values
      (f32x4.add
        (f32x4.splat (local.get $from))
        (f32x4.mul (f32x4.splat (local.get $by)) (v128.const f32x4 0 1 2 3))))
    (local.set $roots (f32x4.max (local.get $values) (f32x4.splat (f32.const 1))))
    (loop $again
      (local.set $roots
        (f32x4.mul
          (f32x4.splat (f32.const 0.5))
          (f32x4.add
            (local.get $roots)
            (f32x4.div (local.get $values) (local.get $roots)))))
      (br_if $again
        (i32.lt_s
          (local.tee $steps (i32.add (local.get $steps) (i32.const 1)))
          (i32.const 4))))
    (f32.add
      (f32.add
        (f32x4.extract_lane 0 (local.get $roots))
        (f32x4.extract_lane 1 (local.get $roots)))
      (f32.add
        (f32x4.extract_lane 2 (local.get $roots))
        (f32x4.extract_lane 3 (local.get $roots)))))

  ;; Conversions with saturation, and lanes of 8, 16, 32 and 64 bits on the way.
  (func (export "saturate") (param $value f64) (result i64)
    (local $narrowed v128)
    (local.set $narrowed
      (i16x8.narrow_i32x4_s
        (i32x4.trunc_sat_f64x2_s_zero (f64x2.splat (local.get $value)))
        (i32x4.trunc_sat_f64x2_u_zero (f64x2.splat (local.get $value)))))
    (i64.add
      (i64.extend_i32_s (i16x8.extract_lane_s 0 (local.get $narrowed)))
      (i64.mul
        (i64.const 100000)
        (i64.extend_i32_u
          (i8x16.extract_lane_u 4
            (i8x16.narrow_i16x8_u (local.get $narrowed) (local.get $narrowed)))))))

  ;; Relaxed instructions on operands for which every engine must give the same.
  (func (export "relaxed") (param $seed i32) (result i32)
    (local $ramp v128)
    (local.set $ramp
      (v128.and
        (i8x16.add
          (i8x16.splat (local.get $seed))
          (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15))
        (i8x16.splat (i32.const 0x0f))))
    (i32.add
      (i32x4.extract_lane 2
        (i32x4.relaxed_dot_i8x16_i7x16_add_s
          (local.get $ramp)
          (local.get $ramp)
          (i32x4.splat (local.get $seed))))
      (i32.add
        (i8x16.extract_lane_u 3 (i8x16.relaxed_swizzle (local.get $ramp) (local.get $ramp)))
        (i32x4.extract_lane 1
          (i32x4.relaxed_trunc_f32x4_s
            (f32x4.relaxed_madd
              (f32x4.convert_i32x4_u (i32x4.splat (i32.const 3)))
              (f32x4.splat (f32.const 0.5))
              (f32x4.splat (f32.const 8)))))))))
