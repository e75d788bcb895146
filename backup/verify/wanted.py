"""What must come back, as lists say it: MANIFEST `sha256  size  mode  path` and canaries `sha256  path`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ops.errors import UsageError

_ENTRY = re.compile(r"\A(\\?)([0-9a-fA-F]{64})[ \t]+(\d+)[ \t]+(?:0o)?([0-7]{1,6})(?:  |[ \t])(.*)\Z", re.DOTALL)
_CANARY = re.compile(r"\A(\\?)([0-9a-fA-F]{64})(?: [ *]|[ \t])(.*)\Z", re.DOTALL)
_ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as it must come back: bytes of content, permission bits."""

    sha256: str
    size: int
    mode: int


def manifest(content: bytes, name: str, root: str) -> dict[str, Entry]:
    """{path below the root: entry}. UsageError names the list when it is none."""
    found = {}
    for words in _lines(content, _ENTRY, name):
        escaped, digest, size, mode, path = words
        found[below(_plain(path, escaped), root)] = Entry(digest.lower(), int(size), int(mode, 8) & 0o7777)
    if not found:
        raise UsageError(f"{name}: names no file", "lines are: sha256  size  mode  path")
    return found


def canaries(content: bytes, name: str, root: str) -> dict[str, str]:
    """{path below the root: sha256}. UsageError names the list when it is none."""
    found = {
        below(_plain(path, escaped), root): digest.lower() for escaped, digest, path in _lines(content, _CANARY, name)
    }
    if not found:
        raise UsageError(f"{name}: names no file", "lines are: sha256  path")
    return found


def below(path: str, root: str) -> str:
    """A path relative to the root, however it was written."""
    whole = "/" + root.strip("/")
    if path.startswith(whole.rstrip("/") + "/"):
        path = path[len(whole.rstrip("/")) :]
    return path.removeprefix("./").lstrip("/") or path


def _lines(content: bytes, shape: re.Pattern[str], name: str) -> Iterator[tuple[str, ...]]:
    """Every entry's fields. A line that is none goes on with the name before it, which then holds a line's end.

    Empty lines and comments (`# …`) between entries belong to no name.
    """
    text = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    whole: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if shape.match(line):
            whole.append(line)
        elif whole and not line.startswith("# "):
            whole[-1] += "\n" + line
        elif line.strip() and not line.startswith("#"):
            raise UsageError(f"{name}:{number}: not a line of such a list: {line[:60]!r}")
    for line in whole:
        if found := shape.match(line.rstrip("\r\n")):
            yield found.groups()


def _plain(path: str, escaped: str) -> str:
    """sha256sum writes a name with a line's end or a backslash escaped, and a backslash before the whole line."""
    return re.sub(r"\\[\\nr]", lambda one: _ESCAPES[one[0]], path) if escaped else path


def total(wanted: Mapping[str, Entry]) -> int:
    """Bytes of all files together."""
    return sum(entry.size for entry in wanted.values())
