"""Routers' configurations over their real SSH, and what differs from the declarations, on the whole twin."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops import world as worlds
from ops.catalogue.device import HIDDEN, device
from ops.jobs import config_backup
from ops.jobs.config_backup import ConfigResult
from ops.jobs.drift import DriftResult, drift
from ops.system import netns
from ops.system.device_cli import device_cli
from ops.targets.router_queue import _login
from ops.world import World

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
ROUTERS = 45
CANARY = "Kanari9Zq7rahasia"
PLANTED = {  # model: what a person might have set by hand, what the configuration shows of it, and how it goes away
    "mikrotik_routeros": (
        [f"/ppp secret add name=budi password={CANARY}", f'/system script add name=x source="password=\\"{CANARY}\\""'],
        f"/ppp secret add name=budi password={HIDDEN}",
        ['/ppp secret remove [find name="budi"]', '/system script remove [find name="x"]'],
    ),
    "huawei_vrp": (
        [f"snmp-agent community read cipher {CANARY}", f"super password level 3 cipher {CANARY}"],
        f"snmp-agent community read cipher {HIDDEN}",
        ["undo snmp-agent community", "undo super password"],
    ),
}  # fmt: skip
# One of several processes that read different offices' routers into one repository
APART = """
import dataclasses, json, sys
from pathlib import Path
from ops import world as worlds
from ops.jobs.config_backup import config_backup
world = dataclasses.replace(worlds.at(Path(sys.argv[1])), state=Path(sys.argv[2]))
world.enter()
print(json.dumps([result.as_dict() for result in config_backup(world, sys.argv[3:])]))
"""


def attached(applied) -> World:
    """The twin with its inventory as it is now."""
    return worlds.at(applied.state / "twin" / applied.name)


def fetched(applied) -> dict[str, ConfigResult]:
    with netns.inside(str(attached(applied).station)):
        return {result.router: result for result in config_backup.config_backup(attached(applied))}


def differing(applied, *opds: str) -> DriftResult:
    with netns.inside(str(attached(applied).station)):
        return drift(attached(applied), opds)


def git(world: World, *words: str) -> str:
    argv = ["git", "-C", str(world.state / config_backup.FOLDER), *words]
    return subprocess.run(argv, capture_output=True, check=True).stdout.decode(errors="replace")


def everything(world: World) -> str:
    """All that the repository holds in any object, reachable or not, and in any file."""
    objects = git(world, "cat-file", "--batch", "--batch-all-objects", "--unordered")
    files = (world.state / config_backup.FOLDER).glob("*.cfg")
    return objects + "".join(path.read_text(encoding="utf-8") for path in files)


@pytest.fixture(scope="module")
def first(applied) -> dict[str, ConfigResult]:
    """What the first reading of this module found."""
    return fetched(applied)


def test_every_router_is_read_and_kept(applied, first: dict[str, ConfigResult]) -> None:
    assert len(first) == ROUTERS
    assert {result.router: result.error for result in first.values() if result.error} == {}
    world = attached(applied)
    assert all(config_backup.changed_since(world, router) for router in first)
    kept = {path.stem for path in (world.state / config_backup.FOLDER).glob("*.cfg")}
    assert kept == set(first)
    for opd, router in config_backup.routers(world):
        assert f"{opd.code}.wan" in (config_backup.files(world).last(f"{router.name}.cfg") or "")


def test_reading_again_commits_nothing(applied, first: dict[str, ConfigResult]) -> None:
    assert [result for result in fetched(applied).values() if result.commit or result.error] == []


@contextmanager
def contract(applied, office: Callable[[str], Path], code: str, was: str, now: str) -> Iterator[None]:
    """An office whose declared download changes, and is as before in the end."""
    declared = office(code)
    before = declared.read_text(encoding="utf-8")
    assert f"download: {was}" in before
    declared.write_text(before.replace(f"download: {was}", f"download: {now}"), encoding="utf-8")
    try:
        yield
    finally:
        declared.write_text(before, encoding="utf-8")
        applied.on_twin("apply", applied.json("plan")["checksum"])


def test_a_changed_contract_is_drift_and_once_applied_one_commit(
    applied, first: dict[str, ConfigResult], office: Callable[[str], Path]
) -> None:
    fetched(applied)
    plans = set((attached(applied).state / "plans").iterdir())
    with contract(applied, office, "dinkes", "50M", "40M"):
        found = differing(applied)
        assert set((attached(applied).state / "plans").iterdir()) == plans, "a check keeps no plan"
        (queue,) = found.by_office()["dinkes"]["dinkes-rtr1"]
        assert queue.because.rpartition(":")[0].endswith("opd/dinkes.yml")
        assert {code for code in found.by_office() if code != "_region"} == {"dinkes"}
        assert (found.unread, found.clean) == ({}, False)
        told = json.loads(json.dumps(found.as_dict()))
        assert told["offices"]["dinkes"]["dinkes-rtr1"] == 1
        assert "-download=50000000" in next(one["lines"] for one in told["differences"] if one["host"] == "dinkes-rtr1")
        assert fetched(applied)["dinkes-rtr1"].commit == "", "a check changes nothing"

        applied.on_twin("apply", applied.json("plan")["checksum"])
        results = fetched(applied)
        (changed,) = [result for result in results.values() if result.commit]
        assert (changed.router, changed.opd, changed.added, changed.removed) == ("dinkes-rtr1", "dinkes", 1, 1)
        shown = git(attached(applied), "show", changed.commit)
        assert "-/queue simple add dst=sfp1 max-limit=50M/50M name=kominfo-dinkes.wan" in shown
        assert "+/queue simple add dst=sfp1 max-limit=50M/40M name=kominfo-dinkes.wan" in shown
        assert [result for result in fetched(applied).values() if result.commit] == []
        assert config_backup.changed_since(attached(applied), "dinkes-rtr1")[0].id == changed.commit
    assert differing(applied).clean


def test_a_check_of_some_offices_is_of_them_alone(applied, office: Callable[[str], Path]) -> None:
    with contract(applied, office, "dinkes", "50M", "45M"):
        assert "dinkes" not in differing(applied, "disdik").by_office()
        assert "dinkes" in differing(applied, "dinkes").by_office()


@contextmanager
def planted(world: World, router: str, model: str) -> Iterator[None]:
    there, _, gone = PLANTED[model]
    for_good = device(model)
    with netns.inside(str(world.station)):
        login = _login(world, router, for_good)
        with device_cli(login) as cli:
            assert cli.configure(there, config_mode=for_good.queue.config_mode).count("rror") == 0
            assert CANARY in cli.ask(for_good.running_config.read), "the router itself shows it"
        try:
            yield
        finally:
            with device_cli(login) as cli:
                cli.configure(gone, config_mode=for_good.queue.config_mode)


@pytest.mark.parametrize("model", sorted(PLANTED))
def test_a_secret_on_a_router_never_reaches_the_repository(applied, first: dict[str, ConfigResult], model: str) -> None:
    world = attached(applied)
    fetched(applied)
    router = next(router.name for _, router in config_backup.routers(world) if router.model == model)
    with planted(world, router, model):
        results = fetched(applied)
    (changed,) = [result for result in results.values() if result.commit]
    assert changed.router == router
    shown = git(world, "show", changed.commit)
    assert f"+{PLANTED[model][1]}" in shown
    assert CANARY not in shown + everything(world) + repr(results)
    kept = everything(world)
    assert [name for secret, name in world.secrets.hidden().items() if secret in kept] == []
    assert fetched(applied)[router].removed == changed.added, "and it is gone again"


def test_several_processes_read_different_offices_into_one_repository(applied, tmp_path: Path) -> None:
    world = attached(applied)
    apart = dataclasses.replace(world, state=tmp_path / "state")
    apart.state.mkdir()
    shutil.copy(world.state / "secrets.yml", apart.state)
    codes = [opd.code for opd in world.region.opds if opd.routers]
    argv = [sys.executable, "-c", APART, str(world.state), str(apart.state)]
    running = [subprocess.Popen([*argv, *codes[at::3]], cwd=ROOT, stdout=subprocess.PIPE, text=True) for at in range(3)]
    said = [child.communicate(timeout=300)[0] for child in running]
    results = [result for text in said for result in json.loads(text)]
    assert {result["router"]: result["error"] for result in results if result["error"]} == {}
    assert len(results) == ROUTERS
    assert int(git(apart, "rev-list", "--count", "main")) == ROUTERS
    git(apart, "fsck", "--strict")
    assert git(apart, "status", "--porcelain") == ""
