"""What an upstream's contract gives back when less than the promised availability is measured."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from ops.inventory.declared import Declared
from ops.inventory.moments import Moment, WeeklyWindow
from ops.inventory.scalars import Title

Percent = Annotated[float, Field(ge=0, le=100)]


class Band(Declared):
    """Availability from `from` (included) to `to` (not included) gives `percent` of the monthly fee back."""

    # in the file it says from, which is no name in Python
    model_config = ConfigDict(populate_by_name=False)

    since: Percent = Field(alias="from", description="availability in percent, included")
    to: Percent = Field(description="availability in percent, not included")
    percent: Percent = Field(description="of the monthly fee")


class Excluded(Declared):
    """An interruption that the contract does not count: announced work, force majeure."""

    # in the file it says from, which is no name in Python
    model_config = ConfigDict(populate_by_name=False)

    since: Moment = Field(alias="from", description="by the region's clock")
    until: Moment = Field(description="by the region's clock")
    reason: Title = Field(description="by which clause, and the letter that announced it")

    @property
    def pair(self) -> tuple[datetime, datetime]:
        """By the region's clock, without a zone."""
        return datetime.fromisoformat(self.since), datetime.fromisoformat(self.until)


class Terms(Declared):
    fee: Annotated[int, Field(ge=0, description="rupiah per month, without tax")]
    bands: tuple[Band, ...] = Field(description="every availability below the promised one lies in exactly one")
    windows: tuple[WeeklyWindow, ...] = Field(default=(), description="the provider's own maintenance, not counted")
    excluded: tuple[Excluded, ...] = Field(default=(), description="single interruptions that are not counted")
