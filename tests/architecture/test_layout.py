"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import ops.errors
from ops.cli.main import verbs

ROOT = Path(__file__).parents[2]
ROOMS = ("ops", "exporters", "backup", "playbooks")
PYTHON = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
TOP_LEVEL = {
    "README.md", "Makefile", "pyproject.toml", "requirements.lock", "CHANGELOG.md", "LICENSE", "ansible.cfg",
    "ops", "inventories", "playbooks", "exporters", "backup", "tests", "docs", "benchmarks", "tools",
}  # fmt: skip


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.mark.parametrize("path", PYTHON, ids=names(PYTHON))
def test_files_and_functions_stay_small(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 400
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name


def calls(path: Path, name: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node.lineno


def test_only_the_command_line_prints() -> None:
    # what runs on a host speaks through its standard output; it is sent there, not imported
    sent = ("backup/hostside/", "playbooks/")
    found = [
        f"{name}:{line}"
        for path, name in zip(PYTHON, names(PYTHON), strict=True)
        if not name.startswith(("ops/cli/", *sent))
        for line in calls(path, "print")
    ]
    assert found == []


def test_broad_excepts_stand_only_where_they_are_meant() -> None:
    allowed = {"ops/cli/main.py", "ops/runs/inside.py"}
    found = {
        name
        for path, name in zip(PYTHON, names(PYTHON), strict=True)
        if re.search(r"except (Exception|BaseException)?\s*(as \w+)?:", path.read_text(encoding="utf-8"))
        and "raise" not in path.read_text(encoding="utf-8").split("except BaseException")[-1][:200]
    }
    assert found <= allowed


def test_only_the_door_opens_processes_and_sockets() -> None:
    doors = re.compile(
        r"^\s*(import|from) (subprocess|socket|paramiko|netmiko|ansible_runner|gufo|urllib\.request)\b", re.MULTILINE
    )
    # the twin *is* the outside world, and code sent to a host runs there
    free = ("ops/system/", "ops/twin/", "backup/hostside/", "playbooks/")
    found = [
        name
        for path, name in zip(PYTHON, names(PYTHON), strict=True)
        if not name.startswith(free) and doors.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_thinking_rooms_are_pure() -> None:
    impure = re.compile(
        r"^\s*(import|from) (subprocess|socket|time|threading|asyncio|ops\.system)\b|\.write_text\(|\bopen\(",
        re.MULTILINE,
    )
    found = [
        name
        for path, name in zip(PYTHON, names(PYTHON), strict=True)
        if name.startswith(("ops/inventory/", "ops/derive/", "ops/plan/", "ops/fibre/", "ops/sweep/"))
        and impure.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_the_top_level_is_as_agreed() -> None:
    tracked = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert tracked - TOP_LEVEL - {"build", "dist"} == set()


def test_tests_are_no_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_readme_lists_the_exit_codes_of_the_error_tree() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", readme, re.MULTILINE)}
    tree = {
        value.exit_code
        for value in vars(ops.errors).values()
        if isinstance(value, type) and issubclass(value, ops.errors.OpsError)
    }
    assert listed == tree | {0, 70}


def test_readme_shows_every_verb() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {verb for verb in verbs() if f"`ops {verb}" not in readme} == set()


def test_every_room_has_a_place_in_the_order() -> None:
    (contract,) = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    placed = {room.strip() for layer in contract["layers"] for room in layer.split("|")}
    modules = {f"ops.{path.stem}" for path in (ROOT / "ops").glob("[a-z]*") if path.is_dir() or path.suffix == ".py"}
    assert modules | {"exporters", "backup"} == placed
