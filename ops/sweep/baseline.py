"""The manifest that a run leaves: what its results say, and what a look at the host right after it adds.

Only the host knows some things: contents of line-edited files, ports, rules in the kernel, who can log in. They are
taken from it at the first look, by `accept`, and where the run explains that they are new. Otherwise what was known
before stays: a run that did nothing about a difference must not make it look right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ops.sweep.compare import Seen, drop_in, port_name, rules, unit_of
from ops.sweep.harvest import DEED
from ops.sweep.item import APPLY, HOST, PROVISION, Because, Item, Manifest, ordered

Key = tuple[str, str]
PASSING = (
    10_000  # UDP from here on comes and goes: telephone calls, and ports that the kernel gives; the kernel's own stay
)
_LOOSE = (
    "account",
    "group",
    "keys",
    "folder",
    "firewall",
    "overrides",
)  # what a package or a script may change beside its own


@dataclass(frozen=True, slots=True)
class Left:
    """What one run said of one host. `whole`: it went through all roles, so what none of them said is gone."""

    run: str
    at: float
    items: Sequence[Item]
    source: str = PROVISION
    whole: bool = False
    served: bool = False  # services were told of new files, though no item says so

    @property
    def changed(self) -> bool:
        return self.served or any(item.changed for item in self.items)


def settle(host: str, left: Left, seen: Seen, old: Manifest | None) -> Manifest:
    """The host's manifest after a run. `seen`: the look right after it; `old`: the manifest before, if any."""
    said = declared(left, old)
    stirred = any(item.changed and item.kind in {DEED, "package"} for item in left.items)
    knows = _Knows(old, seen, old is None, stirred, {i.key for i in said if i.changed}, _paths(said))
    filled = [item for one in said if (item := _filled(one, knows)) is not None]
    units = {item.name for item in filled if item.kind == "unit"} if left.changed else set()
    return Manifest(host, left.run, left.at, ordered([*_host_only(knows, filled, units), *filled]))


def artefacts(manifest: Manifest, wanted: Iterable[Item], seen: Seen) -> Manifest:
    """The same manifest with the artefacts that are in place: `wanted` are the declared ones, with their digests.

    One that is not as declared is as it was left, if it ever was; else it waits for an apply, which is no drift. What
    is neither declared nor there was taken away.
    """
    before = {item.name: item for item in manifest.items if item.source == APPLY}
    declared_now = {item.name: item for item in wanted}
    kept: list[Item] = [item for item in manifest.items if item.source != APPLY]
    for path in sorted(before.keys() | declared_now.keys()):
        there = seen["files"].get(path)
        item = declared_now.get(path)
        if item and there and there[0] == "f" and there[4] == item.want["sha256"]:
            kept.append(item)
        elif path in before and (item or there is not None):
            kept.append(before[path])
    return replace(manifest, items=ordered(kept))


def accept(manifest: Manifest, seen: Seen, at: float) -> Manifest:
    """The same manifest, with what only the host knows as it is now. What roles and artefacts say stays as they say."""
    said = [item for item in manifest.items if item.source != HOST]
    knows = _Knows(manifest, seen, True, True, {item.key for item in said}, _paths(said))
    filled = [_filled(_bare(item), knows) or item for item in said]
    return replace(manifest, at=at, items=ordered([*_host_only(knows, filled, set()), *filled]))


def declared(left: Left, old: Manifest | None) -> list[Item]:
    """What roles and artefacts say: of this run, and of earlier ones that it did not repeat."""
    fresh = ordered(item for item in left.items if item.kind != DEED)
    before = [item for item in (old.items if old else ()) if item.source != HOST]
    kept = [item for item in before if not (left.whole and item.source == left.source)]
    return list(ordered([*kept, *(replace(item, source=left.source) for item in fresh)]))


@dataclass(frozen=True, slots=True)
class _Knows:
    """What is known when something is to be filled in: before, now, and whether a change of it is explained."""

    old: Manifest | None
    seen: Seen
    first: bool
    stirred: bool
    fresh: set[Key]
    files: set[str]  # that roles declare

    def known(self, key: Key) -> Item | None:
        return self.old.by_key().get(key) if self.old else None


def _filled(item: Item, knows: _Knows) -> Item | None:
    """With what its result did not tell; None when there is no such thing on a host (a virtual package)."""
    before = knows.known(item.key)
    take = knows.first or before is None or item.key in knows.fresh
    if item.kind == "package":
        there = knows.seen["packages"].get(item.name) is not None
        return None if before is None and item.want["installed"] != there else item
    for key, value in _untold(item, knows.seen).items():
        if key not in item.want:
            kept = value if take or before is None or key not in before.want else before.want[key]
            item = item.wanting(key, kept)
    return item


def _paths(items: Iterable[Item]) -> set[str]:
    return {item.name for item in items if item.kind == "file"}


def _untold(item: Item, seen: Seen) -> Mapping[str, Any]:
    """What the host tells beyond what a role says."""
    if item.kind == "file" and (there := seen["files"].get(item.name)) and there[0] == "f":
        return dict(zip(("mode", "owner", "group", "sha256"), there[1:], strict=True))
    if item.kind == "firewall" and item.name in seen["tables"]:
        return {"rules": rules(seen["tables"][item.name])}
    return {}


def _bare(item: Item) -> Item:
    """Without what only the host told of it."""
    return replace(item, want={key: value for key, value in item.want.items() if key not in item.told}, told=())


def _host_only(knows: _Knows, said: Sequence[Item], units: Collection[str]) -> Iterator[Item]:
    """Items that no role names. `units`: whose ports may be new, for the run changed something."""
    named = {item.key for item in said}
    now = {item.key: item for item in _now(knows.seen, said) if item.key not in named}
    before = {item.key: item for item in (knows.old.items if knows.old else ()) if item.source == HOST}
    for key in sorted(now.keys() | (before.keys() - named)):
        item = now.get(key, before.get(key))
        if item and _explained(item, knows, units, before.get(key)):
            if key in now:
                yield now[key]
        elif key in before:
            yield _with_ours(before[key], said)


def _explained(item: Item, knows: _Knows, units: Collection[str], before: Item | None) -> bool:
    """Whether it may be taken as it is now."""
    if knows.first or (knows.stirred and item.kind in _LOOSE):
        return True
    if item.kind == "port":
        unit = str(item.want["unit"])
        return unit_of(unit) in units or (knows.stirred and unit.endswith(".service"))
    if item.kind == "overrides":
        return set(item.want["files"]) <= {*(before.want["files"] if before else ()), *knows.files}
    return (item.kind == "folder" and before is None) or ("account", item.name) in knows.fresh


def _with_ours(item: Item, said: Iterable[Item]) -> Item:
    """A folder holds what roles and artefacts put there, too."""
    if item.kind != "folder":
        return item
    ours = {one.name.rpartition("/")[2] for one in said if one.kind == "file" and drop_in(one.name) == item.name}
    return replace(item, want={"names": sorted({*item.want["names"], *ours})})


def _now(seen: Seen, said: Iterable[Item]) -> Iterator[Item]:
    """What only the host knows, as it is now."""
    of_unit = {item.name: item.because for item in said if item.kind == "unit"}
    for port in seen["ports"]:
        if port[0] == "tcp" or port[2] < PASSING or not port[3]:
            want, because = {"program": port[3], "unit": port[4]}, of_unit.get(unit_of(port[4]), Because())
            yield Item("port", port_name(port), want, because, HOST)
    for name, because in of_unit.items():
        overrides = seen["units"].get(name, ("", "", "", ""))[3].split()
        yield Item("overrides", name, {"files": overrides}, because, HOST)
    for name in seen["tables"]:
        yield Item("firewall", name, {}, source=HOST)
    yield from _people(seen)
    yield from _folders(seen, said)


def _people(seen: Seen) -> Iterator[Item]:
    for name, there in seen["accounts"].items():
        if there and there[4]:
            yield Item("account", name, {"uid": there[0], "home": there[1], "shell": there[2]}, source=HOST)
    for name, members in seen["groups"].items():
        if members is not None:
            yield Item("group", name, {"members": members}, source=HOST)
    for name, digest in seen["keys"].items():
        if digest:
            yield Item("keys", name, {"sha256": digest}, source=HOST)


def _folders(seen: Seen, said: Iterable[Item]) -> Iterator[Item]:
    by_folder: dict[str, list[Item]] = {}
    for item in said:
        if item.kind == "file" and (folder := drop_in(item.name)):
            by_folder.setdefault(folder, []).append(item)
    for folder, files in sorted(by_folder.items()):
        names = seen["folders"].get(folder) or ()
        yield Item("folder", folder, {"names": sorted(names)}, files[0].because, HOST)
