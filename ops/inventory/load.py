"""A folder of YAML → one checked Region, or every problem of every file at once."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ops.errors import InventoryInvalidError, Problem
from ops.inventory import factory, rules, sounds
from ops.inventory.decode import decode
from ops.inventory.document import Document, parse
from ops.inventory.finding import Finding, locate
from ops.inventory.hosts import read_servers
from ops.inventory.model import Agenda, Opd, Plant, Recovery, Region, RegionFile, Schedule
from ops.inventory.nearest import did_you_mean

Beside = tuple[Mapping[str, bytes], Mapping[str, str]]  # what else lies in the folder: voices, vendors' authorities
_OWN_FILES = ("region.yml", "hosts.yml", "fibre.yml", "drc.yml")
_MAY_LACK = ("schedules.yml",)


def load(folder: Path) -> Region:
    """Read and check the inventory in `folder`. Raises InventoryInvalidError with all problems."""
    with _no_collector():
        return _assemble(read_files(folder), (read_voices(folder), read_authorities(folder)))


def read_voices(folder: Path) -> dict[str, bytes]:
    """The sound files of an inventory by name, without their ending."""
    return {path.stem: path.read_bytes() for path in sorted((folder / sounds.FOLDER).glob("*.wav")) if path.is_file()}


def read_files(folder: Path) -> dict[str, str]:
    """Text of every file that belongs to an inventory, by its path as the person would write it."""
    shown = _shown(folder)
    names = [shown / name for name in _OWN_FILES]
    problems = [
        Problem(f"{name}:1:1", "file not found", "an inventory is a folder with region.yml, hosts.yml, …")
        for name in names
        if not name.is_file()
    ]
    names += [shown / name for name in _MAY_LACK if (shown / name).exists()]
    for path in sorted((shown / "opd").glob("[!.]*")):
        if path.suffix == ".yml":
            names.append(path)
        elif not path.name.endswith("~"):
            problems.append(Problem(f"{path}:1:1", "not read: an office is a file <code>.yml", "rename or remove it"))
    files = {}
    for name in names:
        try:
            files[str(name)] = name.read_bytes().decode()
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            problems.append(Problem(f"{name}:{line}:1", "the text is not UTF-8", "save the file as UTF-8"))
        except OSError as error:
            if name.exists():
                problems.append(Problem(f"{name}:1:1", f"cannot be read: {error.strerror}"))
    if problems:
        raise InventoryInvalidError(problems)
    return files


def read_authorities(folder: Path) -> dict[str, str]:
    """Vendors' authorities by vendor."""
    found = sorted((folder / factory.FOLDER).glob("*.pem"))
    return {path.stem: path.read_text(encoding="ascii", errors="replace") for path in found}


def assemble(files: Mapping[str, str]) -> Region:
    """Files by name → Region. Pure: same files in any order give the same Region. Nothing beside them is looked for."""
    with _no_collector():
        return _assemble(files)


def _assemble(files: Mapping[str, str], beside: Beside | None = None) -> Region:
    region, documents = join_unchecked(files)
    findings = [*rules.check(region), *(_of_beside(region, *beside) if beside else ())]
    if findings:
        raise InventoryInvalidError(locate(findings, documents))
    return region


def _of_beside(region: Region, voices: Mapping[str, bytes], authorities: Mapping[str, str]) -> Iterator[Finding]:
    yield from sounds.faults(region, voices)
    for key, what, hint in factory.faults(region.provision, authorities):
        yield Finding(region.provision, key, what, hint)


def join_unchecked(files: Mapping[str, str]) -> tuple[Region, dict[str, Document]]:
    """The files as one Region before any rule has looked at it, and the documents that it came from."""
    problems: list[Problem] = []
    parts: dict[str, Any] = {"opds": [], "schedules": Agenda()}
    documents = {}
    for name in sorted(files):
        document = documents[name] = parse(name, files[name])
        folder, _, file = name.rpartition("/")
        kind = "opd" if folder == "opd" or folder.endswith("/opd") else file.removesuffix(".yml")
        value, wrong = _READERS[kind](document)
        problems += wrong
        if kind != "opd":
            parts[kind] = value
        elif value is not None:
            problems += _misnamed(value, document)
            parts["opds"].append(value)
    if problems or any(part is None for part in parts.values()):
        raise InventoryInvalidError(problems)
    return _join(parts), documents


def _misnamed(opd: Opd, document: Document) -> list[Problem]:
    file = document.name.rpartition("/")[2]
    if file == f"{opd.code}.yml":
        return []
    hint = did_you_mean(opd.code, [file.removesuffix(".yml")]) or "the file is named after the office's code"
    return [Problem(document.place(("code",)), f"code: {opd.code} but the file is {file}", hint)]


def _join(parts: Mapping[str, Any]) -> Region:
    own: RegionFile = parts["region"]
    plant: Plant = parts["fibre"]
    fields = {name: getattr(own, name) for name in RegionFile.model_fields}
    return Region.model_construct(
        **fields,
        servers=tuple(sorted(parts["hosts"], key=lambda server: server.name)),
        plant=plant.model_copy(
            update={
                "nodes": tuple(sorted(plant.nodes, key=lambda node: node.name)),
                "segments": tuple(sorted(plant.segments, key=lambda segment: segment.name)),
                "devices": tuple(sorted(plant.devices, key=lambda device: device.name)),
            }
        ),
        recovery=parts["drc"],
        opds=tuple(sorted(parts["opds"], key=lambda opd: opd.code)),
        schedules=_schedules(parts["schedules"], own.timezone),
    )


def _schedules(agenda: Agenda, timezone: str) -> tuple[Schedule, ...]:
    """Each with its time zone, the region's where it names none."""
    placed = (one if one.timezone else one.model_copy(update={"timezone": timezone}) for one in agenda.schedules)
    return tuple(sorted(placed, key=lambda schedule: schedule.name))


def _shown(path: Path) -> Path:
    """Relative to where the person stands, if below it."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except ValueError:
        return path


@contextmanager
def _no_collector() -> Iterator[None]:
    """Without the garbage collector's rounds over a growing heap that holds no garbage: loading takes half the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


_READERS: dict[str, Any] = {
    "region": lambda document: decode(RegionFile, document),
    "hosts": read_servers,
    "fibre": lambda document: decode(Plant, document),
    "drc": lambda document: decode(Recovery, document),
    "schedules": lambda document: decode(Agenda, document),
    "opd": lambda document: decode(Opd, document),
}
