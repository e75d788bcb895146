"""The core contracts: what should be (Artifact), what differs (Change), what came of it (Result)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

REGION_SCOPE = "_region"  # artefacts that belong to no single office


class Keyed:
    """What stands at a key `<host>/<scope>.<rest>`."""

    __slots__ = ()
    key: str

    @property
    def host(self) -> str:
        return self.key.partition("/")[0]

    @property
    def scope(self) -> str:
        return self.key.partition("/")[2].partition(".")[0]


@dataclass(frozen=True, slots=True)
class Artifact(Keyed):
    """One thing that must exist somewhere because a declaration says so.

    kind     name of the target that holds it (`ops/targets/<kind with _>.py`)
    key      `<host>/<scope>.<rest>`: unique within the kind; scope is the office's code or `_region`
    content  the wanted text. Secrets stand as `{{secret:NAME}}` and never in clear
    because  file:line of the declaration that it follows from
    """

    kind: str
    key: str
    content: str
    because: str


class Action(StrEnum):
    ADD = "add"
    CHANGE = "change"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Change(Keyed):
    """One line of a plan. `before` is None for ADD, `after` is None for DELETE."""

    kind: str
    key: str
    before: str | None
    after: str | None
    because: str

    @property
    def action(self) -> Action:
        if self.before is None:
            return Action.ADD
        return Action.DELETE if self.after is None else Action.CHANGE


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one change. `error` is empty when it holds now."""

    change: Change
    error: str = ""


def digest(text: str | None) -> str:
    """sha256 of a content in hex; empty for 'not there'."""
    return "" if text is None else hashlib.sha256(text.encode()).hexdigest()
