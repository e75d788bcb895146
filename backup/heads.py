"""Where the chain of evidence ended, said elsewhere: who cuts off its newest records leaves no trace in the chain.

After every record its place in the chain goes into the ledger of backups (whose later lines the vault's snapshots
prove) and to a file at the vault. What could not be said at once is said with the next record.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backup import places, recorded
from backup.chain import Chain, canonical
from backup.places import Places
from ops.errors import OpsError

EVENT, REGION = "evidence", "_region"
LEDGER = "ledger/backup.jsonl"  # beside the folder of evidence
SENT = "ledger/heads.sent"  # how many records the vault has been told of


@dataclass(frozen=True, slots=True)
class Head:
    """A record's place: line `seq` of the index has that hash. `seq` -1: it must be somewhere."""

    seq: int
    hash: str
    file: str = ""


def leave(spots: Places, lines: Sequence[Mapping[str, Any]]) -> None:
    """Say elsewhere where the newest record stands. `lines`: of the index, all of them."""
    newest = _told(lines[-1])
    if all(line.get("record_hash") != newest["record_hash"] for line in reversed(spots.ledger.read())):
        of = recorded.key_of(lines[-1]) or REGION
        spots.ledger.append({"event": EVENT, "of": of, **newest, "at": time.time(), "by": places.who()})
    first = min(sent(spots.state), len(lines) - 1)
    try:
        spots.tell_vault("".join(canonical(_told(line)) + "\n" for line in lines[first:]))
    except OpsError:  # told with the next record; `opd_evidence_heads_owed` says that it was not
        return
    (spots.state / SENT).write_text(f"{len(lines)}\n", encoding="utf-8")


def sent(state: Path) -> int:
    """How many records the vault has been told of."""
    try:
        return int((state / SENT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0


def beside(evidence: Path) -> list[Head]:
    """What the ledger that lies beside this folder knows. OpsError when the ledger was changed."""
    return [head for line in Chain(evidence.parent / LEDGER).read() for head in _heads(line)]


def given(text: str) -> list[Head]:
    """Of a file's text (what the vault keeps, a ledger, an older index), or one hash, as it stands on a page."""
    if len(text.split()) == 1 and "{" not in text:
        return [Head(-1, text.strip())]
    found: list[Head] = []
    for line in text.splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            continue
        found += _heads(told) if isinstance(told, dict) else []
    return found


def problems(lines: Sequence[Mapping[str, Any]], heads: Sequence[Head]) -> list[str]:
    """What was said elsewhere and is not so in the index any more."""
    anywhere = {str(line[name]) for line in lines for name in ("hash", "sha256")}
    found = []
    for one in dict.fromkeys(heads):
        if one.seq < 0:
            found += [] if one.hash in anywhere else [f"{one.hash[:16]}: no record of this chain has that hash"]
        elif one.seq >= len(lines):
            found.append(f"{one.file}: was cut off, with all records after it")
        elif lines[one.seq]["hash"] != one.hash:
            found.append(f"{one.file}: the chain was written anew, at this record or before")
    return found


def _told(line: Mapping[str, Any]) -> dict[str, Any]:
    return {"file": line["file"], "record_seq": line["seq"], "record_hash": line["hash"]}


def _heads(told: Mapping[str, Any]) -> Iterator[Head]:
    if "record_hash" in told:
        yield Head(int(told["record_seq"]), str(told["record_hash"]), str(told.get("file", "")))
    elif {"file", "seq", "hash", "signature"} <= told.keys():
        yield Head(int(told["seq"]), str(told["hash"]), str(told["file"]))
