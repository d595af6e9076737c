"""Names of functions as their authors wrote them.

Source: the legacy symbol mangling of rustc, `rustc_symbol_mangling::legacy`: like Itanium's, with
a hash behind the path, and with what C names cannot hold between dollar signs.
"""

from __future__ import annotations

import re
from typing import Final

_LEGACY: Final = re.compile(r"(core module \d+: )?_ZN(.+)17h[0-9a-f]{16}E(?:\.[\w.]+)?")
"""In a component the core module stands before the name."""
_ESCAPES: Final = {
    "SP": "@",
    "BP": "*",
    "RF": "&",
    "LT": "<",
    "GT": ">",
    "LP": "(",
    "RP": ")",
    "C": ",",
}
_ESCAPE: Final = re.compile(r"\$(?:u([0-9a-f]{1,6})|([A-Z]{1,2}))\$")


def readable(name: str) -> str:
    """The name without mangling and hash where it is one of Rust's, else as it is."""
    found = _LEGACY.fullmatch(name)
    if found is None:
        return name
    parts = []
    rest = found[2]
    while rest:
        digits = re.match(r"[1-9]\d{0,3}", rest)
        if digits is None or digits.end() + int(digits[0]) > len(rest):
            return name
        end = digits.end() + int(digits[0])
        parts.append(_plain(rest[digits.end() : end]))
        rest = rest[end:]
    return (found[1] or "") + "::".join(parts)


def last_part(name: str) -> str:
    """What stands behind the last `::` of a path, not counting those in angle brackets."""
    depth = 0
    for place in range(len(name) - 1, 0, -1):
        depth += (name[place] == ">") - (name[place] == "<")
        if depth == 0 and name[place - 1 : place + 1] == "::":
            return name[place + 1 :] or name
    return name


def _plain(part: str) -> str:
    """One part of a path."""
    part = part.removeprefix("_") if part.startswith("_$") else part
    return _ESCAPE.sub(_character, part.replace("..", "::"))


def _character(found: re.Match[str]) -> str:
    number, word = found.groups()
    if number is None:
        return _ESCAPES.get(word, found[0])
    character = chr(int(number, 16)) if int(number, 16) <= 0x10FFFF else found[0]
    return character if character.isprintable() else found[0]
