"""A changed transport on a real Asterisk: said, not done, until somebody asks for a restart; a first release that is
refused leaves nothing behind; a certificate that no telephone would take is refused before it goes live."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from exchange_plans import PLAN
from throwaway_asterisk import Exchange, desk, exchange, phone

from ops.derive import pbx

pytestmark = pytest.mark.system
FILES = list(pbx.artifacts(PLAN))
ADDRESSES = [str(PLAN.server("dc-pbx").address), desk(PLAN.opd("dinkes"))]
LONG = 30.0
SYSTEMCTL = """#!/bin/sh
asterisk -rx 'core restart now'
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Exchange]:
    """With a systemctl of its own: there is no systemd in a chroot."""
    with exchange(FILES, ADDRESSES) as started:
        program = started.etc().parents[1] / "usr/local/sbin/systemctl"
        program.write_text(SYSTEMCTL, encoding="utf-8")
        program.chmod(0o755)
        yield started


def status(running: Exchange) -> list[str]:
    found: list[str] = json.loads(running.program("status").out.splitlines()[-1])["restart"]
    return found


def test_a_changed_transport_waits_for_a_restart_and_no_call_is_dropped(running: Exchange) -> None:
    mine = next(one for one in FILES if one.key.endswith("_region.transport.conf"))
    mine = dataclasses.replace(mine, content=mine.content.replace("tos=cs3", "tos=ef"))

    async def go() -> None:
        async with phone(running, PLAN, "20100", ADDRESSES[1], 1000) as caller:
            call = await caller.call("20198")
            running.put([mine])
            done = await asyncio.to_thread(running.program, "take-up")
            assert done.ok, done.err
            assert "restart needed: transport-udp: tos cs3 → ef" in done.out
            assert status(running) == ["transport-udp: tos cs3 → ef"]
            refused = await asyncio.to_thread(running.program, "restart", "0.5")
            assert "nothing was done: 1 channels are still up" in refused.err
            assert not call.ended.is_set()
            await caller.hang_up(call)

    asyncio.run(go())
    assert json.loads(running.program("check").out)["restart"] == ["transport-udp: tos cs3 → ef"]
    assert "nothing changed" in running.program("take-up").out
    assert status(running), "it is not forgotten by what changes nothing"
    done = running.program("restart", "30")
    assert done.ok, done.err
    assert status(running) == []


def test_what_was_changed_and_changed_back_needs_no_restart(running: Exchange) -> None:
    first = (running.etc() / "kominfo/_region.transport.conf").read_text(encoding="utf-8")
    (running.etc() / "kominfo/_region.transport.conf").write_text(first.replace("cos=3", "cos=4"), encoding="utf-8")
    assert "cos 3 → 4" in running.program("take-up").out
    (running.etc() / "kominfo/_region.transport.conf").write_text(first, encoding="utf-8")
    assert "restart" not in running.program("take-up").out
    assert status(running) == []


def test_a_first_release_that_is_refused_leaves_nothing_that_runs() -> None:
    with exchange([], ADDRESSES) as bare:
        bare.host = "dc-pbx"
        mine = next(one for one in FILES if one.key.endswith("/dinkes.endpoint.conf"))
        bare.secrets.make_all([one.content for one in FILES])
        bare.put([*FILES, dataclasses.replace(mine, content=mine.content + "\n[20999](opd-dinkes)\nno_such=1\n")])
        said = bare.take_up()
        assert "; there is no release before" in said
        assert "but " not in said.partition("; there is no release before")[2]
        assert "No objects found" in bare.cli("pjsip show endpoints")
        assert "0 extensions (0 priorities)" in bare.cli("dialplan show kominfo-numbers")
        bare.put(FILES)
        assert bare.take_up() == ""
        assert "20100/20100" in bare.cli("pjsip show endpoints")


ENCRYPTED = PLAN.model_copy(update={"numbering": PLAN.numbering.model_copy(update={"security": "tls-srtp"})})


def test_a_certificate_that_no_telephone_would_take_is_refused_before_it_goes_live(tmp_path: Path) -> None:
    with exchange(list(pbx.artifacts(ENCRYPTED)), ADDRESSES) as one:
        assert one.program("validate").ok
        keys = one.etc() / "keys"
        good = {path.name: path.read_bytes() for path in keys.iterdir()}
        for days, address, why in ((-1, ADDRESSES[0], "has expired"), (2, "10.40.0.99", "address mismatch")):
            made(keys / "exchange.key", keys / "exchange.pem", days, address)
            assert why in one.program("validate").err
        (keys / "exchange.key").write_bytes(good["exchange.key"])
        assert "is not its key" in one.program("validate").err
        (keys / "exchange.pem").unlink()
        assert "exchange.pem is not there" in one.program("validate").err


def made(key: Path, certificate: Path, days: int, address: str) -> None:
    """Of a day that is over, or for another address."""
    own, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "exchange")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
    begun = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(own.public_key())
    begun = begun.serial_number(1).not_valid_before(now - timedelta(days=9)).not_valid_after(now + timedelta(days))
    held = begun.add_extension(names, critical=False).sign(own, hashes.SHA256())
    certificate.write_bytes(held.public_bytes(Encoding.PEM))
    key.write_bytes(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
