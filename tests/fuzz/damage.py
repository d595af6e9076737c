"""Damages the bytes of a module, and reads what that gives."""

from __future__ import annotations

from random import Random

from wasmopt.decode import decode
from wasmopt.encode import encode
from wasmopt.errors import InputError

MOST_PLACES = 3
_TELLING = (0x00, 0x01, 0x0B, 0x40, 0x7F, 0x80, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF)
"""Bytes that mean something in many places: ends, numbers that go on, prefixes."""


def damaged(data: bytes, random: Random, start: int = 8) -> bytes:
    """The bytes with a few of them behind `start` changed, taken out, doubled or put in."""
    result = bytearray(data)
    for _ in range(1 + random.randrange(MOST_PLACES)):
        place = random.randrange(start, len(result) + 1)
        other = random.choice(_TELLING) if random.random() < 0.5 else random.randrange(256)
        length = random.choice((1, 1, 2, 4, 16))
        match random.randrange(6):
            case 0:
                del result[place : place + length]
            case 1:
                result[place:place] = result[place : place + length]
            case 2:
                result[place:place] = bytes([other])
            case _:
                result[place : place + 1] = bytes([other])
    return bytes(result)


def read_or_refuse(data: bytes) -> bool:
    """Whether the bytes are a module; what is asserted holds for all bytes whatsoever."""
    try:
        module = decode(data)
    except InputError as error:
        assert "\n" not in str(error)
        assert error.problem
        assert error.offset is None or 0 <= error.offset <= len(data)
        return False
    minimal = encode(module)
    assert len(minimal) <= len(data)
    assert encode(decode(minimal)) == minimal
    return True
