"""The sound of one call: sends a steady tone every 20 ms, keeps what it hears, says how well it came."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any

from ops.system.sip import g711, rtp, tone
from ops.system.sip.message import MalformedError
from ops.system.sip.sdp import PCMA, Audio

FRAME = 160  # samples in a packet: 20 ms
SETTLE = tone.RATE // 4  # the first quarter of a second is not measured: the other side may not send yet


@dataclass(frozen=True, slots=True)
class Heard:
    """One direction of sound as it arrived. Levels in dB below full scale, by frequency in Hz."""

    sent: int
    received: int
    lost: int
    jitter_ms: float
    levels: dict[int, float]


class Media(asyncio.DatagramProtocol):
    """An RTP socket. `frequency`: the tone that it sends, in Hz."""

    def __init__(self, frequency: int) -> None:
        self._frequency = frequency
        self._transport: asyncio.DatagramTransport | None = None
        self._sender: asyncio.Task[None] | None = None
        self._samples: list[int] = []
        self._reception = rtp.Reception(tone.RATE)
        self._sent = 0

    @property
    def port(self) -> int:
        assert self._transport  # noqa: S101 # opened before it is asked
        return int(self._transport.get_extra_info("sockname")[1])

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def error_received(self, exc: Exception) -> None:
        """The other side closed its port: its missing packets show it."""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 # asyncio's own shape
        try:
            packet = rtp.parse(data)
        except MalformedError:
            return
        if packet.payload_type != PCMA:
            return  # comfort noise, DTMF
        self._reception.take(packet, asyncio.get_running_loop().time())
        self._samples += g711.decode(packet.payload)

    def start(self, remote: Audio) -> None:
        """Send the tone to `remote` from now on; a second call only changes where to."""
        if self._sender:
            self._sender.cancel()
        self._sender = asyncio.create_task(self._send(remote))

    def heard(self, *frequencies: int) -> Heard:
        """What has come in so far."""
        steady = self._samples[SETTLE:]
        levels = {frequency: round(tone.level(steady, frequency), 1) for frequency in frequencies}
        counted = self._reception
        return Heard(self._sent, counted.received, counted.lost, round(counted.jitter_ms, 2), levels)

    def stop(self) -> None:
        """Fall silent; what was heard stays readable."""
        if self._sender:
            self._sender.cancel()
            self._sender = None

    def close(self) -> None:
        self.stop()
        if self._transport:
            self._transport.close()

    async def _send(self, remote: Audio) -> None:
        loop = asyncio.get_running_loop()
        begun, source = loop.time(), secrets.randbits(32)
        sequence, timestamp = secrets.randbits(16), secrets.randbits(32)
        number = 0
        while self._transport and not self._transport.is_closing():
            sound = g711.encode(tone.sine(self._frequency, number * FRAME, FRAME))
            packet = rtp.Packet(
                PCMA, (sequence + number) % 2**16, (timestamp + number * FRAME) % 2**32, source, sound, number == 0
            )
            self._transport.sendto(packet.encode(), (remote.address, remote.port))
            self._sent += 1
            number += 1
            await asyncio.sleep(begun + number * FRAME / tone.RATE - loop.time())
