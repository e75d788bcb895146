"""What one host is expected to be like: a manifest, one item per thing that a run left there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ops.plan.change import REGION_SCOPE

FORMAT = 1  # of a stored manifest; another one is not read
PROVISION, APPLY, HOST = "provision", "apply", "host"
Want = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Because:
    """Why an item is expected: the role and its task, or the artefact's kind; `at` is file:line of either."""

    role: str = ""
    task: str = ""
    at: str = ""
    tags: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = [f"role {self.role}" if self.role else "", self.task, f"({self.at})" if self.at else ""]
        return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing on a host.

    kind     file, directory, link, absent, folder, unit, overrides, package, account, group, keys, sysctl, port or
             firewall
    want     what is expected of it; a key that is not there is not compared
    source   who said so: a role (`provision`), an artefact (`apply`), or only the host itself (`host`)
    scope    the office's code for artefacts, `_region` for what belongs to the server
    follows  the file that stands behind something that lives in the kernel (sysctl, firewall)
    told     keys of `want` that only the host told, right after the run
    changed  whether the run that was just made changed it; not stored
    """

    kind: str
    name: str
    want: Want
    because: Because = field(default_factory=Because)
    source: str = PROVISION
    scope: str = REGION_SCOPE
    follows: str = ""
    told: tuple[str, ...] = ()
    changed: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.name

    def wanting(self, key: str, value: Any) -> Item:
        """The same with one more thing expected of it, which the host told."""
        return replace(self, want={**self.want, key: value}, told=(*self.told, key))


@dataclass(frozen=True, slots=True)
class Manifest:
    """All items of a host. `at`: epoch seconds of the run that left it so."""

    host: str
    run: str
    at: float
    items: tuple[Item, ...]

    def by_key(self) -> dict[tuple[str, str], Item]:
        return {item.key: item for item in self.items}

    def of(self, kind: str) -> dict[str, Item]:
        """The items of a kind by name."""
        return {item.name: item for item in self.items if item.kind == kind}


def ordered(items: Iterable[Item]) -> tuple[Item, ...]:
    """One item per key (the last one said counts), in a fixed order."""
    return tuple(item for _, item in sorted({item.key: item for item in items}.items()))


def dump(manifest: Manifest) -> dict[str, Any]:
    """As JSON values."""
    items = [_item(item) for item in manifest.items]
    return {"format": FORMAT, "host": manifest.host, "run": manifest.run, "at": manifest.at, "items": items}


def load(kept: Mapping[str, Any]) -> Manifest:
    """What `dump` gave. ValueError when it is not that."""
    try:
        if kept["format"] != FORMAT:
            raise ValueError(f"a manifest of format {kept['format']}, not {FORMAT}")
        return Manifest(kept["host"], kept["run"], kept["at"], tuple(item_of(one) for one in kept["items"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a manifest: {error}") from None


def _item(item: Item) -> dict[str, Any]:
    told = asdict(item)
    del told["changed"]
    told["because"] = {name: value for name, value in told["because"].items() if value}
    return told


def item_of(kept: Mapping[str, Any]) -> Item:
    """An item of its JSON values. TypeError or KeyError when it is none."""
    because = {**kept["because"], "tags": tuple(kept["because"].get("tags", ()))}
    return Item(**{**kept, "because": Because(**because), "told": tuple(kept.get("told", ()))})
