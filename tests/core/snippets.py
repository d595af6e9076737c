"""Text of every feature that the text format has, as the fields of a module."""

SNIPPETS = {
    "nothing": "",
    "function types": """
        (type (func)) (type (func (param i32 i64) (param f32))) (type (func (result f64 v128)))
        (type (func (param funcref externref anyref eqref i31ref structref arrayref exnref)))
        (type (func (param nullref nullfuncref nullexternref nullexnref)))
        (type (func (param (ref func) (ref extern) (ref any) (ref null 0) (ref 0) (ref exn))))""",
    "structures and arrays": """
        (type (struct)) (type (struct (field i32)))
        (type (struct (field i8) (field (mut i16)) (field (mut i64)) (field (ref null 0))))
        (type (array i8)) (type (array (mut i16))) (type (array (mut (ref 0))))""",
    "recursion groups": """
        (rec) (rec (type (func)))
        (rec (type (struct (field (ref null 2)))) (type (array (ref 1))))
        (type (struct (field (ref null 3))))""",
    "subtypes": """
        (type (sub (struct))) (type (sub 0 (struct (field i32))))
        (type (sub final 1 (struct (field i32) (field i64))))
        (rec (type (sub (func))) (type (sub 3 (func))) (type (sub final 3 4 (func))))""",
    "imports": r"""
        (type (func (param i32) (result i64)))
        (import "a" "f" (func (type 0))) (import "" "\00\"\\\n" (table 1 2 externref))
        (import "\c3\a9\f0\9f\a6\80" "m" (memory 1)) (import "a" "g" (global i32))
        (import "a" "h" (global (mut (ref null 0)))) (import "a" "t" (tag (type 0)))
        (import "a" "64" (memory i64 1 2 shared)) (import "a" "t64" (table i64 3 funcref))
        (func (type 0) i64.const 0) (memory 3) (table 4 funcref) (global i32 i32.const 1)
        (tag (type 0)) (export "f" (func 1)) (export "m" (memory 2))""",
    "tables": """
        (type (func)) (func)
        (table 0 funcref) (table 1 2 externref) (table i64 1 0x1_0000_0000 funcref)
        (table shared 1 2 funcref) (table 10 (ref func) ref.func 0)
        (table 1 (ref null 0) ref.null 0)
        (table 3 i31ref (ref.i31 (i32.add (i32.const 1) (i32.const 2))))""",
    "memories": """
        (memory 0) (memory 1 2) (memory 1 1 shared) (memory i64 5) (memory i64 5 6 shared)
        (memory 9 (pagesize 1)) (memory 1 2 (pagesize 65536)) (memory i64 1 2 shared (pagesize 1))
        (memory i64 0xffff_ffff_ffff)""",
    "tags": "(type (func (param i32 f64))) (type (func)) (tag (type 0)) (tag (type 1))",
    "globals": """
        (import "a" "b" (global i32))
        (global i32 i32.const -5) (global (mut i64) i64.const 9) (global f32 f32.const nan:0x200000)
        (global f64 f64.const -0) (global v128 v128.const i64x2 1 2) (global funcref ref.null func)
        (global i32 (i32.mul (i32.sub (global.get 0) (i32.const 3)) (i32.const 4)))
        (global i64 (i64.add (i64.const 1) (i64.const 2)))
        (type (struct (field i32))) (global (ref 0) (struct.new 0 (i32.const 1)))
        (func) (global (ref func) ref.func 0)""",
    "element segments": """
        (func) (func) (table 1 funcref) (table 1 funcref) (table 1 (ref null 0) ref.null 0)
        (elem (offset i32.const 0) func 0 1) (elem func 0) (elem declare func 1)
        (elem (table 0) (offset i32.const 0) func 1) (elem (table 1) (offset i32.const 2) func)
        (elem (offset (i32.add (i32.const 0) (i32.const 1))) funcref (item ref.func 0))
        (elem funcref (item ref.func 0) (item ref.null func)) (elem declare funcref (ref.func 0))
        (elem (table 0) (offset i32.const 0) funcref (ref.func 0))
        (elem (table 1) (offset i32.const 0) funcref (ref.func 0))
        (elem (table 2) (offset i32.const 0) (ref 0) (ref.func 0)) (elem (ref func)) (elem funcref)
        (elem (offset i32.const 0) externref) (elem i31ref (item i32.const 1 ref.i31))""",
    "data segments": r"""
        (memory 1) (memory i64 1) (data (i32.const 0) "")
        (data (i32.const 0) "a\00\ff\"\\\0a'z~\7f")
        (data "passive") (data (memory 1) (i64.const 70000) "\f0\9f\a6\80")
        (data "0123456789012345678901234567890123456789012345678901234567890123")
        (data "01234567890123456789012345678901234567890123456789012345678901234")
        (func data.drop 2)""",
    "start": '(import "a" "b" (func)) (func) (start 1)',
    "exports": r"""
        (func) (table 1 funcref) (memory 1) (global i32 i32.const 0) (tag)
        (export "" (func 0)) (export "\"\00;)(;\e2\80\ae" (table 0)) (export "m" (memory 0))
        (export "g" (global 0)) (export "t" (tag 0)) (export "f" (func 0))""",
    "locals": """
        (func (param i32) (local i32 i32 i64) (local f32) (local v128 funcref (ref null 0) (ref 0)))
        (func (local i32 i64 i32))""",
    "block types": """
        (type (func (param i32) (result i32))) (type (func (result i32)))
        (func block end block (result i32) unreachable end block (type 1) unreachable end drop
          loop (type 0) end loop (result f64) unreachable end drop drop
          i32.const 0 if else end i32.const 0 if (result externref) unreachable else unreachable end
          drop block (result (ref null 0)) unreachable end drop)""",
    "branches": """
        (func block br 0 end block loop br 1 end end i32.const 1 br_if 0
          block block i32.const 0 br_table 0 1 2 end end i32.const 0 br_table 0 return)""",
    "calls": """
        (type (func)) (table 1 funcref) (table 1 funcref)
        (func call 1 i32.const 0 call_indirect (type 0) i32.const 0 call_indirect 1 (type 0)
          ref.func 1 call_ref 0)
        (func return_call 0) (func i32.const 0 return_call_indirect (type 0))
        (func i32.const 0 return_call_indirect 1 (type 0)) (func ref.func 0 return_call_ref 0)
        (elem declare func 0 1)""",
    "select": """
        (func (param i32) i32.const 1 i32.const 2 local.get 0 select
          i32.const 1 local.get 0 select (result i32) drop
          ref.null func ref.null func local.get 0 select (result funcref) drop
          select (result) select (result i32 i64))""",
    "references": """
        (type (struct)) (type (array i8))
        (func ref.null func ref.null extern ref.null any ref.null none ref.null 0 ref.is_null
          ref.eq ref.as_non_null ref.func 0
          ref.test (ref 0) ref.test (ref null 0) ref.test (ref i31) ref.test anyref
          ref.cast (ref 0) ref.cast (ref null 0) ref.cast (ref any) ref.cast (ref null none)
          br_on_null 0 br_on_non_null 0
          br_on_cast 0 (ref null any) (ref 0) br_on_cast 0 anyref structref
          br_on_cast_fail 0 (ref any) (ref 0) br_on_cast_fail 0 (ref eq) (ref null 1))""",
    "aggregates": """
        (type (struct (field i8) (field i32))) (type (array (mut i8))) (type (array funcref))
        (func struct.new 0 struct.new_default 0 struct.get 0 1 struct.get_s 0 0 struct.get_u 0 0
          struct.set 0 1 array.new 1 array.new_default 1 array.new_fixed 1 300 array.new_data 1 0
          array.new_elem 2 1 array.get 2 array.get_s 1 array.get_u 1 array.set 1 array.len
          array.fill 1 array.copy 1 2 array.init_data 1 0 array.init_elem 2 1
          any.convert_extern extern.convert_any ref.i31 i31.get_s i31.get_u)
        (data "a") (elem func) (elem func)""",
    "memory accesses": """
        (memory 1) (memory i64 1)
        (func i32.load i32.load offset=4 i32.load align=1 i32.load offset=9 align=2 i32.load 1
          i64.load8_s 1 offset=0xffff_ffff_ffff align=1 f64.store offset=4294967295 align=4
          i64.store32 1 align=2 v128.load v128.load align=8 v128.load8x8_s align=1 v128.load64_zero
          v128.load8_splat v128.load32_splat align=1 v128.load16_lane 3 v128.load16_lane 1 3
          v128.load8_lane 1 offset=2 7 v128.store64_lane offset=2 align=4 1
          memory.size memory.size 1 memory.grow memory.grow 1 memory.fill memory.fill 1
          memory.copy memory.copy 1 0 memory.copy 0 1 memory.copy 1 1
          memory.init 1 memory.init 1 0 data.drop 1)
        (data "a") (data "b")""",
    "atomics": """
        (memory 1 1 shared)
        (func atomic.fence i32.atomic.load i64.atomic.load8_u offset=3 i64.atomic.rmw32.cmpxchg_u
          i32.atomic.rmw.add offset=8 memory.atomic.notify memory.atomic.wait32 offset=4
          memory.atomic.wait64)""",
    "table instructions": """
        (table 1 funcref) (table 1 funcref) (elem func) (elem func)
        (func table.get table.get 1 table.set table.set 1 table.size 1 table.grow 1 table.fill 1
          table.copy table.copy 1 0 table.init 1 table.init 1 0 elem.drop 1)""",
    "exceptions": """
        (type (func (param i32))) (tag (type 0)) (tag)
        (func try_table end try_table (result i32) (catch 0 0) unreachable end drop
          try_table (catch 1 0) (catch_ref 1 0) (catch_all 0) (catch_all_ref 0) end
          throw 1)
        (func throw_ref)""",
    "legacy exceptions": """
        (type (func (param i32))) (tag (type 0)) (tag)
        (func try catch 0 drop catch 1 catch_all rethrow 0 end
          try (result i32) try throw 1 delegate 0 i32.const 1 catch 0 end drop)""",
    "integers": """
        (func i32.const 0x7fff_ffff i32.const 0x8000_0000 i32.const -1 i64.const -0x8000000000000000
          i64.const 0x7fff_ffff_ffff_ffff)""",
    "floats": """
        (func f32.const 0 f32.const -0 f32.const inf f32.const -inf f32.const nan f32.const -nan
          f32.const nan:0x1 f32.const -nan:0x7fffff f32.const 0x1p-149 f32.const 0x1.fffffep+127
          f32.const 0.1 f32.const 1e10 f64.const 0 f64.const -0 f64.const inf f64.const -inf
          f64.const nan f64.const -nan f64.const nan:0x4000000000000 f64.const -nan:0xfffffffffffff
          f64.const 0x1p-1074 f64.const 0x1.fffffffffffffp+1023 f64.const 0.1 f64.const -1e300)""",
    "vectors": """
        (func v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 255
          v128.const f64x2 nan:0x4000000000001 -0
          i8x16.shuffle 0 31 2 3 4 5 6 7 8 9 10 11 12 13 14 16
          i8x16.extract_lane_s 15 f64x2.replace_lane 1 i32x4.relaxed_trunc_f32x4_s
          i32x4.relaxed_dot_i8x16_i7x16_add_s i16x8.extadd_pairwise_i8x16_u v128.bitselect)""",
}
