"""Who is on call: people, and duties that they take in turns (region.yml)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import ConfigDict, Field

from ops.inventory.declared import Declared
from ops.inventory.moments import Moment
from ops.inventory.scalars import Code, Name, Title

MOST_WEEKS = 520  # of one rotation: ten years


class Person(Declared):
    name: Name = Field(description="short name; duties name it")
    title: Title = Field(description="as people call her or him")
    phone: str = ""
    email: str = Field(default="", description="where alerts go while on call")
    telegram: int | None = Field(default=None, description="chat that alerts go to while on call")


class Turn(Declared):
    """One person's time on call."""

    # in the file it says from, which is no name in Python
    model_config = ConfigDict(populate_by_name=False)

    since: Moment = Field(alias="from", description="by the region's clock")
    until: Moment = Field(description="by the region's clock; the next one takes over at this moment")
    person: Name = Field(description="one of roster.people")

    @property
    def begins(self) -> datetime:
        """By the region's clock, without a zone."""
        return datetime.fromisoformat(self.since)

    @property
    def ends(self) -> datetime:
        """By the region's clock, without a zone."""
        return datetime.fromisoformat(self.until)


class Rotation(Declared):
    """Each for a week, in this order, over and over."""

    # in the file it says from, which is no name in Python
    model_config = ConfigDict(populate_by_name=False)

    since: Moment = Field(alias="from", description="when the first one begins; hand-over is at this day and hour")
    until: Moment = Field(description="how long this order is agreed")
    people: Annotated[tuple[Name, ...], Field(min_length=1, description="of roster.people")]

    @property
    def begins(self) -> datetime:
        """By the region's clock, without a zone."""
        return datetime.fromisoformat(self.since)

    @property
    def ends(self) -> datetime:
        """By the region's clock, without a zone."""
        return datetime.fromisoformat(self.until)


class Duty(Declared):
    name: Name
    opds: tuple[Code, ...] = Field(default=(), description="offices that it is for; none: the regency's own duty")
    weekly: Rotation | None = Field(default=None, description="a weekly rotation, or turns")
    turns: tuple[Turn, ...] = Field(default=(), description="a list of dates, or weekly")

    @property
    def shifts(self) -> Iterator[tuple[datetime, datetime, str]]:
        """(begins, ends, person) in order, by the region's clock, without a zone."""
        if self.weekly:
            yield from _weeks(self.weekly)
        yield from sorted((turn.begins, turn.ends, turn.person) for turn in self.turns)


class Roster(Declared):
    people: tuple[Person, ...] = ()
    duties: tuple[Duty, ...] = ()

    def person(self, name: str) -> Person:
        """KeyError when there is none (a rule has refused such an inventory)."""
        return {one.name: one for one in self.people}[name]


def _weeks(rotation: Rotation) -> Iterator[tuple[datetime, datetime, str]]:
    for week in range(MOST_WEEKS):
        begins = rotation.begins + timedelta(weeks=week)
        if begins >= rotation.ends:
            return
        ends = min(begins + timedelta(weeks=1), rotation.ends)
        yield begins, ends, rotation.people[week % len(rotation.people)]
