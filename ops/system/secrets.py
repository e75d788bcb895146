"""Secrets by name. Values live in one root-only YAML file of the world in use; nothing else ever holds them in clear.

A content names a secret as `{{secret:NAME}}`, or its SIP digest as `{{ha1:USER:REALM:NAME}}` (MD5 of user:realm:secret,
RFC 2617 §3.2.2.2). Targets expand on the way out and collapse on the way in, so plans hold names only.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import string
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from ops.errors import OpsError
from ops.system.secret_forms import faults

_TOKEN = re.compile(
    r"\{\{(?:secret:(?P<secret>[a-z0-9][a-z0-9/_.-]*)|ha1:(?P<user>[^:{}]+):(?P<realm>[^:{}]+):(?P<of>[a-z0-9][a-z0-9/_.-]*))\}\}"
)
_ALPHABET = string.ascii_letters + string.digits  # no `;`, `&`, `<`, blanks: safe in every format we write
_FORM = 'as in: router/password: "the password"'


class Secrets:
    """The secrets of one world. `path` is made with mode 0600; a name asked for the first time gets a random value."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._values = self._read()

    def get(self, name: str) -> str:
        """The value of `name`; made and stored if there is none yet (32 letters and digits, 190 bit)."""
        if name not in self._values:
            self._keep({name: None})
        return self._values[name]

    def put(self, name: str, value: str) -> None:
        """Set a value, e.g. one that a person or a device chose."""
        self._keep({name: value})

    def put_all(self, values: Mapping[str, str]) -> None:
        """Set several values in one write: all of them hold, or none."""
        self._keep(dict(values))

    @staticmethod
    def made() -> str:
        """A new random value (32 letters and digits, 190 bit); it is kept nowhere."""
        return _made()

    def knows(self, name: str) -> bool:
        return name in self._values

    @staticmethod
    def named(content: str) -> set[str]:
        """The names of the secrets that a content names."""
        return {found["secret"] or found["of"] for found in _TOKEN.finditer(content)}

    def make_all(self, contents: list[str]) -> None:
        """Make every secret that `contents` name, with one write of the file. OpsError names those that
        were edited into something that must not go out."""
        wanted: set[str] = set().union(*map(self.named, contents))
        if missing := sorted(wanted - self._values.keys()):
            self._keep(dict.fromkeys(missing))
        if found := faults(self._values, wanted):
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise OpsError(f"{self.path}: {found[0]}{more}", "delete its line: a new value is made by the next plan")

    def expand(self, text: str) -> str:
        """Put the values in: the result must go nowhere but to the host that needs it."""
        return _TOKEN.sub(self._value, text)

    def collapse(self, text: str, wanted: str) -> str:
        """Turn values that `wanted` names back into their names, so that `text` can be compared and shown."""
        for found in set(_TOKEN.findall(wanted)):
            token = f"{{{{secret:{found[0]}}}}}" if found[0] else f"{{{{ha1:{found[1]}:{found[2]}:{found[3]}}}}}"
            text = text.replace(self.expand(token), token)
        return text

    def scrub(self, text: str) -> str:
        """`text` without any secret's value: for errors and logs that came from outside."""
        for value, shown in self.hidden().items():
            text = text.replace(value, shown)
        return text

    def hidden(self) -> dict[str, str]:
        """Every value → what to show instead: for programs that write what they do."""
        return {value: f"<secret {name}>" for name, value in self._values.items() if value}

    def values_in(self, contents: Iterable[str]) -> set[str]:
        """The values (and digests) that stand in `contents` once they are expanded."""
        return {self._value(found) for text in contents for found in _TOKEN.finditer(text)}

    def _value(self, found: re.Match[str]) -> str:
        if found["secret"]:
            return self.get(found["secret"])
        clear = f"{found['user']}:{found['realm']}:{self.get(found['of'])}"
        return hashlib.md5(clear.encode(), usedforsecurity=False).hexdigest()

    def _read(self) -> dict[str, str]:
        try:
            found = yaml.load(self.path.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader) or {}  # noqa: S506 # text only
        except FileNotFoundError:
            return {}
        except (ValueError, yaml.YAMLError):  # which quotes the line, and with it a secret
            raise OpsError(f"{self.path}: this is no YAML", _FORM) from None
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            raise OpsError(f"{self.path}: one `name: value` a line is wanted", _FORM)
        return found

    def _keep(self, wanted: Mapping[str, str | None]) -> None:
        """Store values; None is for one that is made, unless another thread or process made it meanwhile."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            values = {**self._values, **self._read()}
            for name, value in wanted.items():
                if value is not None or name not in values:
                    values[name] = _made() if value is None else value
            self._write(values)
            self._values = values

    def _write(self, values: Mapping[str, str]) -> None:
        fresh = self.path.with_suffix(".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            yaml.dump(dict(sorted(values.items())), out)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self.path)


def _made() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(32))


def names_secret(text: str) -> bool:
    """Whether a content names any secret: such contents are never shown as a diff."""
    return bool(_TOKEN.search(text))
