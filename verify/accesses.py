"""Forms of memory accesses: which loads and stores are another one and a conversion."""

from __future__ import annotations

from typing import Final, NamedTuple

FULL_STORES: Final = {
    "i32.load": "i32.store",
    "i64.load": "i64.store",
    "v128.load": "v128.store",
    "i32.load8_u": "i32.store8",
    "i32.load16_u": "i32.store16",
}
"""Loads that give back just what that store stored (see `STORE_MASKS`)."""

LOADS: Final = {
    "f32.load": ("i32.load", "f32.reinterpret_i32"),
    "f64.load": ("i64.load", "f64.reinterpret_i64"),
    "i32.load8_s": ("i32.load8_u", "i32.extend8_s"),
    "i32.load16_s": ("i32.load16_u", "i32.extend16_s"),
    "i64.load8_u": ("i32.load8_u", "i64.extend_i32_u"),
    "i64.load16_u": ("i32.load16_u", "i64.extend_i32_u"),
    "i64.load32_u": ("i32.load", "i64.extend_i32_u"),
    "i64.load8_s": ("i32.load8_u", "i64.extend_i32_u", "i64.extend8_s"),
    "i64.load16_s": ("i32.load16_u", "i64.extend_i32_u", "i64.extend16_s"),
    "i64.load32_s": ("i32.load", "i64.extend_i32_s"),
}
"""Loads that are another load and conversions of what it finds: one term for each place."""

STORES: Final = {
    "f32.store": ("i32.store", "i32.reinterpret_f32"),
    "f64.store": ("i64.store", "i64.reinterpret_f64"),
    "i64.store8": ("i32.store8", "i32.wrap_i64"),
    "i64.store16": ("i32.store16", "i32.wrap_i64"),
    "i64.store32": ("i32.store", "i32.wrap_i64"),
}
"""Stores that are another store of the converted value."""

STORE_MASKS: Final = {
    "i32.store8": 0xFF,
    "i32.store16": 0xFFFF,
}
"""Narrow stores keep only these bits; the term of the stored value is masked at once."""


class WholeAccess(NamedTuple):
    """The load and the store of so many bytes, and the sort of the value between them."""

    width: int
    sort: str
    load: str
    store: str


WHOLE_ACCESSES: Final = {
    each.width: each
    for each in (
        WholeAccess(1, "i32", "i32.load8_u", "i32.store8"),
        WholeAccess(2, "i32", "i32.load16_u", "i32.store16"),
        WholeAccess(4, "i32", "i32.load", "i32.store"),
        WholeAccess(8, "i64", "i64.load", "i64.store"),
    )
}
"""Accesses that copy, or fill, all their bytes at once."""
