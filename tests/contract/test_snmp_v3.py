"""SNMPv3: sessions are kept, restarts and new engines are noticed, and no credential shows anywhere."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from snmp_rig import REGION, Box, farm, values
from snmp_v3_rig import OUT_OF_TIME, UNKNOWN_ENGINE, Guard

from exporters.cycle import Cycle
from exporters.logins import login
from ops.errors import HostFailedError
from ops.inventory.polling import Snmp
from ops.system import snmp_patience
from ops.system.secrets import Secrets
from ops.system.snmp import SnmpDevice, SnmpLogin, SnmpUser
from ops.system.sockets import listen_udp

UPTIME, NAME = "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.31.1.1.1.1"
USER = SnmpUser("pemantau", "auth-canary-11", "sha256", "aes128", "priv-canary-22")
CANARIES = ("auth-canary-11", "priv-canary-22", "community-canary-33")


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snmp_patience, "PATIENCE", (0.5, 1.0, 3.0))


@dataclass
class Served:
    guard: Guard
    port: int
    packets: int = 0

    def device(self, user: SnmpUser = USER) -> SnmpDevice:
        return SnmpDevice("rtr", "127.0.0.1", user, self.port)


@contextmanager
def agent(guard: Guard) -> Iterator[Served]:
    with closing(listen_udp("127.0.0.1", 0)) as opened:
        opened.setblocking(True)
        served = Served(guard, opened.getsockname()[1])

        def serve() -> None:
            while (got := opened.recvfrom(65_535))[0] != b"end":
                served.packets += 1
                if reply := served.guard.reply(got[0]):
                    opened.sendto(reply, got[1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield served
        finally:
            opened.sendto(b"end", opened.getsockname())
            thread.join()


def guard(box: Box | None = None) -> Guard:
    kept = box or Box()
    return Guard(lambda raw: next(iter(kept.answers(raw)), None))


def do(asks: Callable[[], Awaitable[object]]) -> object:
    async def run_() -> object:
        return await asks()

    return asyncio.run(run_())


@pytest.mark.parametrize(
    ("algorithm", "privacy", "size"), [("sha1", "aes128", 16), ("sha256", "aes128", 16), ("sha512", "aes256", 32)]
)
def test_values_and_walks_come_through_every_guard(algorithm: str, privacy: str, size: int) -> None:
    user = replace(USER, authentication=algorithm, privacy=privacy)  # type: ignore[arg-type]
    with agent(replace(guard(), algorithm=algorithm, key_bytes=size)) as served:
        device = served.device(user)

        async def ask() -> tuple[object, object]:
            return await device.get([UPTIME, f"{NAME}.1"]), (await device.walk(NAME)).rows

        got, rows = do(ask)  # type: ignore[misc]
    assert got == {UPTIME: 100_000, f"{NAME}.1": b"sfp1"}
    assert list(rows.values()) == [b"sfp1", b"sfp2", b"sfp3", b"sfp4"]


def test_a_session_is_opened_once_and_kept() -> None:
    with agent(guard()) as served:
        device = served.device()

        async def ask() -> list[int]:
            counted = []
            for _ in range(4):
                before = served.packets
                await device.get([UPTIME])
                counted.append(served.packets - before)
            return counted

        assert do(ask)[1:] == [1, 1, 1]  # type: ignore[index]
    assert served.guard.reports.count(UNKNOWN_ENGINE) == 1


@pytest.mark.parametrize("change", ["boots", "engine"])
def test_a_restart_and_another_engine_are_taken_up_in_the_same_poll(change: str) -> None:
    with agent(guard()) as served:
        device = served.device()

        async def ask() -> object:
            await device.get([UPTIME])
            new = {"boots": {"boots": 2, "began": 0.0}, "engine": {"engine": b"\x80\x00\x1f\x88\x04another"}}[change]
            served.guard = replace(served.guard, **new)  # type: ignore[arg-type]
            return await device.get([UPTIME])

        assert do(ask) == {UPTIME: 100_000}
    assert {"boots": OUT_OF_TIME, "engine": UNKNOWN_ENGINE}[change] in served.guard.reports


@pytest.mark.parametrize("wrong", ["password", "privacy_password", "name"])
def test_wrong_credentials_fail_and_are_not_told(wrong: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with agent(guard()) as served:
        device = served.device(replace(USER, **{wrong: "another-canary-44"}))
        with pytest.raises(HostFailedError, match="rtr: SNMP:") as failed:
            do(lambda: device.get([UPTIME]))
    said = repr(failed.value) + repr(device.way) + caplog.text + failed.value.next_step
    assert not any(canary in said for canary in (*CANARIES, *(["another-canary-44"] if wrong != "name" else [])))
    assert served.packets < 16


def test_a_cycle_holds_guarded_and_plain_devices_and_shows_no_credential(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with farm([Box(), Box(behave=lambda *_: [])]) as made, agent(guard()) as served:
        guarded = made.polled(0)
        guarded._snmp = served.device()  # the same router, asked with a user

        async def look() -> str:
            cycle = Cycle([guarded, made.polled(1, SnmpLogin("community-canary-33"))])
            await cycle.run()
            text = await cycle.run()
            await cycle.close()
            return text

        text = asyncio.run(look())
    assert values(text, "opd_interface_receive_bytes_total")["d0-rtr1", "sfp1"] == 10**9 + 1
    assert values(text, "opd_poll_up") == {("d0-rtr1", ""): 1, ("d1-rtr1", ""): 0}
    assert not any(canary in text + caplog.text for canary in CANARIES)


def test_logins_come_from_the_inventory_by_name_of_secret(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets.yml")
    for name, value in (
        ("snmp/community", CANARIES[2]),
        ("snmp/authentication", CANARIES[0]),
        ("snmp/privacy", CANARIES[1]),
    ):
        secrets.put(name, value)
    router = REGION.opds[0].routers[0]
    old = router.model_copy(update={"snmp": Snmp(version="1", any_source=True)})
    new = router.model_copy(update={"snmp": Snmp(version="3", user="pemantau", privacy="aes256")})
    assert login(router, REGION.access, secrets) == SnmpLogin(CANARIES[2])
    assert login(old, REGION.access, secrets) == SnmpLogin(CANARIES[2], "1", True)
    assert login(new, REGION.access, secrets) == SnmpUser("pemantau", CANARIES[0], "sha256", "aes256", CANARIES[1])
    shown = repr([login(one, REGION.access, secrets) for one in (router, old, new)])
    assert not any(canary in shown for canary in CANARIES)


@contextmanager
def real_agent(folder: Path, *settings: str) -> Iterator[int]:
    """net-snmp's snmpd on a port of this machine."""
    program = shutil.which("snmpd", path=f"{os.environ.get('OPS_TOOLS', '')}:{os.environ['PATH']}:/usr/sbin")
    if not program:
        pytest.skip("no snmpd on this machine: apt-get install snmpd, or put it into $OPS_TOOLS")
    with closing(listen_udp("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "snmpd.conf").write_text("\n".join(settings) + "\n")
    argv = [program, "-f", "-C", "-c", str(folder / "snmpd.conf"), "-Lf", str(folder / "log"), f"udp:127.0.0.1:{port}"]
    with subprocess.Popen(argv, env=os.environ | {"SNMP_PERSISTENT_DIR": str(folder)}) as started:
        try:
            yield port
        finally:
            started.terminate()


def patiently(device: SnmpDevice, oids: list[str]) -> dict[str, object]:
    """What it answers once it is up: snmpd makes its users while it starts."""
    end = time.monotonic() + 60
    while True:
        with suppress(HostFailedError):
            return asyncio.run(device.get(oids))  # type: ignore[return-value]
        assert time.monotonic() < end, "snmpd does not answer"


def test_real_agents_answer_every_version(tmp_path: Path) -> None:
    settings = (
        'createUser pemantau SHA-256 "auth-canary-11" AES "priv-canary-22"',
        "rouser pemantau priv",
        "rocommunity community-canary-33 127.0.0.1",
    )
    with real_agent(tmp_path, *settings) as port:
        for user in (SnmpLogin(CANARIES[2]), SnmpLogin(CANARIES[2], "1"), USER):
            device = SnmpDevice("real", "127.0.0.1", user, port)
            got = patiently(device, [UPTIME, f"{NAME}.1", "1.3.6.1.2.1.1.99.0"])
            assert got.keys() == {UPTIME, f"{NAME}.1"}
            assert got[f"{NAME}.1"] == b"lo"
            rows = asyncio.run(SnmpDevice("real", "127.0.0.1", user, port).walk("1.3.6.1.2.1.2.2.1.2")).rows
            assert b"lo" in rows.values()
