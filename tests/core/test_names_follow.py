"""With -g names stay with what they name, whatever number that gets, and features do not grow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.binaries import BUILT
from wasmopt import Module, Options, decode, optimize
from wasmopt.features import used_features
from wasmopt.module import Kind, Signatures
from wasmopt.reader import Reader
from wasmopt.text import read_text

NAMED = r"""
(module $whole
  (type $unused (func (param f32)))
  (type $i64_f64 (func (param i64) (result f64)))
  (type $i32_i32 (func (param i32) (result i32)))
  (import "host" "first" (func $host.first (type $i32_i32)))
  (table $gone 1 funcref)
  (table $kept 2 funcref)
  (memory $memory 1)
  (tag $gone)
  (tag $raised (type 0) (param f32))
  (global $g.dead (mut i32) (i32.const 1))
  (global $g.rare (mut i32) (i32.const 2))
  (global $g.often (mut i32) (i32.const 3))
  (export "kept" (table $kept))
  (export "raised" (tag $raised))
  (export "g.rare" (global $g.rare))
  (export "g.often" (global $g.often))
  (elem $seven declare func $f.dead)
  (elem $placed (table $kept) (i32.const 0) func $f.thrice $f.wide)
  (func $f.dead (param $x i32) (result i32) (local.get $x))
  (func $f.same (export "f.same") (param $p i32) (result i32)
    (i32.mul (local.get $p) (i32.const 7)))
  (func $f.again (param $p i32) (result i32) (i32.mul (local.get $p) (i32.const 7)))
  (func $f.wide (export "f.wide") (type $i64_f64) (f64.convert_i64_s (local.get 0)))
  (func $f.thrice (export "f.thrice") (param $y i32) (result i32)
    (i32.add (call $f.again (local.get $y))
      (i32.add (call $f.same (i32.const 3)) (call $host.first (i32.const 123456789)))))
  (func $f.user (export "f.user") (param $z i32) (result i32) (local $copy i32)
    (local.set $copy (local.get $z))
    (global.set $g.often (i32.const 123456789)) (global.set $g.often (i32.const 123456789))
    (drop (call_indirect $kept (type $i32_i32) (i32.const 123456789) (i32.const 0)))
    (i32.store (i32.const 123456789) (i32.const 123456789))
    (i32.store (i32.const 123456789) (i32.const 5))
    (drop (call $host.first (i32.xor (local.get $z) (i32.const 123456789))))
    (memory.init $piece (i32.const 0) (i32.const 0) (i32.const 1))
    (i32.add (local.get $copy) (global.get $g.often)))
  (data $useless "useless")
  (data $piece "piece"))
"""


def read_names(module: Module) -> dict[int, dict[int, str]]:
    """Names by subsection and index, but for those of locals and labels."""
    [section] = [each for each in module.custom_sections() if each.name == "name"]
    reader = Reader(section.data)
    found: dict[int, dict[int, str]] = {}
    while not reader.at_end():
        number = reader.byte("subsection")
        content = reader.sub_reader(reader.u32("size"), "subsection")
        if number not in (0, 2, 3, 10):
            count = content.count("names")
            found[number] = {content.u32("index"): content.name("name") for _ in range(count)}
    return found


def result_of(options: Options) -> Module:
    return optimize(read_text(NAMED.encode()), options).module


LEVELS = [Options(level=level, keep_names=True) for level in "12sz"]
LEVELS += [Options(level="z", keep_names=True, outline="all")]


@pytest.mark.parametrize("options", LEVELS, ids=lambda each: f"{each.level} {each.outline}")
def test_names_are_those_of_what_they_name(options: Options) -> None:
    module = result_of(options)
    names = read_names(module)
    for entry in module.exports:
        space = {Kind.FUNCTION: 1, Kind.TABLE: 5, Kind.GLOBAL: 7, Kind.TAG: 11}[entry.kind]
        # Of functions that do the same one is left, under the first one's name.
        assert names[space][entry.index] == entry.name
    assert names[1][0] == "host.first"
    signatures = Signatures(module)
    kinds = {"unused": ((b"\x7d",), ()), "i64_f64": ((b"\x7e",), (b"\x7c",))}
    kinds["i32_i32"] = ((b"\x7f",), (b"\x7f",))
    for index, name in names[4].items():
        signature = signatures.func_type(index)
        assert (signature.params, signature.results) == kinds[name]
    assert {"i64_f64", "i32_i32"} <= set(names[4].values())
    pieces = {index: module.data[index].data for index in names[9]}
    assert pieces == {index: name.encode() for index, name in names[9].items()}
    [placed] = [index for index, name in names[8].items() if name == "placed"]
    items = module.elements[placed].items
    called = [names[1][item] if isinstance(item, int) else item for item in items]
    assert called == ["f.thrice", "f.wide"]


def test_what_is_gone_has_no_name_left() -> None:
    names = read_names(result_of(LEVELS[2]))
    every = {name for space in names.values() for name in space.values()}
    assert every.isdisjoint({"f.dead", "f.again", "g.dead", "gone", "useless", "seven"})


def test_what_is_new_has_no_name() -> None:
    """A global with a constant, a function made of repeated code: nobody called them anything."""
    fields = [
        f"""(func $f{n} (export "f{n}") (param i32) (result i32)
          (i32.xor (i32.const {n}) (i32.rotl (i32.div_s (i32.mul (local.get 0) (i32.const 77777777))
            (i32.const 123456789)) (i32.popcnt (i32.clz (i32.const 123456789))))))"""
        for n in range(20)
    ]
    data = read_text(f"(module {' '.join(fields)})".encode())
    for options, kept in (
        (Options(keep_names=True, passes=("constants",)), "globals"),
        (Options(keep_names=True, passes=("outlining",), outline="all"), "functions"),
    ):
        module = optimize(data, options).module
        assert len(getattr(module, kept)) > len(getattr(decode(data), kept))
        names = read_names(module)
        exported = {entry.index: entry.name for entry in module.exports}
        assert names == {1: exported}


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_the_result_needs_no_feature_that_the_input_does_not(path: Path) -> None:
    """So that what target_features says stays true, and engines that took the input take it."""
    before = path.read_bytes()
    for level in "2z":
        after = optimize(before, Options(level=level)).data
        assert used_features(decode(after)) <= used_features(decode(before))
