"""A throw-away Asterisk for tests: the image of the twin under an overlay, in namespaces of its own.

Its configuration is the role's, plus the artefacts under test. When the process ends
its mounts are gone with it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from ops.inventory.model import Opd, Region
from ops.jobs import call_test
from ops.plan.change import Artifact
from ops.system.exchange_release import Releases
from ops.system.process import Ask, Done, kill_group, run
from ops.system.secrets import Secrets
from ops.system.sip.agent import Agent
from ops.system.sip.place import Account, Place

ROLE = Path(__file__).parents[1] / "playbooks/roles/pbx"
SUITE = Path(__file__).parents[1] / "ops"
_START = """
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
exec chroot "$2/root" asterisk -f -n
"""


@dataclass
class Exchange:
    """A running Asterisk. `namespace` holds it and whatever calls it."""

    namespace: str
    pid: int
    secrets: Secrets
    host: str = ""  # whose artefacts it takes

    def cli(self, command: str) -> str:
        """What the command line answers. Exit codes and 'reloaded' say nothing: read state back."""
        return run([*self._inside(), "asterisk", "-rx", command], Ask(timeout=30)).out

    def etc(self) -> Path:
        return Path(f"/proc/{self.pid}/root/etc/asterisk")

    def log(self) -> str:
        return Path(f"/proc/{self.pid}/root/var/log/asterisk/messages.log").read_text(encoding="utf-8")

    def put(self, artifacts: Iterable[Artifact]) -> None:
        """Write as the host's applier does: beside, then renamed."""
        for artifact in of_one(artifacts, self.host):
            target = self.etc() / "kominfo" / artifact.key.partition("/")[2]
            fresh = target.with_suffix(".new")
            fresh.write_text(self.secrets.expand(artifact.content), encoding="utf-8")
            fresh.replace(target)

    def take_up(self) -> str:
        """Run the role's own program that reloads and reads back; "" when all holds, else what it says."""
        done = self.program("take-up")
        return "" if done.ok else done.err.strip()

    def program(self, *words: str, given: str | None = None) -> Done:
        """The role's program on the exchange."""
        argv = [*self._inside(), "python3", "-I", "/usr/local/sbin/kominfo-exchange", *words]
        return run(argv, Ask(input=given, timeout=120))

    def _inside(self) -> list[str]:
        return ["nsenter", "-t", str(self.pid), "-m", "-n", "-r", "-w"]


def image() -> Path:
    """The unpacked image with Asterisk that the twin uses; skips the test when it is not there."""
    if os.geteuid() != 0:
        pytest.skip("needs root: a throw-away Asterisk lives in namespaces of its own")
    folder = Path(os.environ.get("OPS_IMAGES", "/var/cache/kominfo-ops/images"))
    found = sorted(path for path in folder.glob("sid-*") if (path / "usr/sbin/asterisk").is_file())
    if not found:
        pytest.skip(f"no image with Asterisk in {folder}: `ops twin up` builds it")
    return found[-1]


@contextmanager
def exchange(
    artifacts: Iterable[Artifact], addresses: Iterable[str], beside: Exchange | None = None
) -> Iterator[Exchange]:
    """A running Asterisk with `artifacts` (of several exchanges, the first one's) applied before its start; `addresses`
    are put on its loopback. `beside`: another one, whose network and passwords it shares."""
    artifacts = of_one(artifacts, "")
    host = artifacts[0].host if artifacts else ""
    lower = image()
    folder = Path(tempfile.mkdtemp(prefix="ops-asterisk-", dir="/var/tmp"))
    namespace = beside.namespace if beside else folder.name
    child: subprocess.Popen[bytes] | None = None
    try:
        secrets = beside.secrets if beside else Secrets(folder / "secrets.yml")
        _network(namespace, addresses, fresh=beside is None)
        _configure(folder, lower, artifacts, secrets)
        with (folder / "console").open("wb") as console:
            child = subprocess.Popen(
                ["ip", "netns", "exec", namespace, "unshare", "-m", "sh", "-ec", _START, "sh", str(lower), str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        running = Exchange(namespace, child.pid, secrets, host)
        _wait(running, child, folder)
        yield running
    finally:
        if child:
            kill_group(child)
        if not beside:
            run(["ip", "netns", "del", namespace])
        shutil.rmtree(folder)


def of_one(artifacts: Iterable[Artifact], host: str) -> list[Artifact]:
    """Those of one exchange, or of the first among them: the one that takes over has files of the same names."""
    made = list(artifacts)
    return [artifact for artifact in made if artifact.host == (host or made[0].host)]


def _network(namespace: str, addresses: Iterable[str], *, fresh: bool) -> None:
    if fresh:
        run(["ip", "netns", "add", namespace]).must()
        run(["ip", "-n", namespace, "link", "set", "lo", "up"]).must()
    for address in addresses:
        run(["ip", "-n", namespace, "address", "add", f"{address}/32", "dev", "lo"]).must()


def _configure(folder: Path, lower: Path, artifacts: Iterable[Artifact], secrets: Secrets) -> None:
    etc = folder / "upper/etc/asterisk"
    (etc / "kominfo").mkdir(parents=True)
    for name in ("work", "root"):
        (folder / name).mkdir()
    (folder / "upper/usr/local/sbin").mkdir(parents=True)
    shutil.copy(ROLE / "files/kominfo_exchange.py", folder / "upper/usr/local/sbin/kominfo-exchange")
    program(folder / "upper/usr/local/lib/kominfo-exchange")
    for path in (ROLE / "files").glob("*.conf"):
        shutil.copy(path, etc)
    artifacts = list(artifacts)
    secrets.make_all([artifact.content for artifact in artifacts])
    for artifact in artifacts:
        target = etc / "kominfo" / artifact.key.partition("/")[2]
        target.write_text(secrets.expand(artifact.content), encoding="utf-8")
    user = (lower / "var/lib/asterisk").stat()
    if any("cert_file=" in artifact.content for artifact in artifacts):
        _keys(etc / "keys", artifacts, user.st_gid)
    in_force = Releases(etc, user.st_gid)
    if files := {path.name: path.read_text(encoding="utf-8") for path in (etc / "kominfo").glob("*.conf")}:
        in_force.swap(in_force.make(files))
    rundir = folder / "upper/run/asterisk"
    rundir.mkdir(parents=True)
    os.chown(rundir, user.st_uid, user.st_gid)


def _keys(folder: Path, artifacts: list[Artifact], group: int) -> None:
    """A key and a certificate of its own, for the address that its encrypted transport listens at."""
    folder.mkdir(mode=0o755)
    address = next(found[1] for one in artifacts if (found := re.search(r"bind=([\d.]+):5061", one.content)))
    key, held = folder / "exchange.key", folder / "exchange.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=exchange"]
    run([*made, "-addext", f"subjectAltName=IP:{address}", "-keyout", str(key), "-out", str(held)]).must()
    os.chown(key, 0, group)
    key.chmod(0o640)


def program(folder: Path) -> None:
    """What role pbx installs beside its program: the parts of the suite that judge there, and what Asterisk knows."""
    tasks = yaml.safe_load((ROLE / "tasks/main.yml").read_text(encoding="utf-8"))
    for name in tasks[0]["vars"]["pbx_modules"]:
        (folder / "ops" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SUITE / name, folder / "ops" / name)
    parts = [yaml.safe_load((SUITE / f"catalogue/asterisk/{name}.yml").read_text()) for name in ("pjsip", "dialplan")]
    (folder / "asterisk.json").write_text(json.dumps(parts[0] | parts[1]), encoding="utf-8")


def _wait(running: Exchange, child: subprocess.Popen[bytes], folder: Path) -> None:
    for _ in range(600):
        if child.poll() is not None:
            raise AssertionError(f"Asterisk ended: {(folder / 'console').read_text(encoding='utf-8')}")
        control = Path(f"/proc/{child.pid}/root/run/asterisk/asterisk.ctl")
        if control.exists() and "fully booted" in running.cli("core waitfullybooted"):
            return
        time.sleep(0.1)
    raise AssertionError("Asterisk did not boot within 60 s")


def desk(opd: Opd) -> str:
    return str(opd.links[0].lan.network_address + call_test.PHONE_HOST)


def phone(running: Exchange, region: Region, number: str, at: str, hertz: int) -> Agent:
    server = (str(region.server("dc-pbx").address), 5060)
    account = Account(number, running.secrets.get(f"voip/{number}"), region.domain, server)
    return Agent(account, Place(at, running.namespace), hertz)


def complaints(running: Exchange) -> list[str]:
    """Warnings and errors of the exchange's log, but for the one about a file of the package itself."""
    return [
        line
        for line in running.log().splitlines()
        if ("WARNING" in line or "ERROR" in line) and "users.conf" not in line
    ]
