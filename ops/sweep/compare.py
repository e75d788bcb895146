"""What differs between a host as it was left (its manifest) and as it is now (`ops.system.host_state`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.sweep.item import APPLY, HOST, Because, Item, Manifest

Seen = Mapping[str, Any]
ALIVE = {"active", "activating", "reloading"}
INSTALLED = {"enabled", "enabled-runtime", "static", "alias", "indirect", "generated", "linked"}
ROLE, FILE, ARTEFACT, HAND = "role", "file", "artefact", "hand"  # how it is repaired
NOBODY = "nothing declares it"
_RIGHTS = (("mode", 1), ("owner", 2), ("group", 3))
_SET = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Drifted:
    """One thing that differs. `what`: in words. `cure`: who can put it right; `hand` is a person.

    `because`: the role and task, or the artefact's declaration, that it was left so by; `tags`: of that task.
    """

    host: str
    kind: str
    name: str
    what: str
    because: str
    cure: str
    scope: str
    role: str = ""
    tags: tuple[str, ...] = ()
    follows: str = ""


def ask(items: Iterable[Item], also: Iterable[str] = ()) -> dict[str, list[str]]:
    """What `host_state.state` is asked for: names by kind. `also`: more files."""
    by: dict[str, set[str]] = {kind: set() for kind in _ASKED}
    for item in items:
        for kind, kinds in _ASKED.items():
            if item.kind in kinds:
                by[kind].add(item.name)
        if item.kind == "file" and (folder := drop_in(item.name)):
            by["folders"].add(folder)
    by["files"].update(also)
    return {kind: sorted(names) for kind, names in by.items()}


def drop_in(path: str) -> str:
    """The folder of a file when every file in it takes effect (sudoers.d, sshd_config.d, …); else empty."""
    folder = path.rpartition("/")[0]
    return folder if folder.endswith(".d") else ""


def compare(manifest: Manifest, seen: Seen) -> list[Drifted]:
    """Everything that differs, in a fixed order. Kinds that the host could not tell of stand in `seen["cannot"]`."""
    found = [_drifted(manifest, item, what) for item in manifest.items for what in _differs(item, seen) if what]
    found += [one for extra in _EXTRAS for one in extra(manifest, seen)]
    return sorted(found, key=lambda one: (one.kind, one.name, one.what))


def unknown(seen: Seen) -> str:
    """Why something of the host is not known; empty when all is."""
    return "; ".join(f"{kind}: {why}" for kind, why in sorted(seen.get("cannot", {}).items()))


def _differs(item: Item, seen: Seen) -> Iterable[str]:
    if {"overrides": "unit"}.get(item.kind, item.kind) in seen.get("cannot", ()):
        return ()
    return _CHECKS[item.kind](item, seen)


def _drifted(manifest: Manifest, item: Item, what: str) -> Drifted:
    because = item.because
    if not str(because):
        because = Because(task=f"as it was after run {manifest.run}")
    told = (str(because), _cure(item), item.scope, because.role, because.tags, item.follows)
    return Drifted(manifest.host, item.kind, item.name, what, *told)


def _cure(item: Item) -> str:
    if item.source == APPLY:
        return ARTEFACT
    if item.source == HOST and not (item.kind == "port" and item.because.role):  # its unit opens it again
        return HAND
    return FILE if item.follows else ROLE


def _file(item: Item, seen: Seen) -> Iterator[str]:
    there = seen["files"].get(item.name)
    if there is None:
        yield "it is gone"
    elif there[0] != "f":
        yield "it is no plain file any more"
    else:
        yield from _rights(item, there)
        if item.want.get("sha256", there[4]) != there[4]:
            yield "its content differs"


def _directory(item: Item, seen: Seen) -> Iterator[str]:
    there = seen["files"].get(item.name)
    if there is None or there[0] != "d":
        yield "it is gone" if there is None else "it is no directory any more"
    else:
        yield from _rights(item, there)


def _rights(item: Item, there: Sequence[str]) -> Iterator[str]:
    for key, at in _RIGHTS:
        if item.want.get(key, there[at]) != there[at]:
            yield f"its {key} is {there[at]}, not {item.want[key]}"


def _link(item: Item, seen: Seen) -> Iterator[str]:
    target = seen["links"].get(item.name)
    if target != item.want["target"]:
        yield f"it points to {target}, not to {item.want['target']}" if target else "it is gone, or no link any more"


def _absent(item: Item, seen: Seen) -> Iterator[str]:
    if seen["files"].get(item.name) is not None:
        yield "it is there again"


def _unit(item: Item, seen: Seen) -> Iterator[str]:
    loaded, active, enabled, _overrides = seen["units"].get(item.name, ("not-found", "", "", ""))
    if loaded == "not-found":
        if item.want.get("enabled") or item.want.get("active"):
            yield "there is no such unit any more"
        return
    wants = item.want.get("enabled")
    if wants is not None and wants != (enabled in (INSTALLED if wants else {"enabled"})):
        yield f"it is {enabled or 'not enabled'}"
    if "active" in item.want and item.want["active"] != (active in ALIVE):
        yield f"it is {active}"


def _overrides(item: Item, seen: Seen) -> Iterator[str]:
    there, wanted = set(seen["units"].get(item.name, ("", "", "", ""))[3].split()), set(item.want["files"])
    for verb, files in (("new", there - wanted), ("gone", wanted - there)):
        if files:
            yield f"{verb}: {', '.join(sorted(files))}"


def _package(item: Item, seen: Seen) -> Iterator[str]:
    version = seen["packages"].get(item.name)
    if item.want["installed"] != (version is not None):
        yield "it is installed" if version else "it is not installed"
    elif version and item.want.get("version", version) != version:
        yield f"its version is {version}, not {item.want['version']}"


def _account(item: Item, seen: Seen) -> Iterator[str]:
    there = seen["accounts"].get(item.name)
    if item.want.get("there") is False:
        if there:
            yield "it is there again"
    elif there is None:
        yield "it is gone"
    else:
        told = dict(zip(("uid", "home", "shell"), there, strict=False))
        for key in ("uid", "home", "shell"):
            if item.want.get(key, told[key]) != told[key]:
                yield f"its {key} is {told[key]}, not {item.want[key]}"
        if missing := sorted(set(item.want.get("groups", ())) - set(there[3])):
            yield f"it is no member of {', '.join(missing)}"


def _group(item: Item, seen: Seen) -> Iterator[str]:
    there = seen["groups"].get(item.name)
    if there is None:
        yield "it is gone"
        return
    wanted = item.want.get("members", there)
    for verb, names in (("new members", set(there) - set(wanted)), ("no longer members", set(wanted) - set(there))):
        if names:
            yield f"{verb}: {', '.join(sorted(names))}"


def _keys(item: Item, seen: Seen) -> Iterator[str]:
    there = seen["keys"].get(item.name)
    if item.name in seen["keys"] and there != item.want["sha256"]:
        yield "its authorized_keys differ" if there else "its authorized_keys are gone"


def _sysctl(item: Item, seen: Seen) -> Iterator[str]:
    value = seen["sysctls"].get(item.name)
    if value != item.want["value"] and item.name not in seen["fixed"]:
        yield f"it is {value}, not {item.want['value']}" if value is not None else "there is no such setting"


def _folder(item: Item, seen: Seen) -> Iterator[str]:
    there = seen["folders"].get(item.name)
    if there is None:
        yield "it is gone"
    elif more := sorted(set(there) - set(item.want["names"])):
        yield f"it holds what nothing declares: {', '.join(more)}"


def _port(item: Item, seen: Seen) -> Iterator[str]:
    there = {port_name(one): one[3] for one in seen["ports"]}
    if item.name not in there:
        yield f"nobody listens; {item.want['program'] or 'the kernel'} did"
    elif there[item.name] != item.want["program"]:
        yield f"{there[item.name]} listens, not {item.want['program']}"


def _firewall(item: Item, seen: Seen) -> Iterator[str]:
    lines = seen["tables"].get(item.name)
    if lines is None:
        yield "the table is not loaded"
        return
    there, wanted = rules(lines), rules(item.want.get("rules", lines))
    for verb, more in (("added", _without(there, wanted)), ("missing", _without(wanted, there))):
        for rule in more:
            yield f"{verb}: {rule}"
    if there != wanted and sorted(there) == sorted(wanted):
        yield "its rules stand in another order"


def rules(lines: Sequence[str]) -> list[str]:
    """Rules as they can be compared: one line each, members of sets in order. A set of one is written as its member:
    nft itself lists the same rule now with braces, now without, by how it was loaded."""
    joined = re.sub(r"([,{])\n", r"\1 ", "\n".join(lines)).splitlines()
    return [_SET.sub(_in_order, " ".join(line.split())) for line in joined]


def _in_order(found: re.Match[str]) -> str:
    members = sorted(word.strip() for word in found[1].split(","))
    if len(members) > 1:
        return "{ " + ", ".join(members) + " }"
    return members[0] or "{"


def _without(some: Sequence[str], others: Sequence[str]) -> list[str]:
    """What stands in `some` more often than in `others`."""
    left = list(others)
    return [one for one in some if one not in left or left.remove(one)]  # type: ignore[func-returns-value]


def unit_of(unit: str) -> str:
    """The unit that roles name for an instance: postgresql.service starts postgresql@17-main.service."""
    name, _, kind = unit.rpartition(".")
    return f"{name.partition('@')[0]}.{kind}"


def port_name(port: Sequence[Any]) -> str:
    """`tcp 0.0.0.0:80`: the name of a port's item."""
    protocol, address, number = port[:3]
    return f"{protocol} [{address}]:{number}" if ":" in address else f"{protocol} {address}:{number}"


def _more_ports(manifest: Manifest, seen: Seen) -> Iterator[Drifted]:
    """UDP of a program that is known to speak it is no news: telephone calls and questions to name servers come and
    go."""
    known, units = manifest.of("port"), manifest.of("unit")
    speaks = {item.want["program"] for name, item in known.items() if name.startswith("udp")}
    for port in seen["ports"]:
        name, (program, unit) = port_name(port), port[3:5]
        if name in known or (port[0] == "udp" and program in speaks):
            continue
        role = units.get(unit_of(unit))
        because = f"{NOBODY}; the unit is of {role.because}" if role else NOBODY
        what = f"{program or 'the kernel'} listens" + (f" ({unit})" if unit else "")
        yield Drifted(manifest.host, "port", name, what, because, HAND, "_region")


def _more_tables(manifest: Manifest, seen: Seen) -> Iterator[Drifted]:
    for name in sorted(set(seen["tables"]) - set(manifest.of("firewall"))):
        yield Drifted(manifest.host, "firewall", name, "a table that was not there", NOBODY, HAND, "_region")


def _more_accounts(manifest: Manifest, seen: Seen) -> Iterator[Drifted]:
    for name, there in sorted(seen["accounts"].items()):
        if there and there[4] and name not in manifest.of("account"):
            what = f"it can log in (uid {there[0]}, {there[2]})"
            yield Drifted(manifest.host, "account", name, what, NOBODY, HAND, "_region")


def _more_keys(manifest: Manifest, seen: Seen) -> Iterator[Drifted]:
    for name, there in sorted(seen["keys"].items()):
        if there and name not in manifest.of("keys"):
            yield Drifted(manifest.host, "keys", name, "it has authorized_keys now", NOBODY, HAND, "_region")


_ASKED = {
    "files": {"file", "directory", "absent"},
    "links": {"link"},
    "units": {"unit"},
    "packages": {"package"},
    "accounts": {"account"},
    "groups": {"group"},
    "sysctls": {"sysctl"},
    "folders": {"folder"},
    "tables": {"firewall"},
}
_CHECKS: Mapping[str, Callable[[Item, Seen], Iterable[str]]] = {
    "file": _file,
    "directory": _directory,
    "link": _link,
    "absent": _absent,
    "unit": _unit,
    "overrides": _overrides,
    "package": _package,
    "account": _account,
    "group": _group,
    "keys": _keys,
    "sysctl": _sysctl,
    "folder": _folder,
    "port": _port,
    "firewall": _firewall,
}
_EXTRAS = (_more_ports, _more_tables, _more_accounts, _more_keys)
