"""How a device is told to send echo requests to another one (`ping` of its profile)."""

from __future__ import annotations

from pydantic import Field

from ops.catalogue.cli.platform import Template
from ops.catalogue.optical import Data, Pattern


class Ping(Data):
    """`template`: TextFSM with SENT, RECEIVED, and the round trips: TIMES (each one), AVERAGE, or both."""

    command: str = Field(description="sends five of them; placeholder: address")
    template: Template
    error: Pattern = Field(description="what a refused command answers")
    no_way: Pattern | None = Field(default=None, description="what is answered where nothing can be sent: all are lost")
