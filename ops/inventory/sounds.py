"""The voices of menus: `sounds/<prompt>.wav` of the inventory, in the form that Asterisk plays as it is. Pure."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterable, Mapping

from ops.inventory.finding import Finding
from ops.inventory.model import Region

FOLDER = "sounds"
_WANTED = (8000, 1, 2)  # Hz, channels, bytes of a sample


def faults(region: Region, voices: Mapping[str, bytes]) -> Iterable[Finding]:
    """Menus whose prompt can not be heard. `voices`: the files of the folder by name, without their ending."""
    for opd in region.opds:
        for menu in opd.phones.menus if opd.phones else ():
            file = f"{FOLDER}/{menu.prompt}.wav"
            said = wrong(voices[menu.prompt]) if menu.prompt in voices else "is not in the inventory's folder"
            if said:
                how = f"ffmpeg -i VOICE -ar 8000 -ac 1 -c:a pcm_s16le {file}"
                yield Finding(menu, "prompt", f"{file} {said}", f"record one and make it with: {how}")


def wrong(data: bytes) -> str:
    """What keeps a file from being played; "" for nothing."""
    try:
        with wave.Wave_read(io.BytesIO(data)) as sound:
            form = (sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
            frames = sound.getnframes()
            held = len(sound.readframes(frames)) // (form[1] * form[2])
    except (wave.Error, EOFError):
        return "is no WAV file of PCM"
    if form != _WANTED:
        return f"has {form[0]} Hz, {form[1]} channels, {form[2] * 8} bit; an exchange plays 8000 Hz, 1 channel, 16 bit"
    if not frames:
        return "holds no sound"
    return "" if held == frames else "is cut short"
