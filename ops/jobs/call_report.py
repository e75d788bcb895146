"""What a test call showed, and when that is good enough. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

PACKETS_A_SECOND = 50
LOUD_DB, APART_DB = -30.0, 10.0  # the tone's least level, and how far it must stand above the other one
LOSS_SHARE, MISSING_SHARE = 0.01, 0.2  # the first packets may come while the other side still opens
PACKET_MS, NETWORK_MS = 20.0, 20.0  # of A-law sound in a packet; the way itself, which one end cannot measure


@dataclass(frozen=True, slots=True)
class Way:
    """One direction. Packets, milliseconds, Hz; levels in dB below full scale: of the tone sent, and of the other.

    `mos`: what people would say of it, 1 to 4.4, by `mos()` below.
    """

    sent: int
    received: int
    lost: int
    jitter_ms: float
    tone_hz: int
    level_db: float
    other_db: float
    mos: float = 1.0

    def faults(self, seconds: float) -> list[str]:
        """What is wrong with it; nothing when it is fit for speech."""
        found = []
        if self.received < seconds * PACKETS_A_SECOND * (1 - MISSING_SHARE):
            found.append(f"only {self.received} packets in {seconds:g} s")
        if self.lost > self.received * LOSS_SHARE:
            found.append(f"{self.lost} packets lost")
        if self.level_db < LOUD_DB:
            found.append(f"tone of {self.tone_hz} Hz not heard ({self.level_db:g} dB)")
        elif self.level_db - self.other_db < APART_DB:
            found.append(f"tone of {self.tone_hz} Hz not clear of the other")
        return found


@dataclass(frozen=True, slots=True)
class CallReport:
    """What one test call showed. `there`: caller to callee, `back`: callee to caller (the echo of a test extension).

    `exchange`: the one that carried it, where it has a name; else its address.
    """

    from_opd: str
    to_opd: str
    caller: str
    callee: str
    seconds: float
    register_ms: float
    setup_ms: float
    there: Way | None
    back: Way
    faults: tuple[str, ...]
    exchange: str = ""

    @property
    def mos(self) -> float:
        """Of the worse direction."""
        return min(way.mos for way in (self.there, self.back) if way)

    @property
    def ok(self) -> bool:
        return not self.faults

    @property
    def reach(self) -> str:
        """How far the call went: `office`, two telephones in their offices' networks; `exchange`, the station and the
        exchange, which sends back what it hears. That proves the exchange, and no office's line."""
        return "office" if self.there else "exchange"

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ok": self.ok, "mos": self.mos, "reach": self.reach}


def mos(loss: float, jitter_ms: float) -> float:
    """Mean opinion score of A-law speech, 1 (bad) to 4.4, from the share of packets lost (0 to 1) and the jitter.

    The E-model of ITU-T G.107 with its default values: R = 93.2 - Id - Ie_eff. G.711 with packet loss concealment has
    Ie 0 and Bpl 25.1 (G.113 Appendix I); the delay is that of a packet, of a jitter buffer of twice the jitter,
    and 20 ms.
    """
    delay = PACKET_MS + NETWORK_MS + 2 * jitter_ms
    impaired = 0.024 * delay + 0.11 * max(0.0, delay - 177.3)
    percent = 100 * loss
    rating = max(0.0, min(93.2, 93.2 - impaired - 95 * percent / (percent + 25.1)))
    return round(max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6), 2)
