"""Gateways outside that pass short messages on to people: Telegram, WhatsApp gateways of the Fonnte kind, mail."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ops.inventory.declared import Declared
from ops.inventory.scalars import Name, SecretName


class Gateway(Declared):
    """What leaves through it is an office's name and its state, nothing else."""

    name: Name
    kind: Literal["telegram", "fonnte", "smtp"] = Field(description="the language it speaks")
    url: str = Field(
        default="", pattern=r"^(https?://[^\s\"{}]+|[A-Za-z0-9.-]+:\d{1,5})?$",
        description="where it is, if not at its maker's; of smtp HOST:PORT",
    )  # fmt: skip
    to: tuple[str, ...] = Field(min_length=1, description="chats, telephone numbers or mail addresses")
    sender: str = Field(default="", description="of smtp: the address that it is from")
    secret: SecretName = Field(default="alerts/gateway", description="its token; of smtp none")
    every: Annotated[int, Field(ge=10, le=3600)] = Field(
        default=60, description="seconds between two messages at least"
    )
