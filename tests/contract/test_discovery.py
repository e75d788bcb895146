"""Discovery over a real socket gives what it gives from the recording, and a recording taken of that gives it again."""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snmp_replay import COMMUNITY, device, replaying

from exporters.discovery import discover
from exporters.light import report
from exporters.record import Wanted, record
from exporters.secret_columns import secret_index, secret_place
from ops.cli import discover as discover_verb
from ops.cli import record as record_verb
from ops.cli.screen import Screen
from ops.system.ber import Tag, Value, oid
from ops.system.snmprec import Recording, read, recording

RECORDINGS = Path(__file__).parents[1] / "recordings"
NAMES = sorted(path.stem for path in RECORDINGS.glob("*.snmprec"))
CONTACT, SERIAL = oid("1.3.6.1.2.1.1.4.0"), oid("1.3.6.1.2.1.47.1.1.1.1.11.1")
VENDOR_LOGIN, VENDOR_COMMUNITY = oid("1.3.6.1.4.1.14988.99.1.0"), oid("1.3.6.1.4.1.14988.99.2.0")


def recorded(name: str) -> Recording:
    return read(RECORDINGS / f"{name}.snmprec")


def told(source: Any) -> dict[str, Any]:
    return report(asyncio.run(discover(source)))


@pytest.mark.parametrize("name", NAMES)
def test_live_and_recorded_are_the_same(name: str) -> None:
    with replaying(recorded(name)) as port:
        live = told(device(port))
    assert live == told(recorded(name))


@pytest.mark.parametrize("name", ["mikrotik_routeros", "cisco_ios", "huawei_vrp"])
def test_what_is_recorded_live_gives_the_same_again(name: str, tmp_path: Path) -> None:
    with replaying(recorded(name)) as port:
        taken = asyncio.run(record(device(port), Wanted()))
    (tmp_path / "again.snmprec").write_text(taken.text, encoding="ascii")
    again = read(tmp_path / "again.snmprec")
    assert again.wrong == ()
    assert told(again) == told(recorded(name))


def with_secrets(name: str) -> Recording:
    rows = dict(recorded(name).rows)
    rows[CONTACT] = Value(Tag.OCTETS, b"Budi, login budi/Rahasia99")
    rows[SERIAL] = Value(Tag.OCTETS, b"SER123")
    rows[VENDOR_LOGIN] = Value(Tag.OCTETS, b"password=hunter2")
    rows[VENDOR_COMMUNITY] = Value(Tag.OCTETS, COMMUNITY.encode())
    return recording(rows)


@pytest.mark.parametrize("everything", [False, True])
def test_a_recording_holds_no_secret(everything: bool) -> None:
    with replaying(with_secrets("mikrotik_routeros")) as port:
        taken = asyncio.run(record(device(port), Wanted(everything=everything, secrets=(COMMUNITY,))))
    for secret in ("Rahasia99", "SER123", "hunter2", COMMUNITY):
        assert secret not in taken.text
    assert taken.hidden >= 4
    assert "1.3.6.1.2.1.31.1.1.1.1.2|4|sfp-sfpplus1\n" in taken.text
    assert "1.3.6.1.2.1.31.1.1.1.6.2|70|" in taken.text  # the types are the MIB's


# What a vendor's own tables tell of users, keys and communities, in values that look like any other.
PLANTED: dict[str, bytes | int] = {
    "1.3.6.1.4.1.25506.2.12.1.1.1.2.1": b"Telkom2024",  # hh3cUserPassword
    "1.3.6.1.4.1.25506.2.12.1.1.1.1.1": b"juru-teknik",
    "1.3.6.1.4.1.25506.2.104.2.1.1.3.6.66.97.116.117.66.97": b"BatuBa",  # a community, in the index too
    "1.3.6.1.4.1.25506.2.13.1.2.1.10.7": b"kunci-radius-7",
    "1.3.6.1.4.1.25506.2.999.1.1": b"$6$saltsalt$Yq0c8Z0h1n",  # not known by its column: enciphered
    "1.3.6.1.4.1.25506.2.999.2." + ".".join(str(sign) for sign in COMMUNITY.encode()): 1,  # ours, in an index
    "1.3.6.1.2.1.47.1.2.1.1.4.1": b"tulis@42",  # entLogicalCommunity
    "1.3.6.1.2.1.25.4.2.1.5.7": b"-u admin -p Merdeka45",
}
HARMLESS = "1.3.6.1.4.1.25506.2.999.3.1"


def test_a_recording_holds_no_secret_of_the_vendors_own_tables() -> None:
    rows = dict(recorded("hpe_comware").rows)
    for name, value in {**PLANTED, HARMLESS: b"Ten-GigabitEthernet1/0/1"}.items():
        tag = Tag.OCTETS if isinstance(value, bytes) else Tag.INTEGER
        rows[tuple(int(step) for step in name.split("."))] = Value(tag, value)
    with replaying(recording(rows)) as port:
        taken = asyncio.run(record(device(port), Wanted(everything=True, secrets=(COMMUNITY,))))
    kept = {line.partition("|")[0] for line in taken.text.splitlines()}
    assert not kept & set(PLANTED)
    assert HARMLESS in kept
    assert taken.hidden >= len(PLANTED)


@pytest.mark.parametrize("name", NAMES)
def test_what_discovery_reads_is_never_taken_for_a_secret(name: str) -> None:
    found = asyncio.run(discover(recorded(name)))
    assert [oid for sensor in found.sensors for oid in sensor.oids if secret_place(oid) or secret_index(oid)] == []


def test_serials_are_kept_when_that_is_asked_for() -> None:
    with replaying(with_secrets("mikrotik_routeros")) as port:
        taken = asyncio.run(record(device(port), Wanted(serials=True)))
    assert "SER123" in taken.text


def region(port: int) -> SimpleNamespace:
    """As much of a world as the verbs look at."""
    router = SimpleNamespace(name="olt-1", address="10.40.9.9", snmp=None, model="nokia_isam")
    return SimpleNamespace(
        region=SimpleNamespace(
            opds=[SimpleNamespace(routers=[router])],
            plant=SimpleNamespace(nodes=[], devices=[]),
            access=SimpleNamespace(snmp_secret="snmp", snmp=None),
        ),
        secrets={"snmp": COMMUNITY},
        reach=lambda address, _port: ("127.0.0.1" if address == "10.40.9.9" else address, port),
    )


def test_the_verbs_record_and_discover_a_router_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "olt.snmprec"
    with replaying(recorded("vsol_olt")) as port:
        for verb in (record_verb, discover_verb):
            monkeypatch.setattr(verb, "world_of", lambda _args: region(port))
        recorded_to = Namespace(host="olt-1", output=file, everything=False, serials=False)
        assert record_verb.run(recorded_to, Screen()) == 0
        assert "were left out" in capsys.readouterr().out
        assert discover_verb.run(Namespace(host="olt-1", recording=None, model=""), Screen(as_json=True)) == 0
    live = json.loads(capsys.readouterr().out)
    assert live["device"]["model"] == "vsol_olt"
    assert live == told(recorded("vsol_olt"))
    assert told(read(file))["optics"] == live["optics"]


def test_an_unknown_device_is_told_how_to_write_a_profile(capsys: pytest.CaptureFixture[str]) -> None:
    asked = Namespace(host=None, recording=RECORDINGS / "old_box.snmprec", model="")
    assert discover_verb.run(asked, Screen()) == 0
    shown = capsys.readouterr().out
    assert "unknown device" in shown
    assert "docs/devices.md" in shown
    assert "Port 1" in shown  # its ports are there all the same


def test_what_cannot_be_read_of_a_recording_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "half.snmprec"
    file.write_text("1.3.6.1.2.1.2.2.1.2.1|4|lan1\nnonsense\n1.3.6|x|\n", encoding="ascii")
    assert discover_verb.run(Namespace(host=None, recording=file, model=""), Screen(as_json=True)) == 0
    printed = capsys.readouterr()
    assert [port["ifname"] for port in json.loads(printed.out)["ports"]] == ["lan1"]
    assert printed.err.count("\n") == 1
    assert f"{file}:2: not OID|TYPE|VALUE: nonsense (and 1 more such line)" in printed.err
