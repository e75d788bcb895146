"""While a repository is pruned no client of the vault's server reaches it, and afterwards all do. Real rest-server."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from backup_rig import CANARY, CLIENT, rest_server, restic_program, rig
from repository_stock import cheapen

from backup import door
from backup.restic import Repository, Restic, Secret
from ops.system.process import Ask, Done, Local

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
LOCK = b"whatever a lock holds"


@dataclass
class Vault:
    """This machine as the vault; it has no systemd in a test, so timers are only noted."""

    folder: Path
    url: str
    name: str = "localhost"
    timers: list[list[str]] = field(default_factory=list)

    def run(self, argv: Sequence[str], ask: Ask = Ask()) -> Done:  # noqa: B008 # Ask is frozen
        if argv[0] in {"systemd-run", "systemctl"}:
            self.timers.append(list(argv))
            return Local().run(["true"], ask)
        return Local().run(argv, ask)

    @property
    def restic(self) -> Restic:
        return Restic(self, Repository(str(self.folder), Secret(CANARY)), restic_program())

    def asked(self, method: str, what: str, content: bytes | None = None) -> int:
        """What a stolen client is answered."""
        words = base64.b64encode(f"{CLIENT}:{CANARY}".encode()).decode()
        url = f"{self.url.removeprefix('rest:')}/{CLIENT}/contoh/{what}"
        request = urllib.request.Request(url, content, {"Authorization": f"Basic {words}"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    def post(self, content: bytes) -> int:
        return self.asked("POST", f"locks/{hashlib.sha256(content).hexdigest()}", content)


@pytest.fixture(scope="module")
def vault() -> Iterator[Vault]:
    if os.geteuid():
        pytest.skip("needs root (the server runs as somebody else)")
    with rig() as made:
        own = made.folder / "store" / CLIENT / "contoh"
        made.restic().ensure()
        cheapen(made.repository)
        shutil.copytree(made.repository, own)
        for path in (made.folder / "store", *(made.folder / "store").rglob("*")):
            os.chown(path, 65534, 65534)
        own.chmod(0o750)
        with rest_server(made.folder, "--append-only", "--private-repos", become=NOBODY) as url:
            yield Vault(own, url)


def works(vault: Vault) -> bool:
    lock = hashlib.sha256(LOCK).hexdigest()
    return [vault.asked("GET", "config"), vault.post(LOCK), vault.asked("DELETE", f"locks/{lock}")] == [200] * 3


def test_a_thief_reaches_no_lock_while_it_is_shut(vault: Vault) -> None:
    assert works(vault)
    assert vault.post(LOCK) == 200
    lock = vault.folder / "locks" / hashlib.sha256(LOCK).hexdigest()
    before = {path.name for path in vault.folder.rglob("*")}
    with door.closed(vault.restic, "dinkes.contoh"):
        assert vault.asked("DELETE", f"locks/{lock.name}") >= 400
        assert vault.post(b"junk") >= 400
        assert vault.asked("GET", "config") >= 400
        assert {path.name for path in vault.folder.rglob("*")} == before, "nothing came, nothing went"
        lock.unlink()
        assert vault.restic.must(["prune"], 60)["code"] == 0, "who prunes is at home"
    assert works(vault)
    assert vault.folder.stat().st_mode & 0o777 == 0o750
    first, timer, last = vault.timers
    assert (first[1], timer[0], last[1]) == ("stop", "systemd-run", "stop")


def test_it_opens_again_when_the_work_fails_and_by_the_timer_when_the_station_died(vault: Vault) -> None:
    with pytest.raises(RuntimeError, match="cut off"), door.closed(vault.restic, "x"):
        raise RuntimeError("cut off")
    assert works(vault)
    left = door.closed(vault.restic, "x")
    left.__enter__()
    assert not works(vault)
    timer = [words for words in vault.timers if words[0] == "systemd-run"][-1]
    assert Local().run(timer[timer.index("sh") :], Ask(timeout=30)).ok  # what systemd runs then
    assert works(vault)
