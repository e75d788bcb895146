"""What a page is: a path, who may use it, and the handler. A file of `ops/web/pages` exports `PAGES`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from starlette.responses import Response

from ops.texts import mark

if TYPE_CHECKING:
    from ops.web.visit import Visit


class Role(StrEnum):
    """Who somebody is to the command centre. A user may have several; a wall device has WALL alone."""

    ANYONE = "anyone"  # without an account; everybody else has it too
    WALL = "wall"  # a screen in the room: a device token that only reads
    OPD = "opd"  # sees the own office only
    OPERATOR = "operator"  # asks for jobs
    APPROVER = "approver"  # agrees as the second person
    AUDITOR = "auditor"  # reads everything, changes nothing
    ADMIN = "admin"  # accounts and devices


USER_ROLES = frozenset({Role.OPD, Role.OPERATOR, Role.APPROVER, Role.AUDITOR, Role.ADMIN})
ACTING = frozenset({Role.OPERATOR, Role.APPROVER, Role.ADMIN})  # must have a second factor

# who may use a page: always one of these, or a set of one's own
ANYONE = frozenset({Role.ANYONE})
STAFF = frozenset({Role.OPERATOR, Role.APPROVER, Role.AUDITOR, Role.ADMIN})  # see every office
SIGNED_IN = USER_ROLES
SCREENS = frozenset({Role.WALL}) | STAFF  # what the wall shows

Handler = Callable[["Visit"], Response] | Callable[["Visit"], Awaitable[Response]]


class Group(StrEnum):
    """Parts of the navigation, in their order."""

    STATE = mark("State")
    WORK = mark("Work")
    PAPERS = mark("Documents")
    PEOPLE = mark("People")


@dataclass(frozen=True, slots=True)
class Nav:
    """A place in the navigation. `title`: a marked text · `order`: small is first within the group."""

    title: str
    group: Group
    order: int


@dataclass(frozen=True, slots=True)
class Page:
    """One method of one path. `roles` has no default: nothing is open by omission.

    `handler` is a plain function, which runs in a thread, or an async one. `quiet`: a use of it is no sign of the
    person (live streams, polling), so it does not keep the session alive.
    """

    path: str
    method: Literal["GET", "POST"]
    roles: frozenset[Role]
    handler: Handler
    nav: Nav | None = None
    quiet: bool = False
