"""Users: add, find, change. Every change stands in the audit chain, in the same transaction."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from ops.errors import UsageError
from ops.runs import audit
from ops.system.database import Database, Row, Transaction
from ops.web.accounts import passwords
from ops.web.page import ACTING, USER_ROLES, Role

_NAME = re.compile(r"[a-z][a-z0-9._-]{1,31}")
_TITLE_LENGTH = 80


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with an account. `opds`: the offices that a mere OPD viewer sees; everybody else sees all."""

    name: str
    title: str
    roles: frozenset[Role]
    opds: frozenset[str] = frozenset()
    fresh: bool = False  # the password was given by somebody else
    has_code: bool = False  # a second factor is set up
    sso: str = ""
    disabled: bool = False
    created: float = 0.0

    @property
    def acts(self) -> bool:
        return bool(self.roles & ACTING)

    @property
    def bounded(self) -> bool:
        """Whether this user sees the own offices only."""
        return self.roles <= {Role.OPD, Role.ANYONE}

    def sees(self, opd: str) -> bool:
        return not self.bounded or opd in self.opds

    @classmethod
    def of(cls, row: Row) -> User:
        known = {role.value for role in USER_ROLES}
        return cls(
            row["name"], row["title"], frozenset(Role(word) for word in row["roles"].split() if word in known),
            frozenset(row["opds"].split()), bool(row["fresh"]), bool(row["code"]), row["sso"] or "",
            bool(row["disabled"]), float(row["created"]),
        )  # fmt: skip


def add(database: Database, user: User, password: str, by: str) -> User:
    """A new user. UsageError for a name that is taken or no name, and for roles that do not fit."""
    _check(user)
    kept = passwords.hashed(password) if password else ""
    with database.write() as tx:
        if tx.one("SELECT 1 AS one FROM web_user WHERE name = ?", user.name):
            raise UsageError(f"there is a user {user.name} already", "ops web user list")
        _unique_sso(tx, user)
        tx.do(
            """INSERT INTO web_user (name, title, roles, opds, password, fresh, code, step, sso, disabled, created)
               VALUES (?, ?, ?, ?, ?, ?, '', 0, ?, 0, ?)""",
            user.name, user.title, " ".join(sorted(user.roles)), " ".join(sorted(user.opds)), kept, int(user.fresh),
            user.sso or None, tx.now(),
        )  # fmt: skip
        audit.add(tx, by, "web user added", "", _about(user))
    return user


def every(database: Database) -> list[User]:
    with database.read() as tx:
        return [User.of(row) for row in tx.all("SELECT * FROM web_user ORDER BY name")]


def get(database: Database, name: str) -> User:
    """UsageError when there is none."""
    with database.read() as tx:
        return get_in(tx, name)


def get_in(tx: Transaction, name: str) -> User:
    row = tx.one("SELECT * FROM web_user WHERE name = ?", name)
    if row is None:
        raise UsageError(f"there is no user {name!r}", "ops web user list")
    return User.of(row)


def by_sso(database: Database, names: Iterable[str]) -> User | None:
    """The user with one of these names at the single sign-on; the first that fits."""
    with database.read() as tx:
        for name in names:
            if name and (row := tx.one("SELECT * FROM web_user WHERE sso = ?", name)):
                return User.of(row)
    return None


def change(database: Database, user: User, by: str) -> User:
    """Keep title, roles, offices, sign-on name and whether disabled; what the user has open is closed."""
    _check(user)
    with database.write() as tx:
        before = get_in(tx, user.name)
        _unique_sso(tx, user)
        tx.do(
            "UPDATE web_user SET title = ?, roles = ?, opds = ?, sso = ?, disabled = ? WHERE name = ?",
            user.title, " ".join(sorted(user.roles)), " ".join(sorted(user.opds)), user.sso or None,
            int(user.disabled), user.name,
        )  # fmt: skip
        if Role.ADMIN in before.roles and not before.disabled:
            _keep_an_admin(tx)
        tx.do("DELETE FROM web_session WHERE name = ?", user.name)
        audit.add(tx, by, "web user changed", "", {**_about(user), "before": _about(before)})
    return user


def disable(database: Database, name: str, by: str, disabled: bool = True) -> User:
    return change(database, replace(get(database, name), disabled=disabled), by)


def reset(database: Database, name: str, password: str, by: str) -> None:
    """Another password, to be replaced at the next login; the second factor is set up anew."""
    kept = passwords.hashed(password)
    with database.write() as tx:
        get_in(tx, name)
        tx.do("UPDATE web_user SET password = ?, fresh = 1, code = '', step = 0 WHERE name = ?", kept, name)
        tx.do("DELETE FROM web_session WHERE name = ?", name)
        tx.do("DELETE FROM web_attempt WHERE kind = 'account' AND name = ?", name)
        audit.add(tx, by, "web user reset", "", {"user": name})


def own_password(database: Database, name: str, password: str) -> None:
    """The user chose one. Every session ends, also that of somebody who knew the old one."""
    kept = passwords.hashed(password)
    with database.write() as tx:
        get_in(tx, name)
        tx.do("UPDATE web_user SET password = ?, fresh = 0 WHERE name = ?", kept, name)
        tx.do("DELETE FROM web_session WHERE name = ?", name)
        audit.add(tx, name, "web password changed", "", {})


def password_of(database: Database, name: str) -> str:
    """The hash that is kept; empty for nobody, for one who is disabled, and for one who only has single sign-on."""
    with database.read() as tx:
        row = tx.one("SELECT password FROM web_user WHERE name = ? AND disabled = 0", name)
    return str(row["password"]) if row else ""


def unknown_opds(user: User, known: Collection[str]) -> list[str]:
    return sorted(user.opds - set(known))


def _check(user: User) -> None:
    if not _NAME.fullmatch(user.name):
        raise UsageError(f"{user.name[:40]!r} is no user name", "2 to 32 of a–z, 0–9, dot, dash; a letter first")
    if not user.title.strip() or len(user.title) > _TITLE_LENGTH or not user.title.isprintable():
        raise UsageError("a user has a full name", f"at most {_TITLE_LENGTH} characters")
    if not user.roles or not user.roles <= USER_ROLES:
        raise UsageError("a user has at least one role", f"of {', '.join(sorted(USER_ROLES))}")
    if Role.OPD in user.roles and not user.opds:
        raise UsageError("who has the role opd sees one office or more", "name its code: --opd dinkes")


def _unique_sso(tx: Transaction, user: User) -> None:
    if user.sso and tx.one("SELECT 1 AS one FROM web_user WHERE sso = ? AND name <> ?", user.sso, user.name):
        raise UsageError(f"another user signs on as {user.sso} already", "ops web user list")


def _keep_an_admin(tx: Transaction) -> None:
    rows = tx.all("SELECT roles FROM web_user WHERE disabled = 0")
    if not any(Role.ADMIN in row["roles"].split() for row in rows):
        raise UsageError("nobody would be admin any more", "make somebody else admin first")


def _about(user: User) -> dict[str, object]:
    return {
        "user": user.name, "title": user.title, "roles": sorted(user.roles), "opds": sorted(user.opds),
        "sso": user.sso, "disabled": user.disabled,
    }  # fmt: skip
