"""What can be declared of a service: the backup sets it is restored from, and the questions that only it can answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ops.inventory.declared import Declared
from ops.inventory.scalars import Code, Duration, Label, Title


class Probe(Declared):
    """One question to a restored service: a page, or a query."""

    path: str = Field(default="", description="page asked for over HTTP, as `/`; or else `sql`")
    sql: str = Field(default="", description="query asked of the database; its answer's first value counts")
    status: Annotated[int, Field(ge=100, le=599, description="of the page")] = 200
    expect: Title | None = Field(
        default=None, description="text that the page holds, or the query's value; a query must give one if none"
    )


class Service(Declared):
    """What people use: the web pages and the database that belong together, restored and started together."""

    name: Code
    web: Label = Field(description="name of one of the office's web hosts; it is asked by this name")
    files: Code = Field(description="backup set with the web root")
    database: Code | None = Field(default=None, description="backup set with its database")
    rto: Duration = Field(description="from declared to answering, at most")
    patience: Duration = Field(
        default=60.0,
        description="how long it may take to answer once it is started",
        json_schema_extra={"default": "60s"},
    )
    newest: str = Field(
        default="", description="query for the newest business time in the data: a timestamp; the RPO counts from it"
    )
    probes: tuple[Probe, ...] = Field(description="all must be answered as expected")
