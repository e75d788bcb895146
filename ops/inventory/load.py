"""A folder of YAML → one checked Region, or every problem of every file at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops.errors import InventoryInvalidError, Problem
from ops.inventory import rules
from ops.inventory.decode import decode
from ops.inventory.document import PLACE_KEY, Document, parse
from ops.inventory.model import Opd, Plant, Recovery, Region, RegionFile, Server


def load(folder: Path) -> Region:
    """Read and check the inventory in `folder`. Raises InventoryInvalidError with all problems."""
    return assemble(read_files(folder))


def read_files(folder: Path) -> dict[str, str]:
    """Text of every file that belongs to an inventory, by its path as the person would write it."""
    names = [folder / name for name in ("region.yml", "hosts.yml", "fibre.yml", "drc.yml")]
    names += sorted((folder / "opd").glob("*.yml"))
    missing = [name for name in names if not name.is_file()]
    if missing:
        raise InventoryInvalidError(
            [Problem(f"{name}:1:1", "file not found", "an inventory is a folder with region.yml") for name in missing]
        )
    return {_shown(name): name.read_text(encoding="utf-8") for name in names}


def assemble(files: Mapping[str, str]) -> Region:
    """Files by name → Region. Pure: same files in any order give the same Region."""
    problems: list[Problem] = []
    parts: dict[str, Any] = {"opds": []}
    for name in sorted(files):
        path = Path(name)
        document = parse(name, files[name])
        kind = "opd" if path.parent.name == "opd" else path.stem
        value, wrong = _READERS[kind](document)
        problems += wrong
        if kind == "opd" and value is not None:
            if value.code != path.stem:
                problems.append(
                    Problem(
                        document.place(("code",)), f"code: {value.code} but the file is {path.name}", "use one name"
                    )
                )
            parts["opds"].append(value)
        else:
            parts[kind] = value
    if problems or any(part is None for part in parts.values()):
        raise InventoryInvalidError(problems)
    region = _join(parts)
    problems = rules.check(region)
    if problems:
        raise InventoryInvalidError(problems)
    return region


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
            }
        ),
        recovery=parts["drc"],
        opds=tuple(sorted(parts["opds"], key=lambda opd: opd.code)),
    )


def _shown(path: Path) -> str:
    """Relative to where the person stands, if below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _read_servers(document: Document) -> tuple[tuple[Server, ...] | None, list[Problem]]:
    """Plain Ansible YAML inventory: groups → hosts; a host's groups are all that lead to it."""
    if not isinstance(document.data, dict):
        return None, document.problems or [Problem(f"{document.name}:1:1", "a mapping of groups is wanted here")]
    found: dict[str, dict[str, Any]] = {}
    for group, body in document.data.items():
        if group != PLACE_KEY:
            _walk_group(group, body, (), found)
    servers, problems = [], list(document.problems)
    for name, host in found.items():
        wanted = {"name": name, "address": host["variables"].get("ansible_host", ""), **host, PLACE_KEY: host["at"]}
        wanted.pop("at")
        server, wrong = decode(Server, Document(document.name, wanted, None))
        problems += [Problem(host["at"], f"{name}.{problem.what}", problem.hint) for problem in wrong]
        if server:
            servers.append(server)
    return (None if problems else tuple(servers)), problems


def _walk_group(group: str, body: Any, above: tuple[str, ...], found: dict[str, dict[str, Any]]) -> None:
    if not isinstance(body, dict):
        return
    groups = above if group == "all" else (*above, group)
    for name, variables in (body.get("hosts") or {}).items():
        if name == PLACE_KEY:
            continue
        known = variables if isinstance(variables, dict) else {}
        host = found.setdefault(name, {"groups": (), "variables": {}, "at": known.get(PLACE_KEY, "hosts.yml:1:1")})
        host["groups"] = tuple(sorted({*host["groups"], *groups}))
        host["variables"] |= {key: value for key, value in known.items() if key != PLACE_KEY}
    for child, inner in (body.get("children") or {}).items():
        if child != PLACE_KEY:
            _walk_group(child, inner, groups, found)


_READERS: dict[str, Any] = {
    "region": lambda document: decode(RegionFile, document),
    "hosts": _read_servers,
    "fibre": lambda document: decode(Plant, document),
    "drc": lambda document: decode(Recovery, document),
    "opd": lambda document: decode(Opd, document),
}
