"""An SNMPv3 agent: the user-based security model around the answers of a v2c agent (RFC 3412, RFC 3414, RFC 7860).

HMAC with SHA-1, SHA-256 or SHA-512 and AES in CFB mode (RFC 3826): written from the RFCs, apart from gufo, so that the
two check each other.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

try:  # where cryptography has moved it
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:
    from cryptography.hazmat.primitives.ciphers.modes import CFB

from ops.system.ber import BerError, Tag, Value, _take, _take_integer, encode_value, oid, wrap

UNKNOWN_ENGINE, OUT_OF_TIME, WRONG_DIGEST = (f"1.3.6.1.6.3.15.1.1.{n}.0" for n in (4, 2, 5))
_REPORT, _REPORTABLE, _PRIVATE, _SIGNED = 0xA8, 4, 2, 1
_TRUNCATED = {"sha1": 12, "sha256": 24, "sha512": 48}
WINDOW = 150


@cache
def master(algorithm: str, password: str) -> bytes:
    """Key of a password: a megabyte of it, hashed."""
    raw = password.encode()
    return hashlib.new(algorithm, (raw * (1_048_576 // len(raw) + 1))[:1_048_576]).digest()


@cache
def localized(algorithm: str, password: str, engine: bytes) -> bytes:
    key = master(algorithm, password)
    return hashlib.new(algorithm, key + engine + key).digest()


@dataclass
class Guard:
    """One engine with one user. `answer`: what answers a v2c message with community public."""

    answer: Callable[[bytes], bytes | None]
    engine: bytes = b"\x80\x00\x1f\x88\x04kominfo"
    user: str = "pemantau"
    algorithm: str = "sha256"
    password: str = "auth-canary-11"
    privacy_password: str = "priv-canary-22"
    key_bytes: int = 16
    boots: int = 1
    began: float = field(default_factory=time.monotonic)
    reports: list[str] = field(default_factory=list)
    _user: bytes = b""
    _asked: bytes = b""  # the request-id in clear, which a report repeats

    def reply(self, raw: bytes) -> bytes | None:
        _, body, _ = _take(raw)
        _, body = _take_integer(body)
        _, about, body = _take(body)
        number, rest = _take_integer(about)
        _, rest = _take_integer(rest)
        _, flags, _ = _take(rest)
        _, wrapped, data = _take(body)
        _, security, _ = _take(wrapped)
        _, engine, security = _take(security)
        boots, security = _take_integer(security)
        seconds, security = _take_integer(security)
        _, user, security = _take(security)
        _, digest, security = _take(security)
        _, salt, _ = _take(security)
        self._user = user
        self._asked = b"" if flags[0] & _PRIVATE else _request(data)
        if engine != self.engine or user.decode() != self.user:
            return self._report(number, UNKNOWN_ENGINE, signed=False)
        if not flags[0] & _SIGNED or self._digest(raw.replace(digest, bytes(len(digest)), 1)) != digest:
            return self._report(number, WRONG_DIGEST, signed=False)
        if boots != self.boots or abs(seconds - self._now()) > WINDOW:
            return self._report(number, OUT_OF_TIME, signed=True)
        scoped = self._cipher(boots, seconds, salt, _take(data)[1], secret=False) if flags[0] & _PRIVATE else data
        try:
            return self._response(number, scoped)
        except BerError:
            return None  # enciphered with another key

    def _response(self, number: int, scoped: bytes) -> bytes | None:
        _, body, _ = _take(scoped)
        _, _, body = _take(body)
        _, _, pdu = _take(body)
        answered = self.answer(wrap(Tag.SEQUENCE, b"\x02\x01\x01\x04\x06public" + pdu))
        return None if answered is None else self._message(number, _take(answered)[1][11:], signed=True, private=True)

    def _report(self, number: int, what: str, *, signed: bool) -> bytes:
        self.reports.append(what)
        pair = wrap(Tag.SEQUENCE, encode_value(Value(Tag.OID, oid(what))) + encode_value(Value(Tag.COUNTER32, 1)))
        body = (self._asked or _number(0)) + _number(0) * 2 + wrap(Tag.SEQUENCE, pair)
        return self._message(number, wrap(_REPORT, body), signed=signed, private=False)

    def _message(self, number: int, pdu: bytes, *, signed: bool, private: bool) -> bytes:
        seconds, salt = self._now(), os.urandom(8) if private else b""
        scoped = wrap(Tag.SEQUENCE, wrap(Tag.OCTETS, self.engine) + wrap(Tag.OCTETS, b"") + pdu)
        if private:
            scoped = wrap(Tag.OCTETS, self._cipher(self.boots, seconds, salt, scoped, secret=True))
        blank = bytes(_TRUNCATED[self.algorithm]) if signed else b""
        flags = bytes((signed * _SIGNED | private * _PRIVATE,))
        about = _number(number) + _number(65_507) + wrap(Tag.OCTETS, flags) + _number(3)
        security = b"".join((
            wrap(Tag.OCTETS, self.engine), _number(self.boots), _number(seconds), wrap(Tag.OCTETS, self._user),
            wrap(Tag.OCTETS, blank), wrap(Tag.OCTETS, salt),
        ))  # fmt: skip
        head = _number(3) + wrap(Tag.SEQUENCE, about) + wrap(Tag.OCTETS, wrap(Tag.SEQUENCE, security))
        message = wrap(Tag.SEQUENCE, head + scoped)
        return message.replace(blank, self._digest(message), 1) if signed else message

    def _digest(self, message: bytes) -> bytes:
        key = localized(self.algorithm, self.password, self.engine)
        return hmac.digest(key, message, self.algorithm)[: _TRUNCATED[self.algorithm]]

    def _cipher(self, boots: int, seconds: int, salt: bytes, text: bytes, *, secret: bool) -> bytes:
        key = localized(self.algorithm, self.privacy_password, self.engine)[: self.key_bytes]
        cipher = Cipher(AES(key), CFB(boots.to_bytes(4, "big") + seconds.to_bytes(4, "big") + salt))
        worker = cipher.encryptor() if secret else cipher.decryptor()
        return worker.update(text) + worker.finalize()

    def _now(self) -> int:
        return int(time.monotonic() - self.began) + 1


def _request(scoped: bytes) -> bytes:
    body = _take(_take(scoped)[1])[2]
    return _number(_take_integer(_take(_take(body)[2])[1])[0])


def _number(value: int) -> bytes:
    return encode_value(Value(Tag.INTEGER, value))
