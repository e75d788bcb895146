"""Session descriptions (RFC 4566, 3264) for one A-law audio stream. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ops.system.sip.message import MalformedError

_CONNECTION = re.compile(r"^c=IN IP4 ([0-9.]+)", re.MULTILINE)
PCMA = 8  # static payload type of G.711 A-law (RFC 3551)


@dataclass(frozen=True, slots=True)
class Audio:
    """Where audio is wanted: IPv4 address, UDP port, payload types in order of preference."""

    address: str
    port: int
    payloads: tuple[int, ...] = (PCMA,)


def build(audio: Audio, session: int) -> bytes:
    """An offer or an answer: A-law, 20 ms, both directions."""
    lines = [
        "v=0",
        f"o=- {session} {session} IN IP4 {audio.address}",
        "s=-",
        f"c=IN IP4 {audio.address}",
        "t=0 0",
        f"m=audio {audio.port} RTP/AVP {' '.join(map(str, audio.payloads))}",
        *(["a=rtpmap:8 PCMA/8000"] if PCMA in audio.payloads else []),
        "a=ptime:20",
        "a=sendrecv",
    ]
    return ("\r\n".join(lines) + "\r\n").encode()


def parse(body: bytes) -> Audio:
    """The audio stream of a description. MalformedError if it holds none over RTP on IPv4."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise MalformedError("SDP is not UTF-8") from None
    session, _, media = text.partition("m=audio ")
    media = media.partition("\nm=")[0]
    line = re.match(r"(\d{1,5})(?:/\d+)? RTP/AVP((?: \d{1,3})+)\s*(?:\r?\n|$)", media, re.ASCII)
    address = _CONNECTION.search(media) or _CONNECTION.search(session)
    if not line or not address or int(line[1]) > 0xFFFF:  # noqa: PLR2004 # largest port
        raise MalformedError("no audio over RTP/AVP on IPv4")
    return Audio(address[1], int(line[1]), tuple(int(number) for number in line[2].split()))
