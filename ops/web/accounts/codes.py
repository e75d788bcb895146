"""The second factor: six digits that change every 30 s (TOTP, RFC 6238). Each is good once."""

from __future__ import annotations

import hmac
import time

from ops.runs import audit
from ops.system.database import Database
from ops.system.secrets import Secrets
from ops.web.accounts import sealed

STEP = 30  # seconds
_SKEW = 1  # steps that a telephone's clock may be off
_DIGITS = 6


def invented() -> str:
    """A new secret, 160 bit in base 32."""
    import pyotp  # noqa: PLC0415

    return pyotp.random_base32()


def address(secret: str, name: str, issuer: str) -> str:
    """What the QR code says."""
    import pyotp  # noqa: PLC0415

    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer)


def step_of(secret: str, code: str, now: float | None = None) -> int | None:
    """The step that a code belongs to; None when it is wrong."""
    import pyotp  # noqa: PLC0415

    digits = "".join(code.split())
    if len(digits) != _DIGITS or not digits.isascii() or not digits.isdigit():
        return None
    current, totp = int((time.time() if now is None else now) // STEP), pyotp.TOTP(secret)
    for step in range(current - _SKEW, current + _SKEW + 1):
        if hmac.compare_digest(totp.generate_otp(step), digits):
            return step
    return None


def enrol(database: Database, secrets: Secrets, name: str, secret: str, code: str) -> bool:
    """Set the second factor up, when the code shows that the telephone has it."""
    step = step_of(secret, code)
    if step is None:
        return False
    with database.write() as tx:
        tx.do("UPDATE web_user SET code = ?, step = ? WHERE name = ?", sealed.seal(secrets, secret), step, name)
        audit.add(tx, name, "web second factor set up", "", {})
    return True


def use(database: Database, secrets: Secrets, name: str, code: str) -> bool:
    """Whether the code is right and was not used before."""
    with database.read() as tx:
        row = tx.one("SELECT code FROM web_user WHERE name = ?", name)
    step = step_of(sealed.unseal(secrets, row["code"]), code) if row and row["code"] else None
    if step is None:
        return False
    with database.write() as tx:
        return bool(tx.do("UPDATE web_user SET step = ? WHERE name = ? AND step < ?", step, name, step))
