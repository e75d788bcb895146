"""The real Linphone reads our file over HTTP, registers by its digest at a real Asterisk and hears its own tone.

It needs a folder with Linphone (docs/phones.md, "Softphones"), which CI does not have.
"""

from __future__ import annotations

import functools
import http.server
import math
import os
import re
import struct
import subprocess
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import throwaway_asterisk
from throwaway_asterisk import Exchange, exchange

from ops.derive import pbx, phones
from ops.inventory.load import load
from ops.inventory.model import Phone, Region
from ops.plan.change import Artifact
from ops.system import netns
from ops.system.process import kill_group, run

pytestmark = pytest.mark.system
ROOT = Path(os.environ.get("OPS_LINPHONE", "/var/cache/kominfo-ops/linphone"))
DECLARED = load(Path(__file__).parents[2] / "inventories/batubara")
NUMBER, TEST = "20101", "20198"
OWN = "sip_port=-1\nsip_tcp_port=-1\nsip_tls_port=-1\nroot_ca=/home/t/ca.pem\n"  # Asterisk has 5060 of this network
START = """
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mount -t proc proc "$2/root/proc"
exec env HOME=/home/t chroot "$2/root" linphone-daemon --config /home/t/rc --factory-config /dev/null
"""


def region(security: str) -> Region:
    """dinkes alone; one of its extensions is a softphone."""
    dinkes = DECLARED.opd("dinkes")
    assert dinkes.phones
    soft = {"place": "softphone", "mac": None, "model": None}
    made = tuple(one.model_copy(update=soft) if one.number == NUMBER else one for one in dinkes.phones.extensions)
    other = dinkes.model_copy(update={"phones": dinkes.phones.model_copy(update={"extensions": made})})
    numbering = DECLARED.numbering.model_copy(update={"security": security})
    return DECLARED.model_copy(update={"opds": (other,), "numbering": numbering})


def softphone(declared: Region) -> Phone:
    found = declared.opd("dinkes").phones
    assert found
    return next(one for one in found.extensions if one.number == NUMBER)


@contextmanager
def served(running: Exchange, folder: Path) -> Iterator[str]:
    """Where the folder's files are fetched, in the exchange's network."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with netns.inside(running.namespace):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def home(folder: Path, url: str, names: list[str], authority: Path) -> None:
    """What is Linphone's own: where its file is, whom it trusts, a tone instead of a microphone, where names lead."""
    own = folder / "upper/home/t"
    for part in (".local/share/linphone", ".config/linphone"):
        (own / part).mkdir(parents=True)
    (folder / "upper/etc").mkdir()
    for part in ("work", "root"):
        (folder / part).mkdir()
    (folder / "upper/etc/hosts").write_text("127.0.0.1 localhost\n" + "\n".join(names) + "\n", encoding="utf-8")
    text = f"[misc]\nconfig-uri={url}\n[sip]\n{OWN}[sound]\nhold_music=/home/t/tone.wav\n"
    (own / "rc").write_text(text, encoding="utf-8")
    (own / "ca.pem").write_text(authority.read_text(encoding="ascii") if authority.exists() else "", encoding="ascii")
    with wave.open(str(own / "tone.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        tone = (int(8000 * math.sin(2 * math.pi * 1000 * at / 8000)) for at in range(8000 * 60))
        sound.writeframes(b"".join(struct.pack("<h", one) for one in tone))


def network(namespace: str) -> None:
    """Linphone wants a network that leads somewhere."""
    for line in ("link add v0 type veth peer name v1", "address add 192.0.2.1/24 dev v0", "link set v0 up"):
        run(["ip", "-n", namespace, *line.split()]).must()
    run(["ip", "-n", namespace, "link", "set", "v1", "up"]).must()
    run(["ip", "-n", namespace, "route", "add", "default", "via", "192.0.2.2"]).must()


def until(running: Exchange, command: str, pattern: str) -> re.Match[str]:
    """Ask the exchange until it says so, for a minute at most."""
    said = ""
    for _ in range(120):
        said = running.cli(command)
        if found := re.search(pattern, said):
            return found
        time.sleep(0.5)
    raise AssertionError(f"{command} never said {pattern}: {said}")


def named(monkeypatch: pytest.MonkeyPatch, declared: Region) -> None:
    """The exchange's certificate has its name beside its address, as role tls asks for it."""
    name = f"dc-pbx.{declared.domain}"

    def keys(folder: Path, _artifacts: list[Artifact], group: int) -> None:
        folder.mkdir(mode=0o755)
        key, held = folder / "exchange.key", folder / "exchange.pem"
        made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        run([*made, "-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(held)]).must()
        os.chown(key, 0, group)
        key.chmod(0o640)

    monkeypatch.setattr(throwaway_asterisk, "_keys", keys)


@pytest.mark.parametrize("security", ["none", "tls-srtp"])
def test_linphone_registers_and_hears_its_own_tone(
    security: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (ROOT / "usr/bin/linphone-daemon").exists():
        pytest.skip(f"no Linphone below {ROOT} (docs/phones.md says how it is made; OPS_LINPHONE names another folder)")
    declared = region(security)
    named(monkeypatch, declared)
    address = str(declared.server("dc-pbx").address)
    with exchange([one for one in pbx.artifacts(declared) if one.host == "dc-pbx"], [address]) as running:
        network(running.namespace)
        running.cli("pjsip set logger on")
        running.cli("pjsip set logger pcap /tmp/sip.pcap")
        web = tmp_path / "web"
        web.mkdir()
        file = running.secrets.expand(phones.softphone_file(declared, softphone(declared)))
        assert running.secrets.get(f"voip/{NUMBER}") not in file
        (web / "token").write_text(file, encoding="utf-8")
        with served(running, web) as url:
            hosts = [f"{address} dc-pbx.{declared.domain}"]
            home(tmp_path, f"{url}/token", hosts, running.etc() / "keys/exchange.pem")
            words = ["ip", "netns", "exec", running.namespace, "unshare", "-m", "sh", "-ec", START, "sh"]
            child = subprocess.Popen(
                [*words, str(ROOT), str(tmp_path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
            assert child.stdin
            try:
                contact = until(running, "pjsip show contacts", rf"Contact:\s+{NUMBER}/(\S+)")
                assert ("tls" in contact[1].lower()) == (security == "tls-srtp")
                child.stdin.write(f"call sip:{TEST}@{declared.domain}\n")
                child.stdin.flush()
                heard = until(
                    running, "pjsip show channelstats", rf"{NUMBER}-\S+\s+\S+\s+alaw\s+(\d{{2,}})\s+\d+\s+\d+"
                )
                assert int(heard[1]) > 0
                until(running, "core show channels", r"kominfo-test:\d+\s+Up\s+Echo")
                running.cli("pjsip set logger off")  # which closes the file
                said = Path(f"/proc/{running.pid}/root/tmp/sip.pcap").read_bytes()
                assert b"m=audio" in said
                assert (b"RTP/SAVP" in said) == (security == "tls-srtp")
            finally:
                child.stdin.close()
                kill_group(child)
