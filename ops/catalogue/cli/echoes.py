"""What a device answered to its ping command, as figures. Pure: text in, figures out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, median
from typing import Any

from ops.catalogue.cli.answer import records
from ops.catalogue.device import plain
from ops.catalogue.ping import Ping

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|s|)")
_UNIT = {"": 1e-3, "s": 1.0, "ms": 1e-3, "us": 1e-6}  # in seconds; without a unit: milliseconds


@dataclass(frozen=True, slots=True)
class Echoed:
    """`loss`: share of packets lost, 0 to 1 · `rtt`: median round trip in seconds, the mean where the device tells no
    more; None when nothing came back · `jitter`: mean step from one round trip to the next, seconds; None for fewer
    than two, and where single ones are not told."""

    loss: float
    rtt: float | None = None
    jitter: float | None = None


def echoed(ping: Ping, answer: str) -> Echoed:
    """What this answer means. ValueError when the command was refused, or the answer has another form."""
    text = plain(answer)
    if ping.no_way and re.search(ping.no_way, text):
        return Echoed(loss=1.0)
    if refused := re.search(ping.error, text):
        raise ValueError(refused[0].strip())
    found: dict[str, Any] = next(iter(records([ping.template], text)), {})
    sent, received = (int(found.get(name) or -1) for name in ("SENT", "RECEIVED"))
    if not 0 <= received <= sent or not sent:
        raise ValueError("the answer has another form: it does not say how many packets came back")
    times = [_seconds(one) for one in found["TIMES"]] if len(found["TIMES"]) == received else []
    rtt = median(times) if times else _seconds(found["AVERAGE"]) if received and found["AVERAGE"] else None
    jitter = mean(abs(later - one) for one, later in pairwise(times)) if len(times) > 1 else None
    return Echoed(1 - received / sent, rtt, jitter)


def _seconds(text: str) -> float:
    """`1ms234us`, `0.045` (milliseconds), `2s`."""
    return sum(float(number) * _UNIT[unit] for number, unit in _PART.findall(text))
