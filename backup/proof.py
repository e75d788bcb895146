"""Whether evidence is still what the station wrote: any changed byte, missing or moved record is named. Offline."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backup import heads
from backup.chain import GENESIS, Chain
from backup.heads import Head
from backup.signing import verify
from ops.errors import OpsError

PUBLIC_KEY = "station.pub.pem"
INDEX = "index.jsonl"


def problems(path: Path, trusted: str = "", said: Sequence[Head] = ()) -> list[str]:
    """What is wrong with an evidence file and its chain; empty when all holds. `trusted`: public key to believe in.

    `said`: where records stood, as it was said elsewhere; what a ledger beside the folder knows is looked at as well.
    """
    folder = path.parent
    pem = trusted or text(folder / PUBLIC_KEY)
    try:
        lines, known = Chain(folder / INDEX).read(), heads.beside(folder)
    except OpsError as error:
        return [error.what]
    found = heads.problems(lines, [*known, *said])
    names = {str(line["file"]) for line in lines}
    found += [f"{one.name}: a record that the chain does not hold" for one in _records(folder) if one.name not in names]
    if path.name not in names:
        return [f"{path.name}: not in {folder / INDEX}", *found]
    previous = GENESIS
    for line in lines:
        found += _line(folder, line, previous, pem)
        previous = line["sha256"]
    return found


def _records(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


def key_of(path: Path) -> str:
    """sha256 of the public key that lies beside a record: whoever could replace all files could replace it, too."""
    return hashlib.sha256(text(path.parent / PUBLIC_KEY).encode()).hexdigest()


def text(path: Path) -> str:
    """Of a file that must be there."""
    if not path.is_file():
        raise OpsError(f"{path}: not there", "the public key lies beside the evidence; copy the whole folder")
    return path.read_text(encoding="utf-8")


def _line(folder: Path, line: Mapping[str, Any], previous: str, pem: str) -> list[str]:
    name, path = str(line["file"]), folder / str(line["file"])
    if not path.is_file():
        return [f"{name}: the record is missing"]
    content = path.read_bytes()
    wrong = []
    if hashlib.sha256(content).hexdigest() != line["sha256"]:
        wrong.append(f"{name}: changed since it was written (sha256 differs)")
    elif not verify(pem, content, str(line["signature"])):
        wrong.append(f"{name}: the signature is not the station's")
    elif json.loads(content)["previous"] != previous:
        wrong.append(f"{name}: it does not follow the record before it")
    return [*wrong, *_beside(path, line)]


def _beside(path: Path, line: Mapping[str, Any]) -> list[str]:
    """The files that go with a record: they are what a person looks at and types commands about."""
    wanted = {
        ".sig": hashlib.sha256(base64.b64decode(str(line["signature"]))).hexdigest(),
        ".sha256": hashlib.sha256(f"{line['sha256']}  {path.name}\n".encode()).hexdigest(),
        **({".html": str(line["page_sha256"])} if "page_sha256" in line else {}),
    }
    found = []
    for ending, digest in wanted.items():
        file = path.with_suffix(ending)
        if not file.is_file():
            found.append(f"{file.name}: is missing")
        elif hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            found.append(f"{file.name}: changed since it was written")
    return found
