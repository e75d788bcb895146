"""Whether a file looks encrypted: bytes spread as if thrown by dice, and no mark of a packed format before them."""

from __future__ import annotations

import math
from collections import Counter

HEAD = 16 * 1024  # bytes that are looked at: also what encrypts only parts of a file begins at its beginning
_FEWEST = 128  # bytes below which nothing can be said
_SLACK = 0.35  # bits below what dice would give
TEXT = (".txt", ".csv", ".sql", ".json", ".xml", ".html", ".log", ".md", ".conf", ".ini", ".yml", ".php")
_OFFICE, _PICTURES = (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".pdf"), (".jpg", ".jpeg", ".png", ".gif")
MARKED = (*_OFFICE, *_PICTURES, ".zip", ".gz", ".7z", ".rar")  # names of files that say in their bytes what they are
_SAYING = (*TEXT, *MARKED)
# Endings that people give when they encrypt, or pack evenly without a mark: such a name says what the bytes are.
_OWNERS = (".gpg", ".pgp", ".age", ".enc", ".aes", ".p7m", ".br", ".lz", ".lzma")
_OFFICE_LOCKED = b"\xd0\xcf\x11\xe0"  # a document with a password of its owner's
_CONTROL = bytes(set(range(32)) - {9, 10, 12, 13, 27})  # what no text holds
_HIGH = bytes(range(128, 256))
_FEW, _MANY = 0.05, 0.3  # shares: more control characters, or more high bytes, are no text of Latin letters
# Packed formats are as even as ciphertext; they say what they are in their first bytes.
_PACKED = (
    b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!",
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"OggS", b"ID3", b"\xff\xfb", b"RIFF", b"\x1aE\xdf\xa3", b"wOF2",
    b"\x04\x22\x4d\x18", b"PGDMP",
)  # fmt: skip


def looks(path: str) -> bool:
    """Whether the file's beginning looks encrypted; False where it is too small to say, or not there.

    Text by its name that no longer is any counts as well: a weak cipher leaves bytes uneven.
    """
    try:
        with open(path, "rb") as source:  # noqa: PTH123 # any name
            head = source.read(HEAD)
    except OSError:
        return False
    name = path.lower()
    return even(head) or (name.endswith(TEXT) and unreadable(head)) or (name.endswith(MARKED) and unmarked(head))


def named_otherwise(path: str) -> bool:
    """Whether the name (or what it was before an ending was added) says what such bytes can never be."""
    name = path.lower()
    return name.endswith(_SAYING) or (not name.endswith(_OWNERS) and name.rpartition(".")[0].endswith(_SAYING))


def disguised(path: str) -> bool:
    """Whether a file looks encrypted under a name that says otherwise. False where it is too small to say."""
    try:
        with open(path, "rb") as source:  # noqa: PTH123 # any name
            head = source.read(HEAD)
    except OSError:
        return False
    return named_otherwise(path) and even(head) and not head.startswith(_OFFICE_LOCKED)


def unmarked(head: bytes) -> bool:
    """Whether bytes are none of the packed formats; False where they are too few to say."""
    return len(head) >= _FEWEST and not any(mark in head[:1024] for mark in _PACKED)


def unreadable(head: bytes) -> bool:
    """Whether bytes can be no text of any usual encoding; False where they are too few to say."""
    if len(head) < _FEWEST or head.startswith((*_PACKED, b"\xff\xfe", b"\xfe\xff")) or b"\0\0\0\0" in head:
        return False  # UTF-16 is even in its zeros; a hole in a file is damage, not a cipher
    control = sum(head.count(code) for code in _CONTROL)
    high = len(head) - len(head.translate(None, _HIGH))
    return control > _FEW * len(head) or (high > _MANY * len(head) and not _utf8(head))


def _utf8(head: bytes) -> bool:
    try:
        head[:-4].decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 8  # the last letter may be cut off
    return True


def even(head: bytes) -> bool:
    """Whether bytes are spread evenly, for how few or many they are."""
    if len(head) < _FEWEST or head.startswith(_PACKED) or head[4:8] == b"ftyp":
        return False
    return entropy(head) > expected(len(head)) - _SLACK


def entropy(content: bytes) -> float:
    """Bits per byte: 0 for one value throughout, 8 for all values equally often."""
    many = len(content)
    return -sum(count / many * math.log2(count / many) for count in Counter(content).values())


def expected(many: int) -> float:
    """Bits per byte that so many evenly thrown bytes show: few bytes cannot show all 256 values.

    The mean of the plug-in estimate over Poisson counts, by the terms that matter.
    """
    mean, total, term = many / 256, 0.0, math.exp(-many / 256)
    for count in range(1, int(mean + 12 * math.sqrt(mean) + 12)):
        term *= mean / count
        total += 256 * term * -(count / many) * math.log2(count / many)
    return total
