"""The steps of one drill as checkpoints: one that has ended, well or badly, is never done again by whoever goes on.

Small outputs stand in the checkpoint itself; what may be large (a manifest, all that came back) lies on the drill's
shelf, a folder beside its journal, and the checkpoint holds its sha256.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from backup.journal import Journal, Step
from backup.places import Places
from backup.trouble import ResticError, Trouble
from ops.errors import HostFailedError, OpsError, RefusedError
from ops.runs.model import Keep

Work = Callable[[], dict[str, Any]]


class Keyed(Protocol):
    """What is drilled: a set, or a service."""

    @property
    def key(self) -> str: ...


class CleanedAwayError(RefusedError):
    """What a resumed drill had restored was taken away by a later one."""


@dataclass(frozen=True)
class Name:
    """What a drill is called, and its folder on the drill server."""

    id: str
    folder: str

    @classmethod
    def fresh(cls, spots: Places, item: Keyed) -> Name:
        begun, token = time.strftime("%Y%m%dT%H%M%S", time.gmtime()), secrets.token_hex(2)
        # The folder without the set's name: a PostgreSQL socket's path may have 107 characters.
        return cls(f"{begun}-{spots.told(item.key)}-{token}", f"{spots.drill_folder}/{begun}-{token}")


class Book:
    """One drill's checkpoints (`keep`), journal and shelf."""

    def __init__(self, spots: Places, item: Keyed, name: Name, keep: Keep, **about: Any) -> None:
        """`about`: what the journal shall tell whoever has to clean up, beside server and folder."""
        self.name, self.steps = name, list[Step]()
        self.at = "ledger"  # the step that it is in
        self._keep, self._key = keep, item.key
        self._shelf = shelf(spots, name.id)
        self.journal = Journal(
            spots.journals / f"{name.id}.jsonl", server=spots.drill_server, folder=name.folder, of=item.key, **about
        )

    def step(self, name: str, did: str, work: Work) -> dict[str, Any]:
        """What `work` gave, now or before the drill was cut off. The OpsError it ended with, then and now again."""
        self.at = name
        kept = self._keep(f"drill {self._key}: {name}", lambda: self._noted(name, did, work))
        self.steps.append(Step(**kept["step"]))
        if "failed" in kept:
            raise revived(kept["failed"])
        return dict(kept["made"])

    def _noted(self, name: str, did: str, work: Work) -> dict[str, Any]:
        self._there()
        try:
            with self.journal.step(name, did) as step:
                made = work()
        except RefusedError:
            raise
        except OpsError as error:
            return {"failed": _told(error), "step": asdict(step)}
        return {"made": made, "step": asdict(step)}

    def _there(self) -> None:
        if self.journal.gone:
            raise CleanedAwayError(
                f"drill {self.name.id} was cut off, and a later drill has taken away what it left", "ops drill run"
            )

    def put(self, name: str, text: str) -> str:
        """Lay a text on the shelf; its sha256."""
        self._shelf.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._shelf / f"{name}.new"
        fresh.write_bytes(text.encode())
        fresh.replace(self._shelf / name)
        return hashlib.sha256(text.encode()).hexdigest()

    def get(self, name: str, digest: str) -> str:
        """A text from the shelf. OpsError when it is not what was laid there."""
        self._there()
        try:
            content = (self._shelf / name).read_bytes()
        except OSError as error:
            raise OpsError(f"{self._shelf / name}: {error.strerror}", "ops drill run") from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise OpsError(f"{self._shelf / name} is not what the drill left", "ops drill run")
        return content.decode()

    def put_json(self, name: str, value: Any) -> str:
        return self.put(name, json.dumps(value))

    def get_json(self, name: str, digest: str) -> Any:
        return json.loads(self.get(name, digest))


def shelf(spots: Places, drill: str) -> Path:
    return spots.journals / f"{drill}.shelf"


def forget(spots: Places, drill: str) -> None:
    """Clear a drill's shelf, once its evidence is written."""
    shutil.rmtree(shelf(spots, drill), ignore_errors=True)


def step_of(failure: str) -> str:
    """The step that a drill's `failure` names."""
    return failure.partition(":")[0].removesuffix(" again")


def revived(told: Mapping[str, Any]) -> OpsError:
    """The error of a step that ended badly, as it was."""
    what, next_step = str(told["what"]), str(told["next_step"])
    if told["trouble"]:
        return ResticError(Trouble(told["trouble"]), what, int(told["code"]))
    if told["host"]:
        return HostFailedError(told["host"], what.removeprefix(f"{told['host']}: "), next_step)
    return OpsError(what, next_step)


def _told(error: OpsError) -> dict[str, Any]:
    return {
        "what": error.what,
        "next_step": error.next_step,
        "trouble": str(getattr(error, "trouble", "")),
        "code": int(getattr(error, "code", 1)),
        "host": str(getattr(error, "host", "")),
    }
