"""Test tones: make a sine, measure how loud a frequency is (Goertzel). 8,000 samples a second. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

RATE = 8000  # samples a second
FULL = 32767  # amplitude of a full-scale sine
SILENCE_DB = -99.0
BLOCK = 1600  # samples in one measurement: 0.2 s, 5 Hz wide


def sine(frequency: float, start: int, count: int, amplitude: int = FULL // 4) -> list[int]:
    """`count` samples of a steady sine from sample number `start` on, so that frames join without a click."""
    step = 2 * math.pi * frequency / RATE
    return [round(amplitude * math.sin(step * at)) for at in range(start, start + count)]


def amplitude(samples: Sequence[int], frequency: float) -> float:
    """Amplitude of `frequency` in the samples, 0 … 32768."""
    if not samples:
        return 0.0
    turn = 2 * math.pi * frequency / RATE
    factor, before, last = 2 * math.cos(turn), 0.0, 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    power = last * last + before * before - factor * last * before
    return 2 * math.sqrt(max(0.0, power)) / len(samples)


def level(samples: Sequence[int], frequency: float) -> float:
    """Level of `frequency` in dB below full scale: the median of blocks of 0.2 s, SILENCE_DB when nothing was heard."""
    blocks = [samples[at : at + BLOCK] for at in range(0, len(samples) - BLOCK + 1, BLOCK)]
    if not blocks:
        return SILENCE_DB
    heard = statistics.median(amplitude(block, frequency) for block in blocks)
    return max(SILENCE_DB, 20 * math.log10(heard / FULL)) if heard > 0 else SILENCE_DB
