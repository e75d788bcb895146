"""The regency's telephones: what an office declares, and `ops apply` made true, can be called."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from ops.inventory.load import load
from ops.system.secrets import Secrets
from ops.system.sip.agent import Agent
from ops.system.sip.place import Account, Place

pytestmark = pytest.mark.system
CALL = ("call", "test", "--from", "dinkes", "--to", "disdik")


def test_a_call_between_two_offices_is_heard_both_ways(applied: Any) -> None:
    report = applied.json(*CALL, "--seconds", "2")
    assert report["ok"], report["faults"]
    for way, hertz in (("there", 1000), ("back", 600)):
        assert report[way]["tone_hz"] == hertz
        assert report[way]["received"] >= 80
        assert report[way]["level_db"] > -20


def test_every_office_is_reached_by_calls_side_by_side(applied: Any) -> None:
    calls = applied.json("call", "test", "--all", "--seconds", "1")["calls"]
    assert [one for one in calls if not one["ok"]] == []
    assert min(one["mos"] for one in calls) > 4
    with_telephones = {opd.code for opd in load(applied.inventory).opds if opd.phones}
    assert {one[end] for one in calls for end in ("from_opd", "to_opd")} == with_telephones


def fetched(applied: Any, at: str, url: str, *words: str) -> str:
    """What an office's network is given at that address."""
    found = applied.ops("twin", "exec", "--name", applied.name, "--at", at, "--", "curl", "-sSf", *words, url)
    return str(found)


def status(applied: Any, at: str, url: str, *words: str) -> str:
    """The HTTP status that it gets there."""
    return fetched(applied, at, url, *words, "-o", "/dev/null", "--no-fail", "-w", "%{http_code}")


def test_a_telephone_registers_with_what_it_fetched_from_the_web_server(applied: Any, tmp_path: Path) -> None:
    """The file comes over the office's own link from its own address, and holds the password that the exchange has the
    digest of. Another office, a wrong token and plain HTTP get nothing."""
    region = load(applied.inventory)
    opd = region.opd("dinkes")
    assert opd.phones
    phone = next(one for one in opd.phones.extensions if one.mac and one.model == "yealink_t33g")
    mac = (phone.mac or "").replace(":", "")
    web, name = region.group("web")[0].address, f"provision.{region.domain}"
    lan = f"{applied.name}.dinkes.lan"
    token = Secrets(applied.state / "twin" / applied.name / "secrets.yml").get(f"provision/{mac}")
    root = fetched(applied, "dinkes.lan", f"http://{web}/kominfo-root.pem")
    assert root.startswith("-----BEGIN CERTIFICATE-----")
    assert status(applied, "dinkes.lan", f"http://{web}/kominfo-root.der") == "200"  # for Snom
    trusted = tmp_path / "root.pem"
    trusted.write_text(root, encoding="utf-8")
    safely = ("--cacert", str(trusted), "--resolve", f"{name}:443:{web}")
    got = fetched(applied, "dinkes.lan", f"https://{name}/{token}/{mac}.cfg", *safely)
    book = fetched(applied, "dinkes.lan", f"https://{name}/{token}/office.xml", *safely)
    assert f"<Telephone>{phone.number}</Telephone>" in book
    assert status(applied, "disdik.lan", f"https://{name}/{token}/{mac}.cfg", *safely) == "403"
    for path in (f"{token}/", f"{token}/{mac}.xml", f"{'x' * 32}/{mac}.cfg", f"{mac}.cfg", f"kominfo/dinkes.{mac}.cfg"):
        assert status(applied, "dinkes.lan", f"https://{name}/{path}", *safely) == "404", path
    assert status(applied, "dinkes.lan", f"http://{web}/{token}/{mac}.cfg") == "404"
    found = dict(re.findall(r"^account\.1\.(\S+) = (.*)$", got, re.MULTILINE))
    assert found["user_name"] == phone.number
    server = (found["sip_server.1.address"], int(found["sip_server.1.port"]))
    account = Account(found["auth_name"], found["password"], region.domain, server)

    async def register() -> None:
        async with Agent(account, Place(str(opd.links[0].lan.network_address + 50), lan), 1000) as agent:
            await agent.register()
            await agent.register(0)

    asyncio.run(register())


def test_an_exchange_that_stands_still_is_named(applied: Any) -> None:
    def systemctl(word: str) -> None:
        applied.ops("twin", "ssh", "--name", applied.name, "dc-pbx", "sudo", "systemctl", word, "asterisk")

    systemctl("stop")
    try:
        said = applied.on_twin(*CALL, code=1)
    finally:
        systemctl("start")
    assert "REGISTER: no answer from 10.40.0.15:5060" in said
    assert "is the exchange running" in said


def test_an_unknown_office_is_named_at_once(applied: Any) -> None:
    said = applied.on_twin("call", "test", "--from", "dinkes", "--to", "tiada", code=1)
    assert "no office tiada" in said
