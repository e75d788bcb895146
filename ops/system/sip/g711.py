"""ITU-T G.711 A-law: 16-bit linear samples ↔ 8-bit codes, by table. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def _linear(code: int) -> int:
    """One A-law code → its 16-bit value (the middle of its step)."""
    code ^= 0x55  # even bits travel inverted
    exponent, mantissa = (code & 0x70) >> 4, code & 0x0F
    magnitude = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return magnitude if code & 0x80 else -magnitude


def _code(sample: int) -> int:
    """One 16-bit sample → its A-law code."""
    sign, magnitude = (0x80, sample) if sample >= 0 else (0, -sample - 1)
    magnitude = min(magnitude, 0x7FFF)
    exponent = max(0, magnitude.bit_length() - 8)
    mantissa = (magnitude >> (exponent + 3 if exponent else 4)) & 0x0F
    return (sign | exponent << 4 | mantissa) ^ 0x55


_DECODE = tuple(_linear(code) for code in range(256))
_ENCODE = bytes(_code(sample - 0x8000) for sample in range(0x10000))


def encode(samples: Iterable[int]) -> bytes:
    """Samples from -32768 to 32767 → A-law bytes."""
    return bytes(_ENCODE[sample + 0x8000] for sample in samples)


def decode(data: bytes) -> list[int]:
    return [_DECODE[code] for code in data]
