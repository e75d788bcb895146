"""What one Ansible result says a host is now like. Used by playbooks/plugins/callback/kominfo_manifest.py.

What a result does not tell (the content of a line-edited file, a secret one, rules in the kernel) is left open in
`want`; the look at the host right after the run fills it in (`ops.sweep.baseline`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ops.sweep.item import Because, Item

DEED = "deed"  # a task whose effect nobody knows, and that did something
_HIDDEN = "********"  # as Ansible shows a value that no output may hold
_TABLE = re.compile(r"^table\s+(\w+\s+\w+)\s*\{", re.MULTILINE)
_SETTING = re.compile(r"^\s*-?\s*([\w./*-]+)\s*=\s*(.*?)\s*$")
_YES = ("present", "installed", "latest", "build-dep", "fixed", None)
Values = Mapping[str, Any]
Reader = Callable[[Values, Values], Iterable[Item]]


def rounds(result: Values) -> list[Values]:
    """The results of a loop's rounds, or the one result there is; not those that were skipped or failed."""
    found = result.get("results")
    told = found if isinstance(found, list) else [result]
    return [one for one in told if isinstance(one, Mapping) and not one.get("skipped") and not one.get("failed")]


def items(action: str, result: Values, arguments: Values, because: Because) -> list[Item]:
    """What one result says of the host it is of. `arguments`: as the task writes them, for results that are hidden."""
    read = _READERS.get(action.rpartition(".")[2])
    if read is None:
        return []
    given = (result.get("invocation") or {}).get("module_args")
    literal = {name: value for name, value in arguments.items() if not _open(value)}
    changed = bool(result.get("changed"))
    found = read(given if isinstance(given, Mapping) else literal, result)
    return [replace(item, because=because, changed=item.changed or changed) for item in found if item.name]


def _open(value: Any) -> bool:
    """Whether a task's argument is written as a template: what it becomes is not known here."""
    return isinstance(value, str) and "{{" in value


def _files(given: Values, _result: Values) -> Iterator[Item]:
    for one in _dicts(given.get("directories")):
        yield Item("directory", one["path"], {} if one.get("keep") else _rights(one, "0755"))
    for one in _dicts(given.get("links")):
        yield Item("link", one["path"], {"target": one.get("target")})
    for one in _dicts(given.get("files")):
        content = one.get("content")
        known = isinstance(content, str) and not _open(content) and _HIDDEN not in content
        want = _rights(one, "0644") | ({"sha256": _sha256(content)} if known and content is not None else {})
        yield Item("file", one["path"], want)
        if known and content is not None:
            yield from _behind(one["path"], content)
    for path in given.get("absent") or ():
        if isinstance(path, str) and not _open(path):
            yield Item("absent", path, {})


def _behind(path: str, content: str) -> Iterator[Item]:
    """What a file is loaded into the kernel as."""
    if "/sysctl.d/" in path or path == "/etc/sysctl.conf":
        for line in content.splitlines():
            if (found := _SETTING.match(line)) and "*" not in found[1]:
                name = found[1].replace("/", ".")
                yield Item("sysctl", name, {"value": " ".join(found[2].split())}, follows=path)
    elif "nftables" in path:
        for name in dict.fromkeys(_TABLE.findall(content)):
            yield Item("firewall", " ".join(name.split()), {}, follows=path)


def _copied(given: Values, result: Values) -> Iterator[Item]:
    path = str(result.get("dest") or result.get("path") or given.get("dest") or "")
    if result.get("state") == "directory":
        yield Item("directory", path, _stated(result))
    elif path:
        yield Item("file", path, _stated(result))


def _file(given: Values, result: Values) -> Iterator[Item]:
    path = str(result.get("path") or result.get("dest") or given.get("path") or "")
    state = result.get("state") or given.get("state")
    if state == "absent":
        yield Item("absent", path, {})
    elif state == "link":
        yield Item("link", path, {"target": given.get("src")})
    elif path:
        yield Item("directory" if state == "directory" else "file", path, _stated(result))


def _edited(given: Values, _result: Values) -> Iterator[Item]:
    """The file as a whole is known to the host only."""
    yield Item("file", str(given.get("path") or given.get("dest") or given.get("keyfile") or ""), {})


def _units(given: Values, result: Values) -> Iterator[Item]:
    excused = result.get("conditioned", ())
    for name in _texts(given.get("running")):
        yield Item("unit", name, {"enabled": True} | ({} if name in excused else {"active": True}))
    for name in _texts(given.get("stopped")):
        yield Item("unit", name, {"enabled": False, "active": False})


def _unit(given: Values, _result: Values) -> Iterator[Item]:
    name = str(given.get("name") or "")
    want: dict[str, Any] = {}
    if isinstance(given.get("enabled"), bool):
        want["enabled"] = given["enabled"]
    if given.get("state") in {"started", "restarted", "reloaded", "stopped"}:
        want["active"] = given["state"] != "stopped"
    if name and want:
        yield Item("unit", name if "." in name else f"{name}.service", want)


def _packages(given: Values, _result: Values) -> Iterator[Item]:
    wanted = given.get("name") or given.get("pkg") or ()
    for word in [wanted] if isinstance(wanted, str) else _texts(wanted):
        name, _, version = word.partition("=")
        if "*" in word or "/" in name:
            continue
        want = {"installed": given.get("state") in _YES}
        exact = {"version": version} if version and "*" not in version else {}
        yield Item("package", name.partition(":")[0], want | exact)


def _account(given: Values, result: Values) -> Iterator[Item]:
    name = str(result.get("name") or given.get("name") or "")
    if given.get("state") == "absent":
        yield Item("account", name, {"there": False})
    elif name:
        groups = given.get("groups") or []
        joined = sorted(groups.split(",") if isinstance(groups, str) else groups)
        asked = {key: result[key] for key in ("home", "shell") if given.get(key) and key in result}
        yield Item("account", name, asked | ({"groups": joined} if joined else {}))


def _group(given: Values, _result: Values) -> Iterator[Item]:
    if given.get("state") != "absent":
        yield Item("group", str(given.get("name") or ""), {})


def _sysctl(given: Values, _result: Values) -> Iterator[Item]:
    if given.get("state") != "absent" and given.get("value") is not None:
        value = " ".join(str(given["value"]).split())
        file = str(given.get("sysctl_file") or "/etc/sysctl.conf")
        yield Item("sysctl", str(given.get("name") or ""), {"value": value}, follows=file)


def _command(given: Values, result: Values) -> Iterator[Item]:
    if creates := given.get("creates"):
        yield Item("file", str(creates), {})
    if result.get("changed"):
        yield Item(DEED, "done", {})


def _rights(one: Values, usual: str) -> dict[str, Any]:
    mode = str(one.get("mode") or usual)
    owner, group = one.get("owner") or "root", one.get("group") or "root"
    return {} if _open(mode) or _open(owner) or _open(group) else {"mode": _mode(mode), "owner": owner, "group": group}


def _stated(result: Values) -> dict[str, Any]:
    """What the module says of the path it has just set; its own digest is another one than ours."""
    said = {key: result[key] for key in ("owner", "group") if result.get(key)}
    mode = result.get("mode")
    return said | ({"mode": _mode(str(mode))} if mode and str(mode).isdigit() else {})


def _mode(text: str) -> str:
    return f"{int(text, 8):04o}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _dicts(value: Any) -> list[Values]:
    """The dictionaries of a list that name a path and are no template."""
    found = value if isinstance(value, list | tuple) else ()
    return [one for one in found if isinstance(one, Mapping) and one.get("path") and not _open(one["path"])]


def _texts(value: Any) -> list[str]:
    return [str(one) for one in value if not _open(one)] if isinstance(value, list | tuple) else []


_READERS: dict[str, Reader] = {
    "kominfo_files": _files,
    "kominfo_units": _units,
    "copy": _copied,
    "template": _copied,
    "get_url": _copied,
    "assemble": _copied,
    "file": _file,
    "lineinfile": _edited,
    "blockinfile": _edited,
    "replace": _edited,
    "ini_file": _edited,
    "authorized_key": _edited,
    "systemd": _unit,
    "systemd_service": _unit,
    "service": _unit,
    "apt": _packages,
    "package": _packages,
    "user": _account,
    "group": _group,
    "sysctl": _sysctl,
    "command": _command,
    "shell": _command,
    "script": _command,
    "raw": _command,
}
