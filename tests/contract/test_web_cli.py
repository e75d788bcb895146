"""`ops web` and the pages of `ops serve`, as a person starts them."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from web_rig import INVENTORY

from ops.cli.main import main
from ops.system.sockets import listen_tcp

ROOT = Path(__file__).parents[2]
OPS = [sys.executable, "-m", "ops.cli.main"]
PATIENCE = 60.0  # seconds


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "OPS_STATE": str(tmp_path / "state"), "PYTHONPATH": str(ROOT)}


@pytest.fixture
def ops(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., str]]:
    """Run `ops WORDS` in this process, with what is typed; what it wrote."""
    monkeypatch.setenv("OPS_STATE", environment["OPS_STATE"])
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}

    def run(*words: str, typed: str = "", code: int = 0) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        found = main([*words, "-i", str(INVENTORY)])
        out, err = capsys.readouterr()
        assert found == code, err
        return out if code == 0 else err

    yield run
    for number, handler in kept.items():
        signal.signal(number, handler)


def test_users_and_devices_are_made_listed_and_shut_out(ops: Callable[..., str]) -> None:
    words = ["web", "user", "add", "siti", "--title", "Siti", "--role", "admin", "--role", "auditor"]
    ops(*words, typed="kuda hijau makan roti\n")
    assert "12 to 256" in ops(*words[:3], "budi", *words[4:], typed="short\n", code=2)
    assert "no office" in ops("web", "user", "add", "x1", "--title", "X", "--role", "opd", "--opd", "nope", code=2)
    assert "nobody would be admin" in ops("web", "user", "disable", "siti", code=2)
    found: list[dict[str, Any]] = json.loads(ops("web", "user", "list", "--json"))
    assert [(one["user"], one["roles"], one["disabled"]) for one in found] == [("siti", ["admin", "auditor"], False)]
    token = ops("web", "token", "add", "aula").strip()
    assert len(token) == 43
    assert token not in ops("web", "token", "list", "--json")
    ops("web", "token", "revoke", "aula")
    assert json.loads(ops("web", "token", "list", "--json")) == []


def test_an_address_that_was_asked_for_must_be_free(ops: Callable[..., str]) -> None:
    taken = listen_tcp("127.0.0.1", 0)
    try:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        assert "in use" in ops("serve", "--no-exporter", "--web", place, code=1)
    finally:
        taken.close()


@contextmanager
def serving(environment: dict[str, str], *words: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A command that serves the pages; their address, once they answer."""
    free = listen_tcp("127.0.0.1", 0)
    place = f"127.0.0.1:{free.getsockname()[1]}"
    free.close()
    child = subprocess.Popen([*OPS, *words, place, "-i", str(INVENTORY)], env=environment, cwd=ROOT)
    try:
        until_answered(f"http://{place}/healthz", child)
        yield f"http://{place}", child
    finally:
        child.kill()
        child.wait(PATIENCE)


def until_answered(url: str, child: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert child.poll() is None, "it ended"
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{url} does not answer")


@pytest.mark.parametrize("words", [("serve", "--no-exporter", "--web"), ("web", "serve", "--listen")])
def test_the_pages_are_served_and_end_in_order(environment: dict[str, str], words: tuple[str, ...]) -> None:
    with serving(environment, *words) as (url, child):
        with urllib.request.urlopen(f"{url}/", timeout=30) as answer:
            assert answer.url.endswith("/login")
            assert answer.headers["server"] is None
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            cookie = answer.headers["set-cookie"] or ""
            assert "HttpOnly" in cookie
        child.send_signal(signal.SIGTERM)
        assert child.wait(PATIENCE) == 0
