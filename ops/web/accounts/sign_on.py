"""Single sign-on: the provider says who somebody is; whether that is a user here is ours to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.errors import UsageError
from ops.system.database import Database
from ops.system.oidc import Begun, Provider
from ops.web.accounts import tokens, users
from ops.web.accounts.users import User
from ops.world import World

BACK = "/login/sso/back"
_LONGEST = 600.0  # seconds until the browser must be back
# RFC 8176: what counts as more than a password
_STRONG = {"mfa", "otp", "hwk", "swk", "sc", "fpt", "face", "iris", "retina", "vbm"}


@dataclass(frozen=True, slots=True)
class Proven:
    """Who came back. `strong`: the provider saw a second factor."""

    user: User
    back: str
    strong: bool


def provider(world: World) -> Provider | None:
    """The declared one; None when there is none."""
    centre = world.region.command_centre
    if centre.sign_on is None or not centre.address:
        return None
    one = centre.sign_on
    return Provider(one.issuer, one.client, world.secrets.get(one.secret), centre.address.rstrip("/") + BACK)


def begin(database: Database, made_by: Provider, visitor: str, back: str) -> str:
    """Where the browser goes. The state is bound to this browser: nobody can slip another's answer in."""
    begun = made_by.begin()
    with database.write() as tx:
        tx.do("DELETE FROM web_sign_on WHERE at < ?", tx.now() - _LONGEST)
        tx.do(
            "INSERT INTO web_sign_on (state, nonce, verifier, back, visitor, at) VALUES (?, ?, ?, ?, ?, ?)",
            tokens.kept(begun.state), begun.nonce, begun.verifier, back, tokens.kept(visitor), tx.now(),
        )  # fmt: skip
    return begun.address


def end(database: Database, asked: Provider, visitor: str, state: str, code: str) -> Proven | None:
    """Who came back; None for somebody who is no user here. UsageError when this browser has begun no such sign-on."""
    with database.write() as tx:
        row = tx.one("SELECT * FROM web_sign_on WHERE state = ?", tokens.kept(state))
        tx.do("DELETE FROM web_sign_on WHERE state = ?", tokens.kept(state))  # each is good once
        now = tx.now()
    if row is None or row["visitor"] != tokens.kept(visitor) or now - row["at"] > _LONGEST:
        raise UsageError("this sign-on was not begun here, or too long ago", "begin it anew")
    claims = asked.claims(code, Begun("", state, row["nonce"], row["verifier"]))
    user = users.by_sso(database, names(claims))
    if user is None or user.disabled:
        return None
    return Proven(user, row["back"], not _STRONG.isdisjoint(map(str, claims.get("amr") or ())))


def names(claims: Mapping[str, Any]) -> list[str]:
    """By what a user may be known: the subject, or an e-mail address that the provider has verified."""
    found = [str(claims.get("sub", ""))]
    if claims.get("email_verified") is True and claims.get("email"):
        found.append(str(claims["email"]).lower())
    return found
