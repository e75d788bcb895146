"""What goes wrong goes wrong clearly, alone, and without a trace: exit codes 3, 4, 5 and 6."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.system


@contextmanager
def edited(path: Path, old: str, new: str) -> Iterator[None]:
    """The file with one text replaced, for a while."""
    kept = path.read_text(encoding="utf-8")
    assert old in kept
    path.write_text(kept.replace(old, new), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(kept, encoding="utf-8")


def test_a_broken_inventory_changes_nothing_and_says_where(applied, office: Callable[[str], Path]) -> None:
    with edited(office("dinsos"), "10.41.18.0/24", "10.41.300.0/24"):
        said = applied.on_twin("plan", code=3)
        assert re.search(r"opd/dinsos\.yml:\d+:\d+ links\[wan\]\.lan: 10\.41\.300\.0/24 is not an IPv4 network", said)
        applied.on_twin("apply", "0" * 16, code=5)
        applied.on_twin("provision", code=3)
    assert applied.json("plan")["changes"] == []


def test_one_contract_touches_one_router_and_an_outdated_plan_is_refused(
    applied, office: Callable[[str], Path]
) -> None:
    with edited(office("dinsos"), "download: 50M", "download: 45M"):
        plan = applied.json("plan")
        assert {change["host"] for change in _with_hosts(plan)} <= {"dinsos-rtr1", "station"}
        applied.on_twin("plan", "--check", code=4)
        with edited(office("dinsos"), "download: 45M", "download: 40M"):
            said = applied.on_twin("apply", plan["checksum"], code=5)
            assert "no longer" in said
        applied.on_twin("apply", plan["checksum"])
        assert applied.json("plan")["changes"] == []
    back = applied.json("plan")
    applied.on_twin("apply", back["checksum"])


def test_a_host_that_is_down_fails_alone_and_is_named(applied, office: Callable[[str], Path]) -> None:
    with edited(office("dinsos"), "Dinas Sosial, Pemberdayaan", "Dinas Sosial dan Pemberdayaan"):
        plan = applied.json("plan")
        assert {"dc-web"} < {change["host"] for change in _with_hosts(plan)}
        applied.ops("twin", "fault", "kill-host", "dc-web", "--name", applied.name)
        try:
            said = applied.on_twin("apply", plan["checksum"], code=6)
            assert "failed on dc-web" in said
        finally:
            applied.ops("twin", "fault", "start-host", "dc-web", "--name", applied.name)
        rest = applied.json("plan")
        assert {change["host"] for change in _with_hosts(rest)} == {"dc-web"}
        applied.on_twin("apply", rest["checksum"])
    back = applied.json("plan")
    applied.on_twin("apply", back["checksum"], "--reason", "undo of a test")
    assert applied.json("plan")["changes"] == []


def test_the_gate_holds_back_what_deletes_too_much(applied) -> None:
    kept = {path: path.read_text(encoding="utf-8") for path in sorted((applied.inventory / "opd").glob("kec-*.yml"))}
    try:
        for path in kept:
            path.unlink()
        plan = applied.json("plan")
        assert plan["objections"]
        said = applied.on_twin("apply", plan["checksum"], code=5)
        assert "the gate holds this plan back" in said
    finally:
        for path, text in kept.items():
            path.write_text(text, encoding="utf-8")
    assert applied.json("plan")["changes"] == []


def test_no_secret_is_in_a_plan_or_a_journal(applied) -> None:
    import yaml  # noqa: PLC0415

    world = applied.state / "twin" / applied.name
    values = yaml.safe_load((world / "secrets.yml").read_text(encoding="utf-8")).values()
    held = [world / "secrets.yml"]
    kept = [path for path in world.rglob("*") if path.is_file() and "hosts" not in path.parts and path not in held]
    assert any(path.suffix == ".json" and path.parent.name == "plans" for path in kept)
    for path in kept:
        if path.stat().st_size < 50_000_000:
            text = path.read_bytes().decode(errors="replace")
            assert not [value for value in values if len(value) >= 12 and value in text], path


def _with_hosts(plan: dict[str, list[dict[str, str]]]) -> list[dict[str, str]]:
    return [{**change, "host": change["key"].partition("/")[0]} for change in plan["changes"]]
