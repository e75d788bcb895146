"""How the last reply to a question was laid out, so that the next one of the same lengths is read in one step.

A reply to one question differs from the one before in its request-id and its values only, as long as every value takes
as many bytes. All the rest, every tag, length and name, must be equal; else the reply is read byte by byte again.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import Any

from ops.system.ber import Tag

_FORMS = {1: "b", 2: "h", 4: "i", 8: "q"}  # by bytes; other lengths have no form of struct's
_SIGNED, _TEXT = Tag.INTEGER, Tag.OCTETS
_SHARED = 500  # layouts of devices that are alike
Place = tuple[int, int, int]  # where a value begins, its bytes, its tag


class Layout:
    """`places`: the values of a reply in order: numbers, texts, and what is not there (of no bytes)."""

    __slots__ = ("_absent", "_fixed", "_odd", "_size", "_struct")

    def __init__(self, raw: bytes, request_at: int, places: list[Place]) -> None:
        form, at = [">"], 0
        self._odd: list[tuple[int, bool]] = []
        self._absent: list[int] = []
        for number, (begin, size, tag) in enumerate([(request_at, 4, _TEXT), *places], -1):
            form.append(f"{begin - at}s{_code(size, tag)}")
            at = begin + size
            if tag != _TEXT and size == 0:
                self._absent.append(number)
            elif tag != _TEXT and size not in _FORMS:
                self._odd.append((number, tag == _SIGNED))
        form.append(f"{len(raw) - at}s")
        self._struct = _struct("".join(form))
        self._size = len(raw)
        self._fixed = _one_of_all(self._struct.unpack(raw)[0::2])

    def read(self, raw: bytes) -> list[Any] | None:
        """The values, in order; None for a reply of another layout."""
        if len(raw) != self._size:
            return None
        parts = self._struct.unpack(raw)
        if parts[0::2] != self._fixed:
            return None
        values = list(parts[3::2])
        for at, signed in self._odd:
            values[at] = int.from_bytes(values[at], "big", signed=signed)
        for at in self._absent:
            values[at] = None
        return values


_struct = lru_cache(maxsize=_SHARED)(Struct)


@lru_cache(maxsize=_SHARED)
def _one_of_all(fixed: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same for all devices that are alike."""
    return fixed


def _code(size: int, tag: int) -> str:
    """How struct reads a value; as bytes what it has no form for."""
    if tag == _TEXT or size not in _FORMS:
        return f"{size}s"
    return _FORMS[size] if tag == _SIGNED else _FORMS[size].upper()
