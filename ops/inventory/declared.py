"""What all that is declared has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Declared(BaseModel):
    """Anything a person wrote down; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    at: str = Field(default="?:0:0", alias="@", exclude=True, repr=False)

    @property
    def line(self) -> str:
        """file:line, as a plan shows it."""
        return self.at.rpartition(":")[0]
