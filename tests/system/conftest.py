"""One twin of the whole regency for all system tests: booted once, provisioned once, removed whatever happens.

Its inventory is a copy, so that a test may add an office. Commands run as a user runs them: the real `ops`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from second_exchange import second_exchange

ROOT = Path(__file__).parents[2]
NAME = f"t{os.getpid()}"  # two runs on one machine never meet


@dataclass(frozen=True)
class Regency:
    """A booted twin and the commands on it."""

    inventory: Path
    state: Path
    name: str = NAME

    def ops(self, *words: str, code: int = 0, timeout: float = 600) -> str:
        """Run `ops WORDS` on this twin; the standard output. Fails unless the exit code is `code`."""
        argv = [str(Path(sys.executable).parent / "ops"), *words]
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=timeout, check=False, cwd=ROOT, env=self.environment()
        )
        assert done.returncode == code, f"{words}: exit {done.returncode}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
        return done.stdout if code == 0 else done.stdout + done.stderr

    def on_twin(self, *words: str, code: int = 0, timeout: float = 600) -> str:
        """`ops WORDS --twin NAME -i INVENTORY`."""
        return self.ops(*words, "--twin", self.name, "-i", str(self.inventory), code=code, timeout=timeout)

    def json(self, *words: str, timeout: float = 600) -> Any:
        return json.loads(self.on_twin(*words, "--json", timeout=timeout))

    def on(self, server: str, command: str) -> str:
        """Run a command line on a server of the twin, as root; what it wrote."""
        return self.ops("twin", "ssh", "--name", self.name, server, "--", "sudo", *command.split())

    def at(self, namespace: str, command: str) -> str:
        """Run a command line in a namespace of the twin; what it wrote."""
        return self.ops("twin", "exec", "--name", self.name, "--at", namespace, "--", *command.split())

    def environment(self) -> dict[str, str]:
        return {**os.environ, "OPS_STATE": str(self.state)}

    def run(self, *argv: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a program in the station's network."""
        return subprocess.run(
            ["ip", "netns", "exec", f"{self.name}.station", *argv],
            capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip


@pytest.fixture(scope="session")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regency]:
    """The whole regency, up, its servers bare."""
    folder = tmp_path_factory.mktemp("regency")
    inventory = folder / "inventories" / "batubara"
    shutil.copytree(ROOT / "inventories/batubara", inventory)
    second_exchange(inventory, declared=False)
    state = Path(os.environ.get("OPS_STATE", folder / "state"))
    regency = Regency(inventory, state)
    try:
        regency.ops("twin", "up", "-i", str(inventory), "--name", NAME, timeout=900)
        yield regency
    finally:
        regency.ops("twin", "down", "--name", NAME, timeout=120)


@pytest.fixture(scope="session")
def provisioned(booted: Regency) -> Regency:
    """The same, after `ops provision`; with $OPS_TEST_FAST by the fast gear, whose work the plain one then judges."""
    booted.on_twin("provision", *(["--fast"] if os.environ.get("OPS_TEST_FAST") else []), timeout=900)
    return booted


@pytest.fixture(scope="session")
def applied(provisioned: Regency) -> Regency:
    """The same, after everything that follows from the declarations was applied."""
    plan = provisioned.json("plan")
    if plan["changes"]:
        provisioned.on_twin("apply", plan["checksum"], "--reason", "first build of the test twin")
    return provisioned


@pytest.fixture(scope="session")
def exporter(applied: Regency) -> Iterator[str]:
    """`ops exporter serve` on the twin's station; its URL."""
    words = ["exporter", "serve", "--twin", applied.name, "-i", str(applied.inventory)]
    child = subprocess.Popen([str(Path(sys.executable).parent / "ops"), *words], env=applied.environment(), cwd=ROOT)
    try:
        yield "http://10.40.0.10:9800"
    finally:
        child.terminate()
        child.wait(20)


@pytest.fixture(scope="session")
def office(applied: Regency) -> Callable[[str], Path]:
    """Path of an office's file in this twin's inventory."""
    return lambda code: applied.inventory / "opd" / f"{code}.yml"
