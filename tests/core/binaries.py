"""Pieces of binary modules, put together by hand, and small whole ones."""

from __future__ import annotations

from pathlib import Path

from wasmopt.reader import unsigned_leb
from wasmopt.text import read_text

BUILT = sorted((Path(__file__).resolve().parents[2] / "corpus" / "built").glob("*.wasm"))
HEADER = b"\0asm\1\0\0\0"
CHUNK = 1 << 16
"""Bytes that the tokenizer looks at together."""


def section(number: int, content: bytes) -> bytes:
    return bytes([number]) + unsigned_leb(len(content)) + content


def vector(*items: bytes) -> bytes:
    return unsigned_leb(len(items)) + b"".join(items)


def sized(content: bytes) -> bytes:
    return unsigned_leb(len(content)) + content


def custom(name: bytes, data: bytes = b"") -> bytes:
    return section(0, sized(name) + data)


VOID = section(1, vector(b"\x60\0\0"))
ONE_FUNCTION = VOID + section(3, vector(b"\0"))
EXPORT = section(7, vector(sized(b"f") + b"\0\0"))
"""Exports the first function: what nothing names would go."""


def module_of(body: bytes, locals_: bytes = b"\0", *, exported: bool = False) -> bytes:
    """A module of one function with these local declarations and this body, `end` included."""
    export = EXPORT if exported else b""
    return HEADER + ONE_FUNCTION + export + section(10, vector(sized(locals_ + body)))


def section_at(data: bytes, position: int) -> tuple[int, int, int]:
    """Number, start and end of the content of the section whose number stands at `position`."""
    size, shift, start = 0, 0, position + 1
    while True:
        size |= (data[start] & 0x7F) << shift
        shift += 7
        start += 1
        if data[start - 1] < 0x80:
            return data[position], start, start + size


DENSE = read_text(r"""
(module
  (type (func (param i32) (result i64)))
  (rec (type (sub (struct (field (mut i8)) (field (ref null 1))))) (type (array (mut i32))))
  (import "env" "log" (func (type 0))) (import "env" "memory" (memory i64 1 2 shared))
  (import "env" "counter" (global (mut i32))) (import "env" "table" (table 1 funcref))
  (import "env" "oops" (tag (param i32)))
  (table 2 (ref null 1) ref.null 1) (memory 1 (pagesize 1)) (tag (param i32))
  (global i32 i32.const 1000 i32.const -3 i32.add) (global (ref func) ref.func 1)
  (export "f" (func 1)) (export "memory" (memory 0)) (start 2)
  (elem (i32.const 0) func 1 2) (elem funcref (ref.func 1) (ref.null func))
  (elem declare func 2) (elem (table 1) (i32.const 1) (ref null 1) (item ref.null 1))
  (func (type 0) (local i32 i64) (local (ref null 1))
    block (result i32)
      try_table (catch 0 0) (catch_all 1) local.get 0 br_table 0 1 2 0 end
      i32.const 300 i64.const -8589934592 i32.load 1 offset=70000 align=1 call_indirect (type 0)
      drop f32.const 1.5 f64.const nan:0x4000000000001 drop drop
      v128.const i64x2 1 2 i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 drop
      local.get 0 ref.test (ref null 1) br_on_cast 0 anyref (ref 2) select (result i32)
      memory.init 1 0 array.new_fixed 2 4 struct.get_s 1 0 drop
    end
    drop i64.const 0)
  (func)
  (data (i32.const 4) "active\00\ff") (data "passive"))
""")
