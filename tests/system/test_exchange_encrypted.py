"""`numbering.security: tls-srtp` on a real Asterisk: a telephone registers by TLS, and what it hears is SRTP."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from secure_phone import SecurePhone, authentic, key_of
from throwaway_asterisk import Exchange, complaints, desk, exchange

from ops.derive import pbx
from ops.inventory.load import load
from ops.inventory.model import Region
from ops.jobs import voip_validate
from ops.system.sip.place import Account, Place

pytestmark = pytest.mark.system
DECLARED = load(Path(__file__).parents[2] / "inventories/batubara")
ENCRYPTED = DECLARED.model_copy(
    update={
        "numbering": DECLARED.numbering.model_copy(update={"security": "tls-srtp"}),
        "opds": (DECLARED.opd("dinkes"), DECLARED.opd("disdik")),
    }
)


@pytest.fixture(scope="module")
def running() -> Iterator[Exchange]:
    addresses = [str(ENCRYPTED.server("dc-pbx").address), desk(ENCRYPTED.opd("dinkes")), desk(ENCRYPTED.opd("disdik"))]
    with exchange([one for one in pbx.artifacts(ENCRYPTED) if one.host == "dc-pbx"], addresses) as started:
        yield started


def phone(running: Exchange, region: Region, authority: str | None) -> SecurePhone:
    server = (str(region.server("dc-pbx").address), 5061)
    account = Account("20100", running.secrets.get("voip/20100"), region.domain, server)
    return SecurePhone(account, Place(desk(region.opd("dinkes")), running.namespace), authority)


def test_a_telephone_registers_by_tls_and_hears_srtp(running: Exchange) -> None:
    assert not [line for line in complaints(running) if "transport" in line or "cert" in line]
    one = phone(running, ENCRYPTED, str(running.etc() / "keys/exchange.pem"))
    try:
        assert one.door.version() == "TLSv1.2"
        assert one.register().status == 200
        assert "transport=tls" in running.cli("pjsip show aor 20100").lower()
        answer, offered = one.call("20198")
        assert answer.status == 200, answer.reason
        assert b"RTP/SAVP" in answer.body
        packet, key = one.heard(), key_of(answer.body)
        assert authentic(packet, key)
        assert not authentic(packet, offered)
        assert b"RTP/AVP" in one.call("20198", "RTP/AVP")[0].body, "a call test of the station comes in clear"
    finally:
        one.close()


def test_who_trusts_other_authorities_does_not_speak_to_it(running: Exchange) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        phone(running, ENCRYPTED, None)


def test_it_is_validated_as_the_other_ways_are() -> None:
    root = voip_validate.image()
    if not root:
        pytest.skip("no image with Asterisk, or no root")
    from ops.catalogue import exchange_check, exchange_live, exchange_rules  # noqa: PLC0415
    from ops.system.asterisk_trial import trial  # noqa: PLC0415

    files = voip_validate.planned(ENCRYPTED)
    verdict = exchange_check.judge(files, exchange_rules.rules(ENCRYPTED.numbering.emergency))
    assert verdict.faults == []
    with trial([root / "etc/asterisk", voip_validate.STATIC], files, str(root)) as one:
        assert [*one.complaints, *exchange_live.read_back(one.ask, verdict.wanted)] == []
