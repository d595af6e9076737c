"""The opcode table: one row an instruction, the one place where instructions are listed.

Source: WebAssembly 3.0, Binary Format, Instructions; the legacy exception, threads and
relaxed SIMD proposals for the rows that name them.  Adding an instruction is adding a row
(and, when it is numeric, its meaning in `semantics.py`).  The file is long because the
instruction set is; `opcodes.py` explains and parses the columns:

    code     mnemonic     immediates     effects     stack type
"""

ROWS = """\
# Control (spec 3.0 §5.4.1); 06, 07, 09, 18, 19 are the legacy exceptions
00      unreachable                           -                                  tu    *
01      nop                                   -                                  -     ->
02      block                                 block                              -     *
03      loop                                  block                              -     *
04      if                                    block                              -     *
05      else                                  -                                  u     *
06      try                                   block                              -     *
07      catch                                 tag                                u     *
08      throw                                 tag                                xu    *
09      rethrow                               label                              xu    *
0A      throw_ref                             -                                  txu   *
0B      end                                   -                                  -     *
0C      br                                    label                              ju    *
0D      br_if                                 label                              j     *
0E      br_table                              labels                             ju    *
0F      return                                -                                  ju    *
10      call                                  func                               tcx   *
11      call_indirect                         type,table                         tcxb  *
12      return_call                           func                               tcxu  *
13      return_call_indirect                  type,table                         tcxbu *
14      call_ref                              type                               tcx   *
15      return_call_ref                       type                               tcxu  *
18      delegate                              label                              u     *
19      catch_all                             -                                  u     *
1A      drop                                  -                                  -     *
1B      select                                -                                  -     *
1C      select_t                              valtypes                           -     *
1F      try_table                             block,catches                      -     *
# Variables and tables
20      local.get                             local                              -     *
21      local.set                             local                              -     *
22      local.tee                             local                              -     *
23      global.get                            global                             g     *
24      global.set                            global                             G     *
25      table.get                             table                              tb    *
26      table.set                             table                              tB    *
# Memory
28      i32.load                              memarg                             tm    addr -> i32
29      i64.load                              memarg                             tm    addr -> i64
2A      f32.load                              memarg                             tm    addr -> f32
2B      f64.load                              memarg                             tm    addr -> f64
2C      i32.load8_s                           memarg                             tm    addr -> i32
2D      i32.load8_u                           memarg                             tm    addr -> i32
2E      i32.load16_s                          memarg                             tm    addr -> i32
2F      i32.load16_u                          memarg                             tm    addr -> i32
30      i64.load8_s                           memarg                             tm    addr -> i64
31      i64.load8_u                           memarg                             tm    addr -> i64
32      i64.load16_s                          memarg                             tm    addr -> i64
33      i64.load16_u                          memarg                             tm    addr -> i64
34      i64.load32_s                          memarg                             tm    addr -> i64
35      i64.load32_u                          memarg                             tm    addr -> i64
36      i32.store                             memarg                             tM    addr i32 ->
37      i64.store                             memarg                             tM    addr i64 ->
38      f32.store                             memarg                             tM    addr f32 ->
39      f64.store                             memarg                             tM    addr f64 ->
3A      i32.store8                            memarg                             tM    addr i32 ->
3B      i32.store16                           memarg                             tM    addr i32 ->
3C      i64.store8                            memarg                             tM    addr i64 ->
3D      i64.store16                           memarg                             tM    addr i64 ->
3E      i64.store32                           memarg                             tM    addr i64 ->
3F      memory.size                           memory                             m     -> addr
40      memory.grow                           memory                             mM    addr -> addr
# Constants and numeric instructions
41      i32.const                             i32                                -     -> i32
42      i64.const                             i64                                -     -> i64
43      f32.const                             f32                                -     -> f32
44      f64.const                             f64                                -     -> f64
45      i32.eqz                               -                                  -     i32 -> i32
46      i32.eq                                -                                  -     i32 i32 -> i32
47      i32.ne                                -                                  -     i32 i32 -> i32
48      i32.lt_s                              -                                  -     i32 i32 -> i32
49      i32.lt_u                              -                                  -     i32 i32 -> i32
4A      i32.gt_s                              -                                  -     i32 i32 -> i32
4B      i32.gt_u                              -                                  -     i32 i32 -> i32
4C      i32.le_s                              -                                  -     i32 i32 -> i32
4D      i32.le_u                              -                                  -     i32 i32 -> i32
4E      i32.ge_s                              -                                  -     i32 i32 -> i32
4F      i32.ge_u                              -                                  -     i32 i32 -> i32
50      i64.eqz                               -                                  -     i64 -> i32
51      i64.eq                                -                                  -     i64 i64 -> i32
52      i64.ne                                -                                  -     i64 i64 -> i32
53      i64.lt_s                              -                                  -     i64 i64 -> i32
54      i64.lt_u                              -                                  -     i64 i64 -> i32
55      i64.gt_s                              -                                  -     i64 i64 -> i32
56      i64.gt_u                              -                                  -     i64 i64 -> i32
57      i64.le_s                              -                                  -     i64 i64 -> i32
58      i64.le_u                              -                                  -     i64 i64 -> i32
59      i64.ge_s                              -                                  -     i64 i64 -> i32
5A      i64.ge_u                              -                                  -     i64 i64 -> i32
5B      f32.eq                                -                                  -     f32 f32 -> i32
5C      f32.ne                                -                                  -     f32 f32 -> i32
5D      f32.lt                                -                                  -     f32 f32 -> i32
5E      f32.gt                                -                                  -     f32 f32 -> i32
5F      f32.le                                -                                  -     f32 f32 -> i32
60      f32.ge                                -                                  -     f32 f32 -> i32
61      f64.eq                                -                                  -     f64 f64 -> i32
62      f64.ne                                -                                  -     f64 f64 -> i32
63      f64.lt                                -                                  -     f64 f64 -> i32
64      f64.gt                                -                                  -     f64 f64 -> i32
65      f64.le                                -                                  -     f64 f64 -> i32
66      f64.ge                                -                                  -     f64 f64 -> i32
67      i32.clz                               -                                  -     i32 -> i32
68      i32.ctz                               -                                  -     i32 -> i32
69      i32.popcnt                            -                                  -     i32 -> i32
6A      i32.add                               -                                  -     i32 i32 -> i32
6B      i32.sub                               -                                  -     i32 i32 -> i32
6C      i32.mul                               -                                  -     i32 i32 -> i32
6D      i32.div_s                             -                                  t     i32 i32 -> i32
6E      i32.div_u                             -                                  t     i32 i32 -> i32
6F      i32.rem_s                             -                                  t     i32 i32 -> i32
70      i32.rem_u                             -                                  t     i32 i32 -> i32
71      i32.and                               -                                  -     i32 i32 -> i32
72      i32.or                                -                                  -     i32 i32 -> i32
73      i32.xor                               -                                  -     i32 i32 -> i32
74      i32.shl                               -                                  -     i32 i32 -> i32
75      i32.shr_s                             -                                  -     i32 i32 -> i32
76      i32.shr_u                             -                                  -     i32 i32 -> i32
77      i32.rotl                              -                                  -     i32 i32 -> i32
78      i32.rotr                              -                                  -     i32 i32 -> i32
79      i64.clz                               -                                  -     i64 -> i64
7A      i64.ctz                               -                                  -     i64 -> i64
7B      i64.popcnt                            -                                  -     i64 -> i64
7C      i64.add                               -                                  -     i64 i64 -> i64
7D      i64.sub                               -                                  -     i64 i64 -> i64
7E      i64.mul                               -                                  -     i64 i64 -> i64
7F      i64.div_s                             -                                  t     i64 i64 -> i64
80      i64.div_u                             -                                  t     i64 i64 -> i64
81      i64.rem_s                             -                                  t     i64 i64 -> i64
82      i64.rem_u                             -                                  t     i64 i64 -> i64
83      i64.and                               -                                  -     i64 i64 -> i64
84      i64.or                                -                                  -     i64 i64 -> i64
85      i64.xor                               -                                  -     i64 i64 -> i64
86      i64.shl                               -                                  -     i64 i64 -> i64
87      i64.shr_s                             -                                  -     i64 i64 -> i64
88      i64.shr_u                             -                                  -     i64 i64 -> i64
89      i64.rotl                              -                                  -     i64 i64 -> i64
8A      i64.rotr                              -                                  -     i64 i64 -> i64
8B      f32.abs                               -                                  -     f32 -> f32
8C      f32.neg                               -                                  -     f32 -> f32
8D      f32.ceil                              -                                  -     f32 -> f32
8E      f32.floor                             -                                  -     f32 -> f32
8F      f32.trunc                             -                                  -     f32 -> f32
90      f32.nearest                           -                                  -     f32 -> f32
91      f32.sqrt                              -                                  -     f32 -> f32
92      f32.add                               -                                  -     f32 f32 -> f32
93      f32.sub                               -                                  -     f32 f32 -> f32
94      f32.mul                               -                                  -     f32 f32 -> f32
95      f32.div                               -                                  -     f32 f32 -> f32
96      f32.min                               -                                  -     f32 f32 -> f32
97      f32.max                               -                                  -     f32 f32 -> f32
98      f32.copysign                          -                                  -     f32 f32 -> f32
99      f64.abs                               -                                  -     f64 -> f64
9A      f64.neg                               -                                  -     f64 -> f64
9B      f64.ceil                              -                                  -     f64 -> f64
9C      f64.floor                             -                                  -     f64 -> f64
9D      f64.trunc                             -                                  -     f64 -> f64
9E      f64.nearest                           -                                  -     f64 -> f64
9F      f64.sqrt                              -                                  -     f64 -> f64
A0      f64.add                               -                                  -     f64 f64 -> f64
A1      f64.sub                               -                                  -     f64 f64 -> f64
A2      f64.mul                               -                                  -     f64 f64 -> f64
A3      f64.div                               -                                  -     f64 f64 -> f64
A4      f64.min                               -                                  -     f64 f64 -> f64
A5      f64.max                               -                                  -     f64 f64 -> f64
A6      f64.copysign                          -                                  -     f64 f64 -> f64
A7      i32.wrap_i64                          -                                  -     i64 -> i32
A8      i32.trunc_f32_s                       -                                  t     f32 -> i32
A9      i32.trunc_f32_u                       -                                  t     f32 -> i32
AA      i32.trunc_f64_s                       -                                  t     f64 -> i32
AB      i32.trunc_f64_u                       -                                  t     f64 -> i32
AC      i64.extend_i32_s                      -                                  -     i32 -> i64
AD      i64.extend_i32_u                      -                                  -     i32 -> i64
AE      i64.trunc_f32_s                       -                                  t     f32 -> i64
AF      i64.trunc_f32_u                       -                                  t     f32 -> i64
B0      i64.trunc_f64_s                       -                                  t     f64 -> i64
B1      i64.trunc_f64_u                       -                                  t     f64 -> i64
B2      f32.convert_i32_s                     -                                  -     i32 -> f32
B3      f32.convert_i32_u                     -                                  -     i32 -> f32
B4      f32.convert_i64_s                     -                                  -     i64 -> f32
B5      f32.convert_i64_u                     -                                  -     i64 -> f32
B6      f32.demote_f64                        -                                  -     f64 -> f32
B7      f64.convert_i32_s                     -                                  -     i32 -> f64
B8      f64.convert_i32_u                     -                                  -     i32 -> f64
B9      f64.convert_i64_s                     -                                  -     i64 -> f64
BA      f64.convert_i64_u                     -                                  -     i64 -> f64
BB      f64.promote_f32                       -                                  -     f32 -> f64
BC      i32.reinterpret_f32                   -                                  -     f32 -> i32
BD      i64.reinterpret_f64                   -                                  -     f64 -> i64
BE      f32.reinterpret_i32                   -                                  -     i32 -> f32
BF      f64.reinterpret_i64                   -                                  -     i64 -> f64
C0      i32.extend8_s                         -                                  -     i32 -> i32
C1      i32.extend16_s                        -                                  -     i32 -> i32
C2      i64.extend8_s                         -                                  -     i64 -> i64
C3      i64.extend16_s                        -                                  -     i64 -> i64
C4      i64.extend32_s                        -                                  -     i64 -> i64
# References
D0      ref.null                              heaptype                           -     *
D1      ref.is_null                           -                                  -     *
D2      ref.func                              func                               -     *
D3      ref.eq                                -                                  -     *
D4      ref.as_non_null                       -                                  t     *
D5      br_on_null                            label                              j     *
D6      br_on_non_null                        label                              j     *
# Aggregates (prefix FB; spec 3.0 §5.4.3)
FB.0    struct.new                            type                               n     *
FB.1    struct.new_default                    type                               n     *
FB.2    struct.get                            type,field                         th    *
FB.3    struct.get_s                          type,field                         th    *
FB.4    struct.get_u                          type,field                         th    *
FB.5    struct.set                            type,field                         tH    *
FB.6    array.new                             type                               tn    *
FB.7    array.new_default                     type                               tn    *
FB.8    array.new_fixed                       type,count                         n     *
FB.9    array.new_data                        type,data                          tns   *
FB.10   array.new_elem                        type,elem                          tns   *
FB.11   array.get                             type                               th    *
FB.12   array.get_s                           type                               th    *
FB.13   array.get_u                           type                               th    *
FB.14   array.set                             type                               tH    *
FB.15   array.len                             -                                  t     *
FB.16   array.fill                            type                               tH    *
FB.17   array.copy                            type,type                          thH   *
FB.18   array.init_data                       type,data                          tsH   *
FB.19   array.init_elem                       type,elem                          tsH   *
FB.20   ref.test                              heaptype                           -     *
FB.21   ref.test_null                         heaptype                           -     *
FB.22   ref.cast                              heaptype                           t     *
FB.23   ref.cast_null                         heaptype                           t     *
FB.24   br_on_cast                            castflags,label,heaptype,heaptype  j     *
FB.25   br_on_cast_fail                       castflags,label,heaptype,heaptype  j     *
FB.26   any.convert_extern                    -                                  -     *
FB.27   extern.convert_any                    -                                  -     *
FB.28   ref.i31                               -                                  -     *
FB.29   i31.get_s                             -                                  t     *
FB.30   i31.get_u                             -                                  t     *
# Saturating truncation and bulk operations (prefix FC)
FC.0    i32.trunc_sat_f32_s                   -                                  -     f32 -> i32
FC.1    i32.trunc_sat_f32_u                   -                                  -     f32 -> i32
FC.2    i32.trunc_sat_f64_s                   -                                  -     f64 -> i32
FC.3    i32.trunc_sat_f64_u                   -                                  -     f64 -> i32
FC.4    i64.trunc_sat_f32_s                   -                                  -     f32 -> i64
FC.5    i64.trunc_sat_f32_u                   -                                  -     f32 -> i64
FC.6    i64.trunc_sat_f64_s                   -                                  -     f64 -> i64
FC.7    i64.trunc_sat_f64_u                   -                                  -     f64 -> i64
FC.8    memory.init                           data,memory                        tMs   addr i32 i32 ->
FC.9    data.drop                             data                               S     ->
FC.10   memory.copy                           memory,memory                      tmM   addr addr2 len ->
FC.11   memory.fill                           memory                             tM    addr i32 addr ->
FC.12   table.init                            elem,table                         tBs   taddr i32 i32 ->
FC.13   elem.drop                             elem                               S     ->
FC.14   table.copy                            table,table                        tbB   taddr taddr2 len ->
FC.15   table.grow                            table                              bB    *
FC.16   table.size                            table                              b     -> taddr
FC.17   table.fill                            table                              tB    *
# Vectors (prefix FD; spec 3.0 §5.4.10); 256 and up are relaxed
FD.0    v128.load                             memarg                             tm    addr -> v128
FD.1    v128.load8x8_s                        memarg                             tm    addr -> v128
FD.2    v128.load8x8_u                        memarg                             tm    addr -> v128
FD.3    v128.load16x4_s                       memarg                             tm    addr -> v128
FD.4    v128.load16x4_u                       memarg                             tm    addr -> v128
FD.5    v128.load32x2_s                       memarg                             tm    addr -> v128
FD.6    v128.load32x2_u                       memarg                             tm    addr -> v128
FD.7    v128.load8_splat                      memarg                             tm    addr -> v128
FD.8    v128.load16_splat                     memarg                             tm    addr -> v128
FD.9    v128.load32_splat                     memarg                             tm    addr -> v128
FD.10   v128.load64_splat                     memarg                             tm    addr -> v128
FD.11   v128.store                            memarg                             tM    addr v128 ->
FD.12   v128.const                            v128                               -     -> v128
FD.13   i8x16.shuffle                         lanes                              -     v128 v128 -> v128
FD.14   i8x16.swizzle                         -                                  -     v128 v128 -> v128
FD.15   i8x16.splat                           -                                  -     i32 -> v128
FD.16   i16x8.splat                           -                                  -     i32 -> v128
FD.17   i32x4.splat                           -                                  -     i32 -> v128
FD.18   i64x2.splat                           -                                  -     i64 -> v128
FD.19   f32x4.splat                           -                                  -     f32 -> v128
FD.20   f64x2.splat                           -                                  -     f64 -> v128
FD.21   i8x16.extract_lane_s                  lane                               -     v128 -> i32
FD.22   i8x16.extract_lane_u                  lane                               -     v128 -> i32
FD.23   i8x16.replace_lane                    lane                               -     v128 i32 -> v128
FD.24   i16x8.extract_lane_s                  lane                               -     v128 -> i32
FD.25   i16x8.extract_lane_u                  lane                               -     v128 -> i32
FD.26   i16x8.replace_lane                    lane                               -     v128 i32 -> v128
FD.27   i32x4.extract_lane                    lane                               -     v128 -> i32
FD.28   i32x4.replace_lane                    lane                               -     v128 i32 -> v128
FD.29   i64x2.extract_lane                    lane                               -     v128 -> i64
FD.30   i64x2.replace_lane                    lane                               -     v128 i64 -> v128
FD.31   f32x4.extract_lane                    lane                               -     v128 -> f32
FD.32   f32x4.replace_lane                    lane                               -     v128 f32 -> v128
FD.33   f64x2.extract_lane                    lane                               -     v128 -> f64
FD.34   f64x2.replace_lane                    lane                               -     v128 f64 -> v128
FD.35   i8x16.eq                              -                                  -     v128 v128 -> v128
FD.36   i8x16.ne                              -                                  -     v128 v128 -> v128
FD.37   i8x16.lt_s                            -                                  -     v128 v128 -> v128
FD.38   i8x16.lt_u                            -                                  -     v128 v128 -> v128
FD.39   i8x16.gt_s                            -                                  -     v128 v128 -> v128
FD.40   i8x16.gt_u                            -                                  -     v128 v128 -> v128
FD.41   i8x16.le_s                            -                                  -     v128 v128 -> v128
FD.42   i8x16.le_u                            -                                  -     v128 v128 -> v128
FD.43   i8x16.ge_s                            -                                  -     v128 v128 -> v128
FD.44   i8x16.ge_u                            -                                  -     v128 v128 -> v128
FD.45   i16x8.eq                              -                                  -     v128 v128 -> v128
FD.46   i16x8.ne                              -                                  -     v128 v128 -> v128
FD.47   i16x8.lt_s                            -                                  -     v128 v128 -> v128
FD.48   i16x8.lt_u                            -                                  -     v128 v128 -> v128
FD.49   i16x8.gt_s                            -                                  -     v128 v128 -> v128
FD.50   i16x8.gt_u                            -                                  -     v128 v128 -> v128
FD.51   i16x8.le_s                            -                                  -     v128 v128 -> v128
FD.52   i16x8.le_u                            -                                  -     v128 v128 -> v128
FD.53   i16x8.ge_s                            -                                  -     v128 v128 -> v128
FD.54   i16x8.ge_u                            -                                  -     v128 v128 -> v128
FD.55   i32x4.eq                              -                                  -     v128 v128 -> v128
FD.56   i32x4.ne                              -                                  -     v128 v128 -> v128
FD.57   i32x4.lt_s                            -                                  -     v128 v128 -> v128
FD.58   i32x4.lt_u                            -                                  -     v128 v128 -> v128
FD.59   i32x4.gt_s                            -                                  -     v128 v128 -> v128
FD.60   i32x4.gt_u                            -                                  -     v128 v128 -> v128
FD.61   i32x4.le_s                            -                                  -     v128 v128 -> v128
FD.62   i32x4.le_u                            -                                  -     v128 v128 -> v128
FD.63   i32x4.ge_s                            -                                  -     v128 v128 -> v128
FD.64   i32x4.ge_u                            -                                  -     v128 v128 -> v128
FD.65   f32x4.eq                              -                                  -     v128 v128 -> v128
FD.66   f32x4.ne                              -                                  -     v128 v128 -> v128
FD.67   f32x4.lt                              -                                  -     v128 v128 -> v128
FD.68   f32x4.gt                              -                                  -     v128 v128 -> v128
FD.69   f32x4.le                              -                                  -     v128 v128 -> v128
FD.70   f32x4.ge                              -                                  -     v128 v128 -> v128
FD.71   f64x2.eq                              -                                  -     v128 v128 -> v128
FD.72   f64x2.ne                              -                                  -     v128 v128 -> v128
FD.73   f64x2.lt                              -                                  -     v128 v128 -> v128
FD.74   f64x2.gt                              -                                  -     v128 v128 -> v128
FD.75   f64x2.le                              -                                  -     v128 v128 -> v128
FD.76   f64x2.ge                              -                                  -     v128 v128 -> v128
FD.77   v128.not                              -                                  -     v128 -> v128
FD.78   v128.and                              -                                  -     v128 v128 -> v128
FD.79   v128.andnot                           -                                  -     v128 v128 -> v128
FD.80   v128.or                               -                                  -     v128 v128 -> v128
FD.81   v128.xor                              -                                  -     v128 v128 -> v128
FD.82   v128.bitselect                        -                                  -     v128 v128 v128 -> v128
FD.83   v128.any_true                         -                                  -     v128 -> i32
FD.84   v128.load8_lane                       memarg,lane                        tm    addr v128 -> v128
FD.85   v128.load16_lane                      memarg,lane                        tm    addr v128 -> v128
FD.86   v128.load32_lane                      memarg,lane                        tm    addr v128 -> v128
FD.87   v128.load64_lane                      memarg,lane                        tm    addr v128 -> v128
FD.88   v128.store8_lane                      memarg,lane                        tM    addr v128 ->
FD.89   v128.store16_lane                     memarg,lane                        tM    addr v128 ->
FD.90   v128.store32_lane                     memarg,lane                        tM    addr v128 ->
FD.91   v128.store64_lane                     memarg,lane                        tM    addr v128 ->
FD.92   v128.load32_zero                      memarg                             tm    addr -> v128
FD.93   v128.load64_zero                      memarg                             tm    addr -> v128
FD.94   f32x4.demote_f64x2_zero               -                                  -     v128 -> v128
FD.95   f64x2.promote_low_f32x4               -                                  -     v128 -> v128
FD.96   i8x16.abs                             -                                  -     v128 -> v128
FD.97   i8x16.neg                             -                                  -     v128 -> v128
FD.98   i8x16.popcnt                          -                                  -     v128 -> v128
FD.99   i8x16.all_true                        -                                  -     v128 -> i32
FD.100  i8x16.bitmask                         -                                  -     v128 -> i32
FD.101  i8x16.narrow_i16x8_s                  -                                  -     v128 v128 -> v128
FD.102  i8x16.narrow_i16x8_u                  -                                  -     v128 v128 -> v128
FD.103  f32x4.ceil                            -                                  -     v128 -> v128
FD.104  f32x4.floor                           -                                  -     v128 -> v128
FD.105  f32x4.trunc                           -                                  -     v128 -> v128
FD.106  f32x4.nearest                         -                                  -     v128 -> v128
FD.107  i8x16.shl                             -                                  -     v128 i32 -> v128
FD.108  i8x16.shr_s                           -                                  -     v128 i32 -> v128
FD.109  i8x16.shr_u                           -                                  -     v128 i32 -> v128
FD.110  i8x16.add                             -                                  -     v128 v128 -> v128
FD.111  i8x16.add_sat_s                       -                                  -     v128 v128 -> v128
FD.112  i8x16.add_sat_u                       -                                  -     v128 v128 -> v128
FD.113  i8x16.sub                             -                                  -     v128 v128 -> v128
FD.114  i8x16.sub_sat_s                       -                                  -     v128 v128 -> v128
FD.115  i8x16.sub_sat_u                       -                                  -     v128 v128 -> v128
FD.116  f64x2.ceil                            -                                  -     v128 -> v128
FD.117  f64x2.floor                           -                                  -     v128 -> v128
FD.118  i8x16.min_s                           -                                  -     v128 v128 -> v128
FD.119  i8x16.min_u                           -                                  -     v128 v128 -> v128
FD.120  i8x16.max_s                           -                                  -     v128 v128 -> v128
FD.121  i8x16.max_u                           -                                  -     v128 v128 -> v128
FD.122  f64x2.trunc                           -                                  -     v128 -> v128
FD.123  i8x16.avgr_u                          -                                  -     v128 v128 -> v128
FD.124  i16x8.extadd_pairwise_i8x16_s         -                                  -     v128 -> v128
FD.125  i16x8.extadd_pairwise_i8x16_u         -                                  -     v128 -> v128
FD.126  i32x4.extadd_pairwise_i16x8_s         -                                  -     v128 -> v128
FD.127  i32x4.extadd_pairwise_i16x8_u         -                                  -     v128 -> v128
FD.128  i16x8.abs                             -                                  -     v128 -> v128
FD.129  i16x8.neg                             -                                  -     v128 -> v128
FD.130  i16x8.q15mulr_sat_s                   -                                  -     v128 v128 -> v128
FD.131  i16x8.all_true                        -                                  -     v128 -> i32
FD.132  i16x8.bitmask                         -                                  -     v128 -> i32
FD.133  i16x8.narrow_i32x4_s                  -                                  -     v128 v128 -> v128
FD.134  i16x8.narrow_i32x4_u                  -                                  -     v128 v128 -> v128
FD.135  i16x8.extend_low_i8x16_s              -                                  -     v128 -> v128
FD.136  i16x8.extend_high_i8x16_s             -                                  -     v128 -> v128
FD.137  i16x8.extend_low_i8x16_u              -                                  -     v128 -> v128
FD.138  i16x8.extend_high_i8x16_u             -                                  -     v128 -> v128
FD.139  i16x8.shl                             -                                  -     v128 i32 -> v128
FD.140  i16x8.shr_s                           -                                  -     v128 i32 -> v128
FD.141  i16x8.shr_u                           -                                  -     v128 i32 -> v128
FD.142  i16x8.add                             -                                  -     v128 v128 -> v128
FD.143  i16x8.add_sat_s                       -                                  -     v128 v128 -> v128
FD.144  i16x8.add_sat_u                       -                                  -     v128 v128 -> v128
FD.145  i16x8.sub                             -                                  -     v128 v128 -> v128
FD.146  i16x8.sub_sat_s                       -                                  -     v128 v128 -> v128
FD.147  i16x8.sub_sat_u                       -                                  -     v128 v128 -> v128
FD.148  f64x2.nearest                         -                                  -     v128 -> v128
FD.149  i16x8.mul                             -                                  -     v128 v128 -> v128
FD.150  i16x8.min_s                           -                                  -     v128 v128 -> v128
FD.151  i16x8.min_u                           -                                  -     v128 v128 -> v128
FD.152  i16x8.max_s                           -                                  -     v128 v128 -> v128
FD.153  i16x8.max_u                           -                                  -     v128 v128 -> v128
FD.155  i16x8.avgr_u                          -                                  -     v128 v128 -> v128
FD.156  i16x8.extmul_low_i8x16_s              -                                  -     v128 v128 -> v128
FD.157  i16x8.extmul_high_i8x16_s             -                                  -     v128 v128 -> v128
FD.158  i16x8.extmul_low_i8x16_u              -                                  -     v128 v128 -> v128
FD.159  i16x8.extmul_high_i8x16_u             -                                  -     v128 v128 -> v128
FD.160  i32x4.abs                             -                                  -     v128 -> v128
FD.161  i32x4.neg                             -                                  -     v128 -> v128
FD.163  i32x4.all_true                        -                                  -     v128 -> i32
FD.164  i32x4.bitmask                         -                                  -     v128 -> i32
FD.167  i32x4.extend_low_i16x8_s              -                                  -     v128 -> v128
FD.168  i32x4.extend_high_i16x8_s             -                                  -     v128 -> v128
FD.169  i32x4.extend_low_i16x8_u              -                                  -     v128 -> v128
FD.170  i32x4.extend_high_i16x8_u             -                                  -     v128 -> v128
FD.171  i32x4.shl                             -                                  -     v128 i32 -> v128
FD.172  i32x4.shr_s                           -                                  -     v128 i32 -> v128
FD.173  i32x4.shr_u                           -                                  -     v128 i32 -> v128
FD.174  i32x4.add                             -                                  -     v128 v128 -> v128
FD.177  i32x4.sub                             -                                  -     v128 v128 -> v128
FD.181  i32x4.mul                             -                                  -     v128 v128 -> v128
FD.182  i32x4.min_s                           -                                  -     v128 v128 -> v128
FD.183  i32x4.min_u                           -                                  -     v128 v128 -> v128
FD.184  i32x4.max_s                           -                                  -     v128 v128 -> v128
FD.185  i32x4.max_u                           -                                  -     v128 v128 -> v128
FD.186  i32x4.dot_i16x8_s                     -                                  -     v128 v128 -> v128
FD.188  i32x4.extmul_low_i16x8_s              -                                  -     v128 v128 -> v128
FD.189  i32x4.extmul_high_i16x8_s             -                                  -     v128 v128 -> v128
FD.190  i32x4.extmul_low_i16x8_u              -                                  -     v128 v128 -> v128
FD.191  i32x4.extmul_high_i16x8_u             -                                  -     v128 v128 -> v128
FD.192  i64x2.abs                             -                                  -     v128 -> v128
FD.193  i64x2.neg                             -                                  -     v128 -> v128
FD.195  i64x2.all_true                        -                                  -     v128 -> i32
FD.196  i64x2.bitmask                         -                                  -     v128 -> i32
FD.199  i64x2.extend_low_i32x4_s              -                                  -     v128 -> v128
FD.200  i64x2.extend_high_i32x4_s             -                                  -     v128 -> v128
FD.201  i64x2.extend_low_i32x4_u              -                                  -     v128 -> v128
FD.202  i64x2.extend_high_i32x4_u             -                                  -     v128 -> v128
FD.203  i64x2.shl                             -                                  -     v128 i32 -> v128
FD.204  i64x2.shr_s                           -                                  -     v128 i32 -> v128
FD.205  i64x2.shr_u                           -                                  -     v128 i32 -> v128
FD.206  i64x2.add                             -                                  -     v128 v128 -> v128
FD.209  i64x2.sub                             -                                  -     v128 v128 -> v128
FD.213  i64x2.mul                             -                                  -     v128 v128 -> v128
FD.214  i64x2.eq                              -                                  -     v128 v128 -> v128
FD.215  i64x2.ne                              -                                  -     v128 v128 -> v128
FD.216  i64x2.lt_s                            -                                  -     v128 v128 -> v128
FD.217  i64x2.gt_s                            -                                  -     v128 v128 -> v128
FD.218  i64x2.le_s                            -                                  -     v128 v128 -> v128
FD.219  i64x2.ge_s                            -                                  -     v128 v128 -> v128
FD.220  i64x2.extmul_low_i32x4_s              -                                  -     v128 v128 -> v128
FD.221  i64x2.extmul_high_i32x4_s             -                                  -     v128 v128 -> v128
FD.222  i64x2.extmul_low_i32x4_u              -                                  -     v128 v128 -> v128
FD.223  i64x2.extmul_high_i32x4_u             -                                  -     v128 v128 -> v128
FD.224  f32x4.abs                             -                                  -     v128 -> v128
FD.225  f32x4.neg                             -                                  -     v128 -> v128
FD.227  f32x4.sqrt                            -                                  -     v128 -> v128
FD.228  f32x4.add                             -                                  -     v128 v128 -> v128
FD.229  f32x4.sub                             -                                  -     v128 v128 -> v128
FD.230  f32x4.mul                             -                                  -     v128 v128 -> v128
FD.231  f32x4.div                             -                                  -     v128 v128 -> v128
FD.232  f32x4.min                             -                                  -     v128 v128 -> v128
FD.233  f32x4.max                             -                                  -     v128 v128 -> v128
FD.234  f32x4.pmin                            -                                  -     v128 v128 -> v128
FD.235  f32x4.pmax                            -                                  -     v128 v128 -> v128
FD.236  f64x2.abs                             -                                  -     v128 -> v128
FD.237  f64x2.neg                             -                                  -     v128 -> v128
FD.239  f64x2.sqrt                            -                                  -     v128 -> v128
FD.240  f64x2.add                             -                                  -     v128 v128 -> v128
FD.241  f64x2.sub                             -                                  -     v128 v128 -> v128
FD.242  f64x2.mul                             -                                  -     v128 v128 -> v128
FD.243  f64x2.div                             -                                  -     v128 v128 -> v128
FD.244  f64x2.min                             -                                  -     v128 v128 -> v128
FD.245  f64x2.max                             -                                  -     v128 v128 -> v128
FD.246  f64x2.pmin                            -                                  -     v128 v128 -> v128
FD.247  f64x2.pmax                            -                                  -     v128 v128 -> v128
FD.248  i32x4.trunc_sat_f32x4_s               -                                  -     v128 -> v128
FD.249  i32x4.trunc_sat_f32x4_u               -                                  -     v128 -> v128
FD.250  f32x4.convert_i32x4_s                 -                                  -     v128 -> v128
FD.251  f32x4.convert_i32x4_u                 -                                  -     v128 -> v128
FD.252  i32x4.trunc_sat_f64x2_s_zero          -                                  -     v128 -> v128
FD.253  i32x4.trunc_sat_f64x2_u_zero          -                                  -     v128 -> v128
FD.254  f64x2.convert_low_i32x4_s             -                                  -     v128 -> v128
FD.255  f64x2.convert_low_i32x4_u             -                                  -     v128 -> v128
FD.256  i8x16.relaxed_swizzle                 -                                  -     v128 v128 -> v128
FD.257  i32x4.relaxed_trunc_f32x4_s           -                                  -     v128 -> v128
FD.258  i32x4.relaxed_trunc_f32x4_u           -                                  -     v128 -> v128
FD.259  i32x4.relaxed_trunc_f64x2_s_zero      -                                  -     v128 -> v128
FD.260  i32x4.relaxed_trunc_f64x2_u_zero      -                                  -     v128 -> v128
FD.261  f32x4.relaxed_madd                    -                                  -     v128 v128 v128 -> v128
FD.262  f32x4.relaxed_nmadd                   -                                  -     v128 v128 v128 -> v128
FD.263  f64x2.relaxed_madd                    -                                  -     v128 v128 v128 -> v128
FD.264  f64x2.relaxed_nmadd                   -                                  -     v128 v128 v128 -> v128
FD.265  i8x16.relaxed_laneselect              -                                  -     v128 v128 v128 -> v128
FD.266  i16x8.relaxed_laneselect              -                                  -     v128 v128 v128 -> v128
FD.267  i32x4.relaxed_laneselect              -                                  -     v128 v128 v128 -> v128
FD.268  i64x2.relaxed_laneselect              -                                  -     v128 v128 v128 -> v128
FD.269  f32x4.relaxed_min                     -                                  -     v128 v128 -> v128
FD.270  f32x4.relaxed_max                     -                                  -     v128 v128 -> v128
FD.271  f64x2.relaxed_min                     -                                  -     v128 v128 -> v128
FD.272  f64x2.relaxed_max                     -                                  -     v128 v128 -> v128
FD.273  i16x8.relaxed_q15mulr_s               -                                  -     v128 v128 -> v128
FD.274  i16x8.relaxed_dot_i8x16_i7x16_s       -                                  -     v128 v128 -> v128
FD.275  i32x4.relaxed_dot_i8x16_i7x16_add_s   -                                  -     v128 v128 v128 -> v128
# Threads (prefix FE)
FE.0    memory.atomic.notify                  memarg                             tmMa  addr i32 -> i32
FE.1    memory.atomic.wait32                  memarg                             tmMa  addr i32 i64 -> i32
FE.2    memory.atomic.wait64                  memarg                             tmMa  addr i64 i64 -> i32
FE.3    atomic.fence                          zero                               mMa   ->
FE.16   i32.atomic.load                       memarg                             tma   addr -> i32
FE.17   i64.atomic.load                       memarg                             tma   addr -> i64
FE.18   i32.atomic.load8_u                    memarg                             tma   addr -> i32
FE.19   i32.atomic.load16_u                   memarg                             tma   addr -> i32
FE.20   i64.atomic.load8_u                    memarg                             tma   addr -> i64
FE.21   i64.atomic.load16_u                   memarg                             tma   addr -> i64
FE.22   i64.atomic.load32_u                   memarg                             tma   addr -> i64
FE.23   i32.atomic.store                      memarg                             tMa   addr i32 ->
FE.24   i64.atomic.store                      memarg                             tMa   addr i64 ->
FE.25   i32.atomic.store8                     memarg                             tMa   addr i32 ->
FE.26   i32.atomic.store16                    memarg                             tMa   addr i32 ->
FE.27   i64.atomic.store8                     memarg                             tMa   addr i64 ->
FE.28   i64.atomic.store16                    memarg                             tMa   addr i64 ->
FE.29   i64.atomic.store32                    memarg                             tMa   addr i64 ->
FE.30   i32.atomic.rmw.add                    memarg                             tmMa  addr i32 -> i32
FE.31   i64.atomic.rmw.add                    memarg                             tmMa  addr i64 -> i64
FE.32   i32.atomic.rmw8.add_u                 memarg                             tmMa  addr i32 -> i32
FE.33   i32.atomic.rmw16.add_u                memarg                             tmMa  addr i32 -> i32
FE.34   i64.atomic.rmw8.add_u                 memarg                             tmMa  addr i64 -> i64
FE.35   i64.atomic.rmw16.add_u                memarg                             tmMa  addr i64 -> i64
FE.36   i64.atomic.rmw32.add_u                memarg                             tmMa  addr i64 -> i64
FE.37   i32.atomic.rmw.sub                    memarg                             tmMa  addr i32 -> i32
FE.38   i64.atomic.rmw.sub                    memarg                             tmMa  addr i64 -> i64
FE.39   i32.atomic.rmw8.sub_u                 memarg                             tmMa  addr i32 -> i32
FE.40   i32.atomic.rmw16.sub_u                memarg                             tmMa  addr i32 -> i32
FE.41   i64.atomic.rmw8.sub_u                 memarg                             tmMa  addr i64 -> i64
FE.42   i64.atomic.rmw16.sub_u                memarg                             tmMa  addr i64 -> i64
FE.43   i64.atomic.rmw32.sub_u                memarg                             tmMa  addr i64 -> i64
FE.44   i32.atomic.rmw.and                    memarg                             tmMa  addr i32 -> i32
FE.45   i64.atomic.rmw.and                    memarg                             tmMa  addr i64 -> i64
FE.46   i32.atomic.rmw8.and_u                 memarg                             tmMa  addr i32 -> i32
FE.47   i32.atomic.rmw16.and_u                memarg                             tmMa  addr i32 -> i32
FE.48   i64.atomic.rmw8.and_u                 memarg                             tmMa  addr i64 -> i64
FE.49   i64.atomic.rmw16.and_u                memarg                             tmMa  addr i64 -> i64
FE.50   i64.atomic.rmw32.and_u                memarg                             tmMa  addr i64 -> i64
FE.51   i32.atomic.rmw.or                     memarg                             tmMa  addr i32 -> i32
FE.52   i64.atomic.rmw.or                     memarg                             tmMa  addr i64 -> i64
FE.53   i32.atomic.rmw8.or_u                  memarg                             tmMa  addr i32 -> i32
FE.54   i32.atomic.rmw16.or_u                 memarg                             tmMa  addr i32 -> i32
FE.55   i64.atomic.rmw8.or_u                  memarg                             tmMa  addr i64 -> i64
FE.56   i64.atomic.rmw16.or_u                 memarg                             tmMa  addr i64 -> i64
FE.57   i64.atomic.rmw32.or_u                 memarg                             tmMa  addr i64 -> i64
FE.58   i32.atomic.rmw.xor                    memarg                             tmMa  addr i32 -> i32
FE.59   i64.atomic.rmw.xor                    memarg                             tmMa  addr i64 -> i64
FE.60   i32.atomic.rmw8.xor_u                 memarg                             tmMa  addr i32 -> i32
FE.61   i32.atomic.rmw16.xor_u                memarg                             tmMa  addr i32 -> i32
FE.62   i64.atomic.rmw8.xor_u                 memarg                             tmMa  addr i64 -> i64
FE.63   i64.atomic.rmw16.xor_u                memarg                             tmMa  addr i64 -> i64
FE.64   i64.atomic.rmw32.xor_u                memarg                             tmMa  addr i64 -> i64
FE.65   i32.atomic.rmw.xchg                   memarg                             tmMa  addr i32 -> i32
FE.66   i64.atomic.rmw.xchg                   memarg                             tmMa  addr i64 -> i64
FE.67   i32.atomic.rmw8.xchg_u                memarg                             tmMa  addr i32 -> i32
FE.68   i32.atomic.rmw16.xchg_u               memarg                             tmMa  addr i32 -> i32
FE.69   i64.atomic.rmw8.xchg_u                memarg                             tmMa  addr i64 -> i64
FE.70   i64.atomic.rmw16.xchg_u               memarg                             tmMa  addr i64 -> i64
FE.71   i64.atomic.rmw32.xchg_u               memarg                             tmMa  addr i64 -> i64
FE.72   i32.atomic.rmw.cmpxchg                memarg                             tmMa  addr i32 i32 -> i32
FE.73   i64.atomic.rmw.cmpxchg                memarg                             tmMa  addr i64 i64 -> i64
FE.74   i32.atomic.rmw8.cmpxchg_u             memarg                             tmMa  addr i32 i32 -> i32
FE.75   i32.atomic.rmw16.cmpxchg_u            memarg                             tmMa  addr i32 i32 -> i32
FE.76   i64.atomic.rmw8.cmpxchg_u             memarg                             tmMa  addr i64 i64 -> i64
FE.77   i64.atomic.rmw16.cmpxchg_u            memarg                             tmMa  addr i64 i64 -> i64
FE.78   i64.atomic.rmw32.cmpxchg_u            memarg                             tmMa  addr i64 i64 -> i64
"""
