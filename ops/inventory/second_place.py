"""Where the vault's files are copied to (drc.yml)."""

from __future__ import annotations

from pydantic import Field

from ops.inventory.declared import Declared
from ops.inventory.scalars import Name


class CopyPlan(Declared):
    """The second place, away from the vault, to which its files are copied."""

    server: Name = Field(description="the server that fetches and keeps the second copy")
    folder: str = Field(default="/srv/kominfo-copy", description="absolute path of the copies there")
