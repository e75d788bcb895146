"""What a device has: who made it, its ports, and every optical figure joined to its port. Live and from a recording.

The exporter and `ops discover` both go through here, so that what is shown is what is collected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from exporters.book import Book, Source, text
from exporters.optical_sensors import sensor_sensors
from exporters.optical_tables import OBJECT_ID, Place, table_sensors
from exporters.ports import DevicePort, Names, named_ports, read_ports
from exporters.sensor import Sensor, Values
from ops.catalogue.device import Device, device, names
from ops.catalogue.identify import Identified, identify
from ops.catalogue.optical import OWN_ROOTS, POWERS, Table
from ops.system.snmp import Held

DESCRIPTION, UPTIME, NAME = (f"1.3.6.1.2.1.1.{column}.0" for column in (1, 3, 5))
LAST_CHANGE = "1.3.6.1.2.1.31.1.5.0"
_MOST = 0.5  # of a table's figures must be light as glass carries it, where several tables may hold it
LIGHT = {*POWERS, "rx_loss"}
STANDARD = "entity_sensor"  # the profile of ENTITY-SENSOR-MIB alone, which any device may have
_TELLS_LIGHT = 3
_MAKER = 7  # steps of an OID up to the number of an enterprise, 1.3.6.1.4.1.<n>
Slot = tuple[int, str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Discovered:
    """`profile`: None for a device that no profile is meant for. `values`: all that was read, by OID.

    `changed`: ifTableLastChange, by which a poll sees that all this is out of date. `broken`: why a walk was cut short.
    """

    name: str
    description: str
    object_id: str
    identified: Identified
    profile: Device | None
    ports: Mapping[int, DevicePort]
    sensors: tuple[Sensor, ...]
    values: Mapping[str, Held]
    changed: Held
    broken: str

    def of_port(self, ifindex: int, onus: Collection[str] = ()) -> tuple[Sensor, ...]:
        """The sensors of one port, its ONUs' among them; those of `onus` also where they are joined to no port."""
        return tuple(one for one in self.sensors if one.ifindex == ifindex or (not one.ifindex and one.onu in onus))

    def named(self, ifname: str) -> DevicePort | None:
        """The port whose ifName (ifDescr) is exactly this, else in other letters."""
        exact = (port for port in self.ports.values() if ifname in {port.ifname, port.ifdescr})
        return next(exact, None) or Names(self.ports.values()).find(ifname)


async def discover(source: Source, *, model: str = "", state: bool = True, wanted: Sequence[str] = ()) -> Discovered:
    """Look a device over. `model`: the profile to use, whatever the device says; `state`: speed and counters too.

    Without `state` only what a poll does not ask for anyway: names, light, and the alias of the ports called `wanted`.

    HostFailedError when the device is silent, OpsError for a model without a profile.
    """
    book = Book(source)
    said = await book.get([DESCRIPTION, OBJECT_ID, UPTIME, NAME, LAST_CHANGE])
    description, object_id = text(said.get(DESCRIPTION)), text(said.get(OBJECT_ID)).strip(".")
    identified = Identified(model, "the inventory names this model") if model else identify(object_id, description)
    ports = await read_ports(book, state=state)
    if not state:
        by_name = _by_name(device(identified.model) if identified.model else None)
        ports = await named_ports(book, ports, wanted, descr=by_name)
    place = Place(book, ports, Names(ports.values()))
    if identified.model:
        sensors = await _own_or_kin(place, identified.model, object_id)
    else:
        identified, sensors = await _guess(place, identified)
    return Discovered(
        text(said.get(NAME)),
        description,
        object_id,
        identified,
        device(identified.model) if identified.model else None,
        ports,
        tuple(sensors),
        book.values,
        said.get(LAST_CHANGE),
        book.broken,
    )


def _by_name(profile: Device | None) -> bool:
    """Whether what is optical is joined to ports by their names, so that every name is needed."""
    optical = profile.optical if profile else None
    if optical is None:
        return profile is None
    tables = [table for table in optical.tables if "ifindex" not in table.index or table.onu_name]
    return bool(optical.sensors or tables)


async def _own_or_kin(place: Place, model: str, object_id: str) -> list[Sensor]:
    """What the profile tells of; where that is no light, what another of the same maker does, or the standard table."""
    own = await _sensors(place, device(model))
    if any(one.optic in POWERS for one in own):
        return own
    kin = [name for name in names() if name not in {model, STANDARD} and _of_maker(device(name), object_id)]
    _, found = await _best(place, [*kin, STANDARD])
    return found if any(one.optic in POWERS for one in found) else own


def _of_maker(profile: Device, object_id: str) -> bool:
    """Whether the profile is for devices of the enterprise that the sysObjectID names."""
    maker = object_id.split(".")[:_MAKER]
    known = (one.object_id or "" for one in profile.identity)
    return len(maker) == _MAKER and any(one.split(".")[:_MAKER] == maker for one in known)


async def _guess(place: Place, identified: Identified) -> tuple[Identified, list[Sensor]]:
    """The profile whose optical tables the device has: many clones speak another vendor's tongue."""
    name, sensors = await _best(place, names())
    if not sensors:
        return identified, []
    why = f"{identified.why}, but the device answers {sensors[0].oid} as {device(name).title} do"
    return Identified(name, why), sensors


async def _best(place: Place, models: Iterable[str]) -> tuple[str, list[Sensor]]:
    """The first profile that tells light of the device, else the first that tells of it at all."""
    best, found, told = "", list[Sensor](), 0
    for name in models:
        sensors = await _sensors(place, device(name), guessed=True)
        tells = _tells(sensors, place.book.values)
        if tells > told:
            best, found, told = name, sensors, tells
        if tells == _TELLS_LIGHT:
            break
    return best, found


def _tells(sensors: Iterable[Sensor], values: Values) -> int:
    """How much a profile tells of a device: nothing, temperatures and the like, columns of light, light."""
    return max((_TELLS_LIGHT if _lit(one, values) else 1 + (one.optic in POWERS) for one in sensors), default=0)


async def _sensors(place: Place, profile: Device, *, guessed: bool = False) -> list[Sensor]:
    """Every sensor once: where several tables tell the same figure, one that has a value wins, then the first.

    `guessed`: what stands below the number of another maker's device means nothing by this profile.
    """
    if profile.optical is None:
        return []
    chosen: dict[Slot, Sensor] = {}
    foreign = guessed and not _of_maker(profile, text(place.book.values.get(OBJECT_ID)).strip("."))
    meant = (table for table in profile.optical.tables if not (foreign and OWN_ROOTS & {*table.roots}))
    tables = await _choices(place, meant)
    for table in sorted(tables, key=lambda table: bool(table.spare)):
        found = await table_sensors(place, table)
        lit = {sensor.port for sensor in chosen.values() if _lit(sensor, place.book.values)} if table.spare else set()
        lit -= _laned(found) if table.spare == "one_lane" else set()
        _add(chosen, (one for one in found if one.optic not in LIGHT or one.port not in lit), place.book.values)
    for sensors in profile.optical.sensors:
        _add(chosen, await sensor_sensors(place, sensors), place.book.values)
    return list(chosen.values())


def _add(chosen: dict[Slot, Sensor], found: Iterable[Sensor], values: Values) -> None:
    for sensor in found:
        slot = (*sensor.place, sensor.optic)
        before = chosen.get(slot)
        if before is None or (before.value(values) is None and sensor.value(values) is not None):
            chosen[slot] = sensor


def _laned(sensors: Iterable[Sensor]) -> set[str]:
    """The ports that have more than one lane."""
    lanes = Counter((port, optic) for port, optic, _ in {(one.port, one.optic, one.lane) for one in sensors})
    return {port for (port, _), count in lanes.items() if count > 1}


def _lit(sensor: Sensor, values: Values) -> bool:
    return sensor.optic in POWERS and sensor.value(values) is not None


async def _choices(place: Place, tables: Iterable[Table]) -> list[Table]:
    """All tables, but of those of one choice only the first whose figures are plausible."""
    found: list[Table] = []
    settled: set[str] = set()
    for table in tables:
        if table.choice in settled:
            continue
        if table.choice and not await _plausible(place, table):
            continue
        settled |= {table.choice} - {""}
        found.append(table)
    return found


async def _plausible(place: Place, table: Table) -> bool:
    low, high = table.window
    sensors = [sensor for sensor in await table_sensors(place, table) if sensor.optic in POWERS]
    figures = [sensor.convert(place.book.values.get(sensor.oid)) for sensor in sensors]
    said = [figure for figure in figures if figure is not None]
    return bool(said) and sum(low <= figure <= high for figure in said) >= _MOST * len(said)
