"""What is measured only where somebody asks for it (region.yml): the ways between offices."""

from __future__ import annotations

from pydantic import Field

from ops.inventory.declared import Declared
from ops.inventory.scalars import Code, Duration


class Probes(Declared):
    between: tuple[tuple[Code, Code], ...] = Field(
        default=(), description="two offices; the first one's router sends echo requests to the second one's"
    )
    every: Duration = Field(
        default=60.0,
        description="from one login on a router to the next, 30s or more",
        json_schema_extra={"default": "60s"},
    )
