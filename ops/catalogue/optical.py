"""Where a vendor keeps its optical figures, and what they mean: the `optical` part of a device profile. Pure.

docs/devices.md explains every key with examples.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Optic = Literal[
    "receive_power_dbm",
    "transmit_power_dbm",
    "temperature_celsius",
    "voltage_volts",
    "bias_amperes",
    "rx_loss",
]
Limit = Literal["low_alarm", "low_warning", "high_warning", "high_alarm"]
POWERS: Mapping[Optic, Literal["rx", "tx"]] = {"receive_power_dbm": "rx", "transmit_power_dbm": "tx"}
NO_LIGHT_DBM = -40.0  # SFF-8472 counts in 0.1 microwatt: at and below this a module has measured nothing
BRIGHTEST_DBM = 40.0  # above this no transceiver or amplifier works: a figure that means something else
Raw = int | float | bytes | str | None
_SIGN, _WRAP = 2**31, 2**32
_WIDE_SIGN, _WIDE_WRAP = 2**63, 2**64
_BLANK = " \t\r\n\0"
_POINTED = re.compile(r"[-+]?\d*\.\d+")
_NUMBER = r"^\s*(?P<value>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*[A-Za-z%°/.]*\s*$"
NAMED = ("ifindex", "entity", "pon", "onu", "lane", "slot", "frame", "card")  # steps of an index that have a name
_WORDS = {*NAMED, "any", "serial", "path"}
OWN_ROOTS = {"object_id", "above_object_id"}  # of a table: where the device's own number says
_RESTS = {"serial", "path"}  # take all that is left of an index


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return pattern


def _holds_value(pattern: str) -> str:
    if "value" not in re.compile(pattern).groupindex:
        raise ValueError("no group `value` in it")
    return pattern


def _index_form(forms: str) -> str:
    for form in forms.split(" or "):
        steps = form.split(".")
        for at, step in enumerate(steps):
            if not step.isdigit() and step not in _WORDS:
                raise ValueError(f"{step}: neither a number nor one of {', '.join(sorted(_WORDS))}")
            if step in _RESTS and at != len(steps) - 1:
                raise ValueError(f"{step}: only at the end")
    return forms


Pattern = Annotated[str, AfterValidator(_compiles)]
TextPattern = Annotated[Pattern, AfterValidator(_holds_value)]
DottedOid = Annotated[str, Field(pattern=r"^\d+(\.\d+)+$")]
ColumnOid = Annotated[str, Field(pattern=r"^\.?\d+(\.\d+)*$", description="with a dot before it: below each root")]
IndexForm = Annotated[str, AfterValidator(_index_form)]


def _signed(raw: float) -> float:
    """A negative figure that came as an unsigned one of 32 or 64 bits."""
    if _SIGN <= raw < _WRAP:
        return raw - _WRAP
    return raw - _WIDE_WRAP if _WIDE_SIGN <= raw < _WIDE_WRAP else raw


def _pointed(raw: Raw) -> float | None:
    """The number in a text that is nothing but a number with a decimal point."""
    if not isinstance(raw, bytes | str):
        return None
    said = (raw.decode("latin-1") if isinstance(raw, bytes) else raw).strip(_BLANK)
    return float(said) if _POINTED.fullmatch(said) else None


def milliwatts_to_dbm(milliwatts: float) -> float | None:
    """None for no power at all."""
    return 10 * math.log10(milliwatts) if milliwatts > 0 else None


class Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Piece(Data):
    """Raw values from `least` to `most` (both included) mean (raw - subtract) / divide.

    `milliwatt`: the result is power in mW and is told in dBm. `word`: only where the device's text says it (dBm, uW).
    """

    word: str = ""
    least: float = -math.inf
    most: float = math.inf
    subtract: float = 0
    divide: Annotated[float, Field(gt=0)] = 1
    unit: Literal["plain", "milliwatt"] = "plain"

    def fits(self, figure: float, raw: Raw) -> bool:
        """Whether `figure`, which stood in `raw`, is told by this rule."""
        return self.least <= figure <= self.most and (not self.word or self._says(raw))

    def _says(self, raw: Raw) -> bool:
        said = raw.decode("latin-1") if isinstance(raw, bytes) else str(raw)
        return self.word.lower() in said.lower()

    def value(self, raw: float) -> float | None:
        scaled = (raw - self.subtract) / self.divide
        if self.unit == "plain":
            return scaled
        return milliwatts_to_dbm(scaled)

    def raw(self, value: float) -> int:
        scaled = 10 ** (value / 10) if self.unit == "milliwatt" else value
        return round(scaled * self.divide + self.subtract)


class Scale(Data):
    """How a device's figure becomes ours.

    `pieces` where the rule differs by range; else `subtract`, `divide` and `unit` hold for every figure.
    """

    subtract: float = 0
    divide: Annotated[float, Field(gt=0)] = 1
    unit: Literal["plain", "milliwatt"] = "plain"
    pieces: tuple[Piece, ...] = ()
    invalid: tuple[int | str, ...] = Field(default=(), description="numbers or texts that mean: there is no value")
    text: TextPattern = Field(default=_NUMBER, description="where the figure stands in a text; group `value`")
    whole: bool = Field(
        default=False, description="only whole numbers are meant: one with a point is in our unit as it is"
    )

    @cached_property
    def _rules(self) -> tuple[Piece, ...]:
        return self.pieces or (Piece(subtract=self.subtract, divide=self.divide, unit=self.unit),)

    @cached_property
    def _reads(self) -> re.Pattern[str]:
        return re.compile(self.text, re.IGNORECASE)

    def value(self, raw: Raw) -> float | None:
        """What `raw` means; None when it means that there is no value."""
        pointed = _pointed(raw) if self.whole else None
        if pointed is not None:
            return pointed
        figure = self._figure(raw)
        if figure is None:
            return None
        for piece in self._rules:
            if piece.fits(figure, raw):
                return piece.value(figure)
        return None

    def _figure(self, raw: Raw) -> float | None:
        """The number in a device's answer. Negative figures that came as unsigned are put right."""
        if isinstance(raw, bytes | str):
            return self._read(raw.decode("latin-1") if isinstance(raw, bytes) else raw)
        if raw is None or raw in self.invalid:
            return None
        figure = _signed(raw)
        return None if figure in self.invalid else figure

    def _read(self, said: str) -> float | None:
        text = said.strip(_BLANK)
        found = None if text in self.invalid else self._reads.search(text)
        figure = float(found["value"]) if found else None
        return None if figure is None or figure in self.invalid else figure

    def raw(self, value: float | None) -> int:
        """What a device would answer for `value` (the twin's agents); a missing value is the first invalid one."""
        if value is None:
            return next((one for one in self.invalid if isinstance(one, int)), 0)
        for piece in self._rules:
            raw = piece.raw(value)
            if piece.least <= raw <= piece.most and raw not in self.invalid:
                return raw
        return piece.raw(value) + 1


class Condition(Data):
    """A companion column, and when a figure counts: it says one of `is`, none of `is_not`, a number within bounds.

    A companion that is missing says nothing against the figure. `index`: its index in words of the table's own one.
    """

    oid: ColumnOid
    index: IndexForm = ""
    is_: tuple[int | str, ...] = Field(default=(), alias="is")
    is_not: tuple[int | str, ...] = ()
    least: float = -math.inf
    most: float = math.inf

    @model_validator(mode="after")
    def _says_something(self) -> Condition:
        if not self.is_ and not self.is_not and math.isinf(self.least) and math.isinf(self.most):
            raise ValueError("one of `is`, `is_not`, `least` and `most` is wanted")
        return self

    def holds(self, raw: Raw) -> bool:
        said = raw.decode("latin-1").strip(_BLANK) if isinstance(raw, bytes) else raw
        if said is None:
            return True
        figure = int(said) if isinstance(said, str) and re.fullmatch(r"-?\d+", said) else said
        figure = figure if isinstance(figure, str) else _signed(figure)
        if (self.is_ and not {said, figure} & set(self.is_)) or {said, figure} & set(self.is_not):
            return False
        return isinstance(figure, str) or self.least <= figure <= self.most


class LimitColumn(Scale):
    """A threshold that the device itself holds. `index`: in words of the table's index, the same if left out."""

    oid: ColumnOid
    index: IndexForm = ""


class Column(Scale):
    """One optical column.

    `index` where it differs from the table's; `lanes`: the sign between the figures of several lanes in one text.
    """

    oid: ColumnOid
    index: IndexForm = ""
    lanes: str = ""
    lost: tuple[int | str, ...] = Field(default=(), description="of rx_loss: what means that light is missing")
    limits: dict[Limit, LimitColumn] = {}
    only: tuple[Condition, ...] = ()

    def value(self, raw: Raw) -> float | None:
        if not self.lost:
            return super().value(raw)
        if raw is None:
            return None
        text = raw.decode("latin-1").strip(_BLANK) if isinstance(raw, bytes) else raw
        return float(text in self.lost or super().value(raw) in self.lost)

    def parts(self, raw: Raw) -> Sequence[Raw]:
        """One raw figure per lane."""
        if not self.lanes or not isinstance(raw, bytes | str):
            return (raw,)
        return (raw.decode("latin-1") if isinstance(raw, bytes) else raw).split(self.lanes)


class Split(Data):
    """Where in a packed number a part stands: in its bits, (number >> shift) & mask, or in its decimal digits."""

    shift: Annotated[int, Field(ge=0)] = 0
    mask: Annotated[int, Field(ge=1)] = 2**32 - 1
    divide: Annotated[int, Field(ge=1)] = 1
    modulo: Annotated[int, Field(ge=1)] = 2**32

    def part(self, number: int) -> int:
        return (number >> self.shift & self.mask) // self.divide % self.modulo


class Table(Data):
    """Columns that share one form of index.

    `index`: its steps, `ifindex`, `entity` (entPhysicalIndex), `pon`, `onu`, `lane`, `slot`…, `any`, a number that must
    stand there, or at the end `serial` (all that is left is an ONU's name in ASCII) or `path` (all that is left names
    the ONU). Several forms: `onu.0.0 or path`, the first that fits holds.
    """

    index: IndexForm
    columns: dict[Optic, Column]
    roots: tuple[DottedOid | Literal["object_id", "above_object_id"], ...] = Field(
        default=(),
        description="where columns with a leading dot may begin; object_id: at the sysObjectID, or one step above it",
    )
    lane: str = Field(default="", description="the lane that this table's columns are of")
    only: tuple[Condition, ...] = Field(default=(), description="for every power, voltage… of this table")
    port: tuple[str, ...] = Field(default=(), description="how ports may be called, with {pon}, {onu}…")
    port_index: str = Field(default="", description="ifIndex made of the index, as '3{slot:0>2}{pon:0>2}'")
    port_name: ColumnOid | None = Field(default=None, description="column that holds the port's name")
    onu_name: Pattern = Field(default="", description="groups `port` and `onu`: how a port's name tells an ONU")
    split: dict[str, dict[Literal["pon", "onu", "lane", "slot"], Split]] = Field(
        default={}, description="an index step that packs several numbers, and where in it they stand"
    )
    choice: str = Field(default="", description="of the tables of one choice the first plausible one is used")
    window: tuple[float, float] = (-45.0, 10.0)
    spare: bool | Literal["one_lane"] = Field(
        default=False,
        description="only for ports whose light no other table tells; one_lane: and for modules of several lanes",
    )
    bursts: bool = Field(default=False, description="an OLT's receiver: a figure that is missing is no darkness")
    side: Literal["", "olt"] = Field(default="", description="whose module the figures of an ONU's line are of")

    @model_validator(mode="after")
    def _rooted(self) -> Table:
        relative = [column.oid for column in self.columns.values() if column.oid.startswith(".")]
        if relative and not self.roots:
            raise ValueError(f"{relative[0]}: no root for it")
        return self


class SensorLimits(Data):
    """Thresholds of a sensor table: rows `<entity>.<n>` with a severity and a relation."""

    severity: DottedOid
    relation: DottedOid
    value: DottedOid
    alarm: tuple[int, ...] = (20, 30)  # CISCO-ENTITY-SENSOR-MIB: major, critical
    warning: tuple[int, ...] = (10,)  # minor
    low: tuple[int, ...] = (1, 2)  # lessThan, lessOrEqual
    high: tuple[int, ...] = (3, 4)  # greaterThan, greaterOrEqual


class Sensors(Data):
    """A table of sensors of every kind, of which some are optical (ENTITY-SENSOR-MIB and its kin), by entity.

    What a sensor measures is told by its name; `dbm`, `watts`…: the numbers of the types.
    """

    type: DottedOid
    scale: DottedOid
    precision: DottedOid
    value: DottedOid
    status: DottedOid
    measured: DottedOid | None = Field(default=None, description="column that names the entity that a sensor measures")
    units: DottedOid | None = Field(default=None, description="column that says a sensor's unit in a word: dBm, mW")
    well: tuple[int, ...] = (1,)  # ok
    dbm: tuple[int, ...] = (14,)
    watts: tuple[int, ...] = (6,)
    volts: tuple[int, ...] = (3, 4)
    amperes: tuple[int, ...] = (5,)
    celsius: tuple[int, ...] = (8,)
    unnamed_dbm: tuple[int, ...] = Field(default=(), description="types that are dBm where the name says so")
    invalid: tuple[int, ...] = (-32768, 2147483647, 1000000000, -1000000000)
    rows: SensorLimits | None = None
    limits: dict[Limit, DottedOid] = {}


class Optical(Data):
    """Everything optical that a system tells."""

    tables: tuple[Table, ...] = ()
    sensors: tuple[Sensors, ...] = ()


def plausible(optic: Optic, value: float | None) -> float | None:
    """`value`, unless it is light that no module can measure or send: darkness has many figures, all of them made up.

    Units as the optic's name says.
    """
    if value is None or not math.isfinite(value):
        return None
    if optic in POWERS and not NO_LIGHT_DBM < value < BRIGHTEST_DBM:
        return None
    return value
