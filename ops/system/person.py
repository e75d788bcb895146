"""Who acts: the person at the terminal, also behind sudo."""

from __future__ import annotations

import os
import pwd

_FIRST_PERSON = 1000  # lower numbers are root and services (Debian policy 9.2.2)


def who() -> str:
    """The login name. Root and services are whoever came to them by sudo.

    A person's own account is who it is, whatever its environment says: nobody is a second person by setting $USER.
    """
    account = os.getuid()
    by_sudo = os.environ.get("SUDO_USER") if account < _FIRST_PERSON else None
    return by_sudo or _name(account)


def _name(account: int) -> str:
    try:
        return pwd.getpwuid(account).pw_name
    except KeyError:
        return f"uid {account}"
