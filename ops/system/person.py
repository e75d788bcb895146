"""Who acts: the person at the terminal, also behind sudo."""

from __future__ import annotations

import getpass
import os


def who() -> str:
    """$SUDO_USER (who became root), else the login name."""
    return os.environ.get("SUDO_USER") or getpass.getuser()
