"""Files on servers: one folder per kind, owned by the suite alone. Read over SSH, written by one Ansible run.

Key `<host>/<scope>.<rest>` ↔ path `<root>/<scope>.<rest>`. Contents that name secrets are expanded on the way to the
host and collapsed on the way back; such files are 0640, readable by `group` only.
"""

from __future__ import annotations

import importlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ops.errors import HostFailedError, OpsError
from ops.inventory.model import Region
from ops.plan.change import Artifact, Change, Result, digest
from ops.progress import Event, Progress, State
from ops.system.ansible import Place, Play, RunSummary, run_playbook
from ops.system.process import Ask
from ops.system.secrets import names_secret
from ops.targets.contract import Reading
from ops.world import World

READERS = 16  # hosts read at once
PENDING = "/run/kominfo-pending"  # of the module kominfo_files
_SECONDS = 30.0

# Runs on the host: every plain file of a folder as JSON, but not the files that an apply is just writing. A file that
# was written (or removed) without its service being told, because the apply was cut off, is not as it should be.
_READ = """
import glob, json, os, sys
found = {}
try:
    names = os.listdir(sys.argv[1])
except FileNotFoundError:
    names = []
for name in names:
    path = os.path.join(sys.argv[1], name)
    if os.path.isfile(path) and not name.startswith(".kominfo-new-"):
        with open(path, encoding="utf-8", errors="replace") as file:
            found[name] = file.read()
waiting = []
for mark in glob.glob(sys.argv[2] + "/*[!w]"):
    try:
        with open(mark, encoding="utf-8") as file:
            waiting += json.load(file)["paths"]
    except FileNotFoundError:
        pass
for folder, name in map(os.path.split, waiting):
    if folder == sys.argv[1]:
        found[name] = "(written, but not taken into service: an apply was cut off)\\n" + found.get(name, "")
print(json.dumps(found))
"""

_READ_IF_THERE = '[ -e "$1" ] || exit 0; exec python3 -I - "$1" "$2"'  # most servers never held most kinds

Hosts = Callable[[Region], Iterable[str]]
Commands = tuple[tuple[str, ...], ...]


def in_group(group: str) -> Hosts:
    """Every server of a group."""
    return lambda region: [server.name for server in region.group(group)]


@dataclass(frozen=True)
class Service:
    """How files are checked and taken into service on their host; who reads those with secrets; the folder's mode."""

    validate: Commands = ()
    reload: Commands = ()
    group: str = "root"
    folder: str = "0755"


class HostFiles:
    """A Target: one kind of file on the hosts that `hosts` names."""

    def __init__(self, kind: str, hosts: Hosts, root: str, service: Service = Service()) -> None:  # frozen
        self.kind, self.hosts, self.root, self.service = kind, hosts, root, service
        self.applier = APPLIER

    def read(self, world: World, wanted: Sequence[Artifact], opds: Sequence[str] = ()) -> Reading:  # noqa: ARG002 # shared hosts
        """Also of servers that hold this kind no longer: what they were once given must not stay there for ever."""
        known = {artifact.key: artifact.content for artifact in wanted}
        needed = {*self.hosts(world.region), *(artifact.host for artifact in wanted)}
        hosts = sorted(needed | {server.name for server in world.region.servers})
        reading = Reading()
        with ThreadPoolExecutor(max_workers=READERS) as pool:
            answers = list(pool.map(lambda host: self._files(world, host), hosts))
        for host, answer in zip(hosts, answers, strict=True):
            if isinstance(answer, str):
                if host in needed:
                    reading.failed[host] = answer
                continue
            for name, content in answer.items():
                key = f"{host}/{name}"
                reading.contents[key] = _shown(world.secrets.collapse(content, known.get(key, "")), known.get(key))
        return reading

    def _files(self, world: World, host: str) -> dict[str, str] | str:
        """Name → content; or why the host could not be read."""
        try:
            argv = ["sh", "-c", _READ_IF_THERE, "sh", self.root, PENDING]
            done = world.fleet.on(host).run(argv, Ask(input=_READ, timeout=_SECONDS))
            found: dict[str, str] = json.loads(done.must(f"{host}: reading {self.root}").out or "{}")
        except HostFailedError as error:
            return error.what.removeprefix(f"{host}: ") + (f"; {error.next_step}" if error.next_step else "")
        except (OpsError, ValueError) as error:
            return str(error)
        return found

    def arguments(self, world: World, changes: Iterable[Change]) -> dict[str, Any]:
        """What the module kominfo_files is told for one host."""
        changes = list(changes)
        contents = [change.after for change in changes if change.after is not None]
        return {
            "directories": [self._folder()],
            "files": [self._file(world, change) for change in changes if change.after is not None],
            "absent": [self._path(change) for change in changes if change.after is None],
            "validate": self.service.validate,
            "reload": self.service.reload,
            "secrets": sorted(world.secrets.values_in(contents)),
        }

    def applied(self, world: World, changes: Sequence[Change], progress: Progress) -> None:
        """Told of the changes of this kind that hold now, once all hosts are done. Nothing, for most kinds."""

    def _folder(self) -> dict[str, str]:
        return {"path": self.root, "mode": self.service.folder, "group": self.service.group}

    def _file(self, world: World, change: Change) -> dict[str, str]:
        content = change.after or ""
        file = {"path": self._path(change), "content": world.secrets.expand(content), "mode": "0644"}
        return file | ({"mode": "0640", "group": self.service.group} if names_secret(content) else {})

    def _path(self, change: Change) -> str:
        name = change.key.partition("/")[2]
        if not name or "/" in name or name in {".", ".."}:
            raise OpsError(f"{change.kind}:{change.key} is no key of a file", "this is a mistake in ops/derive")
        return f"{self.root}/{name}"


@dataclass(frozen=True)
class FilesApplier:
    """All kinds of files, of all hosts, in one Ansible run. A host or a kind that fails, fails alone."""

    name: str = "files"

    def apply(self, world: World, changes: Sequence[Change], progress: Progress) -> list[Result]:
        if not changes:
            return []
        work: dict[str, dict[str, list[Change]]] = defaultdict(lambda: defaultdict(list))
        for change in changes:
            work[change.host][change.kind].append(change)
        for host in sorted(work):
            count = sum(len(part) for part in work[host].values())
            progress(Event("apply files", host, State.RUNNING, f"{count} changes"))
        contents = [change.after for change in changes if change.after is not None]
        play = Play(
            "apply.yml",
            Place(world.inventory, world.state, world.ssh_key, world.known_hosts, world.fleet),
            limit=tuple(sorted(work)),
            variables={"kominfo_apply": self._told(world, work)},
            hidden={**world.secrets.hidden(), **dict.fromkeys(world.secrets.values_in(contents), "<secret>")},
        )
        results = self._results(run_playbook(play, _failures(progress)), work, progress)
        for kind in sorted({change.kind for change in changes}):
            hold = [one.change for one in results if one.change.kind == kind and not one.error]
            _target(kind).applied(world, hold, progress)
        return results

    def _told(self, world: World, work: Mapping[str, Mapping[str, list[Change]]]) -> dict[str, Any]:
        return {
            host: {kind: _target(kind).arguments(world, part) for kind, part in kinds.items()}
            for host, kinds in work.items()
        }

    def _results(
        self, summary: RunSummary, work: Mapping[str, Mapping[str, list[Change]]], progress: Progress
    ) -> list[Result]:
        results = []
        for host, kinds in sorted(work.items()):
            errors = {kind: _error(summary, host, kind) for kind in kinds}
            results += [Result(change, errors[kind]) for kind, part in sorted(kinds.items()) for change in part]
            wrong = next((f"{kind}: {error}" for kind, error in errors.items() if error), "")
            text = wrong or f"{sum(len(part) for part in kinds.values())} changes"
            progress(Event("apply files", host, State.FAILED if wrong else State.CHANGED, text))
        return results


def _shown(content: str, wanted: str | None) -> str:
    """What a plan may hold of a file. One that nothing declares any more, or that differs where secrets belong, may
    hold passwords that no name stands for: of it a plan knows the digest only."""
    if content == wanted or (wanted is not None and not names_secret(wanted)):
        return content
    return f"(not shown) sha256 {digest(content)}\n"


def _target(kind: str) -> HostFiles:
    """The target of a kind, by the name of its file."""
    target = importlib.import_module(f"ops.targets.{kind.replace('-', '_')}").TARGET
    if not isinstance(target, HostFiles):
        raise OpsError(f"{kind} is no kind of file on servers", "this is a mistake in ops/targets")
    return target


def _error(summary: RunSummary, host: str, kind: str) -> str:
    """Why a kind's changes do not hold on a host; "" when they do."""
    if summary.error:
        return summary.error
    ran = summary.hosts.get(host)
    if ran is None:
        return "no result from this host"
    if ran.error:
        return ran.error
    return str(ran.data.get(kind, "no verdict from this host"))


def _failures(progress: Progress) -> Progress:
    def tell(event: Event) -> None:
        if event.state is State.FAILED:
            progress(event)

    return tell


APPLIER = FilesApplier()
