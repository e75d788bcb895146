"""hosts.yml, a plain Ansible inventory in YAML → the servers in it. Ansible owns the format; we read what we need."""

from __future__ import annotations

import re
from typing import Any

from ops.errors import Problem
from ops.inventory.decode import decode
from ops.inventory.document import PLACE_KEY, Document, Path
from ops.inventory.model import Server

_PORT = re.compile(r"[1-9]\d{0,4}")
_GROUP_KEYS = {"hosts", "children", "vars", PLACE_KEY}


def read_servers(document: Document) -> tuple[tuple[Server, ...] | None, list[Problem]]:
    """Groups → hosts; a host's groups are all that lead to it. None and the reasons when something is wrong."""
    if not isinstance(document.data, dict):
        return None, document.problems or [Problem(f"{document.name}:1:1", "a mapping of groups is wanted here")]
    walk = _Walk(document)
    for group, body in document.data.items():
        if group != PLACE_KEY:
            walk.group((group,), body, ())
    servers, problems = [], [*document.problems, *walk.problems]
    for name, host in walk.hosts.items():
        server, wrong = _server(document, name, host)
        problems += wrong
        if server:
            servers.append(server)
    return (None if problems else tuple(servers)), problems


def _server(document: Document, name: str, host: dict[str, Any]) -> tuple[Server | None, list[Problem]]:
    path, variables = host["path"], host["variables"]
    if "ansible_host" not in variables:
        return None, [Problem(document.key_place(path), f"{name}.ansible_host: missing", "the server's IPv4 address")]
    if not _PORT.fullmatch(str(variables.get("ansible_port", 22))):
        at = document.place((*path, "ansible_port"))
        what = f"{name}.ansible_port: {variables['ansible_port']!r} is not a port"
        return None, [Problem(at, what, "a number from 1 to 65535, written out here")]
    data = {"name": name, "address": variables["ansible_host"], "groups": host["groups"], "variables": variables}
    server, wrong = decode(Server, Document(document.name, "", {**data, PLACE_KEY: host["at"]}))
    at = document.place((*path, "ansible_host"))
    return server, [Problem(at, f"{name}.{problem.what}", problem.hint) for problem in wrong]


class _Walk:
    """Collects hosts from group to group."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.hosts: dict[str, dict[str, Any]] = {}
        self.problems: list[Problem] = []

    def group(self, path: Path, body: Any, above: tuple[str, ...]) -> None:
        """One group at `path`, below the groups `above`."""
        groups = above if path[-1] == "all" else (*above, str(path[-1]))
        body = self._mapping(path, body)
        for key in body:
            if key not in _GROUP_KEYS:
                at = self._document.key_place((*path, key))
                self.problems.append(
                    Problem(at, f"{self._document.written((*path, key))}: unknown key", "hosts, children or vars")
                )
        for name, variables in self._mapping((*path, "hosts"), body.get("hosts")).items():
            if name != PLACE_KEY:
                self._host((*path, "hosts", name), variables, groups)
        for child, inner in self._mapping((*path, "children"), body.get("children")).items():
            if child != PLACE_KEY:
                self.group((*path, "children", child), inner, groups)

    def _host(self, path: Path, variables: Any, groups: tuple[str, ...]) -> None:
        known = self._mapping(path, variables)
        at = known.get(PLACE_KEY) or self._document.key_place(path)
        host = self.hosts.setdefault(str(path[-1]), {"groups": (), "variables": {}, "at": at, "path": path})
        host["groups"] = tuple(sorted({*host["groups"], *groups}))
        if "ansible_host" in known:
            host |= {"at": at, "path": path}
        host["variables"] |= _without_places(known)

    def _mapping(self, path: Path, body: Any) -> dict[str, Any]:
        """`body` itself; {} when nothing is written there, and a problem when something else is."""
        if isinstance(body, dict):
            return body
        if body:
            what = f"{self._document.written(path)}: a mapping of keys is wanted here"
            self.problems.append(Problem(self._document.place(path), what))
        return {}


def _without_places(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_places(inner) for key, inner in value.items() if key != PLACE_KEY}
    return [_without_places(inner) for inner in value] if isinstance(value, list) else value
