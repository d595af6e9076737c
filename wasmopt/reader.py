"""A bounds-checked cursor over bytes: the numbers and names of the binary format.

Source: WebAssembly 3.0, Binary Format, Values.  Numbers go through the `leb128` package; what
is checked here is what it does not check: that the encoding ends in time and that the value
fits its width.
"""

from __future__ import annotations

from typing import Final

import leb128

from wasmopt.errors import DecodeError


class Reader:
    """Reads `data[position:end]`; every method raises DecodeError past the end.

    Attributes:
        position: offset of the next byte, in bytes from the start of `data`.
        end: offset behind the last readable byte.
    """

    __slots__ = ("data", "end", "position")

    def __init__(self, data: bytes, position: int = 0, end: int | None = None) -> None:
        self.data: Final = data
        self.position = position
        self.end = len(data) if end is None else end

    def at_end(self) -> bool:
        """Whether everything has been read."""
        return self.position >= self.end

    def byte(self, what: str) -> int:
        """One byte, 0 to 255."""
        if self.position >= self.end:
            raise DecodeError(f"unexpected end, expected {what}", self.position)
        value = self.data[self.position]
        self.position += 1
        return value

    def peek(self, what: str) -> int:
        """The next byte, not consumed."""
        value = self.byte(what)
        self.position -= 1
        return value

    def take(self, length: int, what: str) -> bytes:
        """The next `length` bytes."""
        start = self.position
        self.skip(length, what)
        return self.data[start : self.position]

    def skip(self, length: int, what: str) -> None:
        """Leave out the next `length` bytes."""
        if length > self.end - self.position:
            left = self.end - self.position
            raise DecodeError(f"{what} needs {length} bytes, {left} are left", self.position)
        self.position += length

    def unsigned(self, bits: int, what: str) -> int:
        """An unsigned LEB128 number below 2**bits."""
        if self.position < self.end and self.data[self.position] < 0x80:
            self.position += 1
            return self.data[self.position - 1]
        start, encoded = self.position, self._leb_bytes(bits, what)
        value = int(leb128.u.decode(bytearray(encoded)))
        if value >> bits:
            raise DecodeError(f"{what} does not fit in {bits} bits", start)
        return value

    def signed(self, bits: int, what: str) -> int:
        """A signed LEB128 number of `bits` bits, two's complement."""
        start, encoded = self.position, self._leb_bytes(bits, what)
        value = int(leb128.i.decode(bytearray(encoded)))
        if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
            raise DecodeError(f"{what} does not fit in {bits} bits", start)
        return value

    def u32(self, what: str) -> int:
        """An unsigned number below 2**32."""
        return self.unsigned(32, what)

    def count(self, what: str) -> int:
        """The length of a vector whose items take at least one byte each."""
        start = self.position
        value = self.unsigned(32, f"number of {what}")
        if value > self.end - self.position:
            left = self.end - self.position
            raise DecodeError(f"{value} {what} do not fit in the {left} bytes left", start)
        return value

    def name(self, what: str) -> str:
        """A UTF-8 name with its length in bytes before it."""
        length = self.u32(f"length of {what}")
        start = self.position
        try:
            return self.take(length, what).decode("utf-8")
        except UnicodeDecodeError:
            raise DecodeError(f"{what} is not UTF-8", start) from None

    def sub_reader(self, length: int, what: str) -> Reader:
        """A reader over the next `length` bytes, which this one skips."""
        start = self.position
        self.skip(length, what)
        return Reader(self.data, start, start + length)

    def expect_end(self, what: str) -> None:
        """Raise DecodeError unless everything has been read."""
        if self.position != self.end:
            raise DecodeError(
                f"{self.end - self.position} bytes left over in {what}", self.position
            )

    def _leb_bytes(self, bits: int, what: str) -> bytes:
        start = self.position
        for position in range(start, min(self.end, start + (bits + 6) // 7)):
            if self.data[position] < 0x80:
                self.position = position + 1
                return self.data[start : position + 1]
        if self.end - start < (bits + 6) // 7:
            raise DecodeError(f"unexpected end in {what}", start)
        raise DecodeError(f"{what} is longer than a {bits}-bit number can be", start)


def unsigned_leb(value: int) -> bytes:
    """`value` (at least 0) as an unsigned LEB128 number of minimal length."""
    return _SMALL_UNSIGNED[value] if value < 128 else bytes(leb128.u.encode(value))


def signed_leb(value: int) -> bytes:
    """`value` as a signed LEB128 number of minimal length."""
    return bytes(leb128.i.encode(value))


def unsigned_leb_size(value: int) -> int:
    """Bytes that `unsigned_leb(value)` takes."""
    return max(1, (value.bit_length() + 6) // 7)


_SMALL_UNSIGNED: Final = tuple(bytes([value]) for value in range(128))
