"""SIP PnP over real multicast on the loopback: a declared telephone hears its own address, a stranger nothing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import OpsError, UsageError
from ops.inventory.load import load
from ops.jobs import voip_pnp
from ops.progress import Event
from ops.system.secrets import Secrets
from ops.system.sip import dialog as sip
from ops.system.sip import message as messages
from ops.system.sip import pnp
from ops.system.sip.message import Message
from ops.system.sip.place import Place
from ops.system.sip.pnp_answerer import Answerer

HERE = "127.0.0.1"
MAC, OTHER = "001565000101", "0015650fffff"
URL = "https://provision.example/abcdefghijklmnopqrstuvwxyz123456/"


def subscribe(
    mac: str, contact: str, event: str = 'ua-profile;profile-type="device";vendor="yealink";model="T46U"'
) -> Message:
    headers = (
        ("via", f"SIP/2.0/UDP {contact};branch=z9hG4bK{sip.token()}"),
        ("from", f"<sip:MAC%3A{mac}@{pnp.GROUP}>;tag=1"),
        ("to", f"<sip:MAC%3A{mac}@{pnp.GROUP}>"),
        ("call-id", sip.token()),
        ("cseq", "1 SUBSCRIBE"),
        ("contact", f"<sip:MAC%3A{mac}@{contact}>"),
        ("event", event),
        ("expires", "0"),
    )
    return Message("SUBSCRIBE", f"sip:MAC%3A{mac}@{pnp.GROUP}", headers=headers)


@pytest.mark.parametrize(
    "user", [MAC, MAC.upper(), f"MAC%3a{MAC}", "MAC:00:15:65:00:01:01", "00-15-65-00-01-01", f"mac={MAC}"]
)
def test_a_mac_is_read_however_it_is_written(user: str) -> None:
    message = Message(
        "SUBSCRIBE",
        f"sip:{user}@{pnp.GROUP}",
        headers=(("event", "ua-profile"), ("contact", "<sip:x@192.0.2.9:5060>"), ("from", "<sip:nobody@x>")),
    )
    assert pnp.asked(message) == pnp.Asked(MAC, "", "")


@pytest.mark.parametrize(
    "broken",
    [
        Message("INVITE", f"sip:{MAC}@x", headers=(("event", "ua-profile"), ("contact", "<sip:a@b>"))),
        Message("SUBSCRIBE", f"sip:{MAC}@x", headers=(("event", "dialog"), ("contact", "<sip:a@b>"))),
        Message("SUBSCRIBE", f"sip:{MAC}@x", headers=(("event", "ua-profile"),)),
        Message("SUBSCRIBE", "sip:20101@x", headers=(("event", "ua-profile"), ("contact", "<sip:a@b>"))),
    ],
)
def test_what_is_no_such_question_is_left_alone(broken: Message) -> None:
    assert pnp.asked(broken) is None


@given(st.text(max_size=60))
def test_what_a_stranger_calls_itself_stays_one_short_line(text: str) -> None:
    header = 'ua-profile;vendor="' + text.replace('"', "").replace("\\", "") + '"'
    message = Message("SUBSCRIBE", f"sip:{MAC}@x", headers=(("event", header), ("contact", "<sip:a@b>")))
    found = pnp.asked(message)
    assert found is None or (len(found.vendor) <= 30 and found.vendor.isprintable())


# ---- over the network


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("", 0))
        return int(door.getsockname()[1])


@contextlib.contextmanager
def telephone() -> Iterator[tuple[socket.socket, str]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind((HERE, 0))
        door.setblocking(False)
        door.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(HERE))
        door.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        yield door, f"{HERE}:{door.getsockname()[1]}"


async def hear(door: socket.socket) -> tuple[Message, Any]:
    data, source = await asyncio.wait_for(asyncio.get_running_loop().sock_recvfrom(door, 65535), 30)
    return messages.parse(data), source


async def ask(mac: str, known: Mapping[str, str], *, dry: bool = False) -> tuple[list[tuple[str, str]], Message | None]:
    """What the answerer says of it, and the NOTIFY that the telephone got."""
    said: list[tuple[str, str]] = []
    port, got, heard = free_port(), None, asyncio.Event()

    def tell(what: str, who: pnp.Asked) -> None:
        said.append((what, who.mac))
        heard.set()

    listening = Answerer(Place(HERE, port=port), known, tell, dry=dry)
    with telephone() as (door, contact):
        async with listening:
            door.sendto(subscribe(mac, contact).encode(), (pnp.GROUP, port))
            if mac in known and not dry:
                accepted, _ = await hear(door)
                assert (accepted.status, accepted.cseq) == (200, (1, "SUBSCRIBE"))
                assert messages.param(accepted.get("to"), "tag")
                got, source = await hear(door)
                door.sendto(sip.reply(got, 200, "OK").encode(), source)
            await asyncio.wait_for(heard.wait(), 30)
            if got is None:
                with pytest.raises(BlockingIOError):
                    door.recv(65535)
    return said, got


def test_a_declared_telephone_is_told_its_own_address() -> None:
    said, notify = asyncio.run(ask(MAC, {MAC: URL, "001565000102": "https://other.example/"}))
    assert said == [("told", MAC)]
    assert notify
    assert notify.body == URL.encode()
    assert notify.get("content-type") == "application/url"
    assert notify.get("event") == "ua-profile"
    assert notify.get("subscription-state").startswith("terminated")


def test_a_stranger_is_named_and_gets_nothing() -> None:
    assert asyncio.run(ask(OTHER, {MAC: URL})) == ([("stranger", OTHER)], None)


def test_a_dry_run_says_whom_it_would_answer_and_sends_nothing() -> None:
    assert asyncio.run(ask(MAC, {MAC: URL}, dry=True)) == ([("would", MAC)], None)


# ---- of an office


def world(tmp_path: Path, *, applied: bool = True) -> Any:
    region = load(Path(__file__).parents[2] / "inventories/batubara")
    secrets = Secrets(tmp_path / "secrets.yml")
    if applied:
        secrets.make_all([f"{{{{secret:provision/{mac}}}}}" for mac in macs(region)])
    return SimpleNamespace(region=region, secrets=secrets, station=None)


def macs(region: Any) -> list[str]:
    phones = region.opd("dinkes").phones
    return [one.mac.replace(":", "") for one in phones.extensions if one.mac]


def test_what_the_engineer_is_shown_holds_no_token(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = world(tmp_path)
    place, said = Place(HERE, port=free_port()), cast("list[Event]", [])
    mac = macs(one.region)[0]

    async def meanwhile() -> dict[str, Any]:
        work = asyncio.to_thread(voip_pnp.answer, one, "dinkes", 3.0, place, progress=said.append)
        task = asyncio.create_task(work)
        with telephone() as (door, contact):
            request = subscribe(mac, contact).encode()
            async with asyncio.timeout(30):
                while not said:
                    door.sendto(request, (pnp.GROUP, place.port))
                    with contextlib.suppress(TimeoutError):
                        got, source = await asyncio.wait_for(hear(door), 0.3)
                        if got.method == "NOTIFY":
                            assert one.secrets.get(f"provision/{mac}") in got.body.decode()
                            door.sendto(sip.reply(got, 200, "OK").encode(), source)
        return await task

    found = asyncio.run(meanwhile())
    assert found["told"] == [mac]
    seen = f"{found}{said}{capsys.readouterr()}"
    assert not [mac for mac in macs(one.region) if one.secrets.get(f"provision/{mac}") in seen]


def test_an_office_that_was_never_applied_is_said_before_anybody_is_answered(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="nothing was applied for"):
        voip_pnp.answer(world(tmp_path, applied=False), "dinkes", 0.1, Place(HERE, port=free_port()))


def test_whoever_stands_elsewhere_is_told_where_to_stand(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"in no network of dinkes \(10.41.1.0/24\)"):
        voip_pnp.answer(world(tmp_path), "dinkes", 0.1)
