"""A menu speaks: its prompt is a file of the inventory, in the one form that the exchange plays."""

from __future__ import annotations

import configparser
import io
import re
import shutil
import wave
from pathlib import Path

import pytest

from ops.errors import InventoryInvalidError
from ops.inventory import factory, sounds
from ops.inventory.load import load

SMALL = Path(__file__).parents[1] / "contract/rules/base"


def wav(rate: int = 8000, channels: int = 1, width: int = 2, frames: int = 800) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(rate)
        sound.writeframes(bytes(frames * channels * width))
    return made.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (wav(), ""),
        (wav(44100, 2), "44100 Hz, 2 channels, 16 bit"),
        (wav(width=1), "8000 Hz, 1 channels, 8 bit"),
        (wav(frames=0), "holds no sound"),
        (wav()[:-100], "is cut short"),
        (b"ID3 of an MP3", "is no WAV file of PCM"),
        (b"", "is no WAV file of PCM"),
        (b"RIFF\x24\x00\x00\x00WAVE", "is no WAV file of PCM"),
    ],
)
def test_only_what_an_exchange_plays_is_a_voice(data: bytes, said: str) -> None:
    found = sounds.wrong(data)
    assert (said in found) if said else not found


def test_a_menu_without_its_voice_is_no_valid_inventory(tmp_path: Path) -> None:
    folder = tmp_path / "region"
    shutil.copytree(SMALL, folder)
    assert load(folder).opds
    (folder / "sounds/layanan.wav").write_bytes(wav(16000))
    with pytest.raises(InventoryInvalidError) as error:
        load(folder)
    assert "prompt: sounds/layanan.wav has 16000 Hz" in error.value.problems[0].what
    (folder / "sounds/layanan.wav").unlink()
    with pytest.raises(InventoryInvalidError) as error:
        load(folder)
    (problem,) = error.value.problems
    assert problem.at.split("/")[-1].startswith("alpha.yml:")
    assert "sounds/layanan.wav is not in the inventory's folder" in problem.what
    assert "ffmpeg" in problem.hint


@pytest.mark.parametrize("folder", [sounds.FOLDER, factory.FOLDER])
def test_ansible_does_not_read_what_lies_beside_the_inventory(folder: str) -> None:
    """It parses every file of an inventory's folder, and stops at one that it does not understand."""
    settings = configparser.ConfigParser()
    settings.read(SMALL.parents[3] / "ansible.cfg")
    patterns = settings["inventory"]["ignore_patterns"].split(", ")
    assert any(re.search(pattern, folder) for pattern in patterns)
