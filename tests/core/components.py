"""A component that does sums, with core modules in it and in a component in it."""

from __future__ import annotations

from typing import Any

import wasmtime
from wasmtime import component as wasmtime_component

SUMS = r"""
(component
  (core module $outer
    (memory (export "memory") 1)
    (func $unused (result i32) i32.const 3)
    (func (export "add") (param i32) (result i32) (local i32)
      local.get 0 local.set 1 local.get 1 i32.const 1 i32.add)
    (func (export "kept") (result i32) i32.const 4))
  (component $nested
    (core module $inner
      (import "outer" "add" (func $add (param i32) (result i32)))
      (func (export "add") (param i32) (result i32) (local i32)
        local.get 0 local.set 1 local.get 1 call $add i32.const 2 i32.mul))
    (core module $lent (func (export "add") (param i32) (result i32)
      local.get 0 i32.const 10 local.get 0 drop i32.add))
    (core instance $lender (instantiate $lent))
    (core instance $i (instantiate $inner (with "outer" (instance $lender))))
    (func (export "twice") (param "x" u32) (result u32) (canon lift (core func $i "add"))))
  (core instance $i (instantiate $outer))
  (instance $n (instantiate $nested))
  (func (export "add") (param "x" u32) (result u32) (canon lift (core func $i "add")))
  (alias export $n "twice" (func $twice))
  (export "twice" (func $twice))
  (core module $spare (func $f) (export "f" (func $f)))
  (export "spare" (core module $spare)))
"""


def calls(data: bytes) -> list[Any]:
    """What the functions of `SUMS` give, which also checks that the component is valid."""
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    compiled = wasmtime_component.Component(engine, data)
    instance = wasmtime_component.Linker(engine).instantiate(store, compiled)
    found = []
    for name in ("add", "twice"):
        function = instance.get_func(store, name)
        assert function is not None
        for argument in (0, 41, 2**32 - 1):
            found.append(function(store, argument))
            function.post_return(store)
    return found
